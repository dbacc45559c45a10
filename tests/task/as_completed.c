/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* as_completed: the order of completion, duplicates, the limit, and cancelled requests. */
#include "trace.h"

static aw_status after_seconds(void *ud) {
	return aw_sleep((*(const char *)ud - '0') * AW_SECOND);
}

static aw_future *tasks[3];

static aw_as_completed *iterate(size_t count, int64_t timeout) {
	static const char *const seconds[] = {"3", "1", "2"};
	aw_as_completed *iterator = NULL;
	for (size_t i = 0; i < 3; i++) tasks[i] = spawn(after_seconds, seconds[i]);
	EXPECT_INT(aw_as_completed_new(NULL, tasks, count, timeout, &iterator), 0);
	return iterator;
}

static void iterate_end(aw_as_completed *iterator) {
	for (int i = 0; i < 3; i++) aw_future_unref(tasks[i]);
	aw_as_completed_unref(iterator);
}

/* Returns the index of the completed task, or the status. */
static int next(aw_as_completed *iterator) {
	aw_future *future = NULL;
	aw_status status = aw_as_completed_next(iterator, &future);
	if (status < 0) return status;
	EXPECT_INT(aw_future_done(future), 1);
	aw_future_unref(future);
	for (int i = 0; i < 3; i++)
		if (future == tasks[i]) return i;
	return 99;
}

static aw_status order(void *ud) {
	(void)ud;
	aw_as_completed *iterator = iterate(3, AW_FOREVER);
	EXPECT_INT(next(iterator), 1);
	EXPECT_INT(next(iterator), 2);
	EXPECT_INT(next(iterator), 0);
	EXPECT_INT(next(iterator), AW_ESTOPITERATION);
	EXPECT_INT(next(iterator), AW_ESTOPITERATION);
	iterate_end(iterator);
	return 0;
}

static void futures_come_as_they_end(void) {
	EXPECT_INT(run_virtual(order), 0);
}

static aw_status limit(void *ud) {
	(void)ud;
	aw_as_completed *iterator = iterate(3, AW_SECOND + AW_MILLISECOND);
	EXPECT_INT(next(iterator), 1);
	EXPECT_INT(next(iterator), AW_ETIMEOUT);
	EXPECT_INT(next(iterator), AW_ETIMEOUT);
	EXPECT_INT(next(iterator), AW_ESTOPITERATION);
	EXPECT(!aw_future_done(tasks[0]) && !aw_future_done(tasks[2]));
	EXPECT_INT(aw_await(tasks[0], NULL), 0);
	iterate_end(iterator);
	return 0;
}

static void after_the_limit_each_one_left_is_a_timeout(void) {
	EXPECT_INT(run_virtual(limit), 0);
}

static aw_status duplicates(void *ud) {
	(void)ud;
	aw_future *one = future_of_running_loop(), *twice[2] = {one, one}, *got = NULL;
	aw_as_completed *iterator = NULL;
	EXPECT(aw_future_set_result(one, NULL, NULL) >= 0);
	EXPECT_INT(aw_as_completed_new(NULL, twice, 2, AW_FOREVER, &iterator), 0);
	EXPECT_INT(aw_as_completed_next(iterator, &got), 0);
	EXPECT(got == one);
	aw_future_unref(got);
	EXPECT_INT(aw_as_completed_next(iterator, &got), AW_ESTOPITERATION);
	aw_as_completed_unref(iterator);
	EXPECT_INT(aw_as_completed_new(NULL, NULL, 0, AW_FOREVER, &iterator), 0);
	EXPECT_INT(aw_as_completed_next(iterator, &got), AW_ESTOPITERATION);
	aw_as_completed_unref(iterator);
	aw_future_unref(one);
	return 0;
}

static void a_future_given_twice_comes_once_and_none_ends_at_once(void) {
	EXPECT_INT(run_virtual(duplicates), 0);
}

static aw_status ask(void *iterator) {
	int got = next(iterator);
	trace_number("got", got);
	return got < 0 ? got : 0;
}

static aw_status several_askers(void *ud) {
	(void)ud;
	aw_as_completed *iterator = iterate(3, AW_FOREVER);
	aw_future *askers[4];
	for (int i = 0; i < 4; i++) askers[i] = spawn(ask, iterator);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	/* One request too many fails at once. */
	EXPECT_INT(aw_future_result(askers[3], NULL), AW_ESTOPITERATION);
	/* The first is cancelled before any task has ended: the second takes its place. */
	aw_future_cancel(askers[0], NULL);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	EXPECT_INT(aw_await(askers[1], NULL), 0);
	EXPECT_INT(next(iterator) == 0 || aw_future_done(askers[2]), 1);
	for (int i = 0; i < 4; i++) aw_future_unref(askers[i]);
	IGNORED(aw_sleep(10 * AW_SECOND));
	iterate_end(iterator);
	return 0;
}

static void a_cancelled_asker_leaves_its_turn_to_the_next(void) {
	EXPECT_INT(run_virtual(several_askers), 0);
	EXPECT_STR(trace, "got:-5010 got:-5001 got:1 got:2");
}

static aw_status cancelled_when_woken(void *ud) {
	(void)ud;
	aw_as_completed *iterator = NULL;
	aw_future *inner = future_of_running_loop(), *got = NULL;
	EXPECT_INT(aw_as_completed_new(NULL, &inner, 1, AW_FOREVER, &iterator), 0);
	aw_future *asker = spawn(ask, iterator);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT(aw_future_set_result(inner, NULL, NULL) >= 0);
	EXPECT(aw_sleep(0) >= 0); /* the completion is queued, and the requester is about to run */
	aw_future_cancel(asker, NULL);
	EXPECT_INT(aw_await(asker, NULL), AW_ECANCELLED);
	/* Nothing is lost. */
	EXPECT_INT(aw_as_completed_next(iterator, &got), 0);
	EXPECT(got == inner);
	aw_future_unref(got);
	aw_future_unref(asker);
	aw_future_unref(inner);
	aw_as_completed_unref(iterator);
	return 0;
}

static void an_asker_cancelled_when_woken_takes_nothing(void) {
	EXPECT_INT(run_virtual(cancelled_when_woken), 0);
}

static aw_status broken_off(void *ud) {
	(void)ud;
	aw_as_completed *iterator = iterate(3, 100 * AW_SECOND);
	EXPECT_INT(next(iterator), 1);
	aw_as_completed_unref(iterator);
	EXPECT_INT(aw_await(tasks[0], NULL), 0);
	EXPECT_INT(aw_loop_deadline(aw_loop_current()), AW_FOREVER);
	for (int i = 0; i < 3; i++) aw_future_unref(tasks[i]);
	return 0;
}

static void breaking_off_leaves_the_others_running(void) {
	EXPECT_INT(run_virtual(broken_off), 0);
}

static aw_status bad_arguments(void *ud) {
	(void)ud;
	aw_as_completed *iterator = NULL;
	aw_future *one = future_of_running_loop(), *hole[2] = {one, NULL};
	EXPECT_INT(aw_as_completed_new(NULL, hole, 2, 0, &iterator), AW_EBADHANDLE);
	EXPECT_INT(aw_as_completed_new(NULL, NULL, 2, 0, &iterator), -EINVAL);
	EXPECT_INT(aw_as_completed_new(NULL, &one, 1, 0, NULL), -EINVAL);
	EXPECT_INT(aw_as_completed_next(NULL, hole), AW_EBADHANDLE);
	aw_future_unref(one);
	return 0;
}

static void bad_arguments_are_refused(void) {
	EXPECT_INT(run_virtual(bad_arguments), 0);
}

CHECK_MAIN("as_completed", TEST(futures_come_as_they_end), TEST(after_the_limit_each_one_left_is_a_timeout),
           TEST(a_future_given_twice_comes_once_and_none_ends_at_once),
           TEST(a_cancelled_asker_leaves_its_turn_to_the_next),
           TEST(an_asker_cancelled_when_woken_takes_nothing), TEST(breaking_off_leaves_the_others_running),
           TEST(bad_arguments_are_refused))
