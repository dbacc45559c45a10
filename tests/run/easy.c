/* SPDX-License-Identifier: MIT */
/*
 * The optional header: early returns on error statuses, and handles that are released at the end of their
 * scope, however it is left. C11.
 */
#include <await/easy.h>

#include "trace.h"

static aw_status gives(void *word) {
	AW_TRY(aw_sleep(AW_SECOND));
	return aw_return(word, say_destroyed);
}

static aw_status fails(void *ud) {
	(void)ud;
	AW_TRY(aw_sleep(AW_SECOND));
	return aw_raisef(-EIO, "no %s", "luck");
}

static aw_status passes_on(void *early) {
	AW_AUTO(aw_future) first = NULL;
	AW_AUTO(aw_future) second = NULL;
	AW_TRY(aw_task_spawn_future(NULL, early ? fails : gives, "a", NULL, &first));
	AW_TRY(aw_task_spawn_future(NULL, gives, "b", NULL, &second));
	AW_TRY(aw_await(first, NULL));
	AW_TRY(aw_await(second, NULL));
	trace_add("both");
	return 7;
}

static aw_status tries(void *ud) {
	(void)ud;
	EXPECT_INT(passes_on(NULL), 7);
	EXPECT(aw_sleep(2 * AW_SECOND) >= 0);
	EXPECT_STR(trace, "both ~b ~a");
	trace_reset();
	EXPECT_INT(passes_on("early"), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "no luck"); /* it was passed on unchanged */
	EXPECT(aw_sleep(2 * AW_SECOND) >= 0);
	EXPECT_STR(trace, "~b");
	return 0;
}

static void a_negative_status_returns_and_handles_are_dropped(void) {
	EXPECT_INT(run_virtual(tries), 0);
}

static aw_status takes(void *results_out) {
	AW_AUTO(aw_results) results = NULL;
	aw_future *all = NULL;
	void *inputs[] = {"a", "b"}, *value = NULL;
	char *word = NULL;
	aw_future *one = NULL;
	AW_TRY(aw_gather_map(NULL, gives, inputs, 2, 0, &all));
	AW_TRY_TAKE(all, results);
	AW_TRY(aw_results_get(results, 1, &value));
	EXPECT_STR(value, "b");
	AW_TRY(aw_task_spawn_future(NULL, gives, "c", NULL, &one));
	AW_TRY_TAKE(one, word);
	EXPECT_STR(word, "c");
	*(aw_results **)results_out = AW_STEAL(results);
	EXPECT(results == NULL);
	AW_TRY(aw_task_spawn_future(NULL, fails, NULL, NULL, &one));
	AW_TRY_TAKE(one, word);
	trace_add("not reached");
	return 0;
}

static aw_status taken(void *ud) {
	(void)ud;
	aw_results *results = NULL;
	EXPECT_INT(takes(&results), -EIO);
	EXPECT_INT(aw_results_count(results), 2);
	EXPECT_STR(trace, "");
	aw_results_unref(results);
	EXPECT_STR(trace, "~a ~b");
	return 0;
}

static void values_are_taken_and_references_moved(void) {
	EXPECT_INT(run_virtual(taken), 0);
}

static aw_status one_of_each(void *ud) {
	(void)ud;
	AW_AUTO(aw_loop) loop = NULL;
	AW_AUTO(aw_lock) lock = NULL;
	AW_AUTO(aw_event) event = NULL;
	AW_AUTO(aw_queue) queue = NULL;
	AW_AUTO(aw_error) error = NULL;
	AW_AUTO(aw_process_options) options = NULL;
	AW_AUTO(aw_timeout) timeout = NULL;
	AW_AUTO(aw_taskgroup) group = NULL;
	AW_TRY(aw_loop_new(NULL, &loop));
	AW_TRY(aw_lock_new(NULL, &lock));
	AW_TRY(aw_event_new(NULL, &event));
	AW_TRY(aw_queue_new(NULL, 1, &queue));
	AW_TRY(aw_error_new(NULL, -EIO, "x", NULL, NULL, &error));
	AW_TRY(aw_process_options_new(&options));
	AW_TRY(aw_timeout_new(NULL, AW_SECOND, &timeout));
	AW_TRY(aw_taskgroup_new(NULL, &group));
	for (int i = 0; i < 3; i++) {
		AW_AUTO(aw_semaphore) semaphore = NULL;
		AW_TRY(aw_semaphore_new(NULL, 1, &semaphore));
		if (i == 1) continue;
	}
	return 0;
}

static void every_kind_of_handle_ends_with_its_scope(void) {
	EXPECT_INT(run_virtual(one_of_each), 0);
}

CHECK_MAIN("easy", TEST(a_negative_status_returns_and_handles_are_dropped),
           TEST(values_are_taken_and_references_moved), TEST(every_kind_of_handle_ends_with_its_scope))
