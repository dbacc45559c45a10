/* SPDX-License-Identifier: MIT */
/* Options of a child, and starting it: from a program name and options to a pid, a pidfd and pipes. */
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
	char **env; /* NULL-terminated, one allocation with its strings; NULL: the parent's */
	uint32_t flags;
	int32_t group;
	int terminal; /* the descriptor of the controlling terminal; -1: the parent's */
};

/* A started process, or why the start failed. */
typedef struct process_made {
	int32_t pid;
	int process;              /* pidfd */
	int pipes[STDIO_STREAMS]; /* the parent's ends, non-blocking, or -1 */
	os_stage stage;           /* where the start failed */
	/* after a failure: the program file exists, so -ENOENT refers to its interpreter */
	bool exists;
} process_made;

/* Resolves NULL to the defaults. */
const aw_process_options *process_options_resolve(const aw_process_options *options);
/* A shallow copy that can be modified; it borrows the strings of `options`. */
aw_process_options process_options_copy(const aw_process_options *options);
/* Returns 0 if the options are valid. */
aw_status process_options_check(const aw_process_options *options);
/* Starts argv[0]. On failure nothing remains to be released. */
aw_status process_make(const char *const *argv, size_t count, const aw_process_options *options,
                       process_made *out);

#endif
