/* SPDX-License-Identifier: MIT */
/*
 * Y11: a semaphore may be released above its first value, a bounded one not; below 0 is refused, and 0 is
 * born locked.
 */
#include "case.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_semaphore *semaphore = NULL, *bounded = NULL, *none = NULL;
	must(aw_semaphore_new(NULL, 1, &semaphore));
	must(aw_semaphore_release(semaphore));
	for (int i = 0; i < 2; i++) {
		must(aw_semaphore_acquire(semaphore));
		trace("%s", True_or_False(aw_semaphore_locked(semaphore)));
	}
	must(aw_semaphore_new_bounded(NULL, 1, &bounded));
	if (aw_semaphore_release(bounded) == -EINVAL) trace("too many");
	if (aw_semaphore_new(NULL, -1, &none) == -EINVAL) trace("negative");
	must(aw_semaphore_new(NULL, 0, &none));
	trace("%s", True_or_False(aw_semaphore_locked(none)));
	aw_semaphore_unref(none);
	aw_semaphore_unref(bounded);
	aw_semaphore_unref(semaphore);
	return 0;
}

CASE(trap_Y11, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
