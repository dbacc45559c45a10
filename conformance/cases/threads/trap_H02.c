/* SPDX-License-Identifier: MIT */
/*
 * H02: cancelling a task in to_thread() ends the wait at once; the thread continues, and run() waits for it
 * at the end.
 */
#include "bare.h"

#include <semaphore.h>

static sem_t go;
static aw_loop *the_loop;
static aw_future *started;

static aw_status on_started(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return aw_future_set_result(started, NULL, NULL);
}

static aw_status work(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	must(aw_loop_call_soon_threadsafe(the_loop, on_started, NULL, NULL));
	while (sem_wait(&go) < 0) {
	}
	usleep(100000);
	trace("the thread ends");
	return 0;
}

static aw_status in_thread(void *ud) {
	return aw_to_thread(work, ud, NULL, NULL, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	the_loop = aw_loop_current();
	started = create_future();
	aw_task *task = create_task(in_thread, NULL);
	must(aw_await(started, NULL));
	must(aw_task_cancel(task, NULL));
	wait_tasks(&task, 1);
	trace("cancelled %s", True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);
	aw_future_unref(started);
	sem_post(&go);
	return 0;
}

CASE(trap_H02, 0.1, CASE_ANY) {
	must(sem_init(&go, 0, 0));
	aw_status status = aw_run(NULL, main_coroutine, NULL, NULL, NULL);
	trace("run ends");
	sem_destroy(&go);
	return status;
}
