/* SPDX-License-Identifier: MIT */
/**
 * @file iterator.hpp
 * Asynchronous iterators.
 */
#ifndef AWAIT_ITERATOR_HPP
#define AWAIT_ITERATOR_HPP

#include <await/coro.hpp>
#include <cerrno>
#include <optional>
#include <type_traits>
#include <utility>

namespace libawait {

/** An asynchronous iterator over the T that a function returns; none ends it. Python: an async generator. */
template <class T> class iterator : public detail::shared<aw_iterator, aw_iterator_ref, aw_iterator_unref> {
public:
	using shared = detail::shared<aw_iterator, aw_iterator_ref, aw_iterator_unref>;
	using shared::shared;

	/** `fn()` returns a std::optional<T>, running on its own stack, or a coroutine that returns one. */
	template <class F> static iterator over(F &&fn, const loop &of = {}) {
		using box = detail::boxed<F>;
		return detail::make<iterator>([&](aw_iterator **out) {
			void *ud = box::make(std::forward<F>(fn));
#ifdef LIBAWAIT_COROUTINES
			if constexpr (detail::makes_co<std::decay_t<F> &>)
				return aw_iterator_new_coro(of.get(), next_coro<F>, ud, box::destroy, out);
			else
#endif
				return aw_iterator_new(of.get(), next_item<F>, ud, box::destroy, out);
		});
	}
	/** Waits for the next item; none at the end: `while (auto item = co_await it.next())`. Python: anext. */
	auto next() {
		return pulled(detail::make<future<T>>(
			[&](aw_future **out) { return aw_iterator_next_future(this->get(), out); }));
	}

private:
	class pulled : public detail::awaitable {
	public:
		using value_type = std::optional<T>;
		explicit pulled(future<T> item) noexcept : item_(std::move(item)) {}
		aw_future *awaited() const noexcept {
			return item_.get();
		}
		value_type finish(aw_status status, void *, aw_error *why) {
			if (status == AW_ESTOPITERATION) return std::nullopt;
			detail::finish_void(status, why);
			return item_.take();
		}

	private:
		future<T> item_;
	};
	template <class F> static aw_status next_item(void *ud, void **out, aw_destroy_fn *out_destroy) noexcept {
		try {
			std::optional<T> item = detail::boxed<F>::at(ud)();
			if (!item) return AW_ESTOPITERATION;
			*out = detail::values<T>::pack(std::move(*item));
			*out_destroy = detail::values<T>::destroy();
			return 0;
		} catch (...) {
			failure why = failure::current();
			return why ? aw_raise_error(why.get()) : -ENOMEM;
		}
	}
#ifdef LIBAWAIT_COROUTINES
	static co<T> unwrap(co<std::optional<T>> from);
	template <class F> static aw_status next_coro(void *ud, aw_coro **out) noexcept;
#endif
};

#ifdef LIBAWAIT_COROUTINES
template <class T> co<T> iterator<T>::unwrap(co<std::optional<T>> from) {
	std::optional<T> item = co_await std::move(from);
	if (!item) throw error(AW_ESTOPITERATION);
	co_return std::move(*item);
}

template <class T> template <class F> aw_status iterator<T>::next_coro(void *ud, aw_coro **out) noexcept {
	try {
		*out = detail::to_coro(nullptr, unwrap(detail::boxed<F>::at(ud)())).release();
		return 0;
	} catch (...) {
		failure why = failure::current();
		return why ? why.status() : -ENOMEM;
	}
}
#endif

} // namespace libawait

#endif
