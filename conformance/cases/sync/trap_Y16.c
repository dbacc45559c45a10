/* SPDX-License-Identifier: MIT */
/* Y16: an event belongs to one loop; a wait for it in another loop is refused. */
#include "case.h"

static aw_status wait_for_event(void *event) {
	return aw_event_wait(event);
}

static aw_status one(void *event) {
	aw_task *task = create_task(wait_for_event, event);
	if (aw_wait_for(aw_task_future(task), TICK, NULL) == AW_ETIMEOUT) trace("timeout");
	aw_task_unref(task);
	return 0;
}

static aw_status two(void *event) {
	if (aw_event_wait(event) == AW_EFOREIGNLOOP) trace("refused");
	return 0;
}

CASE(trap_Y16, 0.2, CASE_ANY) {
	aw_runner *first = NULL, *second = NULL;
	aw_loop *loop = NULL;
	aw_event *event = NULL;
	must(aw_runner_new(NULL, AW_RUNNER_DEFAULT, &first));
	must(aw_runner_new(NULL, AW_RUNNER_DEFAULT, &second));
	must(aw_runner_loop(first, &loop));
	must(aw_event_new(loop, &event));
	must(aw_runner_run(first, one, event, NULL, NULL));
	must(aw_runner_run(second, two, event, NULL, NULL));
	aw_event_unref(event);
	aw_runner_unref(second);
	aw_runner_unref(first);
	return 0;
}
