/* SPDX-License-Identifier: MIT */
/* F07: awaiting a future that is done does not suspend: no other task gets a turn. */
#include "bare.h"

static aw_status other(void *ud) {
	(void)ud;
	trace("other");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *future = create_future();
	must(aw_future_set_result(future, NULL, NULL));
	aw_task *task = create_task(other, NULL);
	must(aw_await(future, NULL));
	must(aw_await(future, NULL));
	trace("main");
	must(await_task(task, NULL));
	aw_task_unref(task);
	aw_future_unref(future);
	return 0;
}

CASE(trap_F07, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
