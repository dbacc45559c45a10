/* SPDX-License-Identifier: MIT */
/* Three workers share the items of one queue. */
#include <await/await.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKERS = 3, ITEMS = 10 };

typedef struct worker {
	aw_queue *queue;
	int done;
} worker;

static aw_status work(void *ud) {
	worker *self = ud;
	for (;;) {
		void *item = NULL;
		aw_status status = aw_queue_get(self->queue, &item, NULL);
		if (status == AW_EQUEUESHUTDOWN) return 0; /* the queue is empty and closed */
		if (status < 0) return status;
		int64_t delay = *(int64_t *)item;
		free(item); /* after a get, the item is ours */
		status = aw_sleep(delay);
		if (status < 0) return status;
		self->done++;
		status = aw_queue_task_done(self->queue);
		if (status < 0) return status;
	}
}

static aw_status fill(aw_queue *queue) {
	for (int i = 1; i <= ITEMS; i++) {
		int64_t *delay = malloc(sizeof *delay);
		if (!delay) return AW_ENOMEM;
		*delay = i * 100 * AW_MILLISECOND;
		/* Waits while the queue holds four items. On an error the item is still ours. */
		aw_status status = aw_queue_put(queue, delay, free);
		if (status < 0) {
			free(delay);
			return status;
		}
	}
	return 0;
}

static aw_status run_all(void *ud) {
	(void)ud;
	worker workers[WORKERS] = {{NULL, 0}};
	aw_task *tasks[WORKERS] = {NULL};
	aw_queue *queue = NULL;
	int64_t began = aw_loop_time(aw_loop_current());
	aw_status status = aw_queue_new(aw_loop_current(), 4, &queue);
	for (int i = 0; i < WORKERS && status >= 0; i++) {
		workers[i].queue = queue;
		status = aw_task_spawn(NULL, work, &workers[i], NULL, &tasks[i]);
	}
	if (status >= 0) status = fill(queue);
	if (status >= 0) status = aw_queue_join(queue); /* every item has been processed */
	if (status >= 0) status = aw_queue_shutdown(queue, 0);
	for (int i = 0; i < WORKERS && status >= 0; i++) status = aw_await(aw_task_future(tasks[i]), NULL);

	for (int i = 0; i < WORKERS; i++) printf("worker %d: %d items\n", i, workers[i].done);
	printf("%" PRId64 " ms for 5500 ms of work\n",
	       (aw_loop_time(aw_loop_current()) - began) / AW_MILLISECOND);
	for (int i = 0; i < WORKERS; i++) {
		if (status < 0 && tasks[i]) aw_task_cancel(tasks[i], NULL);
		/* The tasks point into this stack, which must outlive them: wait even if this task is cancelled. */
		while (tasks[i] && !aw_future_done(aw_task_future(tasks[i]))) {
			aw_status ended = aw_await(aw_task_future(tasks[i]), NULL);
			(void)ended;
		}
		aw_task_unref(tasks[i]);
	}
	aw_queue_unref(queue);
	return status;
}

int main(void) {
	aw_status status = aw_run(NULL, run_all, NULL, NULL, NULL);
	if (status < 0) fprintf(stderr, "%s: %s\n", aw_err_name(status), aw_strerror(status));
	return status < 0;
}
