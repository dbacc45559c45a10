/* SPDX-License-Identifier: MIT */
/**
 * @file sleep.hpp
 * sleep().
 */
#include <await/loop.hpp> /* before the guard: the loop's header includes this one, where it can stand */
#ifndef AWAIT_SLEEP_HPP
#define AWAIT_SLEEP_HPP

#include <await/operation.hpp>
#include <cstdint>
#include <utility>

namespace libawait {

/** The result of sleep(). */
class sleeping : public detail::awaitable {
public:
	using value_type = void;
	explicit sleeping(time_span delay) noexcept : delay_(delay) {}

	int64_t ns() const noexcept {
		return delay_.ns;
	}
	void finish(aw_status status, void *, aw_error *why) const {
		detail::finish_void(status, why);
	}

private:
	time_span delay_;
};

/** Waits for `delay`; with 0 or less, lets the other tasks run for one iteration. asyncio.sleep. */
inline sleeping sleep(time_span delay) noexcept {
	return sleeping(delay);
}

/** A sleep that returns a value. asyncio.sleep(delay, result). */
template <class T> operation<T> sleep(time_span delay, T value) {
	detail::parcel sent(detail::values<T>::pack(std::move(value)), detail::values<T>::destroy());
	auto made = detail::make_operation<T>(
		[&](aw_coro **out) { return aw_sleep_coro(nullptr, delay.ns, sent.data, sent.destroy, out); });
	sent.sent();
	return made;
}

} // namespace libawait

#endif
