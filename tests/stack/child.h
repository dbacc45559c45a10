/* SPDX-License-Identifier: MIT */
/* A case that runs in a child, whose exit and standard error the test checks. */
#ifndef TESTS_STACK_CHILD_H
#define TESTS_STACK_CHILD_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SURVIVED = 40 };

typedef struct ending {
	int code; /* the exit code, or minus the signal */
	char text[4096];
} ending;

static inline ending run_child(void (*run)(void)) {
	ending e = {.code = -1000};
	int fds[2];
	fflush(NULL);
	if (pipe(fds)) return e;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		run();
		_exit(SURVIVED);
	}
	close(fds[1]);
	size_t length = 0;
	/* Also reads what doesn't fit, because the child would block otherwise. */
	char rest[512];
	for (;;) {
		bool is_full = length == sizeof e.text - 1;
		ssize_t n = read(fds[0], is_full ? rest : e.text + length,
		                 is_full ? sizeof rest : sizeof e.text - 1 - length);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) break;
		if (!is_full) length += (size_t)n;
	}
	close(fds[0]);
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) != pid) return e;
	e.code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
	return e;
}

#endif
