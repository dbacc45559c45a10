/* SPDX-License-Identifier: MIT */
/**
 * @file operation.hpp
 * Operations that may wait, and how a stackful task awaits them.
 */
#include <await/loop.hpp> /* before the guard: the loop's header includes this one, where it can stand */
#ifndef AWAIT_OPERATION_HPP
#define AWAIT_OPERATION_HPP

#include <await/future.hpp>
#include <type_traits>
#include <utility>

namespace libawait {

class sleeping;

/**
 * A C coroutine, as a C call that may wait returns it. Does nothing until it is awaited or spawned, and runs
 * once.
 */
class coro : public detail::shared<aw_coro, aw_coro_ref, aw_coro_unref> {
public:
	using shared::shared;
};

/**
 * An operation that may wait and returns a T. Does nothing until it is awaited or spawned, and runs once.
 */
template <class T = void> class operation : public detail::awaitable {
public:
	using value_type = T;

	explicit operation(coro from) noexcept : coro_(std::move(from)) {}
	operation(operation &&) noexcept = default;
	operation &operator=(operation &&) noexcept = default;

	aw_coro *awaited() const noexcept {
		return coro_.get();
	}
	T finish(aw_status status, void *data, aw_error *why) {
		if (status < 0) detail::raise(status, failure(share, why));
		return detail::values<T>::move(data);
	}

private:
	coro coro_;
};

namespace detail {

/** Wraps the coroutine that a call returns as an operation. */
template <class T, class Call> operation<T> make_operation(Call call) {
	return operation<T>(make<coro>(call));
}

/**
 * An operation whose outcome needs a conversion. `Finish` is called with the value's pointer, or with a
 * status to throw or to convert.
 */
template <class T, class Finish> class operation_with : public awaitable {
public:
	using value_type = T;

	operation_with(coro from, Finish finish) : coro_(std::move(from)), finish_(std::move(finish)) {}
	operation_with(operation_with &&) = default;
	operation_with &operator=(operation_with &&) = default;

	aw_coro *awaited() const noexcept {
		return coro_.get();
	}
	T finish(aw_status status, void *data, aw_error *why) {
		return finish_(status, data, why);
	}

private:
	coro coro_;
	Finish finish_;
};

template <class T, class Finish, class Call>
operation_with<T, Finish> make_operation_with(Call call, Finish finish) {
	return operation_with<T, Finish>(make<coro>(call), std::move(finish));
}

inline void finish_void(aw_status status, aw_error *why) {
	if (status < 0) raise(status, failure(share, why));
}

/**
 * An operation that C fills memory for, such as a view or a count: `State` holds that memory and what the call
 * needs. It is created where it stays, by the await. `start(state, out)` calls C, with an aw_coro ** or an
 * aw_future **; `finish(state, data)` returns the value once the status is not negative. Of a future, `data` is a
 * parcel, which it may take.
 */
template <class T, class State, class Start, class Finish> class started : public awaitable {
public:
	using value_type = T;
	using handle =
		std::conditional_t<std::is_invocable_v<const Start &, State &, aw_coro **>, coro, any_future>;

	started(State state, Start start, Finish finish)
		: state_(std::move(state)), start_(std::move(start)), finish_(std::move(finish)) {}
	started(started &&) = default;
	started &operator=(started &&) = delete;
	~started() {
		/* Nobody waits any more: what runs by itself must not use the state. */
		if constexpr (std::is_same_v<handle, any_future>)
			if (running_ && !running_.done()) (void)aw_future_cancel(running_.get(), nullptr);
	}

	auto awaited() {
		if (!running_)
			running_ = make<handle>([&](typename handle::raw_type **out) { return start_(state_, out); });
		return running_.get();
	}
	T finish(aw_status status, void *data, aw_error *why) {
		if (status < 0) raise(status, failure(share, why));
		if constexpr (std::is_same_v<handle, any_future>) {
			parcel value;
			check(aw_future_take_result(running_.get(), &value.data, &value.destroy));
			return finish_(state_, value);
		} else {
			return finish_(state_, data);
		}
	}

private:
	State state_; /* outlives what runs */
	Start start_;
	Finish finish_;
	handle running_;
};

template <class T, class State, class Start, class Finish>
started<T, State, Start, Finish> start_later(State state, Start start, Finish finish) {
	return {std::move(state), std::move(start), std::move(finish)};
}

inline aw_status await_raw(aw_future *what, void **out) {
	return aw_await(what, out);
}
inline aw_status await_raw(aw_coro *what, void **out) {
	return aw_await_coro(what, out);
}

/** Answers a step with what it waits for. */
inline aw_status answer_with(aw_resume *resume, aw_future *what) {
	return aw_resume_await(resume, what);
}
inline aw_status answer_with(aw_resume *resume, aw_coro *what) {
	return aw_resume_delegate(resume, what);
}

/** Returns whether it is done, so that a wait is not needed. */
template <class A> bool is_ready(const A &) noexcept {
	return false;
}
template <class T> bool is_ready(const future<T> &what) noexcept {
	return what.done();
}
template <class T> bool is_ready(const task<T> &what) noexcept {
	return what.done();
}

} // namespace detail

#ifdef LIBAWAIT_COROUTINES
namespace detail {
template <class T> coro to_coro(aw_loop *on, co<T> what);
} // namespace detail
#endif

/**
 * Suspends the calling stackful task until `what` is done, and returns its value. Throws its error,
 * `cancelled` if the task is cancelled here, or ::AW_ENOTASK outside a stackful task. You can call it in a
 * catch handler. Python: await.
 */
template <class A, class = std::enable_if_t<detail::is_awaitable<A> && !detail::is_co<std::decay_t<A>>>>
auto await(A &&what) {
	std::decay_t<A> held(std::forward<A>(what));
	void *data = nullptr;
	aw_status status;
	if constexpr (std::is_same_v<std::decay_t<A>, sleeping>) {
		status = detail::elsewhere([&] { return aw_sleep(held.ns()); });
	} else {
		auto *raw = held.awaited(); /* may throw, which must not happen while the exceptions are put aside */
		status = detail::elsewhere([&] { return detail::await_raw(raw, &data); });
	}
	failure why(share, status < 0 ? aw_caught() : nullptr);
	return held.finish(status, data, why.get());
}

#ifdef LIBAWAIT_COROUTINES
template <class T> T await(co<T> what) {
	return await(operation<T>(detail::to_coro(nullptr, std::move(what))));
}
#endif

} // namespace libawait

#endif
