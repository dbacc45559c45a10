/* SPDX-License-Identifier: MIT */
/*
 * H01: to_thread() does nothing until it is driven; the thread has a copy of the context; value or error come
 * back; the loop stays free.
 */
#include "bare.h"

#include <pthread.h>
#include <semaphore.h>

static const char word; /* its address is the key */
static char of_main[] = "of main", of_the_thread[] = "of the thread";
static pthread_t main_thread;
static sem_t ticked;
static const char *seen[2];
static int begun;

static aw_status work(void *ud, void **out, aw_destroy_fn *out_destroy) {
	static bool in_thread;
	void *value = NULL;
	(void)ud;
	(void)out_destroy;
	must(aw_context_get(&word, &value));
	seen[begun++] = value;
	must(aw_context_set(&word, of_the_thread, NULL));
	while (sem_wait(&ticked) < 0) {
	}
	in_thread = !pthread_equal(pthread_self(), main_thread);
	*out = &in_thread;
	return 0;
}

static aw_status fails(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	return aw_work_raise(AW_ETIMEOUT, "in a thread");
}

static aw_status ticker(void *ud) {
	(void)ud;
	for (int i = 1; i <= 2; i++) {
		must(aw_sleep(TICK));
		trace("tick %d", i);
	}
	sem_post(&ticked);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_coro *coro = NULL;
	aw_task *tasks[2];
	void *results = NULL, *value = NULL;
	must(aw_context_set(&word, of_main, NULL));
	must(aw_to_thread_coro(aw_loop_current(), work, NULL, NULL, &coro));
	must(aw_sleep(TICK));
	trace("begun %d", begun);
	must(aw_task_spawn_coro(NULL, coro, &tasks[0]));
	aw_coro_unref(coro);
	tasks[1] = create_task(ticker, NULL);
	aw_future *all = gather(tasks, 2, AW_GATHER_DEFAULT);
	must(aw_await(all, &results));
	must(aw_results_get(results, 0, &value));
	trace("in a thread %s", True_or_False(*(bool *)value));
	trace("seen there: %s", seen[0]);
	must(aw_context_get(&word, &value));
	trace("seen here: %s", (const char *)value);
	aw_status status = aw_to_thread(fails, NULL, NULL, NULL, NULL);
	trace("%s %s", raised(status), aw_error_message(aw_caught()));
	aw_future_unref(all);
	drop_tasks(tasks, 2);
	return 0;
}

CASE(trap_H01, 0.6, CASE_ANY) {
	main_thread = pthread_self();
	must(sem_init(&ticked, 0, 0));
	aw_status status = aw_run(NULL, main_coroutine, NULL, NULL, NULL);
	sem_destroy(&ticked);
	return status;
}
