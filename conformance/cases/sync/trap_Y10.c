/* SPDX-License-Identifier: MIT */
/* Y10: a woken waiter that is cancelled gives its permit to the next one, and none is lost. */
#include "case.h"

static aw_semaphore *semaphore;

static aw_status user(void *name) {
	aw_status status = aw_semaphore_acquire(semaphore);
	if (status < 0) return status;
	trace("%s", (char *)name);
	return aw_semaphore_release(semaphore);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_semaphore_new(NULL, 1, &semaphore));
	must(aw_semaphore_acquire(semaphore));
	aw_task *tasks[] = {create_task(user, "a"), create_task(user, "b")};
	aw_future *a = aw_task_future(tasks[0]), *b = aw_task_future(tasks[1]), *both[] = {a, b};
	must(aw_sleep(0));
	must(aw_semaphore_release(semaphore));
	must(aw_task_cancel(tasks[0], NULL));
	must(aw_wait(both, 2, AW_ALL_COMPLETED, AW_SECOND, NULL));
	trace("%s %s %s", True_or_False(aw_future_cancelled(a)), True_or_False(aw_future_done(b)),
	      True_or_False(aw_semaphore_locked(semaphore)));
	drop_tasks(tasks, 2);
	aw_semaphore_unref(semaphore);
	return 0;
}

CASE(trap_Y10, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
