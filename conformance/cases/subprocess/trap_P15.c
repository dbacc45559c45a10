/* SPDX-License-Identifier: MIT */
/* P15: to close a process kills a child that still runs, and closes its pipes. */
#include "process.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int in = -1;
	const char *const argv[] = {"sleep", "9"};
	aw_process_options *options = stdio(AW_STDIO_PIPE, AW_STDIO_PIPE, AW_STDIO_INHERIT);
	aw_process *process = NULL;
	must(aw_subprocess_exec(NULL, argv, 2, options, &process));
	aw_process_options_unref(options);
	must(aw_process_close(process));
	int code = wait_process(process);
	trace("%d %s", code, returncode(process).text);
	trace("%s", True_or_False(aw_process_take_pipe(process, 0, &in) == AW_EINVALIDSTATE));
	aw_process_unref(process);
	return 0;
}

CASE(trap_P15, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
