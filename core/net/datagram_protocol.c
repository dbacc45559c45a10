/* SPDX-License-Identifier: MIT */
/* Endpoints with callbacks, and sending without waiting. The order of the callbacks is asyncio's. */
#include "datagram.h"

#include "failure.h"
#include "future.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- callbacks --- */

aw_status endpoint_protocol_new(const aw_datagram_protocol *table, void *ud, aw_destroy_fn destroy,
                                size_t capacity, uint32_t max_per_iteration, endpoint_protocol **out) {
	endpoint_protocol *self = malloc(sizeof *self + capacity); /* a page is only touched once it is used */
	if (!self) return -ENOMEM;
	*self = (endpoint_protocol){.table = *table,
	                            .ud = ud,
	                            .destroy = destroy,
	                            .context = context_capture(),
	                            .max_per_iteration = max_per_iteration ? max_per_iteration : 1,
	                            .capacity = capacity};
	*out = self;
	return 0;
}

void endpoint_protocol_free(endpoint_protocol *self) {
	if (self->made) object_unref(self->made);
	context_drop(self->context);
	object_destroy_user(self->destroy, self->ud);
	free(self);
}

/* Calls a function of the table in the protocol's context. */
#define CALL(self, name, ...)                                                                       \
	__extension__({                                                                                 \
		endpoint_protocol *call_protocol = (self)->protocol;                                        \
		aw_status call_status = 0;                                                                  \
		if (call_protocol && call_protocol->table.name) {                                           \
			binding *call_outer = context_swap(call_protocol->context);                             \
			call_status = call_protocol->table.name((self)->handle, __VA_ARGS__ call_protocol->ud); \
			call_protocol->context = context_swap(call_outer);                                      \
		}                                                                                           \
		call_status;                                                                                \
	})
/* An argument of CALL() before `ud`. */
#define AND(argument) argument,

/* Reports a failure of a callback. Returns AW_ESYSTEMEXIT or 0. */
static aw_status called(endpoint *self, aw_status status, const char *message) {
	if (status == AW_ESYSTEMEXIT) return status;
	if (status < 0 && message)
		report_status(self->loop, message, status, NULL, NULL);
	else if (status != 0)
		report_callback(self->loop, status, self->origin);
	return 0;
}

static aw_status call_error_received(endpoint *self, aw_status error) {
	return called(self, CALL(self, error_received, AND(error)), NULL);
}

aw_status endpoint_connection_lost(endpoint *self) {
	return called(self, CALL(self, connection_lost, AND(self->lost_error)), NULL);
}

/* --- receiving --- */

static aw_status deliver(endpoint *self, size_t length, size_t segment, const struct sockaddr *address,
                         uint32_t address_length) {
	const unsigned char *data = self->protocol->buffer;
	aw_status leave = 0;
	do {
		size_t part = segment && segment < length ? segment : length;
		aw_status status =
			CALL(self, datagram_received, AND(data) AND(part) AND(address) AND(address_length));
		if (called(self, status, NULL) < 0) leave = AW_ESYSTEMEXIT;
		data += part;
		length -= part;
	} while (length && !self->closing);
	return leave;
}

/* Receives one datagram. Returns 1 if there may be more. */
static aw_status receive_one(endpoint *self, aw_status *out_leave) {
	struct sockaddr_storage address;
	_Alignas(struct cmsghdr) char control[SEGMENT_CONTROL];
	struct iovec part = {.iov_base = self->protocol->buffer, .iov_len = self->protocol->capacity};
	struct msghdr message = {
		.msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &part, .msg_iovlen = 1};
	if (self->gro) {
		message.msg_control = control;
		message.msg_controllen = sizeof control;
	}
	ssize_t length;
	do {
		length = recvmsg(self->fd, &message, MSG_DONTWAIT);
	} while (length < 0 && errno == EINTR);
	if (length < 0 && errno == EAGAIN) return 0;
	aw_status status;
	if (length < 0)
		status = call_error_received(self, -errno);
	else if (message.msg_flags & MSG_TRUNC)
		status = call_error_received(self, -EMSGSIZE);
	else
		status = deliver(self, (size_t)length, self->gro ? datagram_segment_of(&message) : 0,
		                 (struct sockaddr *)&address, message.msg_namelen);
	if (status < 0) *out_leave = status;
	return 1;
}

/* Polls again after a few datagrams, so that a flood leaves time for others. */
void endpoint_receive(endpoint *self) {
	uint32_t left = self->protocol->max_per_iteration;
	aw_status leave = 0;
	while (left-- && receive_one(self, &leave) && !self->closing && !leave) {
	}
	if (leave) self->loop->leaving = true;
	if (self->closing) return;
	aw_status status = endpoint_watch_read(self);
	if (status < 0) endpoint_abort(self, status);
}

/* --- the start --- */

static aw_status made_run(ready_item *item) {
	endpoint *self = container_of(item, endpoint, made_item);
	aw_status leave = 0;
	if (self->protocol && !loop_closing(self->loop)) {
		leave = called(self, CALL(self, connection_made, ), NULL);
		aw_status status = self->closing ? 0 : endpoint_watch_read(self);
		if (status < 0) endpoint_abort(self, status);
		future_finish(self->protocol->made, NULL, NULL);
	}
	object_unref(self);
	return leave;
}

void endpoint_begin(endpoint *self, aw_future *made) {
	self->protocol->made = object_ref(made);
	self->made_item.run = made_run;
	object_ref(self);
	loop_push(self->loop, &self->made_item);
}

/* --- sending --- */

static ssize_t send_now(const endpoint *self, const void *data, size_t length, const void *address,
                        uint32_t address_length) {
	ssize_t sent;
	do {
		sent = sendto(self->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address_length);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

static aw_status maybe_pause(endpoint *self) {
	if (self->paused || self->buffered <= self->high) return 0;
	self->paused = true;
	return called(self, CALL(self, pause_writing, ), "protocol.pause_writing() failed");
}

static aw_status maybe_resume(endpoint *self) {
	if (!self->paused || self->buffered > self->low) return 0;
	self->paused = false;
	return called(self, CALL(self, resume_writing, ), "protocol.resume_writing() failed");
}

/* The socket is writable, and something is kept. */
void endpoint_flush(endpoint *self) {
	aw_status leave = 0;
	for (packet *at; (at = self->first);) {
		const void *address = at->address_length ? at->bytes : NULL;
		ssize_t sent =
			send_now(self, at->bytes + at->address_length, at->length, address, at->address_length);
		if (sent == -EAGAIN) break;
		endpoint_sent(self);
		self->first = at->next;
		self->buffered -= at->length;
		free(at);
		if (sent >= 0) continue;
		leave = call_error_received(self, (aw_status)sent);
		break; /* as asyncio does: the rest when the socket is ready again */
	}
	if (!self->lost_queued) {
		aw_status status = maybe_resume(self);
		if (status < 0) leave = status;
	}
	if (leave) self->loop->leaving = true;
	if (self->lost_queued) return;
	if (self->first) {
		aw_status status = endpoint_watch_write(self);
		if (status < 0) endpoint_abort(self, status);
	} else if (self->closing) {
		endpoint_lose(self, 0);
	}
}

static aw_status keep(endpoint *self, const void *data, size_t length, const void *address,
                      uint32_t address_length) {
	packet *made = malloc(sizeof *made + address_length + length);
	if (!made) return -ENOMEM;
	*made = (packet){.length = length, .address_length = address_length};
	if (address_length) memcpy(made->bytes, address, address_length);
	if (length) memcpy(made->bytes + address_length, data, length);
	aw_status status = endpoint_watch_write(self);
	if (status < 0) {
		free(made);
		return status;
	}
	if (self->first)
		self->last->next = made;
	else
		self->first = made;
	self->last = made;
	self->buffered += length;
	return maybe_pause(self);
}

ENTRY(aw_datagram_sendto, (aw_datagram *datagram, const void *data, size_t length,
                           const struct sockaddr *address, uint32_t address_length),
      (datagram, data, length, address, address_length)) {
	aw_status status = datagram_check_open(datagram);
	if (status < 0) return status;
	endpoint *self = datagram_endpoint(datagram);
	if (length && !data) return -EINVAL;
	status = endpoint_destination(self, &address, &address_length);
	if (status < 0) return status;
	if (!self->first) {
		ssize_t sent = send_now(self, data, length, address, address_length);
		if (sent >= 0) {
			endpoint_sent(self);
			return 0;
		}
		if (sent != -EAGAIN)
			return self->protocol ? call_error_received(self, (aw_status)sent) : (aw_status)sent;
	}
	return keep(self, data, length, address, address_length);
}
