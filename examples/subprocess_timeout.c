/* SPDX-License-Identifier: MIT */
/*
 * Four shell commands at once, each with a two-second timeout.
 */
#include <await/easy.h>
#include <stdio.h>
#include <string.h>

/* One command, in its own task. */
static aw_status single_process(void *ud) {
	const char *command = ud;
	AW_AUTO(aw_process_options) options = NULL;
	AW_AUTO(aw_future) ended = NULL;
	AW_TRY(aw_process_options_new(&options));
	/* Processes that the shell starts end with the shell. */
	AW_TRY(aw_process_options_set_flags(options, AW_PROCESS_GROUP));
	AW_TRY(aw_subprocess_run_shell_future(NULL, command, options, NULL, 0, &ended));
	aw_status status = aw_wait_for(ended, 2 * AW_SECOND, NULL); /* a timeout kills the child */
	if (status < 0 && status != AW_ETIMEOUT) return status;
	printf("%s %s\n", command, status < 0 ? "timeout" : "complete");
	return 0;
}

static aw_status run_all(void *ud) {
	void *const commands[] = {"sleep 1 && echo hello", "sleep 1.5", "echo world", "sleep 500"};
	if (*(int *)ud) printf("backend: %s\n", aw_loop_backend(aw_loop_current()));
	return aw_gather_run(single_process, commands, 4, AW_GATHER_DEFAULT, NULL);
}

/* With -v it first prints the backend it runs on: the one named in AWAIT_BACKEND, or the default. */
int main(int argc, char **argv) {
	int verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	return aw_main(NULL, run_all, &verbose, NULL);
}
