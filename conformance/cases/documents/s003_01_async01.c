/* SPDX-License-Identifier: MIT */
/* A coroutine that sleeps a second, and run. */
#include "case.h"

static aw_status myfunc(void *ud) {
	(void)ud;
	must(aw_sleep(AW_SECOND));
	trace("hello");
	return 0;
}

CASE(s003_01_async01, 1.0, CASE_ANY) {
	return aw_run(NULL, myfunc, NULL, NULL, NULL);
}
