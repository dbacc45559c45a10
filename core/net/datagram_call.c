/* SPDX-License-Identifier: MIT */
/* Awaited calls on a datagram endpoint: each tries the system call, and again when the socket is ready. */
#include "datagram.h"

#include "coro.h"
#include "failure.h"
#include "system_calls.h"
#include "task.h"

#include <await/stackless.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* The most datagrams in one system call: what describes them lies on the stack, of a task perhaps. */
enum { BATCH = 32 };

typedef struct datagram_call datagram_call;

typedef struct datagram_verb {
	/* Returns the result; -EAGAIN: wait. */
	aw_status (*attempt)(datagram_call *self);
	bool reads, writes;
} datagram_verb;

struct datagram_call {
	aw_frame frame;
	const datagram_verb *verb;
	endpoint *endpoint; /* a reference of a coroutine; a stackful task's call borrows the handle's */
	waiter waiter;
	aw_status result;
	unsigned char *data;
	size_t length;
	struct sockaddr *address;
	uint32_t *address_room; /* in, out */
	uint32_t address_length;
	aw_datagram_message *messages;
	size_t count;
};

static size_t count_limit(size_t length) {
	return length > INT32_MAX ? INT32_MAX : length;
}

/* --- addresses --- */

aw_status endpoint_destination(const endpoint *self, const struct sockaddr **address,
                               uint32_t *address_length) {
	if (!*address) {
		*address_length = 0;
		if (self->connected) return 0;
		if (!self->remote) return -EDESTADDRREQ;
		*address = self->remote;
		*address_length = self->remote_length;
		return 0;
	}
	if (*address_length < sizeof(sa_family_t) || *address_length > sizeof(struct sockaddr_storage))
		return -EINVAL;
	if (!self->remote) return 0;
	if (*address_length != self->remote_length || memcmp(*address, self->remote, self->remote_length) != 0)
		return failed_saying(-EINVAL, "the endpoint sends to its remote address only");
	if (!self->connected) return 0;
	*address = NULL;
	*address_length = 0;
	return 0;
}

/* --- segments --- */

uint32_t datagram_segment_of(struct msghdr *message) {
	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
		int size = 0;
		if (at->cmsg_level != IPPROTO_UDP || at->cmsg_type != UDP_GRO) continue;
		memcpy(&size, CMSG_DATA(at), sizeof size);
		return size > 0 ? (uint32_t)size : 0;
	}
	return 0;
}

static bool has_gso(endpoint *self) {
	int value = 0;
	socklen_t size = sizeof value;
	if (!self->gso) self->gso = getsockopt(self->fd, IPPROTO_UDP, UDP_SEGMENT, &value, &size) == 0 ? 1 : -1;
	return self->gso > 0;
}

static void segment_set(struct msghdr *message, unsigned char *control, uint32_t size) {
	uint16_t value = (uint16_t)size;
	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(sizeof value);
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	header->cmsg_level = IPPROTO_UDP;
	header->cmsg_type = UDP_SEGMENT;
	header->cmsg_len = CMSG_LEN(sizeof value);
	memcpy(CMSG_DATA(header), &value, sizeof value);
}

/* --- the system calls --- */

static aw_status attempt_recv(datagram_call *self) {
	struct iovec part = {.iov_base = self->data, .iov_len = count_limit(self->length)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (self->address) {
		message.msg_name = self->address;
		message.msg_namelen = *self->address_room;
	}
	ssize_t result = recvmsg(self->endpoint->fd, &message, MSG_DONTWAIT);
	if (result < 0) return -errno;
	if (self->address) *self->address_room = message.msg_namelen;
	return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : (aw_status)result;
}

/* The program may have been built with a later header, whose messages are larger. */
static aw_datagram_message *message_at(const datagram_call *self, size_t index) {
	return (aw_datagram_message *)(void *)((char *)self->messages + index * self->messages->size);
}

static aw_status attempt_recv_many(datagram_call *self) {
	struct mmsghdr headers[BATCH];
	struct iovec parts[BATCH];
	_Alignas(struct cmsghdr) unsigned char control[BATCH][SEGMENT_CONTROL];
	unsigned count = self->count < BATCH ? (unsigned)self->count : BATCH;
	for (unsigned i = 0; i < count; i++) {
		aw_datagram_message *message = message_at(self, i);
		if (message->fd_capacity) {
			if (i == 0) return datagram_fds_recv(self->endpoint, message);
			count = i;
			break;
		}
		parts[i] = (struct iovec){.iov_base = message->data, .iov_len = count_limit(message->capacity)};
		headers[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
		if (message->address) {
			headers[i].msg_hdr.msg_name = message->address;
			headers[i].msg_hdr.msg_namelen = message->address_capacity;
		}
		if (self->endpoint->gro) {
			headers[i].msg_hdr.msg_control = control[i];
			headers[i].msg_hdr.msg_controllen = SEGMENT_CONTROL;
		}
	}
	int received = recvmmsg(self->endpoint->fd, headers, count, MSG_DONTWAIT, NULL);
	if (received < 0) return -errno;
	for (int i = 0; i < received; i++) {
		aw_datagram_message *message = message_at(self, (size_t)i);
		struct msghdr *header = &headers[i].msg_hdr;
		message->length = headers[i].msg_len;
		message->flags = header->msg_flags & MSG_TRUNC ? AW_DATAGRAM_TRUNCATED : 0;
		message->address_length = message->address ? header->msg_namelen : 0;
		message->segment_size = self->endpoint->gro ? datagram_segment_of(header) : 0;
		message->fd_count = 0;
	}
	return received;
}

static aw_status sent(datagram_call *self, aw_status result) {
	if (result != -EAGAIN) endpoint_sent(self->endpoint);
	return result;
}

static aw_status attempt_send(datagram_call *self) {
	if (self->endpoint->first) return -EAGAIN; /* behind what sendto has kept */
	ssize_t result = sendto(self->endpoint->fd, self->data, self->length, MSG_DONTWAIT | MSG_NOSIGNAL,
	                        self->address, self->address_length);
	return sent(self, result < 0 ? -errno : (aw_status)result);
}

static aw_status attempt_send_many(datagram_call *self) {
	if (self->endpoint->first) return -EAGAIN;
	struct mmsghdr headers[BATCH];
	struct iovec parts[BATCH];
	_Alignas(struct cmsghdr) unsigned char control[BATCH][SEGMENT_CONTROL];
	unsigned count = self->count < BATCH ? (unsigned)self->count : BATCH;
	memset(control, 0, sizeof control);
	for (unsigned i = 0; i < count; i++) {
		const aw_datagram_message *message = message_at(self, i);
		if (message->fd_count) {
			if (i == 0) return sent(self, datagram_fds_send(self->endpoint, message));
			count = i;
			break;
		}
		const struct sockaddr *address = message->address;
		uint32_t length = message->address_length;
		aw_status status = endpoint_destination(self->endpoint, &address, &length);
		if (status < 0) return status;
		parts[i] = (struct iovec){.iov_base = message->data, .iov_len = message->length};
		headers[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i],
		                                          .msg_iovlen = 1,
		                                          .msg_name = (void *)(uintptr_t)address,
		                                          .msg_namelen = length}};
		if (message->segment_size && message->length > message->segment_size)
			segment_set(&headers[i].msg_hdr, control[i], message->segment_size);
	}
	int result = sendmmsg(self->endpoint->fd, headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent(self, result < 0 ? -errno : result);
}

static aw_status attempt_wait_closed(datagram_call *self) {
	return self->endpoint->ended && self->endpoint->fd < 0 ? 0 : -EAGAIN;
}

static const datagram_verb verb_recv = {attempt_recv, true, false},
						   verb_recv_many = {attempt_recv_many, true, false},
						   verb_send = {attempt_send, false, true},
						   verb_send_many = {attempt_send_many, false, true},
						   verb_wait_closed = {attempt_wait_closed, false, false};

/* --- waiting --- */

static const future_kind read_kind = {.what = "datagram to receive"},
						 write_kind = {.what = "datagram to send"},
						 closed_kind = {.what = "datagram endpoint to be closed"};

static aw_status attempt(datagram_call *self) {
	const endpoint *its = self->endpoint;
	if (self->verb->reads || self->verb->writes) {
		if (its->closing) return endpoint_closed_status(its);
		if (self->verb->reads && !wait_queue_all_cancelled(&its->read.waiters)) return -EBUSY;
	}
	aw_status status;
	do {
		status = self->verb->attempt(self);
	} while (status == -EINTR);
	return status;
}

static aw_status wait_begin(datagram_call *self) {
	endpoint *its = self->endpoint;
	wait_queue *queue = self->verb->reads    ? &its->read.waiters
	                    : self->verb->writes ? &its->write.waiters
	                                         : &its->closed;
	const future_kind *kind = self->verb->reads    ? &read_kind
	                          : self->verb->writes ? &write_kind
	                                               : &closed_kind;
	aw_status status = 0;
	if (self->verb->reads)
		status = endpoint_watch_read(its);
	else if (self->verb->writes)
		status = endpoint_watch_write(its);
	return status < 0 ? status : wait_queue_join(queue, &self->waiter, kind, its, its->loop);
}

/* Returns 0 if the call can be made. */
static aw_status call_check(const datagram_call *self) {
	if (self->verb == &verb_wait_closed) return 0;
	if (self->endpoint->closing) return endpoint_closed_status(self->endpoint);
	if (self->verb->reads && self->endpoint->protocol)
		return failed_saying(AW_EINVALIDSTATE, "the endpoint's datagrams go to its protocol");
	if (!self->data && self->length > 0) return -EINVAL;
	if (self->verb == &verb_recv && (self->address_room ? !self->address : self->address != NULL))
		return -EINVAL;
	if (self->count > INT32_MAX || (self->count && !self->messages)) return -EINVAL;
	for (size_t i = 0; i < self->count; i++) {
		const aw_datagram_message *message = message_at(self, i);
		if (message->size < sizeof *message || message->size != self->messages->size) return -EINVAL;
		if (!message->data && (self->verb->reads ? message->capacity : message->length) > 0) return -EINVAL;
		aw_status status = datagram_fds_check(self->endpoint, message, self->verb->writes);
		if (status < 0) return status;
		if (!self->verb->writes || !message->segment_size) continue;
		if (message->segment_size > UINT16_MAX) return -EINVAL;
		if (!has_gso(self->endpoint)) return -ENOTSUP;
	}
	return 0;
}

static bool is_nothing(const datagram_call *self) {
	return (self->verb == &verb_recv_many || self->verb == &verb_send_many) && !self->count;
}

/* --- stackful --- */

static aw_status call_refusal(datagram_call *self) {
	aw_status status = call_check(self);
	if (status < 0 || self->verb != &verb_send) return status;
	return endpoint_destination(self->endpoint, (const struct sockaddr **)&self->address,
	                            &self->address_length);
}

/* Apart from the first check, so that calls which succeed need not look at what was recorded before them. */
static __attribute__((cold, noinline)) aw_status call_refused(datagram_call *self, aw_status status) {
	failure_forget();
	(void)call_refusal(self); /* again, for its message */
	return failed_since(NULL, status);
}

static aw_status call_now(datagram_call *self, aw_datagram *handle) {
	aw_status status = datagram_check(handle);
	if (status < 0) return failed(status);
	if (!stackful_here()) return AW_ENOTASK;
	self->endpoint = object_ref(datagram_endpoint(handle));
	status = call_refusal(self);
	if (status < 0) {
		status = call_refused(self, status);
		object_unref(self->endpoint);
		return status;
	}
	status = is_nothing(self) ? 0 : attempt(self);
	bool awaited = false;
	while (status == -EAGAIN) {
		status = wait_begin(self);
		if (status < 0) break;
		status = aw_await(self->waiter.wakeup, NULL);
		wait_queue_leave(&self->waiter);
		awaited = status < 0; /* it is noted */
		if (status < 0) break;
		status = attempt(self);
	}
	object_unref(self->endpoint);
	return awaited ? status : await_ended(stackful_here(), status);
}

/* --- coroutines --- */

static aw_status call_step(aw_resume *resume, void *ud) {
	datagram_call *self = ud;
	AW_BEGIN(&self->frame);
	while ((self->result = is_nothing(self) ? 0 : attempt(self)) == -EAGAIN) {
		self->result = wait_begin(self);
		if (self->result < 0) return self->result;
		AW_AWAIT(&self->frame, resume, self->waiter.wakeup);
		wait_queue_leave(&self->waiter);
		if (aw_resume_status(resume) < 0) return wait_queue_raise(resume);
	}
	AW_END(&self->frame);
	if (self->result < 0) return self->result;
	return aw_resume_return(resume, (void *)(intptr_t)self->result, value_integer);
}

static void call_destroy(void *ud) {
	datagram_call *self = ud;
	wait_queue_leave(&self->waiter);
	object_unref(self->endpoint);
	free(self);
}

static aw_status call_later(datagram_call *call, aw_datagram *handle, const void *origin, aw_coro **out) {
	aw_status status = datagram_check(handle);
	if (status < 0) return status;
	call->endpoint = datagram_endpoint(handle);
	status = out ? call_refusal(call) : -EINVAL;
	if (status < 0) return status;
	datagram_call *self;
	status =
		coro_internal_from(origin, call->endpoint->loop, call_step, sizeof *self, call_destroy, &self, out);
	if (status < 0) return status;
	*self = *call;
	object_ref(self->endpoint);
	return 0;
}

/* --- public functions --- */

static datagram_call recv_call(void *buffer, size_t length, struct sockaddr *address, uint32_t *room) {
	return (datagram_call){
		.verb = &verb_recv, .data = buffer, .length = length, .address = address, .address_room = room};
}

aw_status aw_datagram_recv(aw_datagram *datagram, void *buffer, size_t length, struct sockaddr *address,
                           uint32_t *address_length) {
	datagram_call call = recv_call(buffer, length, address, address_length);
	return call_now(&call, datagram);
}

ENTRY(aw_datagram_recv_coro, (aw_datagram *datagram, void *buffer, size_t length, struct sockaddr *address,
                              uint32_t *address_length, aw_coro **out),
      (datagram, buffer, length, address, address_length, out)) {
	datagram_call call = recv_call(buffer, length, address, address_length);
	return call_later(&call, datagram, CALLER, out);
}

aw_status aw_datagram_recv_many(aw_datagram *datagram, aw_datagram_message *messages, size_t count) {
	datagram_call call = {.verb = &verb_recv_many, .messages = messages, .count = count};
	return call_now(&call, datagram);
}

ENTRY(aw_datagram_recv_many_coro,
      (aw_datagram *datagram, aw_datagram_message *messages, size_t count, aw_coro **out),
      (datagram, messages, count, out)) {
	datagram_call call = {.verb = &verb_recv_many, .messages = messages, .count = count};
	return call_later(&call, datagram, CALLER, out);
}

static datagram_call send_call(const void *data, size_t length, const struct sockaddr *address,
                               uint32_t address_length) {
	return (datagram_call){.verb = &verb_send,
	                       .data = without_const(data),
	                       .length = length,
	                       .address = without_const(address),
	                       .address_length = address_length};
}

aw_status aw_datagram_send(aw_datagram *datagram, const void *data, size_t length,
                           const struct sockaddr *address, uint32_t address_length) {
	datagram_call call = send_call(data, length, address, address_length);
	return call_now(&call, datagram);
}

ENTRY(aw_datagram_send_coro, (aw_datagram *datagram, const void *data, size_t length,
                              const struct sockaddr *address, uint32_t address_length, aw_coro **out),
      (datagram, data, length, address, address_length, out)) {
	datagram_call call = send_call(data, length, address, address_length);
	return call_later(&call, datagram, CALLER, out);
}

aw_status aw_datagram_send_many(aw_datagram *datagram, const aw_datagram_message *messages, size_t count) {
	datagram_call call = {.verb = &verb_send_many, .messages = without_const(messages), .count = count};
	return call_now(&call, datagram);
}

ENTRY(aw_datagram_send_many_coro,
      (aw_datagram *datagram, const aw_datagram_message *messages, size_t count, aw_coro **out),
      (datagram, messages, count, out)) {
	datagram_call call = {.verb = &verb_send_many, .messages = without_const(messages), .count = count};
	return call_later(&call, datagram, CALLER, out);
}

aw_status aw_datagram_wait_closed(aw_datagram *datagram) {
	datagram_call call = {.verb = &verb_wait_closed};
	return call_now(&call, datagram);
}

ENTRY(aw_datagram_wait_closed_coro, (aw_datagram *datagram, aw_coro **out), (datagram, out)) {
	datagram_call call = {.verb = &verb_wait_closed};
	return call_later(&call, datagram, CALLER, out);
}
