/* SPDX-License-Identifier: MIT */
/**
 * @file thread.hpp
 * Other threads: executors, what other threads can wait for, and tasks that they start.
 */
#ifndef AWAIT_THREAD_HPP
#define AWAIT_THREAD_HPP

#include <await/coro.hpp>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace libawait {

/**
 * Ends a blocking wait to which it was passed: that of a concurrent_future or an executor. Sticky: while it
 * is raised, a wait does not block. Any thread; signal handlers may call raise() and clear().
 */
class interrupt : public detail::shared<aw_interrupt, aw_interrupt_ref, aw_interrupt_unref> {
public:
	using shared::shared;

	/**
	 * With a descriptor, it counts as raised while that is readable, and can be used by one wait at a time.
	 */
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

	/** Creates a pool of up to `max_threads` threads; 0 means as many as asyncio uses. */
	static executor create(int32_t max_threads = 0) {
		return detail::make<executor>([&](aw_executor **out) { return aw_executor_new(max_threads, out); });
	}
	/** Refuses new work. Does not wait. */
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
 * Runs a blocking function on an executor (an empty handle means the loop's default), and returns a future of
 * its outcome. It starts at once. It must not make calls that need the loop's thread, on which it is
 * destroyed. asyncio: loop.run_in_executor.
 */
template <class F> auto run_in_executor(const executor &on, F &&fn, const loop &of = {}) {
	return detail::make<future<detail::stackful_result<F>>>([&](aw_future **out) {
		return aw_loop_run_in_executor(of.get(), on.get(), detail::work_body<F>,
		                               detail::boxed<F>::make(std::forward<F>(fn)), detail::boxed<F>::destroy,
		                               out);
	});
}
/**
 * Runs a blocking function in a thread. If the task is cancelled here, it continues at once, and the thread
 * finishes its work. asyncio.to_thread.
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
/**
 * Returns a future that is done when the threads of the default executor have ended. asyncio:
 * loop.shutdown_default_executor.
 */
inline future<void> shutdown_default_executor(const loop &of, time_span limit = forever) {
	return detail::make<future<void>>(
		[&](aw_future **out) { return aw_loop_shutdown_default_executor(of.get(), limit.ns, out); });
}

/** The outcome of a task in a loop, for other threads. Any thread. concurrent.futures.Future. */
template <class T>
class concurrent_future
	: public detail::shared<aw_concurrent_future, aw_concurrent_future_ref, aw_concurrent_future_unref> {
public:
	using shared = detail::shared<aw_concurrent_future, aw_concurrent_future_ref, aw_concurrent_future_unref>;
	using shared::shared;

	/**
	 * Blocks until it is done, and returns its value; throws `still_pending` after `limit`, without
	 * cancelling it.
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
	/** Returns the value, or throws the error; ::AW_EINVALIDSTATE while it is pending. */
	T result() {
		void *data = nullptr;
		aw_status status = aw_concurrent_future_result(this->get(), &data);
		return outcome(status, data);
	}
	/** Cancels it, and its task in the loop. Returns false if it was done. */
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
			/* After the wait timed out, the task may have failed meanwhile. */
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
 * Runs a coroutine, or a function as spawn() takes it, as a task in a loop that another thread drives. Any
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
			return aw_run_coroutine_threadsafe(on.get(), detail::stackful_body<W>,
			                                   detail::boxed<W>::make(std::forward<W>(what)),
			                                   detail::boxed<W>::destroy, out);
		});
	}
}

} // namespace libawait

#endif
