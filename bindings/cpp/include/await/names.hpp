/* SPDX-License-Identifier: MIT */
/**
 * @file names.hpp
 * Host and service names: addresses of a name, and the name of an address.
 */
#ifndef AWAIT_NAMES_HPP
#define AWAIT_NAMES_HPP

#include <await/address.hpp>
#include <await/task.hpp>
#include <cstdint>
#include <netdb.h>
#include <string>
#include <utility>

namespace libawait {

/** The addresses of a name, in the order in which they should be tried. Immutable. Any thread. */
class addrinfo : public detail::shared<aw_addrinfo, aw_addrinfo_ref, aw_addrinfo_unref> {
public:
	using shared::shared;

	size_t size() const noexcept {
		return aw_addrinfo_count(get());
	}
	/** Returns the address at `index`. Throws -EINVAL beyond the end. */
	address operator[](size_t index) const {
		uint32_t length = 0;
		const sockaddr *raw = aw_addrinfo_address(get(), index, &length);
		if (!raw) throw error(-EINVAL);
		return address(raw, length);
	}
	/** AF_INET, … */
	int family(size_t index) const {
		return detail::check(aw_addrinfo_family(get(), index));
	}
	/** SOCK_STREAM, … */
	int type(size_t index) const {
		return detail::check(aw_addrinfo_type(get(), index));
	}
	int protocol(size_t index) const {
		return detail::check(aw_addrinfo_protocol(get(), index));
	}
	/** Returns the canonical name, if AI_CANONNAME asked for it; or "". */
	std::string canonname() const {
		return detail::text(aw_addrinfo_canonname(get()));
	}
};

/** What to look up. 0: no restriction. The constants are those of getaddrinfo(3). */
class addrinfo_hints {
public:
	addrinfo_hints() noexcept = default;
	addrinfo_hints &family(int value) noexcept {
		all_.family = value;
		return *this;
	}
	addrinfo_hints &type(int value) noexcept {
		all_.type = value;
		return *this;
	}
	addrinfo_hints &protocol(int value) noexcept {
		all_.protocol = value;
		return *this;
	}
	addrinfo_hints &flags(int value) noexcept {
		all_.flags = value;
		return *this;
	}

	struct constants {
		int family = 0, type = 0, protocol = 0, flags = 0;
	};
	const constants &get() const noexcept {
		return all_;
	}

private:
	constants all_;
};

/**
 * Looks up the addresses of a host and the port of a service; either may be "". Throws ::AW_EGAIERROR, whose
 * message says why. asyncio: loop.getaddrinfo.
 */
inline auto getaddrinfo(std::string host, const service &of, const addrinfo_hints &how = addrinfo_hints(),
                        loop on = {}) {
	struct call {
		std::string host, service;
		addrinfo_hints::constants how;
		loop on;
	};
	return detail::start_later<addrinfo>(
		call{std::move(host), of.c_str(), how.get(), std::move(on)},
		[](call &self, aw_future **out) {
			return aw_getaddrinfo(self.on.get(), detail::or_null(self.host), detail::or_null(self.service),
		                          self.how.family, self.how.type, self.how.protocol, self.how.flags, out);
		},
		[](call &, detail::parcel &found) {
			found.sent();
			return addrinfo(adopt, static_cast<aw_addrinfo *>(found.data));
		});
}

/** The name of an address. */
struct nameinfo {
	std::string host, service;
};

/**
 * Looks up the names of the host and the service of an address. `flags` are those of getnameinfo(3). asyncio:
 * loop.getnameinfo.
 */
inline auto getnameinfo(const address &of, int flags = 0, loop on = {}) {
	struct call {
		address of;
		int flags;
		loop on;
	};
	return detail::start_later<nameinfo>(
		call{of, flags, std::move(on)},
		[](call &self, aw_future **out) {
			return aw_getnameinfo(self.on.get(), self.of.get(), self.of.length(), self.flags, out);
		},
		[](call &, detail::parcel &found) {
			auto *raw = static_cast<const aw_nameinfo *>(found.data);
			return nameinfo{detail::text(aw_nameinfo_host(raw)), detail::text(aw_nameinfo_service(raw))};
		});
}

} // namespace libawait

#endif
