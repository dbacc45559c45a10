/* SPDX-License-Identifier: MIT */
/**
 * @file connect.hpp
 * Clients: streams to a host and service, or to a Unix socket.
 */
#ifndef AWAIT_CONNECT_HPP
#define AWAIT_CONNECT_HPP

#include <await/stream.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace libawait {

/** How a connection is made: `connect_options().timeout(3s)`. What is not set has its default. */
class connect_options {
public:
	connect_options() noexcept {
		raw_.size = sizeof raw_;
	}

	/** Sets flags of ::aw_connect_flag. */
	connect_options &flags(uint32_t flags) noexcept {
		raw_.flags = flags;
		return *this;
	}
	/** Sets AF_INET or AF_INET6; the default is both. */
	connect_options &family(int family) noexcept {
		raw_.family = family;
		return *this;
	}
	/** Sets flags of getaddrinfo(3). */
	connect_options &getaddrinfo_flags(int flags) noexcept {
		raw_.getaddrinfo_flags = flags;
		return *this;
	}
	/** Sets the local address to bind to. */
	connect_options &local(std::string host, const service &port = 0) {
		local_host_ = std::move(host);
		local_service_ = port.c_str();
		return *this;
	}
	/** Sets the time after which the next address is tried besides; RFC 8305 recommends 250 ms. */
	connect_options &happy_eyeballs(time_span delay) noexcept {
		raw_.happy_eyeballs_delay_ns = delay.ns;
		return *this;
	}
	/** Sets how many addresses of the first family come before one of another; -1: as looked up. */
	connect_options &interleave(int32_t count) noexcept {
		raw_.interleave = count;
		return *this;
	}
	/** Limits the time of the whole call. */
	connect_options &timeout(time_span limit) noexcept {
		raw_.timeout_ns = limit.ns == AW_FOREVER ? 0 : limit.ns;
		return *this;
	}
	/** Calls `fn(int fd)` with a socket before it is connected. An exception is the failure of this address. */
	connect_options &prepare(std::function<void(int)> fn) {
		prepare_ = std::move(fn);
		return *this;
	}
	connect_options &stream(const stream_options &how) noexcept {
		stream_ = how;
		return *this;
	}
	/** Returns them for C; valid while this object stays where it is and as it is. */
	aw_connect_options raw() noexcept {
		aw_connect_options all = raw_;
		all.local_host = detail::or_null(local_host_);
		all.local_service = detail::or_null(local_service_);
		all.stream = stream_.get();
		if (prepare_) {
			all.prepare = prepared;
			all.prepare_ud = &prepare_;
		}
		return all;
	}

private:
	static aw_status prepared(int fd, void *ud) noexcept {
		try {
			(*static_cast<std::function<void(int)> *>(ud))(fd);
			return 0;
		} catch (...) {
			failure why = failure::current();
			return why ? why.status() : -ENOMEM;
		}
	}

	aw_connect_options raw_{};
	std::string local_host_, local_service_;
	std::function<void(int)> prepare_;
	stream_options stream_;
};

namespace detail {

/** A connection that is being made. */
struct connecting {
	std::string host, service;
	connect_options how;
	loop of;
	bool is_local; /* host is the path of a Unix socket */

	static aw_status start(connecting &self, aw_future **out) {
		aw_connect_options raw = self.how.raw();
		if (self.is_local) return aw_open_unix_connection_future(self.of.get(), self.host.c_str(), &raw, out);
		return aw_open_connection_future(self.of.get(), self.host.c_str(), self.service.c_str(), &raw, out);
	}
	auto connection() && {
		return start_later<stream>(std::move(*this), start, [](connecting &, parcel &made) {
			made.sent();
			return stream(adopt, static_cast<aw_stream *>(made.data));
		});
	}
};

} // namespace detail

/** Connects to a host and a service. asyncio.open_connection, loop.create_connection. */
inline auto open_connection(std::string host, const service &to, connect_options how = connect_options(),
                            loop of = {}) {
	return detail::connecting{std::move(host), to.c_str(), std::move(how), std::move(of), false}.connection();
}
/** Connects to a Unix socket; "@name" is in Linux's abstract namespace. asyncio.open_unix_connection. */
inline auto open_unix_connection(std::string path, connect_options how = connect_options(), loop of = {}) {
	return detail::connecting{std::move(path), {}, std::move(how), std::move(of), true}.connection();
}

} // namespace libawait

#endif
