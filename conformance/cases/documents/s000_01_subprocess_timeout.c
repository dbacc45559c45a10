/* SPDX-License-Identifier: MIT */
/*
 * Four shell commands at once, each with a two-second timeout, gathered. What the last shell started ends
 * with it.
 */
#include "case.h"

static aw_status single_process(void *ud) {
	const char *cmd = ud;
	aw_process_options *options = NULL;
	aw_future *communicate = NULL;
	must(aw_process_options_new(&options));
	must(aw_process_options_set_flags(options, AW_PROCESS_GROUP));
	must(aw_subprocess_run_shell_future(NULL, cmd, options, NULL, 0, &communicate));
	aw_status status = aw_wait_for(communicate, 2 * AW_SECOND, NULL);
	if (status >= 0 || status == AW_ETIMEOUT) trace("%s %s", cmd, status < 0 ? "timeout" : "complete");
	aw_future_unref(communicate);
	aw_process_options_unref(options);
	return status == AW_ETIMEOUT ? 0 : status;
}

static aw_status run_all(void *ud) {
	(void)ud;
	void *const cmds[] = {"sleep 1 && echo hello", "sleep 1.5", "echo world", "sleep 500"};
	return aw_gather_run(single_process, cmds, 4, AW_GATHER_DEFAULT, NULL);
}

CASE(s000_01_subprocess_timeout, 2.0, CASE_ANY) {
	return aw_run(NULL, run_all, NULL, NULL, NULL);
}
