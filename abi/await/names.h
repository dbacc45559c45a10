/* SPDX-License-Identifier: MIT */
/**
 * @file names.h
 * Host and service names: addresses of a name, and the name of an address, looked up by the system's resolver
 * on threads of the loop's own, which nothing else uses: a slow look-up keeps no other work waiting. A program
 * may choose another resolver, for example that of libawait-cares, which uses no threads.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_NAMES_H
#define AWAIT_NAMES_H

#include <await/base.h>
#include <await/future.h>

struct sockaddr;

AW_BEGIN_DECLS

/**
 * The addresses of a name, in the order in which they should be tried. Immutable; usable from any thread.
 */
typedef struct aw_addrinfo aw_addrinfo;
/**
 * The name of an address. Immutable; usable from any thread.
 */
typedef struct aw_nameinfo aw_nameinfo;

/**
 * Looks up the addresses of `host` and the port of `service`. Either may be NULL, not both. `family`,
 * `socktype`, `protocol` and `flags` (the `AI_…` constants) are those of getaddrinfo(3), 0 for no
 * restriction. `loop` NULL means the one that runs.
 *
 * The future's value is an ::aw_addrinfo, borrowed from it: take it with aw_future_take_result() or add a
 * reference to keep it. It is done at once if `host` and `service` are numeric.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: of the call: -EINVAL, ::AW_ELOOPCLOSED, -EAGAIN where no thread can be started, -ENOMEM. Of the
 * future: ::AW_EGAIERROR, whose message says why and whose payload is the `EAI_…` code, as `(void
 * *)(intptr_t)`; -errno where that is EAI_SYSTEM; -ENOMEM.
 *
 * Thread: the one that drives `loop`.
 *
 * Cancellation: the future is cancelled at once; a look-up that runs ends by itself, and its result is
 * dropped.
 *
 * asyncio: loop.getaddrinfo.
 */
AW_NODISCARD AW_API aw_status aw_getaddrinfo(aw_loop *loop, const char *host, const char *service,
                                             int32_t family, int32_t socktype, int32_t protocol,
                                             int32_t flags, aw_future **out);
/**
 * Adds a reference and returns `list`.
 *
 * Thread: any.
 */
AW_API aw_addrinfo *aw_addrinfo_ref(aw_addrinfo *list);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_addrinfo_unref(aw_addrinfo *list);
/**
 * Returns the number of addresses.
 *
 * Thread: any.
 */
AW_API size_t aw_addrinfo_count(const aw_addrinfo *list);
/**
 * Returns the family of the address at `index` (AF_INET, …), or -EINVAL.
 *
 * Thread: any.
 */
AW_API aw_status aw_addrinfo_family(const aw_addrinfo *list, size_t index);
/**
 * Returns the type of socket for the address at `index` (SOCK_STREAM, …), or -EINVAL.
 *
 * Thread: any.
 */
AW_API aw_status aw_addrinfo_type(const aw_addrinfo *list, size_t index);
/**
 * Returns the protocol for the address at `index`, or -EINVAL.
 *
 * Thread: any.
 */
AW_API aw_status aw_addrinfo_protocol(const aw_addrinfo *list, size_t index);
/**
 * Returns the address at `index`, borrowed from `list`, and its length in `out_length`; NULL beyond the
 * end.
 *
 * Thread: any.
 */
AW_API const struct sockaddr *aw_addrinfo_address(const aw_addrinfo *list, size_t index,
                                                  uint32_t *out_length);
/**
 * Returns the canonical name of the host, borrowed from `list`, or NULL if AI_CANONNAME was not in the
 * flags.
 *
 * Thread: any.
 */
AW_API const char *aw_addrinfo_canonname(const aw_addrinfo *list);

/**
 * Looks up the names of the host and the service of `address`. `flags` are the `NI_…` constants of
 * getnameinfo(3). The future's value is an ::aw_nameinfo, borrowed from it. It is done at once if `flags`
 * has both NI_NUMERICHOST and NI_NUMERICSERV.
 *
 * Returns, errors, thread and cancellation: those of aw_getaddrinfo().
 *
 * asyncio: loop.getnameinfo.
 */
AW_NODISCARD AW_API aw_status aw_getnameinfo(aw_loop *loop, const struct sockaddr *address,
                                             uint32_t address_length, int32_t flags, aw_future **out);
/**
 * Adds a reference and returns `name`.
 *
 * Thread: any.
 */
AW_API aw_nameinfo *aw_nameinfo_ref(aw_nameinfo *name);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_nameinfo_unref(aw_nameinfo *name);
/**
 * Returns the name of the host, borrowed from `name`.
 *
 * Thread: any.
 */
AW_API const char *aw_nameinfo_host(const aw_nameinfo *name);
/**
 * Returns the name of the service, borrowed from `name`.
 *
 * Thread: any.
 */
AW_API const char *aw_nameinfo_service(const aw_nameinfo *name);

/** @name Resolvers */
/**@{*/
/**
 * A resolver: a table of functions that look names up for a loop. Each function may be NULL; the system's
 * resolver does what it would.
 *
 * A function gets the arguments of the call of the same name, and returns 0 and a new reference to a future of
 * `loop`, whose value is an ::aw_addrinfo or an ::aw_nameinfo (aw_addrinfo_new(), aw_nameinfo_new()) with
 * aw_addrinfo_unref() or aw_nameinfo_unref() as its destroy. If the look-up fails the future has the errors of
 * aw_getaddrinfo(). A negative status fails the call. The arguments are borrowed until the function returns.
 * The program may cancel the future at any time; then nobody wants the result. Numeric addresses, services
 * without a host, and addresses other than those of IPv4 and IPv6 are not passed on.
 */
typedef struct aw_resolver {
	uint32_t size; /**< sizeof(aw_resolver) */
	uint32_t reserved;
	/** Looks up addresses: aw_getaddrinfo(). */
	aw_status (*getaddrinfo)(aw_loop *loop, const char *host, const char *service, int32_t family,
	                         int32_t socktype, int32_t protocol, int32_t flags, void *ud, aw_future **out);
	/** Looks up names: aw_getnameinfo(). */
	aw_status (*getnameinfo)(aw_loop *loop, const struct sockaddr *address, uint32_t address_length,
	                         int32_t flags, void *ud, aw_future **out);
	void *ud;              /**< passed to each function */
	aw_destroy_fn destroy; /**< called with `ud` when the loop has another resolver, or closes */
} aw_resolver;

/**
 * Chooses the resolver of `loop` (NULL: the loop that runs) for the look-ups from here on. `resolver` NULL
 * means the system's. The table is copied; the earlier resolver is destroyed. If the call fails, the new one
 * is.
 *
 * Errors: -EINVAL for a table that is too short; ::AW_EBADHANDLE; ::AW_ENOLOOP; ::AW_ELOOPCLOSED; -ENOMEM.
 *
 * Thread: the one that drives `loop`.
 */
AW_API aw_status aw_loop_set_resolver(aw_loop *loop, const aw_resolver *resolver);

/** An address of aw_addrinfo_new(). */
typedef struct aw_addrinfo_entry {
	int32_t family;
	int32_t socktype;
	int32_t protocol;
	uint32_t address_length;
	const struct sockaddr *address; /**< copied */
} aw_addrinfo_entry;

/**
 * Makes a list of `count` addresses, at least one. `canonname`, which is copied, may be NULL.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL; -ENOMEM.
 *
 * Thread: any.
 */
AW_NODISCARD AW_API aw_status aw_addrinfo_new(const aw_addrinfo_entry *entries, size_t count,
                                              const char *canonname, aw_addrinfo **out);
/**
 * Makes a pair of names, which are copied.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL; -ENOMEM.
 *
 * Thread: any.
 */
AW_NODISCARD AW_API aw_status aw_nameinfo_new(const char *host, const char *service, aw_nameinfo **out);
/**@}*/

AW_END_DECLS

#endif
