/* SPDX-License-Identifier: MIT */
/* Labels: backends threads valgrind */
/* Coroutines that other threads submit to a loop, and the outcomes that these threads get. */
#include <sys/wait.h>
#include <unistd.h>

#include "gate.h"
#include "running.h"

static running running_begin(const char *backend) {
	return (running){.loop = loop_begin(backend)};
}

static void running_end(running *self) {
	aw_loop_unref(self->loop);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* --- outcomes --- */

static _Atomic int value_destroyed;
static pthread_t destroyed_by;

static void destroy_value(void *value) {
	(void)value;
	destroyed_by = pthread_self();
	value_destroyed++;
}

static aw_status answer(void *ud) {
	aw_status status = aw_sleep(0);
	return status < 0 ? status : aw_return(ud, destroy_value);
}

static aw_status fail(void *ud) {
	(void)ud;
	return aw_raise(-EIO, "no luck");
}

static void the_value_reaches_the_other_thread(void) {
	running host = running_begin(NULL);
	aw_concurrent_future *outcome = NULL;
	void *value = NULL;
	int number = 42;
	value_destroyed = 0;
	EXPECT_INT(aw_run_coroutine_threadsafe(host.loop, answer, &number, count_destroyed, &outcome), 0);
	EXPECT_INT(aw_concurrent_future_result(outcome, &value), AW_EINVALIDSTATE);
	EXPECT(!aw_concurrent_future_done(outcome));
	running_start(&host);
	EXPECT_INT(aw_concurrent_future_wait(outcome, AW_FOREVER, &value), 0);
	EXPECT(value == &number);
	EXPECT_INT(aw_concurrent_future_result(outcome, &value), 0);
	EXPECT(aw_concurrent_future_done(outcome) && !aw_concurrent_future_cancelled(outcome));
	EXPECT(aw_concurrent_future_error(outcome) == NULL);
	EXPECT_INT(aw_concurrent_future_cancel(outcome), 0);
	EXPECT_INT(value_destroyed, 0);
	aw_concurrent_future_unref(outcome); /* here, but the loop's thread destroys the value */
	running_stop(&host);
	EXPECT_INT(value_destroyed, 1);
	EXPECT(!pthread_equal(destroyed_by, pthread_self()));
	EXPECT_INT(number, 43); /* the argument's destroy */
	running_end(&host);
}

static void a_failure_reaches_it_with_its_message(void) {
	running host = running_begin(NULL);
	aw_concurrent_future *outcome = NULL;
	running_start(&host);
	EXPECT_INT(aw_run_coroutine_threadsafe(host.loop, fail, NULL, NULL, &outcome), 0);
	EXPECT_INT(aw_concurrent_future_wait(outcome, -1, NULL), -EIO);
	EXPECT_INT(aw_error_status(aw_concurrent_future_error(outcome)), -EIO);
	EXPECT_STR(aw_error_message(aw_concurrent_future_error(outcome)), "no luck");
	aw_concurrent_future_unref(outcome);
	running_stop(&host);
	running_end(&host);
}

static aw_status cancel_oneself(void *ud) {
	(void)ud;
	aw_task_cancel(aw_task_current(), NULL);
	return aw_sleep(0);
}

static void a_task_cancelled_in_the_loop_is_a_cancelled_outcome(void) {
	running host = running_begin(NULL);
	aw_concurrent_future *outcome = NULL;
	running_start(&host);
	EXPECT_INT(aw_run_coroutine_threadsafe(host.loop, cancel_oneself, NULL, NULL, &outcome), 0);
	EXPECT_INT(aw_concurrent_future_wait(outcome, -1, NULL), AW_ECANCELLED);
	EXPECT(aw_concurrent_future_cancelled(outcome));
	aw_concurrent_future_unref(outcome);
	running_stop(&host);
	running_end(&host);
}

static aw_status step_once(aw_resume *resume, void *ud) {
	return aw_resume_return(resume, ud, NULL);
}

static void a_coroutine_of_steps_does_as_well(void) {
	running host = running_begin(NULL);
	aw_concurrent_future *outcome = NULL;
	void *value = NULL;
	int destroyed = 0;
	running_start(&host);
	EXPECT_INT(aw_run_step_threadsafe(host.loop, step_once, &destroyed, count_destroyed, &outcome), 0);
	EXPECT_INT(aw_concurrent_future_wait(outcome, AW_FOREVER, &value), 0);
	EXPECT(value == &destroyed);
	aw_concurrent_future_unref(outcome);
	running_stop(&host);
	EXPECT_INT(destroyed, 1);
	running_end(&host);
}

static const char key;

static aw_status read_context(void *ud) {
	(void)ud;
	void *value = NULL;
	aw_status status = aw_context_get(&key, &value);
	return status < 0 ? status : aw_return(value, NULL);
}

static void the_task_has_the_context_of_who_submitted_it(void) {
	running host = running_begin(NULL);
	aw_concurrent_future *outcome = NULL;
	void *value = NULL;
	running_start(&host);
	EXPECT_INT(aw_context_set(&key, "the thread's", NULL), 0);
	EXPECT_INT(aw_run_coroutine_threadsafe(host.loop, read_context, NULL, NULL, &outcome), 0);
	EXPECT_INT(aw_concurrent_future_wait(outcome, AW_FOREVER, &value), 0);
	EXPECT_STR(value, "the thread's");
	aw_concurrent_future_unref(outcome);
	EXPECT_INT(aw_context_unset(&key), 0);
	running_stop(&host);
	running_end(&host);
}

/* --- cancelling and waiting --- */

typedef struct sleeper {
	gate asleep, over;
	_Atomic aw_status status;
} sleeper;

static aw_status sleep_and_tell(void *ud) {
	sleeper *self = ud;
	gate_open(&self->asleep);
	self->status = aw_sleep(3600 * AW_SECOND);
	gate_open(&self->over);
	return self->status;
}

static void cancelling_it_cancels_the_task(void) {
	/* Time must not pass by itself. */
	running host = running_begin("epoll");
	aw_concurrent_future *outcome = NULL;
	sleeper nap = {.asleep = GATE_INIT, .over = GATE_INIT};
	running_start(&host);
	EXPECT_INT(aw_run_coroutine_threadsafe(host.loop, sleep_and_tell, &nap, NULL, &outcome), 0);
	gate_wait(&nap.asleep);
	EXPECT_INT(aw_concurrent_future_wait(outcome, 0, NULL), AW_EPENDING);
	EXPECT_INT(aw_concurrent_future_wait(outcome, AW_MILLISECOND, NULL), AW_EPENDING);
	EXPECT(!aw_concurrent_future_done(outcome));
	EXPECT_INT(aw_concurrent_future_cancel(outcome), 1);
	EXPECT_INT(aw_concurrent_future_wait(outcome, AW_FOREVER, NULL), AW_ECANCELLED);
	EXPECT_INT(aw_concurrent_future_cancel(outcome), 0);
	EXPECT_INT(aw_error_status(aw_concurrent_future_error(outcome)), AW_ECANCELLED);
	gate_wait(&nap.over);
	EXPECT_INT(nap.status, AW_ECANCELLED);
	aw_concurrent_future_unref(outcome);
	running_stop(&host);
	running_end(&host);
}

static void what_is_cancelled_on_the_way_never_runs(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_concurrent_future *outcome = NULL;
	int destroyed = 0;
	EXPECT_INT(aw_run_coroutine_threadsafe(loop, fail, &destroyed, count_destroyed, &outcome), 0);
	EXPECT_INT(aw_concurrent_future_cancel(outcome), 1);
	loop_settle(loop);
	EXPECT_INT(destroyed, 1);
	EXPECT_INT(aw_concurrent_future_result(outcome, NULL), AW_ECANCELLED);
	aw_concurrent_future_unref(outcome);
	loop_end(loop);
}

static aw_status wait_inside(void *ud) {
	aw_concurrent_future *outcome = NULL;
	(void)ud;
	EXPECT_INT(aw_run_coroutine_threadsafe(aw_loop_current(), fail, NULL, NULL, &outcome), 0);
	EXPECT_INT(aw_concurrent_future_wait(outcome, AW_FOREVER, NULL), -EDEADLK);
	aw_concurrent_future_unref(outcome);
	return 0;
}

static void the_thread_that_runs_the_loop_can_not_wait(void) {
	trace_reset();
	EXPECT_INT(aw_run(NULL, wait_inside, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* --- the end of the loop --- */

static void who_waits_hears_of_the_end_of_the_loop(void) {
	aw_loop *loop = loop_begin("epoll");
	aw_concurrent_future *on_the_way = NULL, *asleep[2] = {NULL};
	sleeper nap = {.asleep = GATE_INIT, .over = GATE_INIT};
	int destroyed = 0;
	EXPECT_INT(aw_run_coroutine_threadsafe(loop, sleep_and_tell, &nap, NULL, &asleep[0]), 0);
	EXPECT_INT(aw_run_coroutine_threadsafe(loop, sleep_long, NULL, NULL, &asleep[1]), 0);
	loop_settle(loop);
	EXPECT_INT(aw_run_coroutine_threadsafe(loop, fail, &destroyed, count_destroyed, &on_the_way), 0);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_INT(nap.status, AW_ELOOPCLOSED);
	EXPECT_INT(destroyed, 1);
	EXPECT_INT(aw_concurrent_future_wait(asleep[0], AW_FOREVER, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_concurrent_future_wait(asleep[1], AW_FOREVER, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_concurrent_future_wait(on_the_way, AW_FOREVER, NULL), AW_ELOOPCLOSED);
	EXPECT_INT(aw_concurrent_future_cancel(on_the_way), 0);
	aw_concurrent_future *late = NULL;
	EXPECT_INT(aw_run_coroutine_threadsafe(loop, fail, &destroyed, count_destroyed, &late), AW_ELOOPCLOSED);
	EXPECT_INT(destroyed, 2);
	aw_loop_unref(loop); /* before the outcome */
	aw_concurrent_future_unref(on_the_way);
	for (int i = 0; i < 2; i++) aw_concurrent_future_unref(asleep[i]);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

typedef struct storm {
	aw_loop *loop;
	gate *start;
	unsigned seed;
	int submitted, settled, refused;
	_Atomic int destroyed;
} storm;

static void storm_destroyed(void *ud) {
	((storm *)ud)->destroyed++;
}

static aw_status short_or_long(void *ud) {
	storm *self = ud;
	return self->seed % 2 ? aw_sleep(0) : aw_sleep(3600 * AW_SECOND);
}

/* Submits, cancels some, waits for some, until the loop is closed. */
static void *storm_run(void *arg) {
	storm *self = arg;
	gate_wait(self->start);
	for (int i = 0; i < 200; i++) {
		aw_concurrent_future *outcome = NULL;
		self->submitted++;
		if (aw_run_coroutine_threadsafe(self->loop, short_or_long, self, storm_destroyed, &outcome) < 0) {
			self->refused++;
			continue;
		}
		if (i % 3 == 0) aw_concurrent_future_cancel(outcome);
		if (i % 3 == 1) IGNORED(aw_concurrent_future_wait(outcome, AW_MICROSECOND, NULL));
		if (i % 5 == 0) aw_concurrent_future_unref(aw_concurrent_future_ref(outcome));
		self->settled++;
		aw_concurrent_future_unref(outcome);
	}
	return NULL;
}

static void a_storm_of_submissions_ends_with_the_loop(void) {
	enum { ROUNDS = 20, THREADS = 8 };
	for (int round = 0; round < ROUNDS; round++) {
		running host = running_begin("epoll");
		gate start = GATE_INIT;
		storm storms[THREADS] = {0};
		pthread_t threads[THREADS];
		running_start(&host);
		for (int i = 0; i < THREADS; i++) {
			storms[i].loop = host.loop;
			storms[i].start = &start;
			storms[i].seed = (unsigned)(round + i);
			EXPECT_INT(pthread_create(&threads[i], NULL, storm_run, &storms[i]), 0);
		}
		gate_open(&start);
		running_stop(&host); /* at an arbitrary point */
		for (int i = 0; i < THREADS; i++) {
			pthread_join(threads[i], NULL);
			EXPECT_INT(storms[i].settled + storms[i].refused, storms[i].submitted);
			EXPECT_INT(storms[i].destroyed, storms[i].submitted);
		}
		running_end(&host);
	}
}

static aw_status give(void *ud) {
	return aw_return(ud, NULL);
}

static void *ask_often(void *arg) {
	uintptr_t wrong = 0;
	for (uintptr_t i = 1; i <= 100; i++) {
		aw_concurrent_future *outcome = NULL;
		void *value = NULL;
		wrong += aw_run_coroutine_threadsafe(arg, give, (void *)i, NULL, &outcome) != 0;
		wrong += aw_concurrent_future_wait(outcome, AW_FOREVER, &value) != 0 || (uintptr_t)value != i;
		aw_concurrent_future_unref(outcome);
	}
	return (void *)wrong;
}

static void eight_threads_ask_one_loop(void) {
	enum { THREADS = 8 };
	running host = running_begin(NULL);
	pthread_t threads[THREADS];
	running_start(&host);
	for (int i = 0; i < THREADS; i++) EXPECT_INT(pthread_create(&threads[i], NULL, ask_often, host.loop), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong = NULL;
		pthread_join(threads[i], &wrong);
		EXPECT(wrong == NULL);
	}
	running_stop(&host);
	running_end(&host);
}

/* --- arguments --- */

static int in_the_child(aw_loop *loop, aw_concurrent_future *outcome) {
	int destroyed = 0;
	aw_concurrent_future *another = NULL;
	if (aw_concurrent_future_wait(outcome, AW_FOREVER, NULL) != AW_EFORKED) return 1;
	if (aw_concurrent_future_cancel(outcome) != AW_EFORKED) return 2;
	if (aw_run_coroutine_threadsafe(loop, fail, &destroyed, count_destroyed, &another) != AW_EFORKED)
		return 3;
	return destroyed == 1 ? 0 : 4;
}

static void wrong_arguments_are_answered_with_errors(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_concurrent_future *outcome = NULL;
	int destroyed = 0;
	EXPECT_INT(aw_run_coroutine_threadsafe(NULL, fail, &destroyed, count_destroyed, &outcome), AW_EBADHANDLE);
	EXPECT_INT(aw_run_coroutine_threadsafe(loop, NULL, &destroyed, count_destroyed, &outcome), -EINVAL);
	EXPECT_INT(aw_run_coroutine_threadsafe(loop, fail, &destroyed, count_destroyed, NULL), -EINVAL);
	EXPECT_INT(destroyed, 3);
	EXPECT_INT(aw_concurrent_future_wait(NULL, 0, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_concurrent_future_cancel((aw_concurrent_future *)(void *)loop), AW_EBADHANDLE);
	EXPECT_INT(aw_concurrent_future_done(NULL), 0);
	EXPECT(aw_concurrent_future_error(NULL) == NULL);
	aw_concurrent_future_unref(NULL);
	EXPECT_INT(aw_run_coroutine_threadsafe(loop, fail, NULL, NULL, &outcome), 0);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) _exit(in_the_child(loop, outcome));
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
	aw_concurrent_future_unref(outcome);
	loop_end(loop);
}

CHECK_MAIN("run_coroutine_threadsafe", TEST(the_value_reaches_the_other_thread),
           TEST(a_failure_reaches_it_with_its_message),
           TEST(a_task_cancelled_in_the_loop_is_a_cancelled_outcome), TEST(a_coroutine_of_steps_does_as_well),
           TEST(the_task_has_the_context_of_who_submitted_it), TEST(cancelling_it_cancels_the_task),
           TEST(what_is_cancelled_on_the_way_never_runs), TEST(the_thread_that_runs_the_loop_can_not_wait),
           TEST(who_waits_hears_of_the_end_of_the_loop), TEST(a_storm_of_submissions_ends_with_the_loop),
           TEST(eight_threads_ask_one_loop), TEST(wrong_arguments_are_answered_with_errors))
