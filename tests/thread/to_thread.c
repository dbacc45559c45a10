/* SPDX-License-Identifier: MIT */
/* Labels: backends threads valgrind */
/*
 * to_thread, in a task and as a coroutine; the context it shares with the thread, and how run() handles
 * threads at its end.
 */
#include <sched.h>

#include "gate.h"

static aw_status run(aw_task_fn fn, void *ud) {
	trace_reset();
	aw_status status = aw_run(NULL, fn, ud, NULL, NULL);
	EXPECT_INT(aw_debug_live_handles(), 0);
	return status;
}

static aw_status copy_text(void *ud, void **out, aw_destroy_fn *out_destroy) {
	*out = strdup(ud);
	*out_destroy = free;
	return *out ? 0 : -ENOMEM;
}

/* --- the value and the failure --- */

static aw_status take_the_value(void *ud) {
	(void)ud;
	void *text = NULL;
	aw_destroy_fn destroy = NULL;
	int destroyed = 0;
	EXPECT_INT(aw_to_thread(copy_text, "hello", NULL, &text, &destroy), 0);
	EXPECT_STR(text, "hello");
	EXPECT(destroy == free);
	free(text);
	/* a leak checker sees whether it is */
	EXPECT_INT(aw_to_thread(copy_text, "dropped", NULL, NULL, NULL), 0);
	EXPECT_INT(aw_to_thread(NULL, &destroyed, count_destroyed, &text, NULL), -EINVAL);
	EXPECT_INT(destroyed, 1);
	return 0;
}

static void the_value_moves_to_the_caller(void) {
	EXPECT_INT(run(take_the_value, NULL), 0);
}

static aw_status divide(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	return aw_work_raise(-EDOM, "division by zero");
}

static aw_status catch_the_failure(void *ud) {
	(void)ud;
	EXPECT_INT(aw_to_thread(divide, NULL, NULL, NULL, NULL), -EDOM);
	EXPECT_STR(aw_error_message(aw_caught()), "division by zero");
	return 0;
}

static void a_failure_is_raised_where_it_is_awaited(void) {
	EXPECT_INT(run(catch_the_failure, NULL), 0);
}

static void it_is_for_tasks(void) {
	int destroyed = 0;
	EXPECT_INT(aw_to_thread(copy_text, &destroyed, count_destroyed, NULL, NULL), AW_ENOTASK);
	EXPECT_INT(destroyed, 1);
}

/* --- the context --- */

static const char key;

static aw_status look_and_change(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out_destroy;
	void *value = "nothing";
	(void)aw_context_get(&key, &value);
	*out = value;
	return aw_context_set(&key, "the thread's", NULL);
}

static aw_status share_the_context(void *ud) {
	(void)ud;
	void *seen = NULL, *own = NULL;
	aw_future *future = NULL;
	EXPECT_INT(aw_context_set(&key, "the task's", NULL), 0);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(aw_to_thread(look_and_change, NULL, NULL, &seen, NULL), 0);
		EXPECT_STR(seen, "the task's");
		EXPECT_INT(aw_context_get(&key, &own), 0);
		EXPECT_STR(own, "the task's");
	}
	EXPECT_INT(aw_loop_run_in_executor(NULL, NULL, look_and_change, NULL, NULL, &future), 0);
	EXPECT_INT(aw_await(future, &seen), 0);
	EXPECT_STR(seen, "nothing");
	aw_future_unref(future);
	return 0;
}

static void the_thread_gets_a_copy_of_the_context(void) {
	EXPECT_INT(run(share_the_context, NULL), 0);
}

/* --- time --- */

static aw_status tick(void *ud) {
	for (int i = 0; i < 3; i++) {
		trace_number("tick", i);
		aw_status status = aw_sleep(AW_MILLISECOND);
		if (status < 0) return status;
	}
	gate_open(ud);
	return 0;
}

static aw_status stay_free(void *ud) {
	visitor *visit = ud;
	aw_future *ticker = spawn(tick, &visit->leave);
	EXPECT_INT(aw_to_thread(visit_work, visit, visit_destroy, NULL, NULL), 0);
	trace_add("returned");
	EXPECT_INT(aw_await(ticker, NULL), 0);
	aw_future_unref(ticker);
	return 0;
}

static void the_loop_goes_on_while_the_thread_works(void) {
	visitor visit = VISIT_INIT;
	EXPECT_INT(run(stay_free, &visit), 0);
	EXPECT_STR(trace, "tick:0 tick:1 tick:2 returned");
	EXPECT_INT(visit.destroyed, 1);
	EXPECT_INT(visit.value_destroyed, 1);
}

static aw_status within_a_limit(void *ud) {
	visitor *visit = ud;
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	EXPECT_INT(aw_loop_call_later(aw_loop_current(), 5 * AW_MILLISECOND, open_it, &visit->leave, NULL, NULL),
	           0);
	EXPECT_INT(aw_to_thread_coro(NULL, visit_work, visit, visit_destroy, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	aw_coro_unref(coro);
	/* Virtual time follows real time while a thread is working. */
	EXPECT_INT(aw_wait_for(aw_task_future(task), 30 * AW_SECOND, NULL), 0);
	aw_task_unref(task);
	return 0;
}

static void a_clock_that_jumps_waits_for_the_thread(void) {
	visitor visit = VISIT_INIT;
	trace_reset();
	EXPECT_INT(aw_run("virtual", within_a_limit, &visit, NULL, NULL), 0);
	EXPECT_INT(visit.destroyed, 1);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status jump_after_the_work(void *ud) {
	aw_loop *loop = aw_loop_current();
	EXPECT_INT(aw_to_thread(copy_text, ud, NULL, NULL, NULL), 0);
	int64_t before = aw_loop_time(loop);
	EXPECT_INT(aw_sleep(3600 * AW_SECOND), 0);
	EXPECT(aw_loop_time(loop) - before >= 3600 * AW_SECOND);
	EXPECT_INT(aw_to_thread(copy_text, ud, NULL, NULL, NULL), 0);
	return aw_sleep(3600 * AW_SECOND);
}

static void the_clock_jumps_again_once_the_thread_is_done(void) {
	trace_reset();
	/* or the test takes two hours */
	EXPECT_INT(aw_run("virtual", jump_after_the_work, "text", NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* --- cancelling --- */

static aw_status work_in_a_thread(void *ud) {
	return aw_to_thread(visit_work, ud, visit_destroy, NULL, NULL);
}

static aw_status cancel_it(void *ud) {
	visitor *visit = ud;
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(NULL, work_in_a_thread, visit, NULL, &task), 0);
	EXPECT_INT(aw_sleep(0), 0);
	gate_wait(&visit->here);
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	EXPECT_INT(visit->ended, 0); /* the task is free, the thread is not */
	aw_task_unref(task);
	/* Released while run() waits for it, and nothing else is left to do. */
	return aw_loop_call_later(aw_loop_current(), AW_MILLISECOND, open_it, &visit->leave, NULL, NULL);
}

static void run_waits_for_the_thread_of_a_cancelled_task(void) {
	visitor visit = VISIT_INIT;
	EXPECT_INT(run(cancel_it, &visit), 0);
	EXPECT_INT(visit.ended, 1);
	EXPECT_INT(visit.destroyed, 1);
	EXPECT_INT(visit.value_destroyed, 1);
}

/* --- the coroutine --- */

static aw_status drive_the_coroutine(void *ud) {
	visitor *visit = ud;
	aw_coro *never = NULL, *coro = NULL;
	void *value = NULL;
	EXPECT_INT(aw_to_thread_coro(NULL, visit_work, visit, visit_destroy, &never), 0);
	aw_coro_unref(never);
	EXPECT_INT(visit->begun, 0);
	EXPECT_INT(visit->destroyed, 1);
	EXPECT_INT(aw_to_thread_coro(NULL, visit_work, visit, visit_destroy, &coro), 0);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(visit->begun, 0);
	gate_open(&visit->leave);
	EXPECT_INT(aw_await_coro(coro, &value), 0);
	EXPECT(value == visit);
	EXPECT_INT(visit->destroyed, 2);
	EXPECT_INT(visit->value_destroyed, 0);
	aw_coro_unref(coro);
	return 0;
}

static void a_coroutine_does_nothing_until_it_is_driven(void) {
	visitor visit = VISIT_INIT;
	EXPECT_INT(run(drive_the_coroutine, &visit), 0);
	EXPECT_INT(visit.begun, 1);
	EXPECT_INT(visit.value_destroyed, 1); /* with the coroutine */
}

static void a_coroutine_of_nothing_is_refused(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_coro *coro = NULL;
	int destroyed = 0;
	EXPECT_INT(aw_to_thread_coro(loop, NULL, &destroyed, count_destroyed, &coro), -EINVAL);
	EXPECT_INT(aw_to_thread_coro(NULL, copy_text, &destroyed, count_destroyed, &coro), AW_ENOLOOP);
	EXPECT_INT(destroyed, 2);
	loop_end(loop);
}

static void a_loop_can_close_while_tasks_wait_for_threads(void) {
	aw_loop *loop = loop_begin(NULL);
	visitor stackful = VISIT_INIT, steps = VISIT_INIT;
	aw_coro *coro = NULL;
	EXPECT_INT(aw_task_spawn(loop, work_in_a_thread, &stackful, NULL, NULL), 0);
	EXPECT_INT(aw_to_thread_coro(loop, visit_work, &steps, visit_destroy, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, NULL), 0);
	aw_coro_unref(coro);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	gate_wait(&stackful.here);
	gate_wait(&steps.here);
	EXPECT_INT(aw_loop_close(loop), 0);
	aw_loop_unref(loop);
	gate_open(&stackful.leave);
	gate_open(&steps.leave);
	while (aw_debug_live_handles() > 0) sched_yield(); /* nothing else waits for the threads any more */
	EXPECT_INT(stackful.destroyed + steps.destroyed, 2);
	EXPECT_INT(stackful.value_destroyed + steps.value_destroyed, 2);
}

CHECK_MAIN("to_thread", TEST(the_value_moves_to_the_caller), TEST(a_failure_is_raised_where_it_is_awaited),
           TEST(it_is_for_tasks), TEST(the_thread_gets_a_copy_of_the_context),
           TEST(the_loop_goes_on_while_the_thread_works), TEST(a_clock_that_jumps_waits_for_the_thread),
           TEST(the_clock_jumps_again_once_the_thread_is_done),
           TEST(run_waits_for_the_thread_of_a_cancelled_task),
           TEST(a_coroutine_does_nothing_until_it_is_driven), TEST(a_coroutine_of_nothing_is_refused),
           TEST(a_loop_can_close_while_tasks_wait_for_threads))
