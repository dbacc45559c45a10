/* SPDX-License-Identifier: MIT */
/*
 * The state of a server. server_listen.c gives it listeners; server.c accepts connections on them, and ends;
 * server_wait.c is what programs wait for.
 */
#ifndef CORE_NET_SERVER_H
#define CORE_NET_SERVER_H

#include "context.h"
#include "future.h"
#include "list.h"
#include "task.h"
#include "wait_queue.h"

#include <await/server.h>
#include <sys/types.h>

typedef struct listener {
	struct listener *next, *previous;
	aw_server *server;
	operation operation;
	bool is_busy; /* the operation has not ended; it has a reference to the server */
	bool closed;
	bool accepts; /* the operation is the backend's accept that lasts, not a poll */
	bool polls;   /* the backend has no such accept */
	int fd, family;
	int *accepted; /* what that has brought, and nobody has taken yet */
	size_t accepted_count, accepted_room;
	char *path; /* to remove, or NULL */
	dev_t device;
	ino_t inode; /* of the file at `path` */
} listener;

typedef struct connection {
	struct connection *next, *previous;
	aw_server *server;
	aw_stream *stream;    /* a reference, until it is closed and the task, which borrows it, has ended */
	aw_task *task;        /* a reference, until it has ended */
	future_waiter waiter; /* on the task */
	bool is_closed;       /* the stream */
} connection;

struct aw_server {
	object base;
	aw_loop *loop;
	const void *origin;
	closer closer;
	aw_client_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	aw_server_options options;
	aw_stream_options stream;
	binding *context; /* of the code that made it, for the tasks */
	LIST(listener) listeners;
	LIST(connection) connections;
	size_t listener_count, connection_count;
	bool serving, closed, held, forever;
	bool full;             /* at the limit of connections */
	bool out_of_resources; /* a spell of failures: reported once */
	int spare;             /* to shed connections with; -1: none */
	int64_t pause;         /* the next one, while out of resources */
	aw_error *refusal;     /* why the last address was refused, in words; a reference */
	alarm_clock retry;     /* has a reference while it is pending */
	bool is_retry_pending; /* set, or due */
	wait_queue closes, ends;
};

bool server_is(const aw_server *self);
/* Returns 0 if the calling thread may use the server. */
aw_status server_check(const aw_server *self);
/* Something has ended: wakes those that wait for the last. */
void server_check_ended(aw_server *self);
/* Stops listening. */
void server_close(aw_server *self);
/* Keeps the server alive while it has a listener or a connection. */
void server_update_hold(aw_server *self);
/* Polls the listeners that are not polled, if connections may be accepted. */
void server_listen_again(aw_server *self);
/* The `done` and the `arrived` of a listener's operation. */
void server_listener_done(operation *ended);
void server_listener_arrived(operation *lasting, aw_buffer *arrived);
void server_listener_close(listener *self);

/* --- server_listen.c --- */

/* Returns 0 if listeners may be added. */
aw_status server_listen_check(const aw_server *server);
void server_forget_refusal(aw_server *server);

#endif
