/* SPDX-License-Identifier: MIT */
/* What calls on paths share. */
#ifndef CORE_AWAIT_FILE_PATH_H
#define CORE_AWAIT_FILE_PATH_H

#include "call.h"

#include <fcntl.h>
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
/* Writes everything. A negative errno. */
int path_write(int fd, const void *data, size_t length);

#endif
