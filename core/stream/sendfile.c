/* SPDX-License-Identifier: MIT */
/* A file to a stream: by the table of functions if it can, or else read and written. */
#include "call.h"
#include "failure.h"
#include "io_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	CHUNK = 64 * 1024,      /* read at once */
	FILE_TURN = 1024 * 1024 /* bytes after which others run */
};

static size_t at_most(const stream_call *self, size_t size) {
	return self->left >= 0 && (uint64_t)self->left < size ? (size_t)self->left : size;
}

static void count_sent(stream_call *self, size_t count, size_t *turn) {
	*turn += count;
	self->offset += (int64_t)count;
	self->total += count;
	if (self->out_total) *self->out_total = self->total;
	if (self->left > 0) self->left -= (int64_t)count;
}

/* Reads the next part: how much, 0 at the end, or an error. */
static aw_status read_part(stream_call *self) {
	if (!self->buffer) self->buffer = io_malloc(CHUNK);
	if (!self->buffer) return -ENOMEM;
	ssize_t count;
	do {
		count = pread(self->file, self->buffer, at_most(self, CHUNK), (off_t)self->offset);
	} while (count < 0 && errno == EINTR);
	if (count < 0) return -errno;
	self->done = 0;
	self->length = (size_t)count;
	return (aw_status)count;
}

/* Sends something: how much, 0 at the end of the file, -EAGAIN, or an error. */
static aw_status send_part(stream_call *self) {
	aw_stream *stream = self->stream;
	if (self->may_splice) {
		aw_status sent = stream->methods->sendfile(stream->ud, self->file, (uint64_t)self->offset,
		                                           at_most(self, FILE_TURN));
		if (sent > 0) stream->bytes_written += (uint64_t)sent;
		if (sent >= 0 || sent == -EAGAIN) return sent;
		if (sent != -EOPNOTSUPP) {
			stream_fail_writing(stream, sent);
			return stream_failure(stream, sent);
		}
		self->may_splice = false;
	}
	if (self->done == self->length) {
		aw_status count = read_part(self);
		if (count <= 0) return count;
	}
	aw_status sent = stream_send_now(stream, self->buffer + self->done, self->length - self->done);
	if (sent > 0) self->done += (size_t)sent;
	return sent ? sent : -EAGAIN;
}

static aw_status attempt_sendfile(stream_call *self) {
	aw_stream *stream = self->stream;
	size_t turn = 0;
	while (self->left) {
		aw_status status = stream_may_send(stream);
		if (status == 0) status = send_part(self);
		if (status == -EAGAIN) {
			self->waits_in = &stream->writers;
			stream_watch(stream, AW_POLL_OUT);
			return stream->failure ? stream_failure(stream, 0) : -EAGAIN;
		}
		if (status <= 0) return status;
		count_sent(self, (size_t)status, &turn);
		if (turn >= FILE_TURN && self->left) {
			self->waits_in = NULL;
			return -EAGAIN;
		}
	}
	return 0;
}

static wait_queue *sendfile_queue(stream_call *self) {
	return self->waits_in;
}

static aw_status sendfile_begin(stream_call *self) {
	if (self->out_total) *self->out_total = 0;
	aw_status status = stream_sending_begin(self->stream);
	if (status < 0) return status;
	self->may_splice = self->stream->methods->sendfile;
	return 0;
}

static void sendfile_ended(stream_call *self) {
	if (self->total) (void)lseek(self->file, (off_t)self->offset, SEEK_SET);
	free(self->buffer);
	self->buffer = NULL;
	stream_sending_ended(self->stream);
}

static const stream_verb verb_sendfile = {"sendfile", attempt_sendfile, sendfile_queue, sendfile_begin,
                                          sendfile_ended};

static stream_call sendfile_call(aw_stream *stream, int fd, int64_t offset, int64_t count,
                                 uint64_t *out_sent) {
	return (stream_call){.verb = &verb_sendfile,
	                     .stream = stream,
	                     .file = fd,
	                     .offset = offset,
	                     .left = count < 0 ? -1 : count,
	                     .out_total = out_sent};
}

aw_status aw_stream_sendfile(aw_stream *stream, int fd, int64_t offset, int64_t count, uint64_t *out_sent) {
	stream_call call = sendfile_call(stream, fd, offset, count, out_sent);
	return stream_call_now(&call, offset >= 0);
}

ENTRY(aw_stream_sendfile_coro, (aw_stream *stream, int fd, int64_t offset, int64_t count, uint64_t *out_sent,
                                aw_coro **out),
      (stream, fd, offset, count, out_sent, out)) {
	stream_call call = sendfile_call(stream, fd, offset, count, out_sent);
	return stream_call_later(&call, offset >= 0, CALLER, out);
}
