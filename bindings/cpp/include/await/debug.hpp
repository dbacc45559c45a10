/* SPDX-License-Identifier: MIT */
/**
 * @file debug.hpp
 * What a program asks of the library itself.
 */
#ifndef AWAIT_DEBUG_HPP
#define AWAIT_DEBUG_HPP

#include <await/error.hpp>
#include <cstdint>
#include <string>

namespace libawait {

/** How many handles of any kind are alive in this process. Any thread. */
inline int64_t live_handles() noexcept {
	return aw_debug_live_handles();
}
/** Names the task whose stack overflowed, when that happens in this thread. */
inline void report_overflow() {
	detail::check(aw_debug_report_overflow());
}
/** The version of the library that runs, and the generation of its ABI. Any thread. */
inline std::string version() {
	return aw_version();
}

} // namespace libawait

#endif
