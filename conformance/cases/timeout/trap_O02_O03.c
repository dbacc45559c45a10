/* SPDX-License-Identifier: MIT */
/*
 * O02: of two nested timeouts the inner one passes first: it alone turns into AW_ETIMEOUT. O03: the outer one
 * passes first: the inner lets the cancellation through, and AW_ETIMEOUT appears at the outer one.
 */
#include "case.h"

static aw_timeout *timeout_enter(int64_t delay) {
	aw_timeout *timeout = NULL;
	must(aw_timeout_new(NULL, delay, &timeout));
	must(aw_timeout_enter(timeout));
	return timeout;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_timeout *outer = timeout_enter(9 * AW_SECOND), *inner = timeout_enter(100 * AW_MILLISECOND);
	if (aw_timeout_exit(inner, aw_sleep(9 * AW_SECOND)) == AW_ETIMEOUT)
		trace("inner: TimeoutError %s %s", True_or_False(aw_timeout_expired(inner)),
		      True_or_False(aw_timeout_expired(outer)));
	must(aw_sleep(0));
	trace("goes on");
	must(aw_timeout_exit(outer, 0));
	aw_timeout_unref(inner);
	aw_timeout_unref(outer);

	outer = timeout_enter(100 * AW_MILLISECOND);
	inner = timeout_enter(9 * AW_SECOND);
	aw_status status = aw_timeout_exit(inner, aw_sleep(9 * AW_SECOND));
	if (status == AW_ECANCELLED) trace("inner: CancelledError");
	if (aw_timeout_exit(outer, status) == AW_ETIMEOUT)
		trace("outer: TimeoutError %s %s", True_or_False(aw_timeout_expired(inner)),
		      True_or_False(aw_timeout_expired(outer)));
	aw_timeout_unref(inner);
	aw_timeout_unref(outer);
	return 0;
}

CASE(trap_O02_O03, 0.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
