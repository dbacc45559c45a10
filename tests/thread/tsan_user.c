/* SPDX-License-Identifier: MIT */
/* Labels: tsan-user */
/*
 * A program with ThreadSanitizer that uses a library without it: accesses that the library synchronises are
 * not reported as races. Built with -fsanitize=thread, against the library as it is installed; the sanitizer
 * ends the program with its own code where it sees a race.
 */
#include "trace.h"

#include <pthread.h>

enum { ROUNDS = 200 };

typedef struct job {
	int in, out;
} job;

static aw_loop *loop;

static aw_status doubles(void *ud) {
	job *self = ud;
	aw_status status = aw_sleep(AW_MICROSECOND);
	int *value = malloc(sizeof *value);
	if (status < 0 || !value) abort();
	self->out = *value = self->in * 2;
	return aw_return(value, free);
}

static aw_status increments(aw_loop *here, void *ud) {
	(void)here;
	++*(int *)ud;
	return 0;
}

static aw_status stops(aw_loop *here, void *ud) {
	(void)ud;
	return aw_loop_stop(here);
}

static void *submits(void *wrong) {
	for (int i = 0; i < ROUNDS; i++) {
		job one = {.in = i};
		aw_concurrent_future *outcome = NULL;
		void *value = NULL;
		if (aw_run_coroutine_threadsafe(loop, doubles, &one, NULL, &outcome) < 0) abort();
		if (aw_concurrent_future_wait(outcome, AW_FOREVER, &value) < 0 || *(int *)value != 2 * i ||
		    one.out != 2 * i)
			++*(int *)wrong;
		aw_concurrent_future_unref(outcome);
		int *number = calloc(1, sizeof *number);
		if (number) *number = i;
		if (aw_loop_call_soon_threadsafe(loop, increments, number, free) < 0) abort();
	}
	if (aw_loop_call_soon_threadsafe(loop, stops, NULL, NULL) < 0) abort();
	return NULL;
}

static void what_is_handed_over_between_threads_is_no_race(void) {
	pthread_t other;
	int wrong = 0;
	loop = loop_begin(NULL);
	REQUIRE(pthread_create(&other, NULL, submits, &wrong) == 0);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	pthread_join(other, NULL);
	EXPECT_INT(wrong, 0);
	loop_end(loop);
}

static aw_status fills(void *ud, void **out, aw_destroy_fn *out_destroy) {
	job *self = ud;
	self->out = self->in + 1;
	*out = self;
	*out_destroy = free;
	return 0;
}

static aw_status in_threads(void *ud) {
	for (int i = 0; i < ROUNDS; i++) {
		job *one = calloc(1, sizeof *one);
		void *out = NULL;
		aw_destroy_fn destroy = NULL;
		if (!one) return AW_ENOMEM;
		one->in = i;
		aw_status status = aw_to_thread(fills, one, NULL, &out, &destroy);
		if (status < 0) return status;
		*(int *)ud += ((job *)out)->out == i + 1;
		destroy(out);
	}
	return 0;
}

static void what_a_thread_brings_home_is_no_race(void) {
	int right = 0;
	EXPECT_INT(aw_run(NULL, in_threads, &right, NULL, NULL), 0);
	EXPECT_INT(right, ROUNDS);
}

CHECK_MAIN("tsan_user", TEST(what_is_handed_over_between_threads_is_no_race),
           TEST(what_a_thread_brings_home_is_no_race))
