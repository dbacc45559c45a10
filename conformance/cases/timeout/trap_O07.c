/* SPDX-License-Identifier: MIT */
/* O07: a deadline that is past does not fail by itself, but at the first suspension. */
#include "case.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_timeout *timeout = NULL;
	must(aw_timeout_new(NULL, 0, &timeout));
	must(aw_timeout_enter(timeout));
	must(aw_timeout_exit(timeout, 0));
	trace("no suspension %s", True_or_False(aw_timeout_expired(timeout)));
	aw_timeout_unref(timeout);
	for (int64_t delay = -AW_SECOND; delay <= 0; delay += AW_SECOND) {
		must(aw_timeout_new(NULL, delay, &timeout));
		must(aw_timeout_enter(timeout));
		aw_status status = aw_sleep(0);
		if (status >= 0) trace("not reached");
		if (aw_timeout_exit(timeout, status) == AW_ETIMEOUT) trace("TimeoutError");
		aw_timeout_unref(timeout);
	}
	return 0;
}

CASE(trap_O07, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
