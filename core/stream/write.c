/* SPDX-License-Identifier: MIT */
/* Writing, and waiting for the end. */
#include "call.h"
#include "failure.h"
#include "system_calls.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

/* --- without waiting --- */

aw_status stream_writing_check(aw_stream *stream) {
	if (stream->failure) return stream_failure(stream, 0);
	if (stream->read_only) return -EBADF;
	if (stream->state != STREAM_OPEN || stream->eof_wanted) return -EPIPE;
	return stream->sending ? -EBUSY : 0;
}

/* Sends at once: returns how much was taken, possibly 0. */
static aw_status send_now(aw_stream *stream, const struct iovec *parts, size_t count) {
	aw_status sent = stream->methods->write(stream->ud, parts, count);
	if (sent == -EAGAIN) return 0;
	if (sent < 0) {
		stream_fail_writing(stream, sent);
		return stream_failure(stream, sent);
	}
	stream->bytes_written += (uint64_t)sent;
	return sent;
}

aw_status stream_send_now(aw_stream *self, const void *data, size_t length) {
	struct iovec part = {without_const(data), length > INT32_MAX ? INT32_MAX : length};
	return send_now(self, &part, 1);
}

static void flush_later(aw_stream *stream) {
	if (stream->flushing || stream->watched & AW_POLL_OUT) return;
	stream->flushing = true;
	loop_flush_later(stream->loop, &stream->flush);
	object_ref(stream);
}

static aw_status write_parts(aw_stream *stream, const struct iovec *parts, size_t count, size_t total) {
	aw_status sent = 0;
	if (!stream->out.size && stream->sent_in != stream->loop->iteration) {
		stream->sent_in = stream->loop->iteration;
		/* The kernel refuses more parts in one call. */
		sent = send_now(stream, parts, count < IOV_MAX ? count : IOV_MAX);
		if (sent < 0) return sent;
		if ((size_t)sent == total) return 0;
		stream_watch(stream, AW_POLL_OUT);
		if (stream->failure) return stream_failure(stream, 0);
	}
	if (!out_append(&stream->out, parts, count, (size_t)sent)) {
		/* A gap in the bytes would be worse than no connection. */
		if (sent) stream_fail(stream, -ENOMEM);
		return -ENOMEM;
	}
	if (stream->out.size > stream->high && !(stream->watched & AW_POLL_OUT)) {
		stream_flush(stream);
		return stream->failure ? stream_failure(stream, 0) : 0;
	}
	flush_later(stream);
	stream_update_writing(stream);
	return 0;
}

ENTRY(aw_stream_write, (aw_stream *stream, const void *data, size_t length), (stream, data, length)) {
	aw_status status = stream_check(stream);
	if (status == 0 && !data && length) status = -EINVAL;
	if (status == 0) status = stream_writing_check(stream);
	if (status < 0 || !length) return status;
	struct iovec part = {without_const(data), length};
	return write_parts(stream, &part, 1, length);
}

ENTRY(aw_stream_writelines, (aw_stream *stream, const struct iovec *parts, size_t count),
      (stream, parts, count)) {
	aw_status status = stream_check(stream);
	if (status == 0 && !parts && count) status = -EINVAL;
	size_t total = 0;
	for (size_t i = 0; status == 0 && i < count; i++) {
		if (!parts[i].iov_base && parts[i].iov_len) status = -EINVAL;
		if (parts[i].iov_len > SIZE_MAX / 2 - total) status = -EINVAL;
		total += parts[i].iov_len;
	}
	if (status == 0) status = stream_writing_check(stream);
	if (status < 0 || !total) return status;
	/* The layer below takes at least a byte of those that it sees. */
	for (; !parts->iov_len; parts++) count--;
	return write_parts(stream, parts, count, total);
}

ENTRY(aw_stream_try_write, (aw_stream *stream, const void *data, size_t length), (stream, data, length)) {
	aw_status status = stream_check(stream);
	if (status == 0 && !data && length) status = -EINVAL;
	if (status == 0) status = stream_writing_check(stream);
	if (status < 0 || !length) return status;
	if (stream->out.size) return -EAGAIN;
	status = stream_send_now(stream, data, length);
	return status ? status : -EAGAIN;
}

static bool can_write_eof(const aw_stream *stream) {
	return stream->write_only || stream->methods->shutdown_write;
}

ENTRY(aw_stream_write_eof, (aw_stream *stream), (stream)) {
	aw_status status = stream_check(stream);
	if (status < 0) return status;
	if (!can_write_eof(stream)) return -EOPNOTSUPP;
	if (stream->failure) return stream_failure(stream, 0);
	if (stream->state != STREAM_OPEN || stream->eof_wanted) return 0;
	if (stream->write_only) {
		stream_close(stream);
		return stream->failure ? stream_failure(stream, 0) : 0;
	}
	stream->eof_wanted = true;
	if (!stream->sending) stream_flush(stream);
	return stream->failure ? stream_failure(stream, 0) : 0;
}

aw_bool aw_stream_can_write_eof(const aw_stream *stream) {
	return object_is(stream, &stream_class) && can_write_eof(stream);
}

size_t aw_stream_write_buffer_size(const aw_stream *stream) {
	return object_is(stream, &stream_class) ? stream->out.size : 0;
}

ENTRY(aw_stream_write_buffer_limits, (const aw_stream *stream, size_t *out_low, size_t *out_high),
      (stream, out_low, out_high)) {
	if (!object_is(stream, &stream_class)) return AW_EBADHANDLE;
	if (out_low) *out_low = stream->low;
	if (out_high) *out_high = stream->high;
	return 0;
}

/* --- drain --- */

static aw_status attempt_drain(stream_call *self) {
	aw_stream *stream = self->stream;
	if (stream->failure) return stream_failure(stream, 0);
	/* Lets the loop notice that the connection is lost. */
	if (stream->state != STREAM_OPEN && !self->has_yielded) return -EAGAIN;
	/* As in asyncio, an end without an error is none to a call that has waited for it. */
	if (stream->state == STREAM_CLOSED || stream->ending) return self->done ? 0 : -ECONNRESET;
	return stream->writing_paused ? -EAGAIN : 0;
}

static wait_queue *drain_queue(stream_call *self) {
	aw_stream *stream = self->stream;
	/* Who has waited for less to be queued has let others run as well. */
	bool waits = stream->state == STREAM_OPEN || self->has_yielded;
	self->has_yielded = true;
	self->done = waits;
	return waits ? &stream->drains : NULL;
}

static const stream_verb verb_drain = {"drain", attempt_drain, drain_queue, NULL, NULL};

aw_status aw_stream_drain(aw_stream *stream) {
	stream_call call;
	stream_call_short(&call, &verb_drain, stream);
	return stream_call_now(&call, true);
}

ENTRY(aw_stream_drain_coro, (aw_stream *stream, aw_coro **out), (stream, out)) {
	stream_call call = {.verb = &verb_drain, .stream = stream};
	return stream_call_later(&call, true, CALLER, out);
}

/* --- send --- */

aw_status stream_send_begin(stream_call *self) {
	if (self->out_done) *self->out_done = 0;
	return stream_sending_begin(self->stream);
}

aw_status stream_sending_begin(aw_stream *self) {
	aw_status status = stream_writing_check(self);
	if (status == 0 && self->polling_out) status = -EBUSY;
	if (status == 0) self->sending = true;
	return status;
}

void stream_sending_ended(aw_stream *self) {
	self->sending = false;
	if (!self->failure && (self->eof_wanted || self->state == STREAM_CLOSING)) stream_flush(self);
}

void stream_send_ended(stream_call *self) {
	stream_sending_ended(self->stream);
}

aw_status stream_may_send(aw_stream *self) {
	if (self->failure) return stream_failure(self, 0);
	if (self->state > STREAM_CLOSING) return -ECONNABORTED;
	if (self->out.size && !(self->watched & AW_POLL_OUT)) stream_flush(self);
	if (self->failure) return stream_failure(self, 0);
	return self->out.size ? -EAGAIN : 0;
}

aw_status stream_attempt_send(stream_call *self) {
	aw_stream *stream = self->stream;
	aw_status status = stream_may_send(stream);
	while (status == 0 && self->done < self->length) {
		aw_status sent = stream_send_now(stream, self->buffer + self->done, self->length - self->done);
		if (sent < 0) return sent;
		if (!sent) status = -EAGAIN;
		self->done += (size_t)sent;
		if (self->out_done) *self->out_done = self->done;
	}
	if (status != -EAGAIN) return status;
	stream_watch(stream, AW_POLL_OUT);
	return stream->failure ? stream_failure(stream, 0) : -EAGAIN;
}

wait_queue *stream_send_queue(stream_call *self) {
	return &self->stream->writers;
}

static const stream_verb verb_send = {"send", stream_attempt_send, stream_send_queue, stream_send_begin,
                                      stream_send_ended};

static stream_call send_call(aw_stream *stream, const void *data, size_t length, size_t *out_sent) {
	return (stream_call){.verb = &verb_send,
	                     .stream = stream,
	                     .buffer = without_const(data),
	                     .length = length,
	                     .out_done = out_sent};
}

aw_status aw_stream_send(aw_stream *stream, const void *data, size_t length, size_t *out_sent) {
	stream_call call;
	stream_call_short(&call, &verb_send, stream);
	call.buffer = without_const(data);
	call.length = length;
	call.out_done = out_sent;
	return stream_call_now(&call, data || !length);
}

ENTRY(aw_stream_send_coro, (aw_stream *stream, const void *data, size_t length, size_t *out_sent,
                            aw_coro **out),
      (stream, data, length, out_sent, out)) {
	stream_call call = send_call(stream, data, length, out_sent);
	return stream_call_later(&call, data || !length, CALLER, out);
}

/* --- readiness --- */

static aw_status ready_begin(stream_call *self) {
	aw_stream *stream = self->stream;
	uint32_t events = (uint32_t)self->length;
	bool in = events & AW_POLL_IN, out = events & AW_POLL_OUT;
	if (in && (stream->protocol || stream->reading || stream->polling_in)) return -EBUSY;
	if (out && (stream->sending || stream->polling_out)) return -EBUSY;
	if (in) in_return(&stream->in);
	stream->polling_in |= in;
	stream->polling_out |= out;
	return 0;
}

static void ready_ended(stream_call *self) {
	if ((uint32_t)self->length & AW_POLL_IN) self->stream->polling_in = false;
	if ((uint32_t)self->length & AW_POLL_OUT) self->stream->polling_out = false;
}

static aw_status attempt_ready(stream_call *self) {
	aw_stream *stream = self->stream;
	uint32_t events = (uint32_t)self->length, ready = 0;
	bool has_ended = stream->failure || stream->state != STREAM_OPEN;
	/* Having waited, it is ready if the stream does not watch for that any more. */
	bool waited = self->has_yielded;
	if (events & AW_POLL_IN && (in_size(&stream->in) || stream->eof || has_ended ||
	                            (waited && stream->lazy && !(stream->watched & AW_POLL_IN))))
		ready |= AW_POLL_IN;
	if (events & AW_POLL_OUT &&
	    (has_ended || (waited && !stream->out.size && !(stream->watched & AW_POLL_OUT))))
		ready |= AW_POLL_OUT;
	if (ready) return (aw_status)ready;
	self->has_yielded = true;
	return -EAGAIN;
}

static wait_queue *ready_queue_of(stream_call *self) {
	aw_stream *stream = self->stream;
	uint32_t events = (uint32_t)self->length;
	if (events & AW_POLL_OUT) stream_watch(stream, AW_POLL_OUT);
	/* The wish to read is asked of the methods once the call is in the queue. */
	if (events & AW_POLL_IN && stream->lazy) stream_watch(stream, AW_POLL_IN);
	return events & AW_POLL_IN ? &stream->readers : &stream->writers;
}

static const stream_verb verb_ready = {"wait_ready", attempt_ready, ready_queue_of, ready_begin, ready_ended};

static bool are_events(uint32_t events) {
	return events && !(events & ~(uint32_t)(AW_POLL_IN | AW_POLL_OUT));
}

aw_status aw_stream_wait_ready(aw_stream *stream, uint32_t events) {
	stream_call call = {.verb = &verb_ready, .stream = stream, .length = events};
	return stream_call_now(&call, are_events(events));
}

ENTRY(aw_stream_wait_ready_coro, (aw_stream *stream, uint32_t events, aw_coro **out), (stream, events, out)) {
	stream_call call = {.verb = &verb_ready, .stream = stream, .length = events};
	return stream_call_later(&call, are_events(events), CALLER, out);
}

/* --- wait_closed --- */

static aw_status closed_begin(stream_call *self) {
	if (self->timeout < 0 || self->timeout == AW_FOREVER) return 0;
	return stream_set_deadline(self->stream, loop_after(self->stream->loop, self->timeout));
}

static aw_status attempt_closed(stream_call *self) {
	aw_stream *stream = self->stream;
	if (stream->state != STREAM_CLOSED) return -EAGAIN;
	if (stream->late) return AW_ETIMEOUT;
	return stream->told ? 0 : stream_failure(stream, 0);
}

static wait_queue *closed_queue(stream_call *self) {
	return &self->stream->closes;
}

static const stream_verb verb_closed = {"wait_closed", attempt_closed, closed_queue, closed_begin, NULL};

aw_status aw_stream_wait_closed(aw_stream *stream, int64_t timeout_ns) {
	stream_call call = {.verb = &verb_closed, .stream = stream, .timeout = timeout_ns};
	return stream_call_now(&call, true);
}

ENTRY(aw_stream_wait_closed_coro, (aw_stream *stream, int64_t timeout_ns, aw_coro **out),
      (stream, timeout_ns, out)) {
	stream_call call = {.verb = &verb_closed, .stream = stream, .timeout = timeout_ns};
	return stream_call_later(&call, true, CALLER, out);
}
