/* SPDX-License-Identifier: MIT */
/* A stream from open to closed, and the pump between its table of functions and its buffers. */
#include "stream.h"

#include "error.h"
#include "failure.h"
#include "report.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

enum {
	READ_MIN = BUFFER_MIN,
	READ_MAX = BUFFER_MAX,
	SMALL_READS = 16,     /* in a row that fill less than a quarter of the buffer halve it */
	WRITE_PARTS = 16,     /* of one writev(2) */
	DEFER_MIN = 8 * 1024, /* the size of a read from which on its reader makes it */
	DEFAULT_LIMIT = 64 * 1024,
	DEFAULT_HIGH = 64 * 1024
};

/* --- the memory of the loop's streams --- */

struct read_buffers {
	closer closer;
	aw_loop *loop;
	buffer_pool pool;
	alarm_clock shrink; /* set while the pool has more than it always keeps */
};

#define SHRINK_AFTER AW_SECOND

static void read_buffers_close(closer *base) {
	struct read_buffers *self = container_of(base, struct read_buffers, closer);
	self->loop->read_buffers = NULL;
	if (timer_is_set(&self->shrink.timer)) loop_alarm_stop(self->loop, &self->shrink);
	buffer_pool_empty(&self->pool);
	free(self);
}

static void shrink_later(buffer_pool *pool) {
	struct read_buffers *self = container_of(pool, struct read_buffers, pool);
	if (loop_closing(self->loop)) return;
	/* Without memory for a timer, the next buffer that is given back tries again. */
	if (loop_alarm_set(self->loop, &self->shrink, loop_after(self->loop, SHRINK_AFTER)) < 0)
		pool->has_grown = false;
}

static aw_status shrink_run(ready_item *item) {
	struct read_buffers *self = container_of(item, struct read_buffers, shrink.item);
	if (!loop_closing(self->loop) && buffer_pool_shrink(&self->pool)) shrink_later(&self->pool);
	return 0;
}

/* Returns NULL without memory: the streams do without it. */
static buffer_pool *pool_of(aw_loop *loop) {
	if (!loop->read_buffers) {
		struct read_buffers *self = calloc(1, sizeof *self);
		if (!self) return NULL;
		self->loop = loop;
		self->closer = (closer){.phase = CLOSE_TABLES, .close = read_buffers_close};
		self->shrink.item.run = shrink_run;
		/* A timer would move a clock that only the waits move. */
		if (!(loop->backend->capabilities & AW_BACKEND_OWN_CLOCK)) self->pool.on_grown = shrink_later;
		loop_add_closer(loop, &self->closer);
		loop->read_buffers = self;
	}
	return &loop->read_buffers->pool;
}

/* --- reading --- */

void stream_watch(aw_stream *self, uint32_t events) {
	uint32_t more = events & ~self->watched;
	if (!more || self->released) return;
	self->watched |= more;
	aw_status status = self->methods->watch(self->ud, more);
	if (status < 0) {
		self->watched &= ~more;
		stream_fail(self, status);
	}
}

static bool wants_to_read(const aw_stream *self) {
	if (self->state != STREAM_OPEN || self->eof || self->failure) return false;
	if (self->limit_reached || self->reading_paused || self->read_deferred) return false;
	/* Without reading ahead, a call asks that waits. A protocol first gets what had arrived before. */
	return self->protocol ? self->made && !self->is_greeting : !self->lazy;
}

static void update_limit(aw_stream *self, size_t size) {
	size_t most = self->need > 2 * self->limit ? self->need : 2 * self->limit;
	if (size > most)
		self->limit_reached = true;
	else if (size <= self->limit || size < self->need)
		self->limit_reached = false;
}

void stream_update_reading(aw_stream *self) {
	size_t size = in_size(&self->in);
	if (size > self->limit || self->limit_reached) update_limit(self, size);
	/* The usual case of a stream that reads ahead is that it watches already. */
	if (!(self->watched & AW_POLL_IN) && wants_to_read(self)) stream_watch(self, AW_POLL_IN);
}

void stream_note_unusual_read(aw_stream *self, size_t count, size_t room) {
	if (count == room) {
		/* What brought a full buffer once is likely to do so again. */
		size_t next = room > 2 * (size_t)self->next_read ? room : 2 * (size_t)self->next_read;
		if (room >= self->next_read) self->next_read = next < READ_MAX ? (uint32_t)next : READ_MAX;
		self->small_reads = 0;
	} else if (count >= self->next_read / 4) {
		self->small_reads = 0;
	} else if (self->next_read > READ_MIN && ++self->small_reads == SMALL_READS) {
		self->next_read /= 2;
		self->small_reads = 0;
	}
}

aw_status stream_fill(aw_stream *self) {
	size_t room = self->next_read, size = in_size(&self->in);
	if (self->need > size && self->need - size > room) room = self->need - size;
	unsigned char *memory = in_reserve(&self->in, room);
	if (!memory) return self->hiccup = -ENOMEM;
	room = in_room(&self->in);
	if (room > INT32_MAX) room = INT32_MAX;
	aw_status count = self->methods->read(self->ud, memory, room);
	if (count > 0) {
		self->in.end += (size_t)count;
		self->bytes_read += (uint64_t)count;
		stream_note_read(self, (size_t)count, room);
		return count;
	}
	if (!in_size(&self->in) && !self->in.is_borrowed) in_clear(&self->in);
	if (count == 0) self->eof = true;
	if (count < 0 && count != -EAGAIN) stream_fail(self, count);
	return count;
}

aw_status stream_read_deferred(aw_stream *self) {
	if (!self->read_deferred) return -EAGAIN;
	self->read_deferred = false;
	if (self->state != STREAM_OPEN || self->released || loop_closing(self->loop)) return -EAGAIN;
	aw_status count = stream_fill(self);
	/* As after any other read. */
	if (count != -ENOMEM) stream_update_reading(self);
	return count;
}

/*
 * If many connections have large messages, reading all of them before the first is answered takes a buffer for each,
 * which the caches do not hold. A reader that was woken reads in its turn, into the buffer that the one before
 * has released.
 */
static bool can_defer(const aw_stream *self) {
	return self->next_read >= DEFER_MIN && self->reading && !in_size(&self->in) && !self->in.is_borrowed &&
	       stream_fd_can_defer(self);
}

static void on_readable(aw_stream *self) {
	if (self->state != STREAM_OPEN || self->eof || self->failure) return;
	if (self->lazy && !self->protocol) {
		wait_queue_wake_next(&self->readers); /* it reads itself */
		return;
	}
	if (!wants_to_read(self)) return;
	aw_status count = 0;
	if (self->protocol) {
		count = protocol_read(self);
		if (count == 0) protocol_eof(self);
		if (count == -ENOMEM) stream_fail(self, -ENOMEM); /* nobody will read again */
	} else if (can_defer(self)) {
		self->read_deferred = true;
		wait_queue_wake_next(&self->readers);
		return;
	} else {
		count = stream_fill(self);
		if (count != -EAGAIN) wait_queue_wake_next(&self->readers);
	}
	/* After a hiccup, reading continues when the next read has been told. */
	if (count != -ENOMEM) stream_update_reading(self);
}

/* --- writing --- */

void stream_update_writing(aw_stream *self) {
	if (self->out.size > self->high) {
		if (self->writing_paused) return;
		self->writing_paused = true;
		protocol_writing(self, true);
	} else if (self->writing_paused && self->out.size <= self->low) {
		self->writing_paused = false;
		wait_queue_wake_all(&self->drains);
		protocol_writing(self, false);
	}
}

/* The kernel releases the descriptor meanwhile, so that the table's close need not wait. */
static void begin_end(aw_stream *self) {
	self->state = STREAM_ENDING;
	stream_fd_cancel(self);
}

static void end_soon(aw_stream *self) {
	begin_end(self);
	loop_push(self->loop, &self->end);
}

/* Everything queued has been sent. If the stream closes, ends it by `end`. */
static void on_sent(aw_stream *self, void (*end)(aw_stream *)) {
	if (self->sending) return; /* the call that sends without the queue flushes when it has ended */
	if (self->eof_wanted && !self->eof_sent) {
		aw_status status = self->methods->shutdown_write(self->ud);
		if (status == -EAGAIN) {
			stream_watch(self, AW_POLL_OUT);
			return;
		}
		self->eof_sent = true;
		if (status < 0 && status != -ENOTCONN) {
			stream_fail(self, status);
			return;
		}
	}
	if (self->state == STREAM_CLOSING) end(self);
}

static void flush(aw_stream *self, void (*end)(aw_stream *)) {
	while (self->out.size) {
		struct iovec parts[WRITE_PARTS];
		size_t count = out_parts(&self->out, parts, WRITE_PARTS);
		aw_status sent = self->methods->write(self->ud, parts, count);
		if (sent == -EAGAIN) {
			stream_watch(self, AW_POLL_OUT);
			break;
		}
		if (sent < 0) {
			stream_fail_writing(self, sent);
			return;
		}
		out_drop(&self->out, (size_t)sent);
		self->bytes_written += (uint64_t)sent;
	}
	stream_update_writing(self);
	if (!self->out.size && self->state <= STREAM_CLOSING) on_sent(self, end);
}

void stream_flush(aw_stream *self) {
	flush(self, end_soon);
}

static aw_status flush_run(ready_item *item) {
	aw_stream *self = container_of(item, aw_stream, flush);
	self->flushing = false;
	if (self->state <= STREAM_CLOSING && !self->failure && !loop_closing(self->loop)) stream_flush(self);
	object_unref(self);
	return 0;
}

static void end_now(aw_stream *self);

static void on_writable(aw_stream *self) {
	if (self->state > STREAM_CLOSING || self->failure) return;
	/* As in asyncio, the callback that has sent the last byte of a closing stream also ends it. */
	flush(self, end_now);
	if (self->out.size) return;
	wait_queue_wake_next(&self->writers);
	/* It waits for both. */
	if (self->polling_in && self->polling_out) wait_queue_wake_next(&self->readers);
}

/* --- the end --- */

void stream_hold(aw_stream *self) {
	if (self->held) return;
	self->held = true;
	object_ref(self);
}

void stream_let_go(aw_stream *self) {
	if (!self->held) return;
	self->held = false;
	object_unref(self);
}

static aw_status deadline_run(ready_item *item) {
	aw_stream *self = container_of(item, aw_stream, deadline.item);
	if (!loop_closing(self->loop) && self->state != STREAM_CLOSED) {
		self->late = true;
		stream_abort(self);
	}
	object_unref(self);
	return 0;
}

aw_status stream_set_deadline(aw_stream *self, int64_t when) {
	bool is_set = timer_is_set(&self->deadline.timer);
	if (self->state == STREAM_CLOSED || (is_set && self->deadline.timer.when <= when)) return 0;
	aw_status status = loop_alarm_set(self->loop, &self->deadline, when);
	if (status == 0 && !is_set) object_ref(self);
	if (status < 0 && is_set) object_unref(self);
	return status;
}

static void deadline_stop(aw_stream *self) {
	if (!timer_is_set(&self->deadline.timer)) return;
	loop_alarm_stop(self->loop, &self->deadline);
	object_unref(self);
}

static void methods_release(aw_stream *self) {
	if (self->released) return;
	self->released = true;
	self->watched = 0;
	self->methods->release(self->ud);
}

static void tell_owner(aw_stream *self) {
	void (*on_closed)(aw_stream *, void *) = self->on_closed;
	self->on_closed = NULL;
	if (on_closed) on_closed(self, self->owner);
}

static void on_closed(aw_stream *self) {
	self->in.pool = NULL; /* the stream may outlive the loop */
	self->state = STREAM_CLOSED;
	if (!self->failure) fd_queue_clear(self); /* after a failure, what has arrived can still be taken */
	methods_release(self);
	loop_remove_closer(self->loop, &self->closer);
	wait_queue_wake_all(&self->closes);
	deadline_stop(self);
	protocol_lost(self);
	tell_owner(self);
	stream_let_go(self);
}

static void try_to_end(aw_stream *self) {
	aw_status status = self->methods->close(self->ud, self->aborting);
	if (status == -EAGAIN) return;
	if (status < 0 && !self->failure && !self->aborting) self->failure = status;
	on_closed(self);
}

/* Calls that wait are woken in asyncio's order: readers, wait_closed(), drain(). */
static void finish(aw_stream *self) {
	object_ref(self);
	self->ending = true;
	self->eof = true;
	self->writing_paused = false;
	wait_queue_wake_all(&self->readers);
	wait_queue_wake_all(&self->writers);
	try_to_end(self);
	wait_queue_wake_all(&self->drains);
	object_unref(self);
}

static void end_now(aw_stream *self) {
	begin_end(self);
	finish(self);
}

/* The iteration after close(), abort() or a failure. */
static aw_status end_run(ready_item *item) {
	aw_stream *self = container_of(item, aw_stream, end);
	if (self->state == STREAM_ENDING && !loop_closing(self->loop)) finish(self);
	return 0;
}

void stream_fail(aw_stream *self, aw_status status) {
	if (!self->failure) self->failure = status;
	(void)stream_read_deferred(self);
	self->aborting = true;
	out_clear(&self->out);
	if (self->state >= STREAM_ENDING) return;
	stream_hold(self);
	end_soon(self);
}

/*
 * A peer that does not want to know the rest may have said why before it went: what it has sent can still be read.
 * What arrives while this looks does not count, so that it ends.
 */
static void take_rest(aw_stream *self) {
	size_t size = in_size(&self->in), most = 2 * self->limit;
	size_t left = stream_fd_unread(self, size < most ? most - size : 0);
	while (left && !self->eof) {
		aw_status count = stream_fill(self);
		if (count <= 0) return;
		left -= (size_t)count < left ? (size_t)count : left;
	}
}

void stream_fail_writing(aw_stream *self, aw_status status) {
	if (!self->failure) self->failure = status;
	bool has_gone = status == -EPIPE || status == -ECONNRESET;
	/* A protocol that takes its data by callbacks gets none after a failure. */
	bool keeps_data = !self->protocol || self->protocol->data_available;
	bool is_read = self->state == STREAM_OPEN && keeps_data && !self->write_only;
	/* A copy that has bytes in a pipe gives them back to a buffer that it knows. */
	if (has_gone && is_read && !self->in_pipe) take_rest(self);
	stream_fail(self, status);
}

aw_status stream_failure(aw_stream *self, aw_status otherwise) {
	if (!self->failure) return otherwise;
	self->told = true;
	return self->failure;
}

void stream_close(aw_stream *self) {
	if (self->state != STREAM_OPEN) return;
	(void)stream_read_deferred(self);
	if (self->state != STREAM_OPEN) return; /* that has failed */
	self->state = STREAM_CLOSING;
	stream_hold(self);
	/* Take back the wish to read; a second call of watch asks again for what remains. */
	bool is_writing = self->watched & AW_POLL_OUT;
	self->watched = 0;
	aw_status status = self->methods->watch(self->ud, 0);
	if (status == 0 && is_writing) stream_watch(self, AW_POLL_OUT);
	if (status < 0) stream_fail(self, status);
	if (self->state != STREAM_CLOSING) return;
	if (!self->out.size)
		on_sent(self, end_soon);
	else if (!is_writing)
		stream_flush(self);
}

void stream_abort(aw_stream *self) {
	if (self->state == STREAM_CLOSED) return;
	(void)stream_read_deferred(self);
	self->aborting = true;
	out_clear(&self->out);
	if (self->state == STREAM_ENDING) {
		if (self->ending) try_to_end(self);
		return;
	}
	stream_hold(self);
	end_soon(self);
}

void stream_ready(aw_stream *self, uint32_t events) {
	if (self->state == STREAM_CLOSED) return;
	object_ref(self);
	self->watched &= ~events;
	if (self->state == STREAM_ENDING) {
		if (self->ending) try_to_end(self);
	} else {
		if (events & AW_POLL_IN) on_readable(self);
		if (events & AW_POLL_OUT) on_writable(self);
	}
	object_unref(self);
}

/* The loop closes: everything is given up. */
static void stream_shut(closer *base) {
	aw_stream *self = container_of(base, aw_stream, closer);
	self->in.pool = NULL;
	self->state = STREAM_CLOSED;
	self->eof = true;
	if (!self->failure) self->failure = AW_ELOOPCLOSED;
	fd_queue_clear(self);
	out_clear(&self->out);
	methods_release(self);
	protocol_clear(self);
	tell_owner(self);
	stream_let_go(self);
}

static void stream_release(object *base) {
	aw_stream *self = (aw_stream *)(void *)base;
	if (self->state == STREAM_OPEN && !loop_closing(self->loop)) {
		report_at(self->loop, "a stream was dropped without being closed", NULL, self->origin);
		/* The handler may have taken a reference. */
		if (object_was_kept(base)) return;
	}
	loop_remove_closer(self->loop, &self->closer);
	methods_release(self);
	protocol_clear(self);
	tell_owner(self);
	fd_queue_clear(self);
	in_clear(&self->in);
	out_clear(&self->out);
	aw_error_unref(self->error);
	object_free(base);
}

const object_class stream_class = {.name = "stream", .size = sizeof(aw_stream), .release = stream_release};

/* --- making one --- */

static aw_status methods_check(const aw_stream_methods *methods) {
	return methods ? SIZED_CHECK(aw_stream_methods, methods, splice_write) : -EINVAL;
}

static void drop_data(const aw_stream_methods *methods, void *ud) {
	if (methods_check(methods) == 0 && methods->release) methods->release(ud);
}

static bool methods_are_complete(const aw_stream_methods *methods) {
	return methods->name && methods->read && methods->write && methods->watch && methods->close &&
	       methods->release;
}

/* Sets the marks as asyncio does; -1: the default. */
static bool set_marks(aw_stream *self, int64_t high, int64_t low) {
	if (high < 0) high = low < 0 ? DEFAULT_HIGH : low > INT64_MAX / 4 ? INT64_MAX : 4 * low;
	if (low < 0) low = high / 4;
	if (low > high) return false;
	self->high = (size_t)high;
	self->low = (size_t)low;
	return true;
}

static int64_t mark_of(uint64_t given) {
	return !given ? -1 : given > INT64_MAX ? INT64_MAX : (int64_t)given;
}

aw_status stream_make(aw_loop *loop, const aw_stream_methods *methods, void *ud,
                      const aw_stream_options *options, const void *origin, aw_stream **out) {
	aw_stream_options own = {0};
	aw_status status = methods_check(methods);
	if (status == 0) status = stream_options_read(options, &own);
	if (status == 0 && (!methods_are_complete(methods) || own.limit > INT32_MAX)) status = -EINVAL;
	bool receives_fds = status == 0 && own.flags & AW_STREAM_RECEIVE_FDS;
	if (receives_fds && !methods_receive_fds(methods)) status = -EOPNOTSUPP;
	aw_stream *self = status < 0 ? NULL : object_new(&loop->domain, &stream_class);
	if (status == 0 && !self) status = -ENOMEM;
	if (self && !set_marks(self, mark_of(own.high_water), mark_of(own.low_water))) {
		status = -EINVAL;
		object_free(&self->base);
	}
	if (status == 0 && receives_fds && !(self->fds = fd_queue_new())) {
		status = -ENOMEM;
		object_free(&self->base);
	}
	if (status < 0) {
		drop_data(methods, ud);
		return status;
	}
	self->loop = loop;
	self->methods = methods;
	self->ud = ud;
	self->origin = origin;
	self->closer.close = stream_shut;
	self->lazy = own.flags & (AW_STREAM_NO_READ_AHEAD | AW_STREAM_RECEIVE_FDS);
	self->limit = own.limit ? own.limit : DEFAULT_LIMIT;
	self->next_read = READ_MIN;
	self->in.pool = pool_of(loop);
	self->flush.run = flush_run;
	self->end.run = end_run;
	self->deadline.item.run = deadline_run;
	loop_add_closer(loop, &self->closer);
	*out = self;
	return 0;
}

aw_status stream_check(const aw_stream *self) {
	return object_is(self, &stream_class) ? loop_check(self->loop) : AW_EBADHANDLE;
}

ENTRY(aw_stream_new, (aw_loop *loop, const aw_stream_methods *methods, void *ud,
                      const aw_stream_options *options, aw_stream **out),
      (loop, methods, ud, options, out)) {
	aw_status status = loop_resolve(&loop);
	if (status == 0 && !out) status = -EINVAL;
	if (status < 0) {
		drop_data(methods, ud);
		return status;
	}
	status = stream_make(loop, methods, ud, options, CALLER, out);
	if (status < 0) return status;
	object_hand_out(*out, CALLER);
	stream_update_reading(*out);
	return 0;
}

REFERENCES(aw_stream, object_is(self, &stream_class))

ENTRY(aw_stream_ready, (aw_stream *stream, uint32_t events), (stream, events)) {
	aw_status status = stream_check(stream);
	if (status == 0) stream_ready(stream, events);
	return status;
}

ENTRY(aw_stream_fail, (aw_stream *stream, aw_error *error), (stream, error)) {
	aw_status status = stream_check(stream), failure = aw_error_status(error);
	if (status == 0 && failure >= 0) status = AW_EBADHANDLE;
	if (status < 0) return status;
	if (!stream->failure && stream->state != STREAM_CLOSED) stream->error = aw_error_ref(error);
	stream_fail(stream, failure);
	return 0;
}

ENTRY(aw_stream_close, (aw_stream *stream), (stream)) {
	aw_status status = stream_check(stream);
	if (status == 0) stream_close(stream);
	return status;
}

ENTRY(aw_stream_abort, (aw_stream *stream), (stream)) {
	aw_status status = stream_check(stream);
	if (status == 0) stream_abort(stream);
	return status;
}

aw_bool aw_stream_is_closing(const aw_stream *stream) {
	return object_is(stream, &stream_class) && stream->state != STREAM_OPEN;
}

ENTRY(aw_stream_set_write_buffer_limits, (aw_stream *stream, int64_t high, int64_t low),
      (stream, high, low)) {
	aw_status status = stream_check(stream);
	if (status < 0) return status;
	if (high < -1 || low < -1 || !set_marks(stream, high, low)) return -EINVAL;
	stream_update_writing(stream);
	return 0;
}
