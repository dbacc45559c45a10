/* SPDX-License-Identifier: MIT */
/*
 * Y07: a cancelled wait takes the lock again before it says so, also when it is cancelled once more
 * meanwhile.
 */
#include "case.h"

static aw_condition *condition;

static aw_status waiter(void *ud) {
	(void)ud;
	aw_lock *lock = aw_condition_lock(condition);
	must(aw_lock_acquire(lock));
	aw_status status = aw_condition_wait(condition);
	if (status == AW_ECANCELLED) trace("cancelled %s", True_or_False(aw_lock_locked(lock)));
	must(aw_lock_release(lock));
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_condition_new(NULL, NULL, &condition));
	aw_lock *lock = aw_condition_lock(condition);
	aw_task *task = create_task(waiter, NULL);
	must(aw_sleep(0));
	must(aw_lock_acquire(lock));
	for (int i = 0; i < 2; i++) {
		must(aw_task_cancel(task, NULL));
		must(aw_sleep(TICK));
		trace("%s", True_or_False(aw_future_done(aw_task_future(task))));
	}
	must(aw_lock_release(lock));
	wait_tasks(&task, 1);
	trace("%s %s", True_or_False(aw_future_cancelled(aw_task_future(task))),
	      True_or_False(aw_lock_locked(lock)));
	aw_task_unref(task);
	aw_condition_unref(condition);
	return 0;
}

CASE(trap_Y07, 0.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
