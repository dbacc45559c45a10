/* SPDX-License-Identifier: MIT */
/**
 * @file future.hpp
 * Futures.
 */
#include <await/loop.hpp> /* before the guard: the loop's header includes this one, where it can stand */
#ifndef AWAIT_FUTURE_HPP
#define AWAIT_FUTURE_HPP

#include <cstdint>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

namespace libawait {

/** A future whose value type is unknown. asyncio: Future. */
class any_future : public detail::shared<aw_future, aw_future_ref, aw_future_unref> {
public:
	using shared::shared;

	bool done() const noexcept {
		return aw_future_done(get());
	}
	bool cancelled() const noexcept {
		return aw_future_cancelled(get());
	}
	/** Requests cancellation. Returns false if the future is done. asyncio: Future.cancel. */
	bool cancel(const char *message = nullptr) {
		return detail::check(aw_future_cancel(get(), message)) > 0;
	}
	/**
	 * Returns the failure, or an empty one if the future has a value. Throws `cancelled` if it was cancelled,
	 * ::AW_EINVALIDSTATE while it is pending. asyncio: Future.exception.
	 */
	failure reason() const {
		aw_error *raw = nullptr;
		aw_status status = aw_future_error(get(), &raw);
		failure why(share, raw);
		if (status < 0) detail::raise(status, why);
		return why;
	}
	/** Returns the exception that reason() carries, or none. */
	std::exception_ptr exception() const {
		failure why = reason();
		return why ? why.exception() : nullptr;
	}
	/** asyncio: Future.get_loop. */
	loop get_loop() const noexcept {
		return loop(share, aw_future_loop(get()));
	}
	/** One of ::aw_value_kind. */
	int32_t value_kind() const noexcept {
		return aw_future_value_kind(get());
	}

	/** Identifies a callback of add_done_callback(), to remove it. */
	struct callback_id {
		aw_done_fn fn;
		void *ud;
	};
	/** Calls `fn(future)` in the dispatch after it is done. asyncio: Future.add_done_callback. */
	template <class F> callback_id add_done_callback(F &&fn) {
		return add_done<any_future>(std::forward<F>(fn));
	}
	/**
	 * Removes the callback. Returns false if the future is done or the callback was already removed. asyncio:
	 * Future.remove_done_callback.
	 */
	bool remove_done_callback(callback_id id) {
		return detail::check(aw_future_remove_done_callback(get(), id.fn, id.ud)) > 0;
	}

protected:
	template <class Self, class F> callback_id add_done(F &&fn) {
		callback_id id{done_callback<Self, F>, detail::boxed<F>::make(std::forward<F>(fn))};
		detail::check(aw_future_add_done_callback(get(), id.fn, id.ud, detail::boxed<F>::destroy));
		return id;
	}

private:
	template <class Self, class F> static aw_status done_callback(aw_future *raw, void *ud) noexcept {
		return detail::reported(aw_future_loop(raw), raw,
		                        [&] { detail::boxed<F>::at(ud)(Self(share, raw)); });
	}
};

/** An outcome that may not be known yet: a T, an exception, or cancelled. asyncio: Future. */
template <class T = void> class future : public any_future, public detail::awaitable {
public:
	using value_type = T;
	using any_future::any_future;

	/** Creates a pending future. asyncio: loop.create_future. */
	static future create(const loop &of = {}) {
		return detail::make<future>(
			[&](aw_future **out) { return aw_future_new(of ? of.get() : aw_loop_current(), out); });
	}
	/** Converts a future whose value the caller knows to be a T. */
	static future from(any_future any) noexcept {
		return future(adopt, any.release());
	}

	/**
	 * Returns the value, or throws the error; ::AW_EINVALIDSTATE while it is pending. asyncio: Future.result.
	 */
	T result() {
		if constexpr (!std::is_void_v<T> && !std::is_copy_constructible_v<T>) {
			return take();
		} else {
			void *data = nullptr;
			aw_status status = aw_future_result(get(), &data);
			if (status < 0) throw_outcome(status);
			return detail::values<T>::peek(data);
		}
	}
	/** Moves the value out: later readers get ::AW_EINVALIDSTATE. */
	T take() {
		if constexpr (detail::values<T>::fits) {
			return result();
		} else {
			detail::parcel value;
			aw_status status = aw_future_take_result(get(), &value.data, &value.destroy);
			if (status < 0) throw_outcome(status);
			return detail::values<T>::move(value.data);
		}
	}
	/**
	 * Sets the value. Throws ::AW_EINVALIDSTATE if it is done, -EPERM for a task. asyncio: Future.set_result.
	 */
	template <class U = T, class = std::enable_if_t<!std::is_void_v<U>>>
	void set_result(detail::regular<U> value) {
		detail::parcel sent(detail::values<T>::pack(std::move(value)), detail::values<T>::destroy());
		detail::check(aw_future_set_result(get(), sent.data, sent.destroy));
		sent.sent();
	}
	template <class U = T, class = std::enable_if_t<std::is_void_v<U>>> void set_result() {
		detail::check(aw_future_set_result(get(), nullptr, nullptr));
	}
	/** Fails it with an exception, which is rethrown unchanged. asyncio: Future.set_exception. */
	void set_exception(const std::exception_ptr &exception) {
		try {
			std::rethrow_exception(exception);
		} catch (...) {
			failure why = failure::current();
			if (!why) throw std::bad_alloc();
			detail::check(aw_future_set_error(get(), why.get()));
		}
	}
	/** Fails it with a status. */
	void fail(aw_status status, const char *message = nullptr) {
		detail::check(aw_future_fail(get(), status, message));
	}
	template <class F> callback_id add_done_callback(F &&fn) {
		return add_done<future>(std::forward<F>(fn));
	}

	/* The interface for await() and co_await. */
	aw_future *awaited() const noexcept {
		return get();
	}
	T finish(aw_status status, void *, aw_error *why) {
		if (status < 0) detail::raise(status, failure(share, why));
		return result();
	}

private:
	[[noreturn]] void throw_outcome(aw_status status) const {
		aw_error *raw = nullptr;
		if (done()) (void)aw_future_error(get(), &raw);
		detail::raise(status, failure(share, raw));
	}
};

} // namespace libawait

#endif
