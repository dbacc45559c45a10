/* SPDX-License-Identifier: MIT */
/*
 * Semaphore and barrier: permits are neither lost nor overtaken; a barrier lets rounds through one after
 * another.
 */
#include "trace.h"

static aw_semaphore *semaphore;
static aw_barrier *barrier;

static aw_status take(void *name) {
	aw_status status = aw_semaphore_acquire(semaphore);
	if (status < 0) {
		trace_status(name, status);
		return status;
	}
	trace_add(name);
	return 0;
}

static aw_status overtaking(void *ud) {
	(void)ud;
	EXPECT_INT(aw_semaphore_new(NULL, 1, &semaphore), 0);
	EXPECT(aw_semaphore_acquire(semaphore) >= 0);
	aw_future *a = spawn(take, "a"), *b = spawn(take, "b");
	EXPECT(aw_sleep(0) >= 0);
	aw_semaphore_release(semaphore);
	EXPECT_INT(aw_semaphore_locked(semaphore), 1);
	EXPECT_INT(aw_semaphore_try_acquire(semaphore), -EAGAIN);
	IGNORED(aw_await(a, NULL));
	aw_semaphore_release(semaphore);
	IGNORED(aw_await(b, NULL));
	EXPECT_STR(trace, "a b");
	aw_future_unref(a);
	aw_future_unref(b);
	aw_semaphore_unref(semaphore);
	return 0;
}

static void newcomers_never_overtake(void) {
	EXPECT_INT(run_virtual(overtaking), 0);
}

static aw_status given_back(void *ud) {
	(void)ud;
	EXPECT_INT(aw_semaphore_new(NULL, 0, &semaphore), 0);
	aw_future *a = spawn(take, "a"), *b = spawn(take, "b");
	EXPECT(aw_sleep(0) >= 0);
	aw_semaphore_release(semaphore);
	aw_task_cancel(aw_future_task(a), NULL);
	IGNORED(aw_await(a, NULL));
	IGNORED(aw_await(b, NULL));
	EXPECT_STR(trace, "a:AW_ECANCELLED b");
	EXPECT_INT(aw_semaphore_value(semaphore), 0);
	aw_future_unref(a);
	aw_future_unref(b);
	aw_semaphore_unref(semaphore);
	return 0;
}

static void a_permit_of_the_cancelled_goes_to_the_next(void) {
	EXPECT_INT(run_virtual(given_back), 0);
}

static aw_status bounds(void *ud) {
	(void)ud;
	EXPECT_INT(aw_semaphore_new(NULL, -1, &semaphore), -EINVAL);
	EXPECT_INT(aw_semaphore_new_bounded(NULL, 1, &semaphore), 0);
	EXPECT_INT(aw_semaphore_release(semaphore), -EINVAL);
	EXPECT_INT(aw_semaphore_acquire(semaphore), 0);
	EXPECT_INT(aw_semaphore_release(semaphore), 0);
	aw_semaphore_unref(semaphore);
	return 0;
}

static void a_bounded_semaphore_takes_no_more_than_it_gave(void) {
	EXPECT_INT(run_virtual(bounds), 0);
}

static aw_status meet(void *name) {
	aw_status index = aw_barrier_wait(barrier);
	if (index < 0)
		trace_status(name, index);
	else
		trace_number(name, index);
	return 0;
}

static aw_status rounds(void *ud) {
	(void)ud;
	EXPECT_INT(aw_barrier_new(NULL, 3, &barrier), 0);
	for (int round = 0; round < 2; round++) {
		aw_future *tasks[] = {spawn(meet, "a"), spawn(meet, "b"), spawn(meet, "c")};
		for (size_t i = 0; i < 3; i++) {
			IGNORED(aw_await(tasks[i], NULL));
			aw_future_unref(tasks[i]);
		}
	}
	EXPECT_STR(trace, "c:2 a:0 b:1 c:2 a:0 b:1");
	EXPECT_INT(aw_barrier_n_waiting(barrier), 0);
	aw_barrier_unref(barrier);
	return 0;
}

static void the_last_to_arrive_goes_on_first_and_the_barrier_is_reusable(void) {
	EXPECT_INT(run_virtual(rounds), 0);
}

static aw_status broken(void *ud) {
	(void)ud;
	EXPECT_INT(aw_barrier_new(NULL, 2, &barrier), 0);
	aw_future *a = spawn(meet, "a");
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_barrier_n_waiting(barrier), 1);
	aw_task_cancel(aw_future_task(a), NULL);
	IGNORED(aw_await(a, NULL));
	EXPECT_INT(aw_barrier_broken(barrier), 0);
	EXPECT_INT(aw_barrier_n_waiting(barrier), 0);
	aw_future *b = spawn(meet, "b");
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_barrier_reset(barrier), 0);
	IGNORED(aw_await(b, NULL));
	aw_future *c = spawn(meet, "c");
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_barrier_abort(barrier), 0);
	IGNORED(aw_await(c, NULL));
	EXPECT_INT(aw_barrier_wait(barrier), AW_EBROKENBARRIER);
	EXPECT_STR(trace, "a:AW_ECANCELLED b:AW_EBROKENBARRIER c:AW_EBROKENBARRIER");
	aw_future_unref(a);
	aw_future_unref(b);
	aw_future_unref(c);
	aw_barrier_unref(barrier);
	return 0;
}

static void reset_breaks_a_round_and_abort_breaks_for_good(void) {
	EXPECT_INT(run_virtual(broken), 0);
}

CHECK_MAIN("semaphore", TEST(newcomers_never_overtake), TEST(a_permit_of_the_cancelled_goes_to_the_next),
           TEST(a_bounded_semaphore_takes_no_more_than_it_gave),
           TEST(the_last_to_arrive_goes_on_first_and_the_barrier_is_reusable),
           TEST(reset_breaks_a_round_and_abort_breaks_for_good))
