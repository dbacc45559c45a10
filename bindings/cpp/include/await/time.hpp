/* SPDX-License-Identifier: MIT */
/**
 * @file time.hpp
 * Durations, and the loop's clock.
 */
#ifndef AWAIT_TIME_HPP
#define AWAIT_TIME_HPP

#include <await/error.hpp>
#include <chrono>
#include <cstdint>
#include <type_traits>

namespace libawait {

/**
 * Any std::chrono duration, in the C library's nanoseconds. More than 292 years means forever.
 */
class time_span {
public:
	template <class Rep, class Period>
	constexpr time_span(std::chrono::duration<Rep, Period> from) : ns(convert(from)) {}
	constexpr explicit time_span(int64_t nanoseconds) noexcept : ns(nanoseconds) {}

	int64_t ns;

private:
	template <class Rep, class Period>
	static constexpr int64_t convert(std::chrono::duration<Rep, Period> from) {
		using wide = std::chrono::duration<long double, std::nano>;
		if constexpr (std::is_floating_point_v<Rep>)
			if (from.count() != from.count())
				throw error(AW_EINVAL, failure(AW_EINVAL, "Invalid delay: NaN (not a number)"));
		long double count = std::chrono::duration_cast<wide>(from).count();
		if (count >= static_cast<long double>(INT64_MAX)) return AW_FOREVER;
		if (count <= static_cast<long double>(INT64_MIN)) return INT64_MIN;
		return std::chrono::duration_cast<std::chrono::nanoseconds>(from).count();
	}
};

/** No timeout. */
inline constexpr time_span forever{AW_FOREVER};

/** The loop's clock, for `loop::time()`. Each loop has its own epoch. */
struct clock {
	using duration = std::chrono::nanoseconds;
	using rep = duration::rep;
	using period = duration::period;
	using time_point = std::chrono::time_point<clock>;
	static constexpr bool is_steady = true;
};

} // namespace libawait

#endif
