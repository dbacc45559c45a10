/* SPDX-License-Identifier: MIT */
/*
 * Items that one task puts into a queue and another takes out. The peers are separate programs (peers/), since
 * no C library has such a queue.
 */
#include "bench.h"

#include <await/await.h>

enum { ITEMS = 200000 };

typedef struct hand_over {
	aw_loop *loop;
	int64_t maxsize;
	size_t count;
	aw_queue *queue;
} hand_over;

static aw_status put_all(void *ud) {
	const hand_over *self = ud;
	for (size_t i = 0; i < self->count; i++) bench_check("put", aw_queue_put(self->queue, ud, NULL));
	return 0;
}

static aw_status get_all(void *ud) {
	const hand_over *self = ud;
	for (size_t i = 0; i < self->count; i++) {
		void *item;
		bench_check("get", aw_queue_get(self->queue, &item, NULL));
	}
	return 0;
}

static void run(void *ud, size_t count) {
	hand_over *self = ud;
	aw_task *tasks[2];
	self->count = count;
	bench_check("aw_queue_new", aw_queue_new(self->loop, self->maxsize, &self->queue));
	bench_check("aw_task_spawn", aw_task_spawn(self->loop, put_all, self, NULL, &tasks[0]));
	bench_check("aw_task_spawn", aw_task_spawn(self->loop, get_all, self, NULL, &tasks[1]));
	for (int i = 0; i < 2; i++) {
		bench_check("run", aw_loop_run_until_complete(self->loop, aw_task_future(tasks[i]), NULL));
		aw_task_unref(tasks[i]);
	}
	aw_queue_unref(self->queue);
}

int main(int argc, char **argv) {
	bench_init(argc, argv, 15);
	aw_loop *loop;
	bench_check("aw_loop_new", aw_loop_new("epoll", &loop));
	hand_over one = {.loop = loop, .maxsize = 1}, many = {.loop = loop, .maxsize = 1000};
	bench_run("an item through a queue of 1", &(bench_variant){"libawait: aw_queue", run, &one, ITEMS}, 1);
	bench_run("an item through a queue of 1,000", &(bench_variant){"libawait: aw_queue", run, &many, ITEMS},
	          1);
	aw_loop_unref(loop);
	return 0;
}
