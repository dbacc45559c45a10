/* SPDX-License-Identifier: MIT */
/**
 * @file protocol.hpp
 * Streams with callbacks: what arrives is passed to an object, instead of being kept for a task that reads.
 */
#ifndef AWAIT_PROTOCOL_HPP
#define AWAIT_PROTOCOL_HPP

#include <await/stream.hpp>
#include <memory>
#include <system_error>
#include <utility>

namespace libawait {

/**
 * The callbacks of a stream, on the loop's thread; each may call anything on the stream. An exception is
 * reported to the loop's exception handler, and the stream is aborted. Derive from one of the three below.
 * asyncio: BaseProtocol.
 */
class base_protocol {
public:
	base_protocol() noexcept = default;
	base_protocol(const base_protocol &) = delete;
	base_protocol &operator=(const base_protocol &) = delete;
	virtual ~base_protocol() = default;

	/** Called once, before any other. */
	virtual void connection_made(stream) {}
	/** The peer has ended its direction. Returns whether the stream stays open for writing. */
	virtual bool eof_received() {
		return false;
	}
	/** Called once, as the last: the stream is closed. `why` is empty, or what ended the connection. */
	virtual void connection_lost(std::error_code) {}
	/** More than the high-water mark is queued. */
	virtual void pause_writing() {}
	/** No more than the low-water mark is queued, after pause_writing(). */
	virtual void resume_writing() {}
};

/** Gets what arrives. asyncio: Protocol. */
class protocol : public base_protocol {
public:
	/** Bytes have arrived, which are valid during the call. */
	virtual void data_received(bytes_view data) = 0;
};

/** Brings the memory for what arrives. asyncio: BufferedProtocol. */
class buffered_protocol : public base_protocol {
public:
	/** Returns the memory for the next read, which is not empty. `hint` is a useful size. */
	virtual buffer_view get_buffer(size_t hint) = 0;
	/** So many bytes were read into it. */
	virtual void buffer_updated(size_t count) = 0;
};

/** Is told what has arrived, and takes it with stream::view() and stream::consume(), now or later. */
class layered_protocol : public base_protocol {
public:
	/** Bytes have arrived; `length` of them are there now. */
	virtual void data_available(stream from, size_t length) = 0;
};

namespace detail {

/** The C table for one of the kinds of protocol. */
template <class Protocol> struct protocol_table {
	using held = std::shared_ptr<Protocol>;

	/** Calls the protocol, which lives until the call returns. */
	template <class Call> static aw_status call(aw_stream *raw, void *ud, Call call) noexcept {
		held self = *static_cast<held *>(ud);
		try {
			return call(*self);
		} catch (const leave_loop &) {
			return AW_ESYSTEMEXIT;
		} catch (...) {
			failure why = failure::current();
			aw_loop_call_exception_handler(aw_loop_current(), "Exception in a protocol", why.get(), nullptr);
			(void)aw_stream_abort(raw);
			return 0;
		}
	}
	template <class Call> static aw_status notify(aw_stream *raw, void *ud, Call notify) noexcept {
		return call(raw, ud, [&](Protocol &self) {
			notify(self);
			return 0;
		});
	}
	static void connection_made(aw_stream *raw, void *ud) noexcept {
		notify(raw, ud, [&](Protocol &self) { self.connection_made(stream(share, raw)); });
	}
	static aw_status eof_received(aw_stream *raw, void *ud) noexcept {
		return call(raw, ud, [](Protocol &self) { return aw_status{self.eof_received()}; });
	}
	static void connection_lost(aw_stream *raw, void *ud, aw_status why) noexcept {
		notify(raw, ud, [&](Protocol &self) { self.connection_lost(error_code_of(why)); });
	}
	static void pause_writing(aw_stream *raw, void *ud) noexcept {
		notify(raw, ud, [](Protocol &self) { self.pause_writing(); });
	}
	static void resume_writing(aw_stream *raw, void *ud) noexcept {
		notify(raw, ud, [](Protocol &self) { self.resume_writing(); });
	}
	static aw_status data_received(aw_stream *raw, void *ud, const void *data, size_t length) noexcept {
		return notify(raw, ud, [&](Protocol &self) { self.data_received(bytes_view(data, length)); });
	}
	static aw_status data_available(aw_stream *raw, void *ud, size_t length) noexcept {
		return notify(raw, ud, [&](Protocol &self) { self.data_available(stream(share, raw), length); });
	}
	static aw_status get_buffer(aw_stream *raw, void *ud, size_t hint, void **out, size_t *length) noexcept {
		bool given = false;
		aw_status status = notify(raw, ud, [&](Protocol &self) {
			buffer_view room = self.get_buffer(hint);
			*out = room.data();
			*length = room.size();
			given = true;
		});
		return status < 0 || given ? status : -ECONNABORTED; /* the stream was aborted, and it was reported */
	}
	static aw_status buffer_updated(aw_stream *raw, void *ud, size_t count) noexcept {
		return notify(raw, ud, [&](Protocol &self) { self.buffer_updated(count); });
	}
	static void destroy(void *ud) noexcept {
		delete static_cast<held *>(ud);
	}

	static aw_protocol make() noexcept {
		aw_protocol all{};
		all.size = sizeof all;
		all.connection_made = connection_made;
		all.eof_received = eof_received;
		all.connection_lost = connection_lost;
		all.pause_writing = pause_writing;
		all.resume_writing = resume_writing;
		if constexpr (std::is_same_v<Protocol, protocol>) {
			all.data_received = data_received;
		} else if constexpr (std::is_same_v<Protocol, buffered_protocol>) {
			all.get_buffer = get_buffer;
			all.buffer_updated = buffer_updated;
		} else {
			all.data_available = data_available;
		}
		return all;
	}
	static void set(const stream &on, held self) {
		static const aw_protocol table = make();
		check(aw_stream_set_protocol(on.get(), &table, new held(std::move(self)), destroy));
	}
};

} // namespace detail

/**
 * Passes what arrives to a protocol from now on, beginning with what has arrived already. The stream keeps
 * itself and the protocol alive until it is closed. asyncio: BaseTransport.set_protocol.
 */
inline void set_protocol(const stream &on, std::shared_ptr<protocol> to) {
	detail::protocol_table<protocol>::set(on, std::move(to));
}
inline void set_protocol(const stream &on, std::shared_ptr<buffered_protocol> to) {
	detail::protocol_table<buffered_protocol>::set(on, std::move(to));
}
inline void set_protocol(const stream &on, std::shared_ptr<layered_protocol> to) {
	detail::protocol_table<layered_protocol>::set(on, std::move(to));
}
/** Takes the protocol away: what arrives is kept for readers again. */
inline void set_protocol(const stream &on, std::nullptr_t) {
	detail::check(aw_stream_set_protocol(on.get(), nullptr, nullptr, nullptr));
}

} // namespace libawait

#endif
