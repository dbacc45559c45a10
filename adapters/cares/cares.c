/* SPDX-License-Identifier: MIT */
/*
 * c-ares on a loop: its sockets are watched by readers and writers, its time limits are one timer. It uses the
 * public interface only.
 */
#include "sized.h"

#include <ares.h>
#include <await/await.h>
#include <await/cares.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

typedef struct cares {
	aw_loop *loop; /* borrowed: it destroys this before it ends */
	ares_channel channel;
	aw_handle *timer; /* a reference, while a time limit runs */
	int inside;       /* calls of c-ares, whose callbacks may run an exception handler of the program */
	bool ending;
} cares;

/* Of a look-up; c-ares calls its callback exactly once. */
typedef struct query {
	cares *resolver;
	aw_future *future; /* a reference */
	int32_t socktype, protocol, flags;
} query;

/* For a reader or a writer, which gets nothing but this. */
typedef struct watched {
	cares *resolver;
	ares_socket_t fd;
} watched;

static void ignore(aw_status status) {
	(void)status;
}

/* --- calls of c-ares --- */

static aw_status on_timer(aw_loop *loop, void *ud);

static void timer_stop(cares *self) {
	if (!self->timer) return;
	ignore(aw_handle_cancel(self->timer));
	aw_handle_unref(self->timer);
	self->timer = NULL;
}

/* Sets the timer anew; false if memory runs out. */
static bool timer_set(cares *self) {
	struct timeval left;
	timer_stop(self);
	if (!ares_timeout(self->channel, NULL, &left)) return true;
	/* Rounded up: c-ares counts in milliseconds. */
	int64_t delay = left.tv_sec * AW_SECOND + left.tv_usec * (AW_MILLISECOND / 1000) + AW_MILLISECOND;
	return aw_loop_call_later(self->loop, delay, on_timer, self, NULL, &self->timer) >= 0;
}

static void enter(cares *self) {
	self->inside++;
}

static void finish(cares *self) {
	timer_stop(self);
	ares_destroy(self->channel); /* ends each query */
	free(self);
}

/* The end of a call of c-ares, which may have changed the next time limit. */
static void leave(cares *self) {
	/* Without a timer a look-up could wait for ever. */
	if (self->inside == 1 && !self->ending && !timer_set(self)) ares_cancel(self->channel);
	if (--self->inside == 0 && self->ending) finish(self);
}

static void process(cares *self, ares_socket_t readable, ares_socket_t writable) {
	enter(self);
	ares_process_fd(self->channel, readable, writable);
	leave(self);
}

static aw_status on_timer(aw_loop *loop, void *ud) {
	(void)loop;
	process(ud, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	return 0;
}

/* --- sockets --- */

static aw_status on_readable(aw_loop *loop, void *ud) {
	(void)loop;
	const watched *it = ud;
	process(it->resolver, it->fd, ARES_SOCKET_BAD);
	return 0;
}

static aw_status on_writable(aw_loop *loop, void *ud) {
	(void)loop;
	const watched *it = ud;
	process(it->resolver, ARES_SOCKET_BAD, it->fd);
	return 0;
}

/* If memory runs out, the time limit of the query ends the wait. */
static void watch(cares *self, ares_socket_t fd, bool writes) {
	watched *it = malloc(sizeof *it);
	if (!it) return;
	*it = (watched){self, fd};
	ignore(writes ? aw_loop_add_writer(self->loop, fd, on_writable, it, free)
	              : aw_loop_add_reader(self->loop, fd, on_readable, it, free));
}

/* c-ares wants to know when `fd` is ready, or is about to close it. */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable) {
	cares *self = data;
	if (readable)
		watch(self, fd, false);
	else
		ignore(aw_loop_remove_reader(self->loop, fd));
	if (writable)
		watch(self, fd, true);
	else
		ignore(aw_loop_remove_writer(self->loop, fd));
}

/* --- failures --- */

static int eai_of(int status) {
	switch (status) {
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_ENONAME:
	case ARES_EBADNAME: return EAI_NONAME;
	case ARES_ESERVFAIL:
	case ARES_ECONNREFUSED:
	case ARES_ETIMEOUT: return EAI_AGAIN;
	case ARES_EBADFAMILY: return EAI_FAMILY;
	case ARES_EBADFLAGS:
	case ARES_EBADHINTS: return EAI_BADFLAGS;
	case ARES_ESERVICE: return EAI_SERVICE;
	default: return EAI_FAIL;
	}
}

static void query_fail(const query *self, int status) {
	/* Queries are cancelled for lack of memory; see leave(). */
	if (status == ARES_ENOMEM || status == ARES_ECANCELLED || status == ARES_EDESTRUCTION) {
		ignore(aw_future_fail(self->future, status == ARES_EDESTRUCTION ? -ECANCELED : -ENOMEM, NULL));
		return;
	}
	aw_error *error = NULL;
	void *payload = (void *)(intptr_t)eai_of(status);
	/* c-ares has no text for this one. */
	const char *message = status == ARES_ESERVICE ? gai_strerror(EAI_SERVICE) : ares_strerror(status);
	if (aw_error_new(self->resolver->loop, AW_EGAIERROR, message, payload, NULL, &error) < 0) {
		ignore(aw_future_fail(self->future, AW_EGAIERROR, NULL));
		return;
	}
	ignore(aw_future_set_error(self->future, error));
	aw_error_unref(error);
}

static void query_end(query *self) {
	aw_future_unref(self->future);
	free(self);
}

/* --- addresses --- */

static void drop_list(void *list) {
	aw_addrinfo_unref(list);
}

/* What a name is looked up for: every kind of socket unless the program has said which. */
typedef struct kind {
	int32_t socktype, protocol;
} kind;

static size_t kinds_of(const query *self, kind out[3]) {
	static const kind every[] = {
		{SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_UDP}, {SOCK_RAW, IPPROTO_IP}};
	size_t count = 0;
	for (size_t i = 0; i < 3; i++) {
		if (self->socktype && self->socktype != every[i].socktype) continue;
		bool is_raw = every[i].socktype == SOCK_RAW;
		if (self->protocol && self->protocol != every[i].protocol && !is_raw) continue;
		out[count] = every[i];
		if (is_raw) out[count].protocol = self->protocol;
		count++;
	}
	if (!count) out[count++] = (kind){self->socktype, self->protocol};
	return count;
}

static aw_status make_list(const query *self, const struct ares_addrinfo *found, aw_addrinfo **out) {
	kind kinds[3];
	size_t kind_count = kinds_of(self, kinds), count = 0;
	for (const struct ares_addrinfo_node *at = found->nodes; at; at = at->ai_next) count += kind_count;
	aw_addrinfo_entry *entries = calloc(count ? count : 1, sizeof *entries), *entry = entries;
	if (!entries) return -ENOMEM;
	for (const struct ares_addrinfo_node *at = found->nodes; at; at = at->ai_next)
		for (size_t i = 0; i < kind_count; i++)
			*entry++ = (aw_addrinfo_entry){.family = at->ai_family,
			                               .socktype = kinds[i].socktype,
			                               .protocol = kinds[i].protocol,
			                               .address_length = at->ai_addrlen,
			                               .address = at->ai_addr};
	const char *name = found->name;
	for (const struct ares_addrinfo_cname *at = found->cnames; at; at = at->next) name = at->name;
	if (!(self->flags & AI_CANONNAME)) name = NULL;
	aw_status status = count ? aw_addrinfo_new(entries, count, name, out) : -ENODATA;
	free(entries);
	return status;
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *found) {
	(void)timeouts;
	query *self = arg;
	aw_addrinfo *list = NULL;
	if (aw_future_done(self->future)) {
		/* cancelled */
	} else if (status != ARES_SUCCESS) {
		query_fail(self, status);
	} else {
		aw_status made = make_list(self, found, &list);
		if (made == -ENODATA)
			query_fail(self, ARES_ENODATA);
		else if (made < 0)
			ignore(aw_future_fail(self->future, made, NULL));
		else if (aw_future_set_result(self->future, list, drop_list) < 0)
			aw_addrinfo_unref(list);
	}
	if (found) ares_freeaddrinfo(found);
	query_end(self);
}

static int flags_of(int32_t flags) {
	static const int pairs[][2] = {{AI_PASSIVE, ARES_AI_PASSIVE},
	                               {AI_CANONNAME, ARES_AI_CANONNAME},
	                               {AI_NUMERICSERV, ARES_AI_NUMERICSERV},
	                               {AI_V4MAPPED, ARES_AI_V4MAPPED},
	                               {AI_ALL, ARES_AI_ALL},
	                               {AI_ADDRCONFIG, ARES_AI_ADDRCONFIG}};
	int out = 0;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (flags & pairs[i][0]) out |= pairs[i][1];
	return out;
}

/* Makes a query and the future of its answer, of which `out` gets a reference. */
static query *query_new(cares *resolver, aw_future **out, aw_status *out_status) {
	query *self = calloc(1, sizeof *self);
	*out_status = self ? aw_future_new(resolver->loop, out) : -ENOMEM;
	if (*out_status < 0) {
		free(self);
		return NULL;
	}
	self->resolver = resolver;
	self->future = aw_future_ref(*out);
	return self;
}

static aw_status find_addresses(aw_loop *loop, const char *host, const char *service, int32_t family,
                                int32_t socktype, int32_t protocol, int32_t flags, void *ud,
                                aw_future **out) {
	(void)loop;
	cares *self = ud;
	aw_status status;
	query *made = query_new(self, out, &status);
	if (!made) return status;
	made->socktype = socktype;
	made->protocol = protocol;
	made->flags = flags;
	struct ares_addrinfo_hints hints = {
		.ai_flags = flags_of(flags), .ai_family = family, .ai_socktype = socktype, .ai_protocol = protocol};
	enter(self);
	ares_getaddrinfo(self->channel, host, service, &hints, on_addresses, made);
	leave(self);
	return 0;
}

/* --- names --- */

static void drop_name(void *name) {
	aw_nameinfo_unref(name);
}

static void on_names(void *arg, int status, int timeouts, char *node, char *service) {
	(void)timeouts;
	query *self = arg;
	aw_nameinfo *name = NULL;
	if (aw_future_done(self->future)) {
		/* cancelled */
	} else if (status != ARES_SUCCESS) {
		query_fail(self, status);
	} else {
		aw_status made = aw_nameinfo_new(node ? node : "", service ? service : "", &name);
		if (made < 0)
			ignore(aw_future_fail(self->future, made, NULL));
		else if (aw_future_set_result(self->future, name, drop_name) < 0)
			aw_nameinfo_unref(name);
	}
	query_end(self);
}

static aw_status find_names(aw_loop *loop, const struct sockaddr *address, uint32_t address_length,
                            int32_t flags, void *ud, aw_future **out) {
	(void)loop;
	static const int pairs[][2] = {{NI_NOFQDN, ARES_NI_NOFQDN},
	                               {NI_NUMERICHOST, ARES_NI_NUMERICHOST},
	                               {NI_NAMEREQD, ARES_NI_NAMEREQD},
	                               {NI_NUMERICSERV, ARES_NI_NUMERICSERV},
	                               {NI_DGRAM, ARES_NI_DGRAM}};
	cares *self = ud;
	aw_status status;
	query *made = query_new(self, out, &status);
	if (!made) return status;
	int ares_flags = ARES_NI_LOOKUPHOST | ARES_NI_LOOKUPSERVICE;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (flags & pairs[i][0]) ares_flags |= pairs[i][1];
	enter(self);
	ares_getnameinfo(self->channel, address, (ares_socklen_t)address_length, ares_flags, on_names, made);
	leave(self);
	return 0;
}

/* --- the resolver --- */

static int library_status;

static void library_init(void) {
	library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

static void cares_destroy(void *ud) {
	cares *self = ud;
	self->ending = true;
	if (!self->inside) finish(self);
}

static aw_status status_of(int status) {
	return status == ARES_SUCCESS ? 0 : status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

static aw_status channel_open(cares *self, const aw_cares_options *options) {
	struct ares_options given = {.sock_state_cb = on_socket_state, .sock_state_cb_data = self};
	int mask = ARES_OPT_SOCK_STATE_CB;
	char no_hosts[] = "b";
	if (options->timeout_ns) {
		int64_t milliseconds = options->timeout_ns / AW_MILLISECOND;
		given.timeout = milliseconds < 1 ? 1 : milliseconds > INT32_MAX ? INT32_MAX : (int)milliseconds;
		mask |= ARES_OPT_TIMEOUTMS;
	}
	if (options->attempts) {
		given.tries = options->attempts;
		mask |= ARES_OPT_TRIES;
	}
	if (options->flags & AW_CARES_NO_SEARCH) given.flags |= ARES_FLAG_NOSEARCH;
	if (options->flags & AW_CARES_TCP) given.flags |= ARES_FLAG_USEVC;
	if (given.flags) mask |= ARES_OPT_FLAGS;
	if (options->flags & AW_CARES_NO_HOSTS) {
		given.lookups = no_hosts;
		mask |= ARES_OPT_LOOKUPS;
	}
	mask |= options->flags & AW_CARES_ROTATE ? ARES_OPT_ROTATE : ARES_OPT_NOROTATE;
	int status = ares_init_options(&self->channel, &given, mask);
	if (status != ARES_SUCCESS) return status_of(status);
	if (!options->servers) return 0;
	status = ares_set_servers_ports_csv(self->channel, options->servers);
	if (status == ARES_SUCCESS && *options->servers) return 0;
	ares_destroy(self->channel);
	return status == ARES_SUCCESS ? -EINVAL : status_of(status);
}

aw_status aw_cares_resolver_new(aw_loop *loop, const aw_cares_options *options, aw_resolver *out) {
	aw_cares_options own;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static const uint32_t flags = AW_CARES_ROTATE | AW_CARES_NO_SEARCH | AW_CARES_NO_HOSTS | AW_CARES_TCP;
	if (!loop) loop = aw_loop_current();
	if (!loop) return AW_ENOLOOP;
	aw_status pending = aw_loop_remove_reader(loop, -1); /* whether the loop can be used */
	if (pending < 0) return pending;
	aw_status status = SIZED_READ(aw_cares_options, &own, options, reserved);
	if (status < 0) return status;
	if (!out || own.flags & ~flags || own.timeout_ns < 0 || own.attempts < 0) return -EINVAL;
	pthread_once(&once, library_init);
	if (library_status != ARES_SUCCESS) return status_of(library_status);
	cares *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->loop = loop;
	status = channel_open(self, &own);
	if (status < 0) {
		free(self);
		return status;
	}
	*out = (aw_resolver){.size = sizeof *out,
	                     .getaddrinfo = find_addresses,
	                     .getnameinfo = find_names,
	                     .ud = self,
	                     .destroy = cares_destroy};
	return 0;
}
