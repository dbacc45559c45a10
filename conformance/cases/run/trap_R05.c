/* SPDX-License-Identifier: MIT */
/* R05: run waits for the threads of the default executor. */
#include "case.h"

static aw_status work(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)ud;
	(void)out;
	(void)out_destroy;
	usleep(200000);
	trace("thread ends");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_loop_run_in_executor(NULL, NULL, work, NULL, NULL, NULL));
	trace("main ends");
	return 0;
}

CASE(trap_R05, 0.2, CASE_REAL_TIME) {
	must(aw_run(NULL, main_coroutine, NULL, NULL, NULL));
	trace("run ends");
	return 0;
}
