/* SPDX-License-Identifier: MIT */
/*
 * Name resolution with the system's resolver. It blocks, so it runs on a few threads reserved for it: slow
 * name servers must not delay other work. Numeric addresses need no thread.
 */
#include "failure.h"
#include "loop_executor.h"
#include "resolver.h"
#include "run_in_executor.h"

#include <await/names.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RESOLVER_THREADS = 4 };

/* --- results --- */

struct aw_addrinfo {
	object base;
	struct addrinfo *first;
	size_t count;
	bool is_made; /* by aw_addrinfo_new(): a block of memory */
};

struct aw_nameinfo {
	object base;
	char *host, *service; /* in one allocation, that of `host` */
};

static void addrinfo_release(object *base) {
	aw_addrinfo *self = (aw_addrinfo *)(void *)base;
	if (self->is_made)
		free(self->first);
	else
		freeaddrinfo(self->first);
	object_free(base);
}

static const object_class addrinfo_class = {
	.name = "addrinfo", .size = sizeof(aw_addrinfo), .release = addrinfo_release};
static void nameinfo_release(object *base) {
	free(((aw_nameinfo *)(void *)base)->host);
	object_free(base);
}

static const object_class nameinfo_class = {
	.name = "nameinfo", .size = sizeof(aw_nameinfo), .release = nameinfo_release};

REFERENCES(aw_addrinfo, object_is(self, &addrinfo_class))
REFERENCES(aw_nameinfo, object_is(self, &nameinfo_class))

/* The destroys of the values. Their references are handed out, since a program may take a value. */
static void value_addrinfo(void *value) {
	aw_addrinfo_unref(value);
}

static void value_nameinfo(void *value) {
	aw_nameinfo_unref(value);
}

static const struct addrinfo *entry_at(const aw_addrinfo *list, size_t index) {
	if (!object_is(list, &addrinfo_class)) return NULL;
	const struct addrinfo *at = list->first;
	while (at && index--) at = at->ai_next;
	return at;
}

size_t aw_addrinfo_count(const aw_addrinfo *list) {
	return object_is(list, &addrinfo_class) ? list->count : 0;
}

ENTRY(aw_addrinfo_family, (const aw_addrinfo *list, size_t index), (list, index)) {
	const struct addrinfo *entry = entry_at(list, index);
	if (!object_is(list, &addrinfo_class)) return AW_EBADHANDLE;
	return entry ? entry->ai_family : -EINVAL;
}

ENTRY(aw_addrinfo_type, (const aw_addrinfo *list, size_t index), (list, index)) {
	const struct addrinfo *entry = entry_at(list, index);
	if (!object_is(list, &addrinfo_class)) return AW_EBADHANDLE;
	return entry ? entry->ai_socktype : -EINVAL;
}

ENTRY(aw_addrinfo_protocol, (const aw_addrinfo *list, size_t index), (list, index)) {
	const struct addrinfo *entry = entry_at(list, index);
	if (!object_is(list, &addrinfo_class)) return AW_EBADHANDLE;
	return entry ? entry->ai_protocol : -EINVAL;
}

const struct sockaddr *aw_addrinfo_address(const aw_addrinfo *list, size_t index, uint32_t *out_length) {
	const struct addrinfo *entry = entry_at(list, index);
	if (!entry) return NULL;
	if (out_length) *out_length = entry->ai_addrlen;
	return entry->ai_addr;
}

const char *aw_addrinfo_canonname(const aw_addrinfo *list) {
	const struct addrinfo *entry = entry_at(list, 0);
	return entry ? entry->ai_canonname : NULL;
}

const char *aw_nameinfo_host(const aw_nameinfo *name) {
	return object_is(name, &nameinfo_class) ? name->host : NULL;
}

const char *aw_nameinfo_service(const aw_nameinfo *name) {
	return object_is(name, &nameinfo_class) ? name->service : NULL;
}

/* --- results that a resolver makes --- */

static bool entry_is_valid(const aw_addrinfo_entry *entry) {
	return entry->address && entry->address_length >= sizeof entry->address->sa_family &&
	       entry->address_length <= sizeof(struct sockaddr_storage);
}

/* A list in one block: the entries, the addresses, the name. */
static struct addrinfo *list_make(const aw_addrinfo_entry *entries, size_t count, const char *canonname) {
	typedef struct element {
		struct addrinfo info;
		struct sockaddr_storage address;
	} element;
	size_t name_size = canonname ? strlen(canonname) + 1 : 0;
	if (count > (SIZE_MAX / 2 - name_size) / sizeof(element)) return NULL;
	element *made = calloc(1, count * sizeof *made + name_size);
	if (!made) return NULL;
	for (size_t i = 0; i < count; i++) {
		made[i].info = (struct addrinfo){.ai_family = entries[i].family,
		                                 .ai_socktype = entries[i].socktype,
		                                 .ai_protocol = entries[i].protocol,
		                                 .ai_addrlen = entries[i].address_length,
		                                 .ai_addr = (struct sockaddr *)&made[i].address,
		                                 .ai_next = i + 1 < count ? &made[i + 1].info : NULL};
		memcpy(&made[i].address, entries[i].address, entries[i].address_length);
	}
	if (canonname) made->info.ai_canonname = memcpy(made + count, canonname, name_size);
	return &made->info;
}

ENTRY(aw_addrinfo_new,
      (const aw_addrinfo_entry *entries, size_t count, const char *canonname, aw_addrinfo **out),
      (entries, count, canonname, out)) {
	if (!out || !entries || !count) return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (!entry_is_valid(&entries[i])) return -EINVAL;
	aw_addrinfo *self = object_new(&domain_none, &addrinfo_class);
	if (!self) return -ENOMEM;
	self->is_made = true;
	self->count = count;
	self->first = list_make(entries, count, canonname);
	if (!self->first) {
		object_unref(self);
		return -ENOMEM;
	}
	*out = object_hand_out(self, CALLER);
	return 0;
}

static aw_nameinfo *nameinfo_make(const char *host, const char *service) {
	aw_nameinfo *name = object_new(&domain_none, &nameinfo_class);
	if (!name) return NULL;
	size_t host_size = strlen(host) + 1, service_size = strlen(service) + 1;
	name->host = malloc(host_size + service_size);
	if (!name->host) {
		object_unref(name);
		return NULL;
	}
	memcpy(name->host, host, host_size);
	name->service = memcpy(name->host + host_size, service, service_size);
	return name;
}

ENTRY(aw_nameinfo_new, (const char *host, const char *service, aw_nameinfo **out), (host, service, out)) {
	if (!out || !host || !service) return -EINVAL;
	aw_nameinfo *self = nameinfo_make(host, service);
	if (!self) return -ENOMEM;
	*out = object_hand_out(self, CALLER);
	return 0;
}

/* --- lookup --- */

typedef struct lookup {
	const void *origin; /* the code that asked for it */
	bool by_address;
	struct addrinfo hints;
	struct sockaddr_storage address;
	socklen_t address_length;
	int flags;
	const char *host, *service; /* in `text`, or NULL */
	char text[];
} lookup;

/* Fails the future with an error of getaddrinfo(3). */
static aw_error *error_of_lookup(int code) {
	int error = errno;
	if (code == EAI_MEMORY) return aw_error_ref(error_of(-ENOMEM));
	if (code == EAI_SYSTEM) return aw_error_ref(error_of(error > 0 ? -error : -EIO));
	aw_error *made = error_with_message(&domain_none, AW_EGAIERROR, gai_strerror(code));
	if (!made->immortal) made->payload = (void *)(intptr_t)code;
	return made;
}

/*
 * Returns a code of getaddrinfo(3). EAI_NONAME on the first, numeric try means that a thread must resolve it.
 */
static int lookup_addresses(const lookup *self, int more_flags, void **out) {
	struct addrinfo hints = self->hints;
	hints.ai_flags |= more_flags;
	struct addrinfo *first = NULL;
	int code = getaddrinfo(self->host, self->service, &hints, &first);
	if (code) return code;
	aw_addrinfo *list = object_new(&domain_none, &addrinfo_class);
	if (!list) {
		freeaddrinfo(first);
		return EAI_MEMORY;
	}
	list->first = first;
	for (const struct addrinfo *at = first; at; at = at->ai_next) list->count++;
	*out = object_hand_out(list, self->origin);
	return 0;
}

static int lookup_name(const lookup *self, void **out) {
	char host[NI_MAXHOST], service[NI_MAXSERV];
	int code = getnameinfo((const struct sockaddr *)&self->address, self->address_length, host, sizeof host,
	                       service, sizeof service, self->flags);
	if (code) return code;
	aw_nameinfo *name = nameinfo_make(host, service);
	if (!name) return EAI_MEMORY;
	*out = object_hand_out(name, self->origin);
	return 0;
}

static aw_destroy_fn lookup_destroy(const lookup *self) {
	return self->by_address ? value_nameinfo : value_addrinfo;
}

/* Runs on a resolver thread. */
static aw_status lookup_run(void *ud, void **out, aw_destroy_fn *out_destroy) {
	const lookup *self = ud;
	int code = self->by_address ? lookup_name(self, out) : lookup_addresses(self, 0, out);
	if (!code) {
		*out_destroy = lookup_destroy(self);
		return 0;
	}
	aw_error *error = error_of_lookup(code);
	aw_status status = aw_work_raise_error(error);
	aw_error_unref(error);
	return status;
}

/* A number that getaddrinfo(3) would take modulo 65536. */
static bool service_is_no_port(const char *service) {
	char *end;
	errno = 0;
	unsigned long number = strtoul(service, &end, 10);
	return !*end && (errno || number > UINT16_MAX);
}

/* Resolves numeric addresses at once: true, with the code in `out_code`. */
static bool lookup_local(const lookup *self, void **out, int *out_code) {
	if (self->by_address) {
		if (~self->flags & (NI_NUMERICHOST | NI_NUMERICSERV)) return false;
		*out_code = lookup_name(self, out);
		return true;
	}
	if (self->service && service_is_no_port(self->service)) {
		*out_code = EAI_SERVICE;
		return true;
	}
	*out_code = lookup_addresses(self, AI_NUMERICHOST | AI_NUMERICSERV, out);
	return *out_code != EAI_NONAME;
}

/* --- starting a lookup --- */

/* Takes ownership of `self`. */
static aw_status lookup_start(lookup *self, aw_loop *loop, const void *origin, aw_future **out) {
	self->origin = origin;
	void *value = NULL;
	int code = 0;
	if (lookup_local(self, &value, &code)) {
		aw_destroy_fn destroy = lookup_destroy(self);
		free(self);
		static const future_kind local_kind = {.what = "name"};
		aw_future *future = future_create(loop, &future_class, &local_kind, sizeof *future);
		if (!future) {
			if (value) destroy(value);
			return -ENOMEM;
		}
		future->origin = origin;
		if (code) {
			aw_error *error = error_of_lookup(code);
			future_fail(future, error);
			aw_error_unref(error);
		} else {
			future_finish(future, value, destroy);
		}
		*out = object_hand_out(future, origin);
		return 0;
	}
	aw_status status;
	resolver_question question = {.host = self->host,
	                              .service = self->service,
	                              .family = self->hints.ai_family,
	                              .socktype = self->hints.ai_socktype,
	                              .protocol = self->hints.ai_protocol,
	                              .flags = self->by_address ? self->flags : self->hints.ai_flags,
	                              .address_length = self->address_length};
	if (self->by_address) question.address = (const struct sockaddr *)&self->address;
	if (resolver_ask(loop, &question, &status, out)) {
		free(self);
		return status;
	}
	aw_executor *executor;
	status = loop_executor_of(loop, &loop->resolver, RESOLVER_THREADS, false, &executor);
	if (status == 0) return executor_run(loop, executor, lookup_run, self, free, false, origin, out);
	free(self);
	return status;
}

ENTRY(aw_getaddrinfo, (aw_loop *loop, const char *host, const char *service, int32_t family,
                       int32_t socktype, int32_t protocol, int32_t flags, aw_future **out),
      (loop, host, service, family, socktype, protocol, flags, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out || (!host && !service)) return -EINVAL;
	size_t host_size = host ? strlen(host) + 1 : 0, service_size = service ? strlen(service) + 1 : 0;
	lookup *self = calloc(1, sizeof *self + host_size + service_size);
	if (!self) return -ENOMEM;
	self->hints = (struct addrinfo){
		.ai_family = family, .ai_socktype = socktype, .ai_protocol = protocol, .ai_flags = flags};
	if (host) self->host = memcpy(self->text, host, host_size);
	if (service) self->service = memcpy(self->text + host_size, service, service_size);
	return lookup_start(self, loop, CALLER, out);
}

ENTRY(aw_getnameinfo, (aw_loop *loop, const struct sockaddr *address, uint32_t address_length, int32_t flags,
                       aw_future **out),
      (loop, address, address_length, flags, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out || !address || address_length < sizeof address->sa_family ||
	    address_length > sizeof(struct sockaddr_storage))
		return -EINVAL;
	lookup *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->by_address = true;
	self->flags = flags;
	self->address_length = address_length;
	memcpy(&self->address, address, address_length);
	return lookup_start(self, loop, CALLER, out);
}
