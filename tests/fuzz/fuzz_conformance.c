/* SPDX-License-Identifier: MIT */
/*
 * The inputs of the conformance programs: a program of conformance/property, the options of
 * libawait-conformance, and two traces to compare. Bad input is refused with a message and an exit status;
 * accepted input is as the rest of the code expects.
 *
 * The first letter of an input says which of the three it is.
 */
#include "bytes.h"

#include <await/await.h>
#include <setjmp.h>

/* The parser exits on bad input. */
static jmp_buf refused;
_Noreturn static void refuse(int status) {
	HOLDS(status == 2);
	longjmp(refused, 1);
}
#define exit(status) refuse(status)
#include "../../conformance/property/program.c"
#undef exit

/* The runner with its options, but without the runs, which would execute this program again. */
#define main        runner_main
#define aw_run(...) no_run(run_all)
#define child_run   no_child
static aw_status no_run(aw_task_fn run);
#include "../../conformance/runner.c"
#undef main
#undef child_run

static aw_status no_run(aw_task_fn run) {
	(void)run;
	return 0;
}

int no_child(const conf_case *of, double limit) {
	HOLDS(of && limit >= 0);
	return 0;
}

static const conf_case cases[3] = {{.name = "one"}, {.name = "two_1"}, {.name = "two_2"}};
const table_entry table[] = {{&cases[0], "one\n"}, {&cases[1], ""}, {&cases[2], "a\nb\n"}};
const size_t table_count = 3;

/* --- a program --- */

static program read_program;
static FILE *source;

static void check_statements(const node *at, int depth, size_t *count) {
	HOLDS(depth < MAX_DEPTH + 1);
	for (; at; at = at->next) {
		HOLDS(++*count <= read_program.node_count);
		HOLDS(at >= read_program.nodes && at < read_program.nodes + read_program.node_room);
		HOLDS(at->op < OP_COUNT && at->inner <= OP_COUNT && at->count >= 0 && at->count <= MAX_ARGS);
		for (int i = 0; i < at->count; i++) HOLDS(at->args[i] >= -1 && at->args[i] < MAX_SLOTS);
		HOLDS(at->is_block || (!at->blocks[0] && !at->blocks[1]));
		for (int i = 0; i < 2; i++) check_statements(at->blocks[i], depth + 1, count);
	}
}

static void try_program(const char *text, size_t size) {
	source = fmemopen((void *)(uintptr_t)text, size, "r");
	HOLDS(source);
	if (setjmp(refused) == 0) {
		while (program_read(&read_program, source)) {
			size_t count = 0;
			for (int i = 0; i < MAX_BODIES; i++) check_statements(read_program.bodies[i], 0, &count);
		}
	}
	program_free(&read_program);
	fclose(source);
}

/* --- options --- */

/* Each line is an argument. */
static void try_options(char *text) {
	enum { ARGUMENTS_MAX = 32 };
	char *argv[ARGUMENTS_MAX + 1] = {"libawait-conformance"};
	int argc = 1;
	for (char *at = text; argc < ARGUMENTS_MAX && *at;) {
		argv[argc++] = at;
		at += strcspn(at, "\n");
		if (*at) *at++ = 0;
	}
	argv[argc] = NULL;
	optind = 0;
	int code = runner_main(argc, argv);
	HOLDS(code >= 0 && code <= 2);
	HOLDS(self.jobs >= 1 && self.slack >= 0 && self.backend_count <= BACKENDS_MAX);
	HOLDS(self.case_count <= table_count);
	unsetenv("AWAIT_BACKEND");
	if (code == 2 || !self.runs) free(self.cases); /* otherwise main has */
	self = (struct runner){.jobs = 32, .slack = 2};
}

/* --- traces --- */

/* The first line break followed by a dash separates them. */
static void try_traces(char *text) {
	char *second = strstr(text, "\n-");
	if (second) *second++ = 0;
	report_difference(text, second ? second : "");
	const char *rows[1] = {text}, *columns[2] = {"epoll", second ? second : "x"};
	run_result results[2] = {{.verdict = RUN_BAD}, {.verdict = RUN_GOOD}};
	report_matrix(rows, 1, columns, 2, results);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size < 2) return 0;
	char *text = malloc(size);
	HOLDS(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	switch (*data) {
	case 'o': try_options(text); break;
	case 't': try_traces(text); break;
	default: try_program(text, size - 1);
	}
	free(text);
	return 0;
}
