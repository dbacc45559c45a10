/* SPDX-License-Identifier: MIT */
/* A shell command with a two-second timeout, which ends it. */
#include <await/easy.h>
#include <stdio.h>

static aw_status single_process(void *ud) {
	const char *command = ud;
	AW_AUTO(aw_process_options) options = NULL;
	AW_AUTO(aw_process) process = NULL; /* the last reference: a child that still runs is killed */
	AW_AUTO(aw_future) ended = NULL;
	AW_TRY(aw_process_options_new(&options));
	/* The shell and the processes it starts are one group, so that all are killed together. */
	AW_TRY(aw_process_options_set_flags(options, AW_PROCESS_GROUP));
	AW_TRY(aw_subprocess_shell(NULL, command, options, &process));
	AW_TRY(aw_process_wait(process, &ended));
	aw_status status = aw_wait_for(ended, 2 * AW_SECOND, NULL);
	if (status < 0 && status != AW_ETIMEOUT) return status;
	printf("%s %s\n", command, status < 0 ? "timeout" : "complete");
	return 0;
}

int main(void) {
	return aw_main(NULL, single_process, "sleep 500", NULL);
}
