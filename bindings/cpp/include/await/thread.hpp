/* SPDX-License-Identifier: MIT */
/**
 * @file thread.hpp
 * Other threads: executors, what they may wait for, and tasks that they start.
 */
#ifndef AWAIT_THREAD_HPP
#define AWAIT_THREAD_HPP

#include <await/coro.hpp>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace libawait {

/**
 * Ends a blocking wait that it was given to: that of a concurrent_future, or of an executor. Sticky: what it
 * is given to while it is raised does not block. Any thread; raise() and clear() in a signal handler, too.
 */
class interrupt : public detail::shared<aw_interrupt, aw_interrupt_ref, aw_interrupt_unref> {
public:
	using shared::shared;

	/** With a descriptor, it counts as raised while that is readable, and serves one wait at a time. */
	static interrupt create(int fd = -1) {
		return detail::make<interrupt>([&](aw_interrupt **out) { return aw_interrupt_new(fd, out); });
	}
	void raise() {
		detail::check(aw_interrupt_raise(get()));
	}
	void clear() {
		detail::check(aw_interrupt_clear(get()));
	}
	bool is_raised() const noexcept {
		return aw_interrupt_is_raised(get());
	}
};

/** A pool of threads. Any thread. ThreadPoolExecutor. */
class executor : public detail::shared<aw_executor, aw_executor_ref, aw_executor_unref> {
public:
	using shared::shared;

	/** 0: as many as asyncio takes. */
	static executor create(int32_t max_threads = 0) {
		return detail::make<executor>([&](aw_executor **out) { return aw_executor_new(max_threads, out); });
	}
	/** Refuses work from now on. Does not wait. */
	void shutdown(bool cancel_pending = false) {
		detail::check(aw_executor_shutdown(get(), cancel_pending));
	}
	/** shutdown(), then blocks until the threads have ended; throws `still_pending` after `limit`. */
	void shutdown_wait(time_span limit = forever) {
		detail::check(aw_executor_shutdown_wait(get(), limit.ns));
	}
	/**
	 * The same; throws an error of -EINTR once `by` is raised, or a signal handler has run on this thread.
	 */
	void shutdown_wait(const interrupt &by, time_span limit = forever) {
		detail::check(aw_executor_shutdown_wait_interruptible(get(), limit.ns, by.get()));
	}
	size_t pending() const noexcept {
		return aw_executor_pending(get());
	}
	int threads() const noexcept {
		return aw_executor_threads(get());
	}
	int max_threads() const noexcept {
		return aw_executor_max_threads(get());
	}
};

/**
 * Has a blocking function run on an executor (an empty one: the loop's default), at once, and gives its
 * outcome. It is destroyed on the loop's thread; it makes no call that needs that thread. asyncio:
 * loop.run_in_executor.
 */
template <class F> auto run_in_executor(const executor &on, F &&fn, const loop &of = {}) {
	return detail::make<future<detail::stackful_result<F>>>([&](aw_future **out) {
		return aw_loop_run_in_executor(of.get(), on.get(), detail::work_body<F>, detail::boxed<F>::make(std::forward<F>(fn)),
		                               detail::boxed<F>::destroy, out);
	});
}
/**
 * Runs a blocking function in a thread. A task that is cancelled here goes on at once; the thread ends its
 * work. asyncio.to_thread.
 */
template <class F> auto to_thread(F &&fn) {
	return detail::make_operation<detail::stackful_result<F>>([&](aw_coro **out) {
		return aw_to_thread_coro(nullptr, detail::work_body<F>, detail::boxed<F>::make(std::forward<F>(fn)),
		                         detail::boxed<F>::destroy, out);
	});
}
/** asyncio: loop.set_default_executor. */
inline void set_default_executor(const loop &of, const executor &to) {
	detail::check(aw_loop_set_default_executor(of.get(), to.get()));
}
/** Done when the threads of the default executor have ended. asyncio: loop.shutdown_default_executor. */
inline future<void> shutdown_default_executor(const loop &of, time_span limit = forever) {
	return detail::make<future<void>>(
		[&](aw_future **out) { return aw_loop_shutdown_default_executor(of.get(), limit.ns, out); });
}

/** The outcome of something that runs in a loop, for other threads. Any thread. concurrent.futures.Future. */
template <class T> class concurrent_future : public detail::shared<aw_concurrent_future, aw_concurrent_future_ref, aw_concurrent_future_unref> {
public:
	using shared = detail::shared<aw_concurrent_future, aw_concurrent_future_ref, aw_concurrent_future_unref>;
	using shared::shared;

	/**
	 * Blocks until it is done, and gives its value; throws `still_pending` after `limit`, and leaves it as it
	 * is.
	 */
	T wait(time_span limit = forever) {
		void *data = nullptr;
		aw_status status = aw_concurrent_future_wait(this->get(), limit.ns, &data);
		return outcome(status, data);
	}
	/**
	 * The same; throws an error of -EINTR once `by` is raised, or a signal handler has run on this thread.
	 */
	T wait(const interrupt &by, time_span limit = forever) {
		detail::check(aw_concurrent_future_wait_interruptible(this->get(), limit.ns, by.get()));
		return result();
	}
	/** ::AW_EINVALIDSTATE while it is pending. */
	T result() {
		void *data = nullptr;
		aw_status status = aw_concurrent_future_result(this->get(), &data);
		return outcome(status, data);
	}
	/** Cancels it, and its task in the loop. False if it was done. */
	bool cancel() {
		return detail::check(aw_concurrent_future_cancel(this->get())) > 0;
	}
	bool done() const noexcept {
		return aw_concurrent_future_done(this->get());
	}
	bool cancelled() const noexcept {
		return aw_concurrent_future_cancelled(this->get());
	}

private:
	T outcome(aw_status status, void *data) {
		if (status < 0) {
			/* Of a wait that its limit ended, the task's failure may have come since. */
			aw_error *error = done() ? aw_concurrent_future_error(this->get()) : nullptr;
			detail::raise(status, failure(share, aw_error_status(error) == status ? error : nullptr));
		}
		if constexpr (!std::is_void_v<T> && !std::is_copy_constructible_v<T>)
			return detail::values<T>::move(data);
		else
			return detail::values<T>::peek(data);
	}
};

/**
 * Has a task run in a loop that another thread drives: of a coroutine, or of a function as spawn(). Any
 * thread. asyncio.run_coroutine_threadsafe.
 */
template <class W> auto spawn_threadsafe(const loop &on, W &&what) {
	using D = std::decay_t<W>;
#ifdef LIBAWAIT_COROUTINES
	if constexpr (detail::is_co<D>) {
		detail::driver *ud = D::make_root(std::forward<W>(what));
		return detail::make<concurrent_future<typename D::value_type>>([&](aw_concurrent_future **out) {
			return aw_run_step_threadsafe(on.get(), detail::driver::step, ud, detail::driver::destroy, out);
		});
	} else if constexpr (detail::makes_co<D &>) {
		return spawn_threadsafe(on, detail::kept(D(std::forward<W>(what))));
	} else
#endif
	{
		return detail::make<concurrent_future<detail::stackful_result<D>>>([&](aw_concurrent_future **out) {
			return aw_run_coroutine_threadsafe(on.get(), detail::stackful_body<W>, detail::boxed<W>::make(std::forward<W>(what)),
			                            detail::boxed<W>::destroy, out);
		});
	}
}

} // namespace libawait

#endif
