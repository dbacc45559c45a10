/* SPDX-License-Identifier: MIT */
/**
 * @file server.h
 * Servers: listen on addresses, and serve each connection in a task that the server owns.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_SERVER_H
#define AWAIT_SERVER_H

#include <await/base.h>
#include <await/stream.h>

AW_BEGIN_DECLS

typedef struct aw_server aw_server; /**< listens, and owns the connections that it accepts */

/**
 * Serves one connection, in a stackful task. The stream is borrowed: when the function returns, it is closed,
 * unless it was closed before or has another reference. A failure is reported, and ends this connection only.
 * With ::AW_SERVER_CALLBACK it is called from the loop instead and must not wait; the stream then stays open
 * if it was given a protocol or has another reference.
 */
typedef aw_status (*aw_client_fn)(aw_stream *stream, void *ud);

/** Flags of aw_server_options. */
enum aw_server_flag {
	AW_SERVER_REUSE_PORT = 1, /**< sets SO_REUSEPORT, so that several processes or loops share the port */
	AW_SERVER_KEEP_ALIVE = 2, /**< sets SO_KEEPALIVE on the connections */
	AW_SERVER_DELAY = 4,      /**< leaves TCP_NODELAY unset on the connections, which is set otherwise */
	AW_SERVER_DUAL_STACK = 8, /**< an IPv6 socket takes IPv4 connections too */
	AW_SERVER_KEEP_PATH = 16, /**< leaves the file of a Unix socket when the server is closed */
	AW_SERVER_CALLBACK = 32,  /**< the function is called from the loop, without a task */
	/**
	 * when descriptors run out, a connection is accepted with a spare one and closed at once, so that the peer
	 * need not wait
	 */
	AW_SERVER_SHED = 64
};

/** How a server works. Zero means the default. */
typedef struct aw_server_options {
	uint32_t size;                   /**< sizeof(aw_server_options) */
	uint32_t flags;                  /**< of ::aw_server_flag */
	int32_t family;                  /**< AF_INET, AF_INET6, or 0 for both */
	int32_t backlog;                 /**< of listen(2); default: 100 */
	uint64_t max_connections;        /**< no more are accepted while so many are open; 0: no limit */
	const aw_stream_options *stream; /**< for the connections, or NULL */
} aw_server_options;

/** @name Making a server */
/**@{*/
/**
 * Creates a server that does not listen yet.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL, also for an unknown flag or a negative backlog; -ENOMEM. `destroy` is called with `ud` also on
 * failure.
 */
AW_NODISCARD AW_API aw_status aw_server_new(aw_loop *loop, aw_client_fn fn, void *ud, aw_destroy_fn destroy,
                                            const aw_server_options *options, aw_server **out);
/**
 * Listens on all addresses of a host, in addition to what it listens on already. A NULL or empty `host` means
 * every interface. `service` is a name or a port number; "0" picks a free port for each address.
 *
 * Returns: 0.
 *
 * Errors: ::AW_EGAIERROR for the name; that of bind(2), with the address in its message, and the server listens
 * on none of them; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: nothing is added.
 *
 * asyncio: loop.create_server.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_server_listen(aw_server *server, const char *host,
                                                           const char *service);
/**
 * Creates a coroutine that does what aw_server_listen() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: loop.create_server.
 */
AW_NODISCARD AW_API aw_status aw_server_listen_coro(aw_server *server, const char *host, const char *service,
                                                    aw_coro **out);
/**
 * Listens on a Unix socket. A path that begins with "@" is a name in Linux's abstract namespace. A socket that
 * is left at the path is removed before, and the server's is removed when it is closed.
 *
 * Errors: that of bind(2), with the path in its message; -ENAMETOOLONG; -EINVAL; -ENOMEM.
 *
 * asyncio: loop.create_unix_server.
 */
AW_API aw_status aw_server_listen_unix(aw_server *server, const char *path);
/**
 * Listens on a socket that is bound already, and owns it from then on. The path of a Unix socket is removed when
 * the server is closed, unless it belongs to another socket by then; ::AW_SERVER_KEEP_PATH leaves it.
 *
 * Errors: -EBADF; -EINVAL unless it is a stream socket; that of listen(2); -ENOMEM. On failure the socket
 * remains the caller's.
 *
 * asyncio: loop.create_server(sock=…).
 */
AW_API aw_status aw_server_listen_fd(aw_server *server, int fd);
/**
 * Listens on the sockets that a service manager has passed (`LISTEN_PID`, `LISTEN_FDS`). It keeps the paths of
 * Unix sockets, which are the service manager's.
 *
 * Returns: how many; 0 if it has passed none, or has passed them to another process.
 *
 * Errors: those of aw_server_listen_fd().
 */
AW_API aw_status aw_server_listen_inherited(aw_server *server);
/**
 * Accepts connections from now on. Does nothing if it does already.
 *
 * Errors: -EINVAL if it listens nowhere; -EPIPE if it is closed; -ENOMEM.
 *
 * asyncio: Server.start_serving.
 */
AW_API aw_status aw_server_start_serving(aw_server *server);
/**
 * Creates a server, listens on a host and service, and starts serving: the three calls above in one.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of aw_server_new(), aw_server_listen() and aw_server_start_serving().
 *
 * Cancellation: no server is left.
 *
 * asyncio: start_server.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_start_server(aw_client_fn fn, void *ud, aw_destroy_fn destroy,
                                                          const char *host, const char *service,
                                                          const aw_server_options *options, aw_server **out);
/**
 * Creates a server, listens on a Unix socket, and starts serving.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of aw_server_new(), aw_server_listen_unix() and aw_server_start_serving().
 *
 * asyncio: start_unix_server.
 */
AW_NODISCARD AW_API aw_status aw_start_unix_server(aw_loop *loop, aw_client_fn fn, void *ud,
                                                   aw_destroy_fn destroy, const char *path,
                                                   const aw_server_options *options, aw_server **out);
/**
 * Adds a reference and returns `server`.
 *
 * Thread: any.
 */
AW_API aw_server *aw_server_ref(aw_server *server);
/**
 * Drops a reference. A server that serves, or has connections, lives on without one.
 *
 * Thread: any.
 */
AW_API void aw_server_unref(aw_server *server);
/**@}*/

/** @name Running and ending */
/**@{*/
/**
 * Starts serving and waits until the task is cancelled, or the server is closed.
 *
 * Returns: 0 if the server was closed. asyncio waits for the connections first and then raises CancelledError,
 * although nobody has cancelled the task. Here the call that serves ends at once and without an error, so that
 * a program can end by closing its server; aw_server_wait_closed() waits for the connections.
 *
 * Errors: -EBUSY if another task waits in this call; ::AW_ENOTASK; those of aw_server_start_serving().
 *
 * Cancellation: the server is closed. The call then waits until its connections have ended, which
 * aw_server_close_clients() or aw_server_abort_clients() brings about; a second cancellation ends that wait.
 *
 * asyncio: Server.serve_forever.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_server_serve_forever(aw_server *server);
/**
 * Creates a coroutine that does what aw_server_serve_forever() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Server.serve_forever.
 */
AW_NODISCARD AW_API aw_status aw_server_serve_forever_coro(aw_server *server, aw_coro **out);
/**
 * Stops listening. Connections stay open.
 *
 * asyncio: Server.close.
 */
AW_API aw_status aw_server_close(aw_server *server);
/**
 * Closes all connections, after what they have queued was sent.
 *
 * asyncio: Server.close_clients.
 */
AW_API aw_status aw_server_close_clients(aw_server *server);
/**
 * Aborts all connections.
 *
 * asyncio: Server.abort_clients.
 */
AW_API aw_status aw_server_abort_clients(aw_server *server);
/**
 * Waits until the server is closed and all its connections are, and their tasks have ended.
 *
 * Returns: 0.
 *
 * Errors: ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: nothing else happens.
 *
 * asyncio: Server.wait_closed.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_server_wait_closed(aw_server *server);
/**
 * Creates a coroutine that does what aw_server_wait_closed() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Server.wait_closed.
 */
AW_NODISCARD AW_API aw_status aw_server_wait_closed_coro(aw_server *server, aw_coro **out);
/**
 * Returns whether it accepts connections.
 *
 * asyncio: Server.is_serving.
 */
AW_API aw_bool aw_server_is_serving(const aw_server *server);
/** Returns how many connections are open. */
AW_API size_t aw_server_connections(const aw_server *server);
/**
 * Returns how many sockets it listens on.
 *
 * asyncio: Server.sockets.
 */
AW_API size_t aw_server_sockets(const aw_server *server);
/**
 * Returns the descriptor of the socket at `index`, which remains the server's, or -1.
 *
 * asyncio: Server.sockets.
 */
AW_API int aw_server_socket(const aw_server *server, size_t index);
/**
 * Returns the port of the socket at `index`.
 *
 * Errors: -EINVAL beyond the last one; -EOPNOTSUPP for a Unix socket.
 */
AW_API aw_status aw_server_port(const aw_server *server, size_t index);
/**
 * Returns the server's loop, borrowed.
 *
 * asyncio: Server.get_loop.
 */
AW_API aw_loop *aw_server_loop(const aw_server *server);
/**@}*/

AW_END_DECLS

#endif
