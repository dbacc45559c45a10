/* SPDX-License-Identifier: MIT */
/* A timeout scope: cancellation inside, AW_ETIMEOUT outside. */
#include "case.h"

static aw_status ready_to_battle(int64_t delay) {
	aw_status status = aw_sleep(delay);
	if (status == AW_ECANCELLED)
		trace("interrupted");
	else
		trace("ready");
	return status;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_timeout *cm = NULL;
	must(aw_timeout_new(NULL, AW_SECOND / 2, &cm));
	must(aw_timeout_enter(cm));
	must(aw_timeout_exit(cm, ready_to_battle(AW_SECOND / 10)));
	trace("%s", True_or_False(aw_timeout_expired(cm)));
	aw_timeout_unref(cm);

	must(aw_timeout_new(NULL, AW_SECOND / 2, &cm));
	must(aw_timeout_enter(cm));
	if (aw_timeout_exit(cm, ready_to_battle(5 * AW_SECOND)) == AW_ETIMEOUT)
		trace("TimeoutError %s", True_or_False(aw_timeout_expired(cm)));
	aw_timeout_unref(cm);
	return 0;
}

CASE(s002_06_timeout, 0.6, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
