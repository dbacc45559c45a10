/* SPDX-License-Identifier: MIT */
/**
 * @file datagram.h
 * Datagram endpoints: UDP and Unix datagram sockets, awaited or with callbacks.
 *
 * aw_datagram_open() makes an endpoint whose datagrams are awaited: it reads nothing until it is asked to, and
 * holds no buffer. aw_create_datagram_endpoint() makes one that calls an ::aw_datagram_protocol, as asyncio
 * does: it reads whatever arrives. Sending is the same in both: aw_datagram_send() waits while the socket is
 * full, aw_datagram_sendto() keeps a copy instead.
 *
 * A plain name is for stackful tasks; its `_coro` is the same as a coroutine. Unless an entry says otherwise
 * its value is an ::AW_VALUE_INTEGER: what the plain call returns. The memory that a coroutine is given has to
 * stay until it has ended; the coroutine adds a reference to the endpoint.
 *
 * An endpoint belongs to its loop, and every call is for the thread that drives it. A call on an endpoint that
 * is closed fails with ::AW_EINVALIDSTATE.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_DATAGRAM_H
#define AWAIT_DATAGRAM_H

#include <await/base.h>
#include <await/coro.h>

struct sockaddr;

AW_BEGIN_DECLS

/** An endpoint. */
typedef struct aw_datagram aw_datagram;

/** Flags of ::aw_datagram_options. */
enum aw_datagram_flag {
	AW_DATAGRAM_REUSE_PORT = 1,    /**< SO_REUSEPORT: several sockets share the local port */
	AW_DATAGRAM_REUSE_ADDRESS = 2, /**< SO_REUSEADDR: several receivers of one multicast group */
	AW_DATAGRAM_BROADCAST = 4,     /**< SO_BROADCAST; the socket is not connected to the remote address */
	AW_DATAGRAM_V6ONLY = 8,        /**< IPV6_V6ONLY: no IPv4 on a socket of IPv6 */
	/** takes over the socket `fd`, which is then closed with the endpoint; nothing else of the address is set */
	AW_DATAGRAM_ADOPT = 16,
	/**
	 * UDP_GRO: the kernel may join datagrams of one sender that have the same size. aw_datagram_recv_many()
	 * tells the size; a protocol gets them one by one. Ignored where the kernel lacks it.
	 */
	AW_DATAGRAM_GRO = 32
};

/**
 * How to open an endpoint. Set `size`, and the rest to zero except for what is wanted.
 */
typedef struct aw_datagram_options {
	uint32_t size;    /**< sizeof(aw_datagram_options) */
	uint32_t flags;   /**< of ::aw_datagram_flag */
	int32_t family;   /**< AF_INET, AF_INET6, AF_UNIX; 0: that of the addresses */
	int32_t protocol; /**< of getaddrinfo(3); 0: any */
	int32_t fd;       /**< with ::AW_DATAGRAM_ADOPT */
	/** The most datagrams that a protocol gets in one iteration of the loop; 0: one, as in asyncio. */
	uint32_t max_per_iteration;
	const char *local_host;     /**< NULL with a `local_service`: every address of this machine */
	const char *local_service;  /**< a port or the name of one; NULL or "0": one that the kernel chooses */
	const char *remote_host;    /**< to connect to */
	const char *remote_service; /**< the port to connect to */
	/**
	 * The name of a Unix socket to create; a socket that lies there already is replaced. A name that begins
	 * with '@' is an abstract one.
	 */
	const char *local_path;
	const char *remote_path;      /**< the name of a Unix socket to connect to */
	uint32_t receive_buffer_size; /**< SO_RCVBUF, 0: the system's */
	uint32_t send_buffer_size;    /**< SO_SNDBUF, 0: the system's */
	/** The longest datagram that a protocol gets whole; 0: 64 KiB, or 256 KiB on a Unix socket. */
	uint32_t max_datagram_size;
	uint32_t reserved;
} aw_datagram_options;

/**
 * What an endpoint calls, as asyncio calls a DatagramProtocol. Every function may be NULL. They run one after
 * another on the loop's thread; `ud` is what aw_create_datagram_endpoint() was given. A negative status is
 * reported to the exception handler, and the endpoint stays as it is; ::AW_ESYSTEMEXIT leaves the loop.
 *
 * asyncio: DatagramProtocol.
 */
typedef struct aw_datagram_protocol {
	uint32_t size; /**< sizeof(aw_datagram_protocol) */
	uint32_t reserved;
	/** The endpoint is open. Called once, first. */
	aw_status (*connection_made)(aw_datagram *datagram, void *ud);
	/** A datagram has arrived. `data` and the sender's `address` are borrowed until the call returns. */
	aw_status (*datagram_received)(aw_datagram *datagram, const void *data, size_t length,
	                               const struct sockaddr *address, uint32_t address_length, void *ud);
	/**
	 * An earlier datagram could not be sent (-ECONNREFUSED: nobody listens there), or one was too long to
	 * receive (-EMSGSIZE). The endpoint stays open.
	 */
	aw_status (*error_received)(aw_datagram *datagram, aw_status error, void *ud);
	/** The endpoint is closed: by a call (`error` is 0) or by a failure. Called once, last. */
	aw_status (*connection_lost)(aw_datagram *datagram, aw_status error, void *ud);
	/** The buffer of aw_datagram_sendto() holds more than its high-water mark. */
	aw_status (*pause_writing)(aw_datagram *datagram, void *ud);
	/** The buffer has drained to its low-water mark. */
	aw_status (*resume_writing)(aw_datagram *datagram, void *ud);
} aw_datagram_protocol;

/** Flags of ::aw_datagram_message. */
enum aw_datagram_message_flag {
	AW_DATAGRAM_TRUNCATED = 1, /**< received: it was longer than `capacity`, and the end is lost */
	/**
	 * received: more descriptors came than `fd_capacity`, or than the process could open, and the last ones are
	 * lost
	 */
	AW_DATAGRAM_FDS_TRUNCATED = 2
};

/** One datagram of aw_datagram_recv_many() or aw_datagram_send_many(). */
typedef struct aw_datagram_message {
	uint32_t size;             /**< sizeof(aw_datagram_message), the same in each element of an array */
	uint32_t flags;            /**< received: of ::aw_datagram_message_flag */
	void *data;                /**< what is sent, or where to receive */
	size_t capacity;           /**< to receive: the room at `data` */
	size_t length;             /**< how many bytes are sent, or were received */
	struct sockaddr *address;  /**< where to send to, NULL: the peer; or where to store the sender, or NULL */
	uint32_t address_capacity; /**< to receive: the room at `address` */
	uint32_t address_length;   /**< of the address; larger than the room if it was cut */
	/**
	 * To send: the data are several datagrams of this size, of which the last may be shorter (UDP_SEGMENT);
	 * 0: one datagram. Received: the same, with ::AW_DATAGRAM_GRO; 0: one datagram.
	 */
	uint32_t segment_size;
	uint32_t reserved;
	/**
	 * On a Unix socket: the descriptors to send, of which the peer gets duplicates; or where to store those that
	 * are received, which are the caller's, and close-on-exec. Without room for them they are lost.
	 */
	int *fds;
	uint32_t fd_capacity; /**< to receive: the room at `fds` */
	uint32_t fd_count;    /**< how many are sent, at most 253, or were received */
} aw_datagram_message;

/**
 * Opens an endpoint whose datagrams are awaited. Names are looked up as by aw_getaddrinfo(), and the addresses
 * are tried in order. The socket is bound to the local address, and connected to the remote one unless
 * ::AW_DATAGRAM_BROADCAST is set: then it only is where datagrams without an address go.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of socket(2), bind(2) and connect(2), for the first address; those of aw_getaddrinfo();
 * -EINVAL for options that contradict each other or say neither an address nor a family; -EAFNOSUPPORT if
 * the local and the remote address have no family in common; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: nothing is opened. A socket to be adopted stays the caller's.
 *
 * asyncio: loop.create_datagram_endpoint.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_datagram_open(const aw_datagram_options *options,
                                                           aw_datagram **out);
/**
 * Creates a coroutine that does what aw_datagram_open() does, with its own copy of the options. Its value is
 * the endpoint.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL; -ENOMEM.
 *
 * asyncio: loop.create_datagram_endpoint.
 */
AW_NODISCARD AW_API aw_status aw_datagram_open_coro(aw_loop *loop, const aw_datagram_options *options,
                                                    aw_coro **out);
/**
 * Opens an endpoint as aw_datagram_open() does, and returns when `connection_made` has returned. The table is
 * copied. `destroy(ud)` is called after `connection_lost`, or when the call fails. The endpoint stays open
 * until it is closed, also if its last reference is dropped.
 *
 * Returns: 0, and a new reference in `out`, which may be NULL.
 *
 * Errors: those of aw_datagram_open().
 *
 * Cancellation: an endpoint that has been made is closed.
 *
 * asyncio: loop.create_datagram_endpoint.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_create_datagram_endpoint(const aw_datagram_options *options,
                                                                      const aw_datagram_protocol *protocol,
                                                                      void *ud, aw_destroy_fn destroy,
                                                                      aw_datagram **out);
/**
 * Creates a coroutine that does what aw_create_datagram_endpoint() does. Its value is the endpoint. It owns
 * `ud` even if this call fails.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL; -ENOMEM.
 *
 * asyncio: loop.create_datagram_endpoint.
 */
AW_NODISCARD AW_API aw_status aw_create_datagram_endpoint_coro(aw_loop *loop,
                                                               const aw_datagram_options *options,
                                                               const aw_datagram_protocol *protocol, void *ud,
                                                               aw_destroy_fn destroy, aw_coro **out);
/**
 * Adds a reference and returns `datagram`.
 *
 * Thread: any.
 */
AW_API aw_datagram *aw_datagram_ref(aw_datagram *datagram);
/**
 * Drops a reference. An awaited endpoint is aborted with the last one; debug mode reports one that was not
 * closed.
 *
 * Thread: any.
 */
AW_API void aw_datagram_unref(aw_datagram *datagram);

/** @name Awaited */
/**@{*/
/**
 * Receives one datagram of up to `length` bytes into `buffer`. Its sender goes to `address`, which has room
 * for `*address_length` bytes; `*address_length` becomes the length of the sender's address, which is larger
 * than the room if it was cut. Both are NULL if nobody wants it. Does not suspend if a datagram is there.
 *
 * Returns: how many bytes; a datagram may be empty.
 *
 * Errors: -EMSGSIZE if the datagram was longer than `length`: its end is lost, `buffer` and `address` are
 * filled. -ECONNREFUSED if nobody listens where an earlier datagram was sent. -EBUSY while another task
 * receives. ::AW_EINVALIDSTATE if the endpoint is closed, also while the call waits, or has a protocol. Others
 * of recvmsg(2); -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: no datagram is received.
 *
 * asyncio: DatagramProtocol.datagram_received.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_datagram_recv(aw_datagram *datagram, void *buffer, size_t length,
                                                           struct sockaddr *address,
                                                           uint32_t *address_length);
/**
 * Creates a coroutine that does what aw_datagram_recv() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: DatagramProtocol.datagram_received.
 */
AW_NODISCARD AW_API aw_status aw_datagram_recv_coro(aw_datagram *datagram, void *buffer, size_t length,
                                                    struct sockaddr *address, uint32_t *address_length,
                                                    aw_coro **out);
/**
 * Receives up to `count` datagrams that are there, in one system call for many (recvmmsg(2)); waits while there
 * is none. A datagram that was cut is marked in its `flags`. One with room for descriptors takes a system call of
 * its own.
 *
 * Returns: how many, at least 1 unless `count` is 0.
 *
 * Errors: as aw_datagram_recv(), except -EMSGSIZE; -EOPNOTSUPP for room for descriptors unless it is a Unix
 * socket.
 *
 * Cancellation: no datagram is received.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_datagram_recv_many(aw_datagram *datagram,
                                                                aw_datagram_message *messages, size_t count);
/**
 * Creates a coroutine that does what aw_datagram_recv_many() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_datagram_recv_many_coro(aw_datagram *datagram, aw_datagram_message *messages,
                                                         size_t count, aw_coro **out);
/**
 * Sends one datagram to `address`, or to the remote address if `address` is NULL. Waits while the socket is
 * full, and behind what aw_datagram_sendto() has kept. Several tasks may send at once.
 *
 * Returns: how many bytes were sent: all of them.
 *
 * Errors: those of sendto(2): -EMSGSIZE for a datagram that is too long, -ECONNREFUSED if nobody listens where
 * an earlier one was sent; ::AW_EINVALIDSTATE; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: nothing is sent.
 *
 * asyncio: DatagramTransport.sendto.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_datagram_send(aw_datagram *datagram, const void *data,
                                                           size_t length, const struct sockaddr *address,
                                                           uint32_t address_length);
/**
 * Creates a coroutine that does what aw_datagram_send() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: DatagramTransport.sendto.
 */
AW_NODISCARD AW_API aw_status aw_datagram_send_coro(aw_datagram *datagram, const void *data, size_t length,
                                                    const struct sockaddr *address, uint32_t address_length,
                                                    aw_coro **out);
/**
 * Sends as many of `count` datagrams as the socket takes now, in one system call for many (sendmmsg(2)); waits
 * while it takes none. Send the rest with another call.
 *
 * Returns: how many were sent, at least 1 unless `count` is 0.
 *
 * Errors: as aw_datagram_send(), of the first datagram; -ENOTSUP for a `segment_size` where the kernel lacks
 * UDP_SEGMENT; -EOPNOTSUPP for descriptors unless it is a Unix socket, -EINVAL for more than 253, and -EBADF for
 * one that is not open.
 *
 * Cancellation: nothing is sent.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_datagram_send_many(aw_datagram *datagram,
                                                                const aw_datagram_message *messages,
                                                                size_t count);
/**
 * Creates a coroutine that does what aw_datagram_send_many() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_datagram_send_many_coro(aw_datagram *datagram,
                                                         const aw_datagram_message *messages, size_t count,
                                                         aw_coro **out);
/**@}*/

/** @name Sending without waiting */
/**@{*/
/**
 * Sends one datagram to `address`, or to the remote address if `address` is NULL. If the socket is full, keeps
 * a copy, which is sent later. With a protocol, a failure to send calls its `error_received`.
 *
 * Returns: 0.
 *
 * Errors: ::AW_EINVALIDSTATE if the endpoint is closed or closing; -EINVAL for an address other than the one
 * that the endpoint was opened with; -ENOMEM. Without a protocol, also those of sendto(2).
 *
 * asyncio: DatagramTransport.sendto.
 */
AW_API aw_status aw_datagram_sendto(aw_datagram *datagram, const void *data, size_t length,
                                    const struct sockaddr *address, uint32_t address_length);
/**
 * Returns how many bytes aw_datagram_sendto() has kept.
 *
 * asyncio: WriteTransport.get_write_buffer_size.
 */
AW_API size_t aw_datagram_write_buffer_size(const aw_datagram *datagram);
/**
 * Sets the water marks of aw_datagram_sendto()'s buffer, in bytes: above `high`, `pause_writing` is called, and
 * at `low` or below, `resume_writing`. They start as 64 KiB and 16 KiB.
 *
 * Errors: -EINVAL if `low` is larger than `high`.
 *
 * asyncio: WriteTransport.set_write_buffer_limits.
 */
AW_API aw_status aw_datagram_set_write_buffer_limits(aw_datagram *datagram, size_t high, size_t low);
/**
 * Retrieves the water marks; each pointer may be NULL.
 *
 * asyncio: WriteTransport.get_write_buffer_limits.
 */
AW_API aw_status aw_datagram_write_buffer_limits(const aw_datagram *datagram, size_t *out_high,
                                                 size_t *out_low);
/**@}*/

/** @name Closing */
/**@{*/
/**
 * Closes the endpoint once everything that aw_datagram_sendto() has kept is sent. Nothing more is received, and
 * calls that wait fail with ::AW_EINVALIDSTATE. Does nothing if it is closing already.
 *
 * asyncio: DatagramTransport.close.
 */
AW_API aw_status aw_datagram_close(aw_datagram *datagram);
/**
 * Drops what is not sent, and closes the endpoint in the next iteration, where `connection_lost` is called.
 *
 * asyncio: DatagramTransport.abort.
 */
AW_API aw_status aw_datagram_abort(aw_datagram *datagram);
/**
 * Returns whether the endpoint is closing or closed.
 *
 * asyncio: DatagramTransport.is_closing.
 */
AW_API aw_bool aw_datagram_is_closing(const aw_datagram *datagram);
/**
 * Waits until the socket is closed and `connection_lost` has returned. Does not close it.
 *
 * Returns: 0.
 *
 * Errors: ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: has no effect on the endpoint.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_datagram_wait_closed(aw_datagram *datagram);
/**
 * Creates a coroutine that does what aw_datagram_wait_closed() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_datagram_wait_closed_coro(aw_datagram *datagram, aw_coro **out);
/**@}*/

/** @name The socket */
/**@{*/
/**
 * Returns the descriptor of the socket, which stays the endpoint's. Do not read from it.
 *
 * Errors: ::AW_EINVALIDSTATE if it is closed.
 *
 * asyncio: transport.get_extra_info('socket').
 */
AW_API aw_status aw_datagram_fd(const aw_datagram *datagram);
/**
 * Retrieves the local address. `*address_length` is the room at `address`, and becomes the length of the
 * address, which is larger than the room if it was cut.
 *
 * Errors: -EINVAL; ::AW_EINVALIDSTATE if the endpoint is closed.
 *
 * asyncio: transport.get_extra_info('sockname').
 */
AW_API aw_status aw_datagram_getsockname(const aw_datagram *datagram, struct sockaddr *address,
                                         uint32_t *address_length);
/**
 * Retrieves the address that the socket is connected to, as aw_datagram_getsockname() does.
 *
 * Errors: -ENOTCONN; -EINVAL; ::AW_EINVALIDSTATE.
 *
 * asyncio: transport.get_extra_info('peername').
 */
AW_API aw_status aw_datagram_getpeername(const aw_datagram *datagram, struct sockaddr *address,
                                         uint32_t *address_length);
/**
 * Joins a multicast group, a numeric address of IPv4 or IPv6, on an interface (its name or number; NULL: the
 * system's choice). With a `source`, a numeric address too, only its datagrams are received.
 *
 * Errors: -EINVAL for a text that is not an address; -ENODEV for an unknown interface; those of
 * setsockopt(2), among them -EADDRINUSE for a group that was joined already.
 */
AW_API aw_status aw_datagram_join_group(aw_datagram *datagram, const char *group, const char *source,
                                        const char *interface_name);
/**
 * Leaves a group that aw_datagram_join_group() has joined with the same arguments.
 *
 * Errors: as aw_datagram_join_group(); -EADDRNOTAVAIL if the group was not joined.
 */
AW_API aw_status aw_datagram_leave_group(aw_datagram *datagram, const char *group, const char *source,
                                         const char *interface_name);
/**
 * Sets the interface on which multicast datagrams are sent: its name or number; NULL: the system's choice.
 *
 * Errors: -ENODEV for an unknown interface; those of setsockopt(2).
 */
AW_API aw_status aw_datagram_set_multicast_interface(aw_datagram *datagram, const char *interface_name);
/**
 * Sets how many routers a multicast datagram may pass: 0 to 255. It starts as 1.
 *
 * Errors: -EINVAL; those of setsockopt(2).
 */
AW_API aw_status aw_datagram_set_multicast_ttl(aw_datagram *datagram, int32_t ttl);
/**
 * Sets whether multicast datagrams are also received on this machine, as they are at first.
 *
 * Errors: those of setsockopt(2).
 */
AW_API aw_status aw_datagram_set_multicast_loop(aw_datagram *datagram, aw_bool enabled);
/**
 * Sets how many routers a datagram may pass: 1 to 255.
 *
 * Errors: -EINVAL; those of setsockopt(2).
 */
AW_API aw_status aw_datagram_set_ttl(aw_datagram *datagram, int32_t ttl);
/**
 * Sets whether datagrams may be sent to a broadcast address.
 *
 * Errors: those of setsockopt(2).
 */
AW_API aw_status aw_datagram_set_broadcast(aw_datagram *datagram, aw_bool enabled);
/**@}*/

AW_END_DECLS

#endif
