/* SPDX-License-Identifier: MIT */
/* Labels: backends threads valgrind */
/*
 * A concurrent future awaited in a loop: from another thread's loop, or from the same one; already done,
 * cancelled, or with a loop that closes meanwhile.
 */
#include "gate.h"
#include "running.h"

static running running_begin(void) {
	running self = {.loop = loop_begin(NULL)};
	return self;
}

static void running_end(running *self) {
	running_stop(self);
	aw_loop_unref(self->loop);
}

static _Atomic int destroyed;

static void count_one(void *value) {
	(void)value;
	destroyed++;
}

static aw_status gives(void *word) {
	aw_status status = aw_sleep(0);
	return status < 0 ? status : aw_return(word, count_one);
}

static aw_status gives_int(void *ud) {
	(void)ud;
	return aw_return_int(-7);
}

static aw_status fails(void *ud) {
	return aw_raisef(-EIO, "no %s", (const char *)ud);
}

/* Waits for something that never happens: under virtual time, a sleep would end at once. */
static aw_status waits(void *ud) {
	(void)ud;
	aw_future *never;
	aw_status status = aw_future_new(NULL, &never);
	return status < 0 ? status : aw_await_take(never, NULL, NULL);
}

/* --- the loop of another thread --- */

static aw_status awaits(void *other) {
	aw_concurrent_future *outcome = NULL;
	aw_future *future = NULL;
	void *value = NULL;
	int64_t number = 0;
	EXPECT_INT(aw_run_coroutine_threadsafe(other, gives, "a", NULL, &outcome), 0);
	EXPECT_INT(aw_wrap_future(NULL, outcome, &future), 0);
	aw_concurrent_future_unref(outcome);
	EXPECT_INT(aw_await(future, &value), 0);
	EXPECT_STR(value, "a");
	EXPECT_INT(destroyed, 0);
	aw_future_unref(future);
	EXPECT_INT(aw_run_coroutine_threadsafe(other, gives_int, NULL, NULL, &outcome), 0);
	EXPECT_INT(aw_wrap_future(NULL, outcome, &future), 0);
	EXPECT_INT(aw_await_take_int(future, &number), 0);
	EXPECT_INT(number, -7);
	/* Done before. */
	EXPECT_INT(aw_wrap_future(NULL, outcome, &future), 0);
	EXPECT_INT(aw_future_done(future), 0);
	EXPECT_INT(aw_await_take_int(future, &number), 0);
	aw_concurrent_future_unref(outcome);
	EXPECT_INT(aw_run_coroutine_threadsafe(other, fails, "luck", NULL, &outcome), 0);
	EXPECT_INT(aw_wrap_future(NULL, outcome, &future), 0);
	EXPECT_INT(aw_await_take(future, NULL, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "no luck");
	aw_concurrent_future_unref(outcome);
	return 0;
}

static void a_task_awaits_what_another_loop_runs(void) {
	running other = running_begin();
	destroyed = 0;
	running_start(&other);
	EXPECT_INT(aw_run("epoll", awaits, other.loop, NULL, NULL), 0);
	running_end(&other);
	EXPECT_INT(destroyed, 1);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status cancels(void *other) {
	aw_concurrent_future *outcome = NULL;
	aw_future *future = NULL, *second = NULL;
	EXPECT_INT(aw_run_coroutine_threadsafe(other, waits, NULL, NULL, &outcome), 0);
	EXPECT_INT(aw_wrap_future(NULL, outcome, &future), 0);
	EXPECT_INT(aw_wrap_future(NULL, outcome, &second), 0);
	EXPECT_INT(aw_wait_for(future, AW_MILLISECOND, NULL), AW_ETIMEOUT);
	EXPECT_INT(aw_concurrent_future_cancelled(outcome), 1);
	EXPECT_INT(aw_await_take(second, NULL, NULL), AW_ECANCELLED);
	aw_future_unref(future);
	aw_concurrent_future_unref(outcome);
	return 0;
}

static void cancelling_it_cancels_what_it_follows(void) {
	running other = running_begin();
	running_start(&other);
	EXPECT_INT(aw_run("epoll", cancels, other.loop, NULL, NULL), 0);
	running_end(&other);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* The other loop closes with the task unfinished. */
static aw_status outlives(void *ud) {
	running *other = ud;
	aw_concurrent_future *outcome = NULL;
	aw_future *future = NULL;
	EXPECT_INT(aw_run_coroutine_threadsafe(other->loop, waits, NULL, NULL, &outcome), 0);
	EXPECT_INT(aw_wrap_future(NULL, outcome, &future), 0);
	running_end(other);
	EXPECT_INT(aw_await_take(future, NULL, NULL), AW_ELOOPCLOSED);
	aw_concurrent_future_unref(outcome);
	return 0;
}

static void the_other_loop_may_close_first(void) {
	running other = running_begin();
	running_start(&other);
	EXPECT_INT(aw_run("epoll", outlives, &other, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static gate closes = GATE_INIT;

static aw_status passes_gate(void *ud) {
	(void)ud;
	gate_wait(&closes);
	return 0;
}

static void this_loop_may_close_first(void) {
	running other = running_begin();
	aw_loop *loop = NULL;
	aw_concurrent_future *outcome = NULL;
	aw_future *future = NULL;
	running_start(&other);
	EXPECT_INT(aw_loop_new(NULL, &loop), 0);
	EXPECT_INT(aw_run_coroutine_threadsafe(other.loop, passes_gate, NULL, NULL, &outcome), 0);
	EXPECT_INT(aw_wrap_future(loop, outcome, &future), 0);
	EXPECT_INT(aw_loop_run_once(loop, 0) >= 0, 1);
	EXPECT_INT(aw_loop_close(loop), 0);
	gate_open(&closes);
	EXPECT_INT(aw_concurrent_future_wait(outcome, AW_FOREVER, NULL), 0);
	EXPECT_INT(aw_future_done(future), 0); /* nothing has notified it */
	EXPECT_INT(aw_wrap_future(loop, outcome, &future), AW_ELOOPCLOSED);
	aw_future_unref(future);
	aw_concurrent_future_unref(outcome);
	aw_loop_unref(loop);
	running_end(&other);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* Both ends at once, again and again. */
static void the_end_of_one_and_the_close_of_the_other_may_meet(void) {
	running other = running_begin();
	running_start(&other);
	for (int i = 0; i < 200; i++) {
		aw_loop *loop = NULL;
		aw_concurrent_future *outcome = NULL;
		aw_future *futures[2] = {NULL, NULL};
		EXPECT_INT(aw_loop_new("epoll", &loop), 0);
		EXPECT_INT(aw_run_coroutine_threadsafe(other.loop, gives, "a", NULL, &outcome), 0);
		for (int j = 0; j < 2; j++) EXPECT_INT(aw_wrap_future(loop, outcome, &futures[j]), 0);
		aw_future_unref(futures[0]);
		if (i % 2) EXPECT(aw_loop_run_once(loop, 0) >= 0);
		EXPECT_INT(aw_loop_close(loop), 0);
		aw_future_unref(futures[1]);
		aw_concurrent_future_unref(outcome);
		aw_loop_unref(loop);
	}
	running_end(&other);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* --- the same loop --- */

static aw_status same_loop(void *ud) {
	(void)ud;
	aw_concurrent_future *outcome = NULL;
	aw_future *future = NULL;
	void *value = NULL;
	EXPECT_INT(aw_run_coroutine_threadsafe(aw_loop_current(), gives, "a", NULL, &outcome), 0);
	EXPECT_INT(aw_wrap_future(NULL, outcome, &future), 0);
	EXPECT_INT(aw_await(future, &value), 0);
	EXPECT_STR(value, "a");
	aw_future_unref(future);
	EXPECT_INT(aw_wrap_future(NULL, NULL, &future), AW_EBADHANDLE);
	EXPECT_INT(aw_wrap_future(NULL, outcome, NULL), -EINVAL);
	aw_concurrent_future_unref(outcome);
	return 0;
}

static void it_may_be_the_same_loop(void) {
	EXPECT_INT(aw_run(NULL, same_loop, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("wrap future", TEST(a_task_awaits_what_another_loop_runs),
           TEST(cancelling_it_cancels_what_it_follows), TEST(the_other_loop_may_close_first),
           TEST(this_loop_may_close_first), TEST(the_end_of_one_and_the_close_of_the_other_may_meet),
           TEST(it_may_be_the_same_loop))
