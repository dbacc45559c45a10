/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* The backtrace of a suspended task, in the tree of tasks and on a signal. */
#include "trace.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LEVELS = 4 };
static void *returns_to[LEVELS]; /* the return address of each call of descend(), innermost first */

static aw_status __attribute__((noinline)) descend(int levels) {
	returns_to[levels] = __builtin_return_address(0);
	aw_status status = levels ? descend(levels - 1) : aw_sleep(AW_SECOND);
	/* prevents a tail call, which leaves no trace */
	__asm__ volatile("" : "+r"(status));
	return status;
}

static aw_status nested(void *ud) {
	(void)ud;
	aw_status status = descend(LEVELS - 1);
	__asm__ volatile("" : "+r"(status));
	return status;
}

static aw_status without_room(void *ud) {
	char most[24 * 1024];
	(void)ud;
	memset(most, 1, sizeof most);
	aw_status status = aw_sleep(AW_SECOND);
	__asm__ volatile("" : : "r"(most) : "memory"); /* keeps the array */
	return status;
}

static void print_tasks(aw_loop *loop, int32_t format, char *text, size_t size) {
	int ends[2];
	REQUIRE(pipe(ends) == 0);
	EXPECT_INT(aw_loop_print_tasks(loop, ends[1], format), 0);
	close(ends[1]);
	size_t used = 0;
	for (ssize_t n; (n = read(ends[0], text + used, size - 1 - used)) > 0;) used += (size_t)n;
	text[used] = 0;
	close(ends[0]);
}

/* The address as in a backtrace, in the program itself. */
static const char *offset_of(const void *address) {
	static char text[32];
	Dl_info info;
	if (!dladdr(address, &info)) return "?";
	snprintf(text, sizeof text, "+0x%" PRIxPTR ")", (uintptr_t)address - 1 - (uintptr_t)info.dli_fbase);
	return text;
}

static aw_loop *loop_with(aw_task_fn fn, aw_task **task) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_task_spawn(loop, fn, NULL, NULL, task), 0);
	return loop;
}

static void suspended_end(aw_loop *loop, aw_task *task) {
	EXPECT_INT(aw_loop_cancel_all(loop), 0);
	aw_task_unref(task);
	loop_end(loop);
}

static void each_call_of_a_suspended_task_is_printed_the_innermost_first(void) {
	static char text[4096];
	aw_task *task;
	aw_loop *loop = loop_with(nested, &task);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	for (int twice = 0; twice < 2; twice++) { /* a backtrace has no side effects */
		print_tasks(loop, AW_PRINT_BACKTRACE, text, sizeof text);
		EXPECT(strstr(text, " awaits sleep\n  at ") != NULL);
		const char *at = text;
		for (int i = 0; i < LEVELS && at; i++) {
			at = strstr(at, offset_of(returns_to[i]));
			EXPECT(at != NULL);
		}
	}
	print_tasks(loop, AW_PRINT_BACKTRACE | AW_PRINT_JSON, text, sizeof text);
	EXPECT(strstr(text, "\"stack\":[\"") != NULL);
	EXPECT(strstr(text, offset_of(returns_to[0])) != NULL);
	print_tasks(loop, AW_PRINT_TEXT, text, sizeof text);
	EXPECT(strstr(text, "  at ") == NULL);
	suspended_end(loop, task);
}

static void a_task_that_has_not_begun_has_no_backtrace(void) {
	static char text[1024];
	aw_task *task;
	aw_loop *loop = loop_with(nested, &task);
	print_tasks(loop, AW_PRINT_BACKTRACE, text, sizeof text);
	EXPECT(strstr(text, " ready\n") != NULL);
	EXPECT(strstr(text, "  at ") == NULL);
	suspended_end(loop, task);
}

static void a_stack_that_is_nearly_full_is_left_alone(void) {
	static char text[1024];
	aw_task *task;
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_set_stack_size(loop, 32 * 1024), 0);
	EXPECT_INT(aw_task_spawn(loop, without_room, NULL, NULL, &task), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	print_tasks(loop, AW_PRINT_BACKTRACE, text, sizeof text);
	EXPECT(strstr(text, " awaits sleep\n") != NULL);
	EXPECT(strstr(text, "  at ") == NULL);
	suspended_end(loop, task);
}

static aw_status prints_itself(void *ud) {
	char *text = ud;
	print_tasks(aw_loop_current(), AW_PRINT_BACKTRACE, text, 1024);
	return 0;
}

static void the_task_that_asks_runs_and_has_none(void) {
	static char text[1024];
	EXPECT_INT(aw_run(NULL, prints_itself, text, NULL, NULL), 0);
	EXPECT(strstr(text, " running\n") != NULL);
	EXPECT(strstr(text, "  at ") == NULL);
}

static aw_status is_signalled(void *ud) {
	(void)ud;
	aw_task *task;
	aw_status status = aw_task_spawn(NULL, nested, NULL, NULL, &task);
	if (status == 0) status = aw_sleep(0);
	if (status == 0) status = aw_loop_add_debug_signal(NULL, SIGUSR1);
	if (status == 0) raise(SIGUSR1);
	if (status == 0) status = aw_sleep(AW_MILLISECOND);
	aw_task_unref(task);
	return status;
}

static void a_debug_signal_prints_the_tasks_to_standard_error(void) {
	static char text[4096];
	int ends[2];
	REQUIRE(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		_exit(aw_run(NULL, is_signalled, NULL, NULL, NULL) < 0);
	}
	close(ends[1]);
	size_t used = 0;
	for (ssize_t n; (n = read(ends[0], text + used, sizeof text - 1 - used)) > 0;) used += (size_t)n;
	close(ends[0]);
	int status = 0;
	EXPECT(waitpid(child, &status, 0) == child);
	EXPECT_INT(status, 0);
	EXPECT(strstr(text, " awaits sleep\n  at ") != NULL);
	EXPECT_INT(aw_loop_add_debug_signal(NULL, SIGUSR1), AW_ENOLOOP);
}

CHECK_MAIN("backtrace", TEST(each_call_of_a_suspended_task_is_printed_the_innermost_first),
           TEST(a_task_that_has_not_begun_has_no_backtrace), TEST(a_stack_that_is_nearly_full_is_left_alone),
           TEST(the_task_that_asks_runs_and_has_none),
           TEST(a_debug_signal_prints_the_tasks_to_standard_error))
