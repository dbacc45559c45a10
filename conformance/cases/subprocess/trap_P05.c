/* SPDX-License-Identifier: MIT */
/*
 * P05: wait_for(communicate()) does not kill the child when its time is up: it runs on until somebody does.
 */
#include "process.h"
#include <signal.h>

static aw_status main_coroutine(void *ud) {
	(void)ud;
	const char *const argv[] = {"sleep", "9"};
	aw_process_options *options = stdio(AW_STDIO_INHERIT, AW_STDIO_PIPE, AW_STDIO_INHERIT);
	aw_process *process = NULL;
	aw_future *end = NULL;
	must(aw_subprocess_exec(NULL, argv, 2, options, &process));
	aw_process_options_unref(options);
	must(aw_process_communicate(process, NULL, 0, &end));
	if (aw_wait_for(end, 2 * TICK, NULL) == AW_ETIMEOUT) trace("timeout %s", returncode(process).text);
	aw_future_unref(end);
	if (kill(aw_process_pid(process), 0) == 0) trace("alive");
	must(aw_process_kill(process));
	trace("%d", wait_process(process));
	aw_process_unref(process);
	return 0;
}

CASE(trap_P05, 0.4, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
