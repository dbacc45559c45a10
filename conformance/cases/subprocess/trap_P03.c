/* SPDX-License-Identifier: MIT */
/*
 * P03: communicate with input for a child that does not read: the broken pipe is not an error; the output and
 * the exit code are returned.
 */
#include "process.h"

static const char input[3000000];

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_process *process =
		start_shell("exec 0<&-; echo done; exit 4", stdio(AW_STDIO_PIPE, AW_STDIO_PIPE, AW_STDIO_INHERIT));
	communicate(process, input, sizeof input);
	trace("%s %s %s", output(process, 1).text, output(process, 2).text, returncode(process).text);
	aw_process_unref(process);
	return 0;
}

CASE(trap_P03, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
