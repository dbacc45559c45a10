/* SPDX-License-Identifier: MIT */
/*
 * Threads: jobs of an executor, compared with uv_queue_work() on as many threads; and callbacks from other
 * threads, compared with uv_async_send() and ev_async_send().
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

enum { JOBS = 100000, TRIPS = 10000, POSTS = 100000, PRODUCERS_MAX = 4 };

static void expect(const char *what, size_t count, size_t expected) {
	bench_check(what, count == expected ? 0 : -5);
}

/* --- jobs of an executor: libawait --- */

static aw_executor *executor;

static aw_status job_run(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud, (void)out, (void)out_destroy;
	return 0;
}

typedef struct jobs {
	aw_loop *loop;
	size_t count, left;
} jobs;

static aw_status job_done(aw_future *future, void *ud) {
	jobs *self = ud;
	bench_check("job", aw_future_result(future, NULL));
	return --self->left ? 0 : aw_loop_stop(self->loop);
}

static aw_status jobs_start(aw_loop *loop, void *ud) {
	jobs *self = ud;
	for (size_t i = 0; i < self->count; i++) {
		aw_future *future;
		bench_check("job", aw_loop_run_in_executor(loop, NULL, job_run, NULL, NULL, &future));
		bench_check("job", aw_future_add_done_callback(future, job_done, self, NULL));
		aw_future_unref(future);
	}
	return 0;
}

static void jobs_at_once(void *ud, size_t count) {
	jobs self = {ud, count, count};
	bench_check("call_soon", aw_loop_call_soon(ud, jobs_start, &self, NULL, NULL));
	bench_check("run", aw_loop_run_forever(ud));
}

static aw_status jobs_one_by_one(void *ud) {
	for (size_t i = 0, count = *(const size_t *)ud; i < count; i++) {
		aw_status status = aw_to_thread(job_run, NULL, NULL, NULL, NULL);
		if (status < 0) return status;
	}
	return 0;
}

static void jobs_awaited(void *ud, size_t count) {
	aw_task *task;
	bench_check("aw_task_spawn", aw_task_spawn(ud, jobs_one_by_one, &count, NULL, &task));
	bench_check("run", aw_loop_run_until_complete(ud, aw_task_future(task), NULL));
	aw_task_unref(task);
}

/* --- callbacks from other threads: libawait --- */

/* Two loops, each in its own thread, that take turns. */
typedef struct side {
	aw_loop *loop;
	struct side *other;
	size_t left;
	const char *backend;
	pthread_t thread;
	pthread_barrier_t *ready;
} side;

static aw_status side_turn(aw_loop *loop, void *ud) {
	side *self = ud;
	bool is_last = --self->left == 0;
	/* Before the stop: the other side may have ended once it has this. */
	if (self->other->left)
		bench_check("post", aw_loop_call_soon_threadsafe(self->other->loop, side_turn, self->other, NULL));
	return is_last ? aw_loop_stop(loop) : 0;
}

static void *side_main(void *ud) {
	side *self = ud;
	bench_check("aw_loop_new", aw_loop_new_with(self->backend, AW_LOOP_SINGLE_THREAD, 0, &self->loop));
	pthread_barrier_wait(self->ready);
	bench_check("run", aw_loop_run_forever(self->loop));
	pthread_barrier_wait(self->ready);
	aw_loop_unref(self->loop);
	return NULL;
}

static void trips(void *ud, size_t count) {
	bench_pause();
	pthread_barrier_t ready;
	pthread_barrier_init(&ready, NULL, 2);
	side far = {.left = count, .backend = aw_loop_backend(ud), .ready = &ready};
	side near = {.loop = ud, .other = &far, .left = count};
	far.other = &near;
	bench_check("thread", -pthread_create(&far.thread, NULL, side_main, &far));
	pthread_barrier_wait(&ready);
	bench_resume();
	bench_check("post", aw_loop_call_soon_threadsafe(far.loop, side_turn, &far, NULL));
	bench_check("run", aw_loop_run_forever(ud));
	bench_pause();
	pthread_barrier_wait(&ready);
	pthread_join(far.thread, NULL);
	pthread_barrier_destroy(&ready);
	bench_resume();
}

/* Producers that post callbacks without a pause. */
typedef struct posts {
	void *target;
	size_t producers, each;
	size_t left; /* the loop's */
} posts;

static aw_status post_arrived(aw_loop *loop, void *ud) {
	posts *self = ud;
	return --self->left ? 0 : aw_loop_stop(loop);
}

static void *post_all(void *ud) {
	posts *self = ud;
	for (size_t i = 0; i < self->each; i++)
		bench_check("post", aw_loop_call_soon_threadsafe(self->target, post_arrived, self, NULL));
	return NULL;
}

static void produce(posts *self, void *(*produce_all)(void *ud), void (*consume)(posts *self)) {
	pthread_t threads[PRODUCERS_MAX];
	for (size_t i = 0; i < self->producers; i++)
		bench_check("thread", -pthread_create(&threads[i], NULL, produce_all, self));
	consume(self);
	for (size_t i = 0; i < self->producers; i++) pthread_join(threads[i], NULL);
	expect("posts", self->left, 0);
}

static void run_forever(posts *self) {
	bench_check("run", aw_loop_run_forever(self->target));
}

static posts posts_of(void *target, size_t producers, size_t count) {
	size_t each = count / producers;
	return (posts){target, producers, each, each * producers};
}

static void posts_of_one(void *ud, size_t count) {
	posts self = posts_of(ud, 1, count);
	produce(&self, post_all, run_forever);
}

static void posts_of_four(void *ud, size_t count) {
	posts self = posts_of(ud, 4, count);
	produce(&self, post_all, run_forever);
}

/* --- libuv --- */

#ifdef BENCH_UV
static uv_loop_t libuv_loop;
static size_t libuv_left;

static void libuv_work(uv_work_t *work) {
	(void)work;
}

static void libuv_worked(uv_work_t *work, int status) {
	bench_check("uv_queue_work", status);
	libuv_left--;
	free(work);
}

static void libuv_jobs_at_once(void *ud, size_t count) {
	(void)ud;
	libuv_left = count;
	for (size_t i = 0; i < count; i++) {
		uv_work_t *work = malloc(sizeof *work);
		bench_check("memory", work ? 0 : -12);
		bench_check("uv_queue_work", uv_queue_work(&libuv_loop, work, libuv_work, libuv_worked));
	}
	(void)uv_run(&libuv_loop, UV_RUN_DEFAULT);
	expect("libuv", libuv_left, 0);
}

static void libuv_next(uv_work_t *work, int status) {
	bench_check("uv_queue_work", status);
	if (--libuv_left) bench_check("uv_queue_work", uv_queue_work(&libuv_loop, work, libuv_work, libuv_next));
}

static void libuv_jobs_awaited(void *ud, size_t count) {
	(void)ud;
	uv_work_t work;
	libuv_left = count;
	bench_check("uv_queue_work", uv_queue_work(&libuv_loop, &work, libuv_work, libuv_next));
	(void)uv_run(&libuv_loop, UV_RUN_DEFAULT);
	expect("libuv", libuv_left, 0);
}

typedef struct libuv_side {
	uv_loop_t *loop, own;
	uv_async_t async;
	struct libuv_side *other;
	size_t left;
	pthread_barrier_t *ready;
} libuv_side;

static void libuv_turn(uv_async_t *async) {
	libuv_side *self = async->data;
	bool is_last = --self->left == 0;
	if (self->other->left) (void)uv_async_send(&self->other->async);
	if (is_last) uv_stop(self->loop);
}

static void libuv_side_open(libuv_side *self) {
	bench_check("uv_async_init", uv_async_init(self->loop, &self->async, libuv_turn));
	self->async.data = self;
}

static void *libuv_side_main(void *ud) {
	libuv_side *self = ud;
	self->loop = &self->own;
	bench_check("uv_loop_init", uv_loop_init(self->loop));
	libuv_side_open(self);
	pthread_barrier_wait(self->ready);
	(void)uv_run(self->loop, UV_RUN_DEFAULT);
	pthread_barrier_wait(self->ready);
	uv_close((uv_handle_t *)&self->async, NULL);
	(void)uv_run(self->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(self->loop);
	return NULL;
}

static void libuv_trips(void *ud, size_t count) {
	(void)ud;
	bench_pause();
	pthread_barrier_t ready;
	pthread_t thread;
	pthread_barrier_init(&ready, NULL, 2);
	libuv_side near = {.loop = &libuv_loop, .left = count},
			   far = {.other = &near, .left = count, .ready = &ready};
	near.other = &far;
	libuv_side_open(&near);
	bench_check("thread", -pthread_create(&thread, NULL, libuv_side_main, &far));
	pthread_barrier_wait(&ready);
	bench_resume();
	(void)uv_async_send(&far.async);
	(void)uv_run(&libuv_loop, UV_RUN_DEFAULT);
	bench_pause();
	pthread_barrier_wait(&ready);
	pthread_join(thread, NULL);
	uv_close((uv_handle_t *)&near.async, NULL);
	(void)uv_run(&libuv_loop, UV_RUN_DEFAULT);
	pthread_barrier_destroy(&ready);
	bench_resume();
}

/* An async coalesces, so what a program posts is in a separate list, with a lock. */
typedef struct libuv_post {
	struct libuv_post *next;
} libuv_post;

static pthread_mutex_t libuv_mutex = PTHREAD_MUTEX_INITIALIZER;
static libuv_post *libuv_posted;
static uv_async_t libuv_arrival;

static void libuv_arrived(uv_async_t *async) {
	posts *self = async->data;
	pthread_mutex_lock(&libuv_mutex);
	libuv_post *list = libuv_posted;
	libuv_posted = NULL;
	pthread_mutex_unlock(&libuv_mutex);
	for (libuv_post *next; list; list = next) {
		next = list->next;
		free(list);
		self->left--;
	}
	if (!self->left) uv_stop(&libuv_loop);
}

static void *libuv_post_all(void *ud) {
	const posts *self = ud;
	for (size_t i = 0; i < self->each; i++) {
		libuv_post *post = malloc(sizeof *post);
		bench_check("memory", post ? 0 : -12);
		pthread_mutex_lock(&libuv_mutex);
		post->next = libuv_posted;
		libuv_posted = post;
		pthread_mutex_unlock(&libuv_mutex);
		(void)uv_async_send(&libuv_arrival);
	}
	return NULL;
}

static void libuv_run(posts *self) {
	(void)self;
	(void)uv_run(&libuv_loop, UV_RUN_DEFAULT);
}

static void libuv_posts(size_t producers, size_t count) {
	posts self = posts_of(NULL, producers, count);
	bench_check("uv_async_init", uv_async_init(&libuv_loop, &libuv_arrival, libuv_arrived));
	libuv_arrival.data = &self;
	produce(&self, libuv_post_all, libuv_run);
	uv_close((uv_handle_t *)&libuv_arrival, NULL);
	(void)uv_run(&libuv_loop, UV_RUN_DEFAULT);
}

static void libuv_posts_of_one(void *ud, size_t count) {
	(void)ud;
	libuv_posts(1, count);
}

static void libuv_posts_of_four(void *ud, size_t count) {
	(void)ud;
	libuv_posts(4, count);
}
#endif

/* --- libev --- */

#ifdef BENCH_EV
typedef struct libev_side {
	struct ev_loop *loop;
	ev_async async;
	struct libev_side *other;
	size_t left;
	pthread_barrier_t *ready;
} libev_side;

static void libev_turn(struct ev_loop *loop, ev_async *async, int events) {
	(void)events;
	libev_side *self = async->data;
	bool is_last = --self->left == 0;
	if (self->other->left) ev_async_send(self->other->loop, &self->other->async);
	if (is_last) ev_break(loop, EVBREAK_ALL);
}

static void libev_side_open(libev_side *self) {
	self->loop = ev_loop_new(EVFLAG_AUTO);
	ev_async_init(&self->async, libev_turn);
	self->async.data = self;
	ev_async_start(self->loop, &self->async);
}

static void *libev_side_main(void *ud) {
	libev_side *self = ud;
	libev_side_open(self);
	pthread_barrier_wait(self->ready);
	ev_run(self->loop, 0);
	pthread_barrier_wait(self->ready);
	ev_loop_destroy(self->loop);
	return NULL;
}

static void libev_trips(void *ud, size_t count) {
	(void)ud;
	bench_pause();
	pthread_barrier_t ready;
	pthread_t thread;
	pthread_barrier_init(&ready, NULL, 2);
	libev_side near = {.left = count}, far = {.other = &near, .left = count, .ready = &ready};
	near.other = &far;
	libev_side_open(&near);
	bench_check("thread", -pthread_create(&thread, NULL, libev_side_main, &far));
	pthread_barrier_wait(&ready);
	bench_resume();
	ev_async_send(far.loop, &far.async);
	ev_run(near.loop, 0);
	bench_pause();
	pthread_barrier_wait(&ready);
	pthread_join(thread, NULL);
	ev_loop_destroy(near.loop);
	pthread_barrier_destroy(&ready);
	bench_resume();
}
#endif

/* --- --- */

typedef struct workload {
	const char *name;
	void (*ours)(void *ud, size_t count);
	void (*libuv)(void *ud, size_t count);
	void (*libev)(void *ud, size_t count);
	size_t count;
} workload;

#ifdef BENCH_UV
#define LIBUV(fn) fn
#else
#define LIBUV(fn) NULL
#endif
#ifdef BENCH_EV
#define LIBEV(fn) fn
#else
#define LIBEV(fn) NULL
#endif

static void measure(const workload *what, const bench_backend *ours, size_t count) {
	bench_variant variants[BENCH_BACKENDS + 2];
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		variants[n++] = (bench_variant){ours[i].variant, what->ours, ours[i].loop, what->count};
	if (what->libuv) variants[n++] = (bench_variant){"libuv", what->libuv, NULL, 0};
	if (what->libev) variants[n++] = (bench_variant){"libev", what->libev, NULL, 0};
	bench_run(what->name, variants, n);
}

int main(int argc, char **argv) {
	static const workload workloads[] = {
		{"a job of 4 threads, 100,000 at once", jobs_at_once, LIBUV(libuv_jobs_at_once), NULL, JOBS},
		{"a job of 4 threads, awaited", jobs_awaited, LIBUV(libuv_jobs_awaited), NULL, TRIPS},
		{"from a loop to another's thread and back", trips, LIBUV(libuv_trips), LIBEV(libev_trips), TRIPS},
		{"a callback from another thread", posts_of_one, LIBUV(libuv_posts_of_one), NULL, POSTS},
		{"a callback from one of 4 threads", posts_of_four, LIBUV(libuv_posts_of_four), NULL, POSTS},
	};
	bench_init(argc, argv, 9);
	(void)setenv("UV_THREADPOOL_SIZE", "4", 1);
	bench_backend ours[BENCH_BACKENDS];
	size_t count = bench_backends_open(ours);
	bench_check("aw_executor_new", aw_executor_new(4, &executor));
	for (size_t i = 0; i < count; i++)
		bench_check("aw_loop_set_default_executor", aw_loop_set_default_executor(ours[i].loop, executor));
	aw_executor_unref(executor);
#ifdef BENCH_UV
	bench_check("uv_loop_init", uv_loop_init(&libuv_loop));
#endif
	for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) measure(&workloads[i], ours, count);
	bench_backends_close(ours, count);
	return 0;
}
