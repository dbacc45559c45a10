/* SPDX-License-Identifier: MIT */
/* Four shell commands at once, each with two seconds to end in, gathered. What the last shell started ends with it. */
#include "case.h"

static aw_status single_process(void *ud) {
	const char *cmd = ud;
	aw_process_options *options = NULL;
	aw_process *proc = NULL;
	aw_future *communicate = NULL;
	must(aw_process_options_new(&options));
	must(aw_process_options_set_stdio(options, 1, AW_STDIO_PIPE, -1));
	must(aw_process_options_set_stdio(options, 2, AW_STDIO_PIPE, -1));
	must(aw_process_options_set_flags(options, AW_PROCESS_GROUP));
	must(aw_subprocess_shell(NULL, cmd, options, &proc));
	must(aw_process_communicate(proc, NULL, 0, &communicate));
	aw_status status = aw_wait_for(communicate, 2 * AW_SECOND, NULL);
	if (status == AW_ETIMEOUT) {
		trace("%s timeout", cmd);
		status = 0;
	} else if (status >= 0) {
		trace("%s complete", cmd);
	}
	aw_future_unref(communicate);
	aw_process_unref(proc);
	aw_process_options_unref(options);
	return status;
}

static aw_status run_all(void *ud) {
	(void)ud;
	aw_task *lt[] = {
		create_task(single_process, "sleep 1 && echo hello"),
		create_task(single_process, "sleep 1.5"),
		create_task(single_process, "echo world"),
		create_task(single_process, "sleep 500"),
	};
	aw_future *all = gather(lt, 4, AW_GATHER_DEFAULT);
	must(aw_await(all, NULL));
	aw_future_unref(all);
	drop_tasks(lt, 4);
	return 0;
}

CASE(s000_01_subprocess_timeout, 2.0, CASE_ANY) {
	return aw_run(NULL, run_all, NULL, NULL, NULL);
}
