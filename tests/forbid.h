/* SPDX-License-Identifier: MIT */
/*
 * Makes the kernel refuse a system call with a seccomp filter. A filter can't be removed, so each case runs
 * in a child, which reports failures through a pipe.
 */
#ifndef TESTS_FORBID_H
#define TESTS_FORBID_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* A system call, and its error: always, or if `argument & mask` is `value`. */
typedef struct forbidden {
	long number;
	int error;
	unsigned argument;
	uint32_t mask, value;
} forbidden;

/* Takes effect in this thread and the threads that it creates. */
static inline int forbid(forbidden what) {
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)what.number, 0, 4),
		/* The lower half: the machines these tests know are little-endian. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	             (unsigned)(offsetof(struct seccomp_data, args) + 8 * what.argument)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, what.mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, what.value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)what.error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static int forbid_report = -1;

__attribute__((format(printf, 1, 2))) static inline void wrong(const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vdprintf(forbid_report, format, arguments);
	va_end(arguments);
}

/* Runs `run(ud)` in a child with a time limit in seconds, and expects that it reports no failure. */
static inline void forbid_in_child(void (*run)(void *ud), void *ud, unsigned seconds) {
	char text[2048];
	int ends[2];
	REQUIRE(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		forbid_report = ends[1];
		alarm(seconds);
		run(ud);
		_exit(0);
	}
	close(ends[1]);
	size_t length = 0;
	for (ssize_t n;
	     length < sizeof text - 1 && (n = read(ends[0], text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)n;
	text[length] = 0;
	close(ends[0]);
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
	EXPECT_STR(text, "");
}

#endif
