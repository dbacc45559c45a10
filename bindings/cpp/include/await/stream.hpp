/* SPDX-License-Identifier: MIT */
/**
 * @file stream.hpp
 * Streams: bytes in both directions, buffered, with flow control.
 */
#ifndef AWAIT_STREAM_HPP
#define AWAIT_STREAM_HPP

#include <await/address.hpp>
#include <await/bytes.hpp>
#include <await/task.hpp>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace libawait {

/** How a stream is set up: `stream_options().limit(1 << 20)`. What is not set has its default. */
class stream_options {
public:
	stream_options() noexcept = default;

	/** Sets flags of ::aw_stream_flag. */
	stream_options &flags(uint32_t flags) noexcept {
		raw_.flags = flags;
		return *this;
	}
	/** Sets the longest line or record; reading ahead pauses beyond twice of it. */
	stream_options &limit(uint64_t bytes) noexcept {
		raw_.limit = bytes;
		return *this;
	}
	/** Sets the marks: drain() waits while more than `high` bytes are queued, until no more than `low` are. */
	stream_options &water_marks(uint64_t high, uint64_t low = 0) noexcept {
		raw_.high_water = high;
		raw_.low_water = low;
		return *this;
	}
	/** Returns them for C, borrowed. */
	const aw_stream_options *get() const noexcept {
		return &raw_;
	}

private:
	aw_stream_options raw_{sizeof(aw_stream_options), 0, 0, 0, 0};
};

/** How many bytes were copied, and how: ::aw_copy_way. */
struct copied {
	uint64_t count = 0;
	uint32_t way = 0;
};

/** The process, user and group at the other end of a Unix socket. */
struct credentials {
	int32_t pid = 0, uid = 0, gid = 0;
};

class stream;

/**
 * The base of a stream's own layer: a class that reads and writes in place of a socket, see stream::over().
 * The object belongs to the stream. Its functions run on the loop's thread; an exception from one ends the
 * stream, and readers get it.
 */
class stream_layer {
public:
	stream_layer() noexcept = default;
	stream_layer(const stream_layer &) = delete;
	stream_layer &operator=(const stream_layer &) = delete;
	virtual ~stream_layer() = default;

	/**
	 * Tells the stream that it may be readable or writable (::AW_POLL_IN, ::AW_POLL_OUT), or that a close may
	 * continue. The stream reads and writes before the call returns.
	 */
	void ready(uint32_t events) {
		if (stream_) detail::check(aw_stream_ready(stream_, events));
	}
	/** Tells the stream that the connection has failed: those who wait get `why`. */
	void fail(const failure &why) {
		if (stream_) detail::check(aw_stream_fail(stream_, why.get()));
	}

private:
	friend class stream;
	aw_stream *stream_ = nullptr; /* borrowed: the stream owns this object */
};

/**
 * A stream of bytes: asyncio's StreamReader and StreamWriter, and their transport. A *view* is borrowed from the
 * stream, until the next call that reads from it, consumes, closes or aborts it, or drops its last handle.
 * Dropping the last handle of an open stream aborts it. asyncio: StreamReader, StreamWriter.
 */
class stream : public detail::shared<aw_stream, aw_stream_ref, aw_stream_unref> {
	/* First, since their types are deduced. */
	struct nothing {};
	/** An operation whose value is a view. */
	template <class Args, class Start> auto view_of(Args args, Start start) {
		struct call {
			stream on;
			Args args;
			Start start;
			const char *data;
		};
		return detail::start_later<bytes_view>(
			call{*this, std::move(args), start, nullptr},
			[](call &self, aw_coro **out) { return self.start(self.on.get(), self.args, &self.data, out); },
			[](call &self, void *length) {
				return bytes_view(self.data, detail::values<size_t>::peek(length));
			});
	}
	/** An operation that reads into its own string. */
	template <class Start> auto text(size_t size, Start start) {
		struct call {
			stream on;
			std::string to;
			Start start;
		};
		return detail::start_later<std::string>(
			call{*this, std::string(size, '\0'), start},
			[](call &self, aw_coro **out) { return self.start(self.on.get(), self.to, out); },
			[](call &self, void *length) {
				self.to.resize(detail::values<size_t>::peek(length));
				return std::move(self.to);
			});
	}

public:
	using shared::shared;

	/**
	 * Creates a stream over a descriptor, which it then owns; if this throws, the caller still does. asyncio:
	 * loop.connect_accepted_socket, connect_read_pipe, connect_write_pipe.
	 */
	static stream from_fd(int fd, const stream_options &how = {}, const loop &of = {}) {
		return detail::make<stream>(
			[&](aw_stream **out) { return aw_stream_from_fd(of.get(), fd, how.get(), out); });
	}
	/** Creates two streams in memory, each of which reads what is written to the other. */
	static std::pair<stream, stream> pair(const stream_options &how = {}, const loop &of = {}) {
		aw_stream *one = nullptr, *other = nullptr;
		detail::check(aw_stream_pair(of.get(), how.get(), &one, &other));
		return {stream(adopt, one), stream(adopt, other)};
	}
	/**
	 * Creates a stream over a layer, a class that derives from stream_layer and has:
	 *  - `static constexpr const char *kind`, for reports;
	 *  - `std::optional<size_t> read(buffer_view)`: how many bytes were read, 0 at the end, none if there are
	 *    none now;
	 *  - `std::optional<size_t> write(bytes_view)`: how many of the bytes were taken, none if none can be taken
	 *    now;
	 *  - `void watch(uint32_t events)`: asks for one ready() for each of the events, once a read or write would
	 *    no longer return none. It adds to what was asked before; 0 takes everything back. ready() must not be
	 *    called from inside;
	 *  - `bool close(bool aborting)`: closes; false if it must be called again after a ready();
	 *  - optionally `bool shutdown_write()`, which ends the outgoing direction; false if it must be called again
	 *    when the stream is writable;
	 *  - optionally `std::optional<size_t> writev(const iovec *parts, size_t count)`, which is called in place
	 *    of write();
	 *  - optionally `int fd()`, the descriptor below;
	 *  - optionally `std::optional<size_t> sendfile(int fd, uint64_t offset, size_t count)`,
	 *    `splice_read(int pipe, size_t count)` and `splice_write(int pipe, size_t count)`, which move bytes
	 *    without a copy. They throw an error of -EOPNOTSUPP where that is not possible.
	 */
	template <class Layer>
	static stream over(std::unique_ptr<Layer> layer, const stream_options &how = {}, const loop &of = {});
	/** Returns the stream's layer, borrowed; nullptr if it is another or the stream is closed. */
	template <class Layer> Layer *layer() const noexcept;

	/** @name Reading */
	/**@{*/
	/** Reads up to the buffer's size; 0 at the end. The memory has to stay. asyncio: StreamReader.read. */
	operation<size_t> read(buffer_view to) {
		return detail::make_operation<size_t>(
			[&](aw_coro **out) { return aw_stream_read_coro(get(), to.data(), to.size(), out); });
	}
	/** Reads up to `most` bytes; "" at the end. asyncio: StreamReader.read. */
	auto read(size_t most) {
		return text(most, [](aw_stream *on, std::string &to, aw_coro **out) {
			return aw_stream_read_coro(on, to.data(), to.size(), out);
		});
	}
	/**
	 * Fills the buffer. Throws ::AW_EINCOMPLETE if the stream ends first: what arrived stays, for the next
	 * read. asyncio: StreamReader.readexactly.
	 */
	operation<size_t> readexactly(buffer_view to) {
		return detail::make_operation<size_t>(
			[&](aw_coro **out) { return aw_stream_readexactly_coro(get(), to.data(), to.size(), out); });
	}
	/** Reads `count` bytes. asyncio: StreamReader.readexactly. */
	auto readexactly(size_t count) {
		return text(count, [](aw_stream *on, std::string &to, aw_coro **out) {
			return aw_stream_readexactly_coro(on, to.data(), to.size(), out);
		});
	}
	/**
	 * Reads up to and including the separator: a view. Throws ::AW_ELIMIT, ::AW_EINCOMPLETE; what arrived stays
	 * then. asyncio: StreamReader.readuntil.
	 */
	auto readuntil(bytes_view separator) {
		return view_of(separator.str(), [](aw_stream *on, std::string &by, const char **data, aw_coro **out) {
			return aw_stream_readuntil_coro(on, by.data(), by.size(), data, out);
		});
	}
	/**
	 * Reads up to and including the first of several separators: a view. asyncio: StreamReader.readuntil with a
	 * tuple.
	 */
	auto readuntil_any(const std::vector<bytes_view> &separators) {
		struct kept {
			std::vector<std::string> texts;
			std::vector<iovec> parts;
		};
		kept all;
		for (bytes_view separator : separators) all.texts.push_back(separator.str());
		return view_of(std::move(all), [](aw_stream *on, kept &by, const char **data, aw_coro **out) {
			by.parts = detail::parts_of(std::vector<bytes_view>(by.texts.begin(), by.texts.end()));
			return aw_stream_readuntil_any_coro(on, by.parts.data(), by.parts.size(), data, out);
		});
	}
	/** Reads a line with its "\n", or what is left at the end: a view. asyncio: StreamReader.readline. */
	auto readline() {
		return view_of(nothing{}, [](aw_stream *on, nothing, const char **data, aw_coro **out) {
			return aw_stream_readline_coro(on, data, out);
		});
	}
	/** Reads until the end: a view. Throws ::AW_ELIMIT beyond `most`. asyncio: StreamReader.read(-1). */
	auto readall(size_t most = INT32_MAX) {
		return view_of(most, [](aw_stream *on, size_t max, const char **data, aw_coro **out) {
			return aw_stream_readall_coro(on, max, data, out);
		});
	}
	/** Waits until `least` bytes have arrived: a view of all that have, which takes none. */
	auto peek(size_t least) {
		return view_of(least, [](aw_stream *on, size_t min, const char **data, aw_coro **out) {
			return aw_stream_peek_coro(on, min, data, out);
		});
	}
	/** Returns a view of all that has arrived. */
	bytes_view view() const {
		const char *data = nullptr;
		aw_status length = detail::check(aw_stream_view(get(), &data));
		return detail::bytes_of(data, length);
	}
	/** Takes bytes from the front of what has arrived. */
	void consume(size_t count) {
		detail::check(aw_stream_consume(get(), count));
	}
	/** asyncio: StreamReader.at_eof. */
	bool at_eof() const noexcept {
		return aw_stream_at_eof(get());
	}
	/** Stops reading ahead. asyncio: ReadTransport.pause_reading. */
	void pause_reading() {
		detail::check(aw_stream_pause_reading(get()));
	}
	void resume_reading() {
		detail::check(aw_stream_resume_reading(get()));
	}
	bool is_reading() const noexcept {
		return aw_stream_is_reading(get());
	}
	/**@}*/

	/** @name Writing */
	/**@{*/
	/** Writes without waiting: what is not sent at once is copied. asyncio: StreamWriter.write. */
	void write(bytes_view data) {
		detail::check(aw_stream_write(get(), data.data(), data.size()));
	}
	/** Writes several parts, as if they were one. asyncio: StreamWriter.writelines. */
	void writelines(const std::vector<bytes_view> &parts) {
		std::vector<iovec> raw = detail::parts_of(parts);
		detail::check(aw_stream_writelines(get(), raw.data(), raw.size()));
	}
	/** Waits while too much is queued. asyncio: StreamWriter.drain. */
	operation<void> drain() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_stream_drain_coro(get(), out); });
	}
	/**
	 * Sends bytes without a copy, which have to stay. `sent` is optional: how many were taken, also on failure.
	 */
	operation<void> send(bytes_view data, size_t *sent = nullptr) {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_stream_send_coro(get(), data.data(), data.size(), sent, out); });
	}
	/** Ends the outgoing direction when everything is sent. asyncio: StreamWriter.write_eof. */
	void write_eof() {
		detail::check(aw_stream_write_eof(get()));
	}
	bool can_write_eof() const noexcept {
		return aw_stream_can_write_eof(get());
	}
	/** Returns how many bytes are queued. asyncio: WriteTransport.get_write_buffer_size. */
	size_t write_buffer_size() const noexcept {
		return aw_stream_write_buffer_size(get());
	}
	/** Returns the low-water and the high-water mark. asyncio: WriteTransport.get_write_buffer_limits. */
	std::pair<size_t, size_t> write_buffer_limits() const {
		std::pair<size_t, size_t> marks;
		detail::check(aw_stream_write_buffer_limits(get(), &marks.first, &marks.second));
		return marks;
	}
	/** Sets the marks; -1 means the default. asyncio: WriteTransport.set_write_buffer_limits. */
	void set_write_buffer_limits(int64_t high = -1, int64_t low = -1) {
		detail::check(aw_stream_set_write_buffer_limits(get(), high, low));
	}
	/**@}*/

	/** @name Copying */
	/**@{*/
	/**
	 * Copies what arrives to another stream until the end, or `limit` bytes; inside the kernel if possible.
	 * `flags` are of ::aw_copy_flag. `progress` is optional: what was copied, also on failure.
	 */
	auto copy_to(const stream &target, int64_t limit = -1, uint32_t flags = 0, copied *progress = nullptr) {
		struct call {
			stream from, to;
			int64_t limit;
			uint32_t flags;
			copied *progress;
			copied done;
		};
		return detail::start_later<copied>(
			call{*this, target, limit, flags, progress, {}},
			[](call &self, aw_coro **out) {
				aw_copy_options how = {sizeof how, self.flags};
				copied &to = self.progress ? *self.progress : self.done;
				return aw_stream_copy_coro(self.from.get(), self.to.get(), self.limit, &how, &to.count,
			                               &to.way, out);
			},
			[](call &self, void *) { return self.progress ? *self.progress : self.done; });
	}
	/**
	 * Sends `count` bytes of a file from `offset` on, or all up to its end; without a copy if possible. Returns
	 * how many. `progress` is optional: the same, also on failure. asyncio: loop.sendfile.
	 */
	auto sendfile(int fd, int64_t offset = 0, int64_t count = -1, uint64_t *progress = nullptr) {
		struct call {
			stream to;
			int fd;
			int64_t offset, count;
			uint64_t *progress;
			uint64_t done;
		};
		return detail::start_later<uint64_t>(
			call{*this, fd, offset, count, progress, 0},
			[](call &self, aw_coro **out) {
				return aw_stream_sendfile_coro(self.to.get(), self.fd, self.offset, self.count,
			                                   self.progress ? self.progress : &self.done, out);
			},
			[](call &self, void *) { return self.progress ? *self.progress : self.done; });
	}
	/**@}*/

	/** @name Without a buffer, for a stream with ::AW_STREAM_NO_READ_AHEAD */
	/**@{*/
	/** Waits until `events` (::AW_POLL_IN, ::AW_POLL_OUT) may be possible; returns those that are. */
	operation<uint32_t> wait_ready(uint32_t events) {
		return detail::make_operation<uint32_t>(
			[&](aw_coro **out) { return aw_stream_wait_ready_coro(get(), events, out); });
	}
	/** Reads without waiting: how many bytes, 0 at the end, none if nothing has arrived. */
	std::optional<size_t> try_read(buffer_view to) {
		return unless_again(aw_stream_try_read(get(), to.data(), to.size()));
	}
	/** Writes what is taken at once: how many bytes, none if none is. */
	std::optional<size_t> try_write(bytes_view data) {
		return unless_again(aw_stream_try_write(get(), data.data(), data.size()));
	}
	/**@}*/

	/** @name Closing */
	/**@{*/
	/** Sends what is queued, then closes. asyncio: StreamWriter.close. */
	void close() {
		detail::check(aw_stream_close(get()));
	}
	/** Closes at once. asyncio: WriteTransport.abort. */
	void abort() {
		detail::check(aw_stream_abort(get()));
	}
	bool is_closing() const noexcept {
		return aw_stream_is_closing(get());
	}
	/**
	 * Waits until a stream that is closing is closed; after `limit`, aborts it and throws `timed_out`. asyncio:
	 * StreamWriter.wait_closed.
	 */
	operation<void> wait_closed(time_span limit = forever) {
		int64_t ns = limit.ns == AW_FOREVER ? -1 : limit.ns < 0 ? 0 : limit.ns;
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_stream_wait_closed_coro(get(), ns, out); });
	}
	/**@}*/

	/** @name About the connection */
	/**@{*/
	/** Returns the descriptor below, which remains the stream's, or -1. */
	int fd() const noexcept {
		return aw_stream_fd(get());
	}
	/** "tcp", "unix", "pipe", "tty", "memory", "tls", or that of its layer */
	std::string kind() const {
		return detail::text(aw_stream_kind(get()));
	}
	address getsockname() const {
		return detail::address_from(
			[&](sockaddr *room, uint32_t *length) { return aw_stream_getsockname(get(), room, length); });
	}
	address getpeername() const {
		return detail::address_from(
			[&](sockaddr *room, uint32_t *length) { return aw_stream_getpeername(get(), room, length); });
	}
	credentials peer_credentials() const {
		credentials of;
		detail::check(aw_stream_peer_credentials(get(), &of.pid, &of.uid, &of.gid));
		return of;
	}
	uint64_t bytes_read() const noexcept {
		return aw_stream_bytes_read(get());
	}
	uint64_t bytes_written() const noexcept {
		return aw_stream_bytes_written(get());
	}
	/**@}*/

private:
	template <class Layer> struct table;

	static std::optional<size_t> unless_again(aw_status status) {
		if (status == -EAGAIN) return std::nullopt;
		return static_cast<size_t>(detail::check(status));
	}
};

namespace detail {

template <class L> using has_writev = decltype(std::declval<L &>().writev(nullptr, size_t{}));
template <class L> using has_shutdown_write = decltype(std::declval<L &>().shutdown_write());
template <class L> using has_fd = decltype(std::declval<L &>().fd());
template <class L> using has_sendfile = decltype(std::declval<L &>().sendfile(0, uint64_t{}, size_t{}));
template <class L> using has_splice_read = decltype(std::declval<L &>().splice_read(0, size_t{}));
template <class L> using has_splice_write = decltype(std::declval<L &>().splice_write(0, size_t{}));
template <class L, template <class> class Member, class = void> inline constexpr bool has = false;
template <class L, template <class> class Member>
inline constexpr bool has<L, Member, std::void_t<Member<L>>> = true;

} // namespace detail

/** The table of functions for a class of layers. */
template <class Layer> struct stream::table {
	static_assert(std::is_base_of_v<stream_layer, Layer>, "a layer derives from stream_layer");

	/** Calls the layer. An exception is the stream's failure. */
	template <class Call> static aw_status call(void *ud, Call call) noexcept {
		auto &layer = *static_cast<Layer *>(ud);
		try {
			return call(layer);
		} catch (...) {
			failure why = failure::current();
			if (!why) return -ENOMEM;
			if (why.status() != -EOPNOTSUPP && layer.stream_) (void)aw_stream_fail(layer.stream_, why.get());
			return why.status();
		}
	}
	static aw_status count(std::optional<size_t> count) noexcept {
		return count ? static_cast<aw_status>(*count) : -EAGAIN;
	}
	static aw_status done(bool done) noexcept {
		return done ? 0 : -EAGAIN;
	}

	static aw_status read(void *ud, void *buffer, size_t length) noexcept {
		return call(ud, [&](Layer &layer) { return count(layer.read(buffer_view(buffer, length))); });
	}
	static aw_status write(void *ud, const iovec *parts, size_t number) noexcept {
		return call(ud, [&](Layer &layer) {
			if constexpr (detail::has<Layer, detail::has_writev>) {
				return count(layer.writev(parts, number));
			} else {
				size_t i = 0;
				while (i + 1 < number && !parts[i].iov_len) i++;
				return count(layer.write(bytes_view(parts[i].iov_base, parts[i].iov_len)));
			}
		});
	}
	static aw_status watch(void *ud, uint32_t events) noexcept {
		return call(ud, [&](Layer &layer) {
			layer.watch(events);
			return 0;
		});
	}
	static aw_status close(void *ud, aw_bool aborting) noexcept {
		return call(ud, [&](Layer &layer) { return done(layer.close(aborting)); });
	}
	static void release(void *ud) noexcept {
		delete static_cast<Layer *>(ud);
	}

	static constexpr aw_stream_methods make() noexcept {
		aw_stream_methods all{};
		all.size = sizeof all;
		all.name = Layer::kind;
		all.read = read;
		all.write = write;
		all.watch = watch;
		all.close = close;
		all.release = release;
		if constexpr (detail::has<Layer, detail::has_shutdown_write>)
			all.shutdown_write = [](void *ud) noexcept -> aw_status {
				return call(ud, [](Layer &layer) { return done(layer.shutdown_write()); });
			};
		if constexpr (detail::has<Layer, detail::has_fd>)
			all.fd = [](void *ud) noexcept -> int { return static_cast<Layer *>(ud)->fd(); };
		if constexpr (detail::has<Layer, detail::has_sendfile>)
			all.sendfile = [](void *ud, int fd, uint64_t offset, size_t most) noexcept -> aw_status {
				return call(ud, [&](Layer &layer) { return count(layer.sendfile(fd, offset, most)); });
			};
		if constexpr (detail::has<Layer, detail::has_splice_read>)
			all.splice_read = [](void *ud, int pipe, size_t most) noexcept -> aw_status {
				return call(ud, [&](Layer &layer) { return count(layer.splice_read(pipe, most)); });
			};
		if constexpr (detail::has<Layer, detail::has_splice_write>)
			all.splice_write = [](void *ud, int pipe, size_t most) noexcept -> aw_status {
				return call(ud, [&](Layer &layer) { return count(layer.splice_write(pipe, most)); });
			};
		return all;
	}
	static inline const aw_stream_methods methods = make();
};

template <class Layer>
stream stream::over(std::unique_ptr<Layer> layer, const stream_options &how, const loop &of) {
	Layer *ud = layer.get();
	aw_stream *made = nullptr;
	aw_status status = aw_stream_new(of.get(), &table<Layer>::methods, layer.release(), how.get(),
	                                 &made); /* released on failure */
	detail::check(status);
	static_cast<stream_layer *>(ud)->stream_ = made;
	return stream(adopt, made);
}

template <class Layer> Layer *stream::layer() const noexcept {
	return static_cast<Layer *>(aw_stream_methods_data(get(), &table<Layer>::methods));
}

} // namespace libawait

#endif
