/* SPDX-License-Identifier: MIT */
/*
 * A callback in the next iteration: aw_loop_call_soon() on every backend, compared with the cheapest ways in
 * libuv and libev. Their watchers are in the caller's memory; libawait creates a handle for each callback.
 */
#include "bench.h"

#include <await/await.h>
#ifdef BENCH_UV
#include <uv.h>
#endif
#ifdef BENCH_EV
#include <ev.h>
#endif

enum { BATCH = 1000, CALLBACKS = 1000 * BATCH, ITERATIONS = 200000 };

static size_t ran;

static void expect(const char *what, size_t count) {
	bench_check(what, ran == count ? 0 : -5);
	ran = 0;
}

/* --- libawait --- */

static aw_status ours_callback(aw_loop *loop, void *ud) {
	(void)loop, (void)ud;
	ran++;
	return 0;
}

static void ours_batches(void *ud, size_t count) {
	for (size_t done = 0; done < count; done += BATCH) {
		for (int i = 0; i < BATCH; i++)
			bench_check("call_soon", aw_loop_call_soon(ud, ours_callback, NULL, NULL, NULL));
		bench_check("run", aw_loop_run_once(ud, 0));
	}
	expect("libawait", count);
}

static aw_status ours_again(aw_loop *loop, void *ud) {
	size_t *left = ud;
	ran++;
	if (--*left == 0) return aw_loop_stop(loop);
	return aw_loop_call_soon(loop, ours_again, ud, NULL, NULL);
}

static void ours_chain(void *ud, size_t count) {
	size_t left = count;
	bench_check("call_soon", aw_loop_call_soon(ud, ours_again, &left, NULL, NULL));
	bench_check("run", aw_loop_run_forever(ud));
	expect("libawait", count);
}

/* --- libuv --- */

#ifdef BENCH_UV
static uv_loop_t libuv_loop;
static uv_idle_t libuv_idles[BATCH];

static void libuv_once(uv_idle_t *idle) {
	ran++;
	(void)uv_idle_stop(idle);
}

/* Scheduled for the next iteration only. */
static void libuv_batches(void *ud, size_t count) {
	(void)ud;
	for (size_t done = 0; done < count; done += BATCH) {
		for (int i = 0; i < BATCH; i++) (void)uv_idle_start(&libuv_idles[i], libuv_once);
		(void)uv_run(&libuv_loop, UV_RUN_NOWAIT);
	}
	expect("libuv", count);
}

static void libuv_always(uv_idle_t *idle) {
	(void)idle;
	ran++;
}

/* Not scheduled: they stay in the list and run in every iteration. */
static void libuv_standing(void *ud, size_t count) {
	(void)ud;
	for (int i = 0; i < BATCH; i++) (void)uv_idle_start(&libuv_idles[i], libuv_always);
	for (size_t done = 0; done < count; done += BATCH) (void)uv_run(&libuv_loop, UV_RUN_NOWAIT);
	for (int i = 0; i < BATCH; i++) (void)uv_idle_stop(&libuv_idles[i]);
	expect("libuv", count);
}

static void libuv_countdown(uv_idle_t *idle) {
	size_t *left = idle->data;
	ran++;
	if (--*left == 0) (void)uv_idle_stop(idle);
}

static void libuv_chain(void *ud, size_t count) {
	(void)ud;
	size_t left = count;
	libuv_idles[0].data = &left;
	(void)uv_idle_start(&libuv_idles[0], libuv_countdown);
	(void)uv_run(&libuv_loop, UV_RUN_DEFAULT);
	expect("libuv", count);
}
#endif

/* --- libev --- */

#ifdef BENCH_EV
static struct ev_loop *libev_loop;
static ev_prepare libev_prepares[BATCH];
static ev_idle libev_one;

static void libev_callback(struct ev_loop *loop, ev_prepare *watcher, int events) {
	(void)loop, (void)watcher, (void)events;
	ran++;
}

/* A watcher of any kind, fed by hand, which need not be started. */
static void libev_batches(void *ud, size_t count) {
	(void)ud;
	for (size_t done = 0; done < count; done += BATCH) {
		for (int i = 0; i < BATCH; i++) ev_feed_event(libev_loop, &libev_prepares[i], EV_CUSTOM);
		ev_run(libev_loop, EVRUN_NOWAIT);
	}
	expect("libev", count);
}

static void libev_standing(void *ud, size_t count) {
	(void)ud;
	for (int i = 0; i < BATCH; i++) ev_prepare_start(libev_loop, &libev_prepares[i]);
	for (size_t done = 0; done < count; done += BATCH) ev_run(libev_loop, EVRUN_NOWAIT);
	for (int i = 0; i < BATCH; i++) ev_prepare_stop(libev_loop, &libev_prepares[i]);
	expect("libev", count);
}

static void libev_countdown(struct ev_loop *loop, ev_idle *watcher, int events) {
	(void)events;
	size_t *left = watcher->data;
	ran++;
	if (--*left == 0) ev_idle_stop(loop, watcher);
}

static void libev_chain(void *ud, size_t count) {
	(void)ud;
	size_t left = count;
	libev_one.data = &left;
	ev_idle_start(libev_loop, &libev_one);
	ev_run(libev_loop, 0);
	expect("libev", count);
}
#endif

enum { VARIANTS_MAX = BENCH_BACKENDS + 4 };

int main(int argc, char **argv) {
	bench_init(argc, argv, 15);
	bench_backend ours[BENCH_BACKENDS];
	size_t backends = bench_backends_open(ours);
	bench_variant batches[VARIANTS_MAX], chains[VARIANTS_MAX];
	size_t batch = 0, chain = 0;
	for (size_t i = 0; i < backends; i++) {
		batches[batch++] = (bench_variant){ours[i].variant, ours_batches, ours[i].loop, CALLBACKS};
		chains[chain++] = (bench_variant){ours[i].variant, ours_chain, ours[i].loop, ITERATIONS};
	}
#ifdef BENCH_UV
	bench_check("uv_loop_init", uv_loop_init(&libuv_loop));
	for (int i = 0; i < BATCH; i++) (void)uv_idle_init(&libuv_loop, &libuv_idles[i]);
	batches[batch++] = (bench_variant){"libuv: uv_idle, started and stopped", libuv_batches, NULL, 0};
	batches[batch++] = (bench_variant){"libuv: uv_idle, left running", libuv_standing, NULL, 0};
	chains[chain++] = (bench_variant){"libuv: uv_idle, left running", libuv_chain, NULL, 0};
#endif
#ifdef BENCH_EV
	libev_loop = ev_loop_new(EVFLAG_AUTO);
	for (int i = 0; i < BATCH; i++) ev_prepare_init(&libev_prepares[i], libev_callback);
	ev_idle_init(&libev_one, libev_countdown);
	batches[batch++] = (bench_variant){"libev: ev_feed_event", libev_batches, NULL, 0};
	batches[batch++] = (bench_variant){"libev: ev_prepare, left running", libev_standing, NULL, 0};
	chains[chain++] = (bench_variant){"libev: ev_idle, left running", libev_chain, NULL, 0};
#endif
	bench_run("a callback, 1,000 in one iteration", batches, batch);
	bench_run("a callback, one in each iteration", chains, chain);
	bench_backends_close(ours, backends);
	return 0;
}
