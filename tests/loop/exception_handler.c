/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/*
 * Unretrieved failures: which handler is called, with what, on which stack, and a handler that fails itself.
 */
#include "trace.h"

#include <unistd.h>

static aw_status fails(aw_loop *loop, void *ud) {
	(void)loop;
	trace_add(ud);
	return -EIO;
}

static aw_handle *expected_handle;

static aw_status note(aw_loop *loop, const aw_report *report, void *ud) {
	EXPECT(loop != NULL);
	trace_add(ud);
	trace_add(aw_report_message(report));
	trace_add(aw_err_name(aw_error_status(aw_report_error(report))));
	EXPECT(aw_report_handle(report) == expected_handle);
	return 0;
}

/* The contents of the report, with the keys of an asyncio context. */
static aw_status note_keys(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace_add(aw_err_name(aw_error_status(aw_report_error(report))));
	if (aw_report_handle(report)) trace_add("handle");
	if (aw_report_future(report)) trace_add("future");
	return 0;
}

static aw_status done_fails(aw_future *future, void *ud) {
	(void)future;
	trace_add(ud);
	return -EIO;
}

static void a_failed_done_callback_is_reported_with_a_handle_and_no_future(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	aw_loop_set_exception_handler(loop, note_keys, NULL, NULL);
	REQUIRE(aw_future_new(loop, &future) == 0);
	EXPECT_INT(aw_future_add_done_callback(future, done_fails, "done", NULL), 0);
	EXPECT_INT(aw_future_set_result(future, NULL, NULL), 0);
	loop_settle(loop);
	EXPECT_STR(trace, "done EIO handle");
	aw_future_unref(future);
	loop_end(loop);
}

static aw_status reader_fails(aw_loop *loop, void *ud) {
	trace_add("reader");
	aw_loop_remove_reader(loop, *(int *)ud);
	return -EIO;
}

static void a_failed_reader_is_reported_with_a_handle(void) {
	aw_loop *loop = loop_begin(NULL);
	int ends[2];
	REQUIRE(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
	aw_loop_set_exception_handler(loop, note_keys, NULL, NULL);
	EXPECT_INT(aw_loop_add_reader(loop, ends[0], reader_fails, &ends[0], NULL), 0);
	for (int i = 0; i < 10 && !*trace; i++) IGNORED(aw_loop_run_once(loop, AW_SECOND));
	EXPECT_STR(trace, "reader EIO handle");
	loop_settle(loop);
	close(ends[0]);
	close(ends[1]);
	loop_end(loop);
}

static void a_failed_callback_is_reported_and_the_batch_goes_on(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_set_exception_handler(loop, note, "handler:", say_destroyed), 0);
	REQUIRE(aw_loop_call_soon(loop, fails, "fails", NULL, &expected_handle) == 0);
	aw_loop_call_soon(loop, say, "next", NULL, NULL);
	EXPECT_INT(aw_loop_run_once(loop, 0), 2);
	EXPECT_STR(trace, "fails handler: Exception in callback EIO next");
	aw_handle_unref(expected_handle);
	expected_handle = NULL;
	loop_end(loop);
	EXPECT_STR(trace, "fails handler: Exception in callback EIO next ~handler:");
}

static void a_replaced_handler_is_destroyed(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_set_exception_handler(loop, note, "one", say_destroyed);
	aw_loop_set_exception_handler(loop, note, "two", say_destroyed);
	EXPECT_STR(trace, "~one");
	aw_loop_set_exception_handler(loop, NULL, NULL, NULL);
	EXPECT_STR(trace, "~one ~two");
	loop_end(loop);
}

/* Returns what `fn` wrote to stderr. */
static const char *stderr_of(void (*fn)(aw_loop *), aw_loop *loop) {
	static char text[1024];
	int pipe_fds[2], saved = dup(2);
	memset(text, 0, sizeof text);
	if (pipe(pipe_fds) < 0) return "";
	fflush(stderr);
	dup2(pipe_fds[1], 2);
	close(pipe_fds[1]);
	fn(loop);
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	ssize_t got = read(pipe_fds[0], text, sizeof text - 1);
	if (got < 0) text[0] = 0;
	close(pipe_fds[0]);
	return text;
}

static void one_failure(aw_loop *loop) {
	aw_loop_call_soon(loop, fails, "fails", NULL, NULL);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
}

static void the_default_handler_prints_in_debug_mode_alone(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_set_debug(loop, 0);
	EXPECT_STR(stderr_of(one_failure, loop), "");
	aw_loop_set_debug(loop, 1);
	const char *text = stderr_of(one_failure, loop);
	EXPECT(strstr(text, "Exception in callback") && strstr(text, "EIO"));
	loop_end(loop);
}

static aw_status fails_too(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	trace_add(ud);
	return -EPIPE;
}

static void a_handler_that_fails_goes_to_the_default_one(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_set_debug(loop, 1);
	aw_loop_set_exception_handler(loop, fails_too, "handler", NULL);
	const char *text = stderr_of(one_failure, loop);
	EXPECT(strstr(text, "Unhandled error in exception handler") != NULL);
	aw_loop_call_soon(loop, say, "survives", NULL, NULL);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "fails handler survives");
	loop_end(loop);
}

static aw_status defers(aw_loop *loop, const aw_report *report, void *ud) {
	trace_add(ud);
	return aw_loop_default_exception_handler(loop, report);
}

static void a_handler_defers_to_the_default_one(void) {
	aw_loop *loop = loop_begin(NULL);
	void *ud = NULL;
	aw_loop_set_debug(loop, 0);
	EXPECT(aw_loop_get_exception_handler(loop, &ud) == NULL);
	aw_loop_set_exception_handler(loop, defers, "handler", NULL);
	EXPECT(aw_loop_get_exception_handler(loop, &ud) == defers);
	EXPECT_STR(ud, "handler");
	const char *text = stderr_of(one_failure, loop);
	EXPECT(strstr(text, "libawait: Exception in callback: EIO") != NULL);
	EXPECT_STR(trace, "fails handler");
	EXPECT_INT(aw_loop_default_exception_handler(loop, NULL), AW_EBADHANDLE);
	EXPECT(aw_loop_get_exception_handler(NULL, &ud) == NULL);
	loop_end(loop);
}

static aw_status replaces_itself(aw_loop *loop, const aw_report *report, void *ud) {
	(void)report;
	trace_add(ud);
	return aw_loop_set_exception_handler(loop, note, "new", say_destroyed);
}

static void a_handler_may_replace_itself(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_set_exception_handler(loop, replaces_itself, "old", say_destroyed);
	EXPECT_INT(aw_loop_call_exception_handler(loop, "first", NULL, NULL), 0);
	EXPECT_INT(aw_loop_call_exception_handler(loop, "second", NULL, NULL), 0);
	EXPECT_STR(trace, "old ~old new second AW_OK");
	loop_end(loop);
}

static aw_status look(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	void **seen = ud;
	seen[0] = aw_report_error(report);
	seen[1] = aw_report_future(report);
	trace_add(aw_report_message(report));
	return 0;
}

static void a_report_of_the_callers_own_carries_what_it_was_given(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	aw_error *error = NULL;
	void *seen[2] = {NULL, NULL};
	REQUIRE(aw_future_new(loop, &future) == 0);
	REQUIRE(aw_error_new(loop, -EIO, NULL, NULL, NULL, &error) == 0);
	aw_loop_set_exception_handler(loop, look, seen, NULL);
	EXPECT_INT(aw_loop_call_exception_handler(loop, "mine", error, future), 0);
	EXPECT_INT(aw_loop_call_exception_handler(loop, NULL, error, future), -EINVAL);
	EXPECT(seen[0] == error && seen[1] == future);
	EXPECT_STR(trace, "mine");
	aw_error_unref(error);
	aw_future_unref(future);
	loop_end(loop);
}

static aw_status step_fails(aw_resume *resume, void *ud) {
	(void)resume;
	trace_add(ud);
	return -EPIPE;
}

static void a_failed_step_is_told_of_when_its_task_goes(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_coro *coro = NULL;
	aw_loop_set_exception_handler(loop, note, "handler:", NULL);
	REQUIRE(aw_coro_new(loop, step_fails, "step", NULL, &coro) == 0);
	aw_task_spawn_coro(loop, coro, NULL);
	aw_coro_unref(coro);
	loop_settle(loop);
	EXPECT_STR(trace, "step handler: Task exception was never retrieved EPIPE");
	loop_end(loop);
}

CHECK_MAIN("exception_handler", TEST(a_failed_callback_is_reported_and_the_batch_goes_on),
           TEST(a_failed_done_callback_is_reported_with_a_handle_and_no_future),
           TEST(a_failed_reader_is_reported_with_a_handle), TEST(a_replaced_handler_is_destroyed),
           TEST(the_default_handler_prints_in_debug_mode_alone),
           TEST(a_handler_that_fails_goes_to_the_default_one), TEST(a_handler_defers_to_the_default_one),
           TEST(a_handler_may_replace_itself), TEST(a_report_of_the_callers_own_carries_what_it_was_given),
           TEST(a_failed_step_is_told_of_when_its_task_goes))
