/* SPDX-License-Identifier: MIT */
/* Streams with callbacks. */
#include "failure.h"
#include "report.h"
#include "stream.h"

#include <errno.h>
#include <string.h>

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

void protocol_data(aw_stream *self) {
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
	aw_status status = 0;
	if (protocol->data_received)
		status = protocol->data_received(self, self->protocol_ud, in_data(&arrived), size);
	in_clear(&arrived);
	if (status < 0) failed_callback(self, "Fatal error: protocol.data_received() call failed.", status);
}

bool protocol_borrows(const aw_stream *self) {
	const aw_protocol *protocol = self->protocol;
	return protocol && protocol->data_received && !protocol->data_available && !is_buffered(protocol);
}

bool protocol_lend(aw_stream *self, aw_status *out_count) {
	if (!protocol_borrows(self) || in_size(&self->in)) return false;
	/* Taken before the call, which may do anything with the stream. */
	aw_buffer *lent = stream_fd_take(self);
	if (!lent) return false;
	*out_count = (aw_status)lent->length;
	self->bytes_read += lent->length;
	aw_status status = self->protocol->data_received(self, self->protocol_ud, lent->data, lent->length);
	loop_give_back(self->loop, lent);
	if (status < 0) failed_callback(self, "Fatal error: protocol.data_received() call failed.", status);
	return true;
}

bool protocol_fill(aw_stream *self, aw_status *out_count) {
	if (!is_buffered(self->protocol)) return false;
	void *buffer;
	size_t length;
	if (!bring_buffer(self, self->next_read, &buffer, &length, out_count)) return true;
	aw_status count = *out_count = self->methods->read(self->ud, buffer, length);
	if (count > 0) {
		self->bytes_read += (uint64_t)count;
		updated(self, (size_t)count);
	} else if (count == 0) {
		self->eof = true;
	} else if (count != -EAGAIN) {
		stream_fail(self, count);
	}
	return true;
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
		if (wants_bytes(self, self->protocol)) protocol_data(self);
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
