/* SPDX-License-Identifier: MIT */
/* The handle of an open file. */
#ifndef CORE_AWAIT_FILE_H
#define CORE_AWAIT_FILE_H

#include "loop.h"

#include <await/file.h>
#include <sys/stat.h>

struct aw_file {
	object base;
	aw_loop *loop;
	int64_t position; /* of sequential calls; the kernel's is used only to append */
	int fd;           /* -1: not open yet, or closed */
	uint32_t calls;   /* in progress */
	bool appends;
	bool in_sequence; /* a sequential call is in progress */
	aw_status unseen; /* of a cancelled call that failed; 0 if there is none */
	const void *origin;
};

bool file_is(const aw_file *file);
/* Returns a file without a descriptor, with one reference that is not handed out; NULL if out of memory. */
aw_file *file_new(aw_loop *loop, const void *origin);
void file_info_of(const struct stat *from, aw_file_info *out);
/* Whether a caller's struct has room: 0 or -EINVAL. */
aw_status file_info_check(const aw_file_info *info);
/* The destroy of a file as a value; its reference is handed out. */
void value_file(void *file);

#endif
