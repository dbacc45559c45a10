/* SPDX-License-Identifier: MIT */
/*
 * Descriptors along with the bytes of a Unix socket. One recvmsg(2) brings those of one message at most, which is
 * the last one of the bytes that it brings. The queue remembers which bytes that were: its descriptors may be
 * taken once the first of them has been read.
 */
#include "call.h"
#include "failure.h"
#include "stackful.h"
#include "system_calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MESSAGE_MAX = 253, /* the kernel's limit for one message */
	QUEUE_MAX = 1024
};

/* What one system call brought. */
typedef struct delivery delivery;
struct delivery {
	delivery *next;
	uint64_t start, end; /* of its bytes, counted from the beginning of the stream */
	size_t taken, count;
	bool is_truncated;
	int fds[];
};

typedef struct fd_queue {
	delivery *first, *last;
	delivery *spare; /* for the next system call, which must not fail for memory once it has brought some */
	size_t size;     /* descriptors that were not taken */
} fd_queue;

fd_queue *fd_queue_new(void) {
	return calloc(1, sizeof(fd_queue));
}

static void drop_first(fd_queue *self) {
	delivery *first = self->first;
	self->first = first->next;
	if (!self->first) self->last = NULL;
	self->size -= first->count - first->taken;
	for (size_t i = first->taken; i < first->count; i++) close(first->fds[i]);
	free(first);
}

void fd_queue_clear(aw_stream *stream) {
	fd_queue *self = stream->fds;
	if (!self) return;
	while (self->first) drop_first(self);
	free(self->spare);
	free(self);
	stream->fds = NULL;
}

/* --- receiving --- */

/* Room for the descriptors, and for credentials and a pidfd that the program may have asked the socket for. */
enum { CONTROL_SIZE = 2048, PEER_PIDFD = 4 /* SCM_PIDFD, which older headers lack */ };

static void keep_fds(delivery *to, struct msghdr *message) {
	to->count = to->taken = 0;
	to->is_truncated = message->msg_flags & MSG_CTRUNC;
	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
		if (at->cmsg_level != SOL_SOCKET) continue;
		if (at->cmsg_type == PEER_PIDFD) {
			int pidfd;
			memcpy(&pidfd, CMSG_DATA(at), sizeof pidfd);
			if (pidfd >= 0) close(pidfd);
		}
		if (at->cmsg_type != SCM_RIGHTS) continue;
		size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (count > MESSAGE_MAX - to->count) count = MESSAGE_MAX - to->count; /* cannot happen */
		memcpy(to->fds + to->count, CMSG_DATA(at), count * sizeof(int));
		to->count += count;
	}
}

static void append(fd_queue *self, delivery *made) {
	self->spare = NULL;
	delivery *smaller = realloc(made, sizeof *made + made->count * sizeof(int));
	if (smaller) made = smaller;
	made->next = NULL;
	if (self->last)
		self->last->next = made;
	else
		self->first = made;
	self->last = made;
	self->size += made->count;
}

aw_status fd_queue_read(aw_stream *stream, int fd, void *buffer, size_t length) {
	fd_queue *self = stream->fds;
	if (self->size >= QUEUE_MAX) return AW_ELIMIT;
	if (!self->spare) self->spare = malloc(sizeof *self->spare + MESSAGE_MAX * sizeof(int));
	if (!self->spare) return -ENOMEM;
	_Alignas(struct cmsghdr) unsigned char control[CONTROL_SIZE];
	struct iovec part = {buffer, length};
	struct msghdr message;
	aw_status count;
	do {
		message = (struct msghdr){
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		count = count_or_errno(recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
	} while (count == -EINTR);
	if (count < 0) return count;
	delivery *made = self->spare;
	keep_fds(made, &message);
	made->start = stream->bytes_read;
	made->end = made->start + (uint64_t)count;
	if (made->count || made->is_truncated) append(self, made);
	return count;
}

/* --- taking --- */

/* How many bytes the program has read. */
static uint64_t read_so_far(const aw_stream *stream) {
	return stream->bytes_read - in_size(&stream->in);
}

static aw_status take(aw_stream *stream, int *fds, size_t max, uint32_t *out_flags) {
	fd_queue *self = stream->fds;
	size_t count = 0;
	*out_flags = 0;
	for (delivery *first; self && (first = self->first) && first->start < read_so_far(stream);) {
		while (first->taken < first->count && count < max) {
			fds[count++] = first->fds[first->taken++];
			self->size--;
		}
		if (first->taken < first->count) break;
		bool is_truncated = first->is_truncated;
		drop_first(self);
		if (!is_truncated) continue;
		*out_flags = AW_FDS_TRUNCATED;
		break;
	}
	return (aw_status)count;
}

ENTRY(aw_stream_take_fds, (aw_stream *stream, int *fds, size_t max, uint32_t *out_flags),
      (stream, fds, max, out_flags)) {
	aw_status status = stream_check(stream);
	if (status < 0) return status;
	if ((!fds && max) || !out_flags) return -EINVAL;
	if (!methods_receive_fds(stream->methods)) return -EOPNOTSUPP;
	return take(stream, fds, max, out_flags);
}

/* At most how many bytes a call may read that tells which descriptors came with them. */
static size_t up_to_border(const aw_stream *stream, size_t length) {
	uint64_t at = read_so_far(stream);
	for (const delivery *here = stream->fds ? stream->fds->first : NULL; here; here = here->next) {
		if (here->end <= at) continue;
		uint64_t border = here->start > at ? here->start : here->end;
		return border - at < length ? (size_t)(border - at) : length;
	}
	return length;
}

static aw_status recv_begin(stream_call *self) {
	if (!methods_receive_fds(self->stream->methods)) return -EOPNOTSUPP;
	return stream_reading_begin(self);
}

static aw_status attempt_recv(stream_call *self) {
	aw_stream *stream = self->stream;
	/* Whole messages are read, since the kernel may merge the rest of one with the next. */
	if (!in_size(&stream->in) && self->length && self->length < BUFFER_MIN) {
		aw_status status = stream_more(stream, 0);
		if (status < 0) return status;
	}
	size_t length = self->length;
	self->length = up_to_border(stream, length);
	aw_status count = stream_attempt_read(self);
	self->length = length;
	if (count < 0) return count;
	*self->fd_count = (size_t)take(stream, self->fds, *self->fd_count, self->out_flags);
	return count;
}

static const stream_verb verb_recv = {"recv_fds", attempt_recv, stream_reading_queue, recv_begin,
                                      stream_reading_ended};

static bool recv_call(stream_call *self, aw_stream *stream, void *buffer, size_t length, int *fds,
                      size_t *fd_count, uint32_t *out_flags) {
	*self = (stream_call){.verb = &verb_recv,
	                      .stream = stream,
	                      .buffer = buffer,
	                      .length = length,
	                      .fds = fds,
	                      .fd_count = fd_count,
	                      .out_flags = out_flags};
	return (buffer || !length) && fds && fd_count && out_flags;
}

aw_status aw_stream_recv_fds(aw_stream *stream, void *buffer, size_t length, int *fds, size_t *fd_count,
                             uint32_t *out_flags) {
	stream_call call;
	bool is_valid = recv_call(&call, stream, buffer, length, fds, fd_count, out_flags);
	return stream_call_now(&call, is_valid);
}

ENTRY(aw_stream_recv_fds_coro, (aw_stream *stream, void *buffer, size_t length, int *fds, size_t *fd_count,
                                uint32_t *out_flags, aw_coro **out),
      (stream, buffer, length, fds, fd_count, out_flags, out)) {
	stream_call call;
	bool is_valid = recv_call(&call, stream, buffer, length, fds, fd_count, out_flags);
	return stream_call_later(&call, is_valid, CALLER, out);
}

/* --- sending --- */

/* Sends the first bytes, and the descriptors with them: how many bytes, or -EAGAIN. */
static aw_status send_with_fds(const stream_call *self) {
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(MESSAGE_MAX * sizeof(int))];
	memset(control, 0, sizeof control);
	size_t size = self->send_fd_count * sizeof(int);
	struct iovec part = {self->buffer, self->length > INT32_MAX ? INT32_MAX : self->length};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(size)};
	struct cmsghdr *header = (struct cmsghdr *)(void *)control;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), self->send_fds, size);
	aw_stream *stream = self->stream;
	aw_status sent;
	do {
		sent =
			count_or_errno(sendmsg(stream->methods->fd(stream->ud), &message, MSG_DONTWAIT | MSG_NOSIGNAL));
	} while (sent == -EINTR);
	if (sent > 0) stream->bytes_written += (uint64_t)sent;
	return sent == -ENOBUFS ? -EAGAIN : sent;
}

static aw_status send_begin(stream_call *self) {
	if (self->out_done) *self->out_done = 0;
	if (!stream_is_unix(self->stream)) return -EOPNOTSUPP;
	return stream_send_begin(self);
}

static aw_status attempt_send(stream_call *self) {
	aw_stream *stream = self->stream;
	if (!self->done) {
		aw_status status = stream_may_send(stream);
		if (status == 0) status = send_with_fds(self);
		if (status == -EAGAIN) {
			stream_watch(stream, AW_POLL_OUT);
			return stream->failure ? stream_failure(stream, 0) : -EAGAIN;
		}
		/* What is wrong with the descriptors does no harm to the connection. */
		if (status == -EPIPE || status == -ECONNRESET || status == -ENOTCONN) {
			stream_fail_writing(stream, status);
			return stream_failure(stream, status);
		}
		if (status < 0) return status;
		self->done = (size_t)status;
		if (self->out_done) *self->out_done = self->done;
	}
	return stream_attempt_send(self);
}

static const stream_verb verb_send = {"send_fds", attempt_send, stream_send_queue, send_begin,
                                      stream_send_ended};

static bool send_call(stream_call *self, aw_stream *stream, const void *data, size_t length, const int *fds,
                      size_t count, size_t *out_sent) {
	*self = (stream_call){.verb = &verb_send,
	                      .stream = stream,
	                      .buffer = without_const(data),
	                      .length = length,
	                      .send_fds = fds,
	                      .send_fd_count = count,
	                      .out_done = out_sent};
	return data && length && fds && count && count <= MESSAGE_MAX;
}

aw_status aw_stream_send_fds(aw_stream *stream, const void *data, size_t length, const int *fds, size_t count,
                             size_t *out_sent) {
	stream_call call;
	bool is_valid = send_call(&call, stream, data, length, fds, count, out_sent);
	return stream_call_now(&call, is_valid);
}

ENTRY(aw_stream_send_fds_coro, (aw_stream *stream, const void *data, size_t length, const int *fds, size_t count,
                                size_t *out_sent, aw_coro **out),
      (stream, data, length, fds, count, out_sent, out)) {
	stream_call call;
	bool is_valid = send_call(&call, stream, data, length, fds, count, out_sent);
	return stream_call_later(&call, is_valid, CALLER, out);
}
