/* SPDX-License-Identifier: MIT */
/**
 * @file protocol.h
 * Streams with callbacks: what arrives is passed to a table of functions, instead of being kept for a task
 * that reads (asyncio's Protocol and BufferedProtocol; the stream is their transport).
 *
 * This form is for authors of protocols and of bindings: it needs no task for a connection.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_PROTOCOL_H
#define AWAIT_PROTOCOL_H

#include <await/base.h>
#include <await/stream.h>

AW_BEGIN_DECLS

/**
 * The callbacks of a protocol. Each may be NULL. They are called on the loop's thread, and may call anything
 * on the stream; it stays valid until connection_lost has returned.
 */
typedef struct aw_protocol {
	uint32_t size; /**< sizeof(aw_protocol) */
	uint32_t reserved;
	/** Called once, in the iteration after aw_stream_set_protocol(), before any other. */
	void (*connection_made)(aw_stream *stream, void *ud);
	/**
	 * `length` bytes have arrived; they are valid during the call. A negative result is reported, and the
	 * stream is aborted.
	 */
	aw_status (*data_received)(aw_stream *stream, void *ud, const void *data, size_t length);
	/**
	 * Bytes have arrived, `length` of them are there now. Nothing is taken: aw_stream_view() shows them and
	 * aw_stream_consume() takes some, during the call or later; what stays counts against the limit. It is used
	 * in place of data_received, by a stream that is layered over this one. A negative result is reported, and
	 * the stream is aborted.
	 */
	aw_status (*data_available)(aw_stream *stream, void *ud, size_t length);
	/**
	 * Brings the memory for the next read, and is then used in place of data_received, together with
	 * buffer_updated. `hint` is a useful size; what is returned in `out_length` may be smaller or larger, not 0.
	 */
	aw_status (*get_buffer)(aw_stream *stream, void *ud, size_t hint, void **out_buffer, size_t *out_length);
	/** `count` bytes were read into the memory that get_buffer has brought. Results as in data_received. */
	aw_status (*buffer_updated)(aw_stream *stream, void *ud, size_t count);
	/**
	 * The peer has ended its direction. 1: the stream stays open for writing; 0, or no function: it is closed.
	 * A negative result is reported, and the stream is aborted.
	 */
	aw_status (*eof_received)(aw_stream *stream, void *ud);
	/** Called once, as the last: the stream is closed. `why` is 0, or what ended the connection. */
	void (*connection_lost)(aw_stream *stream, void *ud, aw_status why);
	/** More than the high-water mark is queued. */
	void (*pause_writing)(aw_stream *stream, void *ud);
	/**
	 * No more than the low-water mark is queued, after pause_writing. If this closes or aborts the stream,
	 * connection_lost follows in the next iteration, as from everywhere else. asyncio calls connection_lost at once
	 * if nothing is queued, and a second time in the next iteration, which fails with an AttributeError.
	 */
	void (*resume_writing)(aw_stream *stream, void *ud);
} aw_protocol;

/**
 * Passes what arrives to a protocol from now on, beginning with what has arrived already. NULL takes the
 * protocol away, and what arrives is kept for readers again. The table has to stay. A stream with a protocol
 * keeps itself alive until it is closed, and reads ahead whatever its options say. If too much is queued
 * already, pause_writing follows connection_made.
 *
 * Errors: -EBUSY while a task reads; -EINVAL for a table that is too short; -EPIPE if the stream is closing.
 * `destroy` is called with `ud` also on failure.
 *
 * asyncio: BaseTransport.set_protocol.
 */
AW_API aw_status aw_stream_set_protocol(aw_stream *stream, const aw_protocol *protocol, void *ud,
                                        aw_destroy_fn destroy);
/**
 * Returns the `ud` of the stream's protocol, or NULL.
 *
 * asyncio: BaseTransport.get_protocol.
 */
AW_API void *aw_stream_protocol_data(const aw_stream *stream);

AW_END_DECLS

#endif
