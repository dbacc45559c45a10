/* SPDX-License-Identifier: MIT */
/* Y02: cancelling the waiter that was already woken hands the lock to the next one. */
#include "case.h"

static aw_lock *lock;

static aw_status user(void *name) {
	aw_status status = aw_lock_acquire(lock);
	if (status < 0) return status;
	trace("%s", (char *)name);
	return aw_lock_release(lock);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_lock_new(NULL, &lock));
	must(aw_lock_acquire(lock));
	aw_task *tasks[] = {create_task(user, "a"), create_task(user, "b")};
	aw_future *a = aw_task_future(tasks[0]), *b = aw_task_future(tasks[1]), *both[] = {a, b};
	must(aw_sleep(0));
	must(aw_lock_release(lock));
	must(aw_task_cancel(tasks[0], NULL));
	must(aw_wait(both, 2, AW_ALL_COMPLETED, AW_SECOND, NULL));
	trace("%s %s %s", True_or_False(aw_future_cancelled(a)), True_or_False(aw_future_done(b)),
	      True_or_False(aw_lock_locked(lock)));
	drop_tasks(tasks, 2);
	aw_lock_unref(lock);
	return 0;
}

CASE(trap_Y02, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
