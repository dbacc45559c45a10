/* SPDX-License-Identifier: MIT */
/*
 * P02: communicate returns nothing for a stream that is not a pipe; stderr=STDOUT merges both streams;
 * DEVNULL discards.
 */
#include "process.h"

static void talk(int32_t out, int32_t err) {
	aw_process *process = start_shell("echo o; echo e >&2", stdio(AW_STDIO_INHERIT, out, err));
	communicate(process, NULL, 0);
	trace("%s %s %s", output(process, 1).text, output(process, 2).text, returncode(process).text);
	aw_process_unref(process);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	talk(AW_STDIO_NULL, AW_STDIO_NULL);
	talk(AW_STDIO_PIPE, AW_STDIO_NULL);
	talk(AW_STDIO_PIPE, AW_STDIO_STDOUT);
	talk(AW_STDIO_PIPE, AW_STDIO_PIPE);
	return 0;
}

CASE(trap_P02, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
