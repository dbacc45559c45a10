/* SPDX-License-Identifier: MIT */
/* The life of a datagram endpoint: its polls, and its end. */
#include "datagram.h"

#include "failure.h"
#include "os.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>

struct aw_datagram {
	object base;
	endpoint *endpoint; /* a reference */
};

static const size_t default_high = 64 << 10;
enum { BACKOFF_MIN = AW_MILLISECOND, BACKOFF_MAX = 64 * AW_MILLISECOND };

/* --- polls --- */

void endpoint_wake(wait_queue *waiters) {
	while (wait_queue_wake_next(waiters)) {
	}
}

/* Closes the socket once the backend has released it. */
static void shut(endpoint *self) {
	if (!self->ended || self->read.armed || self->write.armed) return;
	os_close(&self->fd);
	endpoint_wake(&self->closed);
}

static void side_done(endpoint *self, endpoint_side *side, void (*ready)(endpoint *self)) {
	int64_t result = side->operation.op.result;
	side->armed = false;
	side->polled = result >= 0;
	if (self->ended || loop_closing(self->loop))
		shut(self);
	else if (result < 0 && result != -ECANCELED)
		endpoint_abort(self, (aw_status)result);
	else
		ready(self);
	object_unref(self);
}

static void read_ready(endpoint *self) {
	endpoint_wake(&self->read.waiters);
	if (self->protocol && !self->closing) endpoint_receive(self);
}

static void write_ready(endpoint *self) {
	self->write_ready = true;
	if (self->first) endpoint_flush(self);
	if (!self->first) endpoint_wake(&self->write.waiters);
}

static void read_done(operation *ended) {
	endpoint *self = container_of(ended, endpoint, read.operation);
	side_done(self, &self->read, read_ready);
}

static void write_done(operation *ended) {
	endpoint *self = container_of(ended, endpoint, write.operation);
	side_done(self, &self->write, write_ready);
}

static aw_status watch(endpoint *self, endpoint_side *side) {
	if (side->armed) return 0;
	if (loop_closing(self->loop)) return AW_ELOOPCLOSED;
	side->operation.op.offset = side->polled ? AW_OP_POLL_AGAIN : AW_OP_POLL_STANDING;
	/* Batched: the socket stays open until the poll has ended. */
	aw_status status = loop_submit_batched(self->loop, &side->operation);
	if (status < 0) return status;
	side->armed = true;
	object_ref(self);
	return 0;
}

aw_status endpoint_watch_read(endpoint *self) {
	return watch(self, &self->read);
}

static aw_status backoff_run(ready_item *item) {
	endpoint *self = container_of(item, endpoint, backoff.item);
	if (!self->ended && !loop_closing(self->loop)) write_ready(self);
	object_unref(self);
	return 0;
}

static void backoff_stop(endpoint *self) {
	if (!timer_is_set(&self->backoff.timer)) return;
	loop_alarm_stop(self->loop, &self->backoff);
	object_unref(self);
}

/*
 * A Unix socket is writable while its own buffer has room, although the receiver's queue may be full: polling
 * would return at once, for as long as that lasts. So after a wait in vain the next one is by the clock.
 */
aw_status endpoint_watch_write(endpoint *self) {
	if (!self->write_ready || self->family != AF_UNIX || self->connected) return watch(self, &self->write);
	if (timer_is_set(&self->backoff.timer)) return 0;
	if (loop_closing(self->loop)) return AW_ELOOPCLOSED;
	int64_t delay = self->backoff_delay * 2;
	if (delay < BACKOFF_MIN) delay = BACKOFF_MIN;
	if (delay > BACKOFF_MAX) delay = BACKOFF_MAX;
	aw_status status = loop_alarm_set(self->loop, &self->backoff, loop_after(self->loop, delay));
	if (status < 0) return status;
	self->backoff_delay = delay;
	object_ref(self);
	return 0;
}

void endpoint_sent(endpoint *self) {
	self->write_ready = false;
	self->backoff_delay = 0;
}

/* --- the end --- */

static void drop_packets(endpoint *self) {
	for (packet *at; (at = self->first);) {
		self->first = at->next;
		free(at);
	}
	self->buffered = 0;
}

static void end(endpoint *self) {
	if (self->ended) return;
	self->ended = self->closing = self->lost_queued = true;
	loop_remove_closer(self->loop, &self->closer);
	drop_packets(self);
	backoff_stop(self);
	endpoint_wake(&self->read.waiters);
	endpoint_wake(&self->write.waiters);
	if (self->read.armed) loop_cancel(self->loop, &self->read.operation);
	if (self->write.armed) loop_cancel(self->loop, &self->write.operation);
	endpoint_protocol *protocol = self->protocol;
	aw_datagram *handle = self->handle;
	self->protocol = NULL;
	self->handle = NULL;
	shut(self);
	if (protocol) endpoint_protocol_free(protocol);
	if (handle) object_unref(handle);
}

void endpoint_discard(endpoint *self) {
	end(self);
}

/* The loop closes: nothing is called. */
static void endpoint_closer(closer *base) {
	endpoint *self = container_of(base, endpoint, closer);
	object_ref(self);
	end(self);
	object_unref(self);
}

static aw_status lost_run(ready_item *item) {
	endpoint *self = container_of(item, endpoint, lost_item);
	aw_status status = 0;
	if (!self->ended && !loop_closing(self->loop)) status = endpoint_connection_lost(self);
	end(self);
	object_unref(self);
	return status;
}

void endpoint_lose(endpoint *self, aw_status error) {
	if (self->lost_queued) return;
	self->closing = self->lost_queued = true;
	self->lost_error = error;
	backoff_stop(self);
	if (self->read.armed) loop_cancel(self->loop, &self->read.operation);
	if (self->write.armed) loop_cancel(self->loop, &self->write.operation);
	endpoint_wake(&self->read.waiters);
	endpoint_wake(&self->write.waiters);
	if (loop_closing(self->loop)) {
		end(self);
		return;
	}
	object_ref(self);
	loop_push(self->loop, &self->lost_item);
}

void endpoint_abort(endpoint *self, aw_status error) {
	if (self->lost_queued) return;
	drop_packets(self);
	endpoint_lose(self, error);
}

void endpoint_close(endpoint *self) {
	if (self->closing) return;
	if (!self->first) {
		endpoint_lose(self, 0);
		return;
	}
	self->closing = true; /* endpoint_flush() ends it */
	if (self->read.armed) loop_cancel(self->loop, &self->read.operation);
	endpoint_wake(&self->read.waiters);
	endpoint_wake(&self->write.waiters);
}

aw_status endpoint_closed_status(const endpoint *self) {
	return self->lost_error < 0 ? self->lost_error : AW_EINVALIDSTATE;
}

/* --- creation --- */

static void endpoint_release(object *base) {
	endpoint *self = (endpoint *)base;
	free(self->remote);
	object_free(base);
}

static const object_class endpoint_class = {
	.name = "endpoint", .size = sizeof(endpoint), .release = endpoint_release};

static void datagram_release(object *base) {
	endpoint *self = ((aw_datagram *)(void *)base)->endpoint;
	if (!self->closing && !loop_closing(self->loop) && self->loop->debug)
		report_at(self->loop, "a datagram endpoint was never closed", NULL, self->origin);
	endpoint_abort(self, 0);
	object_free(base);
	object_unref(self);
}

static const object_class datagram_class = {
	.name = "datagram", .size = sizeof(aw_datagram), .release = datagram_release};

REFERENCES(aw_datagram, object_is(self, &datagram_class))

aw_status endpoint_new(aw_loop *loop, int fd, const void *origin, aw_datagram **out) {
	aw_datagram *handle = object_new(&loop->domain, &datagram_class);
	endpoint *self = handle ? object_new(&loop->domain, &endpoint_class) : NULL;
	if (!self) {
		if (handle) object_free(&handle->base);
		return -ENOMEM;
	}
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof address;
	handle->endpoint = self;
	self->loop = loop;
	self->fd = fd;
	self->origin = origin;
	self->connected = getpeername(fd, (struct sockaddr *)&address, &length) == 0;
	length = sizeof address;
	if (getsockname(fd, (struct sockaddr *)&address, &length) == 0) self->family = address.ss_family;
	self->high = default_high;
	self->low = default_high / 4;
	self->lost_item.run = lost_run;
	self->backoff.item.run = backoff_run;
	self->read.operation = (operation){
		.done = read_done, .op = {.kind = AW_OP_POLL, .fd = fd, .flags = AW_POLL_IN | AW_OP_POLL_HELD_OPEN}};
	self->write.operation =
		(operation){.done = write_done,
	                .op = {.kind = AW_OP_POLL, .fd = fd, .flags = AW_POLL_OUT | AW_OP_POLL_HELD_OPEN}};
	self->closer = (closer){.phase = CLOSE_WORK, .close = endpoint_closer};
	loop_add_closer(loop, &self->closer);
	*out = handle;
	return 0;
}

/* --- public functions --- */

endpoint *datagram_endpoint(const aw_datagram *handle) {
	return handle->endpoint;
}

aw_status datagram_check(const aw_datagram *handle) {
	return object_is(handle, &datagram_class) ? loop_check(handle->endpoint->loop) : AW_EBADHANDLE;
}

aw_status datagram_check_open(const aw_datagram *handle) {
	aw_status status = datagram_check(handle);
	if (status < 0) return status;
	return handle->endpoint->closing ? endpoint_closed_status(handle->endpoint) : 0;
}

ENTRY(aw_datagram_close, (aw_datagram *datagram), (datagram)) {
	aw_status status = datagram_check(datagram);
	if (status == 0) endpoint_close(datagram->endpoint);
	return status;
}

ENTRY(aw_datagram_abort, (aw_datagram *datagram), (datagram)) {
	aw_status status = datagram_check(datagram);
	if (status == 0) endpoint_abort(datagram->endpoint, 0);
	return status;
}

aw_bool aw_datagram_is_closing(const aw_datagram *datagram) {
	return object_is(datagram, &datagram_class) && datagram->endpoint->closing;
}

size_t aw_datagram_write_buffer_size(const aw_datagram *datagram) {
	return object_is(datagram, &datagram_class) ? datagram->endpoint->buffered : 0;
}

ENTRY(aw_datagram_set_write_buffer_limits, (aw_datagram *datagram, size_t high, size_t low),
      (datagram, high, low)) {
	aw_status status = datagram_check(datagram);
	if (status < 0) return status;
	if (low > high) return -EINVAL;
	datagram->endpoint->high = high;
	datagram->endpoint->low = low;
	return 0;
}

ENTRY(aw_datagram_write_buffer_limits, (const aw_datagram *datagram, size_t *out_high, size_t *out_low),
      (datagram, out_high, out_low)) {
	aw_status status = datagram_check(datagram);
	if (status < 0) return status;
	if (out_high) *out_high = datagram->endpoint->high;
	if (out_low) *out_low = datagram->endpoint->low;
	return 0;
}
