/* SPDX-License-Identifier: MIT */
/*
 * Y03: a lock has no owner: any task may release it, its holder cannot take it twice, and a free one cannot
 * be released.
 */
#include "case.h"

static aw_lock *lock;

static aw_status acquire(void *ud) {
	(void)ud;
	return aw_lock_acquire(lock);
}

static aw_status release(void *ud) {
	(void)ud;
	return aw_lock_release(lock);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_lock_new(NULL, &lock));
	must(aw_lock_acquire(lock));
	aw_task *again = create_task(acquire, NULL);
	if (aw_wait_for(aw_task_future(again), TICK, NULL) == AW_ETIMEOUT) trace("blocked");
	aw_task *other = create_task(release, NULL);
	must(await_task(other, NULL));
	trace("%s", True_or_False(aw_lock_locked(lock)));
	if (aw_lock_release(lock) == -EPERM) trace("refused");
	aw_task_unref(again);
	aw_task_unref(other);
	aw_lock_unref(lock);
	return 0;
}

CASE(trap_Y03, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
