/* SPDX-License-Identifier: MIT */
/**
 * @file loop.hpp
 * The event loop, and the handles of its callbacks.
 */
#ifndef AWAIT_LOOP_HPP
#define AWAIT_LOOP_HPP

#include <await/callbacks.hpp>
#include <await/time.hpp>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace libawait {

/* Types that the loop's members return; each has its own header. */
template <class T> class co;
template <class T> class future;
template <class T> class task;
class any_future;
class report;

namespace detail {

/** The base of what can be awaited. */
struct awaitable {};
template <class A> inline constexpr bool is_awaitable = std::is_base_of_v<awaitable, std::decay_t<A>>;

template <class T> inline constexpr bool is_co = false;
template <class T> inline constexpr bool is_co<co<T>> = true;
/** A function that returns a coroutine, rather than one that runs on its own stack. */
template <class F, class... Args> inline constexpr bool makes_co = is_co<std::invoke_result_t<F, Args...>>;

} // namespace detail

/** A scheduled callback or timer. Dropping it leaves the callback scheduled. asyncio.Handle, TimerHandle. */
class handle : public detail::shared<aw_handle, aw_handle_ref, aw_handle_unref> {
public:
	using shared::shared;

	/** Prevents the callback. asyncio: Handle.cancel. */
	void cancel() {
		detail::check(aw_handle_cancel(get()));
	}
	/** asyncio: Handle.cancelled. */
	bool cancelled() const noexcept {
		return aw_handle_cancelled(get());
	}
	/** The deadline of a timer. asyncio: TimerHandle.when. */
	clock::time_point when() const noexcept {
		return clock::time_point(std::chrono::nanoseconds(aw_handle_when(get())));
	}
};

/** An event loop. asyncio: AbstractEventLoop. */
class loop : public detail::shared<aw_loop, aw_loop_ref, detail::unref_loop> {
public:
	using shared::shared;

	/** An empty handle, which means the running loop. */
	loop() noexcept = default;
	/**
	 * Creates a loop on `backend`, a name or a list of names; nullptr means `AWAIT_BACKEND`, or epoll if that
	 * is not set. `flags` are of ::aw_loop_flag; `seed` is for the virtual backend. Any thread.
	 * asyncio.new_event_loop.
	 */
	static loop open(const char *backend = nullptr, uint32_t flags = AW_LOOP_DEFAULT, uint64_t seed = 0) {
		return detail::make<loop>([&](aw_loop **out) {
			return flags == AW_LOOP_DEFAULT && seed == 0 ? aw_loop_new(backend, out)
			                                             : aw_loop_new_with(backend, flags, seed, out);
		});
	}
	/**
	 * Returns the loop that runs in this thread; throws ::AW_ENOLOOP if none does. Any thread.
	 * asyncio.get_running_loop.
	 */
	static loop current() {
		if (!aw_loop_current()) throw error(AW_ENOLOOP);
		return loop(share, aw_loop_current());
	}
	/** Returns whether a loop runs in this thread. Any thread. */
	static bool running() noexcept {
		return aw_loop_current() != nullptr;
	}

	/** Ends everything that remains; destroys coroutines. asyncio: loop.close. */
	void close() {
		detail::check(detail::elsewhere([&] { return aw_loop_close(get()); }));
	}
	/**
	 * The only call allowed in a forked child. Frees the child's copies, and destroys none of the program's
	 * objects.
	 */
	void abandon() {
		detail::check(aw_loop_abandon(get()));
	}
	bool is_running() const noexcept {
		return aw_loop_is_running(get());
	}
	bool is_closed() const noexcept {
		return aw_loop_is_closed(get());
	}
	std::string backend() const {
		return detail::text(aw_loop_backend(get()));
	}
	/** asyncio: loop.time. */
	clock::time_point time() const noexcept {
		return clock::time_point(std::chrono::nanoseconds(aw_loop_time(get())));
	}

	/** Runs until stop(). asyncio: loop.run_forever. */
	void run_forever() {
		detail::check_run(detail::elsewhere([&] { return aw_loop_run_forever(get()); }));
	}
	/**
	 * Runs until a future is done, or a task of anything that spawn() takes, and returns its value. Throws
	 * ::AW_ESTOPPED if the loop was stopped first.
	 * asyncio: loop.run_until_complete.
	 */
	template <class W> auto run_until_complete(W &&what);
	/** Waits for at most `limit` and dispatches once. Returns the number of callbacks that ran. */
	int run_once(time_span limit = forever) {
		return detail::check_run(detail::elsewhere([&] { return aw_loop_run_once(get(), limit.ns); }));
	}
	/** Ends the run after the current batch. asyncio: loop.stop. */
	void stop() {
		detail::check(aw_loop_stop(get()));
	}
	/** Returns whether stop() was called since the last run, and clears that. */
	bool take_stop() noexcept {
		return aw_loop_take_stop(get());
	}
	/** Cancels every task and runs until they are done, as asyncio.run does at its end. */
	void cancel_all() {
		detail::check_run(detail::elsewhere([&] { return aw_loop_cancel_all(get()); }));
	}

	/**
	 * Waits for something to dispatch, without callbacks. Returns whether there is something. For hosts that
	 * alternate wait and dispatch.
	 */
	bool wait(time_span limit = forever) {
		return detail::check(aw_loop_wait(get(), limit.ns)) > 0;
	}
	/**
	 * Runs what is ready, once. Returns the number of callbacks that ran; for a guest, none if there was
	 * nothing to do.
	 */
	std::optional<int> dispatch() {
		aw_status status = detail::elsewhere([&] { return aw_loop_dispatch(get()); });
		if (status == -EAGAIN) return std::nullopt;
		return detail::check_run(status);
	}
	/** Returns whether wait() would return at once. */
	bool pending() const noexcept {
		return aw_loop_pending(get());
	}
	/** Returns when the next timer is due; `clock::time_point::max()` if there is none. */
	clock::time_point deadline() const noexcept {
		return clock::time_point(std::chrono::nanoseconds(aw_loop_deadline(get())));
	}
	/** Makes a wait return. Any thread, and signal handlers. */
	void wakeup() {
		detail::check(aw_loop_wakeup(get()));
	}
	/**
	 * Becomes a guest in another loop. That loop polls the returned descriptor, then calls dispatch() until
	 * it returns none.
	 */
	int guest_begin() {
		int fd = -1;
		detail::check(aw_loop_guest_begin(get(), &fd));
		return fd;
	}
	void guest_end() {
		detail::check(aw_loop_guest_end(get()));
	}

	/** Calls `fn()` in the next iteration. asyncio: loop.call_soon. */
	template <class F> handle call_soon(F &&fn) {
		return detail::make<handle>([&](aw_handle **out) {
			return aw_loop_call_soon(get(), callback<F>, detail::boxed<F>::make(std::forward<F>(fn)),
			                         detail::boxed<F>::destroy, out);
		});
	}
	/** Calls `fn()` after `delay`. asyncio: loop.call_later. */
	template <class F> handle call_later(time_span delay, F &&fn) {
		return detail::make<handle>([&](aw_handle **out) {
			return aw_loop_call_later(get(), delay.ns, callback<F>,
			                          detail::boxed<F>::make(std::forward<F>(fn)), detail::boxed<F>::destroy,
			                          out);
		});
	}
	/** Calls `fn()` at a time of time(). asyncio: loop.call_at. */
	template <class F> handle call_at(clock::time_point when, F &&fn) {
		return detail::make<handle>([&](aw_handle **out) {
			return aw_loop_call_at(get(), when.time_since_epoch().count(), callback<F>,
			                       detail::boxed<F>::make(std::forward<F>(fn)), detail::boxed<F>::destroy,
			                       out);
		});
	}
	/**
	 * call_soon() from any thread. The loop's thread destroys `fn`. asyncio: loop.call_soon_threadsafe.
	 */
	template <class F> void call_soon_threadsafe(F &&fn) {
		detail::check(aw_loop_call_soon_threadsafe(
			get(), callback<F>, detail::boxed<F>::make(std::forward<F>(fn)), detail::boxed<F>::destroy));
	}
	/** Calls `fn()` whenever `fd` is readable. Replaces the previous reader. asyncio: loop.add_reader. */
	template <class F> void add_reader(int fd, F &&fn) {
		detail::check(aw_loop_add_reader(get(), fd, callback<F>, detail::boxed<F>::make(std::forward<F>(fn)),
		                                 detail::boxed<F>::destroy));
	}
	/** Removes the reader. Returns whether there was one. asyncio: loop.remove_reader. */
	bool remove_reader(int fd) {
		return detail::check(aw_loop_remove_reader(get(), fd)) > 0;
	}
	/** Calls `fn()` whenever `fd` is writable. asyncio: loop.add_writer. */
	template <class F> void add_writer(int fd, F &&fn) {
		detail::check(aw_loop_add_writer(get(), fd, callback<F>, detail::boxed<F>::make(std::forward<F>(fn)),
		                                 detail::boxed<F>::destroy));
	}
	bool remove_writer(int fd) {
		return detail::check(aw_loop_remove_writer(get(), fd)) > 0;
	}
	/**
	 * Calls `fn()` for each delivery of the signal, never in signal context. asyncio:
	 * loop.add_signal_handler.
	 */
	template <class F> void add_signal_handler(int number, F &&fn) {
		detail::check(aw_loop_add_signal_handler(get(), number, callback<F>,
		                                         detail::boxed<F>::make(std::forward<F>(fn)),
		                                         detail::boxed<F>::destroy));
	}
	bool remove_signal_handler(int number) {
		return detail::check(aw_loop_remove_signal_handler(get(), number)) > 0;
	}

	/**
	 * Calls `fn(const report &)` for failures that nobody retrieves. asyncio: loop.set_exception_handler.
	 */
	template <class F> void set_exception_handler(F &&fn) {
		detail::check(aw_loop_set_exception_handler(
			get(), handler<F>, detail::boxed<F>::make(std::forward<F>(fn)), detail::boxed<F>::destroy));
	}
	/** Restores the default handler, which prints in debug mode. */
	void set_exception_handler(std::nullptr_t) {
		detail::check(aw_loop_set_exception_handler(get(), nullptr, nullptr, nullptr));
	}
	/** Reports a failure of the program. asyncio: loop.call_exception_handler. */
	void call_exception_handler(const char *message, const failure &why = {}) {
		detail::check(aw_loop_call_exception_handler(get(), message, why.get(), nullptr));
	}
	void set_debug(bool on) {
		detail::check(aw_loop_set_debug(get(), on));
	}
	bool debug() const noexcept {
		return aw_loop_debug(get());
	}
	/** asyncio: loop.slow_callback_duration. */
	void set_slow_callback_duration(time_span limit) {
		detail::check(aw_loop_set_slow_callback_duration(get(), limit.ns));
	}
	/** Sets the stack size of future stackful tasks, in bytes. */
	void set_stack_size(size_t bytes) {
		detail::check(aw_loop_set_stack_size(get(), bytes));
	}
	/** Writes the tree of tasks to `fd`, in one of ::aw_print_format. */
	void print_tasks(int fd, int32_t format = AW_PRINT_TEXT) const {
		detail::check(aw_loop_print_tasks(get(), fd, format));
	}
	/** Returns the tasks that are not done, in order of creation. asyncio.all_tasks. */
	std::vector<task<void>> all_tasks() const;

	/** Submits operations, see <await/completion.h>. Returns how many were accepted. */
	size_t submit(const std::vector<aw_submission> &operations) {
		return static_cast<size_t>(
			detail::check(aw_loop_submit(get(), operations.data(), operations.size())));
	}
	/** Cancels the operations with this token. Returns how many there are. */
	size_t cancel_token(uint64_t token) {
		return static_cast<size_t>(detail::check(aw_loop_cancel_token(get(), token)));
	}
	/**
	 * Waits, dispatches, and returns up to `most` completions; std::nullopt if nothing happened within
	 * `limit`.
	 */
	std::optional<std::vector<aw_completion>> drain(size_t most, time_span limit = forever) {
		std::vector<aw_completion> taken(most);
		int64_t ns = limit.ns == AW_FOREVER ? -1 : limit.ns;
		aw_status status = detail::elsewhere([&] { return aw_loop_drain(get(), taken.data(), most, ns); });
		if (status == -EAGAIN) return std::nullopt;
		taken.resize(static_cast<size_t>(detail::check_run(status)));
		return taken;
	}

private:
	template <class F> static aw_status callback(aw_loop *raw, void *ud) noexcept {
		return detail::reported(raw, nullptr, [ud] { detail::boxed<F>::at(ud)(); });
	}
	template <class F> static aw_status handler(aw_loop *raw, const aw_report *what, void *ud) noexcept;
};

} // namespace libawait

/* Some members of loop return types that are defined there. */
#include <await/report.hpp>
#include <await/task.hpp>

#endif
