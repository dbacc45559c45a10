/* SPDX-License-Identifier: MIT */
/*
 * Reading. Each call is attempted on what has arrived, and waits if that is not enough. A stream that does not
 * read ahead is read by the attempt itself.
 */
#include "call.h"
#include "failure.h"
#include "system_calls.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

/* --- waiting --- */

aw_status stream_reading_begin(stream_call *self) {
	const aw_stream *stream = self->stream;
	if (stream->protocol || stream->reading || stream->polling_in) return -EBUSY;
	self->stream->reading = true;
	in_return(&self->stream->in);
	return 0;
}

void stream_reading_ended(stream_call *self) {
	/* It was cancelled in between. */
	if (self->stream->read_deferred) (void)stream_read_deferred(self->stream);
	self->stream->reading = false;
	self->stream->need = 0;
}

wait_queue *stream_reading_queue(stream_call *self) {
	aw_stream *stream = self->stream;
	if (stream->lazy && stream->state == STREAM_OPEN && !stream->reading_paused)
		stream_watch(stream, AW_POLL_IN);
	return &stream->readers;
}

/* Takes a failure that a single read has to tell. */
static aw_status take_hiccup(aw_stream *stream) {
	aw_status status = stream->hiccup;
	stream->hiccup = 0;
	if (status < 0) stream_update_reading(stream);
	return status;
}

aw_status stream_more(aw_stream *stream, aw_status at_end) {
	aw_status status = take_hiccup(stream);
	if (status < 0) return status;
	/* A stream that was closed here has ended; an error of the connection comes from elsewhere. */
	if (stream->failure) return stream_failure(stream, 0);
	if (stream->eof || stream->state != STREAM_OPEN) return at_end;
	if (stream->read_deferred || (stream->lazy && !stream->reading_paused)) {
		status = stream->read_deferred ? stream_read_deferred(stream) : stream_fill(stream);
		if (status == -ENOMEM) (void)take_hiccup(stream);
		if (status >= 0) return status > 0 ? 1 : at_end;
		if (status != -EAGAIN) return status == -ENOMEM ? status : stream_failure(stream, status);
	}
	return -EAGAIN;
}

static aw_status wait_for(stream_call *self, size_t need) {
	self->stream->need = need;
	stream_update_reading(self->stream);
	return -EAGAIN;
}

/* Returns 0 once `need` bytes have arrived, or what the attempt returns. */
static aw_status gather(stream_call *self, size_t need) {
	aw_stream *stream = self->stream;
	while (in_size(&stream->in) < need) {
		aw_status status = stream_more(stream, AW_EINCOMPLETE);
		if (status == -EAGAIN) return wait_for(self, need);
		if (status < 0) return status;
	}
	return 0;
}

static aw_status taken(aw_stream *stream, size_t count) {
	in_take(&stream->in, count);
	if (!in_size(&stream->in) && !stream->in.is_borrowed) in_clear(&stream->in);
	stream_update_reading(stream);
	return (aw_status)count;
}

static aw_status copied(aw_stream *stream, void *buffer, size_t count) {
	memcpy(buffer, in_data(&stream->in), count);
	return taken(stream, count);
}

/* --- the calls --- */

/* For a stream without reading ahead: straight into the caller's memory. */
static aw_status read_directly(aw_stream *stream, void *buffer, size_t length) {
	aw_status count = stream->methods->read(stream->ud, buffer, length > INT32_MAX ? INT32_MAX : length);
	if (count > 0)
		stream->bytes_read += (uint64_t)count;
	else if (count == 0)
		stream->eof = true;
	else if (count != -EAGAIN)
		stream_fail(stream, count);
	return count < 0 && count != -EAGAIN ? stream_failure(stream, count) : count;
}

aw_status stream_attempt_read(stream_call *self) {
	aw_stream *stream = self->stream;
	size_t size = in_size(&stream->in);
	if (!self->length) return 0;
	if (size) return copied(stream, self->buffer, size < self->length ? size : self->length);
	if (stream->lazy && !stream->reading_paused && stream->state == STREAM_OPEN && !stream->eof &&
	    !stream->failure) {
		aw_status count = read_directly(stream, self->buffer, self->length);
		return count == -EAGAIN ? wait_for(self, 0) : count;
	}
	aw_status status = stream_more(stream, 0);
	if (status == -EAGAIN) return wait_for(self, 0);
	size = in_size(&stream->in);
	return status > 0 ? copied(stream, self->buffer, size < self->length ? size : self->length) : status;
}

static aw_status attempt_readexactly(stream_call *self) {
	aw_stream *stream = self->stream;
	aw_status status = gather(self, self->length);
	if (status < 0 || !self->length) return status;
	return copied(stream, self->buffer, self->length);
}

/* Finds the separator that ends first, from `from` on: its end, or 0; and the length of the longest one. */
static size_t find_separator(const stream_call *self, const unsigned char *data, size_t size, size_t from,
                             size_t *out_longest, size_t *out_length) {
	size_t found = 0;
	*out_longest = *out_length = 0;
	for (size_t i = 0; i < self->separator_count; i++) {
		const unsigned char *separator = self->separators[i].iov_base;
		size_t length = self->separators[i].iov_len;
		if (length > *out_longest) *out_longest = length;
		if (size < from + length) continue;
		const unsigned char *at = length == 1 ? memchr(data + from, separator[0], size - from)
		                                      : memmem(data + from, size - from, separator, length);
		if (!at) continue;
		size_t stop = (size_t)(at - data) + length;
		if (found && (stop > found || (stop == found && length <= *out_length))) continue;
		found = stop;
		*out_length = length;
	}
	return found;
}

static aw_status give_view(aw_stream *stream, size_t count, const char **out_data) {
	stream->in.is_borrowed = true;
	*out_data = (const char *)in_data(&stream->in);
	return taken(stream, count);
}

static aw_status attempt_until(stream_call *self, bool is_line) {
	aw_stream *stream = self->stream;
	for (;;) {
		size_t size = in_size(&stream->in), longest, length;
		size_t found =
			size ? find_separator(self, in_data(&stream->in), size, self->done, &longest, &length) : 0;
		if (found) {
			if (found - length > stream->limit) return AW_ELIMIT;
			return give_view(stream, found, self->out_data);
		}
		/* The beginning of a separator may be at the end of what was searched. */
		if (size) self->done = size + 1 > longest ? size + 1 - longest : 0;
		if (self->done > stream->limit) return AW_ELIMIT;
		aw_status status = stream_more(stream, AW_EINCOMPLETE);
		if (status == -EAGAIN) return wait_for(self, 0);
		if (status == AW_EINCOMPLETE && is_line)
			return give_view(stream, in_size(&stream->in), self->out_data);
		if (status <= 0) return status;
	}
}

static aw_status attempt_readuntil(stream_call *self) {
	return attempt_until(self, false);
}

static aw_status attempt_readline(stream_call *self) {
	return attempt_until(self, true);
}

static aw_status attempt_readall(stream_call *self) {
	aw_stream *stream = self->stream;
	for (;;) {
		size_t size = in_size(&stream->in);
		if (size > self->length) return AW_ELIMIT;
		aw_status status = stream_more(stream, AW_EINCOMPLETE);
		/* One more than is there, so that the limit of the stream does not stop it. */
		if (status == -EAGAIN) return wait_for(self, size + 1);
		if (status == AW_EINCOMPLETE) return give_view(stream, size, self->out_data);
		if (status <= 0) return status;
	}
}

/* What is there, without taking it. */
static aw_status show(aw_stream *stream, const char **out_data) {
	size_t size = in_size(&stream->in);
	*out_data = size ? (const char *)in_data(&stream->in) : "";
	if (size) stream->in.is_borrowed = true;
	return size > INT32_MAX ? INT32_MAX : (aw_status)size;
}

static aw_status attempt_peek(stream_call *self) {
	aw_status status = gather(self, self->length);
	return status < 0 ? status : show(self->stream, self->out_data);
}

static const stream_verb verb_read = {"read", stream_attempt_read, stream_reading_queue, stream_reading_begin,
                                      stream_reading_ended},
						 verb_readexactly = {"readexactly", attempt_readexactly, stream_reading_queue,
                                             stream_reading_begin, stream_reading_ended},
						 verb_readuntil = {"readuntil", attempt_readuntil, stream_reading_queue,
                                           stream_reading_begin, stream_reading_ended},
						 verb_readline = {"readline", attempt_readline, stream_reading_queue,
                                          stream_reading_begin, stream_reading_ended},
						 verb_readall = {"readall", attempt_readall, stream_reading_queue,
                                         stream_reading_begin, stream_reading_ended},
						 verb_peek = {"peek", attempt_peek, stream_reading_queue, stream_reading_begin,
                                      stream_reading_ended};

/* --- public functions --- */

aw_status aw_stream_read(aw_stream *stream, void *buffer, size_t length) {
	stream_call call;
	stream_call_short(&call, &verb_read, stream);
	call.buffer = buffer;
	call.length = length;
	return stream_call_now(&call, buffer || !length);
}

ENTRY(aw_stream_read_coro, (aw_stream *stream, void *buffer, size_t length, aw_coro **out),
      (stream, buffer, length, out)) {
	stream_call call = {.verb = &verb_read, .stream = stream, .buffer = buffer, .length = length};
	return stream_call_later(&call, buffer || !length, CALLER, out);
}

aw_status aw_stream_readexactly(aw_stream *stream, void *buffer, size_t length) {
	stream_call call;
	stream_call_short(&call, &verb_readexactly, stream);
	call.buffer = buffer;
	call.length = length;
	return stream_call_now(&call, (buffer || !length) && length <= INT32_MAX);
}

ENTRY(aw_stream_readexactly_coro, (aw_stream *stream, void *buffer, size_t length, aw_coro **out),
      (stream, buffer, length, out)) {
	stream_call call = {.verb = &verb_readexactly, .stream = stream, .buffer = buffer, .length = length};
	return stream_call_later(&call, (buffer || !length) && length <= INT32_MAX, CALLER, out);
}

static bool separators_are_valid(const struct iovec *separators, size_t count) {
	if (!separators || !count) return false;
	for (size_t i = 0; i < count; i++)
		if (!separators[i].iov_base || !separators[i].iov_len) return false;
	return true;
}

static void until_one(stream_call *self, const stream_verb *verb, aw_stream *stream, const void *separator,
                      size_t length, const char **out_data) {
	*self = (stream_call){.verb = verb,
	                      .stream = stream,
	                      .only = {without_const(separator), length},
	                      .separator_count = 1,
	                      .out_data = out_data};
	self->separators = self->separator = &self->only;
}

aw_status aw_stream_readuntil(aw_stream *stream, const void *separator, size_t separator_length,
                              const char **out_data) {
	stream_call call;
	until_one(&call, &verb_readuntil, stream, separator, separator_length, out_data);
	return stream_call_now(&call, out_data && separators_are_valid(&call.only, 1));
}

ENTRY(aw_stream_readuntil_coro, (aw_stream *stream, const void *separator, size_t separator_length,
                                 const char **out_data, aw_coro **out),
      (stream, separator, separator_length, out_data, out)) {
	stream_call call;
	until_one(&call, &verb_readuntil, stream, separator, separator_length, out_data);
	return stream_call_later(&call, out_data && separators_are_valid(&call.only, 1), CALLER, out);
}

static stream_call until_any(aw_stream *stream, const struct iovec *separators, size_t count,
                             const char **out_data) {
	return (stream_call){.verb = &verb_readuntil,
	                     .stream = stream,
	                     .separators = separators,
	                     .separator_count = count,
	                     .out_data = out_data};
}

aw_status aw_stream_readuntil_any(aw_stream *stream, const struct iovec *separators, size_t count,
                                  const char **out_data) {
	stream_call call = until_any(stream, separators, count, out_data);
	return stream_call_now(&call, out_data && separators_are_valid(separators, count));
}

ENTRY(aw_stream_readuntil_any_coro, (aw_stream *stream, const struct iovec *separators, size_t count,
                                     const char **out_data, aw_coro **out),
      (stream, separators, count, out_data, out)) {
	stream_call call = until_any(stream, separators, count, out_data);
	return stream_call_later(&call, out_data && separators_are_valid(separators, count), CALLER, out);
}

aw_status aw_stream_readline(aw_stream *stream, const char **out_data) {
	stream_call call;
	until_one(&call, &verb_readline, stream, "\n", 1, out_data);
	return stream_call_now(&call, out_data);
}

ENTRY(aw_stream_readline_coro, (aw_stream *stream, const char **out_data, aw_coro **out),
      (stream, out_data, out)) {
	stream_call call;
	until_one(&call, &verb_readline, stream, "\n", 1, out_data);
	return stream_call_later(&call, out_data, CALLER, out);
}

aw_status aw_stream_readall(aw_stream *stream, size_t max, const char **out_data) {
	stream_call call = {.verb = &verb_readall, .stream = stream, .length = max, .out_data = out_data};
	return stream_call_now(&call, out_data && max <= INT32_MAX);
}

ENTRY(aw_stream_readall_coro, (aw_stream *stream, size_t max, const char **out_data, aw_coro **out),
      (stream, max, out_data, out)) {
	stream_call call = {.verb = &verb_readall, .stream = stream, .length = max, .out_data = out_data};
	return stream_call_later(&call, out_data && max <= INT32_MAX, CALLER, out);
}

aw_status aw_stream_peek(aw_stream *stream, size_t min, const char **out_data) {
	stream_call call;
	stream_call_short(&call, &verb_peek, stream);
	call.length = min;
	call.out_data = out_data;
	return stream_call_now(&call, out_data && min <= INT32_MAX);
}

ENTRY(aw_stream_peek_coro, (aw_stream *stream, size_t min, const char **out_data, aw_coro **out),
      (stream, min, out_data, out)) {
	stream_call call = {.verb = &verb_peek, .stream = stream, .length = min, .out_data = out_data};
	return stream_call_later(&call, out_data && min <= INT32_MAX, CALLER, out);
}

ENTRY(aw_stream_view, (aw_stream *stream, const char **out_data), (stream, out_data)) {
	aw_status status = stream_check(stream);
	if (status < 0) return status;
	if (!out_data) return -EINVAL;
	(void)stream_read_deferred(stream);
	return show(stream, out_data);
}

ENTRY(aw_stream_consume, (aw_stream *stream, size_t count), (stream, count)) {
	aw_status status = stream_check(stream);
	if (status < 0) return status;
	if (stream->reading) return -EBUSY;
	if (count > in_size(&stream->in)) return -EINVAL;
	in_take(&stream->in, count);
	in_return(&stream->in);
	stream_update_reading(stream);
	return 0;
}

aw_bool aw_stream_at_eof(const aw_stream *stream) {
	/* After a failure what follows is an error, and no end. */
	return object_is(stream, &stream_class) && stream->eof && !stream->failure && !in_size(&stream->in);
}

ENTRY(aw_stream_try_read, (aw_stream *stream, void *buffer, size_t length), (stream, buffer, length)) {
	aw_status status = stream_check(stream);
	if (status < 0) return status;
	if (!buffer && length) return -EINVAL;
	if (stream->protocol || stream->reading) return -EBUSY;
	stream_call call;
	stream_call_short(&call, &verb_read, stream);
	call.buffer = buffer;
	call.length = length;
	in_return(&stream->in);
	if (in_size(&stream->in) || !length) {
		status = stream_attempt_read(&call);
	} else {
		status = stream_more(stream, 0);
		if (status == 1) status = stream_attempt_read(&call);
	}
	return status;
}

ENTRY(aw_stream_pause_reading, (aw_stream *stream), (stream)) {
	aw_status status = stream_check(stream);
	if (status < 0) return status;
	(void)stream_read_deferred(stream);
	stream->reading_paused = true;
	stream_fd_pause(stream);
	return 0;
}

ENTRY(aw_stream_resume_reading, (aw_stream *stream), (stream)) {
	aw_status status = stream_check(stream);
	if (status < 0) return status;
	stream->reading_paused = false;
	/* A call that waits asks again for what it did not ask for meanwhile. */
	if (stream->lazy && stream->reading && stream->state == STREAM_OPEN && !stream->eof)
		stream_watch(stream, AW_POLL_IN);
	protocol_resume(stream);
	stream_update_reading(stream);
	return 0;
}

aw_bool aw_stream_is_reading(const aw_stream *stream) {
	return object_is(stream, &stream_class) && stream->state == STREAM_OPEN && !stream->eof &&
	       !stream->reading_paused && (!stream->lazy || stream->protocol);
}
