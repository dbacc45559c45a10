/* SPDX-License-Identifier: MIT */
/* Y12: several releases before the woken waiters run wake as many waiters, each exactly once. */
#include "case.h"

static aw_semaphore *semaphore;

static aw_status waiter(void *name) {
	must(aw_semaphore_acquire(semaphore));
	trace("%s", (char *)name);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_semaphore_new(NULL, 0, &semaphore));
	aw_task *tasks[] = {create_task(waiter, "a"), create_task(waiter, "b"), create_task(waiter, "c"),
	                    create_task(waiter, "d")};
	must(aw_sleep(0));
	must(aw_semaphore_release(semaphore));
	must(aw_semaphore_release(semaphore));
	trace("two");
	must(aw_sleep(TICK));
	must(aw_semaphore_release(semaphore));
	must(aw_semaphore_release(semaphore));
	trace("and two");
	wait_tasks(tasks, 4);
	trace("%s", True_or_False(aw_semaphore_locked(semaphore)));
	drop_tasks(tasks, 4);
	aw_semaphore_unref(semaphore);
	return 0;
}

CASE(trap_Y12, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
