/* SPDX-License-Identifier: MIT */
/* R07: if main fails, what is left is still cancelled and awaited first. */
#include "case.h"

static aw_status left(void *ud) {
	(void)ud;
	aw_status status = aw_sleep(9 * AW_SECOND);
	if (status != AW_ECANCELLED) return status;
	must(aw_sleep(100 * AW_MILLISECOND));
	trace("cleaned");
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task_unref(create_task(left, NULL));
	must(aw_sleep(0));
	return aw_raise(-EINVAL, "main");
}

CASE(trap_R07, 0.1, CASE_ANY) {
	if (aw_run(NULL, main_coroutine, NULL, NULL, NULL) == -EINVAL) trace("failed: main");
	return 0;
}
