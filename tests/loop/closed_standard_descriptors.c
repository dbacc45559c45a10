/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* A program that has closed descriptors 0, 1 and 2, which the next ones get. */
#include "check.h"

#include <await/await.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static aw_status works(void *ud) {
	(void)ud;
	aw_process *process = NULL;
	int32_t code = -1;
	aw_status status = aw_sleep(AW_MILLISECOND);
	if (status == 0) status = aw_subprocess_run_shell("cat; echo error >&2; exit 3", NULL, "in", 2, &process);
	if (status == 0) status = aw_process_returncode(process, &code);
	const char *out = status == 0 ? aw_process_text(process, 1) : NULL;
	const char *error = status == 0 ? aw_process_text(process, 2) : NULL;
	if (status == 0 && (code != 3 || !out || strcmp(out, "in") != 0)) status = -1;
	if (status == 0 && (!error || strcmp(error, "error\n") != 0)) status = -2;
	if (process) aw_process_unref(process);
	return status;
}

/* In a child, which has no report to print then. */
static int works_without(int first) {
	pid_t pid = fork();
	if (pid == 0) {
		for (int fd = first; fd <= STDERR_FILENO; fd++) close(fd);
		/* Twice: what a library keeps of the first loop. exit() is not for the copy of CUnit. */
		for (int i = 0; i < 2; i++)
			if (aw_run(NULL, works, NULL, NULL, NULL) < 0) _exit(1);
		_exit(aw_debug_live_handles() ? 2 : 0);
	}
	int status = -1;
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static void a_loop_works_without_them(void) {
	EXPECT_INT(works_without(0), 0);
	EXPECT_INT(works_without(2), 0);
	EXPECT_INT(works_without(3), 0);
}

CHECK_MAIN("closed_standard_descriptors", TEST(a_loop_works_without_them))
