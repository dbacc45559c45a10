/* SPDX-License-Identifier: MIT */
/* Shell and exec, both pipes, the exit code by communicate and by wait. */
#include "process.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_process *process = NULL;
	must(aw_subprocess_run_shell("echo out; echo err >&2; exit 3", NULL, NULL, 0, &process));
	trace("%s %s %s", output(process, 1).text, output(process, 2).text, returncode(process).text);
	aw_process_unref(process);

	const char *const argv[] = {"printf", "%s-%s", "a.txt", "b.txt"};
	aw_process_options *options = stdio(AW_STDIO_INHERIT, AW_STDIO_PIPE, AW_STDIO_PIPE);
	char said[64] = "";
	int stdout_fd = -1;
	must(aw_subprocess_exec(NULL, argv, 4, options, &process));
	int exit_code = wait_process(process);
	must(aw_process_take_pipe(process, 1, &stdout_fd));
	ssize_t length = read(stdout_fd, said, sizeof said - 1);
	close(stdout_fd);
	trace("%d %s b'%.*s'", exit_code, returncode(process).text, (int)length, said);
	aw_process_unref(process);
	aw_process_options_unref(options);
	return 0;
}

CASE(s002_07_subprocess, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
