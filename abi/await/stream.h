/* SPDX-License-Identifier: MIT */
/**
 * @file stream.h
 * Streams: bytes in both directions, buffered, with flow control (asyncio's StreamReader and StreamWriter,
 * and the transport under them, in one handle).
 *
 * A stream reads and writes through a table of functions, ::aw_stream_methods. aw_stream_from_fd() brings
 * the one for descriptors, aw_stream_pair() one without a kernel, and a program may write another: a filter
 * over a second stream, a rate limiter, a source for tests.
 *
 * **Reading.** A stream reads ahead, up to twice its limit, and a read takes from what has arrived. A cancelled
 * read has taken nothing. One task reads at a time; a second one gets -EBUSY at once. A *view* is a pointer
 * into the stream's own buffer: it stays valid until the next call that reads from the stream, consumes, closes
 * or aborts it, or drops its last reference, whatever arrives meanwhile. After an error or the end, what had
 * arrived before can still be read; then every read fails with that error, or returns 0.
 *
 * **Writing.** aw_stream_write() never waits: it sends what the layer below takes at once and copies the rest.
 * What one iteration writes is sent together. aw_stream_drain() waits while too much is queued.
 *
 * **Closing.** aw_stream_close() sends what is queued, then closes; aw_stream_abort() drops it. A stream whose
 * last reference is dropped while it is open is aborted and reported, with the place where it was made.
 *
 * A plain name is for stackful tasks; its `_coro` is the same as a coroutine, whose value is an
 * ::AW_VALUE_INTEGER: what the plain call returns. The memory that a coroutine is given has to stay until it
 * has ended.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_STREAM_H
#define AWAIT_STREAM_H

#include <await/base.h>
#include <await/op.h>

struct iovec;
struct sockaddr;

AW_BEGIN_DECLS

typedef struct aw_stream aw_stream; /**< a stream of bytes in both directions */

/**
 * The table of functions below a stream. They are called on the loop's thread and must not wait. The table
 * lives as long as the stream.
 */
typedef struct aw_stream_methods {
	uint32_t size; /**< sizeof(aw_stream_methods) */
	uint32_t reserved;
	const char *name; /**< what it is, for reports: "tcp", "tls" */
	/**
	 * Reads up to `length` bytes. Returns how many, 0 at the end, -EAGAIN if there are none now, or another
	 * error, which ends the stream.
	 */
	aw_status (*read)(void *ud, void *buffer, size_t length);
	/**
	 * Writes from the front of `count` parts. Returns how many bytes were taken, at least 1, -EAGAIN if none
	 * can be taken now, or another error, which ends the stream. The memory is not used after the return.
	 */
	aw_status (*write)(void *ud, const struct iovec *parts, size_t count);
	/**
	 * Asks for one aw_stream_ready() for each of `events` (::AW_POLL_IN, ::AW_POLL_OUT) once a read or write
	 * would no longer return -EAGAIN. It adds to what was asked before; 0 takes everything back. The call may
	 * come too early, but not from inside `watch`.
	 */
	aw_status (*watch)(void *ud, uint32_t events);
	/**
	 * Ends the outgoing direction. Returns 0, or -EAGAIN if it has to be called again when the stream is
	 * writable. NULL: cannot be done.
	 */
	aw_status (*shutdown_write)(void *ud);
	/**
	 * Closes both directions; what was written has to arrive unless `aborting`. Returns 0 once it is closed,
	 * or -EAGAIN if it has to be called again after an aw_stream_ready(), which it arranges itself. Other errors
	 * mean that it is closed, and what was written may be lost.
	 */
	aw_status (*close)(void *ud, aw_bool aborting);
	/** Drops the state. Called once, as the last; unless closed before, everything is given up at once. */
	void (*release)(void *ud);
	/** Returns the descriptor below, or -1. May be NULL. */
	int (*fd)(void *ud);
	/**
	 * Sends up to `count` bytes of a file, from `offset` on, without a copy. Returns how many were taken, 0 at
	 * the end of the file, -EAGAIN if none can be taken now, -EOPNOTSUPP if that is not possible for this file
	 * or layer: then the file is read and written. Other errors end the stream. May be NULL: not possible.
	 */
	aw_status (*sendfile)(void *ud, int file_fd, uint64_t offset, size_t count);
	/**
	 * Moves up to `count` bytes that have arrived into an empty pipe, without a copy. Returns how many, 0 at the
	 * end, -EAGAIN if there are none now, -EOPNOTSUPP if that is not possible. Other errors end the stream. May be
	 * NULL: not possible. A layer that changes the bytes must not let the layer below do it.
	 */
	aw_status (*splice_read)(void *ud, int pipe_fd, size_t count);
	/** Moves up to `count` bytes from a pipe that holds so many. Results as in `sendfile`. May be NULL. */
	aw_status (*splice_write)(void *ud, int pipe_fd, size_t count);
} aw_stream_methods;

/** Flags of aw_stream_options. */
enum aw_stream_flag {
	/**
	 * nothing is read before somebody asks, so that an idle stream holds no buffer and the peer is slowed down
	 * by the system; the end is noticed only by a read
	 */
	AW_STREAM_NO_READ_AHEAD = 1,
	/**
	 * descriptors are received with the bytes (see aw_stream_recv_fds()); for a Unix socket only; implies
	 * ::AW_STREAM_NO_READ_AHEAD
	 */
	AW_STREAM_RECEIVE_FDS = 2,
	/** the peer of a TCP connection that is aborted sees its end, as with asyncio, and not a reset */
	AW_STREAM_NO_RESET = 4
};

/** How a stream is set up. Zero means the default. */
typedef struct aw_stream_options {
	uint32_t size;  /**< sizeof(aw_stream_options) */
	uint32_t flags; /**< of ::aw_stream_flag */
	/** The longest line or record; reading ahead pauses beyond twice of it. Default: 64 KiB. */
	uint64_t limit;
	/** aw_stream_drain() waits while more bytes are queued. Default: 64 KiB, or four times `low_water`. */
	uint64_t high_water;
	/** It waits until no more than this are left. Default: a quarter of `high_water`. */
	uint64_t low_water;
} aw_stream_options;

/** @name Making streams */
/**@{*/
/**
 * Creates a stream over a table of functions. `ud` is passed to them; `methods->release` is called with it
 * also if the call fails.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL for a table that is too short or lacks a function, or for an unknown flag; -ENOMEM.
 */
AW_NODISCARD AW_API aw_status aw_stream_new(aw_loop *loop, const aw_stream_methods *methods, void *ud,
                                            const aw_stream_options *options, aw_stream **out);
/**
 * Creates a stream over a descriptor: a socket, a pipe, a terminal or another character device. The stream
 * owns the descriptor from then on, and closes it. Whether it is non-blocking does not matter and is not
 * changed, since others may share it.
 * On a descriptor that is only for writing, a read waits until the stream is closed; when the reader of a pipe
 * has gone, the stream fails with -EPIPE.
 *
 * Returns: 0, and a new reference in `out`. On failure the descriptor remains the caller's.
 *
 * Errors: -EBADF; -EINVAL for a regular file, a directory, a listening socket, or a socket that is not
 * SOCK_STREAM (a datagram or SOCK_SEQPACKET socket), or for an unknown flag; -EOPNOTSUPP for
 * ::AW_STREAM_RECEIVE_FDS unless it is a Unix socket; -ENOMEM.
 *
 * asyncio: loop.connect_accepted_socket, loop.connect_read_pipe, loop.connect_write_pipe.
 */
AW_NODISCARD AW_API aw_status aw_stream_from_fd(aw_loop *loop, int fd, const aw_stream_options *options,
                                                aw_stream **out);
/**
 * Creates two streams in memory, each of which reads what is written to the other. They need no descriptor and
 * no backend, and behave like a socket pair whose buffer holds 64 KiB.
 *
 * Returns: 0, and new references in `out` and `out_peer`.
 */
AW_NODISCARD AW_API aw_status aw_stream_pair(aw_loop *loop, const aw_stream_options *options, aw_stream **out,
                                             aw_stream **out_peer);
/**
 * Adds a reference and returns `stream`.
 *
 * Thread: any.
 */
AW_API aw_stream *aw_stream_ref(aw_stream *stream);
/**
 * Drops a reference. The last one aborts a stream that is neither closed nor closing, and reports it.
 *
 * Thread: any.
 */
AW_API void aw_stream_unref(aw_stream *stream);
/**
 * For the author of a table: tells the stream that it may be readable or writable (::AW_POLL_IN,
 * ::AW_POLL_OUT), or that a close may continue. The stream reads and writes before the call returns, and
 * callbacks of a protocol may run.
 */
AW_API aw_status aw_stream_ready(aw_stream *stream, uint32_t events);
/**
 * For the author of a table: the connection has failed. Calls that wait fail with this very error, to which the
 * stream adds its own reference. The functions of the table may call it before they return the status.
 *
 * Errors: ::AW_EBADHANDLE.
 */
AW_API aw_status aw_stream_fail(aw_stream *stream, aw_error *error);
/**
 * For the author of a table: returns the `ud` of a stream over `methods`, or NULL if the stream has another
 * table or is closed.
 */
AW_API void *aw_stream_methods_data(const aw_stream *stream, const aw_stream_methods *methods);
/**@}*/

/** @name Reading */
/**@{*/
/**
 * Reads up to `length` bytes into `buffer`, waiting until there is at least one.
 *
 * Returns: how many, at most INT32_MAX; 0 at the end, or if `length` is 0.
 *
 * Errors: -EBUSY if another task reads; the error that ended the connection, once all before it was read;
 * -EINVAL for a NULL `buffer`; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: nothing is taken.
 *
 * asyncio: StreamReader.read.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_read(aw_stream *stream, void *buffer, size_t length);
/**
 * Creates a coroutine that does what aw_stream_read() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: StreamReader.read.
 */
AW_NODISCARD AW_API aw_status aw_stream_read_coro(aw_stream *stream, void *buffer, size_t length,
                                                  aw_coro **out);
/**
 * Reads `length` bytes into `buffer`.
 *
 * Returns: `length`.
 *
 * Errors: ::AW_EINCOMPLETE if the stream ends first: what arrived stays, for the next read. -EINVAL for more
 * than INT32_MAX. Otherwise those of aw_stream_read().
 *
 * Cancellation: nothing is taken.
 *
 * asyncio: StreamReader.readexactly.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_readexactly(aw_stream *stream, void *buffer,
                                                                size_t length);
/**
 * Creates a coroutine that does what aw_stream_readexactly() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: StreamReader.readexactly.
 */
AW_NODISCARD AW_API aw_status aw_stream_readexactly_coro(aw_stream *stream, void *buffer, size_t length,
                                                         aw_coro **out);
/**
 * Reads up to and including the separator, of `separator_length` bytes. The result is a view: `out_data` points
 * into the stream's buffer, without a terminating zero, until the next call that reads.
 *
 * Returns: how many bytes, with the separator.
 *
 * Errors: ::AW_ELIMIT if it does not end within the limit: what arrived stays, and may be read in another way.
 * ::AW_EINCOMPLETE if the stream ends first: what arrived stays. -EINVAL for an empty separator. Otherwise those
 * of aw_stream_read().
 *
 * Cancellation: nothing is taken.
 *
 * asyncio: StreamReader.readuntil.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_readuntil(aw_stream *stream, const void *separator,
                                                              size_t separator_length, const char **out_data);
/**
 * Creates a coroutine that does what aw_stream_readuntil() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: StreamReader.readuntil.
 */
AW_NODISCARD AW_API aw_status aw_stream_readuntil_coro(aw_stream *stream, const void *separator,
                                                       size_t separator_length, const char **out_data,
                                                       aw_coro **out);
/**
 * Reads up to and including the first of several separators; where two end at the same place, the longer one
 * counts. Otherwise like aw_stream_readuntil().
 *
 * Returns: how many bytes, with the separator.
 *
 * Errors: those of aw_stream_readuntil(); -EINVAL if `count` is 0.
 *
 * Cancellation: nothing is taken.
 *
 * asyncio: StreamReader.readuntil with a tuple.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_readuntil_any(aw_stream *stream,
                                                                  const struct iovec *separators,
                                                                  size_t count, const char **out_data);
/**
 * Creates a coroutine that does what aw_stream_readuntil_any() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: StreamReader.readuntil with a tuple.
 */
AW_NODISCARD AW_API aw_status aw_stream_readuntil_any_coro(aw_stream *stream, const struct iovec *separators,
                                                           size_t count, const char **out_data,
                                                           aw_coro **out);
/**
 * Reads a line: up to and including "\n", or what is left at the end. The result is a view, as that of
 * aw_stream_readuntil().
 *
 * Returns: how many bytes; 0 at the end.
 *
 * Errors: ::AW_ELIMIT if the line is longer than the limit: what arrived stays. Otherwise those of
 * aw_stream_read().
 *
 * Cancellation: nothing is taken.
 *
 * asyncio: StreamReader.readline.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_readline(aw_stream *stream, const char **out_data);
/**
 * Creates a coroutine that does what aw_stream_readline() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: StreamReader.readline.
 */
AW_NODISCARD AW_API aw_status aw_stream_readline_coro(aw_stream *stream, const char **out_data,
                                                      aw_coro **out);
/**
 * Reads until the end, at most `max` bytes. The result is a view.
 *
 * Returns: how many bytes.
 *
 * Errors: ::AW_ELIMIT if there are more than `max`: they stay. -EINVAL for more than INT32_MAX. Otherwise those
 * of aw_stream_read().
 *
 * Cancellation: nothing is taken.
 *
 * asyncio: StreamReader.read(-1).
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_readall(aw_stream *stream, size_t max,
                                                            const char **out_data);
/**
 * Creates a coroutine that does what aw_stream_readall() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: StreamReader.read(-1).
 */
AW_NODISCARD AW_API aw_status aw_stream_readall_coro(aw_stream *stream, size_t max, const char **out_data,
                                                     aw_coro **out);
/**
 * Waits until at least `min` bytes have arrived and gives a view of all that have, without taking them:
 * aw_stream_consume() does.
 *
 * Returns: how many bytes, at least `min`.
 *
 * Errors: ::AW_EINCOMPLETE if the stream ends first; aw_stream_view() then gives what there is. Otherwise those
 * of aw_stream_read().
 *
 * Cancellation: nothing is taken.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_peek(aw_stream *stream, size_t min,
                                                         const char **out_data);
/**
 * Creates a coroutine that does what aw_stream_peek() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_stream_peek_coro(aw_stream *stream, size_t min, const char **out_data,
                                                  aw_coro **out);
/**
 * Gives a view of all that has arrived, without waiting.
 *
 * Returns: how many bytes, possibly 0.
 */
AW_API aw_status aw_stream_view(aw_stream *stream, const char **out_data);
/**
 * Takes `count` bytes from the front of what has arrived. A view ends.
 *
 * Errors: -EINVAL if there are fewer, and nothing is taken.
 */
AW_API aw_status aw_stream_consume(aw_stream *stream, size_t count);
/**
 * Returns whether the end has arrived and everything before it was read. A stream that has failed is not at
 * its end.
 *
 * asyncio: StreamReader.at_eof.
 */
AW_API aw_bool aw_stream_at_eof(const aw_stream *stream);
/**
 * Stops reading until aw_stream_resume_reading(). Calls that read, and aw_stream_copy(), take what has arrived,
 * then wait; aw_stream_try_read() returns -EAGAIN.
 *
 * asyncio: ReadTransport.pause_reading.
 */
AW_API aw_status aw_stream_pause_reading(aw_stream *stream);
/**
 * Reads ahead again.
 *
 * asyncio: ReadTransport.resume_reading.
 */
AW_API aw_status aw_stream_resume_reading(aw_stream *stream);
/**
 * Returns whether the stream reads ahead and is not paused by the program.
 *
 * asyncio: ReadTransport.is_reading.
 */
AW_API aw_bool aw_stream_is_reading(const aw_stream *stream);
/**@}*/

/** @name Writing */
/**@{*/
/**
 * Writes `length` bytes, without waiting: what the layer below does not take at once is copied and sent later.
 *
 * Errors: -EPIPE after aw_stream_write_eof() or aw_stream_close(); -EBADF if the descriptor is only for reading,
 * and the stream stays as it was; the error that ended the connection; -EBUSY
 * while an aw_stream_send(), aw_stream_copy() or aw_stream_sendfile() waits; -EINVAL; -ENOMEM, and nothing was
 * written.
 *
 * asyncio: StreamWriter.write, WriteTransport.write.
 */
AW_API aw_status aw_stream_write(aw_stream *stream, const void *data, size_t length);
/**
 * Writes `count` parts, without waiting, as if they were one piece.
 *
 * Errors: those of aw_stream_write().
 *
 * asyncio: StreamWriter.writelines, WriteTransport.writelines.
 */
AW_API aw_status aw_stream_writelines(aw_stream *stream, const struct iovec *parts, size_t count);
/**
 * Waits until no more than the low-water mark is queued, if more than the high-water mark is. Several tasks may
 * wait.
 *
 * Returns: 0.
 *
 * Errors: the error that ended the connection, or -ECONNRESET if it had ended before the call waited;
 * ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: nothing else happens; what is queued will be sent.
 *
 * asyncio: StreamWriter.drain.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_drain(aw_stream *stream);
/**
 * Creates a coroutine that does what aw_stream_drain() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: StreamWriter.drain.
 */
AW_NODISCARD AW_API aw_status aw_stream_drain_coro(aw_stream *stream, aw_coro **out);
/**
 * Sends `length` bytes without a copy, waiting until the layer below has taken all of them. What was queued
 * before goes first.
 *
 * Returns: 0, and how many bytes were taken in `out_sent`, which is optional and is set on failure too.
 *
 * Errors: those of aw_stream_write(); ::AW_ENOTASK.
 *
 * Cancellation: `*out_sent` bytes were taken, and no other.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_send(aw_stream *stream, const void *data, size_t length,
                                                         size_t *out_sent);
/**
 * Creates a coroutine that does what aw_stream_send() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_stream_send_coro(aw_stream *stream, const void *data, size_t length,
                                                  size_t *out_sent, aw_coro **out);
/**
 * Ends the outgoing direction once everything queued is sent, and a call that sends has ended; the peer can still
 * send. A second call does nothing. A descriptor that is only for writing, such as that end of a pipe, has no other
 * direction: aw_stream_close() is carried out.
 *
 * Errors: -EOPNOTSUPP if the layer below cannot; the error that ended the connection.
 *
 * asyncio: StreamWriter.write_eof, WriteTransport.write_eof.
 */
AW_API aw_status aw_stream_write_eof(aw_stream *stream);
/**
 * Returns whether aw_stream_write_eof() is possible.
 *
 * asyncio: StreamWriter.can_write_eof.
 */
AW_API aw_bool aw_stream_can_write_eof(const aw_stream *stream);
/**
 * Returns how many bytes are queued.
 *
 * asyncio: WriteTransport.get_write_buffer_size.
 */
AW_API size_t aw_stream_write_buffer_size(const aw_stream *stream);
/**
 * Returns the low-water and the high-water mark; each is optional.
 *
 * asyncio: WriteTransport.get_write_buffer_limits.
 */
AW_API aw_status aw_stream_write_buffer_limits(const aw_stream *stream, size_t *out_low, size_t *out_high);
/**
 * Sets the marks of aw_stream_drain(), in bytes; -1 means the default: 64 KiB for `high`, or four times
 * `low`; a quarter of `high` for `low`.
 *
 * Errors: -EINVAL unless 0 <= `low` <= `high`.
 *
 * asyncio: WriteTransport.set_write_buffer_limits.
 */
AW_API aw_status aw_stream_set_write_buffer_limits(aw_stream *stream, int64_t high, int64_t low);
/**@}*/

/** @name Copying */
/**@{*/
/** How aw_stream_copy() has moved the bytes. */
enum aw_copy_way {
	AW_COPY_BUFFER = 1, /**< through the memory of the stream that was read */
	AW_COPY_SPLICE =
		2 /**< through a pipe, inside the kernel, where they came in large pieces; small ones go through memory */
};

/** Flags of aw_copy_options. */
enum aw_copy_flag {
	AW_COPY_NO_SPLICE = 1 /**< the bytes go through memory also where they need not */
};

/** How bytes are copied. Zero means the default. */
typedef struct aw_copy_options {
	uint32_t size;  /**< sizeof(aw_copy_options) */
	uint32_t flags; /**< of ::aw_copy_flag */
} aw_copy_options;

/**
 * Copies what arrives on `source` to `target` until the end of `source`, or until `limit` bytes were copied; a
 * negative `limit` means no limit. The end is not passed on: aw_stream_write_eof() does that. What `target` had
 * queued goes first. Both may be the same stream.
 *
 * While it runs, `source` is not read ahead, so that a slow receiver slows down the sender. Both ends are asked
 * whether the bytes can stay in the kernel; sockets and pipes can if their descriptors are non-blocking. A
 * failure of `target` is noticed when it is written to.
 *
 * Returns: 0; how many bytes were copied in `out_count`, and the ::aw_copy_way in `out_way`. Both are optional,
 * and are set on failure too.
 *
 * Errors: -EBUSY if another task reads from `source`, writes to `target` in a call that waits, or a protocol has
 * `source`; those of aw_stream_read() and aw_stream_send(); -EINVAL for streams of different loops or an unknown
 * flag; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: `*out_count` bytes were taken by `target`, and no other; the next read from `source` returns the
 * byte after them.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_copy(aw_stream *source, aw_stream *target, int64_t limit,
                                                         const aw_copy_options *options, uint64_t *out_count,
                                                         uint32_t *out_way);
/**
 * Creates a coroutine that does what aw_stream_copy() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_stream_copy_coro(aw_stream *source, aw_stream *target, int64_t limit,
                                                  const aw_copy_options *options, uint64_t *out_count,
                                                  uint32_t *out_way, aw_coro **out);
/**
 * Sends `count` bytes of a file, from `offset` on, after what is queued; a negative `count` means up to the end
 * of the file. The layer below is asked to send them without a copy; if it refuses, they are read and written.
 * The file is read on the loop's thread, and its position is set behind the last byte that was sent.
 *
 * Returns: 0, and how many bytes were sent in `out_sent`, which is optional and is set on failure too. There are
 * fewer than `count` if the file ends before.
 *
 * Errors: -EBADF; -EISDIR; -ESPIPE unless the file has positions; -EINVAL for a negative `offset`; that of
 * reading the file, and the stream stays open; otherwise those of aw_stream_send().
 *
 * Cancellation: `*out_sent` bytes were taken, and no other.
 *
 * asyncio: loop.sendfile.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_sendfile(aw_stream *stream, int fd, int64_t offset,
                                                             int64_t count, uint64_t *out_sent);
/**
 * Creates a coroutine that does what aw_stream_sendfile() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: loop.sendfile.
 */
AW_NODISCARD AW_API aw_status aw_stream_sendfile_coro(aw_stream *stream, int fd, int64_t offset,
                                                      int64_t count, uint64_t *out_sent, aw_coro **out);
/**@}*/

/**
 * @name Passing descriptors
 *
 * A Unix socket carries descriptors along with bytes. The kernel keeps them in order, and delivers them no later
 * than the bytes that they were sent with, though possibly together with bytes that were sent before. A stream
 * with ::AW_STREAM_RECEIVE_FDS keeps those that arrive in a queue beside the bytes, so every call that reads can
 * be used:
 *
 * - If a message says how many descriptors belong to it, read the message in any way, and then take that many
 *   with aw_stream_take_fds().
 * - Otherwise read with aw_stream_recv_fds(), which returns the bytes of one delivery at most.
 *
 * Descriptors are received close-on-exec. The stream closes those that nobody has taken: when it is closed, or,
 * after a failure, with its last reference. A stream with more than 1,024 of them fails with ::AW_ELIMIT.
 */
/**@{*/

/** What the calls that receive descriptors tell. */
enum aw_fds_flag {
	AW_FDS_TRUNCATED =
		1 /**< descriptors were lost, because the process could not open any more (MSG_CTRUNC) */
};

/**
 * Sends `length` bytes like aw_stream_send(), and `count` descriptors with the first of them. The peer gets
 * duplicates: the caller's may be closed once the call has ended.
 *
 * Returns: 0, and how many bytes were taken in `out_sent`, which is optional and is set on failure too. The
 * descriptors were sent if that is not 0.
 *
 * Errors: -EINVAL for no bytes, no descriptor, or more than 253 of them; -EBADF for one that is not open, and
 * nothing was sent; -EOPNOTSUPP unless the stream is over a Unix socket; -ETOOMANYREFS if too many are under
 * way; otherwise those of aw_stream_send().
 *
 * Cancellation: `*out_sent` bytes were taken, and no other.
 *
 * asyncio: socket.send_fds.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_send_fds(aw_stream *stream, const void *data,
                                                             size_t length, const int *fds, size_t count,
                                                             size_t *out_sent);
/**
 * Creates a coroutine that does what aw_stream_send_fds() does. `fds` has to stay until it has ended.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: socket.send_fds.
 */
AW_NODISCARD AW_API aw_status aw_stream_send_fds_coro(aw_stream *stream, const void *data, size_t length,
                                                      const int *fds, size_t count, size_t *out_sent,
                                                      aw_coro **out);
/**
 * Reads like aw_stream_read(), but not across the end of bytes that came with descriptors; then takes descriptors
 * like aw_stream_take_fds(). `*fd_count` is the room in `fds`, and becomes the
 * number of descriptors, which are the caller's.
 *
 * Returns: how many bytes; 0 at the end, or if `length` is 0.
 *
 * Errors: -EOPNOTSUPP without ::AW_STREAM_RECEIVE_FDS; -EINVAL for a NULL pointer; otherwise those of
 * aw_stream_read(), and neither bytes nor descriptors were taken.
 *
 * Cancellation: nothing is taken.
 *
 * asyncio: socket.recv_fds.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_recv_fds(aw_stream *stream, void *buffer, size_t length,
                                                             int *fds, size_t *fd_count, uint32_t *out_flags);
/**
 * Creates a coroutine that does what aw_stream_recv_fds() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: socket.recv_fds.
 */
AW_NODISCARD AW_API aw_status aw_stream_recv_fds_coro(aw_stream *stream, void *buffer, size_t length,
                                                      int *fds, size_t *fd_count, uint32_t *out_flags,
                                                      aw_coro **out);
/**
 * Takes up to `max` descriptors that came with bytes that have been read, in the order in which they were sent;
 * they are the caller's. Those that do not fit stay. `*out_flags` becomes ::AW_FDS_TRUNCATED if some were lost
 * right behind these, which it reports once, otherwise 0.
 *
 * Returns: how many.
 *
 * Errors: -EOPNOTSUPP without ::AW_STREAM_RECEIVE_FDS; -EINVAL for a NULL pointer.
 */
AW_API aw_status aw_stream_take_fds(aw_stream *stream, int *fds, size_t max, uint32_t *out_flags);
/**@}*/

/**
 * @name Without a buffer
 *
 * For a stream with ::AW_STREAM_NO_READ_AHEAD, which then holds no memory while it waits.
 */
/**@{*/
/**
 * Waits until `events` (::AW_POLL_IN, ::AW_POLL_OUT) may be possible: a try may still find that it would wait.
 *
 * Returns: those that are, of `events`.
 *
 * Errors: -EBUSY if another task waits for the same; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: nothing else happens.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_wait_ready(aw_stream *stream, uint32_t events);
/**
 * Creates a coroutine that does what aw_stream_wait_ready() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_stream_wait_ready_coro(aw_stream *stream, uint32_t events, aw_coro **out);
/**
 * Reads up to `length` bytes, without waiting.
 *
 * Returns: how many; 0 at the end.
 *
 * Errors: -EAGAIN if nothing has arrived; otherwise those of aw_stream_read().
 */
AW_NODISCARD AW_API aw_status aw_stream_try_read(aw_stream *stream, void *buffer, size_t length);
/**
 * Writes what the layer below takes at once, without a copy and without waiting.
 *
 * Returns: how many bytes, at most INT32_MAX.
 *
 * Errors: -EAGAIN if none, or while something is queued; otherwise those of aw_stream_write().
 */
AW_NODISCARD AW_API aw_status aw_stream_try_write(aw_stream *stream, const void *data, size_t length);
/**@}*/

/** @name Closing */
/**@{*/
/**
 * Stops reading, sends what is queued, then closes. Returns at once; a second call does nothing. A read that
 * waits returns what has arrived, then 0.
 *
 * asyncio: StreamWriter.close, BaseTransport.close.
 */
AW_API aw_status aw_stream_close(aw_stream *stream);
/**
 * Closes at once and drops what is queued. A read that waits returns what has arrived, then 0, as after
 * aw_stream_close(); an aw_stream_drain() that waits returns 0, and a later one fails with -ECONNRESET; other
 * writes that wait fail with -ECONNABORTED.
 *
 * asyncio: WriteTransport.abort.
 */
AW_API aw_status aw_stream_abort(aw_stream *stream);
/**
 * Returns whether the stream is closed or closing.
 *
 * asyncio: StreamWriter.is_closing, BaseTransport.is_closing.
 */
AW_API aw_bool aw_stream_is_closing(const aw_stream *stream);
/**
 * Waits until a stream that is closing is closed, for at most `timeout_ns` nanoseconds (negative: no limit).
 * Several tasks may wait.
 *
 * Returns: 0, also if the connection had failed and a read or write has returned its error.
 *
 * Errors: ::AW_ETIMEOUT if the time passed, and the stream was aborted; the error that ended the connection, if
 * nothing has returned it yet; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: the stream closes all the same.
 *
 * asyncio: StreamWriter.wait_closed.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_stream_wait_closed(aw_stream *stream, int64_t timeout_ns);
/**
 * Creates a coroutine that does what aw_stream_wait_closed() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: StreamWriter.wait_closed.
 */
AW_NODISCARD AW_API aw_status aw_stream_wait_closed_coro(aw_stream *stream, int64_t timeout_ns,
                                                         aw_coro **out);
/**@}*/

/** @name About the connection */
/**@{*/
/**
 * Returns the descriptor below, which remains the stream's, or -1.
 *
 * asyncio: StreamWriter.get_extra_info("socket").
 */
AW_API int aw_stream_fd(const aw_stream *stream);
/** Returns the name in the table of functions: "tcp", "unix", "pipe", "tty", "memory", "tls". */
AW_API const char *aw_stream_kind(const aw_stream *stream);
/**
 * Gets the local address, into `address` with room for `*address_length` bytes, which becomes its length.
 *
 * Errors: -ENOTSOCK; those of getsockname(2).
 *
 * asyncio: StreamWriter.get_extra_info("sockname").
 */
AW_API aw_status aw_stream_getsockname(const aw_stream *stream, struct sockaddr *address,
                                       uint32_t *address_length);
/**
 * Gets the peer's address, also after the peer has gone.
 *
 * Errors: -ENOTSOCK; -ENOTCONN; those of getpeername(2).
 *
 * asyncio: StreamWriter.get_extra_info("peername").
 */
AW_API aw_status aw_stream_getpeername(const aw_stream *stream, struct sockaddr *address,
                                       uint32_t *address_length);
/**
 * Gets the process, user and group at the other end of a Unix socket, as they were when it connected; each is
 * optional.
 *
 * Errors: -EOPNOTSUPP for any other stream; those of getsockopt(2).
 */
AW_API aw_status aw_stream_peer_credentials(const aw_stream *stream, int32_t *out_pid, int32_t *out_uid,
                                            int32_t *out_gid);
/** Returns how many bytes have arrived so far. */
AW_API uint64_t aw_stream_bytes_read(const aw_stream *stream);
/** Returns how many bytes the layer below has taken so far. */
AW_API uint64_t aw_stream_bytes_written(const aw_stream *stream);
/**@}*/

AW_END_DECLS

#endif
