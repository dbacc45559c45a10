/* SPDX-License-Identifier: MIT */
/*
 * Two streams in memory. Each half owns the bytes that its peer has written and it has not read yet; a half
 * becomes ready in the iteration after what its peer has done, as a socket would.
 */
#include "failure.h"
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum { PAIR_ROOM = 64 * 1024 };

typedef struct half half;

struct half {
	aw_stream *stream; /* borrowed; NULL once it is gone */
	aw_loop *loop;
	half *peer; /* NULL once it is gone */
	in_buffer in;
	bool has_ended; /* the peer writes no more */
	bool was_reset; /* the peer was aborted */
	uint32_t wanted;
	bool is_queued, is_released;
	ready_item item; /* has a reference to the stream */
};

static bool is_readable(const half *self) {
	return in_size(&self->in) || self->has_ended || self->was_reset;
}

static bool is_writable(const half *self) {
	return !self->peer || self->was_reset || in_size(&self->peer->in) < PAIR_ROOM;
}

static aw_status half_run(ready_item *item) {
	half *self = container_of(item, half, item);
	aw_stream *stream = self->stream;
	self->is_queued = false;
	uint32_t ready = 0;
	if (self->wanted & AW_POLL_IN && is_readable(self)) ready |= AW_POLL_IN;
	if (self->wanted & AW_POLL_OUT && is_writable(self)) ready |= AW_POLL_OUT;
	self->wanted &= ~ready;
	if (self->is_released)
		free(self);
	else if (ready && !loop_closing(self->loop))
		stream_ready(stream, ready);
	object_unref(stream);
	return 0;
}

/* Tells the half's stream, in the next iteration, what is possible by then. */
static void half_wake(half *self) {
	if (self->is_queued || !self->stream || loop_closing(self->loop)) return;
	if (!(self->wanted & AW_POLL_IN && is_readable(self)) &&
	    !(self->wanted & AW_POLL_OUT && is_writable(self)))
		return;
	self->is_queued = true;
	object_ref(self->stream);
	loop_push(self->loop, &self->item);
}

static aw_status half_read(void *ud, void *buffer, size_t length) {
	half *self = ud;
	size_t size = in_size(&self->in);
	if (self->was_reset) return -ECONNRESET;
	if (!size) return self->has_ended ? 0 : -EAGAIN;
	size_t count = size < length ? size : length;
	memcpy(buffer, in_data(&self->in), count);
	in_take(&self->in, count);
	if (count == size) in_clear(&self->in);
	if (self->peer) half_wake(self->peer);
	return (aw_status)count;
}

static aw_status half_write(void *ud, const struct iovec *parts, size_t count) {
	half *self = ud;
	if (self->was_reset) return -ECONNRESET;
	if (!self->peer) return -EPIPE;
	in_buffer *in = &self->peer->in;
	size_t room = PAIR_ROOM - in_size(in), done = 0;
	if (!room) return -EAGAIN;
	for (size_t i = 0; i < count && done < room; i++) {
		size_t size = parts[i].iov_len < room - done ? parts[i].iov_len : room - done;
		if (!size) continue;
		unsigned char *memory = in_reserve(in, size);
		if (!memory) break;
		memcpy(memory, parts[i].iov_base, size);
		in->end += size;
		done += size;
	}
	if (!done) return -ENOMEM;
	half_wake(self->peer);
	return (aw_status)done;
}

static aw_status half_watch(void *ud, uint32_t events) {
	half *self = ud;
	self->wanted = events ? self->wanted | events : 0;
	half_wake(self);
	return 0;
}

static void half_end(half *self) {
	if (!self->peer) return;
	self->peer->has_ended = true;
	half_wake(self->peer);
}

static aw_status half_shutdown(void *ud) {
	half_end(ud);
	return 0;
}

static aw_status half_close(void *ud, aw_bool aborting) {
	half *self = ud;
	half *peer = self->peer;
	if (!peer) return 0;
	half_end(self);
	/* As with a socket: what the peer had sent, and was never read, resets the connection. */
	if (aborting || in_size(&self->in)) {
		peer->was_reset = true;
		in_clear(&peer->in);
	}
	self->peer = peer->peer = NULL;
	half_wake(peer);
	return 0;
}

static void half_release(void *ud) {
	half *self = ud;
	half_close(self, 1);
	in_clear(&self->in);
	self->wanted = 0;
	self->is_released = true;
	if (!self->is_queued) free(self);
}

static const aw_stream_methods half_methods = {.size = sizeof half_methods,
                                               .name = "memory",
                                               .read = half_read,
                                               .write = half_write,
                                               .watch = half_watch,
                                               .shutdown_write = half_shutdown,
                                               .close = half_close,
                                               .release = half_release};

static half *half_new(aw_loop *loop) {
	half *self = calloc(1, sizeof *self);
	if (!self) return NULL;
	self->loop = loop;
	self->item.run = half_run;
	return self;
}

ENTRY(aw_stream_pair, (aw_loop *loop, const aw_stream_options *options, aw_stream **out, aw_stream **out_peer),
      (loop, options, out, out_peer)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out || !out_peer) return -EINVAL;
	half *one = half_new(loop), *other = one ? half_new(loop) : NULL;
	if (!other) {
		free(one);
		return -ENOMEM;
	}
	one->peer = other;
	other->peer = one;
	aw_stream *first = NULL, *second = NULL;
	status = stream_make(loop, &half_methods, one, options, CALLER, &first);
	if (status < 0) {
		free(other); /* `one` is gone, and has told it */
		return status;
	}
	status = stream_make(loop, &half_methods, other, options, CALLER, &second);
	if (status < 0) {
		stream_abort(first);
		object_unref(first);
		return status;
	}
	one->stream = first;
	other->stream = second;
	stream_update_reading(first);
	stream_update_reading(second);
	*out = object_hand_out(first, CALLER);
	*out_peer = object_hand_out(second, CALLER);
	return 0;
}
