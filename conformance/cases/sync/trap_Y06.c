/* SPDX-License-Identifier: MIT */
/*
 * Y06: wait and notify want the lock; notify(n) wakes n in order, each of which returns only as it gets the
 * lock back.
 */
#include "case.h"

static aw_condition *condition;

static aw_status waiter(void *name) {
	aw_lock *lock = aw_condition_lock(condition);
	must(aw_lock_acquire(lock));
	must(aw_condition_wait(condition));
	trace("%s", (char *)name);
	return aw_lock_release(lock);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_condition_new(NULL, NULL, &condition));
	aw_lock *lock = aw_condition_lock(condition);
	if (aw_condition_wait(condition) == -EPERM) trace("no wait");
	if (aw_condition_notify(condition, 1) == -EPERM) trace("no notify");
	aw_task *tasks[] = {create_task(waiter, "a"), create_task(waiter, "b"), create_task(waiter, "c")};
	must(aw_sleep(0));
	must(aw_lock_acquire(lock));
	must(aw_condition_notify(condition, 2));
	must(aw_sleep(0));
	trace("notifier");
	must(aw_lock_release(lock));
	must(aw_sleep(TICK));
	trace("all");
	must(aw_lock_acquire(lock));
	must(aw_condition_notify_all(condition));
	must(aw_lock_release(lock));
	wait_tasks(tasks, 3);
	drop_tasks(tasks, 3);
	aw_condition_unref(condition);
	return 0;
}

CASE(trap_Y06, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
