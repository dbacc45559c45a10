/* SPDX-License-Identifier: MIT */
/* Y08: when a waiter that was notified is cancelled, another one is notified in its place. */
#include "case.h"

static aw_condition *condition;

static aw_status waiter(void *name) {
	aw_lock *lock = aw_condition_lock(condition);
	must(aw_lock_acquire(lock));
	aw_status status = aw_condition_wait(condition);
	if (status >= 0) trace("%s", (char *)name);
	must(aw_lock_release(lock));
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_condition_new(NULL, NULL, &condition));
	aw_lock *lock = aw_condition_lock(condition);
	aw_task *tasks[] = {create_task(waiter, "a"), create_task(waiter, "b")};
	aw_future *a = aw_task_future(tasks[0]), *b = aw_task_future(tasks[1]), *both[] = {a, b};
	must(aw_sleep(0));
	must(aw_lock_acquire(lock));
	must(aw_condition_notify(condition, 1));
	must(aw_task_cancel(tasks[0], NULL));
	must(aw_lock_release(lock));
	must(aw_wait(both, 2, AW_ALL_COMPLETED, AW_SECOND, NULL));
	trace("%s %s", True_or_False(aw_future_cancelled(a)), True_or_False(aw_future_done(b)));
	drop_tasks(tasks, 2);
	aw_condition_unref(condition);
	return 0;
}

CASE(trap_Y08, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
