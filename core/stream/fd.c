/* SPDX-License-Identifier: MIT */
/*
 * Streams over descriptors: system calls that do not block, and a poll for each direction when they would. The
 * descriptor stays open until both polls have ended, so that the backend may batch them.
 *
 * Where the backend can, a socket that is read ahead has a receive in flight that lasts, instead of the poll: see
 * incoming.h. Large reads do better with the poll, since their bytes then are copied once.
 */
#include "failure.h"
#include "incoming.h"
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
	bool is_socket;
	bool receives;   /* the operation of `in` is the receive that lasts */
	bool is_telling; /* the stream is being told that it can read: it may drop this meanwhile */
	bool is_bulk;    /* reads are large */
	uint8_t small;   /* how many reads since were not */
	incoming incoming;
};

enum { SMALL_READS = 32 /* in a row end that they are large */ };

static bool is_busy(const endpoint *self) {
	return self->in.is_busy || self->out.is_busy || self->is_telling || self->incoming.notice.is_due;
}

/* Ends the receive that lasts, so that the socket can be read in another way. */
static void stop_receiving(endpoint *self) {
	if (self->receives) loop_cancel(self->loop, &self->in.operation);
}

/* --- system calls --- */

/* Whether so much had better be read directly. */
static bool is_large(const endpoint *self, size_t size) {
	return size > (protocol_borrows(self->stream) ? INCOMING_LENT_MAX : INCOMING_MAX);
}

static void note_size(endpoint *self, size_t count) {
	if (is_large(self, count))
		self->small = 0;
	else if (++self->small == SMALL_READS)
		self->is_bulk = false;
}

static aw_status socket_read(void *ud, void *buffer, size_t length) {
	endpoint *self = ud;
	aw_status count;
	if (incoming_has(&self->incoming)) return incoming_read(&self->incoming, self->loop, buffer, length);
	/* What has arrived there comes first. */
	if (self->receives) return -EAGAIN;
	do {
		count = count_or_errno(recv(self->fd, buffer, length, MSG_DONTWAIT));
	} while (count == -EINTR);
	self->is_empty = count == -EAGAIN || (self->is_tcp && count > 0 && (size_t)count < length);
	if (self->is_bulk && count > 0) note_size(self, (size_t)count);
	return count;
}

/* For a stream that receives descriptors. */
static aw_status socket_read_fds(void *ud, void *buffer, size_t length) {
	endpoint *self = ud;
	aw_status count = fd_queue_read(self->stream, self->fd, buffer, length);
	self->is_empty = count == -EAGAIN;
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
	/* The receive has taken the reason from the socket. */
	if (sent == -EPIPE && self->incoming.status < 0) return self->incoming.status;
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
	endpoint *self = ud;
	if (may_block(self)) return -EOPNOTSUPP;
	if (incoming_has(&self->incoming)) return incoming_write(&self->incoming, self->loop, pipe_fd, count);
	if (self->receives) {
		stop_receiving(self);
		return -EAGAIN;
	}
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

static void poll_prepare(side *self) {
	self->operation.op = (aw_op){.kind = AW_OP_POLL,
	                             .fd = self->endpoint->fd,
	                             .flags = self->event | AW_OP_POLL_HELD_OPEN,
	                             .offset = AW_OP_POLL_STANDING};
}

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

static bool may_receive(const endpoint *self) {
	const aw_stream *stream = self->stream;
	/* Where nothing is read ahead, the bytes stay in the socket. */
	return self->is_socket && !self->is_bulk && !stream->reading_paused &&
	       (!stream->lazy || stream->protocol);
}

/* Starts the receive that lasts. -EOPNOTSUPP: there is none. */
static aw_status receive_submit(endpoint *self) {
	aw_op poll = self->in.operation.op;
	self->in.operation.op = (aw_op){.kind = AW_OP_RECV_MULTISHOT, .fd = self->fd};
	self->in.is_busy = self->receives = true;
	aw_status status = loop_submit_batched(self->loop, &self->in.operation);
	if (status == 0) return 0;
	self->in.is_busy = self->receives = false;
	self->in.operation.op = poll;
	if (status == -EOPNOTSUPP || status == -ENOMEM) self->is_socket = false;
	return self->is_socket ? status : -EOPNOTSUPP;
}

static aw_status watch_in(endpoint *self) {
	self->in.is_wanted = true;
	if (incoming_has(&self->incoming)) {
		incoming_notify(&self->incoming, self->loop);
		return 0;
	}
	if (self->receives && !may_receive(self)) stop_receiving(self); /* its end submits the poll */
	if (self->in.is_busy) return 0;
	aw_status status = may_receive(self) ? receive_submit(self) : -EOPNOTSUPP;
	return status == -EOPNOTSUPP ? side_submit(&self->in) : status;
}

static aw_status endpoint_watch(void *ud, uint32_t events) {
	endpoint *self = ud;
	if (!events) {
		self->in.is_wanted = self->out.is_wanted = false;
		stop_receiving(self);
	}
	aw_status status = 0;
	/* What cannot be read has no event but the end of a pipe. */
	if (events & AW_POLL_IN && (!self->write_only || self->is_pipe)) status = watch_in(self);
	if (status == 0 && events & AW_POLL_OUT) {
		self->out.is_wanted = true;
		status = side_submit(&self->out);
	}
	return status;
}

void stream_fd_pause(aw_stream *stream) {
	if (stream->methods->watch == endpoint_watch && !stream->released) stop_receiving(stream->ud);
}

aw_buffer *stream_fd_take(aw_stream *stream) {
	if (stream->methods->read != socket_read || stream->released) return NULL;
	endpoint *self = stream->ud;
	return incoming_take(&self->incoming);
}

static void endpoint_free(endpoint *self) {
	if (self->fd >= 0) close(self->fd);
	incoming_clear(&self->incoming, self->loop);
	free(self);
}

/* If the end waits only for what has just ended: continues it. */
static bool is_ending(endpoint *self) {
	if (!self->stream) {
		if (!is_busy(self)) endpoint_free(self);
		return true;
	}
	if (loop_closing(self->loop)) return true;
	if (!self->closing) return false;
	if (!is_busy(self)) stream_ready(self->stream, 0);
	return true;
}

/* Tells the stream what has arrived. */
static void tell_incoming(endpoint *self) {
	if (!self->is_bulk && is_large(self, self->incoming.size)) {
		self->is_bulk = true;
		self->small = 0;
		stop_receiving(self);
	}
	if (self->in.is_wanted) {
		self->in.is_wanted = false;
		self->is_telling = true;
		stream_ready(self->stream, AW_POLL_IN);
		self->is_telling = false;
		if (is_ending(self)) return;
	}
	if (self->in.is_wanted || !incoming_has(&self->incoming)) return;
	/* It does not read on: the kernel keeps the rest. */
	stop_receiving(self);
	incoming_keep(&self->incoming, self->loop);
}

static void notice_run_in(notice *due) {
	endpoint *self = container_of(due, endpoint, incoming.notice);
	if (is_ending(self)) return;
	tell_incoming(self);
}

static void receive_arrived(operation *receive, aw_buffer *buffer) {
	endpoint *self = container_of(receive, side, operation)->endpoint;
	if (!loop_closing(self->loop)) incoming_append(&self->incoming, buffer);
}

/* The receive has brought something, or has ended. */
static void receive_done(endpoint *self) {
	bool has_ended = !self->in.operation.in_flight;
	int64_t result = self->in.operation.op.result;
	if (has_ended) {
		self->in.is_busy = self->receives = false;
		poll_prepare(&self->in);
		if (result == 0 || (result != -ENOBUFS && result != -ECANCELED))
			incoming_end(&self->incoming, (aw_status)result);
	}
	if (is_ending(self)) return;
	if (incoming_has(&self->incoming)) {
		tell_incoming(self);
	} else if (has_ended && self->in.is_wanted) {
		aw_status status = result == -ENOBUFS ? side_submit(&self->in) : watch_in(self);
		if (status < 0) stream_fail(self->stream, status);
	}
}

static void side_done(operation *ended) {
	side *here = container_of(ended, side, operation);
	endpoint *self = here->endpoint;
	if (here == &self->in && self->receives) {
		receive_done(self);
		return;
	}
	here->is_busy = false;
	if (is_ending(self) || !here->is_wanted) return;
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
	incoming_clear(&self->incoming, self->loop);
	if (self->fd < 0) return 0;
	int fd = self->fd;
	self->fd = -1;
	/* After EINTR the descriptor is closed as well. */
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static void endpoint_release(void *ud) {
	endpoint *self = ud;
	self->stream = NULL;
	incoming_clear(&self->incoming, self->loop);
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
							   /* Splicing would lose the descriptors. */
	unix_fds_methods = {.size = sizeof(aw_stream_methods),
                        .name = "unix",
                        .read = socket_read_fds,
                        .write = socket_write,
                        .watch = endpoint_watch,
                        .shutdown_write = socket_shutdown,
                        .close = endpoint_close,
                        .release = endpoint_release,
                        .fd = endpoint_fd,
                        .sendfile = endpoint_sendfile,
                        .splice_write = endpoint_splice_write},
							   socket_methods = METHODS("socket", socket_read, socket_write, socket_shutdown),
							   pipe_methods = METHODS("pipe", file_read, file_write, NULL),
							   tty_methods = METHODS("tty", file_read, file_write, NULL),
							   device_methods = METHODS("device", file_read, file_write, NULL);

bool stream_is_unix(const aw_stream *self) {
	return self->methods == &unix_methods || self->methods == &unix_fds_methods;
}

bool methods_receive_fds(const aw_stream_methods *methods) {
	return methods == &unix_fds_methods;
}

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
	self->operation.arrived = receive_arrived;
	poll_prepare(self);
}

aw_status stream_from_fd(aw_loop *loop, int fd, const aw_stream_options *options, const void *origin,
                         aw_stream **out) {
	const aw_stream_methods *methods = NULL;
	aw_status status = methods_of(fd, &methods);
	if (status < 0) return status;
	aw_stream_options own;
	status = stream_options_read(options, &own);
	if (status < 0) return status;
	if (methods == &unix_methods && own.flags & AW_STREAM_RECEIVE_FDS) methods = &unix_fds_methods;
	endpoint *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->loop = loop;
	self->fd = -1; /* the caller's, until it has worked */
	self->is_tty = methods == &tty_methods;
	self->is_tcp = methods == &tcp_methods;
	self->is_pipe = methods == &pipe_methods;
	self->is_socket = methods->read == socket_read && loop_has_multishot(loop);
	incoming_init(&self->incoming, notice_run_in);
	self->write_only = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
	status = stream_make(loop, methods, self, &own, origin, out);
	if (status < 0) return status;
	self->fd = fd;
	side_init(&self->in, self, AW_POLL_IN);
	side_init(&self->out, self, AW_POLL_OUT);
	self->stream = *out;
	(*out)->read_only = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
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
