/* SPDX-License-Identifier: MIT */
/**
 * @file connect.h
 * Clients: streams to a host and service, or to a Unix socket.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_CONNECT_H
#define AWAIT_CONNECT_H

#include <await/base.h>
#include <await/stream.h>

AW_BEGIN_DECLS

/** Flags of aw_connect_options. */
enum aw_connect_flag {
	AW_CONNECT_KEEP_ALIVE = 1, /**< sets SO_KEEPALIVE */
	AW_CONNECT_DELAY = 2,      /**< leaves TCP_NODELAY unset, which is set otherwise */
	AW_CONNECT_ALL_ERRORS = 4  /**< fails with a group of the errors of all addresses */
};

/**
 * Prepares a socket before it is connected: sets options, binds it. A negative result counts as the failure of
 * this address.
 */
typedef aw_status (*aw_prepare_fn)(int fd, void *ud);

/** How a connection is made. Zero means the default. */
typedef struct aw_connect_options {
	uint32_t size;             /**< sizeof(aw_connect_options) */
	uint32_t flags;            /**< of ::aw_connect_flag */
	int32_t family;            /**< AF_INET, AF_INET6, or 0 for both */
	int32_t getaddrinfo_flags; /**< of getaddrinfo(3) */
	/** The local address to bind to. `local_service` alone binds to a port. */
	const char *local_host, *local_service;
	/**
	 * After this time the next address is tried beside those that have not answered, in the manner of RFC 8305,
	 * which recommends 250 ms. 0: one address after the other.
	 */
	int64_t happy_eyeballs_delay_ns;
	/**
	 * How many addresses of the first family come before the first of another family. 0: one, with happy
	 * eyeballs; otherwise the order of getaddrinfo(3). -1: that order.
	 */
	int32_t interleave;
	uint32_t reserved;
	int64_t timeout_ns; /**< for the whole call, names included; 0: no limit */
	aw_prepare_fn prepare;
	void *prepare_ud;
	const aw_stream_options *stream; /**< or NULL */
} aw_connect_options;

/**
 * Connects to a host and a service, which is a name or a port number.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: ::AW_EGAIERROR for the name; that of connect(2), with the address in its message; the first one, with
 * all in its message, if several addresses failed in different ways; ::AW_ETIMEOUT; -EINVAL, also for an unknown
 * flag or a negative time in the options; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: no connection is left.
 *
 * asyncio: open_connection, loop.create_connection.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_open_connection(const char *host, const char *service,
                                                             const aw_connect_options *options,
                                                             aw_stream **out);
/**
 * Starts to connect. The future's value is the stream: take it by aw_future_take_result(), or it is aborted with
 * the future. Otherwise like aw_open_connection(); what the options point to is copied, except `prepare_ud`.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Cancellation: no connection is left.
 *
 * asyncio: open_connection, loop.create_connection.
 */
AW_NODISCARD AW_API aw_status aw_open_connection_future(aw_loop *loop, const char *host, const char *service,
                                                        const aw_connect_options *options, aw_future **out);
/**
 * Connects to a Unix socket. A path that begins with "@" is a name in Linux's abstract namespace.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: that of connect(2), with the path in its message; -EAGAIN, one of these, means that the listener's
 * queue is full: the kernel does not tell when there is room, so try again after a while; -ENAMETOOLONG;
 * ::AW_ETIMEOUT; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: no connection is left.
 *
 * asyncio: open_unix_connection, loop.create_unix_connection.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_open_unix_connection(const char *path,
                                                                  const aw_connect_options *options,
                                                                  aw_stream **out);
/**
 * Starts to connect to a Unix socket. The future's value is the stream, as with aw_open_connection_future().
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Cancellation: no connection is left.
 *
 * asyncio: open_unix_connection, loop.create_unix_connection.
 */
AW_NODISCARD AW_API aw_status aw_open_unix_connection_future(aw_loop *loop, const char *path,
                                                             const aw_connect_options *options,
                                                             aw_future **out);

AW_END_DECLS

#endif
