/* SPDX-License-Identifier: MIT */
/* W09: an AW_ETIMEOUT of the awaitable's own comes as it is, without waiting for the limit. */
#include "case.h"

static aw_status fail(void *ud) {
	(void)ud;
	return aw_raise(AW_ETIMEOUT, "mine");
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(fail, NULL);
	if (aw_wait_for(aw_task_future(task), 9 * AW_SECOND, NULL) == AW_ETIMEOUT)
		trace("TimeoutError %s", aw_error_message(aw_caught()));
	aw_task_unref(task);
	return 0;
}

CASE(trap_W09, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
