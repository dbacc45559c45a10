/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* gather: order of results, duplicates, the first failure, and the two ways in which a cancelled one ends. */
#include "trace.h"

/*
 * Appends "<word>+" at its start; after word[0] - 'a' + 1 seconds "<word>-", or "<word>X" if cancelled.
 * word[1] says how it ends.
 */
static aw_status child(void *ud) {
	const char *word = ud;
	char text[16];
	snprintf(text, sizeof text, "%c+", *word);
	trace_add(text);
	aw_status status = aw_sleep((*word - 'a' + 1) * AW_SECOND);
	snprintf(text, sizeof text, "%c%c", *word, status < 0 ? 'X' : '-');
	trace_add(text);
	if (status < 0 && word[1] == 's') {
		IGNORED(aw_sleep(AW_SECOND));
		snprintf(text, sizeof text, "%c!", *word);
		trace_add(text);
	}
	if (status < 0) return word[1] == 'v' ? aw_return(ud, NULL) : status;
	return word[1] == 'f' ? aw_raise(-EIO, word) : aw_return(ud, NULL);
}

typedef struct group {
	aw_future *children[4];
	aw_future *all;
	size_t count;
} group;

static group gathered(uint32_t flags, const char *a, const char *b, const char *c) {
	group self = {.count = c ? 3 : b ? 2 : 1};
	const char *words[3] = {a, b, c};
	for (size_t i = 0; i < self.count; i++) self.children[i] = spawn(child, words[i]);
	EXPECT_INT(aw_gather(NULL, self.children, self.count, flags, &self.all), 0);
	return self;
}

static void group_end(group *self) {
	for (size_t i = 0; i < self->count; i++) aw_future_unref(self->children[i]);
	aw_future_unref(self->all);
}

static aw_status in_order(void *ud) {
	(void)ud;
	group self = gathered(0, "b", "a", NULL);
	void *results = NULL, *first = NULL, *second = NULL;
	EXPECT_INT(aw_await(self.all, &results), 0);
	EXPECT_INT(aw_results_count(results), 2);
	EXPECT_INT(aw_results_get(results, 0, &first), 0);
	EXPECT_INT(aw_results_get(results, 1, &second), 0);
	EXPECT_STR(first, "b");
	EXPECT_STR(second, "a");
	EXPECT_INT(aw_results_get(results, 2, &first), -EINVAL);
	EXPECT(aw_results_error(results, 0) == NULL && aw_results_error(results, 2) == NULL);
	/* Results outlive the gather and its children. */
	aw_results_ref(results);
	group_end(&self);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_results_get(results, 0, &first), 0);
	EXPECT_STR(first, "b");
	aw_results_unref(results);
	return 0;
}

static void results_come_in_argument_order(void) {
	EXPECT_INT(run_virtual(in_order), 0);
	EXPECT_STR(trace, "b+ a+ a- b-");
}

static aw_status of_nothing(void *ud) {
	(void)ud;
	aw_future *all = NULL;
	void *results = NULL;
	EXPECT_INT(aw_gather(NULL, NULL, 0, 0, &all), 0);
	EXPECT_INT(aw_future_done(all), 1);
	EXPECT_INT(aw_await(all, &results), 0);
	EXPECT_INT(aw_results_count(results), 0);
	aw_future_unref(all);
	return 0;
}

static void gathering_nothing_is_done_at_once(void) {
	EXPECT_INT(run_virtual(of_nothing), 0);
}

static aw_status duplicates(void *ud) {
	(void)ud;
	aw_future *one = spawn(child, "a"), *all = NULL, *both[3] = {one, one, one};
	void *results = NULL, *value = NULL;
	EXPECT_INT(aw_gather(NULL, both, 3, 0, &all), 0);
	EXPECT_INT(aw_await(all, &results), 0);
	EXPECT_INT(aw_results_count(results), 3);
	for (size_t i = 0; i < 3; i++) {
		EXPECT_INT(aw_results_get(results, i, &value), 0);
		EXPECT_STR(value, "a");
	}
	aw_future_unref(all);
	aw_future_unref(one);
	return 0;
}

static void a_future_given_twice_runs_once_and_appears_twice(void) {
	EXPECT_INT(run_virtual(duplicates), 0);
	EXPECT_STR(trace, "a+ a-");
}

static aw_status note(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace_add(aw_report_message(report));
	return 0;
}

static aw_status first_failure(void *ud) {
	(void)ud;
	aw_loop_set_exception_handler(aw_loop_current(), note, NULL, NULL);
	group self = gathered(0, "af", "b", "cf");
	EXPECT_INT(aw_await(self.all, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "af");
	EXPECT_STR(trace, "a+ b+ c+ a-");
	EXPECT_INT(aw_future_cancel(self.all, NULL), 0);
	IGNORED(aw_sleep(5 * AW_SECOND));
	group_end(&self);
	return 0;
}

static void the_first_failure_ends_it_and_the_others_go_on_unheard(void) {
	EXPECT_INT(run_virtual(first_failure), 0);
	EXPECT_STR(trace, "a+ b+ c+ a- b- c-");
}

static aw_status errors_as_results(void *ud) {
	(void)ud;
	group self = gathered(AW_GATHER_RETURN_ERRORS, "af", "b", "c");
	void *results = NULL, *value = NULL;
	EXPECT(aw_sleep(0) >= 0);
	aw_future_cancel(self.children[1], "mine");
	EXPECT_INT(aw_await(self.all, &results), 0);
	EXPECT_INT(aw_results_get(results, 0, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_results_error(results, 0)), "af");
	EXPECT_INT(aw_results_get(results, 1, NULL), AW_ECANCELLED);
	EXPECT_STR(aw_error_message(aw_results_error(results, 1)), "mine");
	EXPECT_INT(aw_results_get(results, 2, &value), 0);
	EXPECT_STR(value, "c");
	group_end(&self);
	return 0;
}

static void errors_and_cancellations_can_be_results(void) {
	EXPECT_INT(run_virtual(errors_as_results), 0);
}

static aw_status awaits(void *future) {
	aw_status status = aw_await(future, NULL);
	trace_status("gather", status);
	return status;
}

static aw_status cancelled(uint32_t flags) {
	group self = gathered(flags, "b", "cs", NULL);
	aw_future *awaiter = spawn(awaits, self.all);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	EXPECT_INT(aw_future_cancel(self.all, NULL), 1);
	EXPECT_INT(aw_future_done(self.all), 0);
	EXPECT_INT(aw_await(awaiter, NULL), AW_ECANCELLED);
	/* It holds the cancellation as an error. */
	EXPECT_INT(aw_future_cancelled(self.all), 0);
	EXPECT_INT(aw_task_cancelling(aw_future_task(awaiter)), 0);
	IGNORED(aw_sleep(5 * AW_SECOND));
	aw_future_unref(awaiter);
	group_end(&self);
	return 0;
}

static aw_status cancelled_default(void *ud) {
	(void)ud;
	return cancelled(0);
}

static aw_status cancelled_returning_errors(void *ud) {
	(void)ud;
	return cancelled(AW_GATHER_RETURN_ERRORS);
}

static void a_cancelled_gather_ends_with_the_first_cancelled_child(void) {
	EXPECT_INT(run_virtual(cancelled_default), 0);
	EXPECT_STR(trace, "b+ c+ bX cX gather:AW_ECANCELLED c!");
}

static void a_cancelled_gather_that_returns_errors_waits_for_all(void) {
	EXPECT_INT(run_virtual(cancelled_returning_errors), 0);
	EXPECT_STR(trace, "b+ c+ bX cX c! gather:AW_ECANCELLED");
}

static aw_status all_swallow(void *ud) {
	(void)ud;
	for (uint32_t flags = 0; flags < 2; flags++) {
		group self = gathered(flags, "bv", "cv", NULL);
		EXPECT(aw_sleep(0) >= 0);
		EXPECT_INT(aw_future_cancel(self.all, NULL), 1);
		EXPECT_INT(aw_await(self.all, NULL), AW_ECANCELLED);
		EXPECT_INT(aw_future_cancelled(self.all), 0);
		group_end(&self);
	}
	return 0;
}

static void a_cancelled_gather_fails_even_if_every_child_swallowed_it(void) {
	EXPECT_INT(run_virtual(all_swallow), 0);
}

static aw_status child_cancelled(void *ud) {
	(void)ud;
	group self = gathered(0, "a", "b", NULL);
	EXPECT(aw_sleep(0) >= 0);
	aw_future_cancel(self.children[0], NULL);
	EXPECT_INT(aw_await(self.all, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_task_cancelling(aw_task_current()), 0);
	EXPECT_INT(aw_future_cancelled(self.all), 0);
	EXPECT_STR(trace, "a+ b+ aX");
	IGNORED(aw_sleep(5 * AW_SECOND));
	EXPECT_STR(trace, "a+ b+ aX b-");
	group_end(&self);
	return 0;
}

static void a_child_cancelled_by_others_fails_the_gather_alone(void) {
	EXPECT_INT(run_virtual(child_cancelled), 0);
}

static aw_status late_cancel(void *ud) {
	(void)ud;
	aw_future *inner = future_of_running_loop(), *all = NULL;
	EXPECT_INT(aw_gather(NULL, &inner, 1, 0, &all), 0);
	EXPECT(aw_future_set_result(inner, "3", NULL) >= 0);
	EXPECT_INT(aw_future_cancel(all, NULL), 0);
	EXPECT_INT(aw_await(all, NULL), 0);
	aw_future_unref(all);
	aw_future_unref(inner);
	return 0;
}

static void a_cancel_when_all_children_are_done_comes_too_late(void) {
	EXPECT_INT(run_virtual(late_cancel), 0);
}

static aw_status bad_arguments(void *foreign) {
	aw_future *mine = future_of_running_loop(), *all = NULL, *pair[2] = {mine, foreign},
			  *hole[2] = {mine, NULL};
	EXPECT_INT(aw_gather(NULL, pair, 2, 0, &all), AW_EFOREIGNLOOP);
	EXPECT_INT(aw_gather(NULL, hole, 2, 0, &all), AW_EBADHANDLE);
	EXPECT_INT(aw_gather(NULL, NULL, 2, 0, &all), -EINVAL);
	EXPECT_INT(aw_gather(NULL, &mine, 1, 8, &all), -EINVAL);
	EXPECT_INT(aw_gather(NULL, &mine, 1, 0, NULL), -EINVAL);
	EXPECT(all == NULL);
	/* The refused calls left nothing on the future. */
	EXPECT_INT(aw_gather(NULL, &mine, 1, 0, &all), 0);
	EXPECT(aw_future_set_result(mine, NULL, NULL) >= 0);
	EXPECT_INT(aw_await(all, NULL), 0);
	aw_future_unref(all);
	aw_future_unref(mine);
	return 0;
}

static void bad_arguments_change_nothing(void) {
	aw_loop *loop = loop_begin(NULL), *other = NULL;
	aw_future *foreign = NULL;
	aw_task *task;
	REQUIRE(aw_loop_new(NULL, &other) == 0);
	REQUIRE(aw_future_new(other, &foreign) == 0);
	REQUIRE(aw_task_spawn(loop, bad_arguments, foreign, NULL, &task) == 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	aw_future_unref(foreign);
	aw_loop_unref(other);
	loop_end(loop);
}

static aw_status dropped(void *ud) {
	(void)ud;
	group self = gathered(0, "a", "b", NULL);
	group_end(&self);
	IGNORED(aw_sleep(5 * AW_SECOND));
	return 0;
}

static void a_dropped_gather_lets_its_children_go_on(void) {
	EXPECT_INT(run_virtual(dropped), 0);
	EXPECT_STR(trace, "a+ b+ a- b-");
}

static aw_status of_gathers(void *ud) {
	(void)ud;
	group one = gathered(0, "a", "b", NULL), two = gathered(0, "c", NULL, NULL);
	aw_future *both[2] = {one.all, two.all}, *all = NULL;
	void *results = NULL, *inner = NULL, *value = NULL;
	EXPECT_INT(aw_gather(NULL, both, 2, 0, &all), 0);
	EXPECT_INT(aw_await(all, &results), 0);
	EXPECT_INT(aw_results_get(results, 0, &inner), 0);
	EXPECT_INT(aw_results_get(inner, 1, &value), 0);
	EXPECT_STR(value, "b");
	aw_future_unref(all);
	group_end(&one);
	group_end(&two);
	return 0;
}

static void gathers_nest(void) {
	EXPECT_INT(run_virtual(of_gathers), 0);
}

static aw_status kinds(void *ud) {
	(void)ud;
	aw_future *plain = future_of_running_loop(), *all, *outer;
	aw_future *children[] = {plain};
	EXPECT_INT(aw_gather(NULL, children, 1, AW_GATHER_DEFAULT, &all), 0);
	EXPECT_INT(aw_shield(all, &outer), 0);
	EXPECT_INT(aw_future_value_kind(all), AW_VALUE_POINTER); /* it has none yet */
	EXPECT(aw_future_set_result(plain, "v", NULL) >= 0);
	EXPECT_INT(aw_await(outer, NULL), 0);
	EXPECT_INT(aw_future_value_kind(plain), AW_VALUE_POINTER);
	EXPECT_INT(aw_future_value_kind(all), AW_VALUE_RESULTS);
	aw_future_unref(all);
	EXPECT_INT(aw_future_value_kind(outer), AW_VALUE_RESULTS); /* and keeps them */
	aw_future_unref(outer);
	aw_future_unref(plain);
	return 0;
}

static void a_value_tells_what_it_is_also_through_a_shield(void) {
	EXPECT_INT(run_virtual(kinds), 0);
}

CHECK_MAIN("gather", TEST(results_come_in_argument_order), TEST(gathering_nothing_is_done_at_once),
           TEST(a_future_given_twice_runs_once_and_appears_twice),
           TEST(the_first_failure_ends_it_and_the_others_go_on_unheard),
           TEST(errors_and_cancellations_can_be_results),
           TEST(a_cancelled_gather_ends_with_the_first_cancelled_child),
           TEST(a_cancelled_gather_that_returns_errors_waits_for_all),
           TEST(a_cancelled_gather_fails_even_if_every_child_swallowed_it),
           TEST(a_child_cancelled_by_others_fails_the_gather_alone),
           TEST(a_cancel_when_all_children_are_done_comes_too_late), TEST(bad_arguments_change_nothing),
           TEST(a_dropped_gather_lets_its_children_go_on), TEST(gathers_nest),
           TEST(a_value_tells_what_it_is_also_through_a_shield))
