/* SPDX-License-Identifier: MIT */
/*
 * Timers: 10,000 that are set to random times, and fire; and one that is set and cancelled while 10,000
 * others wait, like the timeout of an operation that completes in time. The sleep until they are due is not
 * counted.
 */
#include "bench.h"

#include <await/await.h>
#include <stdlib.h>
#include <time.h>
#ifdef BENCH_UV
#include <uv.h>
#endif
#ifdef BENCH_EV
#include <ev.h>
#endif

enum { TIMERS = 10000, SPREAD_MS = 20, CANCELS = 500000 };

static unsigned delays[TIMERS]; /* in µs, at random: the same for all; libuv rounds them to ms */
static size_t fired;

/* All are due afterwards, even on a clock with millisecond resolution. */
static void sleep_until_due(void) {
	bench_pause();
	struct timespec time = {.tv_nsec = (SPREAD_MS + 4) * 1000000L};
	nanosleep(&time, NULL);
	bench_resume();
}

static void expect(const char *what, size_t count) {
	bench_check(what, fired == count ? 0 : -5);
	fired = 0;
}

/* --- libawait --- */

static aw_status ours_fired(aw_loop *loop, void *ud) {
	(void)loop, (void)ud;
	fired++;
	return 0;
}

static void ours_fire(void *ud, size_t count) {
	for (size_t i = 0; i < count; i++)
		bench_check("call_later",
		            aw_loop_call_later(ud, delays[i] * AW_MICROSECOND, ours_fired, NULL, NULL, NULL));
	sleep_until_due();
	bench_check("run", aw_loop_run_once(ud, 0));
	expect("libawait", count);
}

static aw_handle *ours_waiting[TIMERS];

static void ours_set(aw_loop *loop, int64_t seconds, aw_handle **out) {
	bench_check("call_later", aw_loop_call_later(loop, seconds * AW_SECOND, ours_fired, NULL, NULL, out));
}

static void ours_cancel(void *ud, size_t count) {
	bench_pause();
	for (size_t i = 0; i < TIMERS; i++) ours_set(ud, 100 + delays[i], &ours_waiting[i]);
	bench_resume();
	for (size_t i = 0; i < count; i++) {
		aw_handle *handle;
		ours_set(ud, 100 + delays[i % TIMERS], &handle);
		bench_check("cancel", aw_handle_cancel(handle));
		aw_handle_unref(handle);
		/* A dispatch releases the cancelled timers: run one every hundred, as a busy loop would. */
		if (i % 100 == 99) bench_check("run", aw_loop_run_once(ud, 0));
	}
	bench_pause();
	for (size_t i = 0; i < TIMERS; i++) {
		bench_check("cancel", aw_handle_cancel(ours_waiting[i]));
		aw_handle_unref(ours_waiting[i]);
	}
	bench_check("run", aw_loop_run_once(ud, 0));
	bench_resume();
	expect("libawait", 0);
}

/* --- libuv --- */

#ifdef BENCH_UV
static uv_loop_t libuv_loop;
static uv_timer_t libuv_timers[TIMERS], libuv_extra;

static void libuv_fired(uv_timer_t *timer) {
	(void)timer;
	fired++;
}

static void libuv_fire(void *ud, size_t count) {
	(void)ud;
	uv_update_time(&libuv_loop);
	for (size_t i = 0; i < count; i++)
		(void)uv_timer_start(&libuv_timers[i], libuv_fired, delays[i] / 1000, 0);
	sleep_until_due();
	(void)uv_run(&libuv_loop, UV_RUN_NOWAIT);
	expect("libuv", count);
}

static void libuv_cancel(void *ud, size_t count) {
	(void)ud;
	bench_pause();
	for (size_t i = 0; i < TIMERS; i++)
		(void)uv_timer_start(&libuv_timers[i], libuv_fired, (100 + delays[i]) * 1000, 0);
	bench_resume();
	for (size_t i = 0; i < count; i++) {
		(void)uv_timer_start(&libuv_extra, libuv_fired, (100 + delays[i % TIMERS]) * 1000, 0);
		(void)uv_timer_stop(&libuv_extra);
		if (i % 100 == 99) (void)uv_run(&libuv_loop, UV_RUN_NOWAIT);
	}
	bench_pause();
	for (size_t i = 0; i < TIMERS; i++) (void)uv_timer_stop(&libuv_timers[i]);
	bench_resume();
	expect("libuv", 0);
}
#endif

/* --- libev --- */

#ifdef BENCH_EV
static struct ev_loop *libev_loop;
static ev_timer libev_timers[TIMERS], libev_extra;

static void libev_fired(struct ev_loop *loop, ev_timer *timer, int events) {
	(void)loop, (void)timer, (void)events;
	fired++;
}

static void libev_fire(void *ud, size_t count) {
	(void)ud;
	ev_now_update(libev_loop);
	for (size_t i = 0; i < count; i++) {
		ev_timer_set(&libev_timers[i], delays[i] * 1e-6, 0.);
		ev_timer_start(libev_loop, &libev_timers[i]);
	}
	sleep_until_due();
	ev_run(libev_loop, EVRUN_NOWAIT);
	expect("libev", count);
}

static void libev_cancel(void *ud, size_t count) {
	(void)ud;
	bench_pause();
	for (size_t i = 0; i < TIMERS; i++) {
		ev_timer_set(&libev_timers[i], 100. + delays[i], 0.);
		ev_timer_start(libev_loop, &libev_timers[i]);
	}
	bench_resume();
	for (size_t i = 0; i < count; i++) {
		ev_timer_set(&libev_extra, 100. + delays[i % TIMERS], 0.);
		ev_timer_start(libev_loop, &libev_extra);
		ev_timer_stop(libev_loop, &libev_extra);
		if (i % 100 == 99) ev_run(libev_loop, EVRUN_NOWAIT);
	}
	bench_pause();
	for (size_t i = 0; i < TIMERS; i++) ev_timer_stop(libev_loop, &libev_timers[i]);
	bench_resume();
	expect("libev", 0);
}
#endif

int main(int argc, char **argv) {
	bench_init(argc, argv, 15);
	srandom(1);
	for (size_t i = 0; i < TIMERS; i++) delays[i] = 1000 + (unsigned)random() % (SPREAD_MS * 1000);
	aw_loop *loop;
	bench_check("aw_loop_new", aw_loop_new("epoll", &loop));
	bench_variant fire[3] = {{"libawait: aw_loop_call_later", ours_fire, loop, TIMERS}};
	bench_variant cancel[3] = {{"libawait: aw_loop_call_later", ours_cancel, loop, CANCELS}};
	size_t count = 1;
#ifdef BENCH_UV
	bench_check("uv_loop_init", uv_loop_init(&libuv_loop));
	for (size_t i = 0; i < TIMERS; i++) (void)uv_timer_init(&libuv_loop, &libuv_timers[i]);
	(void)uv_timer_init(&libuv_loop, &libuv_extra);
	fire[count] = (bench_variant){"libuv: uv_timer", libuv_fire, NULL, 0};
	cancel[count++] = (bench_variant){"libuv: uv_timer", libuv_cancel, NULL, 0};
#endif
#ifdef BENCH_EV
	libev_loop = ev_loop_new(EVFLAG_AUTO);
	for (size_t i = 0; i < TIMERS; i++) ev_timer_init(&libev_timers[i], libev_fired, 0., 0.);
	ev_timer_init(&libev_extra, libev_fired, 0., 0.);
	fire[count] = (bench_variant){"libev: ev_timer", libev_fire, NULL, 0};
	cancel[count++] = (bench_variant){"libev: ev_timer", libev_cancel, NULL, 0};
#endif
	bench_run("a timer set and fired, 10,000 at once", fire, count);
	bench_run("a timer set and cancelled, 10,000 waiting", cancel, count);
	aw_loop_unref(loop);
	return 0;
}
