/* SPDX-License-Identifier: MIT */
/**
 * @file fd.hpp
 * Descriptors.
 */
#ifndef AWAIT_FD_HPP
#define AWAIT_FD_HPP

#include <await/task.hpp>
#include <cstdint>

namespace libawait {

/** Returns a future that is done when one of `events` (::aw_poll) holds for `fd`; its value is what holds. */
inline future<uint32_t> fd_wait(int fd, uint32_t events, const loop &of = {}) {
	return detail::make<future<uint32_t>>(
		[&](aw_future **out) { return aw_fd_wait(of ? of.get() : aw_loop_current(), fd, events, out); });
}

} // namespace libawait

#endif
