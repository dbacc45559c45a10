/* SPDX-License-Identifier: MIT */
/* R10: a second SIGINT during that clean-up leaves the run at once. */
#include "case.h"

#include <signal.h>

static aw_status interrupt(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return kill(getpid(), SIGINT);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_loop_call_later(aw_loop_current(), 100 * AW_MILLISECOND, interrupt, NULL, NULL, NULL));
	aw_status status = aw_sleep(9 * AW_SECOND);
	if (status != AW_ECANCELLED) return status;
	trace("cleans up");
	must(aw_loop_call_later(aw_loop_current(), 100 * AW_MILLISECOND, interrupt, NULL, NULL, NULL));
	aw_status again = aw_sleep(2 * AW_SECOND);
	if (again < 0) return again;
	trace("not reached");
	return status;
}

CASE(trap_R10, 0.2, CASE_REAL_TIME) {
	aw_runner *runner = NULL;
	must(aw_runner_new(NULL, AW_RUNNER_SIGINT, &runner));
	aw_status status = aw_runner_run(runner, main_coroutine, NULL, NULL, NULL);
	must(aw_runner_close(runner));
	if (status == -EINTR) trace("KeyboardInterrupt");
	aw_runner_unref(runner);
	return 0;
}
