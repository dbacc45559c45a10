/* SPDX-License-Identifier: MIT */
/* Streams with callbacks. */
#include "failure.h"
#include "report.h"
#include "stream.h"

#include <errno.h>

/* A callback has failed: asyncio calls that a fatal error. */
static void failed_callback(aw_stream *self, const char *message, aw_status status) {
	report_status(self->loop, message, status, NULL, NULL);
	stream_fail(self, status);
}

void protocol_data(aw_stream *self) {
	const aw_protocol *protocol = self->protocol;
	size_t size = in_size(&self->in);
	if (!protocol || !size) return;
	aw_status status = 0;
	if (protocol->data_available) {
		status = protocol->data_available(self, self->protocol_ud, size);
		if (status < 0) failed_callback(self, "Fatal error: protocol.data_available() call failed.", status);
		return;
	}
	if (protocol->data_received) {
		self->in.is_borrowed = true;
		status = protocol->data_received(self, self->protocol_ud, in_data(&self->in), size);
	}
	in_take(&self->in, size);
	in_return(&self->in);
	if (status < 0) failed_callback(self, "Fatal error: protocol.data_received() call failed.", status);
}

bool protocol_fill(aw_stream *self, aw_status *out_count) {
	const aw_protocol *protocol = self->protocol;
	if (!protocol->get_buffer || !protocol->buffer_updated) return false;
	void *buffer = NULL;
	size_t length = 0;
	aw_status status = protocol->get_buffer(self, self->protocol_ud, self->next_read, &buffer, &length);
	if (status >= 0 && (!buffer || !length)) status = -ENOBUFS;
	if (status < 0) {
		failed_callback(self, "Fatal error: protocol.get_buffer() call failed.", status);
		*out_count = status;
		return true;
	}
	if (length > INT32_MAX) length = INT32_MAX;
	aw_status count = *out_count = self->methods->read(self->ud, buffer, length);
	if (count > 0) {
		self->bytes_read += (uint64_t)count;
		status = protocol->buffer_updated(self, self->protocol_ud, (size_t)count);
		if (status < 0) failed_callback(self, "Fatal error: protocol.buffer_updated() call failed.", status);
	} else if (count == 0) {
		self->eof = true;
	} else if (count != -EAGAIN) {
		stream_fail(self, count);
	}
	return true;
}

void protocol_eof(aw_stream *self) {
	const aw_protocol *protocol = self->protocol;
	if (!protocol) return;
	aw_status status = protocol->eof_received ? protocol->eof_received(self, self->protocol_ud) : 0;
	if (status < 0)
		failed_callback(self, "Fatal error: protocol.eof_received() call failed.", status);
	else if (status == 0)
		stream_close(self);
}

void protocol_writing(aw_stream *self, bool paused) {
	const aw_protocol *protocol = self->protocol;
	if (!protocol || !self->made) return;
	void (*callback)(aw_stream *, void *) = paused ? protocol->pause_writing : protocol->resume_writing;
	if (callback) callback(self, self->protocol_ud);
}

void protocol_clear(aw_stream *self) {
	aw_destroy_fn destroy = self->protocol_destroy;
	void *ud = self->protocol_ud;
	self->protocol = NULL;
	self->protocol_ud = NULL;
	self->protocol_destroy = NULL;
	self->made = false;
	object_destroy_user(destroy, ud);
}

void protocol_lost(aw_stream *self) {
	const aw_protocol *protocol = self->protocol;
	if (!protocol) return;
	if (self->made && protocol->connection_lost)
		protocol->connection_lost(self, self->protocol_ud, self->failure);
	protocol_clear(self);
}

/* Calls connection_made, and passes on what had arrived before. */
static aw_status greeting_run(ready_item *item) {
	aw_stream *self = container_of(item, aw_stream, greeting);
	self->is_greeting = false;
	if (self->protocol && !self->made && !loop_closing(self->loop)) {
		self->made = true;
		if (self->protocol->connection_made) self->protocol->connection_made(self, self->protocol_ud);
		if (self->state == STREAM_OPEN && !self->reading_paused) protocol_data(self);
		if (self->state == STREAM_OPEN && self->eof) protocol_eof(self);
		stream_update_reading(self);
	}
	object_unref(self);
	return 0;
}

static aw_status protocol_check(const aw_stream *stream, const aw_protocol *protocol) {
	aw_status status = stream_check(stream);
	if (status < 0) return status;
	if (protocol && protocol->size < sizeof *protocol) return -EINVAL;
	if (stream->reading) return -EBUSY;
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
		stream->greeting.run = greeting_run;
		if (!stream->is_greeting) {
			stream->is_greeting = true;
			object_ref(stream);
			loop_push(stream->loop, &stream->greeting);
		}
	} else if (stream->state == STREAM_OPEN) {
		stream_let_go(stream);
	}
	object_unref(stream);
	return 0;
}

void *aw_stream_protocol_data(const aw_stream *stream) {
	return object_is(stream, &stream_class) ? stream->protocol_ud : NULL;
}
