/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* NULL, a handle of another kind, and a stale one, given to every function: an error code and no crash. */
#include "trace.h"

/* One call with the tested handle as its subject. */
typedef aw_status (*subject_call)(void *h);

#define STATUS(name, call)                \
	static aw_status name##_of(void *h) { \
		return call;                      \
	}

static void *out; /* the out-parameter of calls that should fail */

STATUS(loop_close, aw_loop_close(h))
STATUS(loop_abandon, aw_loop_abandon(h))
STATUS(loop_set_host_data, aw_loop_set_host_data(h, NULL, NULL))
STATUS(loop_run_forever, aw_loop_run_forever(h))
STATUS(loop_run_until_complete, aw_loop_run_until_complete(h, h, NULL))
STATUS(loop_run_once, aw_loop_run_once(h, 0))
STATUS(loop_stop, aw_loop_stop(h))
STATUS(loop_wait, aw_loop_wait(h, 0))
STATUS(loop_dispatch, aw_loop_dispatch(h))
STATUS(loop_wakeup, aw_loop_wakeup(h))
STATUS(loop_guest_begin, aw_loop_guest_begin(h, (int[]){0}))
STATUS(loop_guest_end, aw_loop_guest_end(h))
STATUS(loop_call_soon, aw_loop_call_soon(h, say, NULL, NULL, NULL))
STATUS(loop_call_later, aw_loop_call_later(h, 1, say, NULL, NULL, NULL))
STATUS(loop_call_at, aw_loop_call_at(h, 1, say, NULL, NULL, NULL))
STATUS(loop_call_soon_threadsafe, aw_loop_call_soon_threadsafe(h, say, NULL, NULL))
STATUS(loop_set_exception_handler, aw_loop_set_exception_handler(h, NULL, NULL, NULL))
STATUS(loop_call_exception_handler, aw_loop_call_exception_handler(h, "", NULL, NULL))
STATUS(loop_set_debug, aw_loop_set_debug(h, 0))
STATUS(loop_submit, aw_loop_submit(h, NULL, 0))
STATUS(loop_cancel_token, aw_loop_cancel_token(h, 0))
STATUS(loop_drain, aw_loop_drain(h, &(aw_completion){0}, 1, 0))
STATUS(loop_set_stack_size, aw_loop_set_stack_size(h, 1 << 16))
STATUS(loop_cancel_all, aw_loop_cancel_all(h))

STATUS(handle_cancel, aw_handle_cancel(h))

STATUS(future_set_result, aw_future_set_result(h, NULL, NULL))
STATUS(future_set_error, aw_future_set_error(h, NULL))
STATUS(future_fail, aw_future_fail(h, -EIO, NULL))
STATUS(future_cancel, aw_future_cancel(h, NULL))
STATUS(future_result, aw_future_result(h, NULL))
STATUS(future_take_result, aw_future_take_result(h, NULL, NULL))
STATUS(future_error, aw_future_error(h, NULL))
STATUS(future_add_done_callback, aw_future_add_done_callback(h, say_done, NULL, NULL))
STATUS(future_remove_done_callback, aw_future_remove_done_callback(h, say_done, NULL))
STATUS(future_set_host_data, aw_future_set_host_data(h, NULL, NULL))
STATUS(shield, aw_shield(h, (aw_future **)&out))
STATUS(wait_for_coro, aw_wait_for_coro(h, 0, (aw_coro **)&out))

STATUS(task_cancel, aw_task_cancel(h, NULL))
STATUS(task_cancelling, aw_task_cancelling(h))
STATUS(task_uncancel, aw_task_uncancel(h))
STATUS(task_set_name, aw_task_set_name(h, "x"))

STATUS(results_get, aw_results_get(h, 0, NULL))
STATUS(timeout_enter, aw_timeout_enter(h))
STATUS(timeout_exit, aw_timeout_exit(h, 0))
STATUS(timeout_reschedule, aw_timeout_reschedule(h, 0))
STATUS(as_completed_next_coro, aw_as_completed_next_coro(h, (aw_coro **)&out))

/* With NULL these mean the running loop, but none runs. */
STATUS(future_new, aw_future_new(h, (aw_future **)&out))
STATUS(task_spawn, aw_task_spawn(h, sleep_long, NULL, NULL, NULL))
STATUS(task_spawn_coro, aw_task_spawn_coro(h, NULL, NULL))
STATUS(coro_new, aw_coro_new(h, NULL, NULL, NULL, (aw_coro **)&out))
STATUS(sleep_coro, aw_sleep_coro(h, 0, NULL, NULL, (aw_coro **)&out))
STATUS(gather, aw_gather(h, NULL, 0, 0, (aw_future **)&out))
STATUS(wait_coro, aw_wait_coro(h, (aw_future *[]){NULL}, 1, AW_ALL_COMPLETED, 0, (aw_coro **)&out))
STATUS(as_completed_new, aw_as_completed_new(h, NULL, 0, 0, (aw_as_completed **)&out))
STATUS(timeout_new, aw_timeout_new(h, 0, (aw_timeout **)&out))
STATUS(timeout_new_at, aw_timeout_new_at(h, 0, (aw_timeout **)&out))
STATUS(all_tasks, aw_loop_all_tasks(h, NULL, 0))

static int judged_by_value; /* the last call returns no status */

/*
 * Predicates, getters and references return 0, NULL, or the handle itself; AW_FOREVER and "" count as nothing
 * too.
 */
#define NOTHING(name, call)                \
	static aw_status name##_of(void *h) {  \
		judged_by_value = 1;               \
		return (call) ? 0 : AW_EBADHANDLE; \
	}

NOTHING(loop_is_running, aw_loop_is_running(h))
NOTHING(loop_is_closed, aw_loop_is_closed(h))
NOTHING(loop_host_data, aw_loop_host_data(h))
NOTHING(loop_take_stop, aw_loop_take_stop(h))
NOTHING(loop_time, aw_loop_time(h))
NOTHING(loop_pending, aw_loop_pending(h))
NOTHING(loop_deadline, aw_loop_deadline(h) != AW_FOREVER)
NOTHING(loop_debug, aw_loop_debug(h))
NOTHING(loop_backend, aw_loop_backend(h))
NOTHING(loop_ref, aw_loop_ref(h) != h)
NOTHING(handle_cancelled, aw_handle_cancelled(h))
NOTHING(handle_when, aw_handle_when(h))
NOTHING(handle_ref, aw_handle_ref(h) != h)
NOTHING(future_loop, aw_future_loop(h))
NOTHING(future_task, aw_future_task(h))
NOTHING(future_done, aw_future_done(h))
NOTHING(future_cancelled, aw_future_cancelled(h))
NOTHING(future_host_data, aw_future_host_data(h))
NOTHING(future_ref, aw_future_ref(h) != h)
NOTHING(task_future, aw_task_future(h))
NOTHING(task_name, aw_task_name(h))
NOTHING(task_coro, aw_task_coro(h))
NOTHING(task_ref, aw_task_ref(h) != h)
NOTHING(coro_ref, aw_coro_ref(h) != h)
NOTHING(results_count, aw_results_count(h))
NOTHING(results_error, aw_results_error(h, 0))
NOTHING(results_ref, aw_results_ref(h) != h)
NOTHING(error_status, aw_error_status(h))
NOTHING(error_payload, aw_error_payload(h))
NOTHING(error_message, *aw_error_message(h))
NOTHING(error_ref, aw_error_ref(h) != h)
NOTHING(timeout_when, aw_timeout_when(h) != AW_FOREVER)
NOTHING(timeout_expired, aw_timeout_expired(h))
NOTHING(timeout_ref, aw_timeout_ref(h) != h)
NOTHING(as_completed_ref, aw_as_completed_ref(h) != h)

enum kind { LOOP, HANDLE, FUTURE, TASK, CORO, RESULTS, ERROR, TIMEOUT, AS_COMPLETED, KINDS };

static const struct {
	const char *name;
	subject_call call;
	enum kind kind;
	aw_status for_null;
} calls[] = {
#define CALL(name, kind) \
	{ #name, name##_of, kind, AW_EBADHANDLE }
#define CALL_ON_LOOP_HERE(name) \
	{ #name, name##_of, LOOP, AW_ENOLOOP }
	CALL(loop_close, LOOP),
	CALL(loop_abandon, LOOP),
	CALL(loop_set_host_data, LOOP),
	CALL(loop_run_forever, LOOP),
	CALL(loop_run_until_complete, LOOP),
	CALL(loop_run_once, LOOP),
	CALL(loop_stop, LOOP),
	CALL(loop_wait, LOOP),
	CALL(loop_dispatch, LOOP),
	CALL(loop_wakeup, LOOP),
	CALL(loop_guest_begin, LOOP),
	CALL(loop_guest_end, LOOP),
	CALL(loop_call_soon, LOOP),
	CALL(loop_call_later, LOOP),
	CALL(loop_call_at, LOOP),
	CALL(loop_call_soon_threadsafe, LOOP),
	CALL(loop_set_exception_handler, LOOP),
	CALL(loop_call_exception_handler, LOOP),
	CALL(loop_set_debug, LOOP),
	CALL(loop_submit, LOOP),
	CALL(loop_cancel_token, LOOP),
	CALL(loop_drain, LOOP),
	CALL(loop_set_stack_size, LOOP),
	CALL(loop_cancel_all, LOOP),
	CALL(loop_is_running, LOOP),
	CALL(loop_is_closed, LOOP),
	CALL(loop_host_data, LOOP),
	CALL(loop_take_stop, LOOP),
	CALL(loop_time, LOOP),
	CALL(loop_pending, LOOP),
	CALL(loop_deadline, LOOP),
	CALL(loop_debug, LOOP),
	CALL(loop_backend, LOOP),
	CALL(loop_ref, LOOP),
	CALL_ON_LOOP_HERE(future_new),
	CALL_ON_LOOP_HERE(task_spawn),
	CALL_ON_LOOP_HERE(task_spawn_coro),
	CALL_ON_LOOP_HERE(coro_new),
	CALL_ON_LOOP_HERE(sleep_coro),
	CALL_ON_LOOP_HERE(gather),
	CALL_ON_LOOP_HERE(wait_coro),
	CALL_ON_LOOP_HERE(as_completed_new),
	CALL_ON_LOOP_HERE(timeout_new),
	CALL_ON_LOOP_HERE(timeout_new_at),
	CALL_ON_LOOP_HERE(all_tasks),
	CALL(handle_cancel, HANDLE),
	CALL(handle_cancelled, HANDLE),
	CALL(handle_when, HANDLE),
	CALL(handle_ref, HANDLE),
	CALL(future_set_result, FUTURE),
	CALL(future_set_error, FUTURE),
	CALL(future_fail, FUTURE),
	CALL(future_cancel, FUTURE),
	CALL(future_result, FUTURE),
	CALL(future_take_result, FUTURE),
	CALL(future_error, FUTURE),
	CALL(future_add_done_callback, FUTURE),
	CALL(future_remove_done_callback, FUTURE),
	CALL(future_set_host_data, FUTURE),
	CALL(shield, FUTURE),
	CALL(wait_for_coro, FUTURE),
	CALL(future_loop, FUTURE),
	CALL(future_task, FUTURE),
	CALL(future_done, FUTURE),
	CALL(future_cancelled, FUTURE),
	CALL(future_host_data, FUTURE),
	CALL(future_ref, FUTURE),
	CALL(task_cancel, TASK),
	CALL(task_cancelling, TASK),
	CALL(task_uncancel, TASK),
	CALL(task_set_name, TASK),
	CALL(task_future, TASK),
	CALL(task_name, TASK),
	CALL(task_coro, TASK),
	CALL(task_ref, TASK),
	CALL(coro_ref, CORO),
	CALL(results_get, RESULTS),
	CALL(results_count, RESULTS),
	CALL(results_error, RESULTS),
	CALL(results_ref, RESULTS),
	CALL(error_status, ERROR),
	CALL(error_payload, ERROR),
	CALL(error_message, ERROR),
	CALL(error_ref, ERROR),
	CALL(timeout_enter, TIMEOUT),
	CALL(timeout_exit, TIMEOUT),
	CALL(timeout_reschedule, TIMEOUT),
	CALL(timeout_when, TIMEOUT),
	CALL(timeout_expired, TIMEOUT),
	CALL(timeout_ref, TIMEOUT),
	CALL(as_completed_next_coro, AS_COMPLETED),
	CALL(as_completed_ref, AS_COMPLETED),
};
enum { CALLS = sizeof calls / sizeof *calls };

/* Functions that release a reference that the caller never took. */
static void unref_all(void *h) {
	aw_loop_unref(h);
	aw_handle_unref(h);
	aw_future_unref(h);
	aw_task_unref(h);
	aw_coro_unref(h);
	aw_results_unref(h);
	aw_error_unref(h);
	aw_timeout_unref(h);
	aw_as_completed_unref(h);
}

static void judge(size_t which, void *handle, aw_status want, const char *what) {
	aw_status got = calls[which].call(handle);
	if (got != want) printf("\n    %s of %s: %s\n", calls[which].name, what, aw_err_name(got));
	CU_ASSERT(got == want);
}

static void null_is_answered_by_every_call(void) {
	for (size_t i = 0; i < CALLS; i++) judge(i, NULL, calls[i].for_null, "NULL");
	EXPECT_STR(aw_error_message(NULL), "");
	unref_all(NULL);
	EXPECT(out == NULL);
}

static aw_status step_nothing(aw_resume *resume, void *ud) {
	(void)resume;
	(void)ud;
	return 0;
}

/* One handle of each kind, each with one reference. */
typedef struct menagerie {
	aw_loop *loop;
	void *of[KINDS];
} menagerie;

static menagerie make_all(void) {
	menagerie self = {.loop = loop_begin(NULL)};
	aw_future *empty = NULL;
	void *results = NULL;
	EXPECT_INT(aw_loop_new(NULL, (aw_loop **)&self.of[LOOP]), 0);
	EXPECT_INT(aw_loop_call_later(self.loop, AW_SECOND, say, "", NULL, (aw_handle **)&self.of[HANDLE]), 0);
	EXPECT_INT(aw_future_new(self.loop, (aw_future **)&self.of[FUTURE]), 0);
	EXPECT_INT(aw_task_spawn(self.loop, sleep_long, NULL, NULL, (aw_task **)&self.of[TASK]), 0);
	EXPECT_INT(aw_coro_new(self.loop, step_nothing, NULL, NULL, (aw_coro **)&self.of[CORO]), 0);
	EXPECT_INT(aw_gather(self.loop, NULL, 0, 0, &empty), 0);
	EXPECT_INT(aw_future_result(empty, &results), 0);
	self.of[RESULTS] = aw_results_ref(results);
	aw_future_unref(empty);
	EXPECT_INT(aw_error_new(self.loop, -EIO, NULL, NULL, NULL, (aw_error **)&self.of[ERROR]), 0);
	EXPECT_INT(aw_timeout_new(self.loop, AW_SECOND, (aw_timeout **)&self.of[TIMEOUT]), 0);
	EXPECT_INT(aw_as_completed_new(self.loop, NULL, 0, 0, (aw_as_completed **)&self.of[AS_COMPLETED]), 0);
	return self;
}

static void drop_all(menagerie *self) {
	aw_loop_unref(self->of[LOOP]);
	aw_handle_unref(self->of[HANDLE]);
	aw_future_unref(self->of[FUTURE]);
	aw_task_unref(self->of[TASK]);
	aw_coro_unref(self->of[CORO]);
	aw_results_unref(self->of[RESULTS]);
	aw_error_unref(self->of[ERROR]);
	aw_timeout_unref(self->of[TIMEOUT]);
	aw_as_completed_unref(self->of[AS_COMPLETED]);
}

static void a_handle_of_another_kind_is_answered_by_every_call(void) {
	menagerie self = make_all();
	for (size_t i = 0; i < CALLS; i++)
		for (int kind = 0; kind < KINDS; kind++) {
			if (kind == (int)calls[i].kind || (kind == TASK && calls[i].kind == FUTURE)) continue;
			judge(i, self.of[kind], AW_EBADHANDLE, "another kind");
		}
	/* A plain future is not a task, though a task is a future. */
	EXPECT_INT(aw_task_cancel(self.of[FUTURE], NULL), AW_EBADHANDLE);
	EXPECT(aw_task_future(self.of[FUTURE]) == NULL);
	EXPECT(out == NULL);
	drop_all(&self);
	loop_end(self.loop);
}

static void a_wrong_kind_among_the_futures_is_answered(void) {
	menagerie self = make_all();
	for (int kind = 0; kind < KINDS; kind++) {
		if (kind == FUTURE || kind == TASK) continue;
		aw_future *pair[2] = {self.of[FUTURE], self.of[kind]};
		EXPECT_INT(aw_gather(self.loop, pair, 2, 0, (aw_future **)&out), AW_EBADHANDLE);
		EXPECT_INT(aw_wait_coro(self.loop, pair, 2, AW_ALL_COMPLETED, 0, (aw_coro **)&out), AW_EBADHANDLE);
		EXPECT_INT(aw_as_completed_new(self.loop, pair, 2, 0, (aw_as_completed **)&out), AW_EBADHANDLE);
		EXPECT_INT(aw_loop_run_until_complete(self.loop, self.of[kind], NULL), AW_EBADHANDLE);
		if (kind != CORO) EXPECT_INT(aw_task_spawn_coro(self.loop, self.of[kind], NULL), AW_EBADHANDLE);
		if (kind != ERROR) EXPECT_INT(aw_future_set_error(self.of[FUTURE], self.of[kind]), AW_EBADHANDLE);
	}
	EXPECT(out == NULL);
	EXPECT_INT(aw_future_done(self.of[FUTURE]), 0);
	drop_all(&self);
	loop_end(self.loop);
}

static void a_stale_handle_is_answered_by_every_call(void) {
#ifdef __SANITIZE_ADDRESS__
	SKIP("under AddressSanitizer every object is unmapped at its end");
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	SKIP("under AddressSanitizer every object is unmapped at its end");
#endif
#endif
	menagerie self = make_all();
	aw_task_cancel(self.of[TASK], NULL);
	aw_handle_cancel(self.of[HANDLE]);
	loop_settle(self.loop);
	drop_all(&self);
	for (size_t i = 0; i < CALLS; i++) judge(i, self.of[calls[i].kind], AW_EBADHANDLE, "a stale handle");
	for (int kind = 0; kind < KINDS; kind++) unref_all(self.of[kind]);
	EXPECT(out == NULL);
	loop_end(self.loop);
}

static aw_status awaits_them(void *ud) {
	menagerie *self = ud;
	for (int kind = 0; kind < KINDS; kind++) {
		if (kind != FUTURE && kind != TASK) {
			EXPECT_INT(aw_await(self->of[kind], NULL), AW_EBADHANDLE);
			EXPECT_INT(aw_wait_for(self->of[kind], 0, NULL), AW_EBADHANDLE);
		}
		if (kind != CORO) EXPECT_INT(aw_await_coro(self->of[kind], NULL), AW_EBADHANDLE);
		if (kind != ERROR) EXPECT_INT(aw_raise_error(self->of[kind]), AW_EBADHANDLE);
		if (kind != AS_COMPLETED)
			EXPECT_INT(aw_as_completed_next(self->of[kind], (aw_future **)&out), AW_EBADHANDLE);
	}
	EXPECT_INT(aw_await(NULL, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_await_coro(NULL, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_raise_error(NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_raise(0, NULL), -EINVAL);
	return 0;
}

static void a_task_that_awaits_a_wrong_kind_goes_on(void) {
	menagerie self = make_all();
	aw_task *task = NULL;
	REQUIRE(aw_task_spawn(self.loop, awaits_them, &self, NULL, &task) == 0);
	EXPECT_INT(aw_loop_run_until_complete(self.loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	drop_all(&self);
	loop_end(self.loop);
}

/*
 * A failing call leaves only the error of its code to be caught. It replaces an older one, even one with the
 * same code.
 */
static aw_status catches_each(void *ud) {
	menagerie *self = ud;
	for (size_t i = 0; i < CALLS; i++)
		for (int kind = -1; kind < KINDS; kind++) {
			if (kind == (int)calls[i].kind || (kind == TASK && calls[i].kind == FUTURE)) continue;
			if (kind < 0 && calls[i].for_null == AW_ENOLOOP) continue; /* a loop runs here */
			IGNORED(aw_raise(AW_EBADHANDLE, "of an older failure"));
			judged_by_value = 0;
			aw_status got = calls[i].call(kind < 0 ? NULL : self->of[kind]);
			if (judged_by_value) continue;
			EXPECT_INT(got, AW_EBADHANDLE);
			bool caught = aw_error_status(aw_caught()) == got &&
			              strcmp(aw_error_message(aw_caught()), aw_strerror(got)) == 0;
			if (!caught) printf("\n    %s is not caught\n", calls[i].name);
			EXPECT(caught);
		}
	return 0;
}

static void every_call_that_fails_in_a_task_is_caught(void) {
	menagerie self = make_all();
	aw_task *task = NULL;
	REQUIRE(aw_task_spawn(self.loop, catches_each, &self, NULL, &task) == 0);
	EXPECT_INT(aw_loop_run_until_complete(self.loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	drop_all(&self);
	loop_end(self.loop);
}

static void a_null_resume_or_report_is_answered(void) {
	EXPECT_INT(aw_resume_status(NULL), AW_EBADHANDLE);
	EXPECT(!aw_resume_value(NULL) && !aw_resume_error(NULL) && !aw_resume_task(NULL));
	EXPECT_INT(aw_resume_return(NULL, NULL, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_resume_raise(NULL, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_resume_await(NULL, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_resume_delegate(NULL, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_resume_yield(NULL), AW_EBADHANDLE);
	EXPECT(!aw_report_message(NULL) && !aw_report_error(NULL) && !aw_report_future(NULL) &&
	       !aw_report_handle(NULL));
}

CHECK_MAIN("bad_handles", TEST(null_is_answered_by_every_call),
           TEST(a_handle_of_another_kind_is_answered_by_every_call),
           TEST(a_wrong_kind_among_the_futures_is_answered), TEST(a_stale_handle_is_answered_by_every_call),
           TEST(a_task_that_awaits_a_wrong_kind_goes_on), TEST(every_call_that_fails_in_a_task_is_caught),
           TEST(a_null_resume_or_report_is_answered))
