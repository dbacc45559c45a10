/* SPDX-License-Identifier: MIT */
/*
 * O06: reschedule moves the deadline both ways, or takes it away; one that is past fires in the next
 * iteration. Before the scope is entered and after it is left, it is refused.
 */
#include "case.h"

static aw_status moved(aw_timeout *timeout) {
	trace("no deadline %s", True_or_False(aw_timeout_when(timeout) == AW_FOREVER));
	must(aw_timeout_reschedule(timeout, now() + 9 * AW_SECOND));
	must(aw_timeout_reschedule(timeout, now() + 100 * AW_MILLISECOND));
	aw_status status = aw_sleep(500 * AW_MILLISECOND);
	if (status >= 0) trace("not reached");
	return status;
}

static aw_status taken_away(aw_timeout *timeout) {
	must(aw_timeout_reschedule(timeout, AW_FOREVER));
	must(aw_sleep(200 * AW_MILLISECOND));
	trace("deadline taken away");
	must(aw_timeout_reschedule(timeout, now() - AW_SECOND));
	aw_status status = aw_sleep(0);
	if (status >= 0) trace("not reached");
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_timeout *timeout = NULL;
	must(aw_timeout_new(NULL, AW_FOREVER, &timeout));
	if (aw_timeout_reschedule(timeout, now()) == AW_EINVALIDSTATE) trace("refused");
	must(aw_timeout_enter(timeout));
	if (aw_timeout_exit(timeout, moved(timeout)) == AW_ETIMEOUT) trace("TimeoutError");
	if (aw_timeout_reschedule(timeout, AW_FOREVER) == AW_EINVALIDSTATE) trace("refused");
	aw_timeout_unref(timeout);

	must(aw_timeout_new(NULL, 100 * AW_MILLISECOND, &timeout));
	must(aw_timeout_enter(timeout));
	if (aw_timeout_exit(timeout, taken_away(timeout)) == AW_ETIMEOUT) trace("TimeoutError");
	aw_timeout_unref(timeout);
	return 0;
}

CASE(trap_O06, 0.3, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
