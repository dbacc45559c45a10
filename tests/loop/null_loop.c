/* SPDX-License-Identifier: MIT */
/* A NULL loop means the running one in all calls that create something for a loop: the rule in base.h. */
#include "trace.h"

#include <unistd.h>

static aw_status next(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	return AW_ESTOPITERATION;
}

static aw_status next_coro(void *ud, aw_coro **out) {
	(void)ud;
	*out = NULL;
	return 0;
}

static aw_status step(aw_resume *resume, void *ud) {
	(void)ud;
	return aw_resume_return(resume, NULL, NULL);
}

static aw_status work(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	return 0;
}

static int32_t before(void *left, void *right, void *ud) {
	(void)left;
	(void)right;
	(void)ud;
	return 0;
}

static aw_status nothing(void *ud) {
	(void)ud;
	return 0;
}

/*
 * Each result is released with its own unref; a coroutine that was not run is only a warning in debug mode.
 */
#define MAKER(name, type, call, unref)            \
	static aw_status make_##name(aw_loop *loop) { \
		type *made = NULL;                        \
		aw_status status = call;                  \
		if (status >= 0) unref(made);             \
		EXPECT((status >= 0) == (made != NULL));  \
		return status;                            \
	}

static aw_future *done(aw_loop *loop) {
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT_INT(aw_future_set_result(future, NULL, NULL), 0);
	return future;
}

static const char *const argv[] = {"true"};
static aw_future *child; /* of those that take futures */
static int pipe_ends[2];

MAKER(coro, aw_coro, aw_coro_new(loop, step, NULL, NULL, &made), aw_coro_unref)
MAKER(to_thread_coro, aw_coro, aw_to_thread_coro(loop, work, NULL, NULL, &made), aw_coro_unref)
MAKER(fd_wait, aw_future, aw_fd_wait(loop, pipe_ends[0], AW_POLL_IN, &made), aw_future_unref)
MAKER(future, aw_future, aw_future_new(loop, &made), aw_future_unref)
MAKER(gather, aw_future, aw_gather(loop, &child, 1, 0, &made), aw_future_unref)
MAKER(iterator, aw_iterator, aw_iterator_new(loop, next, NULL, NULL, &made), aw_iterator_unref)
MAKER(iterator_coro, aw_iterator, aw_iterator_new_coro(loop, next_coro, NULL, NULL, &made), aw_iterator_unref)
MAKER(subprocess, aw_process, aw_subprocess_exec(loop, argv, 1, NULL, &made), aw_process_unref)
MAKER(shell, aw_process, aw_subprocess_shell(loop, "true", NULL, &made), aw_process_unref)
MAKER(queue, aw_queue, aw_queue_new(loop, 0, &made), aw_queue_unref)
MAKER(queue_lifo, aw_queue, aw_queue_new_lifo(loop, 0, &made), aw_queue_unref)
MAKER(queue_priority, aw_queue, aw_queue_new_priority(loop, 0, before, NULL, NULL, &made), aw_queue_unref)
MAKER(lock, aw_lock, aw_lock_new(loop, &made), aw_lock_unref)
MAKER(event, aw_event, aw_event_new(loop, &made), aw_event_unref)
MAKER(condition, aw_condition, aw_condition_new(loop, NULL, &made), aw_condition_unref)
MAKER(semaphore, aw_semaphore, aw_semaphore_new(loop, 1, &made), aw_semaphore_unref)
MAKER(semaphore_bounded, aw_semaphore, aw_semaphore_new_bounded(loop, 1, &made), aw_semaphore_unref)
MAKER(barrier, aw_barrier, aw_barrier_new(loop, 1, &made), aw_barrier_unref)
MAKER(task, aw_task, aw_task_spawn(loop, nothing, NULL, NULL, &made), aw_task_unref)
MAKER(task_eager, aw_task, aw_task_spawn_eager(loop, nothing, NULL, NULL, &made), aw_task_unref)
MAKER(sleep_coro, aw_coro, aw_sleep_coro(loop, 0, NULL, NULL, &made), aw_coro_unref)
MAKER(taskgroup, aw_taskgroup, aw_taskgroup_new(loop, &made), aw_taskgroup_unref)
MAKER(timeout, aw_timeout, aw_timeout_new(loop, 1, &made), aw_timeout_unref)
MAKER(timeout_at, aw_timeout, aw_timeout_new_at(loop, 1, &made), aw_timeout_unref)
MAKER(wait_coro, aw_coro, aw_wait_coro(loop, &child, 1, AW_ALL_COMPLETED, 0, &made), aw_coro_unref)
MAKER(as_completed, aw_as_completed, aw_as_completed_new(loop, &child, 1, 0, &made), aw_as_completed_unref)

/* With a coroutine of the same loop, which the task takes. */
static aw_status spawn_coro(aw_loop *loop, aw_status (*fn)(aw_loop *, aw_coro *, aw_task **)) {
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	EXPECT_INT(aw_coro_new(aw_future_loop(child), step, NULL, NULL, &coro), 0);
	aw_status status = fn(loop, coro, &task);
	aw_task_unref(task);
	aw_coro_unref(coro);
	return status;
}

static aw_status make_task_coro(aw_loop *loop) {
	return spawn_coro(loop, aw_task_spawn_coro);
}

static aw_status make_task_coro_eager(aw_loop *loop) {
	return spawn_coro(loop, aw_task_spawn_coro_eager);
}

/* An unused pid: the loop is checked first. */
static aw_status make_adopted(aw_loop *loop) {
	aw_process *process = NULL;
	aw_status status = aw_process_adopt(loop, INT32_MAX, -1, 0, &process);
	return status == -ESRCH ? 0 : status;
}

static const struct {
	const char *name;
	aw_status (*make)(aw_loop *loop);
} makers[] = {
#define MAKES(name) \
	{ #name, make_##name }
	MAKES(coro),       MAKES(to_thread_coro),    MAKES(fd_wait),      MAKES(future),    MAKES(gather),
	MAKES(iterator),   MAKES(iterator_coro),     MAKES(subprocess),   MAKES(shell),     MAKES(queue),
	MAKES(queue_lifo), MAKES(queue_priority),    MAKES(lock),         MAKES(event),     MAKES(condition),
	MAKES(semaphore),  MAKES(semaphore_bounded), MAKES(barrier),      MAKES(task),      MAKES(task_eager),
	MAKES(task_coro),  MAKES(task_coro_eager),   MAKES(sleep_coro),   MAKES(taskgroup), MAKES(timeout),
	MAKES(timeout_at), MAKES(wait_coro),         MAKES(as_completed), MAKES(adopted),
};
enum { MAKERS = sizeof makers / sizeof *makers };

static void make_each(aw_loop *loop, aw_status want) {
	for (size_t i = 0; i < MAKERS; i++) {
		aw_status got = makers[i].make(loop);
		if (got != want) printf("\n    %s: %s\n", makers[i].name, aw_err_name(got));
		EXPECT(got == want);
	}
}

static aw_status body(void *ud) {
	(void)ud;
	child = done(NULL);
	EXPECT(aw_future_loop(child) == aw_loop_current());
	make_each(NULL, 0);
	make_each(aw_loop_current(), 0);
	aw_future_unref(child);
	return aw_sleep(0);
}

static void null_means_the_loop_that_runs(void) {
	REQUIRE(pipe(pipe_ends) == 0);
	EXPECT_INT(aw_run(NULL, body, NULL, NULL, NULL), 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void without_a_running_loop_null_is_refused(void) {
	aw_loop *loop = loop_begin(NULL);
	child = done(loop);
	make_each(NULL, AW_ENOLOOP);
	aw_future_unref(child);
	loop_settle(loop);
	loop_end(loop);
}

/* The one exception: an error needs no loop. */
static void an_error_may_do_without_a_loop(void) {
	aw_error *error = NULL, *group = NULL;
	EXPECT_INT(aw_error_new(NULL, -EIO, NULL, NULL, NULL, &error), 0);
	EXPECT_INT(aw_error_new_group(NULL, NULL, &error, 1, &group), 0);
	aw_error_unref(group);
	aw_error_unref(error);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("null_loop", TEST(null_means_the_loop_that_runs), TEST(without_a_running_loop_null_is_refused),
           TEST(an_error_may_do_without_a_loop))
