/* SPDX-License-Identifier: MIT */
/*
 * Streams over descriptors: system calls that do not block, and a poll for each direction when they would. The
 * descriptor stays open until both polls have ended, so that the backend may batch them.
 */
#include "failure.h"
#include "no_sigpipe.h"
#include "stream.h"
#include "system_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct endpoint endpoint;

/* One direction's poll. */
typedef struct side {
	operation operation;
	endpoint *endpoint;
	uint32_t event;
	bool is_busy; /* until `done` has run, which is later than `in_flight` */
	bool is_wanted;
	bool is_edge; /* may rely on edges, while it is empty: nothing but readiness has been told */
} side;

struct endpoint {
	aw_stream *stream; /* borrowed; NULL once it is gone */
	aw_loop *loop;
	int fd;
	bool is_tty, closing;
	bool write_only; /* readable means then that the other end is gone */
	bool is_pipe;
	bool is_tcp;   /* where a short read means that nothing is left */
	bool is_empty; /* a read has found the end of what had arrived */
	side in, out;
};

static bool is_busy(const endpoint *self) {
	return self->in.is_busy || self->out.is_busy;
}

/* --- system calls --- */

static aw_status socket_read(void *ud, void *buffer, size_t length) {
	endpoint *self = ud;
	aw_status count;
	do {
		count = count_or_errno(recv(self->fd, buffer, length, MSG_DONTWAIT));
	} while (count == -EINTR);
	self->is_empty = count == -EAGAIN || (self->is_tcp && count > 0 && (size_t)count < length);
	return count;
}

static aw_status socket_write(void *ud, const struct iovec *parts, size_t count) {
	const endpoint *self = ud;
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count};
	aw_status sent;
	do {
		sent =
			count == 1
				? count_or_errno(send(self->fd, parts->iov_base, parts->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL))
				: count_or_errno(sendmsg(self->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
	} while (sent == -EINTR);
	return sent == -ENOBUFS ? -EAGAIN : sent;
}

static bool is_ready(int fd, short event) {
	struct pollfd item = {.fd = fd, .events = event};
	return poll(&item, 1, 0) > 0;
}

/* Whether the end of a pipe that would read is gone. */
static bool is_broken(int fd) {
	struct pollfd item = {.fd = fd};
	return poll(&item, 1, 0) > 0 && item.revents & POLLERR;
}

/* Whether a call with RWF_NOWAIT was refused because the file does not know the flag. */
static bool is_refused(aw_status status) {
	return status == -EOPNOTSUPP || status == -EINVAL || status == -ENOSYS || status == -ESPIPE;
}

static aw_status file_read(void *ud, void *buffer, size_t length) {
	const endpoint *self = ud;
	if (self->write_only) return is_broken(self->fd) ? -EPIPE : -EAGAIN;
	struct iovec part = {buffer, length};
	aw_status count;
	do {
		count = count_or_errno(preadv2(self->fd, &part, 1, -1, RWF_NOWAIT));
		if (is_refused(count)) {
			if (!is_ready(self->fd, POLLIN)) return -EAGAIN;
			count = count_or_errno(read(self->fd, buffer, length));
		}
	} while (count == -EINTR);
	/* The other end of a pseudo-terminal was closed. */
	return count == -EIO && self->is_tty ? 0 : count;
}

/* A writable pipe has room for PIPE_BUF bytes and a terminal for 256; more could block. */
static aw_status write_a_little(const endpoint *self, const struct iovec *part) {
	if (!is_ready(self->fd, POLLOUT)) return -EAGAIN;
	size_t most = self->is_tty ? 256 : PIPE_BUF;
	return count_or_errno(write(self->fd, part->iov_base, part->iov_len < most ? part->iov_len : most));
}

static aw_status file_write(void *ud, const struct iovec *parts, size_t count) {
	const endpoint *self = ud;
	no_sigpipe guard = no_sigpipe_begin();
	aw_status sent;
	do {
		sent = count_or_errno(pwritev2(self->fd, parts, (int)count, -1, RWF_NOWAIT));
		if (is_refused(sent)) sent = write_a_little(self, parts);
	} while (sent == -EINTR);
	no_sigpipe_end(&guard, sent);
	return sent;
}

static aw_status socket_shutdown(void *ud) {
	const endpoint *self = ud;
	return shutdown(self->fd, SHUT_WR) < 0 ? -errno : 0;
}

/* --- without a copy --- */

/* These calls have no flag against blocking, so the descriptor itself has to be non-blocking. */
static bool may_block(const endpoint *self) {
	int flags = fcntl(self->fd, F_GETFL);
	return flags < 0 || !(flags & O_NONBLOCK);
}

static bool is_impossible(aw_status status) {
	return status == -EINVAL || status == -ENOSYS || status == -EOPNOTSUPP || status == -ESPIPE ||
	       status == -EOVERFLOW || status == -EPERM;
}

static aw_status endpoint_sendfile(void *ud, int file_fd, uint64_t offset, size_t count) {
	const endpoint *self = ud;
	if (may_block(self)) return -EOPNOTSUPP;
	off_t at = (off_t)offset;
	no_sigpipe guard = no_sigpipe_begin();
	aw_status sent;
	do {
		sent = count_or_errno(sendfile(self->fd, file_fd, &at, count));
	} while (sent == -EINTR);
	no_sigpipe_end(&guard, sent);
	/* Reading and writing finds out whether the file has failed, which the stream survives. */
	return is_impossible(sent) || sent == -EBADF || sent == -EIO || sent == -EACCES ? -EOPNOTSUPP : sent;
}

static aw_status endpoint_splice_read(void *ud, int pipe_fd, size_t count) {
	const endpoint *self = ud;
	if (may_block(self)) return -EOPNOTSUPP;
	aw_status moved;
	do {
		moved =
			count_or_errno(splice(self->fd, NULL, pipe_fd, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
	} while (moved == -EINTR);
	return is_impossible(moved) ? -EOPNOTSUPP : moved;
}

static aw_status endpoint_splice_write(void *ud, int pipe_fd, size_t count) {
	const endpoint *self = ud;
	if (may_block(self)) return -EOPNOTSUPP;
	no_sigpipe guard = no_sigpipe_begin();
	aw_status moved;
	do {
		moved =
			count_or_errno(splice(pipe_fd, NULL, self->fd, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
	} while (moved == -EINTR);
	no_sigpipe_end(&guard, moved);
	return is_impossible(moved) ? -EOPNOTSUPP : moved;
}

/* --- waiting --- */

static aw_status side_submit(side *self) {
	if (self->is_busy) return 0;
	aw_op *op = &self->operation.op;
	if (op->offset != AW_OP_POLL_STANDING)
		op->offset = self->is_edge && self->endpoint->is_empty ? AW_OP_POLL_EDGE : AW_OP_POLL_AGAIN;
	self->is_busy = true;
	aw_status status = loop_submit_batched(self->endpoint->loop, &self->operation);
	if (status < 0) self->is_busy = false;
	op->offset = AW_OP_POLL_AGAIN;
	return status;
}

static aw_status endpoint_watch(void *ud, uint32_t events) {
	endpoint *self = ud;
	if (!events) self->in.is_wanted = self->out.is_wanted = false;
	aw_status status = 0;
	/* What cannot be read has no event but the end of a pipe. */
	if (events & AW_POLL_IN && (!self->write_only || self->is_pipe)) {
		self->in.is_wanted = true;
		status = side_submit(&self->in);
	}
	if (status == 0 && events & AW_POLL_OUT) {
		self->out.is_wanted = true;
		status = side_submit(&self->out);
	}
	return status;
}

static void endpoint_free(endpoint *self) {
	if (self->fd >= 0) close(self->fd);
	free(self);
}

static void side_done(operation *ended) {
	side *here = container_of(ended, side, operation);
	endpoint *self = here->endpoint;
	here->is_busy = false;
	if (!self->stream) {
		if (!is_busy(self)) endpoint_free(self);
		return;
	}
	if (self->closing) {
		if (!is_busy(self)) stream_ready(self->stream, 0);
		return;
	}
	if (!here->is_wanted || loop_closing(self->loop)) return;
	here->is_wanted = false;
	int64_t result = ended->op.result;
	here->is_edge = result == AW_POLL_IN;
	if (here == &self->in) self->is_empty = false;
	if (result < 0)
		stream_fail(self->stream, (aw_status)result);
	else
		stream_ready(self->stream, here->event);
}

/* The peer of an aborted connection gets a reset, rather than an end that looks orderly. */
static void reset_at_close(const endpoint *self) {
	struct linger reset = {.l_onoff = 1};
	(void)setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

static void cancel_both(endpoint *self) {
	self->closing = true;
	if (self->in.is_busy) loop_cancel(self->loop, &self->in.operation);
	if (self->out.is_busy) loop_cancel(self->loop, &self->out.operation);
}

static aw_status endpoint_close(void *ud, aw_bool aborting) {
	endpoint *self = ud;
	if (!self->closing) {
		if (aborting) reset_at_close(self);
		cancel_both(self);
	}
	if (is_busy(self)) return -EAGAIN;
	if (self->fd < 0) return 0;
	int fd = self->fd;
	self->fd = -1;
	/* After EINTR the descriptor is closed as well. */
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static void endpoint_release(void *ud) {
	endpoint *self = ud;
	self->stream = NULL;
	/* It was dropped, which aborts it. The end of the loop is an ordinary one, as that of a process. */
	if (!self->closing && !loop_closing(self->loop)) reset_at_close(self);
	if (!is_busy(self)) {
		endpoint_free(self);
		return;
	}
	if (!self->closing) cancel_both(self);
}

static int endpoint_fd(void *ud) {
	return ((const endpoint *)ud)->fd;
}

#define METHODS(kind_name, read_fn, write_fn, shutdown_fn)                                        \
	{                                                                                             \
		.size = sizeof(aw_stream_methods), .name = kind_name, .read = read_fn, .write = write_fn, \
		.watch = endpoint_watch, .shutdown_write = shutdown_fn, .close = endpoint_close,          \
		.release = endpoint_release, .fd = endpoint_fd, .sendfile = endpoint_sendfile,            \
		.splice_read = endpoint_splice_read, .splice_write = endpoint_splice_write                \
	}

static const aw_stream_methods tcp_methods = METHODS("tcp", socket_read, socket_write, socket_shutdown),
							   unix_methods = METHODS("unix", socket_read, socket_write, socket_shutdown),
							   socket_methods = METHODS("socket", socket_read, socket_write, socket_shutdown),
							   pipe_methods = METHODS("pipe", file_read, file_write, NULL),
							   tty_methods = METHODS("tty", file_read, file_write, NULL),
							   device_methods = METHODS("device", file_read, file_write, NULL);

/* Returns 0 and the methods for a kind of file. */
static aw_status methods_of(int fd, const aw_stream_methods **out) {
	struct stat file;
	if (fstat(fd, &file) < 0) return -errno;
	if (S_ISFIFO(file.st_mode)) {
		*out = &pipe_methods;
	} else if (S_ISCHR(file.st_mode)) {
		*out = isatty(fd) ? &tty_methods : &device_methods;
	} else if (S_ISSOCK(file.st_mode)) {
		int family = 0, kind = 0, listening = 0;
		socklen_t size = sizeof(int);
		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0 ||
		    getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) < 0 ||
		    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
			return -errno;
		if (kind != SOCK_STREAM || listening) return -EINVAL;
		*out = family == AF_UNIX                         ? &unix_methods
		       : family == AF_INET || family == AF_INET6 ? &tcp_methods
		                                                 : &socket_methods;
	} else {
		return -EINVAL;
	}
	return 0;
}

static void side_init(side *self, endpoint *owner, uint32_t event) {
	self->endpoint = owner;
	self->event = event;
	self->operation.done = side_done;
	self->operation.op =
		(aw_op){.kind = AW_OP_POLL, .fd = owner->fd, .flags = event | AW_OP_POLL_HELD_OPEN, .offset = AW_OP_POLL_STANDING};
}

aw_status stream_from_fd(aw_loop *loop, int fd, const aw_stream_options *options, const void *origin,
                         aw_stream **out) {
	const aw_stream_methods *methods = NULL;
	aw_status status = methods_of(fd, &methods);
	if (status < 0) return status;
	endpoint *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->loop = loop;
	self->fd = -1; /* the caller's, until it has worked */
	self->is_tty = methods == &tty_methods;
	self->is_tcp = methods == &tcp_methods;
	self->is_pipe = methods == &pipe_methods;
	self->write_only = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
	status = stream_make(loop, methods, self, options, origin, out);
	if (status < 0) return status;
	self->fd = fd;
	side_init(&self->in, self, AW_POLL_IN);
	side_init(&self->out, self, AW_POLL_OUT);
	self->stream = *out;
	if (methods == &tcp_methods) {
		(*out)->peer_length = sizeof(*out)->peer;
		if (getpeername(fd, (struct sockaddr *)&(*out)->peer, &(*out)->peer_length) < 0)
			(*out)->peer_length = 0;
	}
	stream_update_reading(*out);
	return 0;
}

ENTRY(aw_stream_from_fd, (aw_loop *loop, int fd, const aw_stream_options *options, aw_stream **out),
      (loop, fd, options, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	status = stream_from_fd(loop, fd, options, CALLER, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}
