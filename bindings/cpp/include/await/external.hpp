/* SPDX-License-Identifier: MIT */
/**
 * @file external.hpp
 * Operations of other libraries, made awaitable.
 */
#ifndef AWAIT_EXTERNAL_HPP
#define AWAIT_EXTERNAL_HPP

#include <await/task.hpp>
#include <type_traits>
#include <utility>

namespace libawait {

/**
 * Something that another library does: it is given a handle of this when it starts, and calls finish() or fail()
 * from whichever thread it likes. A task awaits get_future().
 *
 *     auto operation = external_operation<int>::create();
 *     library_start([operation](int result) mutable { operation.finish(result); });
 *     int result = co_await operation.get_future();
 *
 * A cancellation only asks: whoever awaits the future returns when the operation has been finished. If its last
 * handle is dropped before that, the future fails with -EOWNERDEAD. Any thread may copy and drop handles. asyncio:
 * loop.call_soon_threadsafe(future.set_result, …).
 */
template <class T = void>
class external_operation : public detail::shared<aw_operation, aw_operation_ref, aw_operation_unref> {
public:
	using shared = detail::shared<aw_operation, aw_operation_ref, aw_operation_unref>;
	using shared::shared;

	/** Creates one that can't be cancelled: the await ends with the operation. */
	static external_operation create(const loop &of = {}) {
		return detail::make<external_operation>(
			[&](aw_operation **out) { return aw_operation_new(of.get(), nullptr, nullptr, nullptr, out); });
	}
	/**
	 * Creates one whose cancellation calls `cancel(external_operation)`, on the loop's thread, at most once. It asks
	 * the library to end soon, or finishes the operation. What it captures is kept until the operation has been
	 * finished, so it can own the memory that the library works on.
	 */
	template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, external_operation>>>
	static external_operation create(F &&cancel, const loop &of = {}) {
		return detail::make<external_operation>([&](aw_operation **out) {
			return aw_operation_new(of.get(), ask<F>, detail::boxed<F>::make(std::forward<F>(cancel)),
			                        detail::boxed<F>::destroy, out);
		});
	}

	/** Returns its future. */
	future<T> get_future() const {
		return detail::make<future<T>>(
			[&](aw_future **out) { return aw_operation_future(this->get(), out); });
	}
	/** Returns whether it was asked to end, for a library that looks between two steps. Any thread. */
	bool cancelled() const noexcept {
		return aw_operation_cancelled(this->get());
	}
	/**
	 * Finishes it with a value. Throws ::AW_EINVALIDSTATE if it was finished before. Once the loop is closed
	 * nobody wants the value, and nothing happens. Any thread.
	 */
	template <class U = T, class = std::enable_if_t<!std::is_void_v<U>>>
	void finish(detail::regular<U> value) {
		finished(aw_operation_finish(this->get(), detail::values<T>::pack(std::move(value)),
		                             detail::values<T>::destroy()));
	}
	template <class U = T, class = std::enable_if_t<std::is_void_v<U>>> void finish() {
		finished(aw_operation_finish(this->get(), nullptr, nullptr));
	}
	/**
	 * Finishes it with a failure: a status, or an errno with either sign. ::AW_ECANCELLED is the outcome of one that
	 * was asked to end. Any thread.
	 */
	void fail(aw_status status, const char *message = nullptr) {
		finished(aw_operation_fail(this->get(), status, message));
	}

private:
	static void finished(aw_status status) {
		if (status != AW_ELOOPCLOSED) detail::check(status);
	}
	template <class F> static void ask(aw_operation *raw, void *ud) noexcept {
		external_operation self(share, raw);
		(void)detail::reported(aw_loop_current(), nullptr, [&] { detail::boxed<F>::at(ud)(self); });
	}
};

} // namespace libawait

#endif
