/* SPDX-License-Identifier: MIT */
/**
 * @file socket.h
 * The system's calls on sockets, awaited: asyncio's `loop.sock_…` calls.
 *
 * The socket is the caller's: it stays open until the call has returned, and is neither closed nor changed.
 * Each call tries the system's call at once and waits only if that would block, so that a call which is ready
 * does not suspend. Waiting consumes nothing: a cancelled call has received no byte that is lost, except that
 * aw_sock_sendall() and aw_sock_sendfile() may have sent a part.
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
 * Returns: how many, at most INT32_MAX; 0 at the end of the stream, or if `length` is 0.
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

/** How aw_sock_sendfile() sends. */
enum aw_sendfile_flag {
	AW_SENDFILE_DEFAULT = 0,
	AW_SENDFILE_NATIVE = 1 /**< fails where the kernel cannot send the file by itself */
};

/**
 * Sends `count` bytes of a file, or all up to its end if `count` is negative, from `offset` on, waiting whenever
 * the socket's buffer is full. The kernel sends them without a copy in the program (sendfile(2)); where it
 * cannot, they are read and sent piece by piece, unless `flags`, of ::aw_sendfile_flag, forbid that. A file
 * that ends early is not an error. Never raises SIGPIPE. Reading from the file's disk may block the loop.
 *
 * `out_sent`, which may be NULL, becomes the number of bytes sent, also if the call fails or is cancelled. The
 * position of the file is then behind the last byte sent; it stays as it was if nothing was sent.
 *
 * Returns: 0.
 *
 * Errors: those of send(2) and pread(2), -EPIPE and -ECONNRESET among them; -EOPNOTSUPP with
 * ::AW_SENDFILE_NATIVE; -ESPIPE for a pipe or socket as the file; -EINVAL if the socket is not a stream or not
 * non-blocking, or `offset` is negative; -EBADF, -ENOTSOCK, ::AW_ENOTASK, -ENOMEM.
 *
 * Cancellation: a part may have been sent; `out_sent` tells how much.
 *
 * asyncio: loop.sock_sendfile.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_sock_sendfile(int fd, int file_fd, int64_t offset, int64_t count,
                                                           uint32_t flags, int64_t *out_sent);
/**
 * Creates a coroutine that does what aw_sock_sendfile() does. Its value is the number of bytes sent.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: loop.sock_sendfile.
 */
AW_NODISCARD AW_API aw_status aw_sock_sendfile_coro(aw_loop *loop, int fd, int file_fd, int64_t offset,
                                                    int64_t count, uint32_t flags, int64_t *out_sent,
                                                    aw_coro **out);

AW_END_DECLS

#endif
