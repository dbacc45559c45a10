/* SPDX-License-Identifier: MIT */
/* Callbacks that other threads give to a loop without a pause, compared with uv_async_send() and a list. */
#include "bench.h"

#include <await/await.h>
#include <pthread.h>
#include <stdlib.h>
#ifdef BENCH_UV
#include <uv.h>
#endif

enum { POSTS = 100000, PRODUCERS_MAX = 4 };

/* --- libawait --- */

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
	bench_check("posts", self->left ? -5 : 0);
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

int main(int argc, char **argv) {
	static const struct {
		const char *name;
		void (*ours)(void *ud, size_t count);
#ifdef BENCH_UV
		void (*libuv)(void *ud, size_t count);
#endif
	} works[] = {
#ifdef BENCH_UV
		{"a callback from another thread", posts_of_one, libuv_posts_of_one},
		{"a callback from one of 4 threads", posts_of_four, libuv_posts_of_four},
#else
		{"a callback from another thread", posts_of_one},
		{"a callback from one of 4 threads", posts_of_four},
#endif
	};
	bench_init(argc, argv, 9);
	bench_backend ours[BENCH_BACKENDS];
	size_t count = bench_backends_open(ours);
#ifdef BENCH_UV
	bench_check("uv_loop_init", uv_loop_init(&libuv_loop));
#endif
	for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
		bench_variant variants[BENCH_BACKENDS + 1];
		size_t n = 0;
		for (size_t k = 0; k < count; k++)
			variants[n++] = (bench_variant){ours[k].variant, works[i].ours, ours[k].loop, POSTS};
#ifdef BENCH_UV
		variants[n++] = (bench_variant){"libuv: uv_async_send", works[i].libuv, NULL, 0};
#endif
		bench_run(works[i].name, variants, n);
	}
	bench_backends_close(ours, count);
	return 0;
}
