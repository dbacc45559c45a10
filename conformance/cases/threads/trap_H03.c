/* SPDX-License-Identifier: MIT */
/*
 * H03: the default executor has min(32, processors + 4) threads; what is beyond that queues, first in first
 * out.
 */
#include "bare.h"

#include <semaphore.h>
#include <stdatomic.h>

enum { WORKERS_MAX = 32, QUEUED = 3 };

static sem_t gate;
static aw_loop *the_loop;
static aw_future *full;
static int32_t most, busy;
static atomic_int begun;
static const char *order[QUEUED];

static aw_status one_more(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return ++busy == most ? aw_future_set_result(full, NULL, NULL) : 0;
}

static aw_status work(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	must(aw_loop_call_soon_threadsafe(the_loop, one_more, NULL, NULL));
	while (sem_wait(&gate) < 0) {
	}
	return 0;
}

static aw_status begin(void *name, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	order[begun++] = name;
	return 0;
}

static void await_all(aw_future **futures, size_t count) {
	aw_future *all = NULL;
	must(aw_gather(NULL, futures, count, AW_GATHER_DEFAULT, &all));
	must(aw_await(all, NULL));
	aw_future_unref(all);
	while (count) aw_future_unref(futures[--count]);
}

/* What an executor takes by itself is asyncio's figure. */
static int32_t default_threads(void) {
	aw_executor *executor = NULL;
	must(aw_executor_new(0, &executor));
	int32_t threads = aw_executor_max_threads(executor);
	aw_executor_unref(executor);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	must(threads > 4 && threads <= WORKERS_MAX && threads <= processors + 4 ? 0 : -ERANGE);
	return threads;
}

static aw_status main_coroutine(void *ud) {
	static char names[QUEUED][2] = {"a", "b", "c"};
	(void)ud;
	aw_future *blocking[WORKERS_MAX], *queued[QUEUED];
	the_loop = aw_loop_current();
	full = create_future();
	most = default_threads();
	for (int32_t i = 0; i < most; i++)
		must(aw_loop_run_in_executor(NULL, NULL, work, NULL, NULL, &blocking[i]));
	for (int i = 0; i < QUEUED; i++)
		must(aw_loop_run_in_executor(NULL, NULL, begin, names[i], NULL, &queued[i]));
	must(aw_await(full, NULL));
	must(aw_sleep(TICK));
	trace("every thread is busy, of the others begun %d", begun);
	sem_post(&gate);
	await_all(queued, QUEUED);
	trace("on the first that is free %s %s %s", order[0], order[1], order[2]);
	for (int32_t i = 1; i < most; i++) sem_post(&gate);
	await_all(blocking, (size_t)most);
	aw_future_unref(full);
	return 0;
}

CASE(trap_H03, 0.2, CASE_ANY) {
	must(sem_init(&gate, 0, 0));
	aw_status status = aw_run(NULL, main_coroutine, NULL, NULL, NULL);
	sem_destroy(&gate);
	return status;
}
