/* SPDX-License-Identifier: MIT */
/*
 * P07: a missing program, a missing working directory or a program that is not executable makes the starting
 * call fail, without a process; a missing command of a shell is an ordinary exit with 127.
 */
#include "process.h"

static void start(const char *program, const char *cwd) {
	aw_process_options *options = NULL;
	aw_process *process = NULL;
	must(aw_process_options_new(&options));
	must(aw_process_options_set_cwd(options, cwd));
	aw_status status = aw_subprocess_exec(NULL, &program, 1, options, &process);
	trace("%s", status == -ENOENT   ? "FileNotFoundError"
	            : status == -EACCES ? "PermissionError"
	            : status >= 0       ? "started"
	                                : aw_err_name(status));
	aw_process_unref(process);
	aw_process_options_unref(options);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	start("no-such-program-x", NULL);
	start("true", "/no/such");
	start("/etc/passwd", NULL);
	aw_process *process =
		start_shell("no-such-program-x", stdio(AW_STDIO_INHERIT, AW_STDIO_INHERIT, AW_STDIO_NULL));
	trace("%d", wait_process(process));
	aw_process_unref(process);
	return 0;
}

CASE(trap_P07, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
