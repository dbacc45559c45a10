/* SPDX-License-Identifier: MIT */
/* A03: wait refuses an empty list, and a condition that it does not know. */
#include "case.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *future = create_future();
	if (aw_wait(NULL, 0, AW_ALL_COMPLETED, AW_FOREVER, NULL) == -EINVAL) trace("refused");
	if (aw_wait(&future, 1, 77, AW_FOREVER, NULL) == -EINVAL) trace("refused");
	aw_future_unref(future);
	return 0;
}

CASE(trap_A03, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
