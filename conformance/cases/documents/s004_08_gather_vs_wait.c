/* SPDX-License-Identifier: MIT */
/* wait gives sets of futures, gather gives values in order; both take as long as the longest. */
#include "case.h"

static int one = 1, three = 3;

static aw_status is_coroutine(void *ud) {
	int x = *(const int *)ud;
	trace("sleep %d second", x);
	must(aw_sleep(x * AW_SECOND));
	trace("done");
	return aw_return_int(x);
}

static int result(aw_task *task) {
	int64_t value = 0;
	must(aw_future_result_int(aw_task_future(task), &value));
	return (int)value;
}

static aw_status g(void *ud) {
	(void)ud;
	void *const inputs[] = {&one, &three};
	aw_results *results = NULL;
	must(aw_gather_run(is_coroutine, inputs, 2, AW_GATHER_DEFAULT, &results));
	return aw_return(results, NULL);
}

CASE(s004_08_gather_vs_wait, 6.0, CASE_ANY) {
	aw_loop *loop = NULL;
	aw_task *coroutines[2], *task = NULL;
	aw_coro *wait = NULL;
	void *value = NULL;
	int64_t first = 0, second = 0;
	must(aw_loop_new(NULL, &loop));
	int64_t start = aw_loop_time(loop);
	must(aw_task_spawn(loop, is_coroutine, &one, NULL, &coroutines[0]));
	must(aw_task_spawn(loop, is_coroutine, &three, NULL, &coroutines[1]));
	aw_future *futures[] = {aw_task_future(coroutines[0]), aw_task_future(coroutines[1])};
	must(aw_wait_coro(loop, futures, 2, AW_ALL_COMPLETED, AW_FOREVER, &wait));
	must(aw_task_spawn_coro(loop, wait, &task));
	must(aw_loop_run_until_complete(loop, aw_task_future(task), NULL));
	trace("wait: [%d, %d] set() t=%d", result(coroutines[0]), result(coroutines[1]),
	      (int)((aw_loop_time(loop) - start + AW_SECOND / 2) / AW_SECOND));
	aw_coro_unref(wait);
	aw_task_unref(task);
	drop_tasks(coroutines, 2);

	start = aw_loop_time(loop);
	must(aw_task_spawn(loop, g, NULL, NULL, &task));
	must(aw_loop_run_until_complete(loop, aw_task_future(task), &value));
	must(aw_results_get_int(value, 0, &first));
	must(aw_results_get_int(value, 1, &second));
	trace("gather: [%d, %d] t=%d", (int)first, (int)second,
	      (int)((aw_loop_time(loop) - start + AW_SECOND / 2) / AW_SECOND));
	aw_results_unref(value);
	aw_task_unref(task);
	must(aw_loop_close(loop));
	aw_loop_unref(loop);
	return 0;
}
