/* SPDX-License-Identifier: MIT */
/**
 * @file timeout.hpp
 * Timeouts: the scope `timeout`, and wait_for().
 */
#ifndef AWAIT_TIMEOUT_HPP
#define AWAIT_TIMEOUT_HPP

#include <await/coro.hpp>
#include <await/gather.hpp>
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace libawait {

/** A scope in a task, which is cancelled when the deadline passes. asyncio.Timeout. */
class timeout : public detail::shared<aw_timeout, aw_timeout_ref, aw_timeout_unref> {
public:
	using shared::shared;

	/** Sets the deadline to `delay` from now. asyncio.timeout. */
	explicit timeout(time_span delay)
		: timeout(detail::make<timeout>(
			  [&](aw_timeout **out) { return aw_timeout_new(nullptr, delay.ns, out); })) {}
	/** Sets the deadline to a time of loop::time(). asyncio.timeout_at. */
	explicit timeout(clock::time_point when)
		: timeout(detail::make<timeout>([&](aw_timeout **out) {
			  return aw_timeout_new_at(nullptr, when.time_since_epoch().count(), out);
		  })) {}

	clock::time_point when() const noexcept {
		return clock::time_point(std::chrono::nanoseconds(aw_timeout_when(get())));
	}
	/** Moves the deadline, from inside the scope. asyncio: Timeout.reschedule. */
	void reschedule(clock::time_point when) {
		detail::check(aw_timeout_reschedule(get(), when.time_since_epoch().count()));
	}
	bool expired() const noexcept {
		return aw_timeout_expired(get());
	}
	/**
	 * Runs a function in the scope, in this task, or awaits a coroutine in it: `co_await limit.run(body())`.
	 * If the scope itself cancelled the body, throws `timed_out`. asyncio: async with timeout.
	 */
	template <class F> auto run(F &&body);

private:
	void begin() {
		detail::check(aw_timeout_enter(get()));
	}
	/* The outcome of the body, as the scope converts it. */
	void end(const std::exception_ptr &thrown) {
		aw_status body = 0;
		if (thrown) {
			failure why = failure_of(thrown);
			body = why ? why.status() : -ENOMEM;
		}
		aw_status turned = aw_timeout_exit(get(), body);
		if (turned == body) {
			if (thrown) std::rethrow_exception(thrown);
			return;
		}
		detail::raise(turned);
	}
	static failure failure_of(const std::exception_ptr &thrown) noexcept {
		try {
			std::rethrow_exception(thrown);
		} catch (...) {
			return failure::current();
		}
	}
	template <class F> static auto run_here(timeout scope, F &body) -> std::invoke_result_t<F &>;
#ifdef LIBAWAIT_COROUTINES
	template <class T> static co<T> run_co(timeout scope, co<T> body);
#endif
};

template <class F> auto timeout::run_here(timeout scope, F &body) -> std::invoke_result_t<F &> {
	detail::kept_result<std::invoke_result_t<F &>> result;
	scope.begin();
	result.run(body);
	scope.end(result.thrown);
	return result.take();
}

template <class F> auto timeout::run(F &&body) {
#ifdef LIBAWAIT_COROUTINES
	if constexpr (detail::is_co<std::decay_t<F>>)
		return run_co(*this, std::forward<F>(body));
	else if constexpr (detail::makes_co<std::decay_t<F> &>)
		return run_co(*this, detail::kept(std::decay_t<F>(std::forward<F>(body))));
	else
#endif
		return run_here(*this, body);
}

namespace detail {

template <class T> auto wait_for_future(future<T> what, time_span limit) {
	aw_future *raw = what.get();
	auto finish = [what = std::move(what)](aw_status status, void *, aw_error *why) mutable -> T {
		finish_void(status, why);
		return what.result();
	};
	return make_operation_with<T>([&](aw_coro **out) { return aw_wait_for_coro(raw, limit.ns, out); },
	                              std::move(finish));
}

/**
 * An operation in a scope, run in the waiting task: if it ran in a separate task and completed just as the
 * deadline passed, the item that it took would be lost.
 */
template <class A> class limited {
public:
	using T = typename A::value_type;

	static operation<T> make(A what, time_span limit) {
		auto *ud = new limited(std::move(what), limit);
		return make_operation<T>([&](aw_coro **out) {
			return aw_coro_new(
				nullptr, step, ud, [](void *self) noexcept { delete static_cast<limited *>(self); }, out);
		});
	}

private:
	limited(A what, time_span limit) : what_(std::move(what)), limit_(limit) {}

	static aw_status step(aw_resume *resume, void *ud) noexcept {
		auto &self = *static_cast<limited *>(ud);
		try {
			return self.scope_ ? self.end(resume) : self.begin(resume);
		} catch (...) {
			failure why = failure::current();
			return why ? aw_resume_raise(resume, why.get()) : -ENOMEM;
		}
	}
	aw_status begin(aw_resume *resume) {
		if (limit_.ns <= 0) throw timed_out(); /* does not start it */
		scope_.emplace(limit_);
		check(aw_timeout_enter(scope_->get()));
		return answer_with(resume, what_.awaited());
	}
	aw_status end(aw_resume *resume) {
		aw_status sent = aw_resume_status(resume);
		aw_status turned = aw_timeout_exit(scope_->get(), sent);
		if (turned != sent) raise(turned);
		if constexpr (std::is_void_v<T>) {
			what_.finish(sent, aw_resume_value(resume), aw_resume_error(resume));
			return aw_resume_return(resume, nullptr, nullptr);
		} else {
			parcel value(
				values<T>::pack(what_.finish(sent, aw_resume_value(resume), aw_resume_error(resume))),
				values<T>::destroy());
			aw_status status = aw_resume_return(resume, value.data, value.destroy);
			if (status >= 0) value.sent();
			return status;
		}
	}

	A what_;
	time_span limit_;
	std::optional<timeout> scope_;
};

} // namespace detail

/**
 * Waits for `what` for at most `limit`; then cancels it, waits until it is really done, and throws
 * `timed_out`. If a future ends with a value despite the cancellation, returns that. With an operation or a
 * coroutine, nothing is lost. asyncio.wait_for.
 */
template <class W, class = std::enable_if_t<!detail::is_co<std::decay_t<W>>>>
auto wait_for(W &&what, time_span limit) {
	using D = std::decay_t<W>;
	if constexpr (std::is_base_of_v<any_future, D>) {
		return detail::wait_for_future(detail::as_future(what), limit);
	} else if constexpr (std::is_same_v<D, sleeping>) {
		return detail::limited<operation<void>>::make(operation<void>(detail::coro_of(nullptr, what)), limit);
	} else if constexpr (detail::is_awaitable<D>) {
		static_assert(!std::is_lvalue_reference_v<W>, "it can run only once: move it in");
		return detail::limited<D>::make(std::forward<W>(what), limit);
	} else {
#ifdef LIBAWAIT_COROUTINES
		if constexpr (detail::makes_co<D &>)
			return wait_for(detail::kept(D(std::forward<W>(what))), limit);
		else
#endif
			return detail::wait_for_future(detail::as_future(std::forward<W>(what)), limit);
	}
}

#ifdef LIBAWAIT_COROUTINES
/**
 * Awaits a coroutine for at most `limit`, in the waiting task: it puts a scope around it and spawns no task.
 * asyncio.wait_for.
 */
template <class T> co<T> wait_for(co<T> what, time_span limit) {
	if (limit.ns <= 0)
		co_return co_await detail::wait_for_future<T>(detail::as_future(std::move(what)), limit);
	co_return co_await timeout(limit).run(std::move(what));
}

template <class T> co<T> timeout::run_co(timeout scope, co<T> body) {
	detail::kept_result<T> result;
	scope.begin();
	try {
		if constexpr (std::is_void_v<T>) {
			co_await std::move(body);
		} else {
			result.value.emplace(co_await std::move(body));
		}
	} catch (...) {
		result.thrown = std::current_exception();
	}
	scope.end(result.thrown);
	if constexpr (!std::is_void_v<T>) co_return std::move(*result.value);
}
#endif

} // namespace libawait

#endif
