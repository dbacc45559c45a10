/* SPDX-License-Identifier: MIT */
/* Labels: seconds=240 */
/*
 * Deep chains of futures, errors, tasks and coroutines: cancelling, resolving and releasing them takes
 * constant stack. The cases run on the stack of a small thread and in a stackful task.
 */
#include "trace.h"

#include <pthread.h>

/* Under a sanitizer every object is a separate allocation, with a margin, and each step is slow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { DEPTH = 50000, TASKS = 2000 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { DEPTH = 50000, TASKS = 2000 };
#else
enum { DEPTH = 300000, TASKS = 20000 };
#endif
#else
enum { DEPTH = 300000, TASKS = 20000 };
#endif

typedef void (*chain_fn)(aw_loop *loop);

/* Reported once at the end of a case, since millions of checks are slow. */
static int failures;

static void must(aw_status status) {
	failures += status != 0;
}

static aw_status in_task(void *ud) {
	chain_fn run = *(chain_fn *)ud;
	run(aw_loop_current());
	return 0;
}

/* The thread's stack is as small as a task's, so that deep releases on it are detected too. */
static void *on_small_thread(void *ud) {
	chain_fn run = *(chain_fn *)ud;
	aw_loop *loop = loop_begin(NULL);
	run(loop);
	loop_settle(loop);
	loop_end(loop);
	loop = loop_begin(NULL);
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(loop, in_task, ud, NULL, &task), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	loop_settle(loop);
	loop_end(loop);
	EXPECT_INT(failures, 0);
	return NULL;
}

static void run_chain(chain_fn run) {
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	REQUIRE(pthread_attr_setstacksize(&attributes, 256 * 1024) == 0);
	REQUIRE(pthread_create(&thread, &attributes, on_small_thread, &run) == 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

/* --- gathers in gathers --- */

static aw_future *plain(aw_loop *loop) {
	aw_future *future = NULL;
	must(aw_future_new(loop, &future));
	return future;
}

/* A gather over a gather over … over `inner`, whose reference it takes. */
static aw_future *gathers(aw_loop *loop, aw_future *inner) {
	for (int i = 0; i < DEPTH; i++) {
		aw_future *outer = NULL;
		must(aw_gather(loop, &inner, 1, 0, &outer));
		aw_future_unref(inner);
		inner = outer;
	}
	return inner;
}

static void cancel_gathers(aw_loop *loop) {
	aw_future *leaf = plain(loop), *all = gathers(loop, aw_future_ref(leaf));
	EXPECT_INT(aw_future_cancel(all, NULL), 1);
	EXPECT(aw_future_cancelled(leaf));
	/* As in asyncio, nothing is left to cancel. */
	EXPECT_INT(aw_future_cancel(all, NULL), 0);
	aw_future_unref(leaf);
	aw_future_unref(all);
}

static void drop_pending_gathers(aw_loop *loop) {
	aw_future *leaf = plain(loop);
	aw_future_unref(gathers(loop, aw_future_ref(leaf)));
	aw_future_unref(leaf);
}

/* Each is created over a completed one, so it completes at once, and their results hold each other. */
static void drop_done_gathers(aw_loop *loop) {
	aw_future *leaf = plain(loop);
	EXPECT_INT(aw_future_set_result(leaf, NULL, NULL), 0);
	aw_future *all = gathers(loop, leaf);
	EXPECT(aw_future_done(all));
	aw_future_unref(all);
}

static void drop_failed_gathers(aw_loop *loop) {
	aw_future *leaf = plain(loop);
	EXPECT_INT(aw_future_fail(leaf, -EIO, "deep"), 0);
	aw_future *all = gathers(loop, leaf);
	EXPECT_INT(aw_future_result(all, NULL), -EIO);
	aw_future_unref(all);
}

static void gathers_are_cancelled(void) {
	run_chain(cancel_gathers);
}
static void pending_gathers_are_dropped(void) {
	run_chain(drop_pending_gathers);
}
static void done_gathers_are_dropped(void) {
	run_chain(drop_done_gathers);
}
static void failed_gathers_are_dropped(void) {
	run_chain(drop_failed_gathers);
}

/* --- shields --- */

static aw_future *shields(aw_loop *loop, aw_future *inner) {
	(void)loop;
	for (int i = 0; i < DEPTH; i++) {
		aw_future *outer = NULL;
		must(aw_shield(inner, &outer));
		aw_future_unref(inner);
		inner = outer;
	}
	return inner;
}

static void drop_shields(aw_loop *loop) {
	aw_future *leaf = plain(loop), *outer = shields(loop, aw_future_ref(leaf));
	aw_future_unref(outer);
	aw_future_unref(leaf);
}

static void drop_what_is_shielded(aw_loop *loop) {
	aw_future *leaf = plain(loop), *outer = shields(loop, aw_future_ref(leaf));
	aw_future_unref(leaf);
	aw_future_unref(outer);
}

static void cancel_shields(aw_loop *loop) {
	aw_future *leaf = plain(loop), *outer = shields(loop, aw_future_ref(leaf));
	EXPECT_INT(aw_future_cancel(outer, NULL), 1);
	EXPECT(!aw_future_done(leaf));
	EXPECT_INT(aw_future_cancel(leaf, NULL), 1);
	aw_future_unref(outer);
	aw_future_unref(leaf);
}

static void shields_are_dropped(void) {
	run_chain(drop_shields);
}
static void what_is_shielded_is_dropped(void) {
	run_chain(drop_what_is_shielded);
}
static void shields_are_cancelled(void) {
	run_chain(cancel_shields);
}

/* Resolved one shield per iteration; then each holds the value of the one inside it. */
static void a_resolved_chain_of_shields_is_released(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *leaf = plain(loop), *outer = shields(loop, aw_future_ref(leaf));
	EXPECT_INT(aw_future_set_result(leaf, "v", NULL), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, outer, NULL), 0);
	aw_future_unref(leaf);
	aw_future_unref(outer);
	loop_end(loop);
}

/* --- errors in groups --- */

static void drop_error_groups(aw_loop *loop) {
	aw_error *inner = NULL;
	EXPECT_INT(aw_error_new(loop, -EIO, "deep", NULL, NULL, &inner), 0);
	for (int i = 0; i < DEPTH; i++) {
		aw_error *outer = NULL;
		must(aw_error_new_group(loop, "group", &inner, 1, &outer));
		aw_error_unref(inner);
		inner = outer;
	}
	EXPECT_STR(aw_error_message(inner), "group");
	aw_error_unref(inner);
}

static void error_groups_are_dropped(void) {
	run_chain(drop_error_groups);
}

static void drop_payload(void *error) {
	aw_error_unref(error);
}

static void drop_errors_with_payload(aw_loop *loop) {
	aw_error *inner = NULL;
	for (int i = 0; i < DEPTH; i++) {
		aw_error *outer = NULL;
		must(aw_error_new(loop, -EIO, NULL, inner, inner ? drop_payload : NULL, &outer));
		inner = outer;
	}
	aw_error_unref(inner);
}

static void errors_that_carry_each_other_are_dropped(void) {
	run_chain(drop_errors_with_payload);
}

/* --- values, host data and callbacks that hold each other --- */

static void drop_future(void *future) {
	aw_future_unref(future);
}

static void drop_values(aw_loop *loop) {
	aw_future *inner = plain(loop);
	for (int i = 0; i < DEPTH; i++) {
		aw_future *outer = plain(loop);
		must(aw_future_set_result(outer, inner, drop_future));
		inner = outer;
	}
	aw_future_unref(inner);
}

static void drop_host_data(aw_loop *loop) {
	aw_future *inner = plain(loop);
	for (int i = 0; i < DEPTH; i++) {
		aw_future *outer = plain(loop);
		must(aw_future_set_host_data(outer, inner, drop_future));
		inner = outer;
	}
	aw_future_unref(inner);
}

static void drop_callbacks(aw_loop *loop) {
	aw_future *inner = plain(loop);
	for (int i = 0; i < DEPTH; i++) {
		aw_future *outer = plain(loop);
		must(aw_future_add_done_callback(outer, say_done, inner, drop_future));
		inner = outer;
	}
	aw_future_unref(inner);
}

static void futures_that_are_values_of_futures_are_dropped(void) {
	run_chain(drop_values);
}
static void futures_that_are_host_data_of_futures_are_dropped(void) {
	run_chain(drop_host_data);
}
static void futures_that_callbacks_of_futures_hold_are_dropped(void) {
	run_chain(drop_callbacks);
}

static void drop_queue(void *queue) {
	aw_queue_unref(queue);
}

static void drop_queues(aw_loop *loop) {
	aw_queue *inner = NULL;
	EXPECT_INT(aw_queue_new(loop, 0, &inner), 0);
	for (int i = 0; i < DEPTH / 4; i++) {
		aw_queue *outer = NULL;
		must(aw_queue_new(loop, 0, &outer));
		must(aw_queue_put_nowait(outer, inner, drop_queue));
		inner = outer;
	}
	aw_queue_unref(inner);
}

static void queues_in_queues_are_dropped(void) {
	run_chain(drop_queues);
}

static aw_status no_next(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	return AW_ESTOPITERATION;
}

static void drop_iterator(void *iterator) {
	aw_iterator_unref(iterator);
}

static void drop_iterators(aw_loop *loop) {
	aw_iterator *inner = NULL;
	for (int i = 0; i < DEPTH; i++) {
		aw_iterator *outer = NULL;
		must(aw_iterator_new(loop, no_next, inner, inner ? drop_iterator : NULL, &outer));
		inner = outer;
	}
	aw_iterator_unref(inner);
}

static void iterators_over_iterators_are_dropped(void) {
	run_chain(drop_iterators);
}

static void drop_ends(void *iterator) {
	aw_as_completed_unref(iterator);
}

static void drop_as_completed(aw_loop *loop) {
	aw_future *inner = plain(loop);
	for (int i = 0; i < DEPTH / 4; i++) {
		aw_as_completed *ends = NULL;
		aw_future *outer = plain(loop);
		must(aw_as_completed_new(loop, &inner, 1, AW_FOREVER, &ends));
		must(aw_future_set_host_data(outer, ends, drop_ends));
		aw_future_unref(inner);
		inner = outer;
	}
	aw_future_unref(inner);
}

static void as_completed_over_as_completed_is_dropped(void) {
	run_chain(drop_as_completed);
}

/* --- context values --- */

static char keys[TASKS];

static aw_status binds_many(void *ud) {
	(void)ud;
	void *value = NULL;
	/* The lookup of a new key walks the whole chain, so this uses only a fast number of them. */
	for (int i = 0; i < TASKS / 2; i++) EXPECT(aw_context_set(&keys[i], &keys[i], NULL) == 0);
	EXPECT_INT(aw_context_set(&keys[0], "new", NULL), 0);
	EXPECT_INT(aw_context_get(&keys[0], &value), 0);
	EXPECT_STR(value, "new");
	EXPECT_INT(aw_context_get(&keys[1], &value), 0);
	EXPECT(value == &keys[1]);
	EXPECT_INT(aw_context_unset(&keys[1]), 0);
	EXPECT_INT(aw_context_get(&keys[1], &value), -ENOENT);
	EXPECT_INT(aw_context_get(&keys[2], &value), 0);
	EXPECT(value == &keys[2]);
	return 0;
}

static void many_context_values_are_bound_anew_and_dropped(void) {
	EXPECT_INT(run_virtual(binds_many), 0);
}

/* --- coroutines that await each other --- */

static void drop_coro(void *coro) {
	aw_coro_unref(coro);
}

static aw_status awaits_coro(aw_resume *resume, void *coro) {
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	if (aw_resume_value(resume)) return aw_resume_return(resume, aw_resume_value(resume), NULL);
	return aw_resume_delegate(resume, coro);
}

static aw_status awaits_future(aw_resume *resume, void *future) {
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	if (aw_resume_value(resume)) return aw_resume_return(resume, aw_resume_value(resume), NULL);
	return aw_resume_await(resume, future);
}

/* A coroutine that awaits a coroutine that awaits … `leaf`. */
static aw_coro *coros(aw_loop *loop, aw_future *leaf) {
	aw_coro *inner = NULL;
	EXPECT_INT(aw_coro_new(loop, awaits_future, leaf, NULL, &inner), 0);
	for (int i = 0; i < DEPTH; i++) {
		aw_coro *outer = NULL;
		must(aw_coro_new(loop, awaits_coro, inner, drop_coro, &outer));
		inner = outer;
	}
	return inner;
}

static void drop_coros(aw_loop *loop) {
	aw_coro_unref(coros(loop, NULL));
}

static void coroutines_that_never_ran_are_dropped(void) {
	run_chain(drop_coros);
}

/* Ends as `end` says: with a value, with a cancellation, or, if NULL, with the loop. */
static void run_coros(void (*end)(aw_future *leaf, aw_task *task), aw_status want) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *leaf = plain(loop);
	aw_coro *coro = coros(loop, leaf);
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn_coro(loop, coro, &task), 0);
	aw_coro_unref(coro);
	IGNORED(aw_loop_run_once(loop, 0));
	if (end) {
		end(leaf, task);
		EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), want);
	}
	aw_task_unref(task);
	aw_future_unref(leaf);
	loop_end(loop);
}

static void end_by_value(aw_future *leaf, aw_task *task) {
	(void)task;
	EXPECT_INT(aw_future_set_result(leaf, "value", NULL), 0);
}

static void end_by_cancel(aw_future *leaf, aw_task *task) {
	(void)leaf;
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
}

static void coroutines_return_to_each_other(void) {
	run_coros(end_by_value, 0);
}
static void coroutines_that_await_each_other_are_cancelled(void) {
	run_coros(end_by_cancel, AW_ECANCELLED);
}
static void coroutines_that_await_each_other_end_with_their_loop(void) {
	run_coros(NULL, 0);
}

/* --- tasks --- */

static aw_task *task_awaiting(aw_loop *loop, aw_future *future) {
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	must(aw_coro_new(loop, awaits_future, future, drop_future, &coro));
	must(aw_task_spawn_coro(loop, coro, &task));
	aw_coro_unref(coro);
	return task;
}

/* A task that awaits a gather over a task that awaits a gather … over `leaf`, whose reference it takes. */
static aw_task *tasks_and_gathers(aw_loop *loop, aw_future *leaf) {
	aw_task *task = task_awaiting(loop, leaf);
	for (int i = 0; i < DEPTH / 10; i++) {
		aw_future *inner = aw_task_future(task), *all = NULL;
		must(aw_gather(loop, &inner, 1, 0, &all));
		aw_task_unref(task);
		task = task_awaiting(loop, all);
	}
	return task;
}

static void cancel_tasks_and_gathers(aw_loop *loop) {
	aw_future *leaf = plain(loop);
	aw_task *task = tasks_and_gathers(loop, aw_future_ref(leaf));
	if (aw_task_current())
		IGNORED(aw_sleep(0));
	else
		IGNORED(aw_loop_run_once(loop, 0));
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
	EXPECT_INT(aw_task_cancelling(task), 1);
	EXPECT(aw_future_cancelled(leaf));
	EXPECT(!aw_future_done(aw_task_future(task)));
	aw_task_unref(task);
	aw_future_unref(leaf);
}

static void tasks_that_await_gathers_of_tasks_are_cancelled(void) {
	run_chain(cancel_tasks_and_gathers);
}

static void tasks_that_await_gathers_of_tasks_are_resolved(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *leaf = plain(loop);
	aw_task *task = tasks_and_gathers(loop, aw_future_ref(leaf));
	EXPECT_INT(aw_future_set_result(leaf, "value", NULL), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_future_unref(leaf);
	aw_task_unref(task);
	loop_end(loop);
}

/* Each is alive only through what the next one holds. */
static aw_status awaits_next(void *future) {
	return aw_await(future, NULL);
}

static aw_status waits_in_threes(void *ud) {
	(void)ud;
	aw_future *leaf = future_of_running_loop(), *at = aw_future_ref(leaf);
	for (int i = 0; i < TASKS / 10; i++) {
		aw_task *task = NULL;
		aw_future *outer = NULL;
		must(aw_task_spawn(NULL, awaits_next, at, drop_future, &task));
		must(aw_shield(aw_task_future(task), &outer));
		aw_task_unref(task);
		must(aw_gather(NULL, &outer, 1, 0, &at));
		aw_future_unref(outer);
	}
	IGNORED(aw_sleep(0));
	EXPECT_INT(aw_future_cancel(at, NULL), 1);
	EXPECT_INT(aw_future_cancel(leaf, NULL), 1);
	aw_future_unref(at);
	aw_future_unref(leaf);
	return 0;
}

static void stackful_tasks_shields_and_gathers_over_each_other_end(void) {
	EXPECT_INT(run_virtual(waits_in_threes), 0);
}

/* --- timeouts in timeouts --- */

static aw_status in_many_timeouts(void *ud) {
	(void)ud;
	aw_timeout **scopes = calloc(TASKS, sizeof(aw_timeout *));
	if (!scopes) return -ENOMEM;
	for (int i = 0; i < TASKS; i++) {
		must(aw_timeout_new(NULL, AW_MILLISECOND, &scopes[i]));
		must(aw_timeout_enter(scopes[i]));
	}
	aw_status status = aw_sleep(AW_SECOND);
	EXPECT_INT(status, AW_ECANCELLED);
	for (int i = TASKS - 1; i >= 0; i--) status = aw_timeout_exit(scopes[i], status);
	EXPECT_INT(status, AW_ETIMEOUT);
	EXPECT_INT(aw_task_cancelling(aw_task_current()), 0);
	for (int i = 0; i < TASKS; i++) aw_timeout_unref(scopes[i]);
	free(scopes);
	return 0;
}

static void timeouts_in_timeouts_pass(void) {
	EXPECT_INT(run_virtual(in_many_timeouts), 0);
}

/* --- the tree of tasks --- */

enum { BRANCH = 60 };

static void print_tree(aw_loop *loop) {
	aw_future *at = plain(loop);
	for (int i = 0; i < BRANCH; i++) {
		aw_task *task = task_awaiting(loop, at);
		at = aw_task_future(task);
		for (int k = 0; k < BRANCH; k++) {
			aw_future *outer = NULL;
			must(aw_gather(loop, &at, 1, 0, &outer));
			aw_future_unref(at);
			at = outer;
		}
	}
	aw_task *top = task_awaiting(loop, at);
	if (aw_task_current())
		IGNORED(aw_sleep(0));
	else
		IGNORED(aw_loop_run_once(loop, 0));
	FILE *file = tmpfile();
	REQUIRE(file != NULL);
	EXPECT_INT(aw_loop_print_tasks(loop, fileno(file), AW_PRINT_TEXT), 0);
	EXPECT_INT(aw_loop_print_tasks(loop, fileno(file), AW_PRINT_JSON), 0);
	fclose(file);
	aw_task_unref(top);
}

static void a_deep_tree_of_tasks_is_printed_from_a_task(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_set_stack_size(loop, 64 * 1024), 0);
	aw_task *task = NULL;
	chain_fn print = print_tree;
	EXPECT_INT(aw_task_spawn(loop, in_task, &print, NULL, &task), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	loop_end(loop);
}

/* --- the smallest stack --- */

static void chains_are_released_on_the_smallest_stack(void) {
	chain_fn runs[] = {cancel_gathers,    drop_done_gathers, drop_failed_gathers, drop_shields,
	                   drop_error_groups, drop_values,       drop_callbacks,      drop_queues,
	                   drop_iterators,    drop_as_completed, drop_coros};
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_set_stack_size(loop, 16 * 1024), 0);
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
		aw_task *task = NULL;
		EXPECT_INT(aw_task_spawn(loop, in_task, &runs[i], NULL, &task), 0);
		EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
		aw_task_unref(task);
	}
	loop_end(loop);
}

/* --- the order --- */

static void wordy(aw_loop *loop, const char *word, aw_future *inner, aw_future **out) {
	*out = plain(loop);
	EXPECT_INT(aw_future_set_host_data(*out, (void *)(uintptr_t)word, say_destroyed), 0);
	EXPECT_INT(aw_future_set_result(*out, inner, inner ? drop_future : NULL), 0);
}

/* A parent's value goes before its host data, at every depth that a program is likely to have. */
static void parts_are_released_in_their_order(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *a, *b, *c, *d;
	wordy(loop, "d", NULL, &d);
	wordy(loop, "c", d, &c);
	wordy(loop, "b", c, &b);
	wordy(loop, "a", b, &a);
	aw_future_unref(a);
	EXPECT_STR(trace, "~d ~c ~b ~a");
	loop_end(loop);
}

CHECK_MAIN("deep_chains", TEST(gathers_are_cancelled), TEST(pending_gathers_are_dropped),
           TEST(done_gathers_are_dropped), TEST(failed_gathers_are_dropped), TEST(shields_are_dropped),
           TEST(what_is_shielded_is_dropped), TEST(shields_are_cancelled),
           TEST(a_resolved_chain_of_shields_is_released), TEST(error_groups_are_dropped),
           TEST(errors_that_carry_each_other_are_dropped),
           TEST(futures_that_are_values_of_futures_are_dropped),
           TEST(futures_that_are_host_data_of_futures_are_dropped),
           TEST(futures_that_callbacks_of_futures_hold_are_dropped), TEST(queues_in_queues_are_dropped),
           TEST(iterators_over_iterators_are_dropped), TEST(as_completed_over_as_completed_is_dropped),
           TEST(many_context_values_are_bound_anew_and_dropped), TEST(coroutines_that_never_ran_are_dropped),
           TEST(coroutines_return_to_each_other), TEST(coroutines_that_await_each_other_are_cancelled),
           TEST(coroutines_that_await_each_other_end_with_their_loop),
           TEST(tasks_that_await_gathers_of_tasks_are_cancelled),
           TEST(tasks_that_await_gathers_of_tasks_are_resolved),
           TEST(stackful_tasks_shields_and_gathers_over_each_other_end), TEST(timeouts_in_timeouts_pass),
           TEST(a_deep_tree_of_tasks_is_printed_from_a_task), TEST(chains_are_released_on_the_smallest_stack),
           TEST(parts_are_released_in_their_order))
