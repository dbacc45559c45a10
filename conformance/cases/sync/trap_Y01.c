/* SPDX-License-Identifier: MIT */
/*
 * Y01: after a release a newcomer queues behind the waiter that was just woken, although the lock is not
 * locked in between.
 */
#include "case.h"

static aw_lock *lock;

static aw_status user(void *name) {
	must(aw_lock_acquire(lock));
	trace("%s", (char *)name);
	must(aw_sleep(0));
	return aw_lock_release(lock);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_lock_new(NULL, &lock));
	must(aw_lock_acquire(lock));
	aw_task *tasks[] = {create_task(user, "a"), create_task(user, "b")};
	must(aw_sleep(0));
	must(aw_lock_release(lock));
	trace("%s", True_or_False(aw_lock_locked(lock)));
	char name[] = "new";
	must(user(name));
	wait_tasks(tasks, 2);
	drop_tasks(tasks, 2);
	aw_lock_unref(lock);
	return 0;
}

CASE(trap_Y01, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
