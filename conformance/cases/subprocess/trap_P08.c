/* SPDX-License-Identifier: MIT */
/* P08: a process that has ended is not signalled any more, so that nobody else with its pid is. */
#include "process.h"

static void attempt(aw_status status) {
	trace("%s", status == -ESRCH ? "ProcessLookupError" : status >= 0 ? "silent" : aw_err_name(status));
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	const char *const argv[] = {"true"};
	aw_process *process = NULL;
	must(aw_subprocess_exec(NULL, argv, 1, NULL, &process));
	trace("%d", wait_process(process));
	must(aw_sleep(0));
	attempt(aw_process_kill(process));
	attempt(aw_process_terminate(process));
	attempt(aw_process_send_signal(process, 0));
	aw_process_unref(process);
	return 0;
}

CASE(trap_P08, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
