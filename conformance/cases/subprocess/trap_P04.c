/* SPDX-License-Identifier: MIT */
/* P04: communicate without input closes a piped stdin: the child sees its end. */
#include "process.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_process *process = start_shell("cat; echo end", stdio(AW_STDIO_PIPE, AW_STDIO_PIPE, AW_STDIO_INHERIT));
	communicate(process, NULL, 0);
	trace("%s %s %s", output(process, 1).text, output(process, 2).text, returncode(process).text);
	aw_process_unref(process);
	return 0;
}

CASE(trap_P04, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
