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
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
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

static bool has_parts(const aw_op *op) {
	return op->kind == AW_OP_READV || op->kind == AW_OP_WRITEV;
}

/* What a read or write transfers, as parts: those of the operation, or `whole`. */
static int parts_of(const aw_op *op, struct iovec *whole, const struct iovec **out) {
	*out = has_parts(op) ? op->buffer : whole;
	*whole = (struct iovec){op->buffer, count_of(op)};
	return has_parts(op) ? (int)op->length : 1;
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
	if (op->kind == AW_OP_READV)
		return outcome(op->offset < 0 ? readv(op->fd, op->buffer, (int)op->length)
		                              : preadv(op->fd, op->buffer, (int)op->length, op->offset));
	return outcome(op->offset < 0 ? read(op->fd, op->buffer, count_of(op))
	                              : pread(op->fd, op->buffer, count_of(op), op->offset));
}

static int64_t try_read(const aw_op *op) {
	if (op->nonblocking) return plain_read(op);
	struct iovec whole;
	const struct iovec *parts;
	int count = parts_of(op, &whole, &parts);
	int64_t n = outcome(preadv2(op->fd, parts, count, op->offset < 0 ? -1 : op->offset, RWF_NOWAIT));
	if (!is_refused(n)) return n;
	return is_ready(op->fd, POLLIN) ? plain_read(op) : -EAGAIN;
}

/* ---- writing without SIGPIPE ---- */

enum { PARTS_AT_ONCE = 16 };

/* The beginning of what is to be written: at most `most` bytes, in `some`. */
static const struct iovec *first_parts(const aw_op *op, struct iovec *some, int *number, size_t most) {
	const struct iovec *parts = op->buffer;
	int all = *number;
	for (*number = 0; *number < all && *number < PARTS_AT_ONCE && most; ++*number) {
		some[*number] = parts[*number];
		if (some[*number].iov_len > most) some[*number].iov_len = most;
		most -= some[*number].iov_len;
	}
	return some;
}

static int64_t plain_write(const aw_op *op, size_t count) {
	if (op->kind == AW_OP_WRITEV) {
		struct iovec some[PARTS_AT_ONCE];
		const struct iovec *parts = op->buffer;
		int number = (int)op->length;
		if (count < COUNT_MAX) parts = first_parts(op, some, &number, count);
		return outcome(op->offset < 0 ? writev(op->fd, parts, number)
		                              : pwritev(op->fd, parts, number, op->offset));
	}
	return outcome(op->offset < 0 ? write(op->fd, op->buffer, count)
	                              : pwrite(op->fd, op->buffer, count, op->offset));
}

/* The bytes of one buffer; with parts, all of them. */
static size_t size_of(const aw_op *op) {
	return has_parts(op) ? (size_t)COUNT_MAX : count_of(op);
}

static int64_t write_some(const aw_op *op) {
	if (op->nonblocking) return plain_write(op, size_of(op));
	struct iovec whole;
	const struct iovec *parts;
	int count = parts_of(op, &whole, &parts);
	int64_t n = outcome(pwritev2(op->fd, parts, count, op->offset < 0 ? -1 : op->offset, RWF_NOWAIT));
	if (!is_refused(n)) return n;
	if (!is_ready(op->fd, POLLOUT)) return -EAGAIN;
	/* A writable pipe has room for PIPE_BUF bytes; more could block. */
	return plain_write(op, size_of(op) < PIPE_BUF ? size_of(op) : PIPE_BUF);
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
	/* A write of a part may have raised it as well: the reader went away meanwhile. */
	bool may_be_raised = n == -EPIPE || (n >= 0 && (size_t)n < size_of(op));
	if (may_be_raised && !had_one) {
		const struct timespec at_once = {0, 0};
		while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR) continue;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

static int64_t try_write(calls *self, const aw_op *op) {
	if (op->offset >= 0) return write_some(op); /* has an offset, so not a pipe */
	struct iovec whole;
	const struct iovec *parts;
	int count = parts_of(op, &whole, &parts);
	if (self->nosignal_write != CALLS_ABSENT) {
		int64_t n =
			outcome(pwritev2(op->fd, parts, count, -1, RWF_NOSIGNAL | (op->nonblocking ? 0 : RWF_NOWAIT)));
		if (n >= 0) self->nosignal_write = CALLS_PRESENT;
		if (!is_refused(n)) return n;
	}
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)count};
	int64_t n = outcome(sendmsg(op->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
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

/* ---- splices ---- */

/* Sets a blocking socket to non-blocking, as for a connect: SPLICE_F_NONBLOCK is only for the pipe. */
static int borrow_flags(int fd) {
	struct stat info;
	if (fstat(fd, &info) < 0 || !S_ISSOCK(info.st_mode)) return -1;
	int flags = fcntl(fd, F_GETFL);
	return flags < 0 || flags & O_NONBLOCK || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -1 : flags;
}

static int64_t splice_some(const aw_op *op) {
	off64_t from = op->offset, to = op->second ? *(const int64_t *)op->second : 0;
	int source = op->nonblocking ? -1 : borrow_flags(op->fd);
	int target = op->nonblocking ? -1 : borrow_flags(op->second_fd);
	int64_t n = outcome(splice(op->fd, op->offset < 0 ? NULL : &from, op->second_fd, op->second ? &to : NULL,
	                           count_of(op), op->flags | SPLICE_F_NONBLOCK));
	if (source >= 0) (void)fcntl(op->fd, F_SETFL, source);
	if (target >= 0) (void)fcntl(op->second_fd, F_SETFL, target);
	return n;
}

bool calls_splice_waits_for_output(const aw_op *op) {
	return is_ready(op->fd, POLLIN);
}

/* ---- children ---- */

static int64_t try_waitid(const aw_op *op) {
	siginfo_t info = {.si_pid = 0};
	if (op->flags & ~(uint32_t)(WEXITED | WNOWAIT)) return -EINVAL;
	if (waitid((idtype_t)CALLS_PIDFD, (id_t)op->fd, &info, (int)op->flags | WNOHANG) < 0) return outcome(-1);
	if (!info.si_pid) return -EAGAIN;
	if (op->buffer) memcpy(op->buffer, &info, sizeof info);
	return 0;
}

/* ---- all of them ---- */

static int64_t try_once(calls *self, aw_op *op) {
	if (has_parts(op) && op->length > IOV_MAX) return -EINVAL;
	switch (op->kind) {
	case AW_OP_READ:
	case AW_OP_READV: return try_read(op);
	case AW_OP_WRITE:
	case AW_OP_WRITEV: return try_write(self, op);
	case AW_OP_SENDMSG:
		return outcome(sendmsg(op->fd, op->buffer, (int)op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
	case AW_OP_RECVMSG:
		return outcome(recvmsg(op->fd, op->buffer, (int)op->flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
	case AW_OP_SPLICE: return write_masked(op, splice_some);
	case AW_OP_WAITID: return try_waitid(op);
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
	return plain_write(op, size_of(op));
}

/* bind and listen take an int; what does not fit is refused. */
static int64_t bind_now(const aw_op *op) {
	return op->length > INT_MAX ? -EINVAL : outcome(bind(op->fd, op->buffer, (socklen_t)op->length));
}

static int64_t listen_now(const aw_op *op) {
	return outcome(listen(op->fd, op->length < INT_MAX ? (int)op->length : INT_MAX));
}

int64_t calls_now(const aw_op *op) {
	int64_t result;
	do {
		switch (op->kind) {
		case AW_OP_READ:
		case AW_OP_READV: result = plain_read(op); break;
		case AW_OP_WRITE:
		case AW_OP_WRITEV: result = write_masked(op, write_all); break;
		case AW_OP_FSYNC:
			result = outcome(op->flags & AW_OP_FSYNC_DATA ? fdatasync(op->fd) : fsync(op->fd));
			break;
		case AW_OP_SHUTDOWN: result = outcome(shutdown(op->fd, (int)op->flags)); break;
		case AW_OP_BIND: result = bind_now(op); break;
		case AW_OP_LISTEN: result = listen_now(op); break;
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
