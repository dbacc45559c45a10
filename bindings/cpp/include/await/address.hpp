/* SPDX-License-Identifier: MIT */
/**
 * @file address.hpp
 * Addresses of sockets.
 */
#ifndef AWAIT_ADDRESS_HPP
#define AWAIT_ADDRESS_HPP

#include <arpa/inet.h>
#include <await/error.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

namespace libawait {

/** The address of a socket: of IPv4, IPv6, or the path of a Unix socket. A value. */
class address {
public:
	/** Creates one without a family, which means none. */
	address() noexcept = default;
	/** Copies an address of the system. Throws -EINVAL if it is too long. */
	address(const sockaddr *from, uint32_t length) {
		if (length > sizeof storage_) throw error(-EINVAL);
		if (from && length) std::memcpy(&storage_, from, length);
		length_ = length;
	}
	/** Creates a numeric address of IPv4 or IPv6 ("fe80::1%eth0"). Throws -EINVAL for another text. */
	static address ip(const std::string &host, uint16_t port) {
		sockaddr_in four{};
		if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
			four.sin_family = AF_INET;
			four.sin_port = htons(port);
			return of(four, sizeof four);
		}
		sockaddr_in6 six{};
		size_t percent = host.find('%');
		if (inet_pton(AF_INET6, host.substr(0, percent).c_str(), &six.sin6_addr) != 1) throw error(-EINVAL);
		six.sin6_family = AF_INET6;
		six.sin6_port = htons(port);
		if (percent != std::string::npos) six.sin6_scope_id = scope_of(host.substr(percent + 1));
		return of(six, sizeof six);
	}
	/** Creates that of a Unix socket. "@name" is in Linux's abstract namespace. Throws -ENAMETOOLONG. */
	static address unix_path(std::string_view path) {
		sockaddr_un local{};
		if (path.empty()) throw error(-EINVAL);
		if (path.size() >= sizeof local.sun_path) throw error(-ENAMETOOLONG);
		local.sun_family = AF_UNIX;
		path.copy(local.sun_path, path.size());
		bool abstract = path.front() == '@';
		if (abstract) local.sun_path[0] = '\0';
		return of(local, offsetof(sockaddr_un, sun_path) + path.size() + !abstract);
	}

	int family() const noexcept {
		return storage_.ss_family;
	}
	explicit operator bool() const noexcept {
		return length_ != 0;
	}
	/** Returns the numeric host; "" unless it is of IPv4 or IPv6. */
	std::string host() const {
		char text[INET6_ADDRSTRLEN] = "";
		auto four = as<sockaddr_in>();
		auto six = as<sockaddr_in6>();
		if (family() == AF_INET) inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
		if (family() != AF_INET6) return text;
		inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
		return six.sin6_scope_id ? std::string(text) + "%" + std::to_string(six.sin6_scope_id) : text;
	}
	/** Returns the port; 0 unless it is of IPv4 or IPv6. */
	uint16_t port() const noexcept {
		if (family() == AF_INET) return ntohs(as<sockaddr_in>().sin_port);
		return family() == AF_INET6 ? ntohs(as<sockaddr_in6>().sin6_port) : uint16_t{0};
	}
	/** Returns the path of a Unix socket, or its name with "@"; "" if it has none. */
	std::string path() const {
		constexpr size_t start = offsetof(sockaddr_un, sun_path);
		if (family() != AF_UNIX || length_ <= start) return {};
		const char *text = reinterpret_cast<const char *>(&storage_) + start;
		size_t room = length_ - start;
		if (!*text) return "@" + std::string(text + 1, room - 1);
		return std::string(text, strnlen(text, room));
	}
	/** Returns it as text: "127.0.0.1:80", "[::1]:80", or the path. */
	std::string str() const {
		if (family() == AF_INET) return host() + ":" + std::to_string(port());
		return family() == AF_INET6 ? "[" + host() + "]:" + std::to_string(port()) : path();
	}

	/** Returns it for calls of the system, borrowed; nullptr if there is none. */
	const sockaddr *get() const noexcept {
		return length_ ? reinterpret_cast<const sockaddr *>(&storage_) : nullptr;
	}
	uint32_t length() const noexcept {
		return length_;
	}
	friend bool operator==(const address &a, const address &b) noexcept {
		return a.length_ == b.length_ && std::memcmp(&a.storage_, &b.storage_, a.length_) == 0;
	}
	friend bool operator!=(const address &a, const address &b) noexcept {
		return !(a == b);
	}

	/* For calls that fill it in: the room, and the length that they write. */
	sockaddr *room() noexcept {
		length_ = sizeof storage_;
		return reinterpret_cast<sockaddr *>(&storage_);
	}
	uint32_t *room_length() noexcept {
		return &length_;
	}

private:
	template <class Family> static address of(const Family &from, size_t length) {
		return address(reinterpret_cast<const sockaddr *>(&from), static_cast<uint32_t>(length));
	}
	template <class Family> Family as() const noexcept {
		Family to;
		std::memcpy(&to, &storage_, sizeof to);
		return to;
	}
	static uint32_t scope_of(const std::string &name) {
		if (uint32_t index = if_nametoindex(name.c_str())) return index;
		if (name.empty() || name.size() > 9 || name.find_first_not_of("0123456789") != std::string::npos)
			throw error(-EINVAL);
		return static_cast<uint32_t>(std::stoul(name));
	}

	sockaddr_storage storage_{};
	uint32_t length_ = 0;
};

/** A port, or the name of a service. */
class service {
public:
	service(const char *name) : name_(name) {}
	service(std::string name) : name_(std::move(name)) {}
	service(int port) : name_(std::to_string(port)) {}

	const char *c_str() const noexcept {
		return name_.c_str();
	}

private:
	std::string name_;
};

namespace detail {

/** Asks C for an address. */
template <class Call> address address_from(Call call) {
	address to;
	sockaddr *room = to.room();
	check(call(room, to.room_length()));
	return to;
}

/** NULL for an empty text, where that means none. */
inline const char *or_null(const std::string &text) noexcept {
	return text.empty() ? nullptr : text.c_str();
}

} // namespace detail

} // namespace libawait

#endif
