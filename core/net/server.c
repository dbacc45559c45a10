/* SPDX-License-Identifier: MIT */
/*
 * Servers. A listener polls its socket and accepts all that waits; each connection is a stream, and a task that
 * runs the program's function. A server holds a reference to itself while it listens or has a connection.
 *
 * Where the backend can, it accepts by itself until it is stopped, within the limit of descriptors that held when it
 * began. Not if the server has a limit of connections: what is above that waits in the socket, where another process
 * may accept it.
 */
#include "server.h"

#include "failure.h"
#include "report.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ALL_FLAGS = AW_SERVER_REUSE_PORT | AW_SERVER_KEEP_ALIVE | AW_SERVER_DELAY | AW_SERVER_DUAL_STACK |
	            AW_SERVER_KEEP_PATH | AW_SERVER_CALLBACK | AW_SERVER_SHED,
	DEFAULT_BACKLOG = 100,
	ACCEPTS_MAX = 64 /* in one go, so that connections that exist already get their turn */
};
#define PAUSE_FIRST (10 * AW_MILLISECOND)
#define PAUSE_MAX   AW_SECOND

/* --- life --- */

void server_update_hold(aw_server *self) {
	bool needed = self->listeners.first || self->connections.first;
	if (needed == self->held) return;
	self->held = needed;
	if (needed)
		object_ref(self);
	else
		object_unref(self);
}

void server_check_ended(aw_server *self) {
	if (self->closed && !self->listeners.first && !self->connections.first)
		wait_queue_wake_all(&self->closes);
	server_update_hold(self);
}

static void listener_free(listener *self) {
	aw_server *server = self->server;
	for (size_t i = 0; i < self->accepted_count; i++) close(self->accepted[i]);
	free(self->accepted);
	list_remove(&server->listeners, self);
	server->listener_count--;
	if (self->fd >= 0) close(self->fd);
	free(self->path);
	free(self);
}

/* The path may belong to another socket by now. */
static void remove_path(const listener *self) {
	struct stat file;
	if (self->path && lstat(self->path, &file) == 0 && file.st_dev == self->device &&
	    file.st_ino == self->inode)
		unlink(self->path);
}

void server_listener_close(listener *self) {
	if (self->closed) return;
	self->closed = true;
	remove_path(self);
	if (self->is_busy)
		loop_cancel(self->server->loop, &self->operation);
	else
		listener_free(self);
}

void server_close(aw_server *self) {
	self->closed = true;
	self->serving = false;
	if (timer_is_set(&self->retry.timer)) {
		loop_alarm_stop(self->loop, &self->retry);
		self->is_retry_pending = false;
		object_unref(self);
	}
	for (listener *at = self->listeners.first, *next; at; at = next) {
		next = at->next;
		server_listener_close(at);
	}
	if (self->spare >= 0) close(self->spare);
	self->spare = -1;
	wait_queue_wake_all(&self->ends);
	server_check_ended(self);
}

static void server_release(object *base) {
	aw_server *self = (aw_server *)(void *)base;
	loop_remove_closer(self->loop, &self->closer);
	if (self->spare >= 0) close(self->spare);
	server_forget_refusal(self);
	object_destroy_user(self->destroy, self->ud);
	context_drop(self->context);
	object_free(base);
}

static const object_class server_class = {
	.name = "server", .size = sizeof(aw_server), .release = server_release};

bool server_is(const aw_server *self) {
	return object_is(self, &server_class);
}

aw_status server_check(const aw_server *self) {
	return server_is(self) ? loop_check(self->loop) : AW_EBADHANDLE;
}

REFERENCES(aw_server, server_is(self))

/* The loop closes. The connections' streams and tasks are closed separately. */
static void server_shut(closer *base) {
	aw_server *self = container_of(base, aw_server, closer);
	object_ref(self);
	server_close(self);
	while (self->connections.first) {
		connection *first = self->connections.first;
		if (first->stream) first->stream->on_closed = NULL;
		list_remove(&self->connections, first);
		self->connection_count--;
		if (first->stream) object_unref(first->stream);
		if (first->task) object_unref(first->task);
		free(first);
	}
	server_update_hold(self);
	object_unref(self);
}

/* --- connections --- */

static void connection_ended(connection *self) {
	aw_server *server = self->server;
	if (self->stream || self->task) return;
	list_remove(&server->connections, self);
	server->connection_count--;
	free(self);
	/* A place, or a descriptor, has become free. */
	server_listen_again(server);
	/* Those that wait continue in the next iteration, as in asyncio; by then the listeners are usually closed. */
	if (server->closed && !server->connections.first) wait_queue_wake_all(&server->closes);
	server_check_ended(server);
}

static void stream_closed(aw_stream *stream, void *owner) {
	connection *self = owner;
	self->is_closed = true;
	if (self->task) return;
	self->stream = NULL;
	object_unref(stream);
	connection_ended(self);
}

static aw_status task_ended(ready_item *item) {
	connection *self = container_of(item, connection, waiter.item);
	aw_future *future = self->waiter.future;
	aw_loop *loop = self->server->loop;
	if (loop_closing(loop)) {
		future_waiter_end(&self->waiter);
		return 0;
	}
	aw_error *error = NULL;
	aw_status status = future_outcome(future, NULL, &error);
	if (status < 0 && status != AW_ECANCELLED)
		report_call(loop, "Unhandled exception in client_connected_cb", error, future, NULL);
	future_waiter_end(&self->waiter);
	aw_task *task = self->task;
	self->task = NULL;
	/*
	 * The server has one reference. With another one, the program has kept the stream, and the server only
	 * counts it from now on.
	 */
	if (self->is_closed) {
		aw_stream *stream = self->stream;
		self->stream = NULL;
		object_unref(stream);
	} else if (status < 0 || atomic_load(&self->stream->base.refs) == 1) {
		stream_close(self->stream);
	}
	object_unref(task);
	connection_ended(self);
	return 0;
}

static aw_status serve(void *ud) {
	connection *self = ud;
	return self->server->fn(self->stream, self->server->ud);
}

static void start_callback(connection *self) {
	aw_server *server = self->server;
	aw_stream *stream = object_ref(self->stream);
	aw_status status = server->fn(stream, server->ud);
	if (status < 0) report_callback(server->loop, status, server->origin);
	/* Two references are the server's, one of them held here. */
	if (status < 0 || (!stream->protocol && atomic_load(&stream->base.refs) == 2)) stream_close(stream);
	object_unref(stream);
}

static aw_status start_task(connection *self) {
	aw_server *server = self->server;
	binding *outer = context_swap(server->context ? object_ref(server->context) : NULL);
	aw_status status = task_spawn(server->loop, serve, self, NULL, false, server->origin, &self->task);
	context_drop(context_swap(outer));
	if (status < 0) return status;
	self->waiter.item.run = task_ended;
	future_wait(&self->task->future, &self->waiter);
	return 0;
}

static void set_options(const aw_server *server, int fd, int family) {
	int on = 1;
	if (family == AF_UNIX) return;
	if (!(server->options.flags & AW_SERVER_DELAY))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (server->options.flags & AW_SERVER_KEEP_ALIVE)
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/* Takes the descriptor. `peer_length` is 0 if the peer's address is not known. */
static aw_status connection_start(aw_server *server, int fd, int family, const struct sockaddr_storage *peer,
                                  socklen_t peer_length) {
	connection *self = calloc(1, sizeof *self);
	if (!self) {
		close(fd);
		return -ENOMEM;
	}
	set_options(server, fd, family);
	aw_status status = stream_from_socket(server->loop, fd, family, peer, peer_length, &server->stream,
	                                      server->origin, &self->stream);
	if (status < 0) {
		close(fd);
		free(self);
		return status;
	}
	self->server = server;
	self->stream->on_closed = stream_closed;
	self->stream->owner = self;
	list_append(&server->connections, self);
	server->connection_count++;
	server_update_hold(server);
	if (server->options.flags & AW_SERVER_CALLBACK)
		start_callback(self);
	else
		status = start_task(self);
	if (status < 0) stream_abort(self->stream);
	return status;
}

/* --- accepting --- */

/* Errors of a connection that died in the queue, or of its network; accept(2) lists them. */
static bool is_lost_connection(int error) {
	switch (error) {
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH: return true;
	default: return false;
	}
}

static bool is_shortage(int error) {
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static aw_status submit_accept(listener *self) {
	if (self->polls || self->server->options.max_connections) return -EOPNOTSUPP;
	aw_op poll = self->operation.op;
	self->operation.op = (aw_op){.kind = AW_OP_ACCEPT_MULTISHOT, .fd = self->fd};
	aw_status status = loop_submit_batched(self->server->loop, &self->operation);
	self->accepts = status == 0;
	if (status == 0) return 0;
	self->operation.op = poll;
	if (status == -EOPNOTSUPP) self->polls = true;
	return status;
}

static aw_status submit_poll(listener *self) {
	aw_op *op = &self->operation.op;
	/* The same one again, if there was one before. */
	if (op->kind != AW_OP_POLL)
		*op = (aw_op){.kind = AW_OP_POLL,
		              .fd = self->fd,
		              .flags = AW_POLL_IN | AW_OP_POLL_HELD_OPEN,
		              .offset = AW_OP_POLL_STANDING};
	aw_status status = loop_submit_batched(self->server->loop, &self->operation);
	if (status == 0) op->offset = AW_OP_POLL_AGAIN;
	return status;
}

static aw_status listener_start(listener *self) {
	if (self->is_busy || self->closed) return 0;
	aw_status status = submit_accept(self);
	if (status == -EOPNOTSUPP) status = submit_poll(self);
	if (status < 0) return status;
	self->is_busy = true;
	object_ref(self->server);
	return 0;
}

/* Descriptors or memory have run out: waits for a connection to end, or for a time that doubles. */
static void pause_for_resources(aw_server *self, int error) {
	if (!self->out_of_resources) {
		char text[160];
		snprintf(text, sizeof text, "a server cannot accept connections for want of resources; %zu are open",
		         self->connection_count);
		report_status(self->loop, text, -error, NULL, NULL);
		self->out_of_resources = true;
		self->pause = PAUSE_FIRST;
	}
	if (!self->serving || self->is_retry_pending) return;
	self->is_retry_pending = true;
	object_ref(self);
	/* Without memory for a timer, the next iteration tries again: that is busy, but it serves. */
	if (loop_alarm_set(self->loop, &self->retry, loop_after(self->loop, self->pause)) < 0)
		loop_push(self->loop, &self->retry.item);
	self->pause = self->pause * 2 < PAUSE_MAX ? self->pause * 2 : PAUSE_MAX;
}

static void cannot_listen(aw_server *self, aw_status status) {
	if (is_shortage(-status))
		pause_for_resources(self, -status);
	else
		report_status(self->loop, "a server cannot listen any more", status, NULL, NULL);
}

static void listen_on_again(listener *self) {
	aw_status status = listener_start(self);
	if (status < 0) cannot_listen(self->server, status);
}

void server_listen_again(aw_server *self) {
	if (!self->serving) return;
	self->full = self->options.max_connections && self->connection_count >= self->options.max_connections;
	if (self->full) return;
	for (listener *at = self->listeners.first; at; at = at->next) listen_on_again(at);
}

static aw_status retry_run(ready_item *item) {
	aw_server *self = container_of(item, aw_server, retry.item);
	self->is_retry_pending = false;
	if (!loop_closing(self->loop)) server_listen_again(self);
	object_unref(self);
	return 0;
}

/* Accepts a connection with the spare descriptor, and closes it. True if that worked. */
static bool shed(aw_server *self, int listener_fd) {
	if (self->spare < 0) return false;
	close(self->spare);
	int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) close(fd);
	self->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd >= 0;
}

static void accept_all(listener *self) {
	aw_server *server = self->server;
	struct sockaddr_storage address;
	for (int i = 0; i < ACCEPTS_MAX && server->serving && !self->closed; i++) {
		if (server->options.max_connections && server->connection_count >= server->options.max_connections) {
			server->full = true;
			return;
		}
		socklen_t length = sizeof address;
		int fd = accept4(self->fd, (struct sockaddr *)&address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			server->out_of_resources = false;
			aw_status status = connection_start(server, fd, self->family, &address, length);
			if (status < 0) {
				pause_for_resources(server, -status);
				return;
			}
			continue;
		}
		int error = errno;
		if (error == EAGAIN) break;
		if (error == EINTR || is_lost_connection(error)) continue;
		if (is_shortage(error)) {
			if (shed(server, self->fd)) continue;
			pause_for_resources(server, error);
			return;
		}
		report_status(server->loop, "a server cannot accept connections", -error, NULL, NULL);
		pause_for_resources(server, error);
		return;
	}
	if (!server->serving || self->closed) return;
	listen_on_again(self);
}

void server_listener_arrived(operation *lasting, aw_buffer *arrived) {
	listener *self = container_of(lasting, listener, operation);
	int fd = (int)arrived->id;
	if (self->accepted_count == self->accepted_room) {
		size_t room = self->accepted_room ? 2 * self->accepted_room : ACCEPTS_MAX;
		int *more = realloc(self->accepted, room * sizeof *more);
		if (!more) {
			close(fd); /* as it would be, were there no memory for the stream */
			return;
		}
		self->accepted = more;
		self->accepted_room = room;
	}
	self->accepted[self->accepted_count++] = fd;
}

/* Serves what the backend has accepted. */
static void start_accepted(listener *self) {
	aw_server *server = self->server;
	size_t count = self->accepted_count;
	self->accepted_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (self->closed || !server->serving) {
			close(self->accepted[i]);
			continue;
		}
		server->out_of_resources = false;
		aw_status status = connection_start(server, self->accepted[i], self->family, NULL, 0);
		if (status == 0) continue;
		pause_for_resources(server, -status);
		/* What has not arrived waits until then. */
		loop_cancel(server->loop, &self->operation);
	}
}

/* The backend accepts no more: after an error, whatever waits is accepted here, which tells what to do. */
static void accept_ended(listener *self, int64_t result) {
	aw_server *server = self->server;
	if (result == -EOPNOTSUPP) self->polls = true;
	if (result == -ECANCELED || result == -EOPNOTSUPP) {
		if (server->serving && !server->is_retry_pending) listen_on_again(self);
	} else {
		accept_all(self);
	}
}

void server_listener_done(operation *ended) {
	listener *self = container_of(ended, listener, operation);
	aw_server *server = self->server;
	bool accepts = self->accepts, has_ended = !ended->in_flight;
	if (accepts && !loop_closing(server->loop)) {
		object_ref(server);
		start_accepted(self);
		object_unref(server);
	}
	if (!has_ended) return;
	self->is_busy = self->accepts = false;
	if (self->closed) {
		listener_free(self);
		if (!loop_closing(server->loop))
			server_check_ended(server);
		else
			server_update_hold(server);
	} else if (!loop_closing(server->loop)) {
		if (accepts)
			accept_ended(self, ended->op.result);
		else if (ended->op.result < 0)
			cannot_listen(server, (aw_status)ended->op.result);
		else
			accept_all(self);
	}
	object_unref(server);
}

/* --- making one --- */

static aw_status server_make(aw_loop *loop, aw_client_fn fn, void *ud, aw_destroy_fn destroy,
                             const aw_server_options *options, const void *origin, aw_server **out) {
	aw_server_options own;
	aw_stream_options stream;
	aw_status status = loop_resolve(&loop);
	if (status == 0) status = SIZED_READ(aw_server_options, &own, options, stream);
	if (status == 0) status = stream_options_read(own.stream, &stream);
	if (status == 0 && (!fn || !out || own.backlog < 0 || own.flags & ~(uint32_t)ALL_FLAGS)) status = -EINVAL;
	aw_server *self = status < 0 ? NULL : object_new(&loop->domain, &server_class);
	if (!self) {
		object_destroy_user(destroy, ud);
		return status < 0 ? status : -ENOMEM;
	}
	self->loop = loop;
	self->origin = origin;
	self->fn = fn;
	self->ud = ud;
	self->destroy = destroy;
	self->options = own;
	self->stream = stream;
	if (!self->options.backlog) self->options.backlog = DEFAULT_BACKLOG;
	self->context = context_capture();
	self->spare = -1;
	self->closer.close = server_shut;
	self->retry.item.run = retry_run;
	loop_add_closer(loop, &self->closer);
	*out = object_hand_out(self, origin);
	return 0;
}

ENTRY(aw_server_new, (aw_loop *loop, aw_client_fn fn, void *ud, aw_destroy_fn destroy,
                      const aw_server_options *options, aw_server **out),
      (loop, fn, ud, destroy, options, out)) {
	return server_make(loop, fn, ud, destroy, options, CALLER, out);
}

ENTRY(aw_server_start_serving, (aw_server *server), (server)) {
	aw_status status = server_listen_check(server);
	if (status < 0 || server->serving) return status;
	if (!server->listeners.first) return -EINVAL;
	if (server->options.flags & AW_SERVER_SHED && server->spare < 0) {
		server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (server->spare < 0) return -errno;
	}
	server->serving = true;
	server_listen_again(server);
	return 0;
}

aw_status aw_start_server(aw_client_fn fn, void *ud, aw_destroy_fn destroy, const char *host,
                          const char *service, const aw_server_options *options, aw_server **out) {
	if (!stackful_here()) {
		object_destroy_user(destroy, ud);
		return AW_ENOTASK;
	}
	aw_server *server = NULL;
	aw_status status = server_make(NULL, fn, ud, destroy, options, CALLER, out ? &server : NULL);
	if (status < 0) return failed(status);
	status = aw_server_listen(server, host, service);
	if (status == 0) status = aw_server_start_serving(server);
	if (status == 0) {
		*out = server;
		return 0;
	}
	server_close(server);
	object_unref_held(server);
	return status;
}

aw_status aw_start_unix_server(aw_loop *loop, aw_client_fn fn, void *ud, aw_destroy_fn destroy,
                               const char *path, const aw_server_options *options, aw_server **out) {
	aw_server *server = NULL;
	aw_status status = server_make(loop, fn, ud, destroy, options, CALLER, out ? &server : NULL);
	if (status < 0) return failed(status);
	status = aw_server_listen_unix(server, path);
	if (status == 0) status = aw_server_start_serving(server);
	if (status == 0) {
		*out = server;
		return 0;
	}
	server_close(server);
	object_unref_held(server);
	return status;
}

/* --- ending --- */

ENTRY(aw_server_close, (aw_server *server), (server)) {
	aw_status status = server_check(server);
	if (status == 0) server_close(server);
	return status;
}

static aw_status end_clients(aw_server *server, void (*end)(aw_stream *stream)) {
	aw_status status = server_check(server);
	if (status < 0) return status;
	/* Nothing ends, or leaves the list, before the next iteration. */
	for (connection *at = server->connections.first; at; at = at->next)
		if (at->stream) end(at->stream);
	return 0;
}

ENTRY(aw_server_close_clients, (aw_server *server), (server)) {
	return end_clients(server, stream_close);
}

ENTRY(aw_server_abort_clients, (aw_server *server), (server)) {
	return end_clients(server, stream_abort);
}

/* --- about it --- */

aw_bool aw_server_is_serving(const aw_server *server) {
	return server_is(server) && server->serving;
}

size_t aw_server_connections(const aw_server *server) {
	return server_is(server) ? server->connection_count : 0;
}

size_t aw_server_sockets(const aw_server *server) {
	return server_is(server) && !server->closed ? server->listener_count : 0;
}

int aw_server_socket(const aw_server *server, size_t index) {
	if (!server_is(server) || server->closed) return -1;
	const listener *at = server->listeners.first;
	while (at && index--) at = at->next;
	return at ? at->fd : -1;
}

ENTRY(aw_server_port, (const aw_server *server, size_t index), (server, index)) {
	if (!server_is(server)) return AW_EBADHANDLE;
	int fd = aw_server_socket(server, index);
	if (fd < 0) return -EINVAL;
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -errno;
	if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port);
	if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return -EOPNOTSUPP;
}

aw_loop *aw_server_loop(const aw_server *server) {
	return server_is(server) ? server->loop : NULL;
}
