/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/*
 * References that are released too often, and leaked references: in debug mode both are reported with kind
 * and origin.
 */
#include "trace.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static char reports[1024];

static aw_status keep_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	size_t used = strlen(reports);
	snprintf(reports + used, sizeof reports - used, "[%s%s]", aw_report_message(report),
	         aw_report_origin(report) ? " @" : "");
	return 0;
}

static aw_loop *debug_loop(void) {
	aw_loop *loop = NULL;
	reports[0] = 0;
	EXPECT_INT(aw_loop_new_with("virtual", AW_LOOP_DEBUG, 0, &loop), 0);
	EXPECT_INT(aw_loop_set_exception_handler(loop, keep_report, NULL, NULL), 0);
	return loop;
}

#define SURPLUS(kind) "[one unref too many: the caller holds no reference to this " kind " @]"

static void one_unref_too_many_is_told_and_has_no_effect(void) {
	aw_loop *loop = debug_loop();
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(loop, sleep_long, NULL, NULL, &task), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT(aw_task_ref(task) == task);
	aw_task_unref(task);
	aw_task_unref(task);
	EXPECT_STR(reports, "");
	aw_task_unref(task); /* this would be the loop's reference */
	EXPECT_STR(reports, SURPLUS("task"));
	aw_future_unref(aw_task_future(task));
	EXPECT_STR(reports, SURPLUS("task") SURPLUS("task"));
	/* It is unchanged. */
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
	loop_settle(loop);
	loop_end(loop);
}

static aw_status gives_a_borrowed_error_back(void *future) {
	aw_status status = aw_await(future, NULL);
	aw_error_unref(aw_caught()); /* a getter borrows */
	EXPECT_STR(aw_error_message(aw_caught()), "no luck");
	return status == -EIO ? 0 : -EPROTO;
}

static void what_a_getter_lent_is_not_the_callers(void) {
	aw_loop *loop = debug_loop();
	aw_future *future = NULL;
	aw_task *task = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT_INT(aw_task_spawn(loop, gives_a_borrowed_error_back, future, NULL, &task), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_INT(aw_future_fail(future, -EIO, "no luck"), 0);
	loop_settle(loop);
	EXPECT_INT(aw_future_result(aw_task_future(task), NULL), 0);
	EXPECT_STR(reports, "[one unref too many: the caller holds no reference to this error]");
	aw_task_unref(task);
	aw_future_unref(future);
	loop_end(loop);
}

static aw_status fails_twice(void *lock) {
	EXPECT_INT(aw_raise(-EIO, "no luck"), -EIO);
	EXPECT_INT(aw_lock_release(lock), -EPERM); /* its error replaces the other */
	EXPECT_INT(aw_error_status(aw_caught()), -EPERM);
	return 0;
}

/* The library owns the noted error, and releases it as such. */
static void a_failure_after_a_failure_is_not_a_surplus(void) {
	aw_loop *loop = debug_loop();
	aw_lock *lock = NULL;
	EXPECT_INT(aw_lock_new(loop, &lock), 0);
	EXPECT_INT(aw_task_spawn(loop, fails_twice, lock, NULL, NULL), 0);
	loop_settle(loop);
	EXPECT_STR(reports, "");
	aw_lock_unref(lock);
	loop_end(loop);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* Returns what `fn` wrote to stderr. */
static const char *stderr_of(void (*fn)(void)) {
	static char text[4096];
	int ends[2], saved = dup(2);
	memset(text, 0, sizeof text);
	if (pipe(ends) < 0) return "";
	fflush(stderr);
	dup2(ends[1], 2);
	close(ends[1]);
	fn();
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	if (read(ends[0], text, sizeof text - 1) < 0) text[0] = 0;
	close(ends[0]);
	return text;
}

static aw_lock *shared_lock;

static void *unrefs_twice(void *ud) {
	aw_lock_unref(shared_lock);
	aw_lock_unref(shared_lock);
	return ud;
}

static void unref_elsewhere(void) {
	pthread_t other;
	REQUIRE(pthread_create(&other, NULL, unrefs_twice, NULL) == 0);
	pthread_join(other, NULL);
}

static aw_status waits_for_the_lock(void *lock) {
	return aw_lock_acquire(lock);
}

static void another_thread_is_told_on_stderr(void) {
	aw_loop *loop = debug_loop();
	EXPECT_INT(aw_lock_new(loop, &shared_lock), 0);
	EXPECT_INT(aw_lock_try_acquire(shared_lock), 0);
	EXPECT_INT(aw_task_spawn(loop, waits_for_the_lock, shared_lock, NULL, NULL), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0); /* a waiter holds a reference */
	const char *text = stderr_of(unref_elsewhere);
	EXPECT(strstr(text,
	              "libawait: one unref too many: the caller holds no reference to this lock, created at ") !=
	       NULL);
	EXPECT_STR(reports, "");
	EXPECT_INT(aw_lock_release(shared_lock), 0);
	loop_settle(loop);
	loop_end(loop);
}

static void unrefs_the_last_twice(void) {
	pthread_t other;
	REQUIRE(pthread_create(&other, NULL, unrefs_twice, NULL) == 0);
	pthread_join(other, NULL);
}

/* The object waits for its release by the loop's thread, and must not be added to the list twice. */
static void one_unref_too_many_after_the_last_is_told(void) {
	aw_loop *loop = debug_loop();
	int64_t before = aw_debug_live_handles();
	EXPECT_INT(aw_lock_new(loop, &shared_lock), 0);
	const char *text = stderr_of(unrefs_the_last_twice);
	EXPECT(strstr(text, "libawait: one unref too many: the caller holds no reference to this lock") != NULL);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_INT(aw_debug_live_handles(), before);
	loop_end(loop);
}

static aw_future *kept_future;

static aw_status keep_future(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	if (aw_report_future(report)) kept_future = aw_future_ref(aw_report_future(report));
	return 0;
}

static void what_a_handler_keeps_from_a_dying_future_is_its_own(void) {
	aw_loop *loop = debug_loop();
	aw_future *future = NULL;
	int64_t before = aw_debug_live_handles();
	EXPECT_INT(aw_loop_set_exception_handler(loop, keep_future, NULL, NULL), 0);
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT_INT(aw_future_fail(future, -EIO, "no luck"), 0);
	aw_future_unref(future);
	REQUIRE(kept_future == future);
	EXPECT_INT(aw_loop_set_exception_handler(loop, keep_report, NULL, NULL), 0);
	EXPECT_INT(aw_future_done(kept_future), 1);
	aw_future_unref(kept_future);
	EXPECT_STR(reports, "");
	EXPECT_INT(aw_debug_live_handles(), before); /* freed, and nothing was reported */
	loop_end(loop);
}

static aw_queue *forgotten_queue;
static aw_event *forgotten_events[2];
static aw_process_options *forgotten_options;

/* Not inlined into a loop that is unrolled: all events have the same origin. */
__attribute__((noinline)) static void make_event(aw_event **out) {
	EXPECT_INT(aw_event_new(aw_loop_current(), out), 0);
}

static aw_status forgets(void *ud) {
	(void)ud;
	aw_future *gone = NULL;
	EXPECT_INT(aw_queue_new(aw_loop_current(), 0, &forgotten_queue), 0);
	for (int i = 0; i < 2; i++) make_event(&forgotten_events[i]);
	EXPECT_INT(aw_process_options_new(&forgotten_options), 0);
	EXPECT_INT(aw_future_new(aw_loop_current(), &gone), 0);
	aw_future_unref(gone);
	return 0;
}

static void run_and_forget(void) {
	aw_runner *runner = NULL;
	EXPECT_INT(aw_runner_new("virtual", AW_RUNNER_DEBUG, &runner), 0);
	EXPECT_INT(aw_runner_run(runner, forgets, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_runner_close(runner), 0);
	aw_runner_unref(runner);
}

static void a_forgotten_unref_is_told_at_the_end_by_kind_and_origin(void) {
	const char *text = stderr_of(run_and_forget);
	EXPECT(strstr(text, "libawait: 4 handles are still held at the end of the run:") != NULL);
	EXPECT(strstr(text, "libawait:   1 of kind queue, 1 reference, created at test_references") != NULL);
	EXPECT(strstr(text, "libawait:   2 of kind event, 2 references, created at test_references") != NULL);
	EXPECT(strstr(text, "libawait:   1 of kind process options, 1 reference, created at test_references") !=
	       NULL);
	EXPECT(strstr(text, "future") == NULL);
	if (!strstr(text, "4 handles")) printf("\n    it said: %s\n", text);
	aw_queue_unref(forgotten_queue);
	for (int i = 0; i < 2; i++) aw_event_unref(forgotten_events[i]);
	aw_process_options_unref(forgotten_options);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status forgets_nothing(void *ud) {
	(void)ud;
	return aw_sleep(AW_SECOND);
}

static void run_in_order(void) {
	aw_runner *runner = NULL;
	EXPECT_INT(aw_runner_new("virtual", AW_RUNNER_DEBUG, &runner), 0);
	EXPECT_INT(aw_runner_run(runner, forgets_nothing, NULL, NULL, NULL), 0);
	aw_runner_unref(runner);
}

static void a_run_that_gives_all_back_says_nothing(void) {
	EXPECT_STR(stderr_of(run_in_order), "");
}

static void caches_are_freed_when_nothing_is_alive(void) {
	aw_loop *loop = debug_loop();
	EXPECT_INT(aw_debug_free_caches(), -EBUSY);
	EXPECT_INT(aw_task_spawn(loop, forgets_nothing, NULL, NULL, NULL), 0);
	loop_settle(loop);
	loop_end(loop);
	EXPECT_INT(aw_debug_free_caches(), 0);
	EXPECT_INT(aw_debug_free_caches(), 0);
	/* And again from the start. */
	loop = debug_loop();
	EXPECT_INT(aw_task_spawn(loop, forgets_nothing, NULL, NULL, NULL), 0);
	loop_settle(loop);
	loop_end(loop);
	EXPECT_INT(aw_debug_free_caches(), 0);
}

CHECK_MAIN("references", TEST(one_unref_too_many_is_told_and_has_no_effect),
           TEST(what_a_getter_lent_is_not_the_callers), TEST(a_failure_after_a_failure_is_not_a_surplus),
           TEST(another_thread_is_told_on_stderr), TEST(one_unref_too_many_after_the_last_is_told),
           TEST(what_a_handler_keeps_from_a_dying_future_is_its_own),
           TEST(a_forgotten_unref_is_told_at_the_end_by_kind_and_origin),
           TEST(a_run_that_gives_all_back_says_nothing), TEST(caches_are_freed_when_nothing_is_alive))
