/* SPDX-License-Identifier: MIT */
/* Labels: seconds=120 */
/*
 * Cancelling many waiters of one future, or all tasks of a chain, takes linear time: a fraction of a second
 * here, while quadratic time would take minutes. The limit is far from both, so that a slow machine or its
 * caches don't affect the result.
 */
#include "trace.h"

#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { COUNT = 40000 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { COUNT = 40000 };
#else
enum { COUNT = 160000 };
#endif
#else
enum { COUNT = 160000 };
#endif
static const double seconds_max = 10;

/* Returns the CPU time that its work took for this many. */
typedef double (*measure_fn)(int count);

static double now(void) {
	struct timespec at;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void is_linear(measure_fn run) {
	double seconds = run(COUNT);
	if (seconds > seconds_max) printf("\n    %d take %.1f s\n", COUNT, seconds);
	EXPECT(seconds <= seconds_max);
}

static aw_task *spawn_coro(aw_loop *loop, aw_coro *coro) {
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn_coro(loop, coro, &task), 0);
	aw_coro_unref(coro);
	return task;
}

/* The canceller. */
enum order { OLDEST_FIRST, NEWEST_FIRST, BY_LOOP };

/* Cancels all tasks, runs the loop until it is idle, and frees the tasks. Returns the time that both took. */
static double cancel_all(aw_loop *loop, aw_task **tasks, int number, enum order order) {
	double began = now();
	if (order == BY_LOOP) EXPECT_INT(aw_loop_cancel_all(loop), 0);
	for (int i = 0; i < number && order != BY_LOOP; i++)
		aw_task_cancel(tasks[order == OLDEST_FIRST ? i : number - 1 - i], NULL);
	while (aw_loop_pending(loop)) IGNORED(aw_loop_run_once(loop, 0));
	double took = now() - began;
	int cancelled = 0;
	for (int i = 0; i < number; i++) {
		cancelled += aw_future_cancelled(aw_task_future(tasks[i]));
		aw_task_unref(tasks[i]);
	}
	EXPECT_INT(cancelled, number);
	free(tasks);
	return took;
}

/* --- many waiters of one future --- */

static double waits(int number, enum order order) {
	aw_loop *loop = loop_begin("virtual");
	aw_future *one = NULL;
	aw_task **tasks = calloc((size_t)number, sizeof(aw_task *));
	EXPECT_INT(aw_future_new(loop, &one), 0);
	for (int i = 0; i < number; i++) {
		aw_coro *coro = NULL;
		EXPECT_INT(aw_wait_coro(loop, &one, 1, AW_ALL_COMPLETED, AW_FOREVER, &coro), 0);
		tasks[i] = spawn_coro(loop, coro);
	}
	IGNORED(aw_loop_run_once(loop, 0));
	double took = cancel_all(loop, tasks, number, order);
	aw_future_unref(one);
	loop_end(loop);
	return took;
}

static double waits_newest_first(int number) {
	return waits(number, NEWEST_FIRST);
}

static double waits_oldest_first(int number) {
	return waits(number, OLDEST_FIRST);
}

static void waits_for_one_future_are_cancelled_newest_first(void) {
	is_linear(waits_newest_first);
}

static void waits_for_one_future_are_cancelled_oldest_first(void) {
	is_linear(waits_oldest_first);
}

/* The tokens of a completion queue that wait for one future. */
static double tokens(int number) {
	aw_loop *loop = loop_begin("virtual");
	aw_future *one = NULL;
	aw_completion out[64];
	EXPECT_INT(aw_future_new(loop, &one), 0);
	for (int i = 0; i < number; i++) {
		aw_submission entry = {
			.size = sizeof entry, .kind = AW_OP_FUTURE, .token = (uint64_t)i, .buffer = one};
		IGNORED(aw_loop_submit(loop, &entry, 1));
	}
	double began = now();
	for (int i = number - 1; i >= 0; i--) aw_loop_cancel_token(loop, (uint64_t)i);
	int drained = 0;
	for (aw_status got; drained < number && (got = aw_loop_drain(loop, out, 64, 0)) >= 0;) drained += got;
	double took = now() - began;
	EXPECT_INT(drained, number);
	aw_future_unref(one);
	loop_end(loop);
	return took;
}

static void tokens_that_wait_for_one_future_are_cancelled(void) {
	is_linear(tokens);
}

/* Callbacks that wait when the loop closes. */
static double closing(int number) {
	aw_loop *loop = loop_begin("virtual");
	aw_future *one = NULL;
	int destroyed = 0;
	EXPECT_INT(aw_future_new(loop, &one), 0);
	for (int i = 0; i < number; i++) aw_future_add_done_callback(one, say_done, &destroyed, count_destroyed);
	double began = now();
	EXPECT_INT(aw_loop_close(loop), 0);
	double took = now() - began;
	EXPECT_INT(destroyed, number);
	aw_future_unref(one);
	loop_end(loop);
	return took;
}

static void callbacks_of_one_future_end_with_the_loop(void) {
	is_linear(closing);
}

/* --- a chain in which each awaits the next --- */

static aw_status awaits_future(aw_resume *resume, void *future) {
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	return aw_resume_await(resume, future);
}

/* Each awaits the future in its slot; all slots are set before the tasks start. */
static aw_status awaits_slot(aw_resume *resume, void *slot) {
	return awaits_future(resume, *(aw_future **)slot);
}

/*
 * A chain of tasks in which each awaits the next: the next older one, or with OLDEST_FIRST the next younger
 * one.
 */
static double chain(int number, enum order outermost, enum order order) {
	aw_loop *loop = loop_begin("virtual");
	aw_future *leaf = NULL, **awaited = calloc((size_t)number, sizeof(aw_future *));
	aw_task **tasks = calloc((size_t)number, sizeof(aw_task *));
	EXPECT_INT(aw_future_new(loop, &leaf), 0);
	for (int i = 0; i < number; i++) {
		aw_coro *coro = NULL;
		EXPECT_INT(aw_coro_new(loop, awaits_slot, &awaited[i], NULL, &coro), 0);
		tasks[i] = spawn_coro(loop, coro);
	}
	for (int i = 0; i < number; i++) {
		int next = outermost == OLDEST_FIRST ? i + 1 : i - 1;
		awaited[i] = next < 0 || next == number ? leaf : aw_task_future(tasks[next]);
	}
	IGNORED(aw_loop_run_once(loop, 0));
	double took = cancel_all(loop, tasks, number, order);
	free(awaited);
	aw_future_unref(leaf);
	loop_end(loop);
	return took;
}

static double outermost_first(int number) {
	return chain(number, OLDEST_FIRST, OLDEST_FIRST);
}

static double innermost_first(int number) {
	return chain(number, OLDEST_FIRST, NEWEST_FIRST);
}

static double by_loop_outermost_first(int number) {
	return chain(number, OLDEST_FIRST, BY_LOOP);
}

static double by_loop_innermost_first(int number) {
	return chain(number, NEWEST_FIRST, BY_LOOP);
}

static void a_chain_of_tasks_is_cancelled_outermost_first(void) {
	is_linear(outermost_first);
}

static void a_chain_of_tasks_is_cancelled_innermost_first(void) {
	is_linear(innermost_first);
}

static void the_end_of_a_run_cancels_a_chain_of_tasks(void) {
	is_linear(by_loop_outermost_first);
	is_linear(by_loop_innermost_first);
}

CHECK_MAIN("growth", TEST(waits_for_one_future_are_cancelled_newest_first),
           TEST(waits_for_one_future_are_cancelled_oldest_first),
           TEST(tokens_that_wait_for_one_future_are_cancelled),
           TEST(callbacks_of_one_future_end_with_the_loop),
           TEST(a_chain_of_tasks_is_cancelled_outermost_first),
           TEST(a_chain_of_tasks_is_cancelled_innermost_first),
           TEST(the_end_of_a_run_cancels_a_chain_of_tasks))
