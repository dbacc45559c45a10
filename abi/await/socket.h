/* SPDX-License-Identifier: MIT */
/**
 * @file socket.h
 * The system's calls on sockets, awaited: asyncio's `loop.sock_…` calls.
 *
 * The socket is the caller's: it stays open until the call has returned, and is neither closed nor changed.
 * Each call tries the system's call at once and waits only if that would block, so that a call which is ready
 * does not suspend. Waiting consumes nothing: a cancelled call has received no byte that is lost, except that
 * aw_sock_sendall() may have sent a part.
 *
 * A plain name is for stackful tasks; its `_coro` is the same as a coroutine, whose value is an
 * ::AW_VALUE_INTEGER: what the plain call returns. The memory that a coroutine is given has to stay until it
 * has ended.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_SOCKET_H
#define AWAIT_SOCKET_H

#include <await/base.h>
#include <await/coro.h>

struct sockaddr;

AW_BEGIN_DECLS

/**
 * Receives up to `length` bytes into `buffer`.
 *
 * Returns: how many, at most INT32_MAX; 0 at the end of the stream.
 *
 * Errors: those of recv(2); -EBADF; -EINVAL for a NULL `buffer`; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: nothing is received, and the next call gets all that has arrived.
 *
 * asyncio: loop.sock_recv, loop.sock_recv_into.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_sock_recv(int fd, void *buffer, size_t length);
/**
 * Creates a coroutine that does what aw_sock_recv() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: loop.sock_recv, loop.sock_recv_into.
 */
AW_NODISCARD AW_API aw_status aw_sock_recv_coro(aw_loop *loop, int fd, void *buffer, size_t length,
                                                aw_coro **out);
/**
 * Receives one datagram of up to `length` bytes into `buffer`. Its sender goes to `address`, which has
 * room for `*address_length` bytes; `*address_length` becomes the length of the sender's address, which is
 * larger than the room if the address was cut. Both are NULL if nobody wants it.
 *
 * Returns: how many bytes; a datagram may be empty.
 *
 * Errors: -EMSGSIZE if the datagram was longer than `length`: its end is lost, `buffer` and `address` are
 * filled. Otherwise those of recvmsg(2); -EBADF; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: no datagram is received.
 *
 * asyncio: loop.sock_recvfrom, loop.sock_recvfrom_into.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_sock_recvfrom(int fd, void *buffer, size_t length,
                                                           struct sockaddr *address,
                                                           uint32_t *address_length);
/**
 * Creates a coroutine that does what aw_sock_recvfrom() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: loop.sock_recvfrom.
 */
AW_NODISCARD AW_API aw_status aw_sock_recvfrom_coro(aw_loop *loop, int fd, void *buffer, size_t length,
                                                    struct sockaddr *address, uint32_t *address_length,
                                                    aw_coro **out);
/**
 * Sends all of `length` bytes, waiting whenever the socket's buffer is full. Never raises SIGPIPE.
 *
 * Returns: 0.
 *
 * Errors: those of send(2), -EPIPE and -ECONNRESET among them; -EBADF; -EINVAL; ::AW_ENOTASK; -ENOMEM. How
 * much was sent before a failure is not known.
 *
 * Cancellation: a part may have been sent. Close the socket, unless the peer can make sense of a part.
 *
 * asyncio: loop.sock_sendall.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_sock_sendall(int fd, const void *data, size_t length);
/**
 * Creates a coroutine that does what aw_sock_sendall() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: loop.sock_sendall.
 */
AW_NODISCARD AW_API aw_status aw_sock_sendall_coro(aw_loop *loop, int fd, const void *data, size_t length,
                                                   aw_coro **out);
/**
 * Sends one datagram to `address`, or to the socket's peer if `address` is NULL.
 *
 * Returns: how many bytes were sent: all of them.
 *
 * Errors: those of sendto(2), -EMSGSIZE for a datagram that is too long; -EBADF; -EINVAL; ::AW_ENOTASK;
 * -ENOMEM.
 *
 * Cancellation: nothing is sent.
 *
 * asyncio: loop.sock_sendto.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_sock_sendto(int fd, const void *data, size_t length,
                                                         const struct sockaddr *address,
                                                         uint32_t address_length);
/**
 * Creates a coroutine that does what aw_sock_sendto() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: loop.sock_sendto.
 */
AW_NODISCARD AW_API aw_status aw_sock_sendto_coro(aw_loop *loop, int fd, const void *data, size_t length,
                                                  const struct sockaddr *address, uint32_t address_length,
                                                  aw_coro **out);
/**
 * Accepts a connection. `address` and `address_length` are as for aw_sock_recvfrom().
 *
 * Returns: the new descriptor, close-on-exec and non-blocking. The caller closes it.
 *
 * Errors: those of accept4(2), among them -EMFILE and -ENFILE when there are too many descriptors;
 * -ECONNABORTED for a connection that its peer has given up, after which the listener is as good as
 * before. -EINVAL if the socket does not listen or is not non-blocking: another process that shares it
 * could take the connection, and the loop would block. -EBADF, ::AW_ENOTASK, -ENOMEM.
 *
 * Cancellation: no connection is accepted.
 *
 * asyncio: loop.sock_accept.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_sock_accept(int fd, struct sockaddr *address,
                                                         uint32_t *address_length);
/**
 * Creates a coroutine that does what aw_sock_accept() does. If nobody takes the value, the descriptor is
 * lost: a task that awaits it has to close it.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: loop.sock_accept.
 */
AW_NODISCARD AW_API aw_status aw_sock_accept_coro(aw_loop *loop, int fd, struct sockaddr *address,
                                                  uint32_t *address_length, aw_coro **out);
/**
 * Connects a socket. aw_getaddrinfo() makes addresses of names.
 *
 * Returns: 0.
 *
 * Errors: those of connect(2), -ECONNREFUSED and -EAGAIN (the queue of a Unix listener is full) among
 * them; -EINVAL if the socket is not non-blocking; -EBADF, ::AW_ENOTASK, -ENOMEM.
 *
 * Cancellation: the connection may still come about; close the socket.
 *
 * asyncio: loop.sock_connect.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_sock_connect(int fd, const struct sockaddr *address,
                                                          uint32_t address_length);
/**
 * Creates a coroutine that does what aw_sock_connect() does, with its own copy of the address.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: loop.sock_connect.
 */
AW_NODISCARD AW_API aw_status aw_sock_connect_coro(aw_loop *loop, int fd, const struct sockaddr *address,
                                                   uint32_t address_length, aw_coro **out);

AW_END_DECLS

#endif
