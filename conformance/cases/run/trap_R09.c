/* SPDX-License-Identifier: MIT */
/*
 * R09: SIGINT cancels the main task, which may clean up, and the run ends in -EINTR; a main that swallows the
 * cancellation gives its value, and there is no -EINTR.
 */
#include "case.h"

#include <signal.h>

static aw_status interrupt(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return kill(getpid(), SIGINT);
}

static aw_status main_coroutine(void *swallow) {
	must(aw_loop_call_later(aw_loop_current(), 100 * AW_MILLISECOND, interrupt, NULL, NULL, NULL));
	aw_status status = aw_sleep(9 * AW_SECOND);
	if (status == AW_ECANCELLED) {
		must(aw_sleep(100 * AW_MILLISECOND));
		trace("cleaned");
		if (!*(bool *)swallow) return status;
	}
	return aw_return("value", NULL);
}

CASE(trap_R09, 0.4, CASE_REAL_TIME) {
	bool swallow[] = {false, true};
	for (size_t i = 0; i < 2; i++) {
		aw_runner *runner = NULL;
		void *value = NULL;
		must(aw_runner_new(NULL, AW_RUNNER_SIGINT, &runner));
		aw_status status = aw_runner_run(runner, main_coroutine, &swallow[i], NULL, &value);
		must(aw_runner_close(runner));
		if (status == -EINTR) trace("KeyboardInterrupt");
		if (status == 0) trace("%s", (char *)value);
		aw_runner_unref(runner);
	}
	return 0;
}
