/* SPDX-License-Identifier: MIT */
/**
 * @file datagram.hpp
 * Datagram endpoints: UDP and Unix datagram sockets, awaited or with callbacks.
 */
#ifndef AWAIT_DATAGRAM_HPP
#define AWAIT_DATAGRAM_HPP

#include <await/address.hpp>
#include <await/bytes.hpp>
#include <await/task.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace libawait {

/** How to open an endpoint: `datagram_options().local("", 5353)`. What is not set has its default. */
class datagram_options {
public:
	datagram_options() noexcept {
		raw_.size = sizeof raw_;
	}

	/** Sets flags of ::aw_datagram_flag. */
	datagram_options &flags(uint32_t flags) noexcept {
		raw_.flags |= flags;
		return *this;
	}
	/** Sets AF_INET, AF_INET6 or AF_UNIX; the default is that of the addresses. */
	datagram_options &family(int family) noexcept {
		raw_.family = family;
		return *this;
	}
	datagram_options &protocol(int protocol) noexcept {
		raw_.protocol = protocol;
		return *this;
	}
	/** Takes over a socket, which is then closed with the endpoint. */
	datagram_options &adopt_fd(int fd) noexcept {
		raw_.fd = fd;
		return flags(AW_DATAGRAM_ADOPT);
	}
	/** Sets the local address; "" is every address of this machine, and port 0 one that the kernel chooses. */
	datagram_options &local(std::string host, const service &port = 0) {
		local_host_ = std::move(host);
		local_service_ = port.c_str();
		return *this;
	}
	/** Sets the address to connect to. */
	datagram_options &remote(std::string host, const service &port) {
		remote_host_ = std::move(host);
		remote_service_ = port.c_str();
		return *this;
	}
	/** Sets the name of a Unix socket to create; one that lies there is replaced. */
	datagram_options &local_path(std::string path) {
		local_path_ = std::move(path);
		return *this;
	}
	/** Sets the name of a Unix socket to connect to. */
	datagram_options &remote_path(std::string path) {
		remote_path_ = std::move(path);
		return *this;
	}
	/** Sets SO_RCVBUF and SO_SNDBUF; 0: the system's. */
	datagram_options &buffer_sizes(uint32_t receive, uint32_t send) noexcept {
		raw_.receive_buffer_size = receive;
		raw_.send_buffer_size = send;
		return *this;
	}
	/** Sets the longest datagram that a protocol gets whole. */
	datagram_options &max_datagram_size(uint32_t bytes) noexcept {
		raw_.max_datagram_size = bytes;
		return *this;
	}
	/** Sets the most datagrams that a protocol gets in one iteration; the default is one, as in asyncio. */
	datagram_options &max_per_iteration(uint32_t count) noexcept {
		raw_.max_per_iteration = count;
		return *this;
	}
	/** Returns them for C; valid while this object stays where it is and as it is. */
	aw_datagram_options raw() const noexcept {
		aw_datagram_options all = raw_;
		all.local_host = detail::or_null(local_host_);
		all.local_service = detail::or_null(local_service_);
		all.remote_host = detail::or_null(remote_host_);
		all.remote_service = detail::or_null(remote_service_);
		all.local_path = detail::or_null(local_path_);
		all.remote_path = detail::or_null(remote_path_);
		return all;
	}

private:
	aw_datagram_options raw_{};
	std::string local_host_, local_service_, remote_host_, remote_service_, local_path_, remote_path_;
};

/** A datagram, and who has sent it. */
struct received {
	std::string data;
	address from;
};

/**
 * A datagram endpoint. One that was opened by open() is aborted with its last handle; one with a protocol stays
 * open until it is closed. asyncio: DatagramTransport.
 */
class datagram : public detail::shared<aw_datagram, aw_datagram_ref, aw_datagram_unref> {
public:
	using shared::shared;

	/** Opens an endpoint whose datagrams are awaited. asyncio: loop.create_datagram_endpoint. */
	static operation<datagram> open(const datagram_options &how, const loop &of = {});

	/** Receives one datagram, which has to fit: throws -EMSGSIZE otherwise. The memory has to stay. */
	operation<size_t> recv(buffer_view to) {
		return detail::make_operation<size_t>([&](aw_coro **out) {
			return aw_datagram_recv_coro(get(), to.data(), to.size(), nullptr, nullptr, out);
		});
	}
	/** Receives one datagram of up to `most` bytes, with its sender. */
	auto recv_from(size_t most = 65536) {
		struct call {
			datagram on;
			received got;
		};
		return detail::start_later<received>(
			call{*this, {std::string(most, '\0'), {}}},
			[](call &self, aw_coro **out) {
				sockaddr *room = self.got.from.room();
				return aw_datagram_recv_coro(self.on.get(), self.got.data.data(), self.got.data.size(), room,
			                                 self.got.from.room_length(), out);
			},
			[](call &self, void *length) {
				self.got.data.resize(detail::values<size_t>::peek(length));
				return std::move(self.got);
			});
	}
	/** Receives the datagrams that are there, at least one and up to `count`. Returns how many. */
	operation<size_t> recv_many(aw_datagram_message *messages, size_t count) {
		return detail::make_operation<size_t>(
			[&](aw_coro **out) { return aw_datagram_recv_many_coro(get(), messages, count, out); });
	}
	/** Sends one datagram to the remote address, or to another one; waits while the socket is full. */
	operation<size_t> send(bytes_view data) {
		return send(data, address());
	}
	auto send(bytes_view data, const address &to) -> operation<size_t> {
		return detail::make_operation<size_t>([&](aw_coro **out) {
			return aw_datagram_send_coro(get(), data.data(), data.size(), to.get(), to.length(), out);
		});
	}
	/** Sends as many datagrams as the socket takes. Returns how many. */
	operation<size_t> send_many(const aw_datagram_message *messages, size_t count) {
		return detail::make_operation<size_t>(
			[&](aw_coro **out) { return aw_datagram_send_many_coro(get(), messages, count, out); });
	}

	/** Sends one datagram without waiting: keeps a copy if the socket is full. asyncio: sendto. */
	void sendto(bytes_view data, const address &to = address()) {
		detail::check(aw_datagram_sendto(get(), data.data(), data.size(), to.get(), to.length()));
	}
	/** Returns how many bytes sendto() has kept. */
	size_t write_buffer_size() const noexcept {
		return aw_datagram_write_buffer_size(get());
	}
	/** Returns the low-water and the high-water mark of what sendto() keeps. */
	std::pair<size_t, size_t> write_buffer_limits() const {
		std::pair<size_t, size_t> marks;
		detail::check(aw_datagram_write_buffer_limits(get(), &marks.second, &marks.first));
		return marks;
	}
	void set_write_buffer_limits(size_t high, size_t low) {
		detail::check(aw_datagram_set_write_buffer_limits(get(), high, low));
	}

	/** Closes it once what sendto() has kept is sent. */
	void close() {
		detail::check(aw_datagram_close(get()));
	}
	/** Closes it now. */
	void abort() {
		detail::check(aw_datagram_abort(get()));
	}
	bool is_closing() const noexcept {
		return aw_datagram_is_closing(get());
	}
	/** Waits until it is closed. Does not close it. */
	operation<void> wait_closed() {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_datagram_wait_closed_coro(get(), out); });
	}

	/** Returns the descriptor, which stays the endpoint's. */
	int fd() const {
		return detail::check(aw_datagram_fd(get()));
	}
	address getsockname() const {
		return detail::address_from(
			[&](sockaddr *room, uint32_t *length) { return aw_datagram_getsockname(get(), room, length); });
	}
	address getpeername() const {
		return detail::address_from(
			[&](sockaddr *room, uint32_t *length) { return aw_datagram_getpeername(get(), room, length); });
	}
	/** Joins a multicast group, on an interface ("": the system's choice), from one `source` ("": from all). */
	void join_group(const std::string &group, const std::string &interface_name = {},
	                const std::string &source = {}) {
		detail::check(aw_datagram_join_group(get(), group.c_str(), detail::or_null(source),
		                                     detail::or_null(interface_name)));
	}
	void leave_group(const std::string &group, const std::string &interface_name = {},
	                 const std::string &source = {}) {
		detail::check(aw_datagram_leave_group(get(), group.c_str(), detail::or_null(source),
		                                      detail::or_null(interface_name)));
	}
	/** Sets the interface for multicast datagrams; "": the system's choice. */
	void set_multicast_interface(const std::string &name) {
		detail::check(aw_datagram_set_multicast_interface(get(), detail::or_null(name)));
	}
	void set_multicast_ttl(int ttl) {
		detail::check(aw_datagram_set_multicast_ttl(get(), ttl));
	}
	void set_multicast_loop(bool on) {
		detail::check(aw_datagram_set_multicast_loop(get(), on));
	}
	void set_ttl(int ttl) {
		detail::check(aw_datagram_set_ttl(get(), ttl));
	}
	void set_broadcast(bool on) {
		detail::check(aw_datagram_set_broadcast(get(), on));
	}
};

/**
 * What an endpoint calls, on the loop's thread. An exception is reported to the loop's exception handler, and
 * the endpoint stays as it is. asyncio: DatagramProtocol.
 */
class datagram_protocol {
public:
	datagram_protocol() noexcept = default;
	datagram_protocol(const datagram_protocol &) = delete;
	datagram_protocol &operator=(const datagram_protocol &) = delete;
	virtual ~datagram_protocol() = default;

	/** Called once, first. */
	virtual void connection_made(datagram) {}
	/** A datagram has arrived. The bytes are valid during the call. */
	virtual void datagram_received(bytes_view, const address &) = 0;
	/** An earlier datagram could not be sent, or one was too long to receive. */
	virtual void error_received(std::error_code) {}
	/** Called once, as the last: closed by a call (no error) or by a failure. */
	virtual void connection_lost(std::error_code) {}
	virtual void pause_writing() {}
	virtual void resume_writing() {}
};

namespace detail {

/** The value of a coroutine that opens is the endpoint itself. */
template <> struct values<datagram> : handle_values<datagram, aw_datagram, aw_datagram_unref> {};

/** The C table for datagram_protocol. */
struct datagram_events {
	using held = std::shared_ptr<datagram_protocol>;

	template <class Notify> static aw_status call(void *ud, Notify notify) noexcept {
		held self = *static_cast<held *>(ud);
		return reported(aw_loop_current(), nullptr, [&] { notify(*self); });
	}
	static aw_status made(aw_datagram *raw, void *ud) noexcept {
		return call(ud, [&](datagram_protocol &self) { self.connection_made(datagram(share, raw)); });
	}
	static aw_status received(aw_datagram *, const void *data, size_t length, const sockaddr *from,
	                          uint32_t from_length, void *ud) noexcept {
		return call(ud, [&](datagram_protocol &self) {
			self.datagram_received(bytes_view(data, length), address(from, from_length));
		});
	}
	static aw_status failed(aw_datagram *, aw_status why, void *ud) noexcept {
		return call(ud, [&](datagram_protocol &self) { self.error_received(error_code_of(why)); });
	}
	static aw_status lost(aw_datagram *, aw_status why, void *ud) noexcept {
		return call(ud, [&](datagram_protocol &self) { self.connection_lost(error_code_of(why)); });
	}
	static aw_status paused(aw_datagram *, void *ud) noexcept {
		return call(ud, [](datagram_protocol &self) { self.pause_writing(); });
	}
	static aw_status resumed(aw_datagram *, void *ud) noexcept {
		return call(ud, [](datagram_protocol &self) { self.resume_writing(); });
	}
};

} // namespace detail

inline operation<datagram> datagram::open(const datagram_options &how, const loop &of) {
	return detail::make_operation<datagram>([&](aw_coro **out) {
		aw_datagram_options raw = how.raw();
		return aw_datagram_open_coro(of.get(), &raw, out);
	});
}

/**
 * Opens an endpoint that calls a protocol, and returns it when connection_made() has returned. asyncio:
 * loop.create_datagram_endpoint.
 */
inline operation<datagram> create_datagram_endpoint(std::shared_ptr<datagram_protocol> to,
                                                    const datagram_options &how, const loop &of = {}) {
	using events = detail::datagram_events;
	return detail::make_operation<datagram>([&](aw_coro **out) {
		const aw_datagram_protocol table = {
			sizeof table,   0, events::made, events::received, events::failed, events::lost, events::paused,
			events::resumed};
		aw_datagram_options raw = how.raw();
		return aw_create_datagram_endpoint_coro(
			of.get(), &raw, &table, new events::held(std::move(to)),
			[](void *ud) noexcept { delete static_cast<events::held *>(ud); }, out);
	});
}

} // namespace libawait

#endif
