/* SPDX-License-Identifier: MIT */
/* Labels: threads valgrind */
/* Error codes: the program's codes with names and texts, and an errno without its minus sign. */
#include "trace.h"

#include <pthread.h>

enum { E_PARSE = AW_EUSER, E_PEER = AW_EUSER - 1, E_RACE = AW_EUSER - 2, E_LAST = AW_EUSER_LAST };

static aw_status raises_its_own(void *ud) {
	(void)ud;
	EXPECT_INT(aw_raise(E_PARSE, NULL), E_PARSE);
	EXPECT_INT(aw_error_status(aw_caught()), E_PARSE);
	EXPECT_STR(aw_error_message(aw_caught()), "the text has no sense");
	return E_PARSE;
}

static void a_registered_code_has_its_name_and_text(void) {
	char name[] = "E_PARSE", text[] = "the text has no sense";
	EXPECT_STR(aw_err_name(E_PARSE), "unknown");
	EXPECT_INT(aw_error_register(E_PARSE, name, text), 0);
	memset(name, 'x', sizeof name - 1); /* both are copied */
	memset(text, 'x', sizeof text - 1);
	EXPECT_STR(aw_err_name(E_PARSE), "E_PARSE");
	EXPECT_STR(aw_strerror(E_PARSE), "the text has no sense");
	EXPECT_INT(aw_error_register(E_LAST, "E_LAST", NULL), 0);
	EXPECT_STR(aw_strerror(E_LAST), "E_LAST");
	aw_error *error = NULL;
	EXPECT_INT(aw_run_error("virtual", raises_its_own, NULL, NULL, NULL, &error), E_PARSE);
	EXPECT_STR(aw_error_message(error), "the text has no sense");
	aw_error_unref(error);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void registering_again_changes_nothing(void) {
	EXPECT_INT(aw_error_register(E_PEER, "E_PEER", "the peer is gone"), 0);
	EXPECT_INT(aw_error_register(E_PEER, "E_PEER", "the peer is gone"), 0);
	EXPECT_INT(aw_error_register(E_PEER, "E_OTHER", "the peer is gone"), -EEXIST);
	EXPECT_INT(aw_error_register(E_PEER, "E_PEER", "another text"), -EEXIST);
	EXPECT_STR(aw_err_name(E_PEER), "E_PEER");
	EXPECT_STR(aw_strerror(E_PEER), "the peer is gone");
}

static void only_codes_of_programs_can_be_registered(void) {
	EXPECT_INT(aw_error_register(0, "X", NULL), -EINVAL);
	EXPECT_INT(aw_error_register(-EIO, "X", NULL), -EINVAL);
	EXPECT_INT(aw_error_register(AW_ECANCELLED, "X", NULL), -EINVAL);
	EXPECT_INT(aw_error_register(AW_EUSER + 1, "X", NULL), -EINVAL);
	EXPECT_INT(aw_error_register(AW_EUSER_LAST - 1, "X", NULL), -EINVAL);
	EXPECT_INT(aw_error_register(INT32_MIN, "X", NULL), -EINVAL);
	EXPECT_INT(aw_error_register(E_RACE, NULL, "text"), -EINVAL);
	EXPECT_INT(aw_error_register(E_RACE, "", "text"), -EINVAL);
	EXPECT_STR(aw_err_name(AW_EUSER_LAST - 1), "unknown");
}

/* Each thread registers all codes, and finds the same result for each as the others. */
static void *registers(void *arg) {
	for (int i = 0; i < 100; i++) {
		char name[32];
		snprintf(name, sizeof name, "E_RACE_%d", i);
		if (aw_error_register(E_RACE - i, name, "text") != 0) return arg;
		if (strcmp(aw_err_name(E_RACE - i), name) != 0) return arg;
	}
	return NULL;
}

static void threads_may_register_the_same_codes_at_once(void) {
	pthread_t threads[4];
	for (int i = 0; i < 4; i++) REQUIRE(pthread_create(&threads[i], NULL, registers, threads) == 0);
	for (int i = 0; i < 4; i++) {
		void *failed = NULL;
		pthread_join(threads[i], &failed);
		EXPECT(failed == NULL);
	}
}

/* --- an errno without its minus sign --- */

static aw_status work_raises(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	return aw_work_raise(ENOSPC, "work says");
}

static aw_status raises_positive(void *ud) {
	(void)ud;
	EXPECT_INT(aw_raise(0, "nothing"), -EINVAL);
	EXPECT_INT(aw_error_status(aw_caught()), -EINVAL);
	EXPECT_INT(aw_to_thread(work_raises, NULL, NULL, NULL, NULL), -ENOSPC);
	EXPECT_STR(aw_error_message(aw_caught()), "work says");
	aw_error *error = NULL;
	EXPECT_INT(aw_error_new(NULL, EPIPE, "error says", NULL, NULL, &error), 0);
	EXPECT_INT(aw_error_status(error), -EPIPE);
	aw_error_unref(error);
	aw_future *future = future_of_running_loop();
	EXPECT_INT(aw_future_fail(future, ENOENT, "future says"), 0);
	EXPECT_INT(aw_await(future, NULL), -ENOENT);
	EXPECT_STR(aw_error_message(aw_caught()), "future says");
	aw_future_unref(future);
	return aw_raise(EIO, "task says");
}

static void a_positive_errno_is_taken_as_its_negative(void) {
	aw_error *error = NULL;
	EXPECT_INT(aw_run_error("virtual", raises_positive, NULL, NULL, NULL, &error), -EIO);
	EXPECT_INT(aw_error_status(error), -EIO);
	EXPECT_STR(aw_error_message(error), "task says");
	aw_error_unref(error);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* --- a positive status as a result --- */

static aw_status takes_note(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	EXPECT(aw_report_error(report) == NULL);
	trace_add(aw_report_message(report));
	trace_add(aw_report_future(report) ? "future" : aw_report_handle(report) ? "handle" : "nothing");
	EXPECT(aw_report_origin(report) != NULL || ud);
	return 0;
}

static aw_status forgets_the_minus(void *ud) {
	(void)ud;
	return EIO;
}

static aw_status step_forgets_the_minus(aw_resume *resume, void *ud) {
	(void)resume;
	(void)ud;
	return EIO;
}

static aw_status callback_forgets_the_minus(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return EIO;
}

static aw_status done_forgets_the_minus(aw_future *future, void *ud) {
	(void)future;
	(void)ud;
	return EIO;
}

static const char of_a_task[] = "a task returned 5, which is not an error: errors are negative future";
static const char of_a_callback[] =
	"a callback returned 5, which is not an error: errors are negative handle";

static void a_positive_status_is_a_success_and_reported_in_debug_mode(void) {
	for (int debug = 0; debug < 2; debug++) {
		aw_loop *loop = loop_begin(NULL);
		aw_task *task = NULL;
		aw_coro *coro = NULL;
		aw_loop_set_debug(loop, debug);
		aw_loop_set_exception_handler(loop, takes_note, NULL, NULL);
		EXPECT_INT(aw_task_spawn(loop, forgets_the_minus, NULL, NULL, &task), 0);
		EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
		aw_task_unref(task);
		EXPECT_STR(trace, debug ? of_a_task : "");
		trace_reset();
		EXPECT_INT(aw_coro_new(loop, step_forgets_the_minus, NULL, NULL, &coro), 0);
		EXPECT_INT(aw_task_spawn_coro(loop, coro, &task), 0);
		EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
		aw_coro_unref(coro);
		EXPECT_STR(trace, debug ? of_a_task : "");
		trace_reset();
		EXPECT_INT(aw_loop_call_soon(loop, callback_forgets_the_minus, NULL, NULL, NULL), 0);
		loop_settle(loop);
		EXPECT_STR(trace, debug ? of_a_callback : "");
		trace_reset();
		EXPECT_INT(aw_future_add_done_callback(aw_task_future(task), done_forgets_the_minus, NULL, NULL), 0);
		loop_settle(loop);
		EXPECT_STR(trace, debug ? of_a_callback : "");
		aw_task_unref(task);
		loop_end(loop);
	}
}

CHECK_MAIN("error_codes", TEST(a_registered_code_has_its_name_and_text),
           TEST(registering_again_changes_nothing), TEST(only_codes_of_programs_can_be_registered),
           TEST(threads_may_register_the_same_codes_at_once), TEST(a_positive_errno_is_taken_as_its_negative),
           TEST(a_positive_status_is_a_success_and_reported_in_debug_mode))
