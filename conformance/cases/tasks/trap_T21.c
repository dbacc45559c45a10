/* SPDX-License-Identifier: MIT */
/*
 * T21: an exit raised in a task is stored in the task and leaves the run at once; the rest of the batch stays
 * queued.
 */
#include "bare.h"

static aw_status c(void *ud) {
	(void)ud;
	return AW_ESYSTEMEXIT;
}

CASE(trap_T21, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	aw_task *task = NULL;
	must(aw_task_spawn(loop, c, NULL, NULL, &task));
	call_soon(loop, say, "the rest");
	if (aw_loop_run_forever(loop) == AW_ESYSTEMEXIT) trace("out of the loop");
	trace("%s", raised(aw_future_result(aw_task_future(task), NULL)));
	call_soon(loop, stop, NULL);
	must(aw_loop_run_forever(loop));
	aw_task_unref(task);
	close_event_loop(loop);
	return 0;
}
