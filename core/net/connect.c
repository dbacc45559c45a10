/* SPDX-License-Identifier: MIT */
/*
 * Connecting: looks up the name, then tries the addresses, one after the other or, with a delay, in parallel
 * (RFC 8305). All of it is one future; its attempts are poll operations that it owns.
 */
#include "addresses.h"
#include "failure.h"
#include "stream.h"
#include "task.h"

#include <await/connect.h>
#include <await/executor.h>
#include <await/names.h>
#include <await/taskgroup.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct connector connector;

/* One address. */
typedef struct attempt {
	operation operation;
	connector *owner;
	int fd; /* -1: none */
	struct sockaddr_storage address;
	socklen_t length;
	int32_t family, kind, protocol;
	aw_status status;
	aw_error *error; /* a reference */
} attempt;

struct connector {
	aw_future future;
	aw_connect_options options; /* of its pointers, only `prepare_ud` is used later */
	aw_stream_options stream;
	aw_future *remote, *local; /* the look-ups, one after the other; references */
	future_waiter waiter;      /* on the one that is pending; has a reference */
	char *names;               /* where the next two lie */
	const char *local_host, *local_service;
	attempt *attempts;
	size_t count, next;   /* the first one that was not tried */
	size_t running;       /* attempts in flight; each has a reference */
	alarm_clock stagger;  /* starts the next attempt; has a reference while it is set */
	alarm_clock deadline; /* of the whole; likewise */
};

/* --- ending --- */

static void alarm_stop(connector *self, alarm_clock *alarm) {
	if (!timer_is_set(&alarm->timer)) return;
	loop_alarm_stop(self->future.loop, alarm);
	object_unref(self);
}

static void attempt_close(attempt *self) {
	if (self->fd >= 0) close(self->fd);
	self->fd = -1;
}

/* Nothing more is tried. The attempts in flight close their sockets when they have ended. */
static void stop(connector *self) {
	alarm_stop(self, &self->stagger);
	alarm_stop(self, &self->deadline);
	self->next = self->count;
	for (size_t i = 0; i < self->count; i++)
		if (self->attempts[i].operation.in_flight)
			loop_cancel(self->future.loop, &self->attempts[i].operation);
	if (self->remote && !future_is_done(self->remote)) future_cancel(self->remote, NULL);
	if (self->local && !future_is_done(self->local)) future_cancel(self->local, NULL);
}

static void connector_release(aw_future *future) {
	connector *self = (connector *)(void *)future;
	for (size_t i = 0; i < self->count; i++) {
		attempt_close(&self->attempts[i]);
		if (self->attempts[i].error) error_unref(self->attempts[i].error);
	}
	free(self->attempts);
	free(self->names);
	if (self->remote) object_unref_held(self->remote);
	if (self->local) object_unref_held(self->local);
}

static bool connector_cancel(aw_future *future, aw_error *reason) {
	stop((connector *)(void *)future);
	future_set_cancelled(future, reason);
	return true;
}

static const future_kind connector_kind = {
	.cancel = connector_cancel, .release = connector_release, .what = "connection"};

static void fail_with(connector *self, aw_error *error) {
	stop(self);
	future_fail(&self->future, error);
}

static void fail(connector *self, aw_status status) {
	fail_with(self, error_of(status));
}

/* The value of the future, unless somebody takes it. */
static void value_stream(void *stream) {
	aw_stream_abort(stream);
	aw_stream_unref(stream);
}

static void connected(connector *self, attempt *winner) {
	int on = 1, fd = winner->fd;
	if (winner->family != AF_UNIX && !(self->options.flags & AW_CONNECT_DELAY))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	aw_stream *stream = NULL;
	aw_status status = stream_from_socket(self->future.loop, fd, winner->family, NULL, 0, &self->stream,
	                                      self->future.origin, &stream);
	if (status < 0) {
		attempt_close(winner);
		fail(self, status);
		return;
	}
	winner->fd = -1;
	stop(self);
	future_finish(&self->future, object_hand_out(stream, self->future.origin), value_stream);
}

/* Every address has failed. */
static void all_failed(connector *self) {
	aw_error *first = NULL;
	bool all_same = true;
	char text[512] = "";
	size_t used = 0;
	for (size_t i = 0; i < self->count; i++) {
		aw_error *error = self->attempts[i].error;
		if (!error) continue;
		if (!first) first = error;
		if (self->attempts[i].status != first->status) all_same = false;
		const char *message = aw_error_message(error);
		if (used < sizeof text)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", message);
	}
	if (!first) {
		fail(self, -EADDRNOTAVAIL);
		return;
	}
	if (self->options.flags & AW_CONNECT_ALL_ERRORS) {
		aw_error **errors = calloc(self->count, sizeof(aw_error *));
		size_t count = 0;
		aw_error *group = NULL;
		for (size_t i = 0; errors && i < self->count; i++)
			if (self->attempts[i].error) errors[count++] = self->attempts[i].error;
		if (errors &&
		    aw_error_new_group(self->future.loop, "create_connection failed", errors, count, &group) == 0) {
			fail_with(self, group);
			object_unref_held(group);
			free(errors);
			return;
		}
		free(errors);
	}
	if (all_same) {
		fail_with(self, first);
		return;
	}
	char whole[600];
	snprintf(whole, sizeof whole, "Multiple exceptions: %s", text);
	aw_error *error = error_with_message(&self->future.loop->domain, first->status, whole);
	fail_with(self, error);
	error_unref(error);
}

/* --- attempts --- */

static void start_attempts(connector *self);

/* `address` is the one that the failure is about. */
static void attempt_failed_at(attempt *self, const char *what, aw_status status,
                              const struct sockaddr *address, socklen_t length) {
	char name[ADDRESS_TEXT];
	attempt_close(self);
	self->status = status;
	address_text(address, length, name);
	char text[ADDRESS_TEXT + 64];
	snprintf(text, sizeof text, "%s (%s): %s", what, name, aw_strerror(status));
	self->error = error_with_message(&self->owner->future.loop->domain, status, text);
}

static void attempt_failed(attempt *self, const char *what, aw_status status) {
	attempt_failed_at(self, what, status, (struct sockaddr *)&self->address, self->length);
}

static void attempt_done(operation *ended) {
	attempt *self = container_of(ended, attempt, operation);
	connector *owner = self->owner;
	owner->running--;
	if (future_is_done(&owner->future) || loop_closing(owner->future.loop)) {
		attempt_close(self);
	} else {
		int error = 0;
		socklen_t size = sizeof error;
		if (ended->op.result < 0)
			error = (int)-ended->op.result;
		else if (getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			error = errno;
		if (error) {
			attempt_failed(self, "Connect call failed", -error);
			alarm_stop(owner, &owner->stagger); /* the next one need not wait */
			start_attempts(owner);
		} else {
			connected(owner, self);
		}
	}
	object_unref(owner);
}

/* Tries the local addresses in order. */
static aw_status bind_local(const connector *self, attempt *at) {
	if (!self->local) return 0;
	void *value = NULL;
	future_outcome(self->local, &value, NULL);
	const aw_addrinfo *list = value;
	aw_status status = -EADDRNOTAVAIL;
	const struct sockaddr *refused = NULL;
	uint32_t refused_length = 0;
	for (size_t i = 0; i < aw_addrinfo_count(list); i++) {
		uint32_t length = 0;
		const struct sockaddr *address = aw_addrinfo_address(list, i, &length);
		if (aw_addrinfo_family(list, i) != at->family) continue;
		if (bind(at->fd, address, length) == 0) return 0;
		status = -errno;
		refused = address;
		refused_length = length;
	}
	if (refused)
		attempt_failed_at(at, "cannot bind to the local address", status, refused, refused_length);
	else
		attempt_failed(at, "no local address of its family", status);
	return status;
}

/* Returns 1 if it is in flight, 0 if it is connected already. */
static aw_status attempt_start(attempt *self) {
	connector *owner = self->owner;
	int on = 1;
	self->fd = socket(self->family, self->kind | SOCK_CLOEXEC | SOCK_NONBLOCK, self->protocol);
	if (self->fd < 0) {
		aw_status status = -errno;
		attempt_failed(self, "cannot create a socket", status);
		return status;
	}
	if (owner->options.flags & AW_CONNECT_KEEP_ALIVE)
		(void)setsockopt(self->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	aw_status status = bind_local(owner, self);
	if (status < 0) return status;
	if (owner->options.prepare) status = owner->options.prepare(self->fd, owner->options.prepare_ud);
	if (status < 0) {
		attempt_failed(self, "the socket was refused", status);
		return status;
	}
	if (connect(self->fd, (struct sockaddr *)&self->address, self->length) == 0) return 0;
	/* After EINTR the connect continues, as after EINPROGRESS. */
	if (errno != EINPROGRESS && errno != EINTR) {
		status = -errno;
		attempt_failed(self, "Connect call failed", status);
		return status;
	}
	self->operation.op = (aw_op){.kind = AW_OP_POLL, .fd = self->fd, .flags = AW_POLL_OUT};
	self->operation.done = attempt_done;
	status = loop_submit_batched(owner->future.loop, &self->operation);
	if (status < 0) {
		attempt_failed(self, "cannot wait for the connection", status);
		return status;
	}
	owner->running++;
	object_ref(owner);
	return 1;
}

static aw_status stagger_run(ready_item *item) {
	connector *self = container_of(item, connector, stagger.item);
	if (!future_is_done(&self->future) && !loop_closing(self->future.loop)) start_attempts(self);
	object_unref(self);
	return 0;
}

/* Starts the next address that gets as far as waiting. */
static void start_attempts(connector *self) {
	while (self->next < self->count) {
		attempt *at = &self->attempts[self->next++];
		aw_status status = attempt_start(at);
		if (future_is_done(&self->future)) return; /* `prepare` has cancelled it */
		if (status == 0) {
			connected(self, at);
			return;
		}
		if (status < 0) continue;
		if (self->options.happy_eyeballs_delay_ns > 0 && self->next < self->count) {
			aw_loop *loop = self->future.loop;
			status =
				loop_alarm_set(loop, &self->stagger, loop_after(loop, self->options.happy_eyeballs_delay_ns));
			if (status < 0)
				fail(self, status);
			else
				object_ref(self);
		}
		return;
	}
	if (!self->running) all_failed(self);
}

static void attempt_init(connector *self, attempt *at, int32_t family, int32_t kind, int32_t protocol,
                         const struct sockaddr *address, socklen_t length) {
	*at = (attempt){.owner = self, .fd = -1, .family = family, .kind = kind, .protocol = protocol};
	at->length = length < sizeof at->address ? length : sizeof at->address;
	memcpy(&at->address, address, at->length);
}

/*
 * Puts the addresses in the order of RFC 8305: `first` of the first family, then one of each in turn.
 */
static void interleave(connector *self, size_t first) {
	attempt *sorted = malloc(self->count * sizeof *sorted);
	if (!sorted) return; /* the order of the resolver will do */
	int32_t family = self->attempts[0].family;
	size_t done = 0, own = 0, others = 0;
	bool is_own = true;
	while (done < self->count) {
		size_t *at = is_own ? &own : &others;
		while (*at < self->count && (self->attempts[*at].family == family) != is_own) ++*at;
		if (*at < self->count) sorted[done++] = self->attempts[(*at)++];
		if (!is_own || done >= first) is_own = !is_own;
	}
	memcpy(self->attempts, sorted, self->count * sizeof *sorted);
	free(sorted);
}

/* --- names --- */

static aw_status look_up(connector *self, const char *host, const char *service, aw_future **out) {
	aw_status status = aw_getaddrinfo(self->future.loop, host, service, self->options.family, SOCK_STREAM, 0,
	                                  self->options.getaddrinfo_flags, out);
	if (status < 0) return status;
	object_ref(self);
	future_wait(*out, &self->waiter);
	return 0;
}

static void resolved(connector *self, const aw_addrinfo *list) {
	size_t count = aw_addrinfo_count(list);
	self->attempts = count ? calloc(count, sizeof *self->attempts) : NULL;
	if (!self->attempts) {
		fail(self, count ? -ENOMEM : -EADDRNOTAVAIL);
		return;
	}
	self->count = count;
	for (size_t i = 0; i < count; i++) {
		uint32_t length = 0;
		const struct sockaddr *address = aw_addrinfo_address(list, i, &length);
		attempt_init(self, &self->attempts[i], aw_addrinfo_family(list, i), aw_addrinfo_type(list, i),
		             aw_addrinfo_protocol(list, i), address, length);
	}
	int32_t first = self->options.interleave;
	if (!first && self->options.happy_eyeballs_delay_ns > 0) first = 1;
	if (first > 0) interleave(self, (size_t)first);
	start_attempts(self);
}

static void looked_up(connector *self, aw_future *lookup) {
	void *value = NULL;
	aw_error *error = NULL;
	aw_status status = future_outcome(lookup, &value, &error);
	if (status < 0) {
		fail_with(self, error ? error : error_of(status));
		return;
	}
	if (lookup == self->remote && (self->local_host || self->local_service)) {
		status = look_up(self, self->local_host, self->local_service, &self->local);
		if (status < 0) fail(self, status);
		return;
	}
	future_outcome(self->remote, &value, NULL);
	resolved(self, value);
}

static aw_status lookup_run(ready_item *item) {
	connector *self = container_of(item, connector, waiter.item);
	aw_future *lookup = self->waiter.future;
	if (lookup) object_ref(lookup);
	future_waiter_end(&self->waiter);
	if (lookup && !future_is_done(&self->future) && !loop_closing(self->future.loop)) looked_up(self, lookup);
	if (lookup) object_unref(lookup);
	object_unref(self); /* the waiter's */
	return 0;
}

static aw_status deadline_run(ready_item *item) {
	connector *self = container_of(item, connector, deadline.item);
	if (!future_is_done(&self->future) && !loop_closing(self->future.loop)) fail(self, AW_ETIMEOUT);
	object_unref(self);
	return 0;
}

/* --- making one --- */

static aw_status options_check(const aw_connect_options *options) {
	const uint32_t all = AW_CONNECT_KEEP_ALIVE | AW_CONNECT_DELAY | AW_CONNECT_ALL_ERRORS;
	if (options->flags & ~all) return failed_saying(-EINVAL, "an unknown flag for a connection");
	if (options->happy_eyeballs_delay_ns < 0 || options->timeout_ns < 0)
		return failed_saying(-EINVAL, "a negative time for a connection");
	if (options->interleave < -1)
		return failed_saying(-EINVAL, "addresses are not interleaved by %d", options->interleave);
	return 0;
}

static aw_status connector_new(aw_loop *loop, const aw_connect_options *options, const void *origin,
                               connector **out) {
	aw_connect_options own;
	aw_stream_options stream;
	aw_status status = SIZED_READ(aw_connect_options, &own, options, stream);
	if (status == 0) status = options_check(&own);
	if (status == 0) status = stream_options_read(own.stream, &stream);
	if (status < 0) return status;
	options = &own;
	connector *self = future_create(loop, &future_class, &connector_kind, sizeof *self);
	if (!self) return -ENOMEM;
	self->future.origin = origin;
	self->options = *options;
	self->stream = stream;
	self->waiter.item.run = lookup_run;
	self->stagger.item.run = stagger_run;
	self->deadline.item.run = deadline_run;
	size_t host_size = options->local_host ? strlen(options->local_host) + 1 : 0;
	size_t service_size = options->local_service ? strlen(options->local_service) + 1 : 0;
	self->names = malloc(host_size + service_size + 1);
	status = self->names ? 0 : -ENOMEM;
	if (status == 0 && host_size) self->local_host = memcpy(self->names, options->local_host, host_size);
	if (status == 0 && service_size)
		self->local_service = memcpy(self->names + host_size, options->local_service, service_size);
	if (status == 0 && options->timeout_ns > 0) {
		status = loop_alarm_set(loop, &self->deadline, loop_after(loop, options->timeout_ns));
		if (status == 0) object_ref(self);
	}
	if (status < 0)
		object_unref(self);
	else
		*out = self;
	return status;
}

static aw_status connect_host(aw_loop *loop, const char *host, const char *service,
                              const aw_connect_options *options, const void *origin, aw_future **out) {
	if (!host && !service) return -EINVAL;
	connector *self = NULL;
	aw_status status = connector_new(loop, options, origin, &self);
	if (status < 0) return status;
	status = look_up(self, host, service, &self->remote);
	if (status < 0) {
		stop(self);
		object_unref(self);
		return status;
	}
	*out = &self->future;
	return 0;
}

static aw_status connect_path(aw_loop *loop, const char *path, const aw_connect_options *options,
                              const void *origin, aw_future **out) {
	struct sockaddr_storage address;
	socklen_t length = 0;
	aw_status status = address_of_path(path, &address, &length);
	if (status < 0) return status;
	connector *self = NULL;
	status = connector_new(loop, options, origin, &self);
	if (status < 0) return status;
	self->attempts = calloc(1, sizeof *self->attempts);
	if (!self->attempts) {
		stop(self);
		object_unref(self);
		return -ENOMEM;
	}
	self->count = 1;
	attempt_init(self, self->attempts, AF_UNIX, SOCK_STREAM, 0, (struct sockaddr *)&address, length);
	start_attempts(self);
	*out = &self->future;
	return 0;
}

/* Awaits a connector in a stackful task, and drops it. */
static aw_status await_stream(aw_status status, aw_future *future, aw_stream **out) {
	if (status < 0) return failed(status);
	void *stream = NULL;
	status = aw_await(future, NULL);
	if (status == 0) status = aw_future_take_result(future, &stream, NULL);
	object_unref(future);
	if (status == 0) *out = stream;
	return status;
}

aw_status aw_open_connection(const char *host, const char *service, const aw_connect_options *options,
                             aw_stream **out) {
	const aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	aw_future *future = NULL;
	aw_status status =
		out ? connect_host(resume->task->future.loop, host, service, options, CALLER, &future) : -EINVAL;
	return await_stream(status, future, out);
}

ENTRY(aw_open_connection_future, (aw_loop *loop, const char *host, const char *service,
                                  const aw_connect_options *options, aw_future **out),
      (loop, host, service, options, out)) {
	aw_status status = loop_resolve(&loop);
	if (status == 0 && !out) status = -EINVAL;
	if (status == 0) status = connect_host(loop, host, service, options, CALLER, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}

aw_status aw_open_unix_connection(const char *path, const aw_connect_options *options, aw_stream **out) {
	const aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	aw_future *future = NULL;
	aw_status status =
		out ? connect_path(resume->task->future.loop, path, options, CALLER, &future) : -EINVAL;
	return await_stream(status, future, out);
}

ENTRY(aw_open_unix_connection_future, (aw_loop *loop, const char *path, const aw_connect_options *options,
                                       aw_future **out),
      (loop, path, options, out)) {
	aw_status status = loop_resolve(&loop);
	if (status == 0 && !out) status = -EINVAL;
	if (status == 0) status = connect_path(loop, path, options, CALLER, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}
