/* SPDX-License-Identifier: MIT */
/*
 * Shared code of the subprocess tests: a loop that checks at its end that no handle, descriptor or child is
 * left, and shortcuts to start a child and to run until it is done.
 */
#ifndef TESTS_PROCESS_H
#define TESTS_PROCESS_H

#include <await/await.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PIPE(stream) (1 << (stream))

static int fds_before;

static inline int count_fds(void) {
	int count = 0;
	DIR *folder = opendir("/proc/self/fd");
	if (!folder) return -1;
	while (readdir(folder)) count++;
	closedir(folder);
	return count;
}

static inline int has_child(void) {
	siginfo_t info;
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static inline aw_loop *loop_begin(void) {
	aw_loop *loop = NULL;
	/* A backend's library may keep per-process descriptors from its first loop on. */
	if (!fds_before && aw_loop_new(NULL, &loop) == 0) aw_loop_unref(loop);
	fds_before = count_fds();
	aw_status status = aw_loop_new(NULL, &loop);
	if (status < 0) printf("\n    no loop: %s\n", aw_err_name(status));
	return loop;
}

static inline void loop_end(aw_loop *loop) {
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_INT(has_child(), 0);
	EXPECT_INT(count_fds(), fds_before);
	aw_loop_unref(loop);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* New options with pipes for the streams in `pipes`. */
static inline aw_process_options *with(int pipes, uint32_t flags) {
	aw_process_options *options = NULL;
	if (aw_process_options_new(&options) < 0) return NULL;
	for (int i = 0; i < 3; i++)
		if (pipes & PIPE(i) && aw_process_options_set_stdio(options, i, AW_STDIO_PIPE, -1) < 0) return NULL;
	if (aw_process_options_set_flags(options, flags) < 0) return NULL;
	return options;
}

/* Starts a shell, and releases the options. */
static inline aw_process *start(aw_loop *loop, const char *command, aw_process_options *options) {
	aw_process *process = NULL;
	aw_status status = aw_subprocess_shell(loop, command, options, &process);
	if (status < 0) printf("\n    %s: %s\n", command, aw_err_name(status));
	aw_process_options_unref(options);
	return process;
}

/* Runs until the future is done, and releases it. */
static inline aw_status run(aw_loop *loop, aw_future *future) {
	aw_status status = aw_loop_run_until_complete(loop, future, NULL);
	aw_future_unref(future);
	return status;
}

/* Runs until the child has ended; returns its return code. */
static inline int32_t join(aw_loop *loop, aw_process *process) {
	aw_future *future = NULL;
	int32_t code = INT32_MIN;
	if (aw_process_wait(process, &future) < 0 || run(loop, future) < 0) return INT32_MIN;
	return aw_process_returncode(process, &code) < 0 ? INT32_MIN : code;
}

/* Like join(), but with communicate, without input. */
static inline int32_t talk(aw_loop *loop, aw_process *process) {
	aw_future *future = NULL;
	int32_t code = INT32_MIN;
	if (aw_process_communicate(process, NULL, 0, &future) < 0 || run(loop, future) < 0) return INT32_MIN;
	return aw_process_returncode(process, &code) < 0 ? INT32_MIN : code;
}

static inline int said(const aw_process *process, int stream, const char *text) {
	const void *data = NULL;
	size_t length = 0;
	if (aw_process_output(process, stream, &data, &length) < 0) return 0;
	int same = length == strlen(text) && memcmp(data, text, length) == 0;
	if (!same)
		printf("\n    stream %d has \"%.*s\", not \"%s\"\n", stream, (int)length, (const char *)data, text);
	return same;
}

/* Runs the loop until a byte or the end of file can be read; returns 1, 0, or -1. */
static inline int heard(aw_loop *loop, int fd) {
	char byte;
	for (;;) {
		ssize_t n = read(fd, &byte, 1);
		if (n >= 0) return (int)n;
		if (errno != EAGAIN && errno != EINTR) return -1;
		if (aw_loop_run_once(loop, AW_MILLISECOND) < 0) return -1;
	}
}

#endif
