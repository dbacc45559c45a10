/* SPDX-License-Identifier: MIT */
/*
 * A descriptor may be blocking, inherited, and shared with other processes, so its flags must not change.
 * Each call therefore avoids blocking in its own way: MSG_DONTWAIT, RWF_NOWAIT, or poll(2) first if the file
 * supports neither.
 */

#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif

/* The kernel's limit for a count. Some calls fail with a larger one. */
enum { COUNT_MAX = 0x7ffff000, ACCEPT_TRIES = 16 };

static int64_t outcome(ssize_t n) {
	if (n >= 0) return n;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static size_t count_of(const aw_op *op) {
	return op->length < COUNT_MAX ? (size_t)op->length : COUNT_MAX;
}

/* Whether poll(2) reports the descriptor ready now. */
static bool is_ready(int fd, short events) {
	struct pollfd p = {.fd = fd, .events = events};
	int n;
	do n = poll(&p, 1, 0);
	while (n < 0 && errno == EINTR);
	return n != 0;
}

/*
 * The kernel lacks the call or the flag, or a seccomp filter that does not know the call refuses it. If the
 * EPERM is genuine (a sealed file), the plain call fails with it again.
 */
static bool is_refused(int64_t result) {
	return result == -EOPNOTSUPP || result == -ENOSYS || result == -EPERM;
}

static int64_t plain_read(const aw_op *op) {
	return outcome(op->offset < 0 ? read(op->fd, op->buffer, count_of(op))
	                              : pread(op->fd, op->buffer, count_of(op), op->offset));
}

static int64_t try_read(const aw_op *op) {
	if (op->nonblocking) return plain_read(op);
	struct iovec part = {op->buffer, count_of(op)};
	int64_t n = outcome(preadv2(op->fd, &part, 1, op->offset < 0 ? -1 : op->offset, RWF_NOWAIT));
	if (!is_refused(n)) return n;
	return is_ready(op->fd, POLLIN) ? plain_read(op) : -EAGAIN;
}

/* ---- writing without SIGPIPE ---- */

static int64_t plain_write(const aw_op *op, size_t count) {
	return outcome(op->offset < 0 ? write(op->fd, op->buffer, count)
	                              : pwrite(op->fd, op->buffer, count, op->offset));
}

static int64_t write_some(const aw_op *op) {
	if (op->nonblocking) return plain_write(op, count_of(op));
	struct iovec part = {op->buffer, count_of(op)};
	int64_t n = outcome(pwritev2(op->fd, &part, 1, op->offset < 0 ? -1 : op->offset, RWF_NOWAIT));
	if (!is_refused(n)) return n;
	if (!is_ready(op->fd, POLLOUT)) return -EAGAIN;
	/* A writable pipe has room for PIPE_BUF bytes; more could block. */
	return plain_write(op, part.iov_len < PIPE_BUF ? part.iov_len : PIPE_BUF);
}

/*
 * Blocks SIGPIPE around the write and consumes the one that the write raised, but not one that was already
 * pending.
 */
static int64_t write_masked(const aw_op *op, int64_t (*write_op)(const aw_op *op)) {
	sigset_t pipe_signal, before, pending;
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	bool had_one = false;
	/* It can be pending only if it was blocked. */
	if (sigismember(&before, SIGPIPE) == 1)
		had_one = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
	int64_t n = write_op(op);
	if (n == -EPIPE && !had_one) {
		const struct timespec at_once = {0, 0};
		while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR) continue;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

static int64_t try_write(calls *self, const aw_op *op) {
	if (op->offset >= 0) return write_some(op); /* has an offset, so not a pipe */
	if (self->nosignal_write != CALLS_ABSENT) {
		struct iovec part = {op->buffer, count_of(op)};
		int64_t n =
			outcome(pwritev2(op->fd, &part, 1, -1, RWF_NOSIGNAL | (op->nonblocking ? 0 : RWF_NOWAIT)));
		if (n >= 0) self->nosignal_write = CALLS_PRESENT;
		if (!is_refused(n)) return n;
	}
	int64_t n = outcome(send(op->fd, op->buffer, count_of(op), MSG_DONTWAIT | MSG_NOSIGNAL));
	bool is_socket = n != -ENOTSOCK;
	if (!is_socket) n = write_masked(op, write_some);
	struct stat st;
	/* Sockets and pipes support the flag if the kernel does. */
	if (self->nosignal_write == CALLS_UNKNOWN &&
	    (is_socket || (op->nonblocking && fstat(op->fd, &st) == 0 && S_ISFIFO(st.st_mode))))
		self->nosignal_write = CALLS_ABSENT;
	return n;
}

/* ---- connections ---- */

/*
 * Errors of a connection that died in the queue, or of its network. accept(2) lists them; the next one may
 * succeed.
 */
static bool is_lost_connection(int error) {
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH: return true;
	default: return false;
	}
}

static int64_t try_accept(const aw_op *op) {
	for (int i = 0; i < ACCEPT_TRIES; i++) {
		/*
		 * accept has no per-call non-blocking flag. On a blocking listener that others also accept from, the
		 * call may still block.
		 */
		if (!op->nonblocking && !is_ready(op->fd, POLLIN)) return -EAGAIN;
		int fd = accept4(op->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) return fd;
		if (!is_lost_connection(errno)) return outcome(-1);
	}
	return -EAGAIN;
}

int64_t calls_connect(const aw_op *op) {
	if (op->length > INT_MAX) return -EINVAL;
	/*
	 * connect has no per-call flag either, so set a blocking socket to non-blocking for the duration of the
	 * call.
	 */
	int flags = op->nonblocking ? O_NONBLOCK : fcntl(op->fd, F_GETFL);
	if (flags < 0) return -errno;
	if (!(flags & O_NONBLOCK) && fcntl(op->fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
	int64_t status = outcome(connect(op->fd, op->buffer, (socklen_t)op->length));
	if (!(flags & O_NONBLOCK)) (void)fcntl(op->fd, F_SETFL, flags);
	/* -EAGAIN is final: the backlog of a Unix socket's peer is full, and no event reports when to retry. */
	return status == -EINTR ? -EINPROGRESS : status;
}

int64_t calls_connected(const aw_op *op) {
	/*
	 * A second connect returns the outcome and updates the socket's state; reading SO_ERROR would only clear
	 * the error.
	 */
	int64_t status = calls_connect(op);
	if (status == -EALREADY || status == -EINPROGRESS) return -EAGAIN;
	return status == -EISCONN ? 0 : status;
}

/* ---- all of them ---- */

static int64_t try_once(calls *self, aw_op *op) {
	switch (op->kind) {
	case AW_OP_READ: return try_read(op);
	case AW_OP_WRITE: return try_write(self, op);
	case AW_OP_RECV: return outcome(recv(op->fd, op->buffer, count_of(op), (int)op->flags | MSG_DONTWAIT));
	case AW_OP_SEND:
		return outcome(send(op->fd, op->buffer, count_of(op), (int)op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
	case AW_OP_ACCEPT: return try_accept(op);
	default: return -EINVAL;
	}
}

int64_t calls_try(calls *self, aw_op *op) {
	int64_t result;
	do result = try_once(self, op);
	while (result == -EINTR);
	return result;
}

static int64_t write_all(const aw_op *op) {
	return plain_write(op, count_of(op));
}

int64_t calls_now(const aw_op *op) {
	int64_t result;
	do {
		switch (op->kind) {
		case AW_OP_READ: result = plain_read(op); break;
		case AW_OP_WRITE: result = write_masked(op, write_all); break;
		case AW_OP_FSYNC: result = outcome(fsync(op->fd)); break;
		default: result = -EINVAL;
		}
	} while (result == -EINTR);
	return result;
}

int64_t calls_close(int fd) {
	/* On Linux close always releases the descriptor, so EINTR counts as success. */
	int64_t status = outcome(close(fd));
	return status == -EINTR || status == -EINPROGRESS ? 0 : status;
}
