/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/*
 * The entry points of a program: they return errors, and print failures that the program ignores. An embedded
 * loop prints nothing.
 */
#include "trace.h"

#include <unistd.h>

static char printed[4096];

/* Redirects stderr to `printed` until printing_end(). A test's output fits into a pipe. */
static int saved = -1, reader = -1;

static void printing_begin(void) {
	int ends[2];
	fflush(stderr);
	if (pipe(ends) < 0) exit(2);
	saved = dup(2);
	dup2(ends[1], 2);
	close(ends[1]);
	reader = ends[0];
}

static void printing_end(void) {
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	ssize_t got = read(reader, printed, sizeof printed - 1);
	printed[got > 0 ? got : 0] = 0;
	close(reader);
}

#define EXPECT_PRINTED(part)                                                              \
	do {                                                                                  \
		if (!strstr(printed, part)) printf("\n    no \"%s\" in \"%s\"\n", part, printed); \
		EXPECT(strstr(printed, part) != NULL);                                            \
	} while (0)

static aw_status raises(void *ud) {
	return aw_raise(-EIO, ud ? ud : "no luck");
}

static aw_status well(void *ud) {
	(void)ud;
	return 0;
}

static aw_status run_printing(aw_task_fn fn) {
	printing_begin();
	aw_status status = aw_run("virtual", fn, NULL, NULL, NULL);
	printing_end();
	EXPECT_INT(aw_debug_live_handles(), 0);
	return status;
}

/* --- printed failures --- */

static aw_status nobody_awaits(void *ud) {
	(void)ud;
	EXPECT_INT(aw_task_spawn(NULL, raises, "nobody awaits this", NULL, NULL), 0);
	return aw_sleep(1);
}

static aw_status bad_callback(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return -EPIPE;
}

static aw_status bad_done(aw_future *future, void *ud) {
	(void)future;
	(void)ud;
	return -ENOSPC;
}

static aw_status calls_back(void *ud) {
	(void)ud;
	EXPECT_INT(aw_loop_call_soon(aw_loop_current(), bad_callback, NULL, NULL, NULL), 0);
	aw_future *future = future_of_running_loop();
	EXPECT_INT(aw_future_add_done_callback(future, bad_done, NULL, NULL), 0);
	EXPECT_INT(aw_future_set_result(future, NULL, NULL), 0);
	aw_future_unref(future);
	return aw_sleep(1);
}

static aw_status fails_in_cleanup(void *ud) {
	(void)ud;
	IGNORED(aw_sleep(AW_FOREVER));
	return aw_raise(-EIO, "in cleanup");
}

static aw_status leaves_one(void *ud) {
	(void)ud;
	EXPECT_INT(aw_task_spawn(NULL, fails_in_cleanup, NULL, NULL, NULL), 0);
	return aw_sleep(1);
}

static void failures_that_nobody_takes_are_printed(void) {
	EXPECT_INT(run_printing(nobody_awaits), 0);
	EXPECT_PRINTED("Task exception was never retrieved");
	EXPECT_PRINTED("EIO");
	EXPECT_PRINTED("nobody awaits this");
	EXPECT_PRINTED("created at");
	EXPECT_INT(run_printing(calls_back), 0);
	EXPECT_PRINTED("Exception in callback");
	EXPECT_PRINTED("EPIPE");
	EXPECT_PRINTED("ENOSPC");
	EXPECT_PRINTED("created at");
	EXPECT_INT(run_printing(leaves_one), 0);
	EXPECT_PRINTED("unhandled exception during asyncio.run() shutdown");
	EXPECT_PRINTED("in cleanup");
}

static aw_status leaves(void *ud) {
	(void)ud;
	return AW_ESYSTEMEXIT;
}

static void what_main_ends_with_is_the_callers_to_tell(void) {
	EXPECT_INT(run_printing(raises), -EIO);
	EXPECT_STR(printed, "");
	EXPECT_INT(run_printing(leaves), AW_ESYSTEMEXIT);
	EXPECT_STR(printed, "");
	EXPECT_INT(run_printing(well), 0);
	EXPECT_STR(printed, "");
}

static aw_status takes_note(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace_add(aw_error_message(aw_report_error(report)));
	EXPECT(aw_report_origin(report) != NULL);
	return 0;
}

static aw_status has_a_handler(void *ud) {
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), takes_note, NULL, NULL), 0);
	return nobody_awaits(ud);
}

static void a_handler_of_the_programs_is_told_instead(void) {
	trace_reset();
	EXPECT_INT(run_printing(has_a_handler), 0);
	EXPECT_STR(printed, "");
	EXPECT_STR(trace, "nobody awaits this");
}

static void a_runner_prints_and_an_embedded_loop_does_not(void) {
	aw_runner *runner = NULL;
	REQUIRE(aw_runner_new("virtual", AW_RUNNER_DEFAULT, &runner) == 0);
	printing_begin();
	EXPECT_INT(aw_runner_run(runner, nobody_awaits, NULL, NULL, NULL), 0);
	printing_end();
	EXPECT_PRINTED("nobody awaits this");
	aw_runner_unref(runner);
	aw_loop *loop = loop_begin("virtual");
	EXPECT_INT(aw_loop_set_debug(loop, 0), 0);
	aw_task *task = NULL;
	printing_begin();
	EXPECT_INT(aw_task_spawn(loop, nobody_awaits, NULL, NULL, &task), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	printing_end();
	EXPECT_STR(printed, "");
	loop_end(loop);
}

/* --- returned errors --- */

static void the_error_of_a_run_is_given_out(void) {
	aw_error *error = NULL;
	printing_begin();
	EXPECT_INT(aw_run_error("virtual", raises, NULL, NULL, NULL, &error), -EIO);
	printing_end();
	EXPECT_STR(printed, "");
	EXPECT_INT(aw_error_status(error), -EIO);
	EXPECT_STR(aw_error_message(error), "no luck");
	aw_error_unref(error);
	EXPECT_INT(aw_run_error("virtual", well, NULL, NULL, NULL, &error), 0);
	EXPECT(error == NULL);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status bare(void *ud) {
	(void)ud;
	return -EPIPE;
}

static void a_runner_keeps_the_error_of_its_last_run(void) {
	aw_runner *runner = NULL;
	aw_coro *coro = NULL;
	aw_loop *loop = NULL;
	REQUIRE(aw_runner_new("virtual", AW_RUNNER_DEFAULT, &runner) == 0);
	EXPECT(aw_runner_error(runner) == NULL);
	EXPECT_INT(aw_runner_run(runner, raises, NULL, NULL, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_runner_error(runner)), "no luck");
	EXPECT_INT(aw_runner_run(runner, bare, NULL, NULL, NULL), -EPIPE);
	EXPECT_INT(aw_error_status(aw_runner_error(runner)), -EPIPE);
	EXPECT_INT(aw_runner_run(runner, well, NULL, NULL, NULL), 0);
	EXPECT(aw_runner_error(runner) == NULL);
	EXPECT_INT(aw_runner_loop(runner, &loop), 0);
	EXPECT_INT(aw_sleep_coro(loop, 0, NULL, NULL, &coro), 0);
	EXPECT_INT(aw_runner_run_coro(runner, coro, NULL), 0);
	EXPECT_INT(aw_runner_run_coro(runner, coro, NULL), AW_EREUSED);
	EXPECT_INT(aw_error_status(aw_runner_error(runner)), AW_EREUSED);
	aw_coro_unref(coro);
	EXPECT_INT(aw_runner_close(runner), 0);
	EXPECT_INT(aw_runner_run(runner, well, NULL, NULL, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_error_status(aw_runner_error(runner)), AW_ELOOPCLOSED);
	aw_runner_unref(runner);
	EXPECT(aw_runner_error(NULL) == NULL);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* --- a backend that can't be used --- */

static void why_there_is_no_loop_is_printed_or_given_out(void) {
	char reason[1024];
	aw_error *error = NULL;
	aw_status status = aw_backend_explain("nonsense", reason, sizeof reason);
	EXPECT_INT(status, AW_ENOBACKEND);
	printing_begin();
	EXPECT_INT(aw_run("nonsense", well, NULL, NULL, NULL), AW_ENOBACKEND);
	printing_end();
	EXPECT_PRINTED(reason);
	EXPECT_PRINTED("AW_ENOBACKEND");
	printing_begin();
	EXPECT_INT(aw_run_error("nonsense", well, NULL, NULL, NULL, &error), AW_ENOBACKEND);
	printing_end();
	EXPECT_STR(printed, "");
	EXPECT_STR(aw_error_message(error), reason);
	aw_error_unref(error);
	aw_runner *runner = NULL;
	aw_loop *loop = NULL;
	EXPECT_INT(aw_runner_new("nonsense", AW_RUNNER_DEFAULT, &runner), 0);
	printing_begin();
	EXPECT_INT(aw_runner_loop(runner, &loop), AW_ENOBACKEND);
	printing_end();
	EXPECT_STR(printed, "");
	EXPECT_STR(aw_error_message(aw_runner_error(runner)), reason);
	aw_runner_unref(runner);
	/* As a user would see it. */
	setenv("AWAIT_BACKEND", "nonsense", 1);
	printing_begin();
	EXPECT_INT(aw_run(NULL, well, NULL, NULL, NULL), AW_ENOBACKEND);
	printing_end();
	unsetenv("AWAIT_BACKEND");
	EXPECT_PRINTED("nonsense");
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status runs_inside(void *ud) {
	(void)ud;
	EXPECT_INT(aw_run("virtual", well, NULL, NULL, NULL), AW_ELOOPRUNNING);
	return 0;
}

static void a_run_inside_a_run_is_refused_without_a_word(void) {
	EXPECT_INT(run_printing(runs_inside), 0);
	EXPECT_STR(printed, "");
}

/* --- main --- */

static int main_of(aw_task_fn fn, const char *backend) {
	printing_begin();
	int code = aw_main(backend, fn, NULL, NULL);
	printing_end();
	EXPECT_INT(aw_debug_live_handles(), 0);
	return code;
}

static aw_status leaves_with_a_word(void *ud) {
	(void)ud;
	return aw_raise(AW_ESYSTEMEXIT, "enough");
}

static aw_status fails_as_a_group(void *ud) {
	(void)ud;
	aw_taskgroup *group = NULL;
	EXPECT_INT(aw_taskgroup_new(NULL, &group), 0);
	EXPECT_INT(aw_taskgroup_enter(group), 0);
	EXPECT_INT(aw_taskgroup_spawn(group, raises, "one", NULL, NULL), 0);
	EXPECT_INT(aw_taskgroup_spawn(group, raises, "two", NULL, NULL), 0);
	aw_status status = aw_taskgroup_exit(group, 0, NULL);
	aw_taskgroup_unref(group);
	return status;
}

static void main_gives_the_exit_status_and_prints_why(void) {
	char want[256];
	EXPECT_INT(main_of(well, "virtual"), 0);
	EXPECT_STR(printed, "");
	EXPECT_INT(main_of(raises, "virtual"), 1);
	snprintf(want, sizeof want, "%s: no luck (EIO)\n", program_invocation_short_name);
	EXPECT_STR(printed, want);
	EXPECT_INT(main_of(bare, "virtual"), 1);
	snprintf(want, sizeof want, "%s: Broken pipe (EPIPE)\n", program_invocation_short_name);
	EXPECT_STR(printed, want);
	EXPECT_INT(main_of(fails_as_a_group, "virtual"), 1);
	EXPECT_PRINTED("unhandled errors in a TaskGroup (AW_EGROUP)\n");
	EXPECT_PRINTED(":   one (EIO)\n");
	EXPECT_PRINTED(":   two (EIO)\n");
	EXPECT_INT(main_of(well, "nonsense"), 1);
	EXPECT_PRINTED("nonsense");
	EXPECT_PRINTED("(AW_ENOBACKEND)\n");
	EXPECT_INT(main_of(leaves, "virtual"), 0);
	EXPECT_STR(printed, "");
	EXPECT_INT(main_of(leaves_with_a_word, "virtual"), 1);
	EXPECT_PRINTED(": enough (AW_ESYSTEMEXIT)\n");
}

CHECK_MAIN("front_door", TEST(failures_that_nobody_takes_are_printed),
           TEST(what_main_ends_with_is_the_callers_to_tell), TEST(a_handler_of_the_programs_is_told_instead),
           TEST(a_runner_prints_and_an_embedded_loop_does_not), TEST(the_error_of_a_run_is_given_out),
           TEST(a_runner_keeps_the_error_of_its_last_run), TEST(why_there_is_no_loop_is_printed_or_given_out),
           TEST(a_run_inside_a_run_is_refused_without_a_word),
           TEST(main_gives_the_exit_status_and_prints_why))
