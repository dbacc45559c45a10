/* SPDX-License-Identifier: MIT */
/*
 * From one stream to another. What is on the way is in the receive buffer of `from` or in a pipe, never in both,
 * and is sent before more is fetched; so a call that ends early returns it to the front of the receive buffer.
 */
#include "call.h"
#include "failure.h"
#include "stackful.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
	PIPE_ROOM = 64 * 1024,  /* of a new pipe */
	SPLICE_MIN = 4 * 1024,  /* less is read and sent in fewer system calls than it is spliced in */
	COPY_TURN = 1024 * 1024 /* bytes after which others run */
};

static aw_status wait_in(stream_call *self, wait_queue *queue, aw_stream *stream, uint32_t event) {
	self->waits_in = queue;
	stream_watch(stream, event);
	return stream->failure ? stream_failure(stream, 0) : -EAGAIN;
}

static void set_way(const stream_call *self, uint32_t way) {
	if (self->out_way) *self->out_way = way;
}

/* What the pipe holds goes to the receive buffer, which is empty and has room for it. */
static void empty_pipe(stream_call *self) {
	in_buffer *in = &self->stream->in;
	while (self->piped) {
		ssize_t count = read(self->pipe[0], in->memory + in->end, self->piped);
		if (count < 0 && errno == EINTR) continue;
		if (count <= 0) break; /* cannot happen: nobody else has the pipe */
		in->end += (size_t)count;
		self->piped -= (size_t)count;
	}
	self->stream->in_pipe = false;
}

static void stop_splicing(stream_call *self) {
	self->may_splice = false;
	set_way(self, AW_COPY_BUFFER);
	empty_pipe(self);
}

static void count_sent(stream_call *self, size_t count) {
	self->total += count;
	self->done += count;
	if (self->out_total) *self->out_total = self->total;
	if (self->left > 0) self->left -= (int64_t)count;
}

static size_t at_most(const stream_call *self, size_t size) {
	return self->left >= 0 && (uint64_t)self->left < size ? (size_t)self->left : size;
}

/* Sends what was fetched: 0 once nothing is left. */
static aw_status pass_on(stream_call *self) {
	aw_stream *from = self->stream, *to = self->other;
	while (self->piped) {
		aw_status sent = to->methods->splice_write(to->ud, self->pipe[0], self->piped);
		if (sent == -EAGAIN) return sent;
		if (sent == -EOPNOTSUPP) {
			stop_splicing(self);
			break;
		}
		if (sent < 0) {
			stream_fail_writing(to, sent);
			return stream_failure(to, sent);
		}
		to->bytes_written += (uint64_t)sent;
		self->piped -= (size_t)sent;
		count_sent(self, (size_t)sent);
	}
	from->in_pipe = false;
	for (size_t size; (size = at_most(self, in_size(&from->in)));) {
		aw_status sent = stream_send_now(to, in_data(&from->in), size);
		if (sent < 0) return sent;
		if (!sent) return -EAGAIN;
		in_take(&from->in, (size_t)sent);
		count_sent(self, (size_t)sent);
	}
	return 0;
}

static bool pipe_is_there(stream_call *self) {
	/* The end for writing is never descriptor 0. */
	if (!self->pipe[1] && pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		self->pipe[1] = 0;
		return false;
	}
	/* Room to take back what the pipe holds, so that nothing is lost when the memory runs out later. */
	return in_reserve(&self->stream->in, PIPE_ROOM);
}

/* Whether the next piece is spliced: the last one was large, or else a read might take more than is wanted. */
static bool splices_next(const stream_call *self) {
	bool is_limited = self->left >= 0 && (uint64_t)self->left < self->stream->next_read;
	return self->may_splice && (self->is_bulk || is_limited);
}

/* Gets more, having nothing: how much, 0 at the end, -EAGAIN, or an error. */
static aw_status fetch(stream_call *self) {
	aw_stream *from = self->stream;
	if (from->failure) return stream_failure(from, 0);
	if (from->eof || from->state != STREAM_OPEN) return 0;
	if (stream_fd_is_empty(from)) {
		if (!from->in.is_borrowed) in_clear(&from->in); /* no memory for an idle copy */
		return -EAGAIN;
	}
	bool splices = splices_next(self);
	if (splices && !pipe_is_there(self)) {
		stop_splicing(self);
		splices = false;
	}
	if (splices) {
		aw_status count = from->methods->splice_read(from->ud, self->pipe[1], at_most(self, PIPE_ROOM));
		if (count > 0) {
			from->bytes_read += (uint64_t)count;
			self->piped = (size_t)count;
			from->in_pipe = true;
			self->is_bulk = count >= SPLICE_MIN;
			set_way(self, AW_COPY_SPLICE);
			return count;
		}
		if (!from->in.is_borrowed) in_clear(&from->in);
		if (count == 0) from->eof = true;
		if (count == 0 || count == -EAGAIN) return count;
		if (count != -EOPNOTSUPP) {
			stream_fail(from, count);
			return stream_failure(from, count);
		}
		stop_splicing(self);
	}
	aw_status count = stream_fill(from);
	self->is_bulk = count >= SPLICE_MIN;
	if (count == -ENOMEM) from->hiccup = 0;
	return count < 0 && count != -EAGAIN && count != -ENOMEM ? stream_failure(from, count) : count;
}

static aw_status attempt_copy(stream_call *self) {
	aw_stream *from = self->stream, *to = self->other;
	self->done = 0; /* in this turn */
	while (self->left) {
		aw_status status = stream_may_send(to);
		if (status == 0) status = pass_on(self);
		if (status == -EAGAIN) return wait_in(self, &to->writers, to, AW_POLL_OUT);
		if (status < 0) return status;
		if (!self->left) break;
		if (self->done >= COPY_TURN) {
			self->waits_in = NULL;
			return -EAGAIN;
		}
		if (from->reading_paused && from->state == STREAM_OPEN && !from->eof && !from->failure) {
			self->waits_in = &from->readers; /* until reading is resumed, or the stream ends */
			return -EAGAIN;
		}
		status = fetch(self);
		if (status == -EAGAIN) return wait_in(self, &from->readers, from, AW_POLL_IN);
		if (status <= 0) return status;
	}
	return 0;
}

static wait_queue *copy_queue(stream_call *self) {
	return self->waits_in;
}

static aw_status copy_begin(stream_call *self) {
	aw_stream *from = self->stream, *to = self->other;
	if (self->out_total) *self->out_total = 0;
	if (self->refusal < 0) return self->refusal;
	if (from->protocol || from->reading || from->polling_in) return -EBUSY;
	aw_status status = stream_sending_begin(to);
	if (status < 0) return status;
	from->reading = true;
	in_return(&from->in);
	self->was_lazy = from->lazy;
	from->lazy = true;
	self->may_splice = self->may_splice && from->methods->splice_read && to->methods->splice_write;
	set_way(self, AW_COPY_BUFFER);
	return 0;
}

static void copy_ended(stream_call *self) {
	aw_stream *from = self->stream;
	empty_pipe(self);
	if (self->pipe[1]) {
		close(self->pipe[0]);
		close(self->pipe[1]);
	}
	if (!in_size(&from->in) && !from->in.is_borrowed) in_clear(&from->in);
	from->reading = false;
	from->lazy = self->was_lazy;
	stream_sending_ended(self->other);
	stream_update_reading(from);
}

static const stream_verb verb_copy = {"copy", attempt_copy, copy_queue, copy_begin, copy_ended};

/* Returns whether the arguments are valid. Bad handles are noticed by the call. */
static bool copy_call(stream_call *self, aw_stream *from, aw_stream *to, int64_t limit,
                      const aw_copy_options *options, uint64_t *out_count, uint32_t *out_way) {
	*self = (stream_call){.verb = &verb_copy,
	                      .stream = from,
	                      .other = to,
	                      .left = limit < 0 ? -1 : limit,
	                      .out_total = out_count,
	                      .out_way = out_way,
	                      .may_splice = true};
	aw_copy_options own;
	self->refusal = SIZED_READ(aw_copy_options, &own, options, flags);
	if (self->refusal == 0 && own.flags & ~(uint32_t)AW_COPY_NO_SPLICE) self->refusal = -EINVAL;
	if (own.flags & AW_COPY_NO_SPLICE) self->may_splice = false;
	bool are_streams = object_is(from, &stream_class) && object_is(to, &stream_class);
	return !are_streams || from->loop == to->loop;
}

aw_status aw_stream_copy(aw_stream *source, aw_stream *target, int64_t limit, const aw_copy_options *options,
                         uint64_t *out_count, uint32_t *out_way) {
	stream_call call;
	bool is_valid = copy_call(&call, source, target, limit, options, out_count, out_way);
	if (!object_is(target, &stream_class)) return stackful_here() ? failed(AW_EBADHANDLE) : AW_ENOTASK;
	return stream_call_now(&call, is_valid);
}

ENTRY(aw_stream_copy_coro, (aw_stream *source, aw_stream *target, int64_t limit, const aw_copy_options *options,
                            uint64_t *out_count, uint32_t *out_way, aw_coro **out),
      (source, target, limit, options, out_count, out_way, out)) {
	stream_call call;
	bool is_valid = copy_call(&call, source, target, limit, options, out_count, out_way);
	if (!object_is(target, &stream_class)) return AW_EBADHANDLE;
	if (object_is(source, &stream_class) && call.refusal < 0) return call.refusal;
	return stream_call_later(&call, is_valid, CALLER, out);
}
