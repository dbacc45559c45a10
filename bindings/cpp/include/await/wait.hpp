/* SPDX-License-Identifier: MIT */
/**
 * @file wait.hpp
 * wait() and as_completed: wait until some futures are done.
 */
#ifndef AWAIT_WAIT_HPP
#define AWAIT_WAIT_HPP

#include <await/gather.hpp>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace libawait {

/**
 * The result of wait(): the futures that are done and those that are not, each in the order of the arguments.
 */
template <class Future> struct waited { std::vector<Future> done, pending; };

/**
 * Waits until enough are done or `limit` has passed. It cancels nothing, and does not fail when a future
 * does. `until` is one of ::aw_return_when. asyncio.wait.
 */
template <class Future>
auto wait(std::vector<Future> futures, int32_t until = AW_ALL_COMPLETED, time_span limit = forever) {
	std::vector<aw_future *> raw = detail::raw_of(futures);
	auto finish = [futures = std::move(futures)](aw_status status, void *data, aw_error *why) {
		detail::finish_void(status, why);
		auto *results = static_cast<aw_results *>(data);
		waited<Future> sorted;
		for (size_t i = 0; i < futures.size() && i < aw_results_count(results); i++) {
			bool pending =
				aw_results_get(results, i, nullptr) == AW_EINVALIDSTATE && !aw_results_error(results, i);
			(pending ? sorted.pending : sorted.done).push_back(futures[i]);
		}
		return sorted;
	};
	return detail::make_operation_with<waited<Future>>(
		[&](aw_coro **out) { return aw_wait_coro(nullptr, raw.data(), raw.size(), until, limit.ns, out); },
		std::move(finish));
}

/** Yields the futures in the order in which they are done. asyncio.as_completed. */
template <class T>
class as_completed : public detail::shared<aw_as_completed, aw_as_completed_ref, aw_as_completed_unref> {
public:
	using shared = detail::shared<aw_as_completed, aw_as_completed_ref, aw_as_completed_unref>;
	using shared::shared;

	template <class Future>
	explicit as_completed(const std::vector<Future> &futures, time_span limit = forever)
		: as_completed(detail::make<as_completed>([&](aw_as_completed **out) {
			  std::vector<aw_future *> raw = detail::raw_of(futures);
			  return aw_as_completed_new(nullptr, raw.data(), raw.size(), limit.ns, out);
		  })) {}

	/**
	 * Waits for the next future that is done; none at the end. Throws `timed_out` for each that was not done
	 * within the limit.
	 */
	auto next() {
		auto finish = [](aw_status status, void *data, aw_error *why) -> std::optional<future<T>> {
			if (status == AW_ESTOPITERATION) return std::nullopt;
			detail::finish_void(status, why);
			return future<T>(share, static_cast<aw_future *>(data));
		};
		return detail::make_operation_with<std::optional<future<T>>>(
			[&](aw_coro **out) { return aw_as_completed_next_coro(this->get(), out); }, finish);
	}
};
template <class Future>
as_completed(const std::vector<Future> &) -> as_completed<typename Future::value_type>;
template <class Future>
as_completed(const std::vector<Future> &, time_span) -> as_completed<typename Future::value_type>;

} // namespace libawait

#endif
