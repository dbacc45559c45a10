/* SPDX-License-Identifier: MIT */
/**
 * @file callbacks.hpp
 * Callables that C calls: callbacks, the bodies of stackful tasks, blocking work.
 */
#ifndef AWAIT_CALLBACKS_HPP
#define AWAIT_CALLBACKS_HPP

#include <await/values.hpp>
#include <cerrno>
#include <cstring>
#include <cxxabi.h>
#include <type_traits>
#include <utility>

namespace libawait {

namespace detail {

/** A callable as `ud`, with its destroy. */
template <class F> struct boxed {
	using callable = std::decay_t<F>;
	static void *make(F &&fn) {
		return new callable(std::forward<F>(fn));
	}
	static callable &at(void *ud) noexcept {
		return *static_cast<callable *>(ud);
	}
	static void destroy(void *ud) noexcept {
		delete static_cast<callable *>(ud);
	}
};

/** Runs a callback; reports an exception to the loop's exception handler. */
template <class Run> aw_status reported(aw_loop *loop, aw_future *future, Run run) noexcept {
	try {
		run();
		return 0;
	} catch (const leave_loop &) {
		return AW_ESYSTEMEXIT;
	} catch (...) {
		failure why = failure::current();
		if (!why) return -ENOMEM;
		aw_loop_call_exception_handler(loop, "Exception in callback", why.get(), future);
		return 0;
	}
}

/**
 * Saves the exceptions that this thread is handling while other stacks run on it, and restores them. The ABI
 * keeps a list per thread, in which a task that awaits in a handler would leave its own.
 */
class own_exceptions {
public:
	own_exceptions() noexcept {
		swap(saved_);
	}
	own_exceptions(const own_exceptions &) = delete;
	own_exceptions &operator=(const own_exceptions &) = delete;
	~own_exceptions() {
		swap(saved_);
	}

private:
	/* The Itanium ABI's __cxa_eh_globals. */
	struct globals {
		void *caught = nullptr;
		unsigned int uncaught = 0;
	};
	/* Not inlined: the task may continue in another thread, and the compiler assumes a constant address. */
	__attribute__((noinline)) static void swap(globals &with) noexcept {
		globals now;
		void *where = abi::__cxa_get_globals();
		std::memcpy(&now, where, sizeof now);
		std::memcpy(where, &with, sizeof with);
		with = now;
	}
	globals saved_;
};

/** A C call during which other stacks run. */
template <class Call> auto elsewhere(Call call) {
	own_exceptions aside;
	return call();
}

/** Dropping the last reference closes the loop, which resumes its stackful tasks until they end. */
inline void unref_loop(aw_loop *raw) {
	own_exceptions aside;
	aw_loop_unref(raw);
}

/** The body of a stackful task. Nothing is thrown across the switch. */
template <class F> aw_status stackful_body(void *ud) noexcept {
	using T = std::invoke_result_t<std::decay_t<F> &>;
	try {
		if constexpr (std::is_void_v<T>) {
			boxed<F>::at(ud)();
		} else {
			parcel value(values<T>::pack(boxed<F>::at(ud)()), values<T>::destroy());
			check(aw_return(value.data, value.destroy));
			value.sent();
		}
		return 0;
	} catch (...) {
		failure why = failure::current();
		return why ? aw_raise_error(why.get()) : -ENOMEM;
	}
}

/** A blocking function, on a thread of an executor. */
template <class F> aw_status work_body(void *ud, void **out, aw_destroy_fn *out_destroy) noexcept {
	using T = std::invoke_result_t<std::decay_t<F> &>;
	try {
		if constexpr (std::is_void_v<T>) {
			boxed<F>::at(ud)();
		} else {
			*out = values<T>::pack(boxed<F>::at(ud)());
			*out_destroy = values<T>::destroy();
		}
		return 0;
	} catch (...) {
		failure why = failure::current();
		return why ? aw_work_raise_error(why.get()) : -ENOMEM;
	}
}

} // namespace detail

} // namespace libawait

#endif
