/* SPDX-License-Identifier: MIT */
/**
 * @file debug.hpp
 * Live handles, stack overflows, versions.
 */
#ifndef AWAIT_DEBUG_HPP
#define AWAIT_DEBUG_HPP

#include <await/error.hpp>
#include <cstdint>
#include <string>

namespace libawait {

/** Returns how many handles of any kind are alive in this process. Any thread. */
inline int64_t live_handles() noexcept {
	return aw_debug_live_handles();
}
/** Makes a stack overflow in this thread report the name of the task. */
inline void report_overflow() {
	detail::check(aw_debug_report_overflow());
}
/** Returns the version of the library at run time, and the number of its ABI. Any thread. */
inline std::string version() {
	return aw_version();
}

} // namespace libawait

#endif
