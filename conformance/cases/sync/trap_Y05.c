/* SPDX-License-Identifier: MIT */
/*
 * Y05: set wakes everyone who waits, in order, even if clear follows before they run; a wait after the clear
 * blocks again.
 */
#include "case.h"

static aw_event *event;

static aw_status waiter(void *name) {
	aw_status status = aw_event_wait(event);
	if (status < 0) return status;
	trace("%s True", (char *)name);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_event_new(NULL, &event));
	aw_task *tasks[] = {create_task(waiter, "a"), create_task(waiter, "b"), create_task(waiter, "c")};
	must(aw_sleep(0));
	must(aw_event_set(event));
	must(aw_event_clear(event));
	wait_tasks(tasks, 3);
	trace("%s", True_or_False(aw_event_is_set(event)));
	aw_task *late = create_task(waiter, "d");
	if (aw_wait_for(aw_task_future(late), TICK, NULL) == AW_ETIMEOUT) trace("blocked");
	aw_task_unref(late);
	drop_tasks(tasks, 3);
	aw_event_unref(event);
	return 0;
}

CASE(trap_Y05, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
