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

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct endpoint endpoint;

/* The poll for writing; most streams never wait for that. */
typedef struct out_side {
	operation operation;
	endpoint *endpoint;
	bool is_busy; /* until `done` has run, which is later than `in_flight` */
	bool is_wanted;
} out_side;

/* What a receive that lasts has brought. */
typedef struct receiving {
	incoming incoming;
	endpoint *endpoint;
} receiving;

/* Three cache lines: a server touches each of its connections anew for every message. */
struct endpoint {
	operation in; /* the poll for reading, or the receive that lasts; also has the loop and the descriptor */
	aw_stream *stream;  /* borrowed; NULL once it is gone */
	out_side *out;      /* NULL until it is needed */
	receiving *receipt; /* likewise */
	bool is_busy;       /* `in`, until `done` has run, which is later than `in_flight` */
	bool is_wanted;
	bool is_edge;    /* may rely on edges, while it is empty: nothing but readiness has been told */
	bool is_empty;   /* a read has found the end of what had arrived */
	bool only_polls; /* the usual case: neither `write_only` nor `is_socket`, from the beginning */
	bool is_tty : 1, closing : 1;
	bool write_only : 1; /* readable means then that the other end is gone */
	bool is_pipe : 1;
	bool is_tcp : 1; /* where a short read means that nothing is left */
	bool is_socket : 1;
	bool receives : 1;       /* `in` is the receive that lasts */
	bool is_telling : 1;     /* the stream is being told that it can read: it may drop this meanwhile */
	bool is_bulk : 1;        /* reads are large */
	bool is_nonblocking : 1; /* a socket, seen to be */
	bool no_reset : 1;       /* when it is aborted */
	uint8_t small;           /* how many reads since were not */
};

static_assert(sizeof(endpoint) <= 192, "an endpoint has three cache lines");

enum {
	SMALL_READS = 32, /* in a row end that they are large */
	CACHE_LINE = 64,
	STREAM_HOT = offsetof(aw_stream, out) + sizeof(out_queue)
};

static inline aw_loop *loop_of(const endpoint *self) {
	return self->in.loop;
}
static inline int fd_of(const endpoint *self) {
	return self->in.op.fd;
}

static bool is_busy(const endpoint *self) {
	return self->is_busy || self->is_telling || (self->out && self->out->is_busy) ||
	       (self->receipt && self->receipt->incoming.notice.is_due);
}

static bool has_incoming(const endpoint *self) {
	return self->receipt && incoming_has(&self->receipt->incoming);
}

/* Ends the receive that lasts, so that the socket can be read in another way. */
static void stop_receiving(endpoint *self) {
	if (self->receives) loop_cancel(loop_of(self), &self->in);
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
	if (self->receipt) {
		if (has_incoming(self)) return incoming_read(&self->receipt->incoming, loop_of(self), buffer, length);
		/* What has arrived there comes first. */
		if (self->receives) return -EAGAIN;
	}
	do {
		count = count_or_errno(recv(fd_of(self), buffer, length, MSG_DONTWAIT));
	} while (count == -EINTR);
	if (count > 0) {
		self->is_empty = self->is_tcp && (size_t)count < length;
		if (self->is_bulk) note_size(self, (size_t)count);
	} else {
		self->is_empty = count == -EAGAIN;
	}
	return count;
}

/* For a stream that receives descriptors. */
static aw_status socket_read_fds(void *ud, void *buffer, size_t length) {
	endpoint *self = ud;
	aw_status count = fd_queue_read(self->stream, fd_of(self), buffer, length);
	self->is_empty = count == -EAGAIN;
	return count;
}

/* Apart, so that the usual case has no message on its stack. */
static __attribute__((noinline)) aw_status send_parts(int fd, const struct iovec *parts, size_t count) {
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count};
	return count_or_errno(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static aw_status socket_write(void *ud, const struct iovec *parts, size_t count) {
	const endpoint *self = ud;
	aw_status sent;
	do {
		sent = count == 1 ? count_or_errno(send(fd_of(self), parts->iov_base, parts->iov_len,
		                                        MSG_DONTWAIT | MSG_NOSIGNAL))
		                  : send_parts(fd_of(self), parts, count);
	} while (sent == -EINTR);
	if (sent >= 0) return sent;
	/* The receive has taken the reason from the socket. */
	if (sent == -EPIPE && self->receipt && self->receipt->incoming.status < 0)
		return self->receipt->incoming.status;
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
	if (self->write_only) return is_broken(fd_of(self)) ? -EPIPE : -EAGAIN;
	struct iovec part = {buffer, length};
	aw_status count;
	do {
		count = count_or_errno(preadv2(fd_of(self), &part, 1, -1, RWF_NOWAIT));
		if (is_refused(count)) {
			if (!is_ready(fd_of(self), POLLIN)) return -EAGAIN;
			count = count_or_errno(read(fd_of(self), buffer, length));
		}
	} while (count == -EINTR);
	/* The other end of a pseudo-terminal was closed. */
	return count == -EIO && self->is_tty ? 0 : count;
}

/* A writable pipe has room for PIPE_BUF bytes and a terminal for 256; more could block. */
static aw_status write_a_little(const endpoint *self, const struct iovec *part) {
	if (!is_ready(fd_of(self), POLLOUT)) return -EAGAIN;
	size_t most = self->is_tty ? 256 : PIPE_BUF;
	return count_or_errno(write(fd_of(self), part->iov_base, part->iov_len < most ? part->iov_len : most));
}

static size_t size_of(const struct iovec *parts, size_t count) {
	size_t size = 0;
	for (size_t i = 0; i < count; i++) size += parts[i].iov_len;
	return size;
}

static aw_status file_write(void *ud, const struct iovec *parts, size_t count) {
	const endpoint *self = ud;
	no_sigpipe guard = no_sigpipe_begin();
	aw_status sent;
	do {
		sent = count_or_errno(pwritev2(fd_of(self), parts, (int)count, -1, RWF_NOWAIT));
		if (is_refused(sent)) sent = write_a_little(self, parts);
	} while (sent == -EINTR);
	no_sigpipe_end(&guard, sent, size_of(parts, count));
	return sent;
}

static aw_status socket_shutdown(void *ud) {
	const endpoint *self = ud;
	return shutdown(fd_of(self), SHUT_WR) < 0 ? -errno : 0;
}

/* --- without a copy --- */

/* These calls have no flag against blocking, so the descriptor itself has to be non-blocking. */
static bool may_block(endpoint *self) {
	if (self->is_nonblocking) return false;
	int flags = fcntl(fd_of(self), F_GETFL);
	if (flags < 0 || !(flags & O_NONBLOCK)) return true;
	/* Pipes and terminals are often shared with programs that change this; sockets are not. */
	self->is_nonblocking = self->stream->methods->read == socket_read;
	return false;
}

static bool is_impossible(aw_status status) {
	return status == -EINVAL || status == -ENOSYS || status == -EOPNOTSUPP || status == -ESPIPE ||
	       status == -EOVERFLOW || status == -EPERM;
}

static aw_status endpoint_sendfile(void *ud, int file_fd, uint64_t offset, size_t count) {
	endpoint *self = ud;
	if (may_block(self)) return -EOPNOTSUPP;
	off_t at = (off_t)offset;
	no_sigpipe guard = no_sigpipe_begin();
	aw_status sent;
	do {
		sent = count_or_errno(sendfile(fd_of(self), file_fd, &at, count));
	} while (sent == -EINTR);
	no_sigpipe_end(&guard, sent, count);
	/* Reading and writing finds out whether the file has failed, which the stream survives. */
	return is_impossible(sent) || sent == -EBADF || sent == -EIO || sent == -EACCES ? -EOPNOTSUPP : sent;
}

static aw_status endpoint_splice_read(void *ud, int pipe_fd, size_t count) {
	endpoint *self = ud;
	if (may_block(self)) return -EOPNOTSUPP;
	if (has_incoming(self)) return incoming_write(&self->receipt->incoming, loop_of(self), pipe_fd, count);
	if (self->receives) {
		stop_receiving(self);
		return -EAGAIN;
	}
	aw_status moved;
	do {
		moved = count_or_errno(
			splice(fd_of(self), NULL, pipe_fd, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
	} while (moved == -EINTR);
	if (moved == -EAGAIN) self->is_empty = true;
	return is_impossible(moved) ? -EOPNOTSUPP : moved;
}

static aw_status endpoint_splice_write(void *ud, int pipe_fd, size_t count) {
	endpoint *self = ud;
	if (may_block(self)) return -EOPNOTSUPP;
	no_sigpipe guard = no_sigpipe_begin();
	aw_status moved;
	do {
		moved = count_or_errno(
			splice(pipe_fd, NULL, fd_of(self), NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
	} while (moved == -EINTR);
	no_sigpipe_end(&guard, moved, count);
	return is_impossible(moved) ? -EOPNOTSUPP : moved;
}

/* --- waiting --- */

static aw_op poll_of(int fd, uint32_t event) {
	return (aw_op){
		.kind = AW_OP_POLL, .fd = fd, .flags = event | AW_OP_POLL_HELD_OPEN, .offset = AW_OP_POLL_STANDING};
}

static aw_status in_submit(endpoint *self) {
	if (self->is_busy) return 0;
	aw_op *op = &self->in.op;
	if (op->offset != AW_OP_POLL_STANDING)
		op->offset = self->is_edge && self->is_empty ? AW_OP_POLL_EDGE : AW_OP_POLL_AGAIN;
	self->is_busy = true;
	aw_status status = loop_submit_batched(loop_of(self), &self->in);
	if (status < 0) self->is_busy = false;
	op->offset = AW_OP_POLL_AGAIN;
	return status;
}

static void out_done(operation *ended);

static aw_status out_submit(endpoint *self) {
	out_side *out = self->out;
	if (!out) {
		out = self->out = slab_take(&loop_of(self)->domain.slabs, sizeof *out);
		if (!out) return -ENOMEM;
		out->endpoint = self;
		out->operation.op = poll_of(fd_of(self), AW_POLL_OUT);
		out->operation.done = out_done;
	}
	out->is_wanted = true;
	if (out->is_busy) return 0;
	out->is_busy = true;
	aw_status status = loop_submit_batched(loop_of(self), &out->operation);
	if (status < 0) out->is_busy = false;
	out->operation.op.offset = AW_OP_POLL_AGAIN;
	return status;
}

static bool may_receive(const endpoint *self) {
	const aw_stream *stream = self->stream;
	/* Where nothing is read ahead, the bytes stay in the socket. */
	return self->is_socket && !self->is_bulk && !stream->reading_paused &&
	       (!stream->lazy || stream->protocol);
}

static void notice_run_in(notice *due);

static bool make_receipt(endpoint *self) {
	if (self->receipt) return true;
	receiving *made = slab_take(&loop_of(self)->domain.slabs, sizeof *made);
	if (!made) return false;
	incoming_init(&made->incoming, notice_run_in);
	made->endpoint = self;
	self->receipt = made;
	return true;
}

/* Starts the receive that lasts. -EOPNOTSUPP: there is none. */
static aw_status receive_submit(endpoint *self) {
	aw_status status = -ENOMEM;
	if (make_receipt(self)) {
		aw_op poll = self->in.op;
		self->in.op = (aw_op){.kind = AW_OP_RECV_MULTISHOT, .fd = poll.fd};
		self->is_busy = self->receives = true;
		status = loop_submit_batched(loop_of(self), &self->in);
		if (status == 0) return 0;
		self->is_busy = self->receives = false;
		self->in.op = poll;
	}
	if (status == -EOPNOTSUPP || status == -ENOMEM) self->is_socket = false;
	return self->is_socket ? status : -EOPNOTSUPP;
}

static aw_status watch_in(endpoint *self) {
	self->is_wanted = true;
	if (has_incoming(self)) {
		incoming_notify(&self->receipt->incoming, loop_of(self));
		return 0;
	}
	if (self->receives && !may_receive(self)) stop_receiving(self); /* its end submits the poll */
	if (self->is_busy) return 0;
	aw_status status = may_receive(self) ? receive_submit(self) : -EOPNOTSUPP;
	return status == -EOPNOTSUPP ? in_submit(self) : status;
}

/* Apart, so that the usual case saves few registers. */
static __attribute__((noinline)) aw_status watch_any(endpoint *self, uint32_t events) {
	aw_status status = 0;
	if (!events) {
		self->is_wanted = false;
		if (self->out) self->out->is_wanted = false;
		/* Only this one: a stream that closes has often more to send. */
		loop_cancel(loop_of(self), &self->in);
	}
	/* What cannot be read has no event but the end of a pipe. */
	if (events & AW_POLL_IN && (!self->write_only || self->is_pipe)) status = watch_in(self);
	if (status == 0 && events & AW_POLL_OUT) status = out_submit(self);
	return status;
}

static aw_status endpoint_watch(void *ud, uint32_t events) {
	endpoint *self = ud;
	if (events != AW_POLL_IN || !self->only_polls) return watch_any(self, events);
	self->is_wanted = true;
	return in_submit(self);
}

bool stream_fd_is_empty(const aw_stream *self) {
	if (self->methods->watch != endpoint_watch || self->released) return false;
	const endpoint *below = self->ud;
	/* Without an edge the next wait costs more than a read that finds nothing. */
	return below->is_empty && below->is_edge && !below->receipt;
}

bool stream_fd_can_defer(const aw_stream *self) {
	if (self->methods->read != socket_read || self->released) return false;
	const endpoint *below = self->ud;
	/* An error or an end is read at once. */
	return below->is_edge && !(below->receipt && (below->receives || has_incoming(below)));
}

size_t stream_fd_unread(const aw_stream *self, size_t otherwise) {
	if ((self->methods->read != socket_read && self->methods->read != socket_read_fds) || self->released)
		return otherwise;
	const endpoint *below = self->ud;
	int count = 0;
	if (ioctl(fd_of(below), FIONREAD, &count) < 0 || count < 0) count = 0;
	return (size_t)count + (below->receipt ? below->receipt->incoming.size : 0);
}

void stream_fd_pause(aw_stream *stream) {
	if (stream->methods->watch == endpoint_watch && !stream->released) stop_receiving(stream->ud);
}

aw_buffer *stream_fd_take(aw_stream *stream) {
	if (stream->methods->read != socket_read || stream->released) return NULL;
	endpoint *self = stream->ud;
	return self->receipt ? incoming_take(&self->receipt->incoming) : NULL;
}

static void clear_incoming(endpoint *self) {
	if (self->receipt) incoming_clear(&self->receipt->incoming, loop_of(self));
}

static void endpoint_free(endpoint *self) {
	slab_cache *slabs = &loop_of(self)->domain.slabs;
	if (fd_of(self) >= 0) close(fd_of(self));
	clear_incoming(self);
	if (self->receipt) slab_give(slabs, self->receipt, sizeof *self->receipt);
	if (self->out) slab_give(slabs, self->out, sizeof *self->out);
	slab_give(slabs, self, sizeof *self);
}

/* If the end waits only for what has just ended: continues it. */
static bool is_ending(endpoint *self) {
	if (!self->stream) {
		if (!is_busy(self)) endpoint_free(self);
		return true;
	}
	if (loop_closing(loop_of(self))) return true;
	if (!self->closing) return false;
	if (!is_busy(self)) stream_ready(self->stream, 0);
	return true;
}

/* Tells the stream what has arrived. */
static void tell_incoming(endpoint *self) {
	if (!self->is_bulk && is_large(self, self->receipt->incoming.size)) {
		self->is_bulk = true;
		self->small = 0;
		stop_receiving(self);
	}
	if (self->is_wanted) {
		self->is_wanted = false;
		self->is_telling = true;
		stream_ready(self->stream, AW_POLL_IN);
		self->is_telling = false;
		if (is_ending(self)) return;
	}
	if (self->is_wanted || !has_incoming(self)) return;
	/* It does not read on: the kernel keeps the rest. */
	stop_receiving(self);
	incoming_keep(&self->receipt->incoming, loop_of(self));
}

static void notice_run_in(notice *due) {
	endpoint *self = container_of(due, receiving, incoming.notice)->endpoint;
	if (is_ending(self)) return;
	tell_incoming(self);
}

static void receive_arrived(operation *receive, aw_buffer *buffer) {
	endpoint *self = container_of(receive, endpoint, in);
	if (!loop_closing(loop_of(self))) incoming_append(&self->receipt->incoming, buffer);
}

/* The receive has brought something, or has ended. */
static __attribute__((noinline)) void receive_done(endpoint *self) {
	bool has_ended = !self->in.in_flight;
	int64_t result = self->in.op.result;
	if (has_ended) {
		self->is_busy = self->receives = false;
		self->in.op = poll_of(fd_of(self), AW_POLL_IN);
		if (result == 0 || (result != -ENOBUFS && result != -ECANCELED))
			incoming_end(&self->receipt->incoming, (aw_status)result);
	}
	if (is_ending(self)) return;
	if (has_incoming(self)) {
		tell_incoming(self);
	} else if (has_ended && self->is_wanted) {
		aw_status status = result == -ENOBUFS ? in_submit(self) : watch_in(self);
		if (status < 0) stream_fail(self->stream, status);
	}
}

static void told(endpoint *self, int64_t result, uint32_t event) {
	if (result < 0)
		stream_fail(self->stream, (aw_status)result);
	else
		stream_ready(self->stream, event);
}

/* With many connections the next one's stream is not in the caches, and this one's system calls take their time. */
static void prefetch_next(const operation *ended) {
	const ready_item *next = ended->item.next;
	if (!next || next->run != ended->item.run) return;
	const operation *operation_next = container_of(next, operation, item);
	if (operation_next->done != ended->done) return;
	const char *stream = (const char *)container_of(operation_next, endpoint, in)->stream;
	if (!stream) return;
	for (size_t line = 0; line < STREAM_HOT; line += CACHE_LINE) __builtin_prefetch(stream + line, 1);
}

static void in_done(operation *ended) {
	endpoint *self = container_of(ended, endpoint, in);
	prefetch_next(ended);
	if (self->receives) {
		receive_done(self);
		return;
	}
	self->is_busy = false;
	if (is_ending(self) || !self->is_wanted) return;
	self->is_wanted = self->is_empty = false;
	self->is_edge = ended->op.result == AW_POLL_IN;
	told(self, ended->op.result, AW_POLL_IN);
}

static void out_done(operation *ended) {
	out_side *out = container_of(ended, out_side, operation);
	endpoint *self = out->endpoint;
	out->is_busy = false;
	if (is_ending(self) || !out->is_wanted) return;
	out->is_wanted = false;
	told(self, ended->op.result, AW_POLL_OUT);
}

/* The peer of an aborted connection gets a reset, rather than an end that looks orderly. */
static void reset_at_close(const endpoint *self) {
	struct linger reset = {.l_onoff = 1};
	if (self->no_reset) return;
	(void)setsockopt(fd_of(self), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

static void cancel_both(endpoint *self) {
	loop_cancel(loop_of(self), &self->in);
	if (self->out) loop_cancel(loop_of(self), &self->out->operation);
}

void stream_fd_cancel(aw_stream *stream) {
	if (stream->methods->watch != endpoint_watch || stream->released) return;
	endpoint *self = stream->ud;
	self->is_wanted = false;
	if (self->out) self->out->is_wanted = false;
	cancel_both(self);
}

/* Whether the backend still uses the descriptor. What has only not been told yet does not matter. */
static bool is_in_use(const endpoint *self) {
	return self->in.in_flight || (self->out && self->out->operation.in_flight);
}

static aw_status endpoint_close(void *ud, aw_bool aborting) {
	endpoint *self = ud;
	if (!self->closing) {
		if (aborting) reset_at_close(self);
		self->closing = true;
		cancel_both(self);
	}
	if (is_in_use(self)) return -EAGAIN;
	clear_incoming(self);
	if (fd_of(self) < 0) return 0;
	int fd = fd_of(self);
	self->in.op.fd = -1;
	/* After EINTR the descriptor is closed as well. */
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static void endpoint_release(void *ud) {
	endpoint *self = ud;
	self->stream = NULL;
	clear_incoming(self);
	/* It was dropped, which aborts it. The end of the loop is an ordinary one, as that of a process. */
	if (!self->closing && !loop_closing(loop_of(self))) reset_at_close(self);
	if (!is_busy(self)) {
		endpoint_free(self);
		return;
	}
	if (!self->closing) {
		self->closing = true;
		cancel_both(self);
	}
}

static int endpoint_fd(void *ud) {
	return fd_of(ud);
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

static const aw_stream_methods *socket_methods_of(int family) {
	return family == AF_UNIX                         ? &unix_methods
	       : family == AF_INET || family == AF_INET6 ? &tcp_methods
	                                                 : &socket_methods;
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
		*out = socket_methods_of(family);
	} else {
		return -EINVAL;
	}
	return 0;
}

/* `access` as in the flags of the descriptor. Nothing is watched yet. */
static aw_status over_fd(aw_loop *loop, int fd, const aw_stream_methods *methods, int access,
                         const aw_stream_options *options, const void *origin, aw_stream **out) {
	aw_stream_options own;
	aw_status status = stream_options_read(options, &own);
	if (status < 0) return status;
	if (methods == &unix_methods && own.flags & AW_STREAM_RECEIVE_FDS) methods = &unix_fds_methods;
	endpoint *self = slab_take(&loop->domain.slabs, sizeof *self);
	if (!self) return -ENOMEM;
	self->in.loop = loop;
	self->in.done = in_done;
	self->in.arrived = receive_arrived;
	self->in.op = poll_of(-1, AW_POLL_IN); /* the descriptor is the caller's, until it has worked */
	self->is_tty = methods == &tty_methods;
	self->is_tcp = methods == &tcp_methods;
	self->is_pipe = methods == &pipe_methods;
	self->is_socket = methods->read == socket_read && loop_has_multishot(loop);
	self->no_reset = own.flags & AW_STREAM_NO_RESET;
	self->write_only = access == O_WRONLY;
	self->only_polls = !self->write_only && !self->is_socket;
	status = stream_make(loop, methods, self, &own, origin, out);
	if (status < 0) return status;
	self->in.op.fd = fd;
	self->stream = *out;
	(*out)->read_only = access == O_RDONLY;
	(*out)->write_only = self->write_only;
	return 0;
}

static void find_peer(aw_stream *self, int fd) {
	self->peer_length = sizeof self->peer;
	if (getpeername(fd, (struct sockaddr *)&self->peer, &self->peer_length) < 0) self->peer_length = 0;
}

aw_status stream_from_fd(aw_loop *loop, int fd, const aw_stream_options *options, const void *origin,
                         aw_stream **out) {
	const aw_stream_methods *methods = NULL;
	aw_status status = methods_of(fd, &methods);
	if (status == 0)
		status = over_fd(loop, fd, methods, fcntl(fd, F_GETFL) & O_ACCMODE, options, origin, out);
	if (status < 0) return status;
	if (methods == &tcp_methods) find_peer(*out, fd);
	stream_update_reading(*out);
	return 0;
}

aw_status stream_from_socket(aw_loop *loop, int fd, int family, const struct sockaddr_storage *peer,
                             socklen_t peer_length, const aw_stream_options *options, const void *origin,
                             aw_stream **out) {
	const aw_stream_methods *methods = socket_methods_of(family);
	aw_status status = over_fd(loop, fd, methods, O_RDWR, options, origin, out);
	if (status < 0) return status;
	if (methods == &tcp_methods && !peer_length) find_peer(*out, fd);
	if (methods == &tcp_methods && peer_length) {
		(*out)->peer_length = peer_length < sizeof(*out)->peer ? peer_length : sizeof(*out)->peer;
		memcpy(&(*out)->peer, peer, (*out)->peer_length);
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
