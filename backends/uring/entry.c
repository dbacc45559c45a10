/* SPDX-License-Identifier: MIT */
/*
 * The numbers and layouts are the kernel's, since liburing's headers may be older than the kernel that runs.
 */
#include "entry.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "calls.h"

/* Tests set another value, a mask, to simulate a kernel without some of them. */
#ifndef URING_OPCODES
#define URING_OPCODES UINT64_MAX
#endif

enum opcode {
	OPCODE_READV = 1,
	OPCODE_WRITEV = 2,
	OPCODE_SENDMSG = 9,
	OPCODE_RECVMSG = 10,
	OPCODE_FALLOCATE = 17,
	OPCODE_OPENAT = 18,
	OPCODE_STATX = 21,
	OPCODE_SPLICE = 30,
	OPCODE_SHUTDOWN = 34,  /* 5.11 */
	OPCODE_RENAMEAT = 35,  /* 5.11 */
	OPCODE_UNLINKAT = 36,  /* 5.11 */
	OPCODE_MKDIRAT = 37,   /* 5.15 */
	OPCODE_SOCKET = 45,    /* 5.19, as accepts that last */
	OPCODE_WAITID = 50,    /* 6.7 */
	OPCODE_FTRUNCATE = 55, /* 6.9 */
	OPCODE_BIND = 56,      /* 6.11 */
	OPCODE_LISTEN = 57,    /* 6.11 */
	OPCODE_NONE = 64
};

enum { COUNT_MAX = 0x7ffff000 }; /* the kernel's limit for a count */

static enum opcode opcode_of(uint32_t kind) {
	switch (kind) {
	case AW_OP_READV: return OPCODE_READV;
	case AW_OP_WRITEV: return OPCODE_WRITEV;
	case AW_OP_SENDMSG: return OPCODE_SENDMSG;
	case AW_OP_RECVMSG: return OPCODE_RECVMSG;
	case AW_OP_SPLICE: return OPCODE_SPLICE;
	case AW_OP_SHUTDOWN: return OPCODE_SHUTDOWN;
	case AW_OP_BIND: return OPCODE_BIND;
	case AW_OP_LISTEN: return OPCODE_LISTEN;
	case AW_OP_OPENAT: return OPCODE_OPENAT;
	case AW_OP_STATX: return OPCODE_STATX;
	case AW_OP_UNLINKAT: return OPCODE_UNLINKAT;
	case AW_OP_RENAMEAT: return OPCODE_RENAMEAT;
	case AW_OP_MKDIRAT: return OPCODE_MKDIRAT;
	case AW_OP_FALLOCATE: return OPCODE_FALLOCATE;
	case AW_OP_FTRUNCATE: return OPCODE_FTRUNCATE;
	case AW_OP_WAITID: return OPCODE_WAITID;
	/* It is a flag of the accept, which can't be asked for. */
	case AW_OP_ACCEPT_MULTISHOT: return OPCODE_SOCKET;
	default: return OPCODE_NONE;
	}
}

uint64_t entry_opcodes(struct io_uring *ring) {
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	if (!probe) return 0;
	uint64_t opcodes = 0;
	for (uint32_t kind = AW_OP_READV; kind <= AW_OP_WAITID; kind++)
		if (io_uring_opcode_supported(probe, (int)opcode_of(kind))) opcodes |= UINT64_C(1) << opcode_of(kind);
	if (io_uring_opcode_supported(probe, OPCODE_SOCKET)) opcodes |= UINT64_C(1) << OPCODE_SOCKET;
	io_uring_free_probe(probe);
	return opcodes & URING_OPCODES;
}

bool entry_has(uint64_t opcodes, const aw_op *op) {
	enum opcode opcode = opcode_of(op->kind);
	if (opcode == OPCODE_NONE || !(opcodes >> opcode & 1)) return false;
	switch (op->kind) {
	/* In the ring a splice occupies a thread while it waits, and fails if the file must not block. */
	case AW_OP_SPLICE: return !op->nonblocking;
	case AW_OP_BIND: return op->length <= INT_MAX;
	/* A pidfd does not tell of others, so readiness.c refuses them. */
	case AW_OP_WAITID: return !(op->flags & ~(uint32_t)(WEXITED | WNOWAIT));
	default: return true;
	}
}

bool entry_is_of_files(const aw_op *op) {
	return op->kind >= AW_OP_OPENAT && op->kind <= AW_OP_FTRUNCATE;
}

bool entry_keeps_open(const aw_op *op) {
	return op->kind == AW_OP_SPLICE || entry_is_of_files(op);
}

static void prepare(struct io_uring_sqe *sqe, enum opcode opcode, int fd, const void *buffer, uint64_t count,
                    uint64_t offset) {
	unsigned length = count < COUNT_MAX ? (unsigned)count : (unsigned)COUNT_MAX;
	io_uring_prep_rw((int)opcode, sqe, fd, buffer, length, offset);
}

static uint64_t address_of(const void *pointer) {
	return (uint64_t)(uintptr_t)pointer;
}

static void prepare_message(const aw_op *op, struct io_uring_sqe *sqe, enum opcode opcode, int more_flags) {
	prepare(sqe, opcode, op->fd, op->buffer, 1, 0);
	sqe->msg_flags = (op->flags & ~(uint32_t)MSG_DONTWAIT) | (uint32_t)more_flags;
}

static void prepare_splice(const aw_op *op, struct io_uring_sqe *sqe) {
	int64_t to = op->second ? *(const int64_t *)op->second : -1;
	prepare(sqe, OPCODE_SPLICE, op->second_fd, NULL, op->length, (uint64_t)to);
	sqe->splice_off_in = op->offset < 0 ? UINT64_MAX : (uint64_t)op->offset;
	sqe->splice_fd_in = op->fd;
	sqe->splice_flags = op->flags;
}

void entry_prepare(const aw_op *op, struct io_uring_sqe *sqe) {
	enum opcode opcode = opcode_of(op->kind);
	int fd = op->fd;
	switch (op->kind) {
	case AW_OP_READV:
	case AW_OP_WRITEV: prepare(sqe, opcode, fd, op->buffer, op->length, (uint64_t)op->offset); break;
	case AW_OP_SENDMSG: prepare_message(op, sqe, opcode, MSG_NOSIGNAL); break;
	case AW_OP_RECVMSG: prepare_message(op, sqe, opcode, MSG_CMSG_CLOEXEC); break;
	case AW_OP_SPLICE: prepare_splice(op, sqe); break;
	case AW_OP_SHUTDOWN: prepare(sqe, opcode, fd, NULL, op->flags, 0); break;
	case AW_OP_BIND: prepare(sqe, opcode, fd, op->buffer, 0, op->length); break;
	case AW_OP_LISTEN: prepare(sqe, opcode, fd, NULL, op->length, 0); break;
	case AW_OP_OPENAT:
		prepare(sqe, opcode, fd, op->buffer, op->length, 0);
		sqe->open_flags = op->flags;
		/* On the submitting thread the kernel opens a pipe as if with O_NONBLOCK, without its other end. */
		if (!(op->flags & O_NONBLOCK)) sqe->flags |= IOSQE_ASYNC;
		break;
	case AW_OP_STATX:
		prepare(sqe, opcode, fd, op->buffer, op->length, address_of(op->second));
		sqe->statx_flags = op->flags;
		break;
	case AW_OP_UNLINKAT:
		prepare(sqe, opcode, fd, op->buffer, 0, 0);
		sqe->unlink_flags = op->flags;
		break;
	case AW_OP_RENAMEAT:
		prepare(sqe, opcode, fd, op->buffer, 0, address_of(op->second));
		sqe->len = (uint32_t)op->second_fd;
		sqe->rename_flags = op->flags;
		break;
	case AW_OP_MKDIRAT: prepare(sqe, opcode, fd, op->buffer, op->length, 0); break;
	case AW_OP_FALLOCATE:
		prepare(sqe, opcode, fd, NULL, 0, (uint64_t)op->offset);
		sqe->len = op->flags;
		sqe->addr = op->length;
		break;
	case AW_OP_FTRUNCATE: prepare(sqe, opcode, fd, NULL, 0, op->length); break;
	default: /* AW_OP_WAITID */
		prepare(sqe, opcode, fd, NULL, CALLS_PIDFD, address_of(op->buffer));
		sqe->file_index = op->flags;
		break;
	}
}
