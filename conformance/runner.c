/* SPDX-License-Identifier: MIT */
/*
 * libawait-conformance: runs every case on every backend and compares its trace with that of CPython. Each
 * run is a separate process, this program with --run; runs are concurrent, since most of them sleep. The
 * runner is a libawait program itself: a task for each run, semaphores that limit concurrency, subprocesses
 * and timeouts.
 */
#include "child.h"
#include "report.h"
#include "table.h"

#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

enum { BACKENDS_MAX = 16, GRACE = 10, ATTEMPTS = 3 };
/* Approximate time from the exec of a process to the first sleep of its case. */
#define START_TIME (20 * AW_MILLISECOND)

static const char usage[] =
	"usage: libawait-conformance [OPTION]...\n"
	"Runs cases taken from Python programs on backends of libawait, and compares their traces with CPython's.\n"
	"\n"
	"  --backend NAME|FILE.so  use this backend; may be repeated. Default: every backend usable here\n"
	"  --case GLOB             run only the cases whose name matches; may be repeated\n"
	"  --jobs N                run at most N sleeping cases at once (32)\n"
	"  --seed N                run in random order. Default: longest first\n"
	"  --slack SECONDS         how much longer than usual a case may take (2)\n"
	"  --list                  print the names and durations of the cases\n"
	"\n"
	"Exit status: 0 if every case behaves as on CPython, 1 if not, 2 for an invalid option.\n";

typedef struct backend {
	char name[PATH_MAX]; /* for aw_loop_new() */
	const char *label;   /* for the matrix */
	bool is_virtual;
} backend;

/* One case on one backend. */
typedef struct run {
	const table_entry *entry;
	const backend *on;
	run_result *result;
	unsigned long order;
} run;

/* Options and results. */
static struct runner {
	backend backends[BACKENDS_MAX];
	size_t backend_count;
	bool backends_named;
	const table_entry **cases;
	size_t case_count;
	run *runs;
	size_t run_count;
	run_result *results;
	int64_t jobs;
	unsigned long seed;
	double slack;
	size_t refused;      /* backends requested with --backend that are not usable */
	size_t skipped;      /* other known backends that are not usable */
	aw_semaphore *slots; /* limits concurrent cases that sleep */
	aw_semaphore *cores; /* limits cases that use a core */
} self = {.jobs = 32, .slack = 2};

/* --- backends --- */

static void backend_add(const char *name) {
	if (self.backend_count == BACKENDS_MAX) return;
	backend *one = &self.backends[self.backend_count];
	/* A slash or a dot means a file, which the library takes by its full path. */
	if (!strpbrk(name, "/.") || !realpath(name, one->name)) snprintf(one->name, sizeof one->name, "%s", name);
	char why[1024];
	if (aw_backend_explain(one->name, why, sizeof why) < 0) {
		printf("%s: backend %s: %s\n", self.backends_named ? "refused" : "skipped", name, why);
		if (self.backends_named)
			self.refused++;
		else
			self.skipped++;
		return;
	}
	const char *slash = strrchr(one->name, '/');
	one->label = slash ? slash + 1 : one->name;
	if (strncmp(one->label, "libawait-backend-", 17) == 0) one->label += 17;
	one->is_virtual = strcmp(one->name, "virtual") == 0;
	self.backend_count++;
}

static void backends_find(void) {
	aw_backend_list *list = NULL;
	must(aw_backend_list_new(&list));
	for (size_t i = 0; i < aw_backend_list_count(list); i++) backend_add(aw_backend_list_name(list, i));
	aw_backend_list_unref(list);
}

/* --- one run --- */

static char *text_copy(const void *data, size_t length) {
	char *copy = malloc(length + 1);
	if (!copy) return NULL;
	if (length) memcpy(copy, data, length);
	copy[length] = 0;
	return copy;
}

static char *output_copy(aw_process *process, int stream) {
	const void *data = NULL;
	size_t length = 0;
	return aw_process_output(process, stream, &data, &length) < 0 ? text_copy("", 0)
	                                                              : text_copy(data, length);
}

/* Starts the process. */
static aw_status run_start(const run *one, aw_process **out) {
	char *const argv[] = {"/proc/self/exe", "--run", (char *)(uintptr_t)one->entry->body->name, "--backend",
	                      (char *)(uintptr_t)one->on->name};
	aw_process_options *options = NULL;
	aw_status status = aw_process_options_new(&options);
	if (status >= 0) status = aw_process_options_set_stdio(options, 0, AW_STDIO_NULL, -1);
	if (status >= 0) status = aw_process_options_set_stdio(options, 1, AW_STDIO_PIPE, -1);
	if (status >= 0) status = aw_process_options_set_stdio(options, 2, AW_STDIO_PIPE, -1);
	if (status >= 0)
		status =
			aw_subprocess_exec(NULL, (const char *const *)argv, sizeof argv / sizeof *argv, options, out);
	aw_process_options_unref(options);
	return status;
}

/* Waits until it has exited and its output is read. */
static aw_status run_finish(const run *one, aw_process *process) {
	aw_future *ended = NULL;
	aw_status status = aw_process_communicate(process, NULL, 0, &ended);
	/* A backstop: the process enforces its time limit itself. */
	int64_t limit = (int64_t)((one->entry->body->seconds + self.slack) * 1e9) + 2 * GRACE * AW_SECOND;
	if (status >= 0) status = aw_wait_for(ended, limit, NULL);
	aw_future_unref(ended);
	return status;
}

/* Checks the duration. A virtual clock has no minimum. */
static run_verdict judge_time(const run *one, char *text, size_t size) {
	double least = one->on->is_virtual ? 0 : one->entry->body->seconds, took = one->result->seconds;
	if (took < least - 0.05) {
		snprintf(text, size, "took %.2f s, expected at least %.2f s", took, least);
		return RUN_BAD;
	}
	if (took > one->entry->body->seconds + self.slack) {
		snprintf(text, size, "took %.2f s, usually %.2f s", took, one->entry->body->seconds);
		return RUN_BAD;
	}
	return took > one->entry->body->seconds + 0.5 ? RUN_SLOW : RUN_GOOD;
}

/* Adds a line to the problems. */
static void result_add(run_result *result, const char *line) {
	size_t used = result->wrong ? strlen(result->wrong) : 0, size = used + strlen(line) + 2;
	char *both = realloc(result->wrong, size);
	if (!both) return;
	snprintf(both + used, size - used, "%s\n", line);
	result->wrong = both;
}

static void judge(const run *one, aw_status status, aw_process *process) {
	run_result *result = one->result;
	int32_t code = 0;
	char text[128] = "";
	free(result->got);
	free(result->wrong);
	result->got = output_copy(process, 1);
	result->wrong = output_copy(process, 2);
	result->verdict = judge_time(one, text, sizeof text);
	if (*text) result_add(result, text);
	if (status >= 0) status = aw_process_returncode(process, &code);
	if (status < 0) result_add(result, aw_strerror(status));
	result->starved = code > 0 && (code & CHILD_STARVED);
	if (code < 0 || (code & ~CHILD_STARVED)) result->verdict = RUN_BAD;
	if (status < 0 || !result->got || strcmp(result->got, one->entry->expected) != 0)
		result->verdict = RUN_BAD;
}

static void run_carry_out(const run *one, bool gives_core) {
	aw_process *process = NULL;
	int64_t start = now();
	aw_status status = run_start(one, &process);
	if (gives_core) {
		aw_status slept = aw_sleep(START_TIME);
		(void)slept; /* if cut short, the core is only released sooner */
		aw_semaphore_release(self.cores);
	}
	if (status >= 0) status = run_finish(one, process);
	one->result->seconds = (double)(now() - start) * 1e-9;
	judge(one, status, process);
	aw_process_unref(process);
}

/*
 * Many sleeping cases run at once, but only a few start at a time, since a starting process needs a core; a
 * case that only computes keeps its core until it ends. So no case delays another.
 */
static aw_status run_task(void *ud) {
	run *one = ud;
	bool sleeps = one->entry->body->seconds >= 0.1;
	aw_status status = sleeps ? aw_semaphore_acquire(self.slots) : 0;
	if (status >= 0) status = aw_semaphore_acquire(self.cores);
	if (status < 0) return status;
	run_carry_out(one, sleeps);
	return aw_semaphore_release(sleeps ? self.slots : self.cores);
}

/* --- all runs --- */

static int by_order(const void *a, const void *b) {
	const run *x = a, *y = b;
	return (x->order > y->order) - (x->order < y->order);
}

/* Longest first, so that no long case runs alone at the end; or in random order. */
static unsigned long run_order(const run *one) {
	if (!self.seed) return (unsigned long)(1e6 - 1e3 * one->entry->body->seconds);
	self.seed ^= self.seed << 13;
	self.seed ^= self.seed >> 7;
	self.seed ^= self.seed << 17;
	return self.seed;
}

static void runs_plan(void) {
	size_t most = self.case_count * self.backend_count;
	self.results = calloc(most + 1, sizeof *self.results);
	self.runs = calloc(most + 1, sizeof *self.runs);
	if (!self.results || !self.runs) must(-ENOMEM);
	for (size_t i = 0; i < most; i++) {
		run one = {.entry = self.cases[i / self.backend_count], .on = &self.backends[i % self.backend_count]};
		if (one.on->is_virtual && (one.entry->body->needs & CASE_REAL_TIME)) continue;
		one.result = &self.results[i];
		one.result->verdict = RUN_BAD;
		one.order = run_order(&one);
		self.runs[self.run_count++] = one;
	}
	qsort(self.runs, self.run_count, sizeof *self.runs, by_order);
}

/*
 * A run that failed while it lacked a core is not conclusive, so it is repeated alone. Other failures are not
 * retried, so that flaky cases are not hidden.
 */
static void run_starved_again(void) {
	for (size_t i = 0; i < self.run_count; i++) {
		const run *one = &self.runs[i];
		for (int attempt = 0; attempt < ATTEMPTS && one->result->verdict == RUN_BAD && one->result->starved;
		     attempt++) {
			printf("repeated because it lacked a core: %s on %s\n", one->entry->body->name, one->on->label);
			run_carry_out(one, false);
		}
	}
}

static aw_status run_all(void *ud) {
	(void)ud;
	int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
	aw_status status = aw_semaphore_new(NULL, self.jobs, &self.slots);
	if (status >= 0)
		status = aw_semaphore_new(NULL, cores < 1 ? 1 : cores < self.jobs ? cores : self.jobs, &self.cores);
	aw_future **futures = calloc(self.run_count + 1, sizeof(aw_future *)), *all = NULL;
	size_t count = 0;
	if (!futures) status = -ENOMEM;
	for (; count < self.run_count && status >= 0; count++) {
		aw_task *task = NULL;
		status = aw_task_spawn(NULL, run_task, &self.runs[count], NULL, &task);
		if (status < 0) break;
		futures[count] = aw_task_future(task);
	}
	if (status >= 0) status = aw_gather(NULL, futures, count, AW_GATHER_DEFAULT, &all);
	if (status >= 0) status = aw_await(all, NULL);
	if (status >= 0) run_starved_again();
	aw_future_unref(all);
	while (count) aw_future_unref(futures[--count]);
	free(futures);
	aw_semaphore_unref(self.slots);
	aw_semaphore_unref(self.cores);
	return status;
}

/* --- results --- */

static void print_bad(const char *name, const backend *on, const char *expected, const run_result *result) {
	printf("\n--- %s on %s, after %.2f s%s\n", name, on->label, result->seconds,
	       result->starved ? ", lacking a core" : "");
	if (result->wrong && *result->wrong) printf("%s", result->wrong);
	if (result->got && strcmp(result->got, expected) != 0) report_difference(expected, result->got);
}

static void print_matrix(void) {
	const char **names = calloc(self.case_count + 1, sizeof *names), *labels[BACKENDS_MAX];
	for (size_t i = 0; names && i < self.case_count; i++) names[i] = self.cases[i]->body->name;
	for (size_t b = 0; b < self.backend_count; b++) labels[b] = self.backends[b].label;
	if (names) report_matrix(names, self.case_count, labels, self.backend_count, self.results);
	free(names);
}

/* Prints the summary. Returns the exit status. */
static int conclude(void) {
	size_t counts[RUN_BAD + 1] = {0}, most = self.case_count * self.backend_count;
	print_matrix();
	for (size_t i = 0; i < most; i++) {
		const table_entry *entry = self.cases[i / self.backend_count];
		const run_result *result = &self.results[i];
		counts[result->verdict]++;
		if (result->verdict == RUN_BAD)
			print_bad(entry->body->name, &self.backends[i % self.backend_count], entry->expected, result);
		if (result->verdict == RUN_SLOW)
			printf("slow: %s on %s: %.2f s, usually %.2f s\n", entry->body->name,
			       self.backends[i % self.backend_count].label, result->seconds, entry->body->seconds);
		free(result->got);
		free(result->wrong);
	}
	size_t failed = counts[RUN_BAD] + self.refused;
	printf("%zu passed, %zu failed", counts[RUN_GOOD] + counts[RUN_SLOW], failed);
	if (self.skipped) printf(", %zu skipped", self.skipped);
	putchar('\n');
	return failed ? 1 : 0;
}

/* --- options --- */

static int list_cases(void) {
	for (size_t i = 0; i < table_count; i++)
		printf("%-34s %5.1f s\n", table[i].body->name, table[i].body->seconds);
	return 0;
}

/* Adds the cases that match. False if none does. */
static bool cases_add(const char *glob) {
	bool any = false;
	for (size_t i = 0; i < table_count; i++) {
		if (fnmatch(glob, table[i].body->name, 0) != 0) continue;
		any = true;
		size_t at = 0;
		while (at < self.case_count && self.cases[at] != &table[i]) at++;
		if (at == self.case_count) self.cases[self.case_count++] = &table[i];
	}
	if (!any) fprintf(stderr, "libawait-conformance: no case matches %s\n", glob);
	return any;
}

static int run_one(const char *name) {
	if (self.backend_count) setenv("AWAIT_BACKEND", self.backends[0].name, 1);
	for (size_t i = 0; i < table_count; i++)
		if (strcmp(table[i].body->name, name) == 0)
			return child_run(table[i].body, table[i].body->seconds + self.slack + GRACE);
	fprintf(stderr, "libawait-conformance: no case %s\n", name);
	return 2;
}

/* Reads a number that is at least `least`. Any other is not stored: it may not fit the caller's type. */
static bool number_read(const char *text, double least, double *out) {
	char *end;
	double number = strtod(text, &end);
	if (end == text || *end || !(number >= least && number <= 1e9)) return false;
	*out = number;
	return true;
}

int main(int argc, char **argv) {
	static const struct option options[] = {{"backend", required_argument, NULL, 'b'},
	                                        {"case", required_argument, NULL, 'c'},
	                                        {"jobs", required_argument, NULL, 'j'},
	                                        {"list", no_argument, NULL, 'l'},
	                                        {"run", required_argument, NULL, 'r'},
	                                        {"seed", required_argument, NULL, 's'},
	                                        {"slack", required_argument, NULL, 'k'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {NULL, 0, NULL, 0}};
	const char *only = NULL;
	double number = 0;
	bool good = true;
	setvbuf(stdout, NULL, _IOLBF, 0);
	self.cases = calloc(table_count + 1, sizeof *self.cases);
	if (!self.cases) return 2;
	for (int option; good && (option = getopt_long(argc, argv, "b:c:j:h", options, NULL)) >= 0;) {
		switch (option) {
		case 'b':
			self.backends_named = true;
			backend_add(optarg);
			break;
		case 'c': good = cases_add(optarg); break;
		case 'j':
			good = number_read(optarg, 1, &number);
			if (good) self.jobs = (int64_t)number;
			break;
		case 's':
			good = number_read(optarg, 0, &number);
			if (good) self.seed = (unsigned long)number * 0x9e3779b97f4a7c15UL + 1;
			break;
		case 'k': good = number_read(optarg, 0, &self.slack); break;
		case 'l': return list_cases();
		case 'r': only = optarg; break;
		case 'h': return fputs(usage, stdout) < 0;
		default: good = false;
		}
	}
	if (!good || optind < argc) return fputs(usage, stderr), 2;
	if (only) return run_one(only);
	if (!self.case_count) cases_add("*");
	if (!self.backends_named) backends_find();
	runs_plan();
	/* A fixed backend, rather than the one under test or the one in the environment. */
	aw_status status = aw_run("epoll", run_all, NULL, NULL, NULL);
	if (status < 0)
		return fprintf(stderr, "libawait-conformance: %s: %s\n", aw_err_name(status), aw_strerror(status)), 2;
	int code = conclude();
	free(self.runs);
	free(self.results);
	free(self.cases);
	return code;
}
