/* SPDX-License-Identifier: MIT */
/* Labels: backends threads */
/* Executors, and blocking functions that run on them. */
#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate.h"

/* Simulates a lack of threads, if the program can interpose pthread_create(). */
static _Atomic int threads_left = INT32_MAX;

#if defined(__clang__) && defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_THREADS_IN_A_CHILD 1
#endif
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define CREATE_IS_TAKEN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define NO_THREADS_IN_A_CHILD 1
#endif
#ifndef NO_THREADS_IN_A_CHILD
#define NO_THREADS_IN_A_CHILD 0
#endif
#ifndef CREATE_IS_TAKEN
#define CREATE_IS_TAKEN 0
typedef int (*create_fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg) {
	void *symbol = dlsym(RTLD_NEXT, "pthread_create");
	create_fn real;
	memcpy(&real, &symbol, sizeof real);
	if (threads_left == 0) return EAGAIN;
	if (threads_left != INT32_MAX) threads_left--;
	return real(thread, attributes, fn, arg);
}
#endif

static aw_executor *executor_of(int32_t threads) {
	aw_executor *executor = NULL;
	EXPECT_INT(aw_executor_new(threads, &executor), 0);
	return executor;
}

/* Shuts it down and waits until all its threads have ended. */
static void executor_end(aw_executor *executor) {
	EXPECT_INT(aw_executor_shutdown_wait(executor, AW_FOREVER), 0);
	EXPECT_INT(aw_executor_threads(executor), 0);
	aw_executor_unref(executor);
}

static aw_future *visit_begin(aw_loop *loop, aw_executor *executor, visitor *visit) {
	aw_future *future = NULL;
	EXPECT_INT(aw_loop_run_in_executor(loop, executor, visit_work, visit, visit_destroy, &future), 0);
	return future;
}

/* A visit that does not wait. */
static aw_future *visit_pass(aw_loop *loop, aw_executor *executor, visitor *visit) {
	gate_open(&visit->leave);
	return visit_begin(loop, executor, visit);
}

/* --- running --- */

static aw_status add_one(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out_destroy;
	*out = (void *)((uintptr_t)ud + 1);
	return 0;
}

enum { MANY = 1000 };

static void a_thousand_jobs_run_on_four_threads(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(4);
	static aw_future *futures[MANY];
	aw_future *all = NULL;
	for (uintptr_t i = 0; i < MANY; i++)
		EXPECT_INT(aw_loop_run_in_executor(loop, executor, add_one, (void *)i, NULL, &futures[i]), 0);
	EXPECT_INT(aw_gather(loop, futures, MANY, 0, &all), 0);
	void *value = NULL;
	EXPECT_INT(aw_loop_run_until_complete(loop, all, &value), 0);
	unsigned wrong = 0;
	for (uintptr_t i = 0; i < MANY; i++) {
		void *got = NULL;
		if (aw_results_get(value, i, &got) < 0 || (uintptr_t)got != i + 1) wrong++;
		aw_future_unref(futures[i]);
	}
	EXPECT_INT(wrong, 0);
	EXPECT(aw_executor_threads(executor) >= 1 && aw_executor_threads(executor) <= 4);
	EXPECT_INT(aw_executor_pending(executor), 0);
	aw_future_unref(all);
	executor_end(executor);
	loop_end(loop);
}

/* A thread becomes idle at the moment when the next job comes: a wake that is lost is a hang. */
static void jobs_one_after_the_other_find_a_thread(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(3);
	for (uintptr_t i = 0; i < MANY; i++) {
		aw_future *futures[2];
		/* Two at once in every third round, so that one thread wakes another. */
		uintptr_t count = i % 3 ? 1 : 2;
		for (uintptr_t k = 0; k < count; k++)
			EXPECT_INT(aw_loop_run_in_executor(loop, executor, add_one, (void *)i, NULL, &futures[k]), 0);
		for (uintptr_t k = 0; k < count; k++) {
			void *value = NULL;
			EXPECT_INT(aw_loop_run_until_complete(loop, futures[k], &value), 0);
			EXPECT_INT((uintptr_t)value, i + 1);
			aw_future_unref(futures[k]);
		}
	}
	EXPECT(aw_executor_threads(executor) <= 3);
	executor_end(executor);
	loop_end(loop);
}

static void threads_are_started_one_by_one_up_to_the_limit(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(2);
	visitor visits[3] = {VISIT_INIT, VISIT_INIT, VISIT_INIT};
	aw_future *futures[3];
	EXPECT_INT(aw_executor_threads(executor), 0);
	for (int i = 0; i < 3; i++) {
		futures[i] = visit_begin(loop, executor, &visits[i]);
		EXPECT_INT(aw_executor_threads(executor), i < 2 ? i + 1 : 2);
		if (i < 2) gate_wait(&visits[i].here);
	}
	EXPECT_INT(aw_executor_pending(executor), 1);
	for (int i = 0; i < 3; i++) gate_open(&visits[i].leave);
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(aw_loop_run_until_complete(loop, futures[i], NULL), 0);
		aw_future_unref(futures[i]);
		EXPECT_INT(visits[i].destroyed, 1);
		EXPECT_INT(visits[i].value_destroyed, 1);
		EXPECT(pthread_equal(visits[i].destroyed_by, pthread_self()));
	}
	executor_end(executor);
	loop_end(loop);
}

static void work_starts_when_it_is_submitted_and_not_when_it_is_awaited(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	visitor visit = VISIT_INIT;
	aw_future *future = visit_begin(loop, executor, &visit);
	gate_wait(&visit.here); /* the loop has not run */
	EXPECT(!aw_future_done(future));
	gate_open(&visit.leave);
	void *value = NULL;
	EXPECT_INT(aw_loop_run_until_complete(loop, future, &value), 0);
	EXPECT(value == &visit);
	EXPECT_INT(visit.value_destroyed, 0);
	aw_future_unref(future);
	EXPECT_INT(visit.value_destroyed, 1);
	executor_end(executor);
	loop_end(loop);
}

static void the_default_size_is_asyncios(void) {
	aw_executor *executor = executor_of(0);
	cpu_set_t set;
	REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
	int expected = CPU_COUNT(&set) + 4;
	EXPECT_INT(aw_executor_max_threads(executor), expected < 32 ? expected : 32);
	executor_end(executor);
	EXPECT_INT(aw_executor_new(-1, &executor), -EINVAL);
	EXPECT_INT(aw_executor_new(1, NULL), -EINVAL);
}

static aw_status tell_then_return(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	return aw_loop_call_soon_threadsafe(ud, say, "told", NULL);
}

static void what_the_thread_posted_first_runs_before_its_result(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	aw_future *futures[3];
	static const char *const names[] = {"first", "second", "third"};
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(aw_loop_run_in_executor(loop, executor, tell_then_return, loop, NULL, &futures[i]), 0);
		EXPECT_INT(aw_future_add_done_callback(futures[i], say_done, (void *)(uintptr_t)names[i], NULL), 0);
	}
	/* All have ended before the loop polls, so that it handles them together. */
	EXPECT_INT(aw_executor_shutdown_wait(executor, AW_FOREVER), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, futures[2], NULL), 0);
	EXPECT_STR(trace, "told told told first second third");
	for (int i = 0; i < 3; i++) aw_future_unref(futures[i]);
	aw_executor_unref(executor);
	loop_end(loop);
}

static aw_status wait_at_the_gate(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	gate_wait(ud);
	return 0;
}

static aw_status open_the_gate(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	gate_open(ud);
	return 0;
}

/* The first of two jobs reserves the idle thread, however late it wakes up. */
static void work_that_waits_for_the_next_is_not_given_its_thread(void) {
	for (int round = 0; round < 200; round++) {
		aw_loop *loop = loop_begin(NULL);
		aw_executor *executor = executor_of(2);
		gate door = GATE_INIT;
		aw_future *future = NULL;
		EXPECT_INT(aw_loop_run_in_executor(loop, executor, add_one, NULL, NULL, &future), 0);
		EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
		aw_future_unref(future);
		EXPECT_INT(aw_loop_run_in_executor(loop, executor, wait_at_the_gate, &door, NULL, &future), 0);
		EXPECT_INT(aw_loop_run_in_executor(loop, executor, open_the_gate, &door, NULL, NULL), 0);
		EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
		aw_future_unref(future);
		executor_end(executor);
		loop_end(loop);
	}
}

static aw_future *job_begin(aw_loop *loop, aw_executor *executor, aw_work_fn fn, void *ud) {
	aw_future *future = NULL;
	EXPECT_INT(aw_loop_run_in_executor(loop, executor, fn, ud, NULL, &future), 0);
	return future;
}

/*
 * Both threads exist, and either may become idle at the moment of a submit: a job whose thread is neither woken nor
 * about to come is a hang.
 */
static void two_jobs_that_meet_find_two_threads(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(2);
	for (int round = 0; round < 2 * MANY; round++) {
		gate door = GATE_INIT;
		aw_future *futures[4];
		int count = 0;
		if (round & 1) futures[count++] = job_begin(loop, executor, add_one, NULL);
		futures[count++] = job_begin(loop, executor, wait_at_the_gate, &door);
		if (round & 2) futures[count++] = job_begin(loop, executor, add_one, NULL);
		futures[count++] = job_begin(loop, executor, open_the_gate, &door);
		for (int i = 0; i < count; i++) {
			EXPECT_INT(aw_loop_run_until_complete(loop, futures[i], NULL), 0);
			aw_future_unref(futures[i]);
		}
	}
	executor_end(executor);
	loop_end(loop);
}

static aw_status note_order(void *ud, void **out, aw_destroy_fn *out_destroy) {
	static int next; /* of one thread */
	(void)out;
	(void)out_destroy;
	int *place = ud;
	*place = *place < 0 ? next = 0 : ++next;
	return 0;
}

/* The thread is busy when most of them come. */
static void jobs_begin_in_the_order_in_which_they_were_submitted(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	gate door = GATE_INIT;
	static int order[MANY];
	static aw_future *futures[MANY];
	order[0] = -1;
	EXPECT_INT(aw_loop_run_in_executor(loop, executor, wait_at_the_gate, &door, NULL, NULL), 0);
	for (int i = 0; i < MANY; i++) {
		futures[i] = job_begin(loop, executor, note_order, &order[i]);
		if (i == MANY / 2) EXPECT(aw_executor_pending(executor) > MANY / 2);
	}
	/* One from each half. */
	EXPECT_INT(aw_future_cancel(futures[1], NULL), 1);
	EXPECT_INT(aw_future_cancel(futures[MANY - 2], NULL), 1);
	gate_open(&door);
	EXPECT_INT(aw_loop_run_until_complete(loop, futures[MANY - 1], NULL), 0);
	unsigned wrong = 0;
	for (int i = 0; i < MANY; i++) {
		if (i == 1 || i == MANY - 2)
			wrong += order[i] != 0;
		else
			wrong += order[i] != i - (i > 1) - (i > MANY - 2);
		aw_future_unref(futures[i]);
	}
	EXPECT_INT(wrong, 0);
	EXPECT_INT(aw_executor_pending(executor), 0);
	executor_end(executor);
	loop_end(loop);
}

static void one_loop_uses_several_executors_at_once(void) {
	enum { POOLS = 3 };
	aw_loop *loop = loop_begin(NULL);
	for (int round = 0; round < 2; round++) {
		visitor running[POOLS] = {VISIT_INIT, VISIT_INIT, VISIT_INIT},
				queued[POOLS] = {VISIT_INIT, VISIT_INIT, VISIT_INIT};
		aw_future *first[POOLS], *second[POOLS];
		for (int i = 0; i < POOLS; i++) {
			aw_executor *executor = executor_of(1);
			first[i] = visit_begin(loop, executor, &running[i]);
			gate_wait(&running[i].here);
			second[i] = visit_pass(loop, executor, &queued[i]);
			aw_executor_unref(executor);
		}
		for (int i = 0; i < POOLS; i++) {
			if (i != round) EXPECT_INT(aw_future_cancel(second[i], NULL), 1);
			gate_open(&running[i].leave);
			EXPECT_INT(aw_loop_run_until_complete(loop, first[i], NULL), 0);
			EXPECT_INT(aw_loop_run_until_complete(loop, second[i], NULL), i == round ? 0 : AW_ECANCELLED);
			EXPECT_INT(queued[i].ended, i == round);
			aw_future_unref(first[i]);
			aw_future_unref(second[i]);
		}
	}
	loop_end(loop);
}

/* The loop has not seen that they have ended. */
static void work_can_be_cancelled_after_the_end_of_its_executor(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executors[2];
	aw_future *futures[2];
	for (int i = 0; i < 2; i++) {
		executors[i] = executor_of(1);
		futures[i] = job_begin(loop, executors[i], add_one, NULL);
	}
	for (int i = 0; i < 2; i++) executor_end(executors[i]);
	for (int i = 0; i < 2; i++) EXPECT_INT(aw_future_cancel(futures[i], NULL), 1);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(aw_loop_run_until_complete(loop, futures[i], NULL), AW_ECANCELLED);
		aw_future_unref(futures[i]);
	}
	loop_end(loop);
}

/* --- failing --- */

static aw_status fail_with_message(void *ud, void **out, aw_destroy_fn *out_destroy) {
	*out = ud;
	*out_destroy = count_destroyed;
	return aw_work_raise(-EIO, "no luck");
}

static aw_status fail_with_payload(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	aw_error *error;
	aw_status status = aw_error_new(NULL, AW_EHOST, NULL, ud, count_destroyed, &error);
	if (status < 0) return status;
	status = aw_work_raise_error(error);
	aw_error_unref(error);
	return status;
}

static aw_status fail_otherwise(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	EXPECT_INT(aw_work_raise(-EIO, "of another failure"), -EIO);
	return -ENOENT;
}

static void a_failure_brings_its_message_and_payload(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	aw_work_fn fns[] = {fail_with_message, fail_with_payload, fail_otherwise};
	aw_status codes[] = {-EIO, AW_EHOST, -ENOENT};
	const char *messages[] = {"no luck", aw_strerror(AW_EHOST), aw_strerror(-ENOENT)};
	int destroyed = 0;
	for (int i = 0; i < 3; i++) {
		aw_future *future = NULL;
		aw_error *error = NULL;
		EXPECT_INT(aw_loop_run_in_executor(loop, executor, fns[i], &destroyed, NULL, &future), 0);
		EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), codes[i]);
		EXPECT_INT(aw_future_error(future, &error), 0);
		EXPECT_STR(aw_error_message(error), messages[i]);
		if (i == 1) EXPECT(aw_error_payload(error) == &destroyed);
		aw_future_unref(future);
	}
	EXPECT_INT(destroyed, 2); /* the value of a failure, and the payload */
	EXPECT_INT(aw_work_raise(-EIO, "outside"), AW_EINVALIDSTATE);
	EXPECT_INT(aw_work_raise_error(NULL), AW_EINVALIDSTATE);
	executor_end(executor);
	loop_end(loop);
}

/* --- cancelling --- */

static void cancelling_work_not_begun_drops_it(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	visitor running = VISIT_INIT, queued = VISIT_INIT;
	aw_future *first = visit_begin(loop, executor, &running), *second = visit_begin(loop, executor, &queued);
	gate_wait(&running.here);
	EXPECT_INT(aw_executor_pending(executor), 1);
	EXPECT_INT(aw_future_cancel(second, NULL), 1);
	EXPECT_INT(aw_future_cancel(second, NULL), 0);
	EXPECT(aw_future_cancelled(second));
	EXPECT_INT(aw_executor_pending(executor), 0);
	EXPECT_INT(queued.destroyed, 0); /* not inside the call */
	loop_settle(loop);
	EXPECT_INT(queued.destroyed, 1);
	gate_open(&running.leave);
	EXPECT_INT(aw_loop_run_until_complete(loop, first, NULL), 0);
	aw_future_unref(first);
	aw_future_unref(second);
	executor_end(executor);
	EXPECT_INT(queued.begun, 0);
	EXPECT_INT(queued.destroyed, 1);
	loop_end(loop);
}

static void cancelling_work_under_way_lets_the_thread_go_on(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	visitor visit = VISIT_INIT;
	aw_future *future = visit_begin(loop, executor, &visit);
	gate_wait(&visit.here);
	EXPECT_INT(aw_future_cancel(future, "enough"), 1);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), AW_ECANCELLED);
	aw_future_unref(future);
	loop_settle(loop);
	EXPECT_INT(visit.ended + visit.destroyed, 0); /* its thread still uses it */
	gate_open(&visit.leave);
	loop_until(loop, &visit.destroyed, 1);
	EXPECT_INT(visit.ended, 1);
	EXPECT_INT(visit.value_destroyed, 1);
	EXPECT(pthread_equal(visit.destroyed_by, pthread_self()));
	executor_end(executor);
	loop_end(loop);
}

/* --- shutting down --- */

static void a_shutdown_refuses_what_comes_and_finishes_what_is_there(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	visitor visits[3] = {VISIT_INIT, VISIT_INIT, VISIT_INIT};
	aw_future *first = visit_begin(loop, executor, &visits[0]),
			  *second = visit_pass(loop, executor, &visits[1]), *third = NULL;
	EXPECT_INT(aw_executor_shutdown(executor, false), 0);
	EXPECT_INT(aw_executor_shutdown(executor, false), 0);
	EXPECT_INT(aw_loop_run_in_executor(loop, executor, visit_work, &visits[2], visit_destroy, &third),
	           AW_EINVALIDSTATE);
	EXPECT(third == NULL);
	EXPECT_INT(visits[2].destroyed, 1);
	EXPECT_INT(aw_executor_shutdown_wait(executor, 0), AW_EPENDING);
	EXPECT_INT(aw_executor_shutdown_wait(executor, AW_MILLISECOND), AW_EPENDING);
	gate_open(&visits[0].leave);
	EXPECT_INT(aw_loop_run_until_complete(loop, second, NULL), 0);
	EXPECT(aw_future_done(first));
	aw_future_unref(first);
	aw_future_unref(second);
	executor_end(executor);
	loop_end(loop);
}

static void a_shutdown_can_cancel_what_is_queued(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	visitor running = VISIT_INIT, queued = VISIT_INIT;
	aw_future *first = visit_begin(loop, executor, &running), *second = visit_begin(loop, executor, &queued);
	gate_wait(&running.here);
	EXPECT_INT(aw_executor_shutdown(executor, true), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, second, NULL), AW_ECANCELLED);
	EXPECT_INT(queued.destroyed, 1);
	EXPECT(!aw_future_done(first));
	gate_open(&running.leave);
	EXPECT_INT(aw_loop_run_until_complete(loop, first, NULL), 0);
	aw_future_unref(first);
	aw_future_unref(second);
	executor_end(executor);
	EXPECT_INT(queued.begun, 0);
	loop_end(loop);
}

static aw_status join_oneself(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	return aw_executor_shutdown_wait(ud, AW_FOREVER);
}

static void a_thread_can_not_wait_for_its_own_end(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	aw_future *future = NULL;
	EXPECT_INT(aw_loop_run_in_executor(loop, executor, join_oneself, executor, NULL, &future), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), -EDEADLK);
	aw_future_unref(future);
	executor_end(executor);
	loop_end(loop);
}

static void an_executor_let_go_of_still_finishes(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	visitor first = VISIT_INIT, second = VISIT_INIT;
	aw_future *one = visit_begin(loop, executor, &first), *two = visit_pass(loop, executor, &second);
	aw_executor_unref(executor);
	gate_open(&first.leave);
	EXPECT_INT(aw_loop_run_until_complete(loop, two, NULL), 0);
	EXPECT(aw_future_done(one));
	aw_future_unref(one);
	aw_future_unref(two);
	loop_end(loop);
}

/* --- the end of the loop --- */

static void closing_the_loop_drops_what_is_queued_and_forgets_what_runs(void) {
	for (int gone = 0; gone < 2; gone++) {
		aw_loop *loop = loop_begin(NULL);
		aw_executor *executor = executor_of(1);
		visitor running = VISIT_INIT, queued = VISIT_INIT;
		aw_future *first = visit_begin(loop, executor, &running),
				  *second = visit_begin(loop, executor, &queued);
		gate_wait(&running.here);
		EXPECT_INT(aw_loop_close(loop), 0);
		EXPECT_INT(queued.destroyed, 1);
		EXPECT_INT(queued.begun, 0);
		EXPECT_INT(running.destroyed, 0);
		aw_future_unref(first);
		aw_future_unref(second);
		if (gone) aw_loop_unref(loop); /* nothing is left to return to */
		gate_open(&running.leave);
		EXPECT_INT(aw_executor_shutdown_wait(executor, AW_FOREVER), 0);
		if (!gone) aw_loop_unref(loop);
		EXPECT_INT(running.destroyed, 1);
		EXPECT_INT(running.value_destroyed, 1);
		aw_executor_unref(executor);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
}

static void work_that_ends_while_its_loop_closes_is_lost_by_nobody(void) {
	enum { ROUNDS = 200, WORKS = 8 };
	static visitor visits[WORKS];
	for (int round = 0; round < ROUNDS; round++) {
		aw_loop *loop = loop_begin("epoll");
		aw_executor *executor = executor_of(4);
		for (int i = 0; i < WORKS; i++) {
			visits[i] = (visitor)VISIT_INIT;
			gate_open(&visits[i].leave);
			EXPECT_INT(aw_loop_run_in_executor(loop, executor, visit_work, &visits[i], visit_destroy, NULL),
			           0);
		}
		if (round % 2) EXPECT(aw_loop_run_once(loop, 0) >= 0);
		aw_loop_close(loop);
		aw_loop_unref(loop);
		executor_end(executor);
		for (int i = 0; i < WORKS; i++) {
			EXPECT_INT(visits[i].destroyed, 1);
			EXPECT_INT(visits[i].begun, visits[i].value_destroyed);
		}
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
}

/* --- many loops, one executor --- */

static void *run_a_loop(void *arg) {
	aw_loop *loop = NULL;
	uintptr_t wrong = aw_loop_new("epoll", &loop) != 0;
	for (uintptr_t i = 0; i < 50 && !wrong; i++) {
		aw_future *future = NULL;
		void *value = NULL;
		wrong += aw_loop_run_in_executor(loop, arg, add_one, (void *)i, NULL, &future) != 0;
		wrong += aw_loop_run_until_complete(loop, future, &value) != 0 || (uintptr_t)value != i + 1;
		aw_future_unref(future);
	}
	aw_loop_close(loop);
	aw_loop_unref(loop);
	return (void *)wrong;
}

static void eight_loops_share_one_executor(void) {
	enum { LOOPS = 8 };
	aw_executor *executor = executor_of(3);
	pthread_t threads[LOOPS];
	for (int i = 0; i < LOOPS; i++) EXPECT_INT(pthread_create(&threads[i], NULL, run_a_loop, executor), 0);
	for (int i = 0; i < LOOPS; i++) {
		void *wrong = NULL;
		pthread_join(threads[i], &wrong);
		EXPECT(wrong == NULL);
	}
	executor_end(executor);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* --- the default executor --- */

static void the_default_executor_is_the_one_that_was_set(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(1);
	visitor visit = VISIT_INIT;
	EXPECT_INT(aw_loop_set_default_executor(loop, NULL), AW_EBADHANDLE);
	EXPECT_INT(aw_loop_set_default_executor(loop, executor), 0);
	aw_future *future = visit_begin(loop, NULL, &visit);
	EXPECT_INT(aw_executor_threads(executor), 1);
	gate_open(&visit.leave);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
	aw_future_unref(future);
	EXPECT_INT(aw_loop_close(loop), 0);
	/* Closing has shut it down without waiting. */
	EXPECT_INT(aw_executor_shutdown_wait(executor, AW_FOREVER), 0);
	aw_executor_unref(executor);
	loop_end(loop);
}

static void shutting_the_default_executor_down_joins_its_threads(void) {
	aw_loop *loop = loop_begin(NULL);
	visitor visit = VISIT_INIT;
	aw_future *future = visit_begin(loop, NULL, &visit), *ended = NULL, *late = NULL;
	EXPECT_INT(aw_loop_shutdown_default_executor(loop, AW_MILLISECOND, &ended), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, ended, NULL), AW_EPENDING);
	aw_future_unref(ended);
	EXPECT_INT(aw_loop_run_in_executor(loop, NULL, visit_work, &visit, NULL, &late), AW_EINVALIDSTATE);
	EXPECT_INT(aw_loop_shutdown_default_executor(loop, -1, &ended), 0);
	/* The loop runs while it waits: a callback lets the work end. */
	EXPECT_INT(aw_loop_call_later(loop, AW_MILLISECOND, open_it, &visit.leave, NULL, NULL), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, ended, NULL), 0);
	EXPECT_INT(visit.ended, 1);
	aw_future_unref(ended);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
	aw_future_unref(future);
	loop_end(loop);
}

static void there_may_be_no_default_executor_to_shut_down(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *ended = NULL, *late = NULL;
	EXPECT_INT(aw_loop_shutdown_default_executor(loop, AW_FOREVER, &ended), 0);
	EXPECT(aw_future_done(ended));
	EXPECT_INT(aw_loop_run_in_executor(loop, NULL, add_one, NULL, NULL, &late), AW_EINVALIDSTATE);
	aw_future_unref(ended);
	loop_end(loop);
}

static void a_loop_can_close_while_its_executor_is_being_joined(void) {
	aw_loop *loop = loop_begin(NULL);
	visitor visit = VISIT_INIT;
	aw_future *future = visit_begin(loop, NULL, &visit), *ended = NULL;
	gate_wait(&visit.here);
	EXPECT_INT(aw_loop_shutdown_default_executor(loop, AW_FOREVER, &ended), 0);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT(!aw_future_done(ended));
	aw_future_unref(ended);
	gate_open(&visit.leave);
	/*
	 * Both threads end by themselves, and their objects are released with the loop's last reference, or when
	 * they end.
	 */
	aw_loop_unref(loop);
	aw_future_unref(future);
	while (aw_debug_live_handles() > 0) sched_yield();
	EXPECT_INT(visit.destroyed, 1);
}

/* --- surroundings --- */

static aw_status blocked_signals(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	pthread_sigmask(SIG_SETMASK, NULL, ud);
	return aw_loop_current() ? AW_ELOOPRUNNING : 0;
}

static void signals_are_not_for_the_threads_but_faults_are(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	sigset_t set, before, after;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	EXPECT_INT(aw_loop_run_in_executor(loop, NULL, blocked_signals, &set, NULL, &future), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
	EXPECT_INT(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
	EXPECT_INT(sigismember(&set, SIGINT), 1);
	EXPECT_INT(sigismember(&set, SIGCHLD), 1);
	EXPECT_INT(sigismember(&set, SIGSEGV), 0);
	aw_future_unref(future);
	loop_end(loop);
}

static void without_a_thread_to_be_had_it_is_an_error_or_waits_for_one(void) {
	if (CREATE_IS_TAKEN) SKIP("the sanitizer has its own pthread_create");
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(4);
	visitor visits[3] = {VISIT_INIT, VISIT_INIT, VISIT_INIT};
	aw_future *futures[2], *refused = NULL, *ended = NULL;
	threads_left = 0;
	EXPECT_INT(aw_loop_run_in_executor(loop, executor, visit_work, &visits[2], visit_destroy, &refused),
	           -EAGAIN);
	EXPECT(refused == NULL);
	EXPECT_INT(visits[2].destroyed, 1);
	EXPECT_INT(aw_executor_pending(executor), 0);
	threads_left = 1;
	for (int i = 0; i < 2; i++) futures[i] = visit_pass(loop, executor, &visits[i]);
	EXPECT_INT(aw_executor_threads(executor), 1);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(aw_loop_run_until_complete(loop, futures[i], NULL), 0);
		aw_future_unref(futures[i]);
	}
	EXPECT_INT(aw_loop_set_default_executor(loop, executor), 0);
	EXPECT_INT(aw_loop_shutdown_default_executor(loop, AW_FOREVER, &ended), -EAGAIN);
	threads_left = INT32_MAX;
	executor_end(executor);
	loop_end(loop);
}

static int in_the_child(aw_loop *loop, aw_executor *executor) {
	aw_future *future = NULL;
	int destroyed = 0;
	if (aw_executor_shutdown(executor, true) != AW_EFORKED) return 1;
	if (aw_executor_shutdown_wait(executor, AW_FOREVER) != AW_EFORKED) return 2;
	if (aw_loop_run_in_executor(loop, executor, add_one, &destroyed, count_destroyed, &future) != AW_EFORKED)
		return 3;
	if (destroyed != 1 || aw_executor_pending(executor) || aw_executor_threads(executor)) return 4;
	aw_loop *own = NULL;
	if (aw_loop_new("epoll", &own) < 0) return 5;
	if (aw_loop_run_in_executor(own, executor, add_one, NULL, NULL, &future) != AW_EFORKED) return 6;
	if (aw_loop_run_in_executor(own, NULL, add_one, NULL, NULL, &future) != 0) return 7;
	if (aw_loop_run_until_complete(own, future, NULL) != 0) return 8;
	aw_future_unref(future);
	aw_loop_close(own);
	aw_loop_unref(own);
	aw_executor_unref(executor);
	aw_loop_abandon(loop);
	return 0;
}

static void a_forked_child_is_told_that_the_threads_are_its_parents(void) {
	if (NO_THREADS_IN_A_CHILD)
		SKIP("ThreadSanitizer starts no threads in the child of a program with threads");
	aw_loop *loop = loop_begin(NULL);
	aw_executor *executor = executor_of(2);
	visitor visit = VISIT_INIT;
	aw_future *future = visit_begin(loop, executor, &visit);
	gate_wait(&visit.here);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) _exit(in_the_child(loop, executor));
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
	gate_open(&visit.leave);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, NULL), 0);
	aw_future_unref(future);
	executor_end(executor);
	loop_end(loop);
}

static void wrong_arguments_are_answered_with_errors(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	int destroyed = 0;
	EXPECT_INT(aw_loop_run_in_executor(loop, NULL, NULL, &destroyed, count_destroyed, &future), -EINVAL);
	EXPECT_INT(aw_loop_run_in_executor(NULL, NULL, add_one, &destroyed, count_destroyed, &future),
	           AW_ENOLOOP);
	EXPECT_INT(aw_loop_run_in_executor(loop, (aw_executor *)(void *)loop, add_one, &destroyed,
	                                   count_destroyed, &future),
	           AW_EBADHANDLE);
	EXPECT_INT(destroyed, 3);
	EXPECT_INT(aw_loop_shutdown_default_executor(loop, 0, NULL), -EINVAL);
	EXPECT_INT(aw_executor_shutdown(NULL, false), AW_EBADHANDLE);
	EXPECT_INT(aw_executor_shutdown_wait(NULL, 0), AW_EBADHANDLE);
	EXPECT_INT(aw_executor_threads(NULL), 0);
	EXPECT_INT(aw_executor_pending(NULL), 0);
	aw_executor_unref(NULL);
	EXPECT(aw_executor_ref(NULL) == NULL);
	loop_end(loop);
}

CHECK_MAIN("executor", TEST(a_thousand_jobs_run_on_four_threads),
           TEST(jobs_one_after_the_other_find_a_thread), TEST(threads_are_started_one_by_one_up_to_the_limit),
           TEST(work_starts_when_it_is_submitted_and_not_when_it_is_awaited),
           TEST(the_default_size_is_asyncios), TEST(what_the_thread_posted_first_runs_before_its_result),
           TEST(work_that_waits_for_the_next_is_not_given_its_thread),
           TEST(two_jobs_that_meet_find_two_threads),
           TEST(jobs_begin_in_the_order_in_which_they_were_submitted),
           TEST(one_loop_uses_several_executors_at_once),
           TEST(work_can_be_cancelled_after_the_end_of_its_executor),
           TEST(a_failure_brings_its_message_and_payload), TEST(cancelling_work_not_begun_drops_it),
           TEST(cancelling_work_under_way_lets_the_thread_go_on),
           TEST(a_shutdown_refuses_what_comes_and_finishes_what_is_there),
           TEST(a_shutdown_can_cancel_what_is_queued), TEST(a_thread_can_not_wait_for_its_own_end),
           TEST(an_executor_let_go_of_still_finishes),
           TEST(closing_the_loop_drops_what_is_queued_and_forgets_what_runs),
           TEST(work_that_ends_while_its_loop_closes_is_lost_by_nobody), TEST(eight_loops_share_one_executor),
           TEST(the_default_executor_is_the_one_that_was_set),
           TEST(shutting_the_default_executor_down_joins_its_threads),
           TEST(there_may_be_no_default_executor_to_shut_down),
           TEST(a_loop_can_close_while_its_executor_is_being_joined),
           TEST(signals_are_not_for_the_threads_but_faults_are),
           TEST(without_a_thread_to_be_had_it_is_an_error_or_waits_for_one),
           TEST(a_forked_child_is_told_that_the_threads_are_its_parents),
           TEST(wrong_arguments_are_answered_with_errors))
