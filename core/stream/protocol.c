/* SPDX-License-Identifier: MIT */
/* Streams with callbacks. */
#include "failure.h"
#include "report.h"
#include "stream.h"

#include <errno.h>
#include <string.h>

enum { PASSING_MIN = 64 * 1024 };

/* A callback has failed: asyncio calls that a fatal error. */
static void failed_callback(aw_stream *self, const char *message, aw_status status) {
	report_status(self->loop, message, status, NULL, NULL);
	stream_fail(self, status);
}

static bool is_made(const aw_stream *self) {
	return self->protocol && self->made;
}

static bool is_buffered(const aw_protocol *protocol) {
	return protocol->get_buffer && protocol->buffer_updated;
}

/* The protocol is the same one, and still wants bytes. */
static bool wants_bytes(const aw_stream *self, const aw_protocol *protocol) {
	return self->protocol == protocol && self->made && self->state == STREAM_OPEN && !self->failure &&
	       !self->reading_paused;
}

/* Asks the protocol for memory. False if it has none, which is reported, or wants no bytes any more. */
static bool bring_buffer(aw_stream *self, size_t hint, void **out_buffer, size_t *out_length,
                         aw_status *out_status) {
	const aw_protocol *protocol = self->protocol;
	*out_buffer = NULL;
	*out_length = 0;
	aw_status status = protocol->get_buffer(self, self->protocol_ud, hint, out_buffer, out_length);
	if (status >= 0 && (!*out_buffer || !*out_length)) status = -ENOBUFS;
	if (status < 0) failed_callback(self, "Fatal error: protocol.get_buffer() call failed.", status);
	if (*out_length > INT32_MAX) *out_length = INT32_MAX;
	*out_status = status < 0 ? status : -EAGAIN;
	return status >= 0 && wants_bytes(self, protocol);
}

static void updated(aw_stream *self, size_t count) {
	aw_status status = self->protocol->buffer_updated(self, self->protocol_ud, count);
	if (status < 0) failed_callback(self, "Fatal error: protocol.buffer_updated() call failed.", status);
}

static void received(aw_stream *self, const aw_protocol *protocol, const void *data, size_t length) {
	aw_status status =
		protocol->data_received ? protocol->data_received(self, self->protocol_ud, data, length) : 0;
	if (status < 0) failed_callback(self, "Fatal error: protocol.data_received() call failed.", status);
}

/* The bytes are taken before each call, which may do anything with the stream. */
static void pass_by_buffer(aw_stream *self, const aw_protocol *protocol) {
	while (wants_bytes(self, protocol) && in_size(&self->in)) {
		void *buffer;
		size_t length;
		aw_status status;
		if (!bring_buffer(self, in_size(&self->in), &buffer, &length, &status)) return;
		if (length > in_size(&self->in)) length = in_size(&self->in);
		if (!length) return;
		memcpy(buffer, in_data(&self->in), length);
		in_take(&self->in, length);
		in_return(&self->in);
		updated(self, length);
	}
}

/* Passes on what has arrived. */
static void pass_on(aw_stream *self) {
	const aw_protocol *protocol = self->protocol;
	size_t size = in_size(&self->in);
	if (!is_made(self) || !size) return;
	if (protocol->data_available) {
		aw_status status = protocol->data_available(self, self->protocol_ud, size);
		if (status < 0) failed_callback(self, "Fatal error: protocol.data_available() call failed.", status);
		return;
	}
	if (is_buffered(protocol)) {
		pass_by_buffer(self, protocol);
		return;
	}
	in_buffer arrived = self->in;
	self->in = (in_buffer){.pool = arrived.pool};
	received(self, protocol, in_data(&arrived), size);
	in_clear(&arrived);
}

bool protocol_borrows(const aw_stream *self) {
	const aw_protocol *protocol = self->protocol;
	return protocol && protocol->data_received && !protocol->data_available && !is_buffered(protocol);
}

/* Reads into memory that is not the stream's. */
static aw_status read_into(aw_stream *self, void *memory, size_t room) {
	aw_status count = self->methods->read(self->ud, memory, room);
	if (count > 0) {
		self->bytes_read += (uint64_t)count;
		stream_note_read(self, (size_t)count, room);
	} else if (count == 0) {
		self->eof = true;
	} else if (count != -EAGAIN) {
		stream_fail(self, count);
	}
	return count;
}

/* Lets the protocol bring the buffer. */
static __attribute__((noinline)) aw_status read_buffered(aw_stream *self) {
	void *buffer;
	size_t length;
	aw_status count;
	if (!bring_buffer(self, self->next_read, &buffer, &length, &count)) return count;
	count = read_into(self, buffer, length);
	if (count > 0) updated(self, (size_t)count);
	return count;
}

/* What the backend has received, in its own buffer. */
static __attribute__((noinline)) aw_status lend(aw_stream *self, const aw_protocol *protocol,
                                                aw_buffer *lent) {
	aw_loop *loop = self->loop;
	aw_status count = (aw_status)lent->length;
	self->bytes_read += lent->length;
	received(self, protocol, lent->data, lent->length);
	loop_give_back(loop, lent);
	return count;
}

/* Nothing is kept after the call, so a large buffer costs nothing: the next read, of any stream, has it again. */
static aw_status read_and_pass_on(aw_stream *self, const aw_protocol *protocol) {
	/* Taken before the call, which may do anything with the stream. */
	aw_buffer *lent = stream_fd_take(self);
	if (lent) return lend(self, protocol, lent);
	size_t room = self->next_read > PASSING_MIN ? self->next_read : PASSING_MIN;
	buffer_pool *pool = self->in.pool;
	void *memory = buffer_take(pool, &room);
	if (!memory) return -ENOMEM;
	aw_status count = read_into(self, memory, room);
	if (count > 0) received(self, protocol, memory, (size_t)count);
	buffer_give(pool, memory, room);
	return count;
}

static __attribute__((noinline)) aw_status read_and_keep(aw_stream *self) {
	aw_status count = stream_fill(self);
	if (count > 0) pass_on(self);
	return count;
}

aw_status protocol_read(aw_stream *self) {
	const aw_protocol *protocol = self->protocol;
	if (is_buffered(protocol)) return read_buffered(self);
	if (!protocol->data_available && !in_size(&self->in)) return read_and_pass_on(self, protocol);
	return read_and_keep(self);
}

void protocol_eof(aw_stream *self) {
	const aw_protocol *protocol = self->protocol;
	if (!is_made(self) || self->eof_told) return;
	self->eof_told = true;
	aw_status status = protocol->eof_received ? protocol->eof_received(self, self->protocol_ud) : 0;
	if (status < 0)
		failed_callback(self, "Fatal error: protocol.eof_received() call failed.", status);
	else if (status == 0)
		stream_close(self);
}

void protocol_writing(aw_stream *self, bool paused) {
	const aw_protocol *protocol = self->protocol;
	if (!is_made(self)) return;
	void (*callback)(aw_stream *, void *) = paused ? protocol->pause_writing : protocol->resume_writing;
	if (callback) callback(self, self->protocol_ud);
}

void protocol_clear(aw_stream *self) {
	aw_destroy_fn destroy = self->protocol_destroy;
	void *ud = self->protocol_ud;
	self->protocol = NULL;
	self->protocol_ud = NULL;
	self->protocol_destroy = NULL;
	self->made = self->eof_told = false;
	object_destroy_user(destroy, ud);
}

void protocol_lost(aw_stream *self) {
	const aw_protocol *protocol = self->protocol;
	if (!protocol) return;
	if (self->made && protocol->connection_lost)
		protocol->connection_lost(self, self->protocol_ud, self->failure);
	protocol_clear(self);
}

static void greet(aw_stream *self) {
	bool was_paused = self->writing_paused;
	self->made = true;
	if (self->protocol->connection_made) self->protocol->connection_made(self, self->protocol_ud);
	/* Too much was queued before there was anybody to tell. */
	if (was_paused && self->writing_paused) protocol_writing(self, true);
}

/* Calls connection_made, and passes on what had arrived before. */
static aw_status greeting_run(ready_item *item) {
	aw_stream *self = container_of(item, aw_stream, greeting);
	self->is_greeting = false;
	if (self->protocol && !loop_closing(self->loop)) {
		if (!self->made) greet(self);
		if (wants_bytes(self, self->protocol)) pass_on(self);
		/* With data_available, what is left belongs to the protocol. */
		bool is_through =
			self->eof && self->protocol && (self->protocol->data_available || !in_size(&self->in));
		if (is_through && wants_bytes(self, self->protocol)) protocol_eof(self);
	}
	stream_update_reading(self);
	object_unref(self);
	return 0;
}

static void greet_later(aw_stream *self) {
	if (self->is_greeting) return;
	self->greeting.run = greeting_run;
	self->is_greeting = true;
	object_ref(self);
	loop_push(self->loop, &self->greeting);
}

void protocol_resume(aw_stream *self) {
	if (is_made(self) && (in_size(&self->in) || (self->eof && !self->eof_told))) greet_later(self);
}

static aw_status protocol_check(const aw_stream *stream, const aw_protocol *protocol) {
	aw_status status = stream_check(stream);
	if (status < 0) return status;
	if (protocol) status = SIZED_CHECK(aw_protocol, protocol, resume_writing);
	if (status < 0) return status;
	if (stream->reading || stream->polling_in) return -EBUSY;
	return protocol && stream->state != STREAM_OPEN ? -EPIPE : 0;
}

ENTRY(aw_stream_set_protocol, (aw_stream *stream, const aw_protocol *protocol, void *ud, aw_destroy_fn destroy),
      (stream, protocol, ud, destroy)) {
	aw_status status = protocol_check(stream, protocol);
	if (status < 0) {
		object_destroy_user(destroy, ud);
		return status;
	}
	object_ref(stream);
	protocol_clear(stream);
	stream->protocol = protocol;
	stream->protocol_ud = ud;
	stream->protocol_destroy = destroy;
	if (protocol) {
		stream_hold(stream);
		greet_later(stream);
	} else if (stream->state == STREAM_OPEN) {
		stream_update_reading(stream);
		if (stream->state == STREAM_OPEN) stream_let_go(stream);
	}
	object_unref(stream);
	return 0;
}

void *aw_stream_protocol_data(const aw_stream *stream) {
	return object_is(stream, &stream_class) ? stream->protocol_ud : NULL;
}
