/* SPDX-License-Identifier: MIT */
/*
 * How a child is to be made, and making it: from a program's name and its options to a pid, a descriptor and
 * the pipes' ends.
 */
#ifndef CORE_AWAIT_PROCESS_OPTIONS_H
#define CORE_AWAIT_PROCESS_OPTIONS_H

#include "object.h"
#include "os.h"

#include <await/error.h>
#include <await/process.h>

enum { STDIO_STREAMS = 3 };

struct aw_process_options {
	object base;
	struct {
		int32_t how;
		int fd;
	} stdio[STDIO_STREAMS];
	char *cwd;
	char **env; /* one block with its strings, ended by NULL; NULL: the parent's */
	uint32_t flags;
	int32_t group;
};

/* What has been made. */
typedef struct process_made {
	int32_t pid;
	int process;              /* the descriptor that tells of the end */
	int pipes[STDIO_STREAMS]; /* the parent's ends, non-blocking, or -1 */
	os_stage stage;           /* of a start that failed */
	/* likewise: the program's file does, so that -ENOENT is about its interpreter */
	bool exists;
} process_made;

/* NULL stands for the default ones. */
const aw_process_options *process_options_resolve(const aw_process_options *options);
/* A copy that lives as long as they do, to be changed in part: its strings are theirs. */
aw_process_options process_options_copy(const aw_process_options *options);
/* 0, or what is wrong with them. */
aw_status process_options_check(const aw_process_options *options);
/* Starts argv[0], or returns why not; then nothing is left. */
aw_status process_make(const char *const *argv, size_t count, const aw_process_options *options,
                       process_made *out);

#endif
