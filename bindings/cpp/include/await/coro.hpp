/* SPDX-License-Identifier: MIT */
/**
 * @file coro.hpp
 * co<T>, a C++20 coroutine, and `co_await` for everything that may wait.
 */
#ifndef AWAIT_CORO_HPP
#define AWAIT_CORO_HPP

#include <await/task.hpp>
#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#ifdef LIBAWAIT_COROUTINES
#include <coroutine>

namespace libawait {

/* In thread.hpp; a friend. */
template <class W> auto spawn_threadsafe(const loop &on, W &&what);

namespace detail {

/**
 * Runs a coroutine, and the coroutines that it awaits, as one C coroutine: a step continues until one of them
 * must wait.
 */
class driver {
public:
	driver() = default;
	driver(const driver &) = delete;
	driver &operator=(const driver &) = delete;
	virtual ~driver() = default;

	static aw_status step(aw_resume *resume, void *ud) noexcept {
		auto &self = *static_cast<driver *>(ud);
		self.resume = resume;
		self.answer = 0;
		/* A loop, not symmetric transfer, which uses stack where the compiler makes no tail calls. */
		while (std::coroutine_handle<> next = std::exchange(self.next, nullptr)) next.resume();
		self.next = std::exchange(self.waits, nullptr);
		return self.next ? self.answer : self.finish();
	}
	static void destroy(void *ud) noexcept {
		delete static_cast<driver *>(ud);
	}

	/** The resume of the current step. */
	aw_resume *resume = nullptr;
	/** The coroutine to run next in this step, or to resume in the next step. */
	std::coroutine_handle<> next, waits;
	aw_status answer = 0;

protected:
	/** The outermost coroutine has ended: answers the step. */
	virtual aw_status finish() noexcept = 0;
};

/** The awaiter of a future or an operation. It holds what it waits for. */
template <class A> class awaiter {
public:
	explicit awaiter(A what) : what_(std::move(what)) {}

	bool await_ready() const noexcept {
		return is_ready(what_);
	}
	template <class Promise> void await_suspend(std::coroutine_handle<Promise> waits) {
		driver *by = waits.promise().by;
		if constexpr (std::is_same_v<A, sleeping>) {
			if (what_.ns() <= 0) {
				by->answer = check(aw_resume_yield(by->resume));
			} else {
				by->answer = check(aw_resume_delegate(by->resume, coro_of(nullptr, what_).get()));
			}
		} else {
			by->answer = check(answer_with(by->resume, what_.awaited()));
		}
		by->waits = waits;
		by_ = by;
	}
	auto await_resume() {
		if (by_) {
			aw_resume *sent = by_->resume;
			return what_.finish(aw_resume_status(sent), aw_resume_value(sent), aw_resume_error(sent));
		}
		if constexpr (std::is_base_of_v<any_future, A>)
			return what_.result();
		else
			return what_.finish(0, nullptr, nullptr);
	}

private:
	A what_;
	driver *by_ = nullptr;
};

/** The common part of all promises. */
class promise_base {
public:
	std::suspend_always initial_suspend() const noexcept {
		return {};
	}
	auto final_suspend() const noexcept {
		struct go_on {
			bool await_ready() const noexcept {
				return false;
			}
			void await_suspend(std::coroutine_handle<>) const noexcept {
				self->by->next = self->waits;
			}
			void await_resume() const noexcept {}
			const promise_base *self;
		};
		return go_on{this};
	}
	void unhandled_exception() noexcept {
		thrown = std::current_exception();
	}

	driver *by = nullptr;
	std::coroutine_handle<> waits; /**< the coroutine that awaits this one */
	std::exception_ptr thrown;
};

template <class T> class promise : public promise_base {
public:
	co<T> get_return_object() noexcept;
	template <class U = T> void return_value(U &&from) {
		value.emplace(std::forward<U>(from));
	}
	T take() {
		if (thrown) std::rethrow_exception(thrown);
		return std::move(*value);
	}

	std::optional<T> value;
};
template <> class promise<void> : public promise_base {
public:
	co<void> get_return_object() noexcept;
	void return_void() const noexcept {}
	void take() const {
		if (thrown) std::rethrow_exception(thrown);
	}
};

} // namespace detail

/**
 * A coroutine that returns a T. It runs once: when a coroutine awaits it, in that coroutine's task, or when
 * it is passed to spawn(), gather() or run(). Nothing happens before that. Parameters taken by reference must
 * outlive it. So must a lambda that is its function, unless you pass the lambda itself: `spawn([x]() ->
 * co<void> { … })`. Python: the object that a call of an `async def` creates.
 */
template <class T = void> class [[nodiscard]] co : public detail::awaitable {
public:
	using value_type = T;
	using promise_type = detail::promise<T>;

	co(co &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
	co &operator=(co &&other) noexcept {
		co old(std::move(*this));
		handle_ = std::exchange(other.handle_, nullptr);
		return *this;
	}
	~co() {
		if (handle_) handle_.destroy();
	}

	/** Runs it in the awaiting task. */
	auto operator co_await() && {
		if (!handle_) throw error(AW_EREUSED);
		return awaiter{std::move(*this)};
	}

private:
	struct awaiter {
		bool await_ready() const noexcept {
			return false;
		}
		template <class Promise> void await_suspend(std::coroutine_handle<Promise> waits) noexcept {
			promise_type &mine = own.handle_.promise();
			mine.by = waits.promise().by;
			mine.waits = waits;
			mine.by->next = own.handle_;
		}
		T await_resume() {
			return own.handle_.promise().take();
		}
		co own;
	};
	friend promise_type;
	template <class U> friend coro detail::to_coro(aw_loop *on, co<U> what);
	template <class W> friend auto spawn_threadsafe(const loop &on, W &&what);
	explicit co(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

	class root final : public detail::driver {
	public:
		explicit root(co body) noexcept : body_(std::move(body)) {
			body_.handle_.promise().by = this;
			next = body_.handle_;
		}

	protected:
		aw_status finish() noexcept override {
			try {
				promise_type &ended = body_.handle_.promise();
				if constexpr (std::is_void_v<T>) {
					ended.take();
					return aw_resume_return(resume, nullptr, nullptr);
				} else {
					detail::parcel value(detail::values<T>::pack(ended.take()), detail::values<T>::destroy());
					aw_status status = aw_resume_return(resume, value.data, value.destroy);
					if (status >= 0) value.sent();
					return status;
				}
			} catch (...) {
				failure why = failure::current();
				return why ? aw_resume_raise(resume, why.get()) : -ENOMEM;
			}
		}

	private:
		co body_;
	};
	static root *make_root(co body) {
		if (!body.handle_) throw error(AW_EREUSED);
		return new root(std::move(body));
	}

	std::coroutine_handle<promise_type> handle_;
};

namespace detail {

/** `co_await` for everything that may wait. A future is referenced, an operation is moved in. */
template <class A, class = std::enable_if_t<is_awaitable<A> && !is_co<std::decay_t<A>>>>
auto operator co_await(A &&what) {
	return awaiter<std::decay_t<A>>(std::forward<A>(what));
}

template <class T> co<T> promise<T>::get_return_object() noexcept {
	return co<T>(std::coroutine_handle<promise>::from_promise(*this));
}
inline co<void> promise<void>::get_return_object() noexcept {
	return co<void>(std::coroutine_handle<promise>::from_promise(*this));
}

template <class T> coro to_coro(aw_loop *on, co<T> what) {
	driver *ud = co<T>::make_root(std::move(what));
	return make<coro>([&](aw_coro **out) { return aw_coro_new(on, driver::step, ud, driver::destroy, out); });
}

template <class F> auto kept(F fn) -> std::invoke_result_t<F &> {
	co_return co_await fn();
}

/** Runs a coroutine and stores its outcome for the caller, if the caller still exists. */
template <class T> co<void> into(std::shared_ptr<kept_result<T>> result, co<T> what) {
	try {
		if constexpr (std::is_void_v<T>) {
			co_await std::move(what);
			result->value.emplace();
		} else {
			result->value.emplace(co_await std::move(what));
		}
	} catch (...) {
		result->thrown = std::current_exception();
	}
	if (result->thrown) std::rethrow_exception(result->thrown);
}

} // namespace detail

} // namespace libawait
#endif /* LIBAWAIT_COROUTINES */

#endif
