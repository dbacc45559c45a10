/* SPDX-License-Identifier: MIT */
/* The work of callback.c, timers.c and threads.c on libevent. */
#include "../bench.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 1000, TIMERS = 10000, SPREAD_MS = 20, WAKES = 20000 };

static struct event_base *base;
static struct event *all[BATCH], *one, *timers[TIMERS], *extra;
static unsigned delays[TIMERS]; /* in µs: those of timers.c */
static size_t ran;

static void expect(size_t count) {
	bench_check("libevent", ran == count ? 0 : -5);
	ran = 0;
}

static void callback(evutil_socket_t fd, short what, void *ud) {
	(void)fd, (void)what, (void)ud;
	ran++;
}

static void callbacks(void *ud, size_t count) {
	(void)ud;
	size_t done = 0;
	for (; done < count; done += BATCH) {
		for (int i = 0; i < BATCH; i++) event_active(all[i], EV_READ, 0);
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	}
	expect(done);
}

static size_t left;

static void set(struct event *timer, int64_t microseconds) {
	struct timeval delay = {microseconds / 1000000, microseconds % 1000000};
	(void)event_add(timer, &delay);
}

/* Activated in a callback, an event would run in the same iteration. */
static void again(evutil_socket_t fd, short what, void *ud) {
	(void)fd, (void)what, (void)ud;
	ran++;
	if (--left) set(one, 0);
}

static void chain(void *ud, size_t count) {
	(void)ud;
	left = count;
	set(one, 0);
	(void)event_base_loop(base, 0);
	expect(count);
}

/* --- timers --- */

static void timers_fire(void *ud, size_t count) {
	(void)ud;
	for (size_t i = 0; i < count; i++) set(timers[i], delays[i]);
	bench_pause();
	struct timespec time = {.tv_nsec = (SPREAD_MS + 4) * 1000000L};
	nanosleep(&time, NULL);
	bench_resume();
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	expect(count);
}

static void timers_cancel(void *ud, size_t count) {
	(void)ud;
	bench_pause();
	for (size_t i = 0; i < TIMERS; i++) set(timers[i], (100 + delays[i]) * 1000000LL);
	bench_resume();
	for (size_t i = 0; i < count; i++) {
		set(extra, (100 + delays[i % TIMERS]) * 1000000LL);
		(void)event_del(extra);
		if (i % 100 == 99) (void)event_base_loop(base, EVLOOP_NONBLOCK);
	}
	bench_pause();
	for (size_t i = 0; i < TIMERS; i++) (void)event_del(timers[i]);
	bench_resume();
	expect(0);
}

/* --- two loops in two threads that wake each other in turn --- */

typedef struct side {
	struct event_base *base;
	struct event *event;
	struct side *other;
	size_t *left; /* only the side that was woken touches it */
} side;

static void woken(evutil_socket_t fd, short what, void *ud) {
	(void)fd, (void)what;
	side *self = ud;
	bool is_last = *self->left == 0;
	if (!is_last) {
		is_last = --*self->left == 0;
		event_active(self->other->event, EV_READ, 0);
	}
	if (is_last) (void)event_base_loopbreak(self->base);
}

static void *run_side(void *ud) {
	const side *self = ud;
	(void)event_base_loop(self->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void ping_pong(void *ud, size_t count) {
	(void)ud;
	pthread_t thread;
	side sides[2];
	bench_pause();
	for (int i = 0; i < 2; i++) {
		sides[i] = (side){event_base_new(), NULL, &sides[1 - i], &count};
		sides[i].event = event_new(sides[i].base, -1, EV_PERSIST, woken, &sides[i]);
	}
	bench_check("pthread_create", -pthread_create(&thread, NULL, run_side, &sides[1]));
	bench_resume();
	event_active(sides[0].event, EV_READ, 0);
	(void)run_side(&sides[0]);
	bench_check("pthread_join", -pthread_join(thread, NULL));
	bench_pause();
	for (int i = 0; i < 2; i++) {
		event_free(sides[i].event);
		event_base_free(sides[i].base);
	}
	bench_resume();
}

int main(int argc, char **argv) {
	bench_init(argc, argv, 15);
	srandom(1);
	for (size_t i = 0; i < TIMERS; i++) delays[i] = 1000 + (unsigned)random() % (SPREAD_MS * 1000);
	base = event_base_new();
	for (int i = 0; i < BATCH; i++) all[i] = event_new(base, -1, EV_PERSIST, callback, NULL);
	one = event_new(base, -1, 0, again, NULL);
	for (size_t i = 0; i < TIMERS; i++) timers[i] = event_new(base, -1, 0, callback, NULL);
	extra = event_new(base, -1, 0, callback, NULL);
	static const char name[] = "libevent: event_active", timer[] = "libevent: event_add";
	bench_run("a callback, 1,000 in one iteration", &(bench_variant){name, callbacks, NULL, 1000 * BATCH}, 1);
	bench_run("a callback, one in each iteration",
	          &(bench_variant){"libevent: event_add, no delay", chain, NULL, 200000}, 1);
	bench_run("a timer set and fired, 10,000 at once", &(bench_variant){timer, timers_fire, NULL, TIMERS}, 1);
	bench_run("a timer set and cancelled, 10,000 waiting",
	          &(bench_variant){timer, timers_cancel, NULL, 500000}, 1);
	/* Locks from here on, which a loop of one thread does not need. */
	(void)evthread_use_pthreads();
	bench_run("a loop woken by another thread's", &(bench_variant){name, ping_pong, NULL, WAKES}, 1);
	return 0;
}
