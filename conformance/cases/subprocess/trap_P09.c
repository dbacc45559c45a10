/* SPDX-License-Identifier: MIT */
/*
 * P09: to wait for a child with a pipe that nobody reads blocks as soon as the child has filled it;
 * communicate does not.
 */
#include "process.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *ended = NULL;
	const void *data = NULL;
	size_t length = 0;
	aw_process_options *options = stdio(AW_STDIO_INHERIT, AW_STDIO_PIPE, AW_STDIO_INHERIT);
	aw_process *process = start_shell("head -c 1000000 /dev/zero", options);
	must(aw_process_wait(process, &ended));
	aw_status status = aw_wait_for(ended, 4 * TICK, NULL);
	if (status == AW_ETIMEOUT)
		trace("blocked %s", returncode(process).text);
	else
		trace("ended");
	aw_future_unref(ended);
	communicate(process, NULL, 0);
	must(aw_process_output(process, 1, &data, &length));
	trace("%zu %s", length, returncode(process).text);
	aw_process_unref(process);
	return 0;
}

CASE(trap_P09, 0.8, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
