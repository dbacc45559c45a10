/* SPDX-License-Identifier: MIT */
/*
 * A datagram endpoint. It is separate from its handle: an endpoint with a protocol stays open when the program
 * has dropped the handle, and one whose socket the backend still polls outlives it until the poll has ended.
 */
#ifndef CORE_DATAGRAM_H
#define CORE_DATAGRAM_H

#include "context.h"
#include "loop.h"
#include "wait_queue.h"

#include <await/datagram.h>
#include <sys/socket.h>

typedef struct endpoint endpoint;

/* One direction. Its poll is part of it, so that waiting submits an operation and allocates none. */
typedef struct endpoint_side {
	operation operation;
	wait_queue waiters; /* calls that wait until it is ready */
	bool armed;         /* from the submission of the poll until its `done` */
	bool polled;        /* the poll has succeeded before */
} endpoint_side;

/* A datagram that aw_datagram_sendto() keeps. Its bytes are the address, then the data. */
typedef struct packet {
	struct packet *next;
	size_t length;
	uint32_t address_length;
	unsigned char bytes[];
} packet;

/* What only an endpoint with callbacks has. */
typedef struct endpoint_protocol {
	aw_datagram_protocol table;
	void *ud;
	aw_destroy_fn destroy;
	binding *context; /* in which the callbacks run; a reference */
	aw_future *made;  /* finished after connection_made; a reference, or NULL */
	uint32_t max_per_iteration;
	size_t capacity;
	unsigned char buffer[]; /* for one datagram */
} endpoint_protocol;

struct endpoint {
	object base;
	aw_loop *loop;
	closer closer;
	aw_datagram *handle; /* a reference, while there is a protocol */
	const void *origin;  /* the code that opened it */
	endpoint_protocol *protocol;
	int fd;
	int family;
	bool connected;
	bool gro;
	int8_t gso; /* whether the kernel has UDP_SEGMENT; 0: unknown; -1: no */
	bool closing;
	bool lost_queued; /* `lost_item` is in the ready queue, or has run */
	bool ended;       /* nothing is called any more; the socket is closed when its polls have ended */
	bool paused;      /* pause_writing was called */
	bool write_ready; /* the poll said so, and nothing was sent since */
	ready_item made_item, lost_item;
	aw_status lost_error;
	endpoint_side read, write;
	wait_queue closed; /* calls that wait for the end */
	alarm_clock backoff;
	int64_t backoff_delay;
	packet *first, *last; /* kept by sendto */
	size_t buffered;
	size_t high, low;
	struct sockaddr *remote; /* where datagrams without an address go; NULL: nowhere, or the peer of `fd` */
	uint32_t remote_length;
};

/* Makes an endpoint of a socket, which it owns from then on, and its handle, which is not handed out. */
aw_status endpoint_new(aw_loop *loop, int fd, const void *origin, aw_datagram **out);
endpoint *datagram_endpoint(const aw_datagram *handle);
/* Returns 0 if the handle is valid and its loop may be used; and with _open, if it is not closing. */
aw_status datagram_check(const aw_datagram *handle);
aw_status datagram_check_open(const aw_datagram *handle);
/* The status of a call on an endpoint that is closing. */
aw_status endpoint_closed_status(const endpoint *self);

/* Polls one direction, unless it is polled already. */
aw_status endpoint_watch_read(endpoint *self);
aw_status endpoint_watch_write(endpoint *self);
/* Wakes every call in the queue. */
void endpoint_wake(wait_queue *waiters);

void endpoint_close(endpoint *self);
void endpoint_abort(endpoint *self, aw_status error);
/* Schedules connection_lost and the end. */
void endpoint_lose(endpoint *self, aw_status error);
/* Ends an endpoint of which nothing was called yet. */
void endpoint_discard(endpoint *self);

/* datagram_protocol.c: with callbacks. Each runs in the loop's dispatch. */
aw_status endpoint_protocol_new(const aw_datagram_protocol *table, void *ud, aw_destroy_fn destroy,
                                size_t capacity, uint32_t max_per_iteration, endpoint_protocol **out);
void endpoint_protocol_free(endpoint_protocol *self);
/* Queues connection_made. `made` is finished after it. */
void endpoint_begin(endpoint *self, aw_future *made);
void endpoint_receive(endpoint *self);
void endpoint_flush(endpoint *self);
aw_status endpoint_connection_lost(endpoint *self);

/* datagram_call.c: the address to send to: `*address` NULL means that of the socket. */
aw_status endpoint_destination(const endpoint *self, const struct sockaddr **address,
                               uint32_t *address_length);
/* Notes whether an attempt to send has succeeded, so that a poll that is wrong does not make the loop spin. */
void endpoint_sent(endpoint *self);
/* The segment size of a message received with UDP_GRO, or 0. */
uint32_t datagram_segment_of(struct msghdr *message);

/* datagram_fds.c: a message with descriptors, or with room for them. Returns 1, or an error. */
aw_status datagram_fds_recv(const endpoint *self, aw_datagram_message *message);
aw_status datagram_fds_send(const endpoint *self, const aw_datagram_message *message);
/* Returns 0 if the endpoint can do it. */
aw_status datagram_fds_check(const endpoint *self, const aw_datagram_message *message, bool sends);

/* Room for the control message of a segment size. */
enum { SEGMENT_CONTROL = CMSG_SPACE(sizeof(int)) };

#endif
