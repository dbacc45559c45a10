/* SPDX-License-Identifier: MIT */
/* R04: run inside a running loop is refused. */
#include "case.h"

static aw_status nothing(void *ud) {
	(void)ud;
	trace("never");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	if (aw_run(NULL, nothing, NULL, NULL, NULL) == AW_ELOOPRUNNING) trace("refused");
	return 0;
}

CASE(trap_R04, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
