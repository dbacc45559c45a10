/* SPDX-License-Identifier: MIT */
/*
 * R08: one runner, one loop, several runs: a remaining task continues in the next run, and the context
 * stays; a closed runner refuses to run.
 */
#include "case.h"

static const char key;

static aw_status ticker(void *ud) {
	(void)ud;
	must(aw_sleep(400 * AW_MILLISECOND));
	trace("ticker goes on");
	return 0;
}

static aw_status first(void *ud) {
	must(aw_context_set(&key, "kept", NULL));
	*(aw_task **)ud = create_task(ticker, NULL);
	must(aw_sleep(100 * AW_MILLISECOND));
	return 0;
}

static aw_status second(void *ud) {
	aw_task *task = *(aw_task **)ud;
	void *value = NULL;
	aw_status status = aw_context_get(&key, &value);
	trace("%s %s", status < 0 ? aw_err_name(status) : (char *)value,
	      True_or_False(aw_future_done(aw_task_future(task))));
	return await_task(task, NULL);
}

static aw_status never(void *ud) {
	(void)ud;
	trace("never");
	return 0;
}

CASE(trap_R08, 0.4, CASE_ANY) {
	aw_runner *runner = NULL;
	aw_loop *loop = NULL, *same = NULL;
	aw_task *task = NULL;
	must(aw_runner_new(NULL, AW_RUNNER_DEFAULT, &runner));
	must(aw_runner_loop(runner, &loop));
	must(aw_runner_run(runner, first, &task, NULL, NULL));
	must(aw_runner_run(runner, second, &task, NULL, NULL));
	must(aw_runner_loop(runner, &same));
	trace("%s", True_or_False(same == loop));
	must(aw_runner_close(runner));
	if (aw_runner_run(runner, never, NULL, NULL, NULL) == AW_ELOOPCLOSED) trace("refused");
	aw_task_unref(task);
	aw_runner_unref(runner);
	return 0;
}
