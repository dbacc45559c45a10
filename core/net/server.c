/* SPDX-License-Identifier: MIT */
/*
 * Servers. A listener polls its socket and accepts all that waits; each connection is a stream, and a task that
 * runs the program's function. A server holds a reference to itself while it listens or has a connection.
 */
#include "addresses.h"
#include "context.h"
#include "failure.h"
#include "report.h"
#include "stream.h"
#include "task.h"

#include <await/names.h>
#include <await/server.h>
#include <await/stackless.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	DEFAULT_BACKLOG = 100,
	ACCEPTS_MAX = 64 /* in one go, so that connections that exist already get their turn */
};
#define PAUSE_FIRST (10 * AW_MILLISECOND)
#define PAUSE_MAX   AW_SECOND

typedef struct listener {
	struct listener *next, *previous;
	aw_server *server;
	operation operation;
	bool is_busy; /* the operation has not ended; it has a reference to the server */
	bool closed;
	int fd;
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

static bool is_server(const aw_server *self);

/* --- life --- */

static void update_hold(aw_server *self) {
	bool needed = self->listeners.first || self->connections.first;
	if (needed == self->held) return;
	self->held = needed;
	if (needed)
		object_ref(self);
	else
		object_unref(self);
}

static void check_ended(aw_server *self) {
	if (self->closed && !self->listeners.first && !self->connections.first)
		wait_queue_wake_all(&self->closes);
	update_hold(self);
}

static void listener_free(listener *self) {
	aw_server *server = self->server;
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

static void listener_close(listener *self) {
	if (self->closed) return;
	self->closed = true;
	remove_path(self);
	if (self->is_busy)
		loop_cancel(self->server->loop, &self->operation);
	else
		listener_free(self);
}

static void server_close(aw_server *self) {
	self->closed = true;
	self->serving = false;
	if (timer_is_set(&self->retry.timer)) {
		loop_alarm_stop(self->loop, &self->retry);
		self->is_retry_pending = false;
		object_unref(self);
	}
	for (listener *at = self->listeners.first, *next; at; at = next) {
		next = at->next;
		listener_close(at);
	}
	if (self->spare >= 0) close(self->spare);
	self->spare = -1;
	wait_queue_wake_all(&self->ends);
	check_ended(self);
}

static void forget_refusal(aw_server *server) {
	if (server->refusal) error_unref(server->refusal);
	server->refusal = NULL;
}

static void server_release(object *base) {
	aw_server *self = (aw_server *)(void *)base;
	loop_remove_closer(self->loop, &self->closer);
	if (self->spare >= 0) close(self->spare);
	forget_refusal(self);
	object_destroy_user(self->destroy, self->ud);
	context_drop(self->context);
	object_free(base);
}

static const object_class server_class = {
	.name = "server", .size = sizeof(aw_server), .release = server_release};

static bool is_server(const aw_server *self) {
	return object_is(self, &server_class);
}

static aw_status server_check(const aw_server *self) {
	return is_server(self) ? loop_check(self->loop) : AW_EBADHANDLE;
}

REFERENCES(aw_server, is_server(self))

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
	update_hold(self);
	object_unref(self);
}

/* --- connections --- */

static void listen_again(aw_server *self);

static void connection_ended(connection *self) {
	aw_server *server = self->server;
	if (self->stream || self->task) return;
	list_remove(&server->connections, self);
	server->connection_count--;
	free(self);
	/* A place, or a descriptor, has become free. */
	listen_again(server);
	check_ended(server);
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

/* Takes the descriptor. */
static aw_status connection_start(aw_server *server, int fd, int family) {
	connection *self = calloc(1, sizeof *self);
	if (!self) {
		close(fd);
		return -ENOMEM;
	}
	set_options(server, fd, family);
	aw_status status = stream_from_fd(server->loop, fd, &server->stream, server->origin, &self->stream);
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
	update_hold(server);
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

static aw_status listener_poll(listener *self) {
	if (self->is_busy || self->closed) return 0;
	aw_status status = loop_submit_batched(self->server->loop, &self->operation);
	if (status < 0) return status;
	self->operation.op.offset = AW_OP_POLL_AGAIN;
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
	aw_status status = listener_poll(self);
	if (status < 0) cannot_listen(self->server, status);
}

static void listen_again(aw_server *self) {
	if (!self->serving) return;
	self->full = self->options.max_connections && self->connection_count >= self->options.max_connections;
	if (self->full) return;
	for (listener *at = self->listeners.first; at; at = at->next) listen_on_again(at);
}

static aw_status retry_run(ready_item *item) {
	aw_server *self = container_of(item, aw_server, retry.item);
	self->is_retry_pending = false;
	if (!loop_closing(self->loop)) listen_again(self);
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
			aw_status status = connection_start(server, fd, address.ss_family);
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

static void listener_done(operation *ended) {
	listener *self = container_of(ended, listener, operation);
	aw_server *server = self->server;
	self->is_busy = false;
	if (self->closed) {
		listener_free(self);
		if (!loop_closing(server->loop))
			check_ended(server);
		else
			update_hold(server);
	} else if (!loop_closing(server->loop)) {
		if (ended->op.result < 0)
			cannot_listen(server, (aw_status)ended->op.result);
		else
			accept_all(self);
	}
	object_unref(server);
}

/* --- listening --- */

/* Takes the descriptor, if it works. */
static aw_status add_listener(aw_server *server, int fd, const char *path) {
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
	if (listen(fd, server->options.backlog) < 0) return -errno;
	listener *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	if (path) {
		struct stat file;
		self->path = strdup(path);
		if (!self->path || lstat(path, &file) < 0) {
			free(self->path);
			free(self);
			return -ENOMEM;
		}
		self->device = file.st_dev;
		self->inode = file.st_ino;
	}
	self->server = server;
	self->fd = fd;
	self->operation.op = (aw_op){.kind = AW_OP_POLL,
	                             .fd = fd,
	                             .flags = AW_POLL_IN | AW_OP_POLL_HELD_OPEN,
	                             .offset = AW_OP_POLL_STANDING};
	self->operation.done = listener_done;
	list_append(&server->listeners, self);
	server->listener_count++;
	update_hold(server);
	if (server->serving) listen_again(server);
	return 0;
}

static aw_status listen_check(const aw_server *server) {
	aw_status status = server_check(server);
	return status < 0 ? status : server->closed ? -EPIPE : 0;
}

ENTRY(aw_server_listen_fd, (aw_server *server, int fd), (server, fd)) {
	aw_status status = listen_check(server);
	if (status < 0) return status;
	int kind = 0;
	socklen_t size = sizeof kind;
	if (fd < 0 || fcntl(fd, F_GETFD) < 0) return -EBADF;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) < 0 || kind != SOCK_STREAM) return -EINVAL;
	return add_listener(server, fd, NULL);
}

ENTRY(aw_server_listen_inherited, (aw_server *server), (server)) {
	aw_status status = listen_check(server);
	if (status < 0) return status;
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	if (!pid || !count || strtol(pid, NULL, 10) != getpid()) return 0;
	int32_t number = (int32_t)strtol(count, NULL, 10);
	for (int32_t i = 0; i < number; i++) {
		int fd = 3 + i; /* where sd_listen_fds(3) says that they begin */
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		status = aw_server_listen_fd(server, fd);
		if (status < 0) return status;
	}
	return number > 0 ? number : 0;
}

/* A socket that was left at the path, by a server that is gone. */
static void remove_stale_socket(const char *path) {
	struct stat file;
	if (lstat(path, &file) == 0 && S_ISSOCK(file.st_mode)) unlink(path);
}

static aw_status bind_failed(aw_server *server, int error, const char *name) {
	char text[ADDRESS_TEXT + 128];
	snprintf(text, sizeof text, "error while attempting to bind on address %s: %s", name,
	         aw_strerror(-error));
	forget_refusal(server);
	server->refusal = error_with_message(&server->loop->domain, -error, text);
	return -error;
}

/* Notes why a server could not listen. */
static aw_status listen_noted(aw_server *server, aw_status status) {
	if (status == 0) return 0;
	if (!is_server(server) || !server->refusal || server->refusal->status != status)
		return failed_in_callback(status);
	failed_with(server->refusal);
	forget_refusal(server);
	return status;
}

static aw_status listen_unix(aw_server *server, const char *path) {
	aw_status status = listen_check(server);
	if (status < 0) return status;
	struct sockaddr_storage address;
	socklen_t length = 0;
	status = address_of_path(path, &address, &length);
	if (status < 0) return status;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return -errno;
	if (path[0] != '@') remove_stale_socket(path);
	if (bind(fd, (struct sockaddr *)&address, length) < 0) {
		int error = errno;
		close(fd);
		return bind_failed(server, error, path);
	}
	bool removes = path[0] != '@' && !(server->options.flags & AW_SERVER_KEEP_PATH);
	status = add_listener(server, fd, removes ? path : NULL);
	if (status < 0) close(fd);
	return status;
}

aw_status aw_server_listen_unix(aw_server *server, const char *path) {
	return listen_noted(server, listen_unix(server, path));
}

/* Returns the socket, or a negative status, which is -EAFNOSUPPORT if the system lacks the family. */
static aw_status listener_socket(aw_server *server, const aw_addrinfo *list, size_t index) {
	uint32_t length = 0;
	const struct sockaddr *address = aw_addrinfo_address(list, index, &length);
	int family = aw_addrinfo_family(list, index), on = 1;
	int fd = socket(family, aw_addrinfo_type(list, index) | SOCK_CLOEXEC | SOCK_NONBLOCK,
	                aw_addrinfo_protocol(list, index));
	if (fd < 0) return -errno;
	int only = !(server->options.flags & AW_SERVER_DUAL_STACK);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
	if ((server->options.flags & AW_SERVER_REUSE_PORT &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) ||
	    bind(fd, address, length) < 0) {
		int error = errno;
		char name[ADDRESS_TEXT];
		address_text(address, length, name);
		close(fd);
		return bind_failed(server, error, name);
	}
	return fd;
}

static void close_listeners_after(aw_server *server, listener *last) {
	for (listener *at = last ? last->next : server->listeners.first, *next; at; at = next) {
		next = at->next;
		listener_close(at);
	}
	check_ended(server);
}

static aw_status listen_on(aw_server *server, const aw_addrinfo *list) {
	listener *before = server->listeners.last;
	aw_status status = -EADDRNOTAVAIL;
	size_t added = 0;
	for (size_t i = 0; i < aw_addrinfo_count(list); i++) {
		/* A socket for both takes the IPv4 addresses as well. */
		bool is_both = server->options.flags & AW_SERVER_DUAL_STACK;
		if (is_both && added && aw_addrinfo_family(list, i) == AF_INET) continue;
		aw_status fd = listener_socket(server, list, i);
		if (fd == -EAFNOSUPPORT) {
			status = fd;
			continue;
		}
		status = fd < 0 ? fd : add_listener(server, fd, NULL);
		if (status < 0) {
			if (fd >= 0) close(fd);
			close_listeners_after(server, before);
			return status;
		}
		added++;
	}
	return added ? 0 : status;
}

typedef struct listen_call {
	aw_frame frame;
	aw_server *server; /* a reference */
	aw_future *lookup; /* likewise */
} listen_call;

static aw_status lookup_begin(const aw_server *server, const char *host, const char *service,
                              aw_future **out) {
	aw_status status = listen_check(server);
	if (status < 0) return status;
	if (!service) return -EINVAL;
	int family = server->options.family;
	/* Without a host, the socket for both families is the one for IPv6. */
	if (!host && !family && server->options.flags & AW_SERVER_DUAL_STACK) family = AF_INET6;
	return aw_getaddrinfo(server->loop, host, service, family, SOCK_STREAM, 0, AI_PASSIVE, out);
}

static aw_status lookup_ended(aw_server *server, aw_future *lookup) {
	void *value = NULL;
	aw_status status = future_outcome(lookup, &value, NULL);
	if (status == 0) status = listen_check(server);
	return status < 0 ? status : listen_on(server, value);
}

aw_status aw_server_listen(aw_server *server, const char *host, const char *service) {
	if (!stackful_here()) return AW_ENOTASK;
	aw_future *lookup = NULL;
	aw_status status = lookup_begin(server, host, service, &lookup);
	if (status < 0) return failed(status);
	object_ref(server);
	status = aw_await(lookup, NULL);
	if (status == 0) {
		status = listen_noted(server, lookup_ended(server, lookup));
	}
	object_unref_held(lookup);
	object_unref(server);
	return status;
}

static aw_status listen_step(aw_resume *resume, void *ud) {
	listen_call *self = ud;
	aw_status status = 0;
	AW_BEGIN(&self->frame);
	AW_AWAIT(&self->frame, resume, self->lookup);
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	status = lookup_ended(self->server, self->lookup);
	AW_END(&self->frame);
	if (status < 0 && self->server->refusal && self->server->refusal->status == status)
		return aw_resume_raise(resume, self->server->refusal);
	return status;
}

static void listen_destroy(void *ud) {
	listen_call *self = ud;
	if (self->lookup) object_unref_held(self->lookup);
	object_unref(self->server);
	free(self);
}

ENTRY(aw_server_listen_coro, (aw_server *server, const char *host, const char *service, aw_coro **out),
      (server, host, service, out)) {
	aw_status status = listen_check(server);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	aw_future *lookup = NULL;
	status = lookup_begin(server, host, service, &lookup);
	if (status < 0) return status;
	listen_call *self;
	status = coro_internal(server->loop, listen_step, sizeof *self, listen_destroy, &self, out);
	if (status < 0) {
		object_unref_held(lookup);
		return status;
	}
	self->server = object_ref(server);
	self->lookup = lookup;
	return 0;
}

/* --- making one --- */

static aw_status server_make(aw_loop *loop, aw_client_fn fn, void *ud, aw_destroy_fn destroy,
                             const aw_server_options *options, const void *origin, aw_server **out) {
	static const aw_server_options none = {.size = sizeof none};
	aw_status status = loop_resolve(&loop);
	if (!options) options = &none;
	if (status == 0 && (!fn || !out || options->size < sizeof *options || options->backlog < 0 ||
	                    (options->stream && options->stream->size < sizeof *options->stream)))
		status = -EINVAL;
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
	self->options = *options;
	self->stream = options->stream ? *options->stream : (aw_stream_options){.size = sizeof self->stream};
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
	aw_status status = listen_check(server);
	if (status < 0 || server->serving) return status;
	if (!server->listeners.first) return -EINVAL;
	if (server->options.flags & AW_SERVER_SHED && server->spare < 0) {
		server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (server->spare < 0) return -errno;
	}
	server->serving = true;
	listen_again(server);
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

/* What wait_closed and serve_forever wait for. */
typedef struct server_wait {
	aw_frame frame;
	aw_server *server; /* a reference */
	waiter waiter;
	bool is_forever, begun;
} server_wait;

static const future_kind wait_kind = {.what = "server"};

static aw_status wait_begin(server_wait *self) {
	if (!self->is_forever) return 0;
	if (self->server->forever) return -EBUSY;
	aw_status status = aw_server_start_serving(self->server);
	if (status == 0) self->server->forever = self->begun = true;
	return status;
}

static bool has_to_wait(const server_wait *self) {
	const aw_server *server = self->server;
	if (self->is_forever) return !server->closed;
	return !server->closed || server->listeners.first || server->connections.first;
}

static aw_status wait_join(server_wait *self) {
	aw_server *server = self->server;
	return wait_queue_join(self->is_forever ? &server->ends : &server->closes, &self->waiter, &wait_kind,
	                       server, server->loop);
}

static void wait_ended(server_wait *self, aw_status status) {
	wait_queue_leave(&self->waiter);
	if (!self->begun) return;
	self->begun = self->server->forever = false;
	if (status == AW_ECANCELLED && !loop_closing(self->server->loop)) server_close(self->server);
}

static aw_status wait_now(aw_server *server, bool is_forever) {
	if (!stackful_here()) return AW_ENOTASK;
	server_wait self = {.server = server, .is_forever = is_forever};
	aw_status status = server_check(server);
	if (status == 0) status = wait_begin(&self);
	if (status < 0) return failed(status);
	object_ref(server);
	while (has_to_wait(&self)) {
		status = wait_join(&self);
		if (status < 0) {
			failed(status);
			break;
		}
		status = aw_await(self.waiter.wakeup, NULL);
		wait_queue_leave(&self.waiter);
		if (status < 0) break;
	}
	wait_ended(&self, status);
	object_unref(server);
	return status < 0 ? status : await_ended(stackful_here(), 0);
}

static aw_status wait_step(aw_resume *resume, void *ud) {
	server_wait *self = ud;
	aw_status status = 0;
	AW_BEGIN(&self->frame);
	status = wait_begin(self);
	if (status < 0) return status;
	while (has_to_wait(self)) {
		status = wait_join(self);
		if (status < 0) break;
		AW_AWAIT(&self->frame, resume, self->waiter.wakeup);
		status = aw_resume_status(resume);
		wait_queue_leave(&self->waiter);
		if (status < 0) {
			wait_ended(self, status);
			return aw_resume_raise(resume, aw_resume_error(resume));
		}
	}
	wait_ended(self, status);
	AW_END(&self->frame);
	return status;
}

static void wait_destroy(void *ud) {
	server_wait *self = ud;
	wait_ended(self, 0);
	object_unref(self->server);
	free(self);
}

static aw_status wait_later(aw_server *server, bool is_forever, const void *origin, aw_coro **out) {
	aw_status status = server_check(server);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	server_wait *self;
	status = coro_internal_from(origin, server->loop, wait_step, sizeof *self, wait_destroy, &self, out);
	if (status < 0) return status;
	self->server = object_ref(server);
	self->is_forever = is_forever;
	return 0;
}

aw_status aw_server_wait_closed(aw_server *server) {
	return wait_now(server, false);
}

ENTRY(aw_server_wait_closed_coro, (aw_server *server, aw_coro **out), (server, out)) {
	return wait_later(server, false, CALLER, out);
}

aw_status aw_server_serve_forever(aw_server *server) {
	return wait_now(server, true);
}

ENTRY(aw_server_serve_forever_coro, (aw_server *server, aw_coro **out), (server, out)) {
	return wait_later(server, true, CALLER, out);
}

/* --- about it --- */

aw_bool aw_server_is_serving(const aw_server *server) {
	return is_server(server) && server->serving;
}

size_t aw_server_connections(const aw_server *server) {
	return is_server(server) ? server->connection_count : 0;
}

size_t aw_server_sockets(const aw_server *server) {
	return is_server(server) && !server->closed ? server->listener_count : 0;
}

int aw_server_socket(const aw_server *server, size_t index) {
	if (!is_server(server) || server->closed) return -1;
	const listener *at = server->listeners.first;
	while (at && index--) at = at->next;
	return at ? at->fd : -1;
}

ENTRY(aw_server_port, (const aw_server *server, size_t index), (server, index)) {
	if (!is_server(server)) return AW_EBADHANDLE;
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
	return is_server(server) ? server->loop : NULL;
}
