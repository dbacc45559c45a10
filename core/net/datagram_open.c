/* SPDX-License-Identifier: MIT */
/* Opening a datagram endpoint: addresses are looked up, and tried in order. */
#include "datagram.h"

#include "coro.h"
#include "failure.h"
#include "future.h"
#include "os.h"
#include "sized.h"
#include "task.h"

#include <await/names.h>
#include <await/stackless.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
	ALL_FLAGS = AW_DATAGRAM_REUSE_PORT | AW_DATAGRAM_REUSE_ADDRESS | AW_DATAGRAM_BROADCAST |
	            AW_DATAGRAM_V6ONLY | AW_DATAGRAM_ADOPT | AW_DATAGRAM_GRO,
	DEFAULT_CAPACITY = 64 << 10,
	DEFAULT_UNIX_CAPACITY = 256 << 10,
	TEXTS = 6
};

typedef struct opening {
	aw_frame frame;
	aw_loop *loop;
	const void *origin;
	aw_datagram_options options; /* its texts are in `texts` */
	char *texts;
	bool has_protocol;
	aw_datagram_protocol table;
	void *ud;
	aw_destroy_fn destroy;
	aw_future *local, *remote; /* look-ups, or NULL */
	aw_future *made;           /* connection_made has returned */
	aw_datagram *handle;       /* a reference, handed out once it is the value */
	const char *message;       /* of the failure, or NULL */
} opening;

/* --- options --- */

static const char **text_at(aw_datagram_options *options, int index) {
	const char **texts[TEXTS] = {&options->local_host,     &options->local_service, &options->remote_host,
	                             &options->remote_service, &options->local_path,    &options->remote_path};
	return texts[index];
}

static bool is_path(const char *path) {
	return !path || (*path && strlen(path) < sizeof((struct sockaddr_un *)0)->sun_path);
}

static aw_status options_check(const aw_datagram_options *options) {
	if (options->flags & ~(uint32_t)ALL_FLAGS) return -EINVAL;
	bool has_host =
			 options->local_host || options->local_service || options->remote_host || options->remote_service,
		 has_path = options->local_path || options->remote_path;
	if (options->flags & AW_DATAGRAM_ADOPT) {
		if (has_host || has_path || options->family || options->protocol)
			return failed_saying(-EINVAL, "a socket that is adopted has its addresses already");
		if (options->fd < 0) return -EBADF;
		return 0;
	}
	if (has_path ? has_host || (options->family && options->family != AF_UNIX)
	             : options->family == AF_UNIX && has_host)
		return failed_saying(-EINVAL, "a path is for AF_UNIX, and a host or a service is not");
	if (!has_host && !has_path && !options->family)
		return failed_saying(-EINVAL, "neither an address nor a family is given");
	if (options->remote_host && !options->remote_service)
		return failed_saying(-EINVAL, "the remote address has no port");
	if (!is_path(options->local_path) || !is_path(options->remote_path))
		return failed_saying(-EINVAL, "the path of the socket is empty or too long");
	return 0;
}

/* Copies the texts. */
static aw_status options_copy(const aw_datagram_options *from, opening *to) {
	size_t sizes[TEXTS], total = 0;
	to->options = *from;
	for (int i = 0; i < TEXTS; i++) {
		const char *text = *text_at(&to->options, i);
		sizes[i] = text ? strlen(text) + 1 : 0;
		total += sizes[i];
	}
	if (!total) return 0;
	char *at = to->texts = malloc(total);
	if (!at) return -ENOMEM;
	for (int i = 0; i < TEXTS; i++) {
		const char **text = text_at(&to->options, i);
		if (!*text) continue;
		*text = memcpy(at, *text, sizes[i]);
		at += sizes[i];
	}
	return 0;
}

/* --- the socket --- */

static aw_status set_on(int fd, int level, int name) {
	int on = 1;
	return setsockopt(fd, level, name, &on, sizeof on) < 0 ? -errno : 0;
}

static aw_status set_size(int fd, int name, uint32_t size) {
	int value = size > INT32_MAX ? INT32_MAX : (int)size;
	return setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) < 0 ? -errno : 0;
}

static aw_status socket_set(int fd, const aw_datagram_options *options, int family) {
	aw_status status = 0;
	uint32_t flags = options->flags;
	if (flags & AW_DATAGRAM_REUSE_ADDRESS) status = set_on(fd, SOL_SOCKET, SO_REUSEADDR);
	if (status == 0 && flags & AW_DATAGRAM_REUSE_PORT) status = set_on(fd, SOL_SOCKET, SO_REUSEPORT);
	if (status == 0 && flags & AW_DATAGRAM_BROADCAST) status = set_on(fd, SOL_SOCKET, SO_BROADCAST);
	if (status == 0 && flags & AW_DATAGRAM_V6ONLY && family == AF_INET6)
		status = set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (status == 0 && options->receive_buffer_size)
		status = set_size(fd, SO_RCVBUF, options->receive_buffer_size);
	if (status == 0 && options->send_buffer_size) status = set_size(fd, SO_SNDBUF, options->send_buffer_size);
	return status;
}

/* A socket that an earlier program has left. Whatever else has that name makes the bind fail. */
static void remove_stale(const struct sockaddr *address) {
	const struct sockaddr_un *name = (const struct sockaddr_un *)(const void *)address;
	struct stat found;
	if (address->sa_family == AF_UNIX && name->sun_path[0] && lstat(name->sun_path, &found) == 0 &&
	    S_ISSOCK(found.st_mode))
		(void)unlink(name->sun_path);
}

/* An address, or NULL. */
typedef struct place {
	const struct sockaddr *address;
	uint32_t length;
} place;

/* Makes a socket at `local`, connected to `remote`. */
static aw_status socket_open(const aw_datagram_options *options, int family, int protocol, place local,
                             place remote, int *out) {
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0) return -errno;
	aw_status status = socket_set(fd, options, family);
	if (status == 0 && local.address) {
		remove_stale(local.address);
		if (bind(fd, local.address, local.length) < 0) status = -errno;
	}
	if (status == 0 && remote.address && !(options->flags & AW_DATAGRAM_BROADCAST) &&
	    connect(fd, remote.address, remote.length) < 0)
		status = -errno;
	if (status < 0)
		os_close(&fd);
	else
		*out = fd;
	return status;
}

static place path_address(const char *path, struct sockaddr_un *out) {
	if (!path) return (place){0};
	size_t length = strlen(path);
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(out->sun_path, path, length);
	bool is_abstract = *path == '@';
	if (is_abstract) out->sun_path[0] = 0;
	return (place){(const struct sockaddr *)(const void *)out,
	               (uint32_t)(offsetof(struct sockaddr_un, sun_path) + length + !is_abstract)};
}

/* --- from the addresses to an endpoint --- */

static aw_addrinfo *found(const aw_future *lookup) {
	return lookup ? lookup->value.data : NULL;
}

static place place_at(const aw_addrinfo *list, size_t index) {
	place self = {0};
	if (list) self.address = aw_addrinfo_address(list, index, &self.length);
	return self;
}

/* Makes the endpoint of a socket. The socket is closed on failure, except one that was to be adopted. */
static aw_status endpoint_make(opening *self, int fd, place remote) {
	endpoint_protocol *protocol = NULL;
	aw_status status = endpoint_new(self->loop, fd, self->origin, &self->handle);
	if (status < 0) return status;
	endpoint *its = datagram_endpoint(self->handle);
	if (remote.address) {
		its->remote = malloc(remote.length);
		if (!its->remote) return -ENOMEM;
		memcpy(its->remote, remote.address, remote.length);
		its->remote_length = remote.length;
	}
	if (self->options.flags & AW_DATAGRAM_GRO && set_on(fd, IPPROTO_UDP, UDP_GRO) == 0) its->gro = true;
	if (!self->has_protocol) return 0;
	size_t capacity = self->options.max_datagram_size;
	if (!capacity) capacity = its->family == AF_UNIX ? DEFAULT_UNIX_CAPACITY : DEFAULT_CAPACITY;
	status = endpoint_protocol_new(&self->table, self->ud, self->destroy, capacity,
	                               self->options.max_per_iteration, &protocol);
	if (status < 0) return status;
	self->destroy = NULL; /* the endpoint's from here on */
	its->protocol = protocol;
	its->handle = object_ref(self->handle);
	return 0;
}

/* Undoes endpoint_make(), before anything was called. */
static void endpoint_unmake(opening *self) {
	if (!self->handle) return;
	endpoint *its = datagram_endpoint(self->handle);
	if (self->options.flags & AW_DATAGRAM_ADOPT) its->fd = -1; /* stays the caller's */
	endpoint_discard(its);
	object_unref(self->handle);
	self->handle = NULL;
}

static aw_status adopt(opening *self) {
	int fd = self->options.fd, kind = 0;
	socklen_t size = sizeof kind;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) < 0) return -errno;
	if (kind != SOCK_DGRAM) {
		self->message = "a datagram socket was expected";
		return -EINVAL;
	}
	aw_status status = socket_set(fd, &self->options, 0);
	if (status == 0) status = os_set_nonblocking(fd);
	if (status == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) status = -errno;
	return status < 0 ? status : endpoint_make(self, fd, (place){0});
}

static aw_status open_at(opening *self, int family, int protocol, place local, place remote) {
	int fd = -1;
	aw_status status = socket_open(&self->options, family, protocol, local, remote, &fd);
	if (status < 0) return status;
	status = endpoint_make(self, fd, remote);
	if (status < 0 && !self->handle) os_close(&fd);
	return status;
}

/* Tries the addresses in order. The failure of the first one is returned. */
static aw_status open_found(opening *self) {
	const aw_addrinfo *local = found(self->local), *remote = found(self->remote);
	aw_status first = 0;
	size_t local_count = local ? aw_addrinfo_count(local) : 1,
		   remote_count = remote ? aw_addrinfo_count(remote) : 1;
	for (size_t i = 0; i < local_count; i++)
		for (size_t j = 0; j < remote_count; j++) {
			const aw_addrinfo *list = local ? local : remote;
			size_t index = local ? i : j;
			if (local && remote && aw_addrinfo_family(local, i) != aw_addrinfo_family(remote, j)) continue;
			aw_status status =
				open_at(self, aw_addrinfo_family(list, index), aw_addrinfo_protocol(list, index),
			            place_at(local, i), place_at(remote, j));
			if (status == 0) return 0;
			endpoint_unmake(self);
			if (status == -ENOMEM) return status;
			if (!first) first = status;
		}
	if (first) return first;
	self->message = "the local and the remote address have no family in common";
	return -EAFNOSUPPORT;
}

static aw_status open_now(opening *self) {
	const aw_datagram_options *options = &self->options;
	struct sockaddr_un local, remote;
	if (options->flags & AW_DATAGRAM_ADOPT) return adopt(self);
	if (self->local || self->remote) return open_found(self);
	int family = options->local_path || options->remote_path ? AF_UNIX : options->family;
	return open_at(self, family, options->protocol, path_address(options->local_path, &local),
	               path_address(options->remote_path, &remote));
}

/* --- the coroutine --- */

static aw_status look_up(const opening *self, const char *host, const char *service, int32_t flags,
                         aw_future **out) {
	if (!host && !service) return 0;
	aw_status status = aw_getaddrinfo(self->loop, host, service ? service : "0", self->options.family,
	                                  SOCK_DGRAM, self->options.protocol, flags, out);
	if (status == 0) object_keep(*out);
	return status;
}

static void value_datagram(void *value) {
	aw_datagram_unref(value);
}

static aw_status open_step(aw_resume *resume, void *ud) {
	opening *self = ud;
	const aw_datagram_options *options = &self->options;
	aw_status status;
	AW_BEGIN(&self->frame);
	status = look_up(self, options->local_host, options->local_service, AI_PASSIVE, &self->local);
	if (status < 0) return status;
	if (self->local) {
		AW_AWAIT(&self->frame, resume, self->local);
		if (aw_resume_status(resume) < 0) return wait_queue_raise(resume);
	}
	status = look_up(self, options->remote_host, options->remote_service, 0, &self->remote);
	if (status < 0) return status;
	if (self->remote) {
		AW_AWAIT(&self->frame, resume, self->remote);
		if (aw_resume_status(resume) < 0) return wait_queue_raise(resume);
	}
	status = open_now(self);
	if (status < 0) {
		endpoint_unmake(self);
		aw_error *error = error_with_message(&self->loop->domain, status, self->message);
		status = aw_resume_raise(resume, error);
		aw_error_unref(error);
		return status;
	}
	if (self->has_protocol) {
		static const future_kind made_kind = {.what = "datagram endpoint to be made"};
		self->made = future_create(self->loop, &future_class, &made_kind, sizeof(aw_future));
		if (!self->made) {
			endpoint_unmake(self);
			return -ENOMEM;
		}
		endpoint_begin(datagram_endpoint(self->handle), self->made);
		AW_AWAIT(&self->frame, resume, self->made);
		if (aw_resume_status(resume) < 0) return wait_queue_raise(resume); /* open_destroy() closes it */
	}
	AW_END(&self->frame);
	aw_datagram *handle = object_hand_out(self->handle, self->origin);
	self->handle = NULL;
	return aw_resume_return(resume, handle, value_datagram);
}

static void open_destroy(void *ud) {
	opening *self = ud;
	if (self->local) object_unref(self->local);
	if (self->remote) object_unref(self->remote);
	if (self->made) object_unref(self->made);
	if (self->handle) {
		endpoint_close(datagram_endpoint(self->handle));
		object_unref(self->handle);
	}
	object_destroy_user(self->destroy, self->ud);
	free(self->texts);
	free(self);
}

typedef struct callbacks {
	const aw_datagram_protocol *table; /* NULL: awaited */
	void *ud;
	aw_destroy_fn destroy;
} callbacks;

/* Takes ownership of `ud`. */
static aw_status open_later(aw_loop *loop, const aw_datagram_options *options, callbacks to,
                            bool has_protocol, const void *origin, aw_coro **out) {
	opening *self = NULL;
	aw_datagram_options own;
	aw_datagram_protocol table;
	aw_status status = loop_resolve(&loop);
	if (status == 0 && (!out || !options || (has_protocol && !to.table))) status = -EINVAL;
	if (status == 0) status = SIZED_READ(aw_datagram_options, &own, options, reserved);
	if (status == 0) status = options_check(&own);
	if (status == 0 && has_protocol)
		status = SIZED_READ(aw_datagram_protocol, &table, to.table, resume_writing);
	if (status == 0)
		status = coro_internal_from(origin, loop, open_step, sizeof *self, open_destroy, &self, out);
	if (status < 0) {
		object_destroy_user(to.destroy, to.ud);
		return status;
	}
	self->loop = loop;
	self->origin = origin;
	self->has_protocol = has_protocol;
	if (has_protocol) self->table = table;
	self->ud = to.ud;
	self->destroy = to.destroy;
	status = options_copy(&own, self);
	if (status == 0) return 0;
	(*out)->taken = true; /* it is not the program's fault that it never runs */
	object_unref(*out);
	*out = NULL;
	return status;
}

static aw_status open_here(const aw_datagram_options *options, callbacks to, bool has_protocol,
                           const void *origin, aw_datagram **out) {
	aw_coro *coro = NULL;
	if (!stackful_here()) {
		object_destroy_user(to.destroy, to.ud);
		return AW_ENOTASK;
	}
	const aw_error *before = failure_here();
	aw_status status = open_later(NULL, options, to, has_protocol, origin, &coro);
	if (status < 0) return failed_since(before, status);
	void *made = NULL;
	status = aw_await_coro(coro, &made);
	if (status == 0 && out) {
		*out = made;
		coro->value_destroy = NULL; /* the caller's from here on */
	}
	object_unref(coro);
	return status;
}

aw_status aw_datagram_open(const aw_datagram_options *options, aw_datagram **out) {
	if (!stackful_here()) return AW_ENOTASK;
	return out ? open_here(options, (callbacks){0}, false, CALLER, out) : failed(-EINVAL);
}

aw_status aw_datagram_open_coro(aw_loop *loop, const aw_datagram_options *options, aw_coro **out) {
	const aw_error *before = failure_here();
	aw_status status = open_later(loop, options, (callbacks){0}, false, CALLER, out);
	return status < 0 ? failed_since(before, status) : status;
}

aw_status aw_create_datagram_endpoint(const aw_datagram_options *options,
                                      const aw_datagram_protocol *protocol, void *ud, aw_destroy_fn destroy,
                                      aw_datagram **out) {
	return open_here(options, (callbacks){protocol, ud, destroy}, true, CALLER, out);
}

aw_status aw_create_datagram_endpoint_coro(aw_loop *loop, const aw_datagram_options *options,
                                           const aw_datagram_protocol *protocol, void *ud,
                                           aw_destroy_fn destroy, aw_coro **out) {
	const aw_error *before = failure_here();
	aw_status status = open_later(loop, options, (callbacks){protocol, ud, destroy}, true, CALLER, out);
	return status < 0 ? failed_since(before, status) : status;
}
