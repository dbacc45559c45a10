/* SPDX-License-Identifier: MIT */
/**
 * @file sync.hpp
 * Locks and other primitives for the tasks of one loop.
 */
#ifndef AWAIT_SYNC_HPP
#define AWAIT_SYNC_HPP

#include <await/task.hpp>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace libawait {

namespace detail {

/**
 * Releases what was acquired at the end of the block, or when the coroutine is destroyed. Movable.
 */
template <class Owner> class holding {
public:
	explicit holding(Owner from) noexcept : owner_(std::move(from)) {}
	holding(holding &&other) noexcept = default;
	holding &operator=(holding other) noexcept {
		std::swap(owner_, other.owner_);
		return *this;
	}
	~holding() {
		if (owner_) (void)owner_.try_release();
	}
	/** Releases it early. */
	void release() {
		if (Owner held = std::move(owner_)) held.release();
	}

private:
	Owner owner_;
};

template <class Owner> auto hold(Owner owner, coro acquiring) {
	auto finish = [owner](aw_status status, void *, aw_error *why) {
		finish_void(status, why);
		return holding<Owner>(owner);
	};
	return operation_with<holding<Owner>, decltype(finish)>(std::move(acquiring), finish);
}

} // namespace detail

/** A lock without an owner: not re-entrant, first come first served. asyncio.Lock. */
class lock : public detail::shared<aw_lock, aw_lock_ref, aw_lock_unref> {
public:
	using shared::shared;
	using guard = detail::holding<lock>;

	static lock create(const loop &of = {}) {
		return detail::make<lock>([&](aw_lock **out) { return aw_lock_new(of.get(), out); });
	}
	/** Acquires the lock. asyncio: Lock.acquire. */
	operation<void> acquire() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_lock_acquire_coro(get(), out); });
	}
	/**
	 * Acquires the lock and returns a guard that releases it: `auto guard = co_await lock.hold();`. asyncio:
	 * async with lock.
	 */
	auto hold() {
		return detail::hold(
			*this, detail::make<coro>([&](aw_coro **out) { return aw_lock_acquire_coro(get(), out); }));
	}
	/** Acquires it if that needs no wait. */
	bool try_acquire() {
		aw_status status = aw_lock_try_acquire(get());
		return status != -EAGAIN && detail::check(status) == 0;
	}
	/** Releases it. Throws -EPERM if it is not held. asyncio: Lock.release. */
	void release() {
		detail::check(aw_lock_release(get()));
	}
	bool locked() const noexcept {
		return aw_lock_locked(get());
	}

private:
	friend guard;
	using shared::release;
	aw_status try_release() noexcept {
		return aw_lock_release(get());
	}
};

/** asyncio.Event. */
class event : public detail::shared<aw_event, aw_event_ref, aw_event_unref> {
public:
	using shared::shared;

	static event create(const loop &of = {}) {
		return detail::make<event>([&](aw_event **out) { return aw_event_new(of.get(), out); });
	}
	/** Waits until it is set. asyncio: Event.wait. */
	operation<void> wait() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_event_wait_coro(get(), out); });
	}
	void set() {
		detail::check(aw_event_set(get()));
	}
	void clear() {
		detail::check(aw_event_clear(get()));
	}
	bool is_set() const noexcept {
		return aw_event_is_set(get());
	}
};

/** asyncio.Condition. The calls throw -EPERM if its lock is not held. */
class condition : public detail::shared<aw_condition, aw_condition_ref, aw_condition_unref> {
public:
	using shared::shared;

	/** Uses the given lock, or creates its own. */
	static condition create(const lock &on = {}, const loop &of = {}) {
		return detail::make<condition>(
			[&](aw_condition **out) { return aw_condition_new(of.get(), on.get(), out); });
	}
	/** Returns the lock. Acquire it with `hold()` first. */
	lock get_lock() const noexcept {
		return lock(share, aw_condition_lock(get()));
	}
	/**
	 * Releases the lock, waits for a notification, and acquires the lock again. Spurious wake-ups are
	 * possible. asyncio: Condition.wait.
	 */
	operation<void> wait() {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_condition_wait_coro(get(), out); });
	}
	void notify(size_t count = 1) {
		detail::check(aw_condition_notify(get(), count));
	}
	void notify_all() {
		detail::check(aw_condition_notify_all(get()));
	}
};

/** asyncio.Semaphore, BoundedSemaphore. */
class semaphore : public detail::shared<aw_semaphore, aw_semaphore_ref, aw_semaphore_unref> {
public:
	using shared::shared;
	using guard = detail::holding<semaphore>;

	static semaphore create(int64_t value, const loop &of = {}) {
		return detail::make<semaphore>(
			[&](aw_semaphore **out) { return aw_semaphore_new(of.get(), value, out); });
	}
	/** Creates a semaphore that refuses to hold more than `value` permits. */
	static semaphore bounded(int64_t value, const loop &of = {}) {
		return detail::make<semaphore>(
			[&](aw_semaphore **out) { return aw_semaphore_new_bounded(of.get(), value, out); });
	}
	operation<void> acquire() {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_semaphore_acquire_coro(get(), out); });
	}
	/** Acquires a permit and returns a guard that releases it. asyncio: async with semaphore. */
	auto hold() {
		return detail::hold(
			*this, detail::make<coro>([&](aw_coro **out) { return aw_semaphore_acquire_coro(get(), out); }));
	}
	bool try_acquire() {
		aw_status status = aw_semaphore_try_acquire(get());
		return status != -EAGAIN && detail::check(status) == 0;
	}
	/**
	 * Releases a permit. Throws -EINVAL if a bounded semaphore would hold too many. asyncio:
	 * Semaphore.release.
	 */
	void release() {
		detail::check(aw_semaphore_release(get()));
	}
	/** Returns whether an acquire would wait. */
	bool locked() const noexcept {
		return aw_semaphore_locked(get());
	}
	/** Returns how many permits are free. */
	int64_t value() const noexcept {
		return aw_semaphore_value(get());
	}

private:
	friend guard;
	using shared::release;
	aw_status try_release() noexcept {
		return aw_semaphore_release(get());
	}
};

/** asyncio.Barrier. */
class barrier : public detail::shared<aw_barrier, aw_barrier_ref, aw_barrier_unref> {
public:
	using shared::shared;

	static barrier create(int32_t parties, const loop &of = {}) {
		return detail::make<barrier>(
			[&](aw_barrier **out) { return aw_barrier_new(of.get(), parties, out); });
	}
	/**
	 * Waits for all parties, and returns the order of arrival. Throws ::AW_EBROKENBARRIER if it is broken.
	 * asyncio: Barrier.wait.
	 */
	operation<int> wait() {
		return detail::make_operation<int>([&](aw_coro **out) { return aw_barrier_wait_coro(get(), out); });
	}
	/** Fails the current waiters, and leaves the barrier usable. asyncio: Barrier.reset. */
	operation<void> reset() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_barrier_reset_coro(get(), out); });
	}
	/** Breaks the barrier until it is reset. asyncio: Barrier.abort. */
	operation<void> abort() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_barrier_abort_coro(get(), out); });
	}
	int parties() const noexcept {
		return aw_barrier_parties(get());
	}
	int n_waiting() const noexcept {
		return aw_barrier_n_waiting(get());
	}
	bool broken() const noexcept {
		return aw_barrier_broken(get());
	}
};

} // namespace libawait

#endif
