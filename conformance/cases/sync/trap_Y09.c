/* SPDX-License-Identifier: MIT */
/*
 * Y09: a newcomer never overtakes waiters; while anybody waits the semaphore is locked, even if its counter
 * was just raised.
 */
#include "case.h"

static aw_semaphore *semaphore;

static aw_status user(void *name) {
	must(aw_semaphore_acquire(semaphore));
	trace("%s", (char *)name);
	must(aw_sleep(0));
	return aw_semaphore_release(semaphore);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_semaphore_new(NULL, 1, &semaphore));
	must(aw_semaphore_acquire(semaphore));
	aw_task *tasks[] = {create_task(user, "a"), create_task(user, "b")};
	must(aw_sleep(0));
	must(aw_semaphore_release(semaphore));
	trace("%s", True_or_False(aw_semaphore_locked(semaphore)));
	char name[] = "new";
	must(user(name));
	wait_tasks(tasks, 2);
	drop_tasks(tasks, 2);
	aw_semaphore_unref(semaphore);
	return 0;
}

CASE(trap_Y09, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
