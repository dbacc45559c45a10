/* SPDX-License-Identifier: MIT */
#include "plain_call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool plain_call_is(uint32_t kind) {
	return kind >= AW_OP_OPENAT && kind <= AW_OP_FTRUNCATE;
}

static int call_once(const aw_op *op) {
	const char *path = op->buffer;
	int flags = (int)op->flags;
	switch (op->kind) {
	case AW_OP_OPENAT: return openat(op->fd, path, flags, (mode_t)op->length);
	case AW_OP_STATX: return statx(op->fd, path, flags, (unsigned)op->length, op->second);
	case AW_OP_UNLINKAT: return unlinkat(op->fd, path, flags);
	case AW_OP_RENAMEAT: return renameat2(op->fd, path, op->second_fd, op->second, op->flags);
	case AW_OP_MKDIRAT: return mkdirat(op->fd, path, (mode_t)op->length);
	case AW_OP_FALLOCATE: return fallocate(op->fd, flags, op->offset, (off_t)op->length);
	case AW_OP_FTRUNCATE: return ftruncate(op->fd, (off_t)op->length);
	default: errno = EINVAL; return -1;
	}
}

/* A rename or the like that was interrupted may have taken place, so that only its error tells. */
static bool may_repeat(uint32_t kind) {
	return kind != AW_OP_RENAMEAT && kind != AW_OP_UNLINKAT && kind != AW_OP_MKDIRAT;
}

/* As the kernel would say, but the C library's functions may not be given these. */
static bool lacks_memory(const aw_op *op) {
	if (op->kind == AW_OP_FALLOCATE || op->kind == AW_OP_FTRUNCATE) return false;
	return !op->buffer || (!op->second && (op->kind == AW_OP_STATX || op->kind == AW_OP_RENAMEAT));
}

int64_t plain_call(const aw_op *op) {
	int result;
	if (lacks_memory(op)) return -EFAULT;
	do result = call_once(op);
	while (result < 0 && errno == EINTR && may_repeat(op->kind));
	return result < 0 ? -errno : result;
}
