/* SPDX-License-Identifier: MIT */
/* Labels: backends threads valgrind */
/*
 * An operation of another library: finished from the loop or from a thread, cancelled before and after, twice,
 * never, and after its loop is gone. Its memory is released once, and not before it is finished.
 */
#include "trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static aw_operation *begin(aw_operation_cancel_fn cancel, void *ud, aw_destroy_fn destroy,
                           aw_future **future) {
	aw_operation *self = NULL;
	EXPECT_INT(aw_operation_new(NULL, cancel, ud, destroy, &self), 0);
	EXPECT_INT(aw_operation_future(self, future), 0);
	return self;
}

static void say_cancel(aw_operation *operation, void *word) {
	(void)operation;
	trace_add(word);
}

static aw_status run(aw_task_fn fn) {
	aw_status status = 0;
	for (int debug = 0; debug < 2; debug++) { /* debug mode counts references */
		EXPECT_INT(setenv("AWAIT_DEBUG", debug ? "1" : "0", 1), 0);
		trace_reset();
		status = aw_run(NULL, fn, NULL, NULL, NULL);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
	unsetenv("AWAIT_DEBUG");
	return status;
}

/* --- on the loop's thread --- */

static aw_status finishes(void *ud) {
	(void)ud;
	aw_future *future = NULL;
	void *value = NULL;
	aw_operation *self = begin(say_cancel, "ud", say_destroyed, &future);
	EXPECT_INT(aw_operation_cancelled(self), 0);
	EXPECT_INT(aw_operation_finish(self, "value", say_destroyed), 0);
	EXPECT_STR(trace, "~ud");
	EXPECT_INT(aw_future_done(future), 1);
	EXPECT_INT(aw_operation_finish(self, "other", say_destroyed), AW_EINVALIDSTATE);
	EXPECT_STR(trace, "~ud ~other");
	EXPECT_INT(aw_operation_finish_int(self, 1), AW_EINVALIDSTATE);
	EXPECT_INT(aw_operation_fail(self, -EIO, "late"), AW_EINVALIDSTATE);
	aw_operation_unref(self);
	EXPECT_INT(aw_await(future, &value), 0);
	EXPECT_STR(value, "value");
	EXPECT_INT(aw_future_cancel(future, NULL), 0);
	aw_future_unref(future);
	EXPECT_STR(trace, "~ud ~other ~value");
	return 0;
}

static void a_value_is_awaited_and_a_second_one_refused(void) {
	EXPECT_INT(run(finishes), 0);
}

static aw_status other_outcomes(void *ud) {
	(void)ud;
	aw_future *future = NULL;
	int64_t number = 0;
	aw_operation *self = begin(NULL, NULL, NULL, &future);
	EXPECT_INT(aw_operation_fail(self, 0, NULL), -EINVAL);
	EXPECT_INT(aw_operation_finish_int(self, -7), 0);
	EXPECT_INT(aw_await_int(future, &number), 0);
	EXPECT_INT(number, -7);
	aw_future_unref(future);
	aw_operation_unref(self);
	self = begin(NULL, NULL, NULL, &future);
	EXPECT_INT(aw_operation_fail(self, EIO, "the disk is gone"), 0);
	EXPECT_INT(aw_await(future, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "the disk is gone");
	aw_future_unref(future);
	aw_operation_unref(self);
	self = begin(say_cancel, "cancel", say_destroyed, &future);
	aw_operation_unref(self); /* forgotten */
	EXPECT_STR(trace, "~cancel");
	EXPECT_INT(aw_await(future, NULL), -EOWNERDEAD);
	aw_future_unref(future);
	self = begin(NULL, NULL, NULL, &future);
	EXPECT_INT(aw_operation_fail(self, AW_ECANCELLED, NULL), 0);
	EXPECT_INT(aw_future_cancelled(future), 1);
	aw_future_unref(future);
	aw_operation_unref(self);
	return 0;
}

static void it_may_end_with_a_number_or_a_failure_or_be_forgotten(void) {
	EXPECT_INT(run(other_outcomes), 0);
}

/* --- cancelling --- */

static aw_status awaits(void *future) {
	void *value = NULL;
	aw_status status = aw_await(future, &value);
	trace_status("await", status);
	if (status == 0 && value) trace_add(value);
	return status;
}

static void follow(aw_operation *operation, void *word) {
	trace_add(word);
	EXPECT_INT(aw_operation_cancelled(operation), 1);
	EXPECT_INT(aw_operation_fail(operation, AW_ECANCELLED, NULL), 0);
	trace_add("here"); /* `ud` is not destroyed yet */
}

static aw_status cancels(void *ud) {
	(void)ud;
	aw_future *future = NULL;
	/* The library follows at once. */
	aw_operation *self = begin(follow, "cancel", say_destroyed, &future);
	aw_future *task = spawn(awaits, future);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_future_cancel(task, "enough"), 1);
	EXPECT_INT(aw_operation_cancelled(self), 1);
	EXPECT_STR(trace, ""); /* called from the loop */
	EXPECT_INT(aw_await(task, NULL), AW_ECANCELLED);
	EXPECT_STR(trace, "cancel here ~cancel await:AW_ECANCELLED");
	EXPECT_STR(aw_error_message(aw_caught()), "enough");
	aw_future_unref(task);
	aw_future_unref(future);
	aw_operation_unref(self);
	/* It takes its time; the task waits for it. */
	trace_reset();
	self = begin(say_cancel, "cancel", say_destroyed, &future);
	task = spawn(awaits, future);
	EXPECT_INT(aw_sleep(0), 0);
	for (int twice = 0; twice < 2; twice++) EXPECT_INT(aw_future_cancel(task, NULL), 1);
	for (int i = 0; i < 5; i++) EXPECT_INT(aw_sleep(0), 0);
	EXPECT_STR(trace, "cancel");
	EXPECT_INT(aw_future_done(task), 0);
	EXPECT_INT(aw_operation_fail(self, AW_ECANCELLED, "stopped"), 0);
	EXPECT_INT(aw_await(task, NULL), AW_ECANCELLED);
	EXPECT_STR(aw_error_message(aw_caught()), "stopped");
	EXPECT_STR(trace, "cancel ~cancel await:AW_ECANCELLED");
	aw_future_unref(task);
	aw_future_unref(future);
	aw_operation_unref(self);
	return 0;
}

static void a_cancelled_await_returns_when_the_operation_is_finished(void) {
	EXPECT_INT(run(cancels), 0);
}

static aw_status too_late(void *ud) {
	(void)ud;
	aw_future *future = NULL;
	aw_operation *self = begin(say_cancel, "cancel", NULL, &future);
	aw_future *task = spawn(awaits, future);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_future_cancel(task, NULL), 1);
	EXPECT_INT(aw_operation_finish(self, "value", NULL), 0); /* before the cancel function was called */
	EXPECT_INT(aw_await(task, NULL), 0);
	EXPECT_STR(trace, "await:AW_OK value");
	aw_future_unref(task);
	aw_future_unref(future);
	aw_operation_unref(self);
	/* Without a cancel function a cancellation only waits. */
	self = begin(NULL, NULL, NULL, &future);
	EXPECT_INT(aw_future_cancel(future, NULL), 1);
	EXPECT_INT(aw_future_done(future), 0);
	EXPECT_INT(aw_operation_cancelled(self), 1);
	EXPECT_INT(aw_operation_finish(self, NULL, NULL), 0);
	EXPECT_INT(aw_await(future, NULL), 0);
	aw_future_unref(future);
	aw_operation_unref(self);
	return 0;
}

static void a_value_that_comes_all_the_same_is_not_lost(void) {
	EXPECT_INT(run(too_late), 0);
}

/* --- threads --- */

/* A library with a thread for each job, which writes to memory of its caller until it has finished. */
typedef struct job {
	aw_operation *operation; /* a reference of the thread */
	_Atomic bool stop, started;
	_Atomic int destroyed;
	int delay_us;
	int answer;
	aw_status finished; /* what finishing answered */
	pthread_t thread;
} job;

static void pause_us(int us) {
	nanosleep(&(struct timespec){.tv_nsec = us * 1000L}, NULL);
}

static void *works(void *arg) {
	job *self = arg;
	int waited = 0;
	self->started = true;
	while (!self->stop && (self->delay_us < 0 || waited < self->delay_us)) {
		self->answer++; /* a race for ThreadSanitizer, if anyone reads it too early */
		pause_us(50);
		waited += 50;
	}
	self->answer = 42;
	if (self->stop)
		self->finished = aw_operation_fail(self->operation, AW_ECANCELLED, NULL);
	else
		self->finished = aw_operation_finish(self->operation, &self->answer, NULL);
	aw_operation_unref(self->operation);
	return NULL;
}

static void stop(aw_operation *operation, void *ud) {
	(void)operation;
	((job *)ud)->stop = true;
}

static void note_destroyed(void *ud) {
	((job *)ud)->destroyed++;
}

static aw_future *job_start(aw_loop *loop, job *self, int delay_us) {
	aw_future *future = NULL;
	self->delay_us = delay_us;
	EXPECT_INT(aw_operation_new(loop, stop, self, note_destroyed, &self->operation), 0);
	EXPECT_INT(aw_operation_future(self->operation, &future), 0);
	EXPECT_INT(pthread_create(&self->thread, NULL, works, self), 0);
	return future;
}

enum { JOBS = 40 };

static aw_status awaits_threads(void *ud) {
	(void)ud;
	static job jobs[JOBS];
	aw_future *futures[JOBS];
	memset(jobs, 0, sizeof jobs);
	for (int i = 0; i < JOBS; i++) futures[i] = job_start(NULL, &jobs[i], i % 3 ? 100 * i : -1);
	for (int i = 0; i < JOBS; i++) {
		void *value = NULL;
		bool is_endless = i % 3 == 0;
		if (is_endless) EXPECT_INT(aw_future_cancel(futures[i], NULL), 1);
		EXPECT_INT(aw_await(futures[i], &value), is_endless ? AW_ECANCELLED : 0);
		EXPECT_INT(jobs[i].answer, 42);
		if (!is_endless) EXPECT(value == &jobs[i].answer);
		aw_future_unref(futures[i]);
	}
	for (int i = 0; i < JOBS; i++) {
		pthread_join(jobs[i].thread, NULL);
		EXPECT_INT(jobs[i].finished, 0);
		EXPECT_INT(jobs[i].destroyed, 1);
	}
	return 0;
}

static void threads_finish_operations_and_wake_the_loop(void) {
	EXPECT_INT(run(awaits_threads), 0);
}

/* Cancels that race with the end of the work: whoever wins, all is released once. */
static aw_status races(void *ud) {
	(void)ud;
	for (int i = 0; i < 100; i++) {
		job one = {0};
		aw_future *future = job_start(NULL, &one, 50);
		if (i % 2) EXPECT_INT(aw_sleep(i * AW_MICROSECOND), 0);
		aw_future_cancel(future, NULL);
		aw_status status = aw_await(future, NULL);
		EXPECT(status == 0 || status == AW_ECANCELLED);
		EXPECT_INT(one.answer, 42);
		aw_future_unref(future);
		pthread_join(one.thread, NULL);
		EXPECT_INT(one.finished, 0);
		EXPECT_INT(one.destroyed, 1);
	}
	return 0;
}

static void a_cancel_may_race_with_the_end(void) {
	EXPECT_INT(run(races), 0);
}

/* --- without the loop --- */

static void a_loop_that_closes_cancels_and_does_not_wait(void) {
	job one = {0};
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = job_start(loop, &one, -1);
	while (!one.started) pause_us(50);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_INT(one.stop, 1);
	EXPECT_INT(aw_future_done(future), 0);
	aw_future_unref(future);
	aw_loop_unref(loop);
	pthread_join(one.thread, NULL);
	EXPECT(one.finished == 0 || one.finished == AW_ELOOPCLOSED);
	EXPECT_INT(one.destroyed, 1);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void an_operation_may_be_finished_when_the_loop_is_gone(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_operation *finished = NULL, *failed = NULL, *forgotten = NULL;
	EXPECT_INT(aw_operation_new(loop, say_cancel, "a", say_destroyed, &finished), 0);
	EXPECT_INT(aw_operation_new(loop, NULL, "b", say_destroyed, &failed), 0);
	EXPECT_INT(aw_operation_new(loop, NULL, "c", say_destroyed, &forgotten), 0);
	EXPECT_INT(aw_loop_close(loop), 0);
	aw_loop_unref(loop);
	EXPECT_STR(trace, "a");
	EXPECT_INT(aw_operation_cancelled(finished), 1);
	EXPECT_INT(aw_operation_finish(finished, "value", say_destroyed), AW_ELOOPCLOSED);
	EXPECT_STR(trace, "a ~value ~a");
	EXPECT_INT(aw_operation_finish(finished, "value", say_destroyed), AW_EINVALIDSTATE);
	EXPECT_INT(aw_operation_fail(failed, -EIO, "text"), AW_ELOOPCLOSED);
	aw_operation_unref(finished);
	aw_operation_unref(failed);
	aw_operation_unref(forgotten);
	EXPECT_STR(trace, "a ~value ~a ~value ~b ~c");
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void finish_here(aw_operation *operation, void *word) {
	trace_add(word);
	EXPECT_INT(aw_operation_finish(operation, "value", say_destroyed), 0);
}

static void a_cancel_function_may_finish_while_the_loop_closes(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_operation *self = NULL;
	aw_future *future = NULL;
	aw_task *task = NULL;
	EXPECT_INT(aw_operation_new(loop, finish_here, "a", say_destroyed, &self), 0);
	EXPECT_INT(aw_operation_future(self, &future), 0);
	EXPECT_INT(aw_task_spawn(loop, awaits, future, NULL, &task), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT(strstr(trace, "await:AW_ELOOPCLOSED") != NULL);
	EXPECT(strstr(trace, "~a") != NULL);
	EXPECT(strstr(trace, "~value") != NULL);
	aw_task_unref(task);
	aw_future_unref(future);
	aw_operation_unref(self);
	aw_loop_unref(loop);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void outside_the_run_it_is_done_in_the_next_iteration(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_operation *self = NULL;
	aw_future *future = NULL;
	EXPECT_INT(aw_operation_new(loop, NULL, "a", say_destroyed, &self), 0);
	EXPECT_INT(aw_operation_future(self, &future), 0);
	EXPECT_INT(aw_operation_finish(self, NULL, NULL), 0);
	aw_operation_unref(self);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
	EXPECT_STR(trace, "~a");
	aw_future_unref(future);
	loop_end(loop);
	EXPECT_INT(aw_operation_new(NULL, NULL, "b", say_destroyed, &self), AW_ENOLOOP);
	EXPECT_STR(trace, "~a ~b");
}

CHECK_MAIN("operation", TEST(a_value_is_awaited_and_a_second_one_refused),
           TEST(it_may_end_with_a_number_or_a_failure_or_be_forgotten),
           TEST(a_cancelled_await_returns_when_the_operation_is_finished),
           TEST(a_value_that_comes_all_the_same_is_not_lost),
           TEST(threads_finish_operations_and_wake_the_loop), TEST(a_cancel_may_race_with_the_end),
           TEST(a_loop_that_closes_cancels_and_does_not_wait),
           TEST(an_operation_may_be_finished_when_the_loop_is_gone),
           TEST(a_cancel_function_may_finish_while_the_loop_closes),
           TEST(outside_the_run_it_is_done_in_the_next_iteration))
