/* SPDX-License-Identifier: MIT */
/* Two coroutines awaited one after the other take the sum of their times. */
#include "case.h"

static aw_status say_after(int64_t delay, const char *what) {
	must(aw_sleep(delay));
	trace("%s", what);
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int64_t start = now();
	trace("started at t=%d", whole_seconds(start));
	must(say_after(1 * AW_SECOND, "hello"));
	must(say_after(2 * AW_SECOND, "world"));
	trace("finished at t=%d", whole_seconds(start));
	return 0;
}

CASE(s000_03_say_after_sequential, 3.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
