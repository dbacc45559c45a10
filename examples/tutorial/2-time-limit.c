/* SPDX-License-Identifier: MIT */
/* A shell command with a two-second timeout, which ends it. */
#include <await/await.h>
#include <stdio.h>

static aw_status single_process(void *ud) {
	const char *command = ud;
	aw_process_options *options = NULL;
	aw_process *process = NULL;
	aw_future *ended = NULL;
	aw_status status = aw_process_options_new(&options);
	/* The shell and what it starts are one group, so that both can be killed at once. */
	if (status >= 0) status = aw_process_options_set_flags(options, AW_PROCESS_GROUP);
	if (status >= 0) status = aw_subprocess_shell(NULL, command, options, &process);
	if (status >= 0) status = aw_process_wait(process, &ended);
	if (status >= 0) status = aw_wait_for(ended, 2 * AW_SECOND, NULL);
	if (status >= 0) printf("%s complete\n", command);
	if (status == AW_ETIMEOUT) {
		printf("%s timeout\n", command);
		status = 0;
	}
	aw_future_unref(ended);
	aw_process_unref(process); /* the last reference: a child that still runs is killed */
	aw_process_options_unref(options);
	return status;
}

int main(void) {
	return aw_main(NULL, single_process, "sleep 500", NULL);
}
