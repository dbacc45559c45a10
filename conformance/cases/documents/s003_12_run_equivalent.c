/* SPDX-License-Identifier: MIT */
/* run cancels the remaining tasks and awaits their cleanup; a plain loop does neither unless asked. */
#include "case.h"

static aw_task *task;

static aw_status left(void *ud) {
	const char *n = ud;
	aw_status status = aw_sleep(3600 * AW_SECOND);
	if (status == AW_ECANCELLED) {
		trace("%s CancelledError", n);
		must(aw_sleep(AW_SECOND / 5));
		trace("%s cleaned up", n);
	}
	return status;
}

static aw_status main_coroutine(void *ud) {
	task = create_task(left, ud);
	must(aw_sleep(AW_SECOND / 10));
	if (must(aw_loop_all_tasks(aw_loop_current(), NULL, 0)) == 2) trace("main ends ['Task', 'Task']");
	return aw_return(ud, NULL);
}

CASE(s003_12_run_equivalent, 0.6, CASE_ANY) {
	char run[] = "run", plain[] = "plain";
	void *value = NULL;
	must(aw_run(NULL, main_coroutine, run, NULL, &value));
	trace("%s %s", (char *)value, True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);

	aw_loop *loop = NULL;
	aw_task *main_task = NULL;
	aw_future *all = NULL;
	must(aw_loop_new(NULL, &loop));
	must(aw_task_spawn(loop, main_coroutine, plain, NULL, &main_task));
	must(aw_loop_run_until_complete(loop, aw_task_future(main_task), &value));
	trace("%s done: %s", (char *)value, True_or_False(aw_future_done(aw_task_future(task))));
	must(aw_task_cancel(task, NULL));
	aw_future *futures[] = {aw_task_future(task)};
	must(aw_gather(loop, futures, 1, AW_GATHER_RETURN_ERRORS, &all));
	must(aw_loop_run_until_complete(loop, all, NULL));
	must(aw_loop_close(loop));
	trace("%s", True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_future_unref(all);
	aw_task_unref(main_task);
	aw_task_unref(task);
	aw_loop_unref(loop);
	return 0;
}
