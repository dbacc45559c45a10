/* SPDX-License-Identifier: MIT */
/* The listeners of a server: from addresses, paths and descriptors. */
#include "server.h"

#include "addresses.h"
#include "coro.h"
#include "failure.h"

#include <await/names.h>
#include <await/stackless.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void server_forget_refusal(aw_server *server) {
	if (server->refusal) error_unref(server->refusal);
	server->refusal = NULL;
}

/* Notes the socket's file, to remove it when the listener is closed, unless it is gone already. */
static aw_status note_path(listener *self, const char *path) {
	struct stat file;
	if (lstat(path, &file) < 0 || !S_ISSOCK(file.st_mode)) return 0;
	self->path = strdup(path);
	if (!self->path) return -ENOMEM;
	self->device = file.st_dev;
	self->inode = file.st_ino;
	return 0;
}

/* Takes the descriptor, if it works. `path` is that of a file to remove when the listener is closed, or NULL. */
static aw_status add_listener(aw_server *server, int fd, const char *path) {
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
	if (listen(fd, server->options.backlog) < 0) return -errno;
	listener *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	if (path && note_path(self, path) < 0) {
		free(self);
		return -ENOMEM;
	}
	self->server = server;
	self->fd = fd;
	socklen_t size = sizeof self->family;
	(void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &self->family, &size);
	self->operation.done = server_listener_done;
	self->operation.arrived = server_listener_arrived;
	list_append(&server->listeners, self);
	server->listener_count++;
	server_update_hold(server);
	if (server->serving) server_listen_again(server);
	return 0;
}

aw_status server_listen_check(const aw_server *server) {
	aw_status status = server_check(server);
	return status < 0 ? status : server->closed ? -EPIPE : 0;
}

static aw_status check_listener(int fd) {
	int kind = 0;
	socklen_t size = sizeof kind;
	if (fd < 0 || fcntl(fd, F_GETFD) < 0) return -EBADF;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) < 0 || kind != SOCK_STREAM) return -EINVAL;
	return 0;
}

/* Returns the path that a socket is bound to, in `address`; NULL if there is none. */
static const char *path_of(int fd, struct sockaddr_storage *address) {
	/* There is room behind the longest path, which the kernel does not end with a zero. */
	memset(address, 0, sizeof *address);
	socklen_t length = sizeof *address;
	if (getsockname(fd, (struct sockaddr *)address, &length) < 0 || address->ss_family != AF_UNIX)
		return NULL;
	const char *path = (const char *)address + offsetof(struct sockaddr_un, sun_path);
	return *path ? path : NULL;
}

ENTRY(aw_server_listen_fd, (aw_server *server, int fd), (server, fd)) {
	aw_status status = server_listen_check(server);
	if (status == 0) status = check_listener(fd);
	if (status < 0) return status;
	struct sockaddr_storage address;
	bool removes = !(server->options.flags & AW_SERVER_KEEP_PATH);
	return add_listener(server, fd, removes ? path_of(fd, &address) : NULL);
}

ENTRY(aw_server_listen_inherited, (aw_server *server), (server)) {
	aw_status status = server_listen_check(server);
	if (status < 0) return status;
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	if (!pid || !count || strtol(pid, NULL, 10) != getpid()) return 0;
	int32_t number = (int32_t)strtol(count, NULL, 10);
	for (int32_t i = 0; i < number; i++) {
		int fd = 3 + i; /* where sd_listen_fds(3) says that they begin */
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		status = check_listener(fd);
		/* The path is the service manager's, which passes the socket to the next process. */
		if (status == 0) status = add_listener(server, fd, NULL);
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
	server_forget_refusal(server);
	server->refusal = error_with_message(&server->loop->domain, -error, text);
	return -error;
}

/* Notes why a server could not listen. */
static aw_status listen_noted(aw_server *server, aw_status status) {
	if (status == 0) return 0;
	if (!server_is(server) || !server->refusal || server->refusal->status != status) return failed(status);
	failed_with(server->refusal);
	server_forget_refusal(server);
	return status;
}

static aw_status listen_unix(aw_server *server, const char *path) {
	aw_status status = server_listen_check(server);
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
		server_listener_close(at);
	}
	server_check_ended(server);
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
	aw_status status = server_listen_check(server);
	if (status < 0) return status;
	if (!service) return -EINVAL;
	if (host && !*host) host = NULL;
	int family = server->options.family;
	/* Without a host, the socket for both families is the one for IPv6. */
	if (!host && !family && server->options.flags & AW_SERVER_DUAL_STACK) family = AF_INET6;
	return aw_getaddrinfo(server->loop, host, service, family, SOCK_STREAM, 0, AI_PASSIVE, out);
}

static aw_status lookup_ended(aw_server *server, aw_future *lookup) {
	void *value = NULL;
	aw_status status = future_outcome(lookup, &value, NULL);
	if (status == 0) status = server_listen_check(server);
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
	aw_status status = server_listen_check(server);
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
