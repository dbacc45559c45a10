/* SPDX-License-Identifier: MIT */
/*
 * A target for the debugger: one task runs, and each of the others is suspended in a different call. Ends
 * with SIGABRT, and leaves a core file.
 */
#include <await/await.h>
#include <stdio.h>
#include <stdlib.h>

static aw_lock *lock;

static aw_status __attribute__((noinline)) sleeps_below(int levels) {
	aw_status status = levels ? sleeps_below(levels - 1) : aw_sleep(3600 * AW_SECOND);
	__asm__ volatile("" : "+r"(status)); /* prevents a tail call, which leaves no trace */
	return status;
}

static aw_status holder(void *ud) {
	(void)ud;
	aw_status status = aw_lock_acquire(lock);
	if (status == 0) status = sleeps_below(2);
	__asm__ volatile("" : "+r"(status));
	return status;
}

static aw_status waiter(void *ud) {
	(void)ud;
	aw_status status = aw_lock_acquire(lock);
	__asm__ volatile("" : "+r"(status));
	return status;
}

static aw_status root(void *ud) {
	(void)ud;
	aw_task_fn fns[] = {holder, waiter};
	const char *names[] = {"holder", "waiter"};
	aw_status status = aw_lock_new(NULL, &lock);
	for (int i = 0; i < 2 && status == 0; i++) {
		aw_task *task;
		status = aw_task_spawn(NULL, fns[i], NULL, NULL, &task);
		if (status == 0) status = aw_task_set_name(task, names[i]);
	}
	for (int i = 0; i < 2 && status == 0; i++) status = aw_sleep(0);
	if (status < 0) return status;
	abort();
}

int main(void) {
	return aw_run(NULL, root, NULL, NULL, NULL) < 0;
}
