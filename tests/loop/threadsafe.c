/* SPDX-License-Identifier: MIT */
/* Labels: backends threads */
/* What other threads may do: post, wake, and drop references, while the loop runs, waits, and closes. */
#include "trace.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS = 4, POSTS = 500 };

typedef struct poster {
	aw_loop *loop;
	int next;      /* used by the loop: the next value expected from this thread */
	int disorder;  /* used by the loop */
	int destroyed; /* used by the loop */
} poster;

typedef struct post {
	poster *from;
	int index;
} post;

static int posts_left; /* used by the loop */

static aw_status arrived(aw_loop *loop, void *ud) {
	post *self = ud;
	if (self->index != self->from->next++) self->from->disorder++;
	return --posts_left ? 0 : aw_loop_stop(loop);
}

static void post_destroy(void *ud) {
	post *self = ud;
	self->from->destroyed++;
	free(self);
}

static void *post_many(void *ud) {
	poster *self = ud;
	for (int i = 0; i < POSTS; i++) {
		post *one = malloc(sizeof *one);
		if (!one) return self;
		*one = (post){self, i};
		if (aw_loop_call_soon_threadsafe(self->loop, arrived, one, post_destroy) < 0) return self;
	}
	return NULL;
}

static void posts_of_several_threads_all_run_each_threads_in_order(void) {
	aw_loop *loop = loop_begin(NULL);
	pthread_t threads[THREADS];
	static poster posters[THREADS];
	posts_left = THREADS * POSTS;
	for (int i = 0; i < THREADS; i++) {
		posters[i] = (poster){.loop = loop};
		REQUIRE(pthread_create(&threads[i], NULL, post_many, &posters[i]) == 0);
	}
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed = NULL;
		pthread_join(threads[i], &failed);
		EXPECT(failed == NULL);
		EXPECT_INT(posters[i].next, POSTS);
		EXPECT_INT(posters[i].disorder, 0);
		EXPECT_INT(posters[i].destroyed, POSTS);
	}
	loop_end(loop);
}

enum { STEPS = 50 };

typedef struct progress {
	char text[24];
	int done;
	long double aligned;
} progress;

static int steps_seen; /* used by the loop */

static aw_status progressed(aw_loop *loop, void *ud) {
	const progress *self = ud;
	char text[sizeof self->text];
	snprintf(text, sizeof text, "step %d", self->done);
	EXPECT_STR(self->text, text);
	EXPECT_INT((uintptr_t)self % _Alignof(progress), 0);
	return ++steps_seen == STEPS ? aw_loop_stop(loop) : 0;
}

static aw_status without_data(aw_loop *loop, void *ud) {
	(void)loop;
	EXPECT(ud == NULL);
	steps_seen++;
	return 0;
}

static void *report_progress(void *loop) {
	for (int i = 0; i < STEPS; i++) {
		progress now = {.done = i};
		snprintf(now.text, sizeof now.text, "step %d", i);
		if (aw_loop_call_soon_threadsafe_copy(loop, progressed, &now, sizeof now) < 0) return loop;
		memset(&now, 0, sizeof now); /* the loop has its own */
	}
	return NULL;
}

static void progress_is_posted_with_a_copy(void) {
	aw_loop *loop = loop_begin(NULL);
	pthread_t thread;
	void *failed = NULL;
	progress now = {.done = 0};
	steps_seen = 0;
	REQUIRE(pthread_create(&thread, NULL, report_progress, loop) == 0);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	pthread_join(thread, &failed);
	EXPECT(failed == NULL);
	EXPECT_INT(aw_loop_call_soon_threadsafe_copy(loop, without_data, NULL, 0), 0);
	EXPECT_INT(aw_loop_call_soon_threadsafe_copy(loop, progressed, NULL, 1), -EINVAL);
	EXPECT_INT(aw_loop_call_soon_threadsafe_copy(loop, NULL, &now, sizeof now), -EINVAL);
	EXPECT_INT(aw_loop_call_soon_threadsafe_copy(NULL, progressed, &now, sizeof now), AW_EBADHANDLE);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_INT(steps_seen, STEPS + 1);
	/* freed at the close */
	EXPECT_INT(aw_loop_call_soon_threadsafe_copy(loop, progressed, &now, sizeof now), 0);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_INT(aw_loop_call_soon_threadsafe_copy(loop, progressed, &now, sizeof now), AW_ELOOPCLOSED);
	EXPECT_INT(steps_seen, STEPS + 1);
	loop_end(loop);
}

static void *wake_later(void *loop) {
	aw_loop_wakeup(loop);
	return NULL;
}

static void a_wakeup_from_a_thread_ends_a_wait_without_limit(void) {
	aw_loop *loop = loop_begin(NULL);
	for (int i = 0; i < 100; i++) {
		pthread_t thread;
		REQUIRE(pthread_create(&thread, NULL, wake_later, loop) == 0);
		EXPECT_INT(aw_loop_wait(loop, -1), 0);
		EXPECT_INT(aw_loop_dispatch(loop), 0);
		pthread_join(thread, NULL);
	}
	loop_end(loop);
}

static aw_status stop_loop(aw_loop *loop, void *ud) {
	(void)ud;
	return aw_loop_stop(loop);
}

static void *stop_by_post(void *loop) {
	aw_loop_call_soon_threadsafe(loop, stop_loop, NULL, NULL);
	return NULL;
}

static void a_post_wakes_a_loop_that_has_nothing_to_do(void) {
	aw_loop *loop = loop_begin(NULL);
	for (int i = 0; i < 100; i++) {
		pthread_t thread;
		REQUIRE(pthread_create(&thread, NULL, stop_by_post, loop) == 0);
		EXPECT_INT(aw_loop_run_forever(loop), 0);
		pthread_join(thread, NULL);
	}
	loop_end(loop);
}

/* Each wakes the other at the moment when that is about to wait: a wake that is lost is a hang. */
enum { TRIPS = 2000 };

typedef struct side {
	aw_loop *loop;
	struct side *other;
	int left; /* used by both, in turn */
	pthread_barrier_t *ready;
} side;

static aw_status take_turn(aw_loop *loop, void *ud) {
	side *self = ud;
	aw_status status = --self->left ? 0 : aw_loop_stop(loop);
	if (self->other->left)
		EXPECT_INT(aw_loop_call_soon_threadsafe(self->other->loop, take_turn, self->other, NULL), 0);
	return status;
}

static void *take_turns(void *ud) {
	side *self = ud;
	if (aw_loop_new(NULL, &self->loop) < 0) self->loop = NULL;
	pthread_barrier_wait(self->ready);
	aw_status status = aw_loop_run_forever(self->loop);
	pthread_barrier_wait(self->ready);
	aw_loop_unref(self->loop);
	return (void *)(intptr_t)status;
}

static void two_loops_wake_each_other_in_turn(void) {
	aw_loop *loop = loop_begin(NULL);
	pthread_barrier_t ready;
	pthread_t thread;
	side far = {.left = TRIPS, .ready = &ready}, near = {.loop = loop, .other = &far, .left = TRIPS};
	void *status = NULL;
	far.other = &near;
	REQUIRE(pthread_barrier_init(&ready, NULL, 2) == 0);
	REQUIRE(pthread_create(&thread, NULL, take_turns, &far) == 0);
	pthread_barrier_wait(&ready);
	EXPECT_INT(aw_loop_call_soon_threadsafe(far.loop, take_turn, &far, NULL), 0);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	pthread_barrier_wait(&ready);
	pthread_join(thread, &status);
	EXPECT(status == NULL);
	EXPECT_INT(near.left, 0);
	EXPECT_INT(far.left, 0);
	pthread_barrier_destroy(&ready);
	loop_end(loop);
}

/* Anonymous memory of the process, in bytes; 0 if it can't be read. */
static long resident(void) {
	long pages = 0, shared = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file) return 0;
	if (fscanf(file, "%*s %ld %ld", &pages, &shared) != 2) pages = 0;
	(void)fclose(file);
	return (pages - shared) * sysconf(_SC_PAGESIZE);
}

enum { BURST = 100, BURSTS = 1000 };

static aw_status count_post(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	posts_left--;
	return 0;
}

static void *post_burst(void *loop) {
	for (int i = 0; i < BURST; i++)
		if (aw_loop_call_soon_threadsafe(loop, count_post, NULL, NULL) < 0) return loop;
	return NULL;
}

static void the_memory_of_posts_is_used_again(void) {
	aw_loop *loop = loop_begin(NULL);
	long before = 0;
	posts_left = 0;
	for (int i = 0; i < BURSTS; i++) {
		EXPECT(post_burst(loop) == NULL);
		EXPECT(aw_loop_run_once(loop, 0) >= 0);
		if (i == BURSTS / 10) before = resident();
	}
	EXPECT_INT(posts_left, -BURST * BURSTS);
	long after = resident();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* a sanitizer keeps freed memory */
	EXPECT(after - before < 1024L * 1024); /* that many handles would take ten times this */
#else
	EXPECT(after >= 0 && before >= 0);
#endif
	loop_end(loop);
}

/* --- references dropped elsewhere --- */

static pthread_t destroyed_on;
static int destroyed;

static void note_thread(void *ud) {
	(void)ud;
	destroyed_on = pthread_self();
	destroyed++;
}

static void *drop_future(void *future) {
	aw_future_unref(future);
	return NULL;
}

static void a_last_reference_dropped_elsewhere_is_destroyed_on_the_loops_thread(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	pthread_t thread;
	destroyed = 0;
	REQUIRE(aw_future_new(loop, &future) == 0);
	EXPECT(aw_future_set_result(future, NULL, note_thread) >= 0);
	REQUIRE(pthread_create(&thread, NULL, drop_future, future) == 0);
	for (int i = 0; i < 1000 && !destroyed; i++) {
		EXPECT(aw_loop_wait(loop, -1) >= 0); /* the drop wakes it */
		EXPECT(aw_loop_dispatch(loop) >= 0);
	}
	pthread_join(thread, NULL);
	EXPECT_INT(destroyed, 1);
	EXPECT(pthread_equal(destroyed_on, pthread_self()));
	loop_end(loop);
}

typedef struct dropper {
	aw_future *futures[200];
	aw_loop *loop;
} dropper;

static void *drop_many(void *ud) {
	dropper *self = ud;
	for (int i = 0; i < 200; i++) {
		aw_future_ref(self->futures[i]);
		aw_future_unref(self->futures[i]);
		aw_future_unref(self->futures[i]);
	}
	aw_loop_unref(self->loop);
	return NULL;
}

static void references_dropped_while_the_loop_closes_are_destroyed_once(void) {
	for (int round = 0; round < 20; round++) {
		aw_loop *loop = loop_begin(NULL);
		pthread_t threads[THREADS];
		static dropper droppers[THREADS];
		destroyed = 0;
		for (int t = 0; t < THREADS; t++) {
			droppers[t].loop = aw_loop_ref(loop);
			for (int i = 0; i < 200; i++) {
				REQUIRE(aw_future_new(loop, &droppers[t].futures[i]) == 0);
				aw_future_set_host_data(droppers[t].futures[i], &destroyed, NULL);
			}
		}
		for (int t = 0; t < THREADS; t++)
			REQUIRE(pthread_create(&threads[t], NULL, drop_many, &droppers[t]) == 0);
		if (round % 2) EXPECT(aw_loop_run_once(loop, 0) >= 0);
		EXPECT_INT(aw_loop_close(loop), 0);
		aw_loop_unref(loop);
		for (int t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
}

/* --- posts that race with the end --- */

typedef struct racer {
	aw_loop *loop;
	_Atomic int *destroyed;
	int taken, refused, closed;
} racer;

static void count_atomic(void *counter) {
	atomic_fetch_add((_Atomic int *)counter, 1);
}

static aw_status nothing(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return 0;
}

/* unlimited posts would outrun the loop, and its batches would grow without bound */
enum { RACE_POSTS = 2000 };

static void *post_until_closed(void *ud) {
	racer *self = ud;
	aw_status status = 0;
	for (int i = 0; i < RACE_POSTS && status == 0; i++) {
		status = aw_loop_call_soon_threadsafe(self->loop, nothing, self->destroyed, count_atomic);
		if (status == 0)
			self->taken++;
		else
			self->refused++;
	}
	while (status == 0) {
		status = aw_loop_wakeup(self->loop);
		sched_yield();
	}
	self->closed = status == AW_ELOOPCLOSED;
	aw_loop_unref(self->loop);
	return NULL;
}

static void posts_that_race_with_the_close_are_each_destroyed_once(void) {
	for (int round = 0; round < 20; round++) {
		aw_loop *loop = loop_begin(NULL);
		pthread_t threads[THREADS];
		racer racers[THREADS];
		_Atomic int ends = 0;
		int want = 0;
		for (int t = 0; t < THREADS; t++) {
			racers[t] = (racer){.loop = aw_loop_ref(loop), .destroyed = &ends};
			REQUIRE(pthread_create(&threads[t], NULL, post_until_closed, &racers[t]) == 0);
		}
		for (int i = 0; i < 20; i++) EXPECT(aw_loop_run_once(loop, 0) >= 0);
		EXPECT_INT(aw_loop_close(loop), 0);
		aw_loop_unref(loop);
		for (int t = 0; t < THREADS; t++) {
			pthread_join(threads[t], NULL);
			want += racers[t].taken + racers[t].refused;
			EXPECT_INT(racers[t].closed, 1);
		}
		EXPECT_INT(ends, want);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
}

/* --- a thread that must not call --- */

static aw_status foreign_result[3];

static void *call_from_elsewhere(void *loop) {
	foreign_result[0] = aw_loop_call_soon(loop, nothing, NULL, NULL, NULL);
	foreign_result[1] = aw_loop_run_once(loop, 0);
	foreign_result[2] = aw_loop_close(loop);
	return NULL;
}

static aw_status call_by_thread(aw_loop *loop, void *ud) {
	pthread_t thread;
	(void)ud;
	if (pthread_create(&thread, NULL, call_from_elsewhere, loop) != 0) return -EAGAIN;
	pthread_join(thread, NULL);
	return 0;
}

static void a_call_from_another_thread_while_it_runs_is_refused(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_loop_call_soon(loop, call_by_thread, NULL, NULL, NULL);
	EXPECT_INT(aw_loop_run_once(loop, 0), 1);
	for (int i = 0; i < 3; i++) EXPECT_INT(foreign_result[i], AW_EWRONGTHREAD);
	loop_end(loop);
}

static void *run_here(void *loop) {
	aw_loop_call_soon(loop, say, "thread", NULL, NULL);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	return NULL;
}

static void threads_may_drive_it_one_after_the_other(void) {
	aw_loop *loop = loop_begin(NULL);
	pthread_t thread;
	aw_loop_call_soon(loop, say, "main", NULL, NULL);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	REQUIRE(pthread_create(&thread, NULL, run_here, loop) == 0);
	pthread_join(thread, NULL);
	aw_loop_call_soon(loop, say, "main", NULL, NULL);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(trace, "main thread main");
	loop_end(loop);
}

static aw_status sum(void *ud) {
	for (int i = 0; i < 20; i++) {
		EXPECT(aw_sleep(0) >= 0);
		++*(int *)ud;
	}
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	return 0;
}

static aw_status loop_of_ones_own(void *ud) {
	aw_task *tasks[10];
	for (int i = 0; i < 10; i++) EXPECT_INT(aw_task_spawn(NULL, sum, ud, NULL, &tasks[i]), 0);
	for (int i = 0; i < 10; i++) {
		EXPECT_INT(aw_await(aw_task_future(tasks[i]), NULL), 0);
		aw_task_unref(tasks[i]);
	}
	return 0;
}

static void *run_own_loop(void *ud) {
	return (void *)(intptr_t)aw_run(NULL, loop_of_ones_own, ud, NULL, NULL);
}

static void every_thread_can_have_a_loop_of_its_own(void) {
#ifdef __SANITIZE_THREAD__
	/*
	 * ThreadSanitizer doesn't see liburing's unmaps and libuv's closes, so it mistakes the next thread's
	 * memory and descriptors for theirs.
	 */
	const char *backend = getenv("AWAIT_BACKEND");
	if (backend && (strcmp(backend, "uring") == 0 || strcmp(backend, "uv") == 0))
		SKIP("ThreadSanitizer does not see into the library underneath");
#endif
	pthread_t threads[THREADS];
	int sums[THREADS] = {0};
	for (int t = 0; t < THREADS; t++) REQUIRE(pthread_create(&threads[t], NULL, run_own_loop, &sums[t]) == 0);
	for (int t = 0; t < THREADS; t++) {
		void *status = NULL;
		pthread_join(threads[t], &status);
		EXPECT(status == NULL);
		EXPECT_INT(sums[t], 200);
	}
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("threadsafe", TEST(posts_of_several_threads_all_run_each_threads_in_order),
           TEST(progress_is_posted_with_a_copy), TEST(a_wakeup_from_a_thread_ends_a_wait_without_limit),
           TEST(a_post_wakes_a_loop_that_has_nothing_to_do), TEST(two_loops_wake_each_other_in_turn),
           TEST(the_memory_of_posts_is_used_again),
           TEST(a_last_reference_dropped_elsewhere_is_destroyed_on_the_loops_thread),
           TEST(references_dropped_while_the_loop_closes_are_destroyed_once),
           TEST(posts_that_race_with_the_close_are_each_destroyed_once),
           TEST(a_call_from_another_thread_while_it_runs_is_refused),
           TEST(threads_may_drive_it_one_after_the_other), TEST(every_thread_can_have_a_loop_of_its_own))
