/* SPDX-License-Identifier: MIT */
/**
 * @file queue.hpp
 * Queues between the tasks of one loop.
 */
#ifndef AWAIT_QUEUE_HPP
#define AWAIT_QUEUE_HPP

#include <await/sync.hpp>
#include <cstdint>
#include <functional>
#include <utility>

namespace libawait {

/** A queue of T between the tasks of one loop. asyncio.Queue, LifoQueue, PriorityQueue. */
template <class T> class queue : public detail::shared<aw_queue, aw_queue_ref, aw_queue_unref> {
public:
	using shared = detail::shared<aw_queue, aw_queue_ref, aw_queue_unref>;
	using shared::shared;

	/** Creates a queue of at most `maxsize` items; 0 means no limit. */
	static queue create(int64_t maxsize = 0, const loop &of = {}) {
		return detail::make<queue>([&](aw_queue **out) { return aw_queue_new(of.get(), maxsize, out); });
	}
	/** Creates a queue that returns the newest item first. */
	static queue lifo(int64_t maxsize = 0, const loop &of = {}) {
		return detail::make<queue>([&](aw_queue **out) { return aw_queue_new_lifo(of.get(), maxsize, out); });
	}
	/**
	 * Creates a queue that returns the least item first, by `less(const T &, const T &)`, which must not
	 * throw.
	 */
	template <class Less = std::less<>>
	static queue priority(int64_t maxsize = 0, Less less = {}, const loop &of = {}) {
		return detail::make<queue>([&](aw_queue **out) {
			return aw_queue_new_priority(of.get(), maxsize, compare<Less>,
			                             detail::boxed<Less>::make(std::move(less)),
			                             detail::boxed<Less>::destroy, out);
		});
	}

	/** Puts an item; waits while the queue is full. Throws ::AW_EQUEUESHUTDOWN. asyncio: Queue.put. */
	operation<void> put(T item) {
		detail::parcel sent(values::pack(std::move(item)), values::destroy());
		auto made = detail::make_operation<void>(
			[&](aw_coro **out) { return aw_queue_put_coro(this->get(), sent.data, sent.destroy, out); });
		sent.sent();
		return made;
	}
	/** Puts an item now; throws ::AW_EQUEUEFULL, ::AW_EQUEUESHUTDOWN. asyncio: Queue.put_nowait. */
	void put_nowait(T item) {
		detail::parcel sent(values::pack(std::move(item)), values::destroy());
		detail::check(aw_queue_put_nowait(this->get(), sent.data, sent.destroy));
		sent.sent();
	}
	/** Gets an item; waits while the queue is empty. A cancelled get takes nothing. asyncio: Queue.get. */
	operation<T> take() {
		return detail::make_operation<T>([&](aw_coro **out) { return aw_queue_get_coro(this->get(), out); });
	}
	/** Gets an item now; throws ::AW_EQUEUEEMPTY, ::AW_EQUEUESHUTDOWN. asyncio: Queue.get_nowait. */
	T take_nowait() {
		detail::parcel item;
		detail::check(aw_queue_get_nowait(this->get(), &item.data, &item.destroy));
		return values::move(item.data);
	}
	/** Marks an item that was taken as processed. asyncio: Queue.task_done. */
	void task_done() {
		detail::check(aw_queue_task_done(this->get()));
	}
	/** Waits until all items have been processed. asyncio: Queue.join. */
	operation<void> join() {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_queue_join_coro(this->get(), out); });
	}
	/**
	 * Makes puts fail from now on. Gets return the remaining items, which `immediate` drops. asyncio:
	 * Queue.shutdown.
	 */
	void shutdown(bool immediate = false) {
		detail::check(aw_queue_shutdown(this->get(), immediate));
	}
	size_t size() const noexcept {
		return aw_queue_qsize(this->get());
	}
	int64_t maxsize() const noexcept {
		return aw_queue_maxsize(this->get());
	}
	bool empty() const noexcept {
		return aw_queue_empty(this->get());
	}
	bool full() const noexcept {
		return aw_queue_full(this->get());
	}

private:
	using values = detail::values<T>;
	template <class Less> static int32_t compare(void *a, void *b, void *ud) noexcept {
		Less &less = detail::boxed<Less>::at(ud);
		if constexpr (values::fits) {
			const T left = values::peek(a), right = values::peek(b);
			return less(left, right) ? -1 : less(right, left);
		} else {
			const T &left = *static_cast<T *>(a), &right = *static_cast<T *>(b);
			return less(left, right) ? -1 : less(right, left);
		}
	}
};

} // namespace libawait

#endif
