/* SPDX-License-Identifier: MIT */
/*
 * P10: if the exit status is gone (here since SIGCHLD is ignored), the return code is 255, and nothing hangs.
 */
#include "process.h"
#include <signal.h>

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int in = -1;
	aw_process *process =
		start_shell("read x; exit 7", stdio(AW_STDIO_PIPE, AW_STDIO_INHERIT, AW_STDIO_INHERIT));
	must(aw_process_take_pipe(process, 0, &in));
	trace("%s", returncode(process).text);
	close(in);
	int code = wait_process(process);
	trace("%d %s", code, returncode(process).text);
	aw_process_unref(process);
	return 0;
}

CASE(trap_P10, 0.0, CASE_ANY) {
	signal(SIGCHLD, SIG_IGN);
	aw_status status = aw_run(NULL, main_coroutine, NULL, NULL, NULL);
	signal(SIGCHLD, SIG_DFL);
	return status;
}
