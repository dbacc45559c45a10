/* SPDX-License-Identifier: MIT */
/* What calls on paths share. */
#ifndef CORE_AWAIT_FILE_PATH_H
#define CORE_AWAIT_FILE_PATH_H

#include "call.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

static inline file_call path_call(const file_verb *verb, const char *path, const char *path2,
                                  const void *origin) {
	return (file_call){.verb = verb,
	                   .path = without_const(path),
	                   .path2 = without_const(path2),
	                   .dir = AT_FDCWD,
	                   .origin = origin};
}

/* Both take the outcome of checking the arguments. */
aw_status path_now(file_call *call, aw_status status);
aw_status path_later(aw_loop *loop, const file_call *call, aw_status status, aw_coro **out);

/* Opens without being held up by signals, pipes or leases; refuses what has no position. A negative errno. */
int path_open(int dir, const char *path, int flags, mode_t mode);
/* The same for a descriptor that was just opened with O_NONBLOCK besides `flags`; closes it if it is refused. */
int path_opened(int fd, int flags);
/* Converts what statx(2) says. */
void path_info_of(const struct statx *from, aw_file_info *out);
/* Fills an operation in with the call's path and directory. */
void path_fill(file_call *self, aw_op *op, uint32_t kind);
/* Whether it ends with XXXXXX, for mkdtemp(3) and the like. */
bool path_is_pattern(char *pattern);
/* Undoes what these have made of the end of a pattern, also when they have failed. */
void path_pattern_reset(char *pattern);
/* Writes everything. A negative errno. */
int path_write(int fd, const void *data, size_t length);

#endif
