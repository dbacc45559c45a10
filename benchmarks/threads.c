/* SPDX-License-Identifier: MIT */
/*
 * Other threads: a job that does nothing in a pool of one thread, whose result comes back to the loop; and two
 * loops in two threads that wake each other in turn.
 */
#include "bench.h"

#include <await/await.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#ifdef BENCH_UV
#include <uv.h>
#endif
#ifdef BENCH_EV
#include <ev.h>
#endif

enum { JOBS = 20000, BATCH = 1000, WAKES = 20000 };

/* --- libawait: jobs --- */

static aw_executor *executor;

static aw_status do_nothing(void *ud, void **out, aw_destroy_fn *destroy) {
	(void)ud, (void)out, (void)destroy;
	return 0;
}

typedef struct jobs {
	aw_loop *loop;
	size_t count, batch;
} jobs;

static aw_status run_jobs(void *ud) {
	const jobs *self = ud;
	static aw_future *futures[BATCH];
	for (size_t done = 0; done < self->count; done += self->batch) {
		for (size_t i = 0; i < self->batch; i++)
			bench_check("submit",
			            aw_loop_run_in_executor(self->loop, executor, do_nothing, NULL, NULL, &futures[i]));
		for (size_t i = 0; i < self->batch; i++) {
			bench_check("await", aw_await(futures[i], NULL));
			aw_future_unref(futures[i]);
		}
	}
	return 0;
}

static void ours_jobs(void *ud, size_t count) {
	jobs *self = ud;
	aw_task *task;
	self->count = count;
	bench_check("aw_task_spawn", aw_task_spawn(self->loop, run_jobs, self, NULL, &task));
	bench_check("run", aw_loop_run_until_complete(self->loop, aw_task_future(task), NULL));
	aw_task_unref(task);
}

/* --- libuv: jobs --- */

#ifdef BENCH_UV
static uv_loop_t uv_own;
static uv_work_t uv_jobs[BATCH];

static void uv_job(uv_work_t *job) {
	(void)job;
}

static size_t uv_done;

static void uv_job_done(uv_work_t *job, int status) {
	(void)job, (void)status;
	uv_done++;
}

static void uv_run_jobs(void *ud, size_t count) {
	size_t batch = *(size_t *)ud;
	uv_done = 0;
	for (size_t done = 0; done < count; done += batch) {
		for (size_t i = 0; i < batch; i++) (void)uv_queue_work(&uv_own, &uv_jobs[i], uv_job, uv_job_done);
		(void)uv_run(&uv_own, UV_RUN_DEFAULT);
	}
	bench_check("libuv", uv_done >= count ? 0 : -5);
}
#endif

/* --- two loops in two threads --- */

/* A side wakes the other until `left` is 0. Only the side that was woken touches it. */
typedef struct pair pair;
typedef struct side {
	pair *both;
	void *loop, *watcher;
} side;

struct pair {
	side sides[2];
	size_t left;
	pthread_barrier_t open;
	const struct kind *kind;
};

typedef struct kind {
	void (*open)(side *self);
	void (*wake)(side *self);
	void (*run)(side *self); /* until stop() */
	void (*stop)(side *self);
	void (*close)(side *self);
} kind;

/* Called in the loop of `self`. */
static void woken(side *self) {
	pair *both = self->both;
	side *other = &both->sides[self == both->sides];
	if (both->left == 0) {
		both->kind->stop(self);
		return;
	}
	bool is_last = --both->left == 0;
	both->kind->wake(other);
	if (is_last) both->kind->stop(self);
}

static void *other_thread(void *ud) {
	side *self = ud;
	const kind *how = self->both->kind;
	how->open(self);
	pthread_barrier_wait(&self->both->open);
	pthread_barrier_wait(&self->both->open);
	how->run(self);
	pthread_barrier_wait(&self->both->open);
	how->close(self);
	return NULL;
}

static void ping_pong(void *ud, size_t count) {
	pthread_t thread;
	pair both = {.left = count, .kind = ud};
	for (int i = 0; i < 2; i++) both.sides[i].both = &both;
	bench_pause();
	pthread_barrier_init(&both.open, NULL, 2);
	both.kind->open(&both.sides[0]);
	bench_check("pthread_create", -pthread_create(&thread, NULL, other_thread, &both.sides[1]));
	pthread_barrier_wait(&both.open);
	bench_resume();
	pthread_barrier_wait(&both.open);
	both.kind->wake(&both.sides[0]);
	both.kind->run(&both.sides[0]);
	pthread_barrier_wait(&both.open);
	bench_pause();
	bench_check("pthread_join", -pthread_join(thread, NULL));
	both.kind->close(&both.sides[0]);
	pthread_barrier_destroy(&both.open);
	bench_resume();
}

/* --- libawait --- */

static void ours_open_on(side *self, const char *backend) {
	aw_loop *loop;
	bench_check("aw_loop_new", aw_loop_new(backend, &loop));
	self->loop = loop;
}

static void ours_open_epoll(side *self) {
	ours_open_on(self, "epoll");
}

static void ours_open_uring(side *self) {
	ours_open_on(self, "uring");
}

static aw_status ours_woken(aw_loop *loop, void *ud) {
	(void)loop;
	woken(ud);
	return 0;
}

static void ours_wake(side *self) {
	bench_check("wake", aw_loop_call_soon_threadsafe(self->loop, ours_woken, self, NULL));
}

static void ours_run(side *self) {
	bench_check("run", aw_loop_run_forever(self->loop));
}

static void ours_stop(side *self) {
	bench_check("stop", aw_loop_stop(self->loop));
}

static void ours_close(side *self) {
	aw_loop_unref(self->loop);
}

static const kind ours_epoll = {ours_open_epoll, ours_wake, ours_run, ours_stop, ours_close},
				  ours_uring = {ours_open_uring, ours_wake, ours_run, ours_stop, ours_close};

/* --- libuv --- */

#ifdef BENCH_UV
static void libuv_woken(uv_async_t *watcher) {
	woken(watcher->data);
}

static void libuv_open(side *self) {
	uv_loop_t *loop = malloc(sizeof *loop);
	uv_async_t *watcher = malloc(sizeof *watcher);
	if (!loop || !watcher) abort();
	(void)uv_loop_init(loop);
	(void)uv_async_init(loop, watcher, libuv_woken);
	watcher->data = self;
	self->loop = loop;
	self->watcher = watcher;
}

static void libuv_wake(side *self) {
	(void)uv_async_send(self->watcher);
}

static void libuv_run(side *self) {
	(void)uv_run(self->loop, UV_RUN_DEFAULT);
}

static void libuv_stop(side *self) {
	uv_stop(self->loop);
}

static void libuv_close(side *self) {
	uv_close(self->watcher, NULL);
	(void)uv_run(self->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(self->loop);
	free(self->watcher);
	free(self->loop);
}

static const kind libuv = {libuv_open, libuv_wake, libuv_run, libuv_stop, libuv_close};
#endif

/* --- libev --- */

#ifdef BENCH_EV
static void libev_woken(struct ev_loop *loop, ev_async *watcher, int events) {
	(void)loop, (void)events;
	woken(watcher->data);
}

static void libev_open(side *self) {
	ev_async *watcher = malloc(sizeof *watcher);
	if (!watcher) abort();
	self->loop = ev_loop_new(EVFLAG_AUTO);
	ev_async_init(watcher, libev_woken);
	watcher->data = self;
	ev_async_start(self->loop, watcher);
	self->watcher = watcher;
}

static void libev_wake(side *self) {
	ev_async_send(self->loop, self->watcher);
}

static void libev_run(side *self) {
	ev_run(self->loop, 0);
}

static void libev_stop(side *self) {
	ev_break(self->loop, EVBREAK_ALL);
}

static void libev_close(side *self) {
	ev_async_stop(self->loop, self->watcher);
	ev_loop_destroy(self->loop);
	free(self->watcher);
}

static const kind libev = {libev_open, libev_wake, libev_run, libev_stop, libev_close};
#endif

int main(int argc, char **argv) {
	(void)setenv("UV_THREADPOOL_SIZE", "1", 1);
	bench_init(argc, argv, 15);
	aw_loop *loop;
	bench_check("aw_loop_new", aw_loop_new("epoll", &loop));
	bench_check("aw_executor_new", aw_executor_new(1, &executor));
	jobs one = {.loop = loop, .batch = 1}, many = {.loop = loop, .batch = BATCH};
#ifdef BENCH_UV
	static size_t uv_one = 1, uv_many = BATCH;
	(void)uv_loop_init(&uv_own);
#endif
	const bench_variant ones[] = {
		{"libawait: aw_loop_run_in_executor", ours_jobs, &one, JOBS},
#ifdef BENCH_UV
		{"libuv: uv_queue_work", uv_run_jobs, &uv_one, 0},
#endif
	};
	const bench_variant batches[] = {
		{"libawait: aw_loop_run_in_executor", ours_jobs, &many, 5 * JOBS},
#ifdef BENCH_UV
		{"libuv: uv_queue_work", uv_run_jobs, &uv_many, 0},
#endif
	};
	bench_run("a job in a thread, one by one", ones, sizeof ones / sizeof *ones);
	bench_run("a job in a thread, 1,000 at once", batches, sizeof batches / sizeof *batches);
	bench_check("shutdown", aw_executor_shutdown_wait(executor, -1));
	aw_executor_unref(executor);

	bench_variant wakes[5];
	size_t count = 0;
	wakes[count++] =
		(bench_variant){"libawait, epoll: call_soon_threadsafe", ping_pong, (void *)&ours_epoll, WAKES};
	aw_loop *probe;
	if (aw_loop_new("uring", &probe) >= 0) {
		aw_loop_unref(probe);
		wakes[count++] =
			(bench_variant){"libawait, uring: call_soon_threadsafe", ping_pong, (void *)&ours_uring, 0};
	}
#ifdef BENCH_UV
	wakes[count++] = (bench_variant){"libuv: uv_async_send", ping_pong, (void *)&libuv, 0};
#endif
#ifdef BENCH_EV
	wakes[count++] = (bench_variant){"libev: ev_async_send", ping_pong, (void *)&libev, 0};
#endif
	bench_run("a loop woken by another thread's", wakes, count);
	aw_loop_unref(loop);
	return 0;
}
