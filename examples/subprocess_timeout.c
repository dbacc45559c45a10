/* SPDX-License-Identifier: MIT */
/*
 * Four shell commands at once, each with two seconds to end in.
 */
#include <await/await.h>
#include <stdio.h>
#include <string.h>

#define COUNT 4
static char commands[COUNT][32] = {"sleep 1 && echo hello", "sleep 1.5", "echo world", "sleep 500"};

/* One command, in a task of its own. */
static aw_status single_process(void *ud) {
	const char *command = ud;
	aw_process_options *options = NULL;
	aw_process *process = NULL;
	aw_future *ended = NULL;
	aw_status status = aw_process_options_new(&options);
	if (status >= 0) status = aw_process_options_set_stdio(options, 1, AW_STDIO_PIPE, -1);
	if (status >= 0) status = aw_process_options_set_stdio(options, 2, AW_STDIO_PIPE, -1);
	/* What the shell starts ends with the shell. */
	if (status >= 0) status = aw_process_options_set_flags(options, AW_PROCESS_GROUP);
	if (status >= 0) status = aw_subprocess_shell(NULL, command, options, &process);
	if (status >= 0) status = aw_process_communicate(process, NULL, 0, &ended);
	if (status >= 0) status = aw_wait_for(ended, 2 * AW_SECOND, NULL);
	if (status >= 0) printf("%s complete\n", command);
	if (status == AW_ETIMEOUT) printf("%s timeout\n", command), status = 0;
	aw_future_unref(ended);
	aw_process_unref(process); /* the last reference: a child that still runs is killed */
	aw_process_options_unref(options);
	return status;
}

static aw_status run_all(void *ud) {
	aw_task *tasks[COUNT];
	aw_future *futures[COUNT], *all = NULL;
	aw_status status = 0;
	size_t count = 0;
	if (*(int *)ud) printf("backend: %s\n", aw_loop_backend(aw_loop_current()));
	for (size_t i = 0; i < COUNT && status >= 0; i++) {
		status = aw_task_spawn(NULL, single_process, commands[i], NULL, &tasks[i]);
		if (status >= 0) futures[count++] = aw_task_future(tasks[i]);
	}
	if (status >= 0) status = aw_gather(aw_loop_current(), futures, count, AW_GATHER_DEFAULT, &all);
	if (status >= 0) status = aw_await(all, NULL);
	aw_future_unref(all);
	while (count) aw_task_unref(tasks[--count]);
	return status;
}

/* With -v it says first which backend it runs on: the one named in AWAIT_BACKEND, or the default. */
int main(int argc, char **argv) {
	int verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	aw_status status = aw_run(NULL, run_all, &verbose, NULL, NULL);
	if (status < 0) fprintf(stderr, "%s: %s\n", aw_err_name(status), aw_strerror(status));
	return status < 0;
}
