/* SPDX-License-Identifier: MIT */
/**
 * @file socket.hpp
 * The system's calls on sockets, as operations: for code that has a descriptor. Otherwise use streams and
 * datagram endpoints.
 */
#ifndef AWAIT_SOCKET_HPP
#define AWAIT_SOCKET_HPP

#include <await/address.hpp>
#include <await/bytes.hpp>
#include <await/task.hpp>
#include <cstdint>
#include <utility>

namespace libawait {

/** Receives up to the buffer's size, which has to stay; 0 at the end. asyncio: loop.sock_recv_into. */
inline operation<size_t> sock_recv(int fd, buffer_view to, const loop &of = {}) {
	return detail::make_operation<size_t>(
		[&](aw_coro **out) { return aw_sock_recv_coro(of.get(), fd, to.data(), to.size(), out); });
}
/** Receives one datagram; returns its length and the sender. asyncio: loop.sock_recvfrom_into. */
inline auto sock_recvfrom(int fd, buffer_view to, loop of = {}) {
	struct call {
		int fd;
		buffer_view to;
		loop of;
		address from;
	};
	return detail::start_later<std::pair<size_t, address>>(
		call{fd, to, std::move(of), {}},
		[](call &self, aw_coro **out) {
			sockaddr *room = self.from.room();
			return aw_sock_recvfrom_coro(self.of.get(), self.fd, self.to.data(), self.to.size(), room,
		                                 self.from.room_length(), out);
		},
		[](call &self, void *length) {
			return std::pair<size_t, address>(detail::values<size_t>::peek(length), self.from);
		});
}
/** Sends all bytes, which have to stay. asyncio: loop.sock_sendall. */
inline operation<void> sock_sendall(int fd, bytes_view data, const loop &of = {}) {
	return detail::make_operation<void>(
		[&](aw_coro **out) { return aw_sock_sendall_coro(of.get(), fd, data.data(), data.size(), out); });
}
/** Sends one datagram, which has to stay. Returns its length. asyncio: loop.sock_sendto. */
inline auto sock_sendto(int fd, bytes_view data, const address &to, loop of = {}) {
	struct call {
		int fd;
		bytes_view data;
		address to;
		loop of;
	};
	return detail::start_later<size_t>(
		call{fd, data, to, std::move(of)},
		[](call &self, aw_coro **out) {
			return aw_sock_sendto_coro(self.of.get(), self.fd, self.data.data(), self.data.size(),
		                               self.to.get(), self.to.length(), out);
		},
		[](call &, void *length) { return detail::values<size_t>::peek(length); });
}
/** Accepts a connection; returns its descriptor, which is the caller's, and the peer. asyncio: loop.sock_accept. */
inline auto sock_accept(int fd, loop of = {}) {
	struct call {
		int fd;
		loop of;
		address peer;
	};
	return detail::start_later<std::pair<int, address>>(
		call{fd, std::move(of), {}},
		[](call &self, aw_coro **out) {
			sockaddr *room = self.peer.room();
			return aw_sock_accept_coro(self.of.get(), self.fd, room, self.peer.room_length(), out);
		},
		[](call &self, void *accepted) {
			return std::pair<int, address>(detail::values<int>::peek(accepted), self.peer);
		});
}
/** Connects a socket. asyncio: loop.sock_connect. */
inline operation<void> sock_connect(int fd, const address &to, const loop &of = {}) {
	return detail::make_operation<void>(
		[&](aw_coro **out) { return aw_sock_connect_coro(of.get(), fd, to.get(), to.length(), out); });
}
/**
 * Sends `count` bytes of a file from `offset` on, or all up to its end. Returns how many. `flags` are of
 * ::aw_sendfile_flag; `progress` is optional: how many were sent, also on failure. asyncio: loop.sock_sendfile.
 */
inline operation<int64_t> sock_sendfile(int fd, int file_fd, int64_t offset = 0, int64_t count = -1,
                                        uint32_t flags = AW_SENDFILE_DEFAULT, int64_t *progress = nullptr,
                                        const loop &of = {}) {
	return detail::make_operation<int64_t>([&](aw_coro **out) {
		return aw_sock_sendfile_coro(of.get(), fd, file_fd, offset, count, flags, progress, out);
	});
}

} // namespace libawait

#endif
