/* SPDX-License-Identifier: MIT */
/**
 * @file await.hpp
 * libawait for C++17: handles that count their references, statuses as exceptions, callables as callbacks, stackful tasks; and with C++20's
 * coroutines `co_await` of all of it. Header only; link with libawait.
 *
 *     libawait::co<int> answer() {
 *         co_await libawait::sleep(100ms);
 *         co_return 42;
 *     }
 *     int main() { return libawait::run(answer()); }
 *
 * Rules that hold for the whole header, said once:
 *  - A handle (loop, future, lock, …) is a value: a copy refers to the same object. Unless a function says "any thread", it is called by the
 *    thread that drives the loop. A `loop` that is left out is the one that runs in this thread.
 *  - What may wait is an object: `future<T>`, `task<T>`, `co<T>`, or what a call such as `queue.get()` gives. A coroutine writes
 *    `co_await what`, a stackful task `await(what)`. But for a future, which goes on by itself, nothing happens before that.
 *  - A failure is an exception: `error` (a std::system_error), of it `timed_out` and `group_error`; an exception of the program's own comes out of
 *    whatever awaits it as itself. `cancelled` is no std::exception, so that only who means it catches it, as asyncio's CancelledError.
 *  - A value is what T is: it is copied to each who asks for it, or, if T can't be copied, moved to the first.
 *  - A coroutine that can't go on (its loop closes) is destroyed, and what it holds with it. A stackful task gets ::AW_ELOOPCLOSED thrown.
 *  - No exception crosses a frame of C's. One that a callback throws goes to the loop's exception handler; out of a comparison or a
 *    destructor it ends the program.
 */
#ifndef AWAIT_AWAIT_HPP
#define AWAIT_AWAIT_HPP

#include <await/await.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <cxxabi.h>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#if defined(__cpp_impl_coroutine) && __cplusplus >= 202002L
#include <coroutine>
/** Defined where coroutines can be had. */
#define LIBAWAIT_COROUTINES 1
#endif

/* --- statuses as error codes --- */

namespace libawait {

namespace detail {

class category_type final : public std::error_category {
public:
	const char *name() const noexcept override {
		return "libawait";
	}
	std::string message(int status) const override {
		return aw_strerror(status);
	}
	std::error_condition default_error_condition(int status) const noexcept override {
		if (status == AW_ECANCELLED) return std::errc::operation_canceled;
		if (status == AW_ETIMEOUT || status == AW_EPENDING) return std::errc::timed_out;
		return {status, *this};
	}
};

} // namespace detail

/** The category of ::aw_error_code. Codes of the system's are of std::generic_category(). Any thread. */
inline const std::error_category &category() noexcept {
	static const detail::category_type instance;
	return instance;
}

/** A status as an error code. Any thread. */
inline std::error_code error_code_of(aw_status status) noexcept {
	if (status >= 0) return {};
	return status > AW_ECANCELLED ? std::error_code(-status, std::generic_category()) : std::error_code(status, category());
}

} // namespace libawait

/** `e.code() == AW_EQUEUEFULL` */
inline std::error_code make_error_code(aw_error_code status) noexcept {
	return libawait::error_code_of(status);
}
template <> struct std::is_error_code_enum<aw_error_code> : std::true_type {};

namespace libawait {

/* --- handles --- */

/** Takes over the reference that comes with a raw pointer. */
struct adopt_t {};
/** Takes a reference of its own. */
struct share_t {};
inline constexpr adopt_t adopt{};
inline constexpr share_t share{};

namespace detail {

/** One reference to an object of libawait's. Empty where default-made or moved from. Copying and destroying: any thread. */
template <class Raw, Raw *(*Ref)(Raw *), void (*Unref)(Raw *)> class shared {
public:
	using raw_type = Raw;

	shared() noexcept = default;
	shared(adopt_t, Raw *raw) noexcept : raw_(raw) {}
	shared(share_t, Raw *raw) noexcept : raw_(raw ? Ref(raw) : nullptr) {}
	shared(const shared &other) noexcept : shared(share, other.raw_) {}
	shared(shared &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
	shared &operator=(shared other) noexcept {
		std::swap(raw_, other.raw_);
		return *this;
	}
	~shared() {
		if (raw_) Unref(raw_);
	}

	/** The object as C knows it, borrowed. */
	Raw *get() const noexcept {
		return raw_;
	}
	/** Gives the reference away. */
	Raw *release() noexcept {
		return std::exchange(raw_, nullptr);
	}
	explicit operator bool() const noexcept {
		return raw_ != nullptr;
	}
	friend bool operator==(const shared &a, const shared &b) noexcept {
		return a.raw_ == b.raw_;
	}
	friend bool operator!=(const shared &a, const shared &b) noexcept {
		return a.raw_ != b.raw_;
	}

private:
	Raw *raw_ = nullptr;
};

} // namespace detail

/* --- failures --- */

/** An immutable failure: what an exception is while C holds it. Any thread. asyncio: an exception object. */
class failure : public detail::shared<aw_error, aw_error_ref, aw_error_unref> {
public:
	using shared::shared;

	/** A failure of `status` that carries no exception. Empty if there is no memory. */
	failure(aw_status status, const char *message) noexcept {
		aw_error *raw = nullptr;
		if (aw_error_new(nullptr, status, message, nullptr, nullptr, &raw) >= 0) *this = failure(adopt, raw);
	}
	/** One made of several: raised, a `group_error`. ExceptionGroup. */
	static failure group(const char *message, const std::vector<failure> &parts);
	/** The exception that is being handled, as a failure that carries it. Empty if there is no memory. */
	static failure current() noexcept;

	aw_status status() const noexcept {
		return aw_error_status(get());
	}
	const char *message() const noexcept {
		return aw_error_message(get());
	}
	/** The failures that this one is made of; none for a plain one. ExceptionGroup.exceptions. */
	std::vector<failure> parts() const {
		std::vector<failure> all;
		for (size_t i = 0; i < aw_error_count(get()); i++) all.emplace_back(share, aw_error_get(get(), i));
		return all;
	}
	/** Throws the exception that it carries, or the one that stands for its status. */
	[[noreturn]] void raise() const;
	/** The same, not thrown. */
	std::exception_ptr exception() const noexcept {
		try {
			raise();
		} catch (...) {
			return std::current_exception();
		}
	}
};

/** What libawait and the system answer. `code()` is of category() or of std::generic_category(). */
class error : public std::system_error {
public:
	explicit error(aw_status status, failure why = {})
		: system_error(error_code_of(status)), status_(status), why_(std::move(why)) {}

	/** The status: `-errno`, or one of ::aw_error_code. */
	aw_status status() const noexcept {
		return status_;
	}
	/** "AW_EQUEUEFULL", "ENOENT" */
	const char *name() const noexcept {
		return aw_err_name(status_);
	}
	/** The failure it was made of, if it came from one. */
	const failure &reason() const noexcept {
		return why_;
	}
	const char *what() const noexcept override {
		return why_ ? why_.message() : system_error::what();
	}

private:
	aw_status status_;
	failure why_;
};

/** A limit has passed. Python: TimeoutError. */
class timed_out : public error {
public:
	explicit timed_out(failure why = {}) : error(AW_ETIMEOUT, std::move(why)) {}

protected:
	timed_out(aw_status status, failure why) : error(status, std::move(why)) {}
};

/**
 * The time given to a blocking wait has passed, and what it waits for is still pending. A task that itself ran into a limit throws a plain
 * `timed_out`. Python: concurrent.futures.TimeoutError.
 */
class still_pending : public timed_out {
public:
	explicit still_pending(failure why = {}) : timed_out(AW_EPENDING, std::move(why)) {}
};

/** Several failures, of a task group. Python: ExceptionGroup. */
class group_error : public error {
public:
	explicit group_error(failure why) : error(AW_EGROUP, std::move(why)) {}

	/** Each of them, as itself. */
	std::vector<std::exception_ptr> exceptions() const {
		std::vector<std::exception_ptr> all;
		for (const failure &part : reason().parts()) all.push_back(part.exception());
		return all;
	}
};

/**
 * The task was cancelled at this await. It may clean up and let it pass, or handle it, which its asker then sees. Throwing it ends a task as
 * cancelled. No std::exception: a handler of those lets it pass. asyncio.CancelledError.
 */
class cancelled final {
public:
	cancelled() noexcept = default;
	explicit cancelled(failure why) noexcept : why_(std::move(why)) {}
	explicit cancelled(const char *message) noexcept : why_(AW_ECANCELLED, message) {}

	const failure &reason() const noexcept {
		return why_;
	}
	/** What was given to the cancel, or a text that stands for it. */
	const char *message() const noexcept {
		return why_ ? why_.message() : aw_strerror(AW_ECANCELLED);
	}

private:
	failure why_;
};

/** Thrown by a callback or a task, leaves the loop's run at once, which throws an error of ::AW_EEXIT. Python: SystemExit. */
class leave_loop final {};

namespace detail {

/** An exception as the payload of a failure. */
struct carried {
	std::exception_ptr exception;
};

/** The payloads that are ours: in one process others may put theirs. Never destroyed, since failures may outlive any static. */
class carriers {
public:
	static carriers &all() {
		static carriers *instance = new carriers;
		return *instance;
	}
	carried *add(std::exception_ptr exception) {
		auto made = std::make_unique<carried>(carried{std::move(exception)});
		std::lock_guard<std::mutex> guard(mutex_);
		known_.insert(made.get());
		return made.release();
	}
	carried *find(void *payload) noexcept {
		std::lock_guard<std::mutex> guard(mutex_);
		return payload && known_.count(payload) ? static_cast<carried *>(payload) : nullptr;
	}
	static void destroy(void *payload) noexcept {
		carriers &self = all();
		{
			std::lock_guard<std::mutex> guard(self.mutex_);
			self.known_.erase(payload);
		}
		delete static_cast<carried *>(payload);
	}

private:
	std::mutex mutex_;
	std::unordered_set<void *> known_;
};

/** Makes the failure that carries the exception being handled. */
inline failure carry(aw_status status, const char *message) {
	aw_error *raw = nullptr;
	carried *payload = carriers::all().add(std::current_exception());
	/* An empty message would read as none. */
	aw_status made = aw_error_new(nullptr, status, message && *message ? message : nullptr, payload, carriers::destroy, &raw);
	if (made < 0) carriers::destroy(payload);
	return failure(adopt, raw);
}

inline aw_status status_of(const std::error_code &code) noexcept {
	if (code.category() == category()) return code.value();
	bool errno_value = code.category() == std::generic_category() || code.category() == std::system_category();
	return errno_value && code.value() > 0 && code.value() < 4096 ? -code.value() : AW_EHOST;
}

[[noreturn]] inline void raise(aw_status status, failure why = {}) {
	if (carried *ours = carriers::all().find(aw_error_payload(why.get()))) std::rethrow_exception(ours->exception);
	switch (status) {
	case AW_ECANCELLED: throw cancelled(std::move(why));
	case AW_ETIMEOUT: throw timed_out(std::move(why));
	case AW_EPENDING: throw still_pending(std::move(why));
	case AW_EGROUP: throw group_error(std::move(why));
	case AW_EEXIT: throw leave_loop();
	case -ENOMEM: throw std::bad_alloc();
	default: throw error(status, std::move(why));
	}
}

/** A status that is no failure passes. */
inline aw_status check(aw_status status) {
	if (status < 0) raise(status);
	return status;
}

/** The same where a loop ran: to who runs it from outside, a run that leave_loop left is an error. */
inline aw_status check_run(aw_status status) {
	if (status == AW_EEXIT) throw error(status);
	return check(status);
}

/** A handle from a call that gives a new reference. */
template <class Handle, class Call> Handle make(Call call) {
	typename Handle::raw_type *raw = nullptr;
	check(call(&raw));
	return Handle(adopt, raw);
}

inline const char *text(const char *from) noexcept {
	return from ? from : "";
}

} // namespace detail

inline failure failure::current() noexcept {
	try {
		try {
			throw;
		} catch (const cancelled &e) {
			return e.reason() ? e.reason() : failure(AW_ECANCELLED, nullptr);
		} catch (const leave_loop &) {
			return failure(AW_EEXIT, nullptr);
		} catch (const std::bad_alloc &) {
			return failure(-ENOMEM, nullptr);
		} catch (const error &e) {
			/* Made of a failure and thrown on, it is that failure; so a group keeps its parts. */
			bool plain = typeid(e) == typeid(error) || typeid(e) == typeid(timed_out) || typeid(e) == typeid(group_error);
			return plain && e.reason() ? e.reason() : detail::carry(e.status(), e.what());
		} catch (const std::system_error &e) {
			return detail::carry(detail::status_of(e.code()), e.what());
		} catch (const std::exception &e) {
			return detail::carry(AW_EHOST, e.what());
		} catch (...) {
			return detail::carry(AW_EHOST, nullptr);
		}
	} catch (...) {
		return {}; /* no memory */
	}
}

inline failure failure::group(const char *message, const std::vector<failure> &parts) {
	std::vector<aw_error *> raw;
	for (const failure &part : parts) raw.push_back(part.get());
	return detail::make<failure>(
		[&](aw_error **out) { return aw_error_new_group(nullptr, message, raw.data(), raw.size(), out); });
}

inline void failure::raise() const {
	detail::raise(status(), *this);
}

/* --- durations --- */

/** Any duration of std::chrono, as the nanoseconds that C counts in. What is longer than 292 years is forever. */
class time_span {
public:
	template <class Rep, class Period> constexpr time_span(std::chrono::duration<Rep, Period> from) : ns(convert(from)) {}
	constexpr explicit time_span(int64_t nanoseconds) noexcept : ns(nanoseconds) {}

	int64_t ns;

private:
	template <class Rep, class Period> static constexpr int64_t convert(std::chrono::duration<Rep, Period> from) {
		using wide = std::chrono::duration<long double, std::nano>;
		if constexpr (std::is_floating_point_v<Rep>)
			if (from.count() != from.count()) throw error(AW_EINVAL, failure(AW_EINVAL, "Invalid delay: NaN (not a number)"));
		long double count = std::chrono::duration_cast<wide>(from).count();
		if (count >= static_cast<long double>(INT64_MAX)) return AW_FOREVER;
		if (count <= static_cast<long double>(INT64_MIN)) return INT64_MIN;
		return std::chrono::duration_cast<std::chrono::nanoseconds>(from).count();
	}
};

/** No limit. */
inline constexpr time_span forever{AW_FOREVER};

/** The loop's clock, for `loop::time()`. Its epoch is the loop's own. */
struct clock {
	using duration = std::chrono::nanoseconds;
	using rep = duration::rep;
	using period = duration::period;
	using time_point = std::chrono::time_point<clock>;
	static constexpr bool is_steady = true;
};

/* --- values --- */

namespace detail {

/** A value on its way: what C passes around as a pointer with its destroy. */
struct parcel {
	void *data = nullptr;
	aw_destroy_fn destroy = nullptr;

	parcel() = default;
	parcel(void *from, aw_destroy_fn with) noexcept : data(from), destroy(with) {}
	parcel(const parcel &) = delete;
	parcel &operator=(const parcel &) = delete;
	~parcel() {
		if (destroy) destroy(data);
	}
	/** C has taken it. */
	void sent() noexcept {
		destroy = nullptr;
	}
};

/** A T as C's value. What fits into a pointer is put there, an integer as C's own calls do it; the rest is allocated. */
template <class T> struct values {
	static_assert(std::is_object_v<T> && !std::is_const_v<T>, "a value is an object: no reference, not const");
	static constexpr bool integral = std::is_integral_v<T> || std::is_enum_v<T>;
	static constexpr bool fits =
		sizeof(T) <= sizeof(void *) && std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>;

	static void *pack(T from) {
		if constexpr (!fits) {
			return new T(std::move(from));
		} else if constexpr (integral) {
			return reinterpret_cast<void *>(static_cast<intptr_t>(from));
		} else {
			void *data = nullptr;
			std::memcpy(&data, std::addressof(from), sizeof from);
			return data;
		}
	}
	static constexpr aw_destroy_fn destroy() noexcept {
		if constexpr (fits)
			return nullptr;
		else
			return [](void *data) noexcept { delete static_cast<T *>(data); };
	}
	/** Out of a pointer that stays as it is, or is moved from. */
	static T peek(void *data) {
		if constexpr (!fits) {
			return *at(data);
		} else if constexpr (integral) {
			return static_cast<T>(reinterpret_cast<intptr_t>(data));
		} else {
			T to;
			std::memcpy(static_cast<void *>(std::addressof(to)), &data, sizeof to);
			return to;
		}
	}
	static T move(void *data) {
		if constexpr (fits)
			return peek(data);
		else
			return std::move(*at(data));
	}

private:
	/* None: it was moved to somebody else. */
	static T *at(void *data) {
		if (!data) throw error(AW_EINVALIDSTATE);
		return static_cast<T *>(data);
	}
};
template <> struct values<void> {
	static constexpr bool fits = true;
	static void peek(void *) noexcept {}
	static void move(void *) noexcept {}
};

/** In a tuple. */
template <class T> using regular = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/* --- callables --- */

/** A callable as `ud`, and its destroy. */
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

/** Runs what a callback is; an exception is told to the loop's exception handler. */
template <class Run> aw_status reported(aw_loop *loop, aw_future *future, Run run) noexcept {
	try {
		run();
		return 0;
	} catch (const leave_loop &) {
		return AW_EEXIT;
	} catch (...) {
		failure why = failure::current();
		if (!why) return -ENOMEM;
		aw_loop_call_exception_handler(loop, "Exception in callback", why.get(), future);
		return 0;
	}
}

/**
 * Puts the exceptions that this thread is handling aside while other stacks run on it, and back. They are a list per thread, to which a task
 * that awaits in a handler would leave its own.
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
	/* Not inlined: the task may go on in another thread, and the compiler takes the address for a constant. */
	__attribute__((noinline)) static void swap(globals &with) noexcept {
		globals now;
		void *where = abi::__cxa_get_globals();
		std::memcpy(&now, where, sizeof now);
		std::memcpy(where, &with, sizeof with);
		with = now;
	}
	globals saved_;
};

/** A call of C's in which other stacks run. */
template <class Call> auto elsewhere(Call call) {
	own_exceptions aside;
	return call();
}

/** The last reference closes the loop, and so runs what its stackful tasks have left. */
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

/** What may be awaited. */
struct awaitable {};
template <class A> inline constexpr bool is_awaitable = std::is_base_of_v<awaitable, std::decay_t<A>>;

} // namespace detail

template <class T> class co;
template <class T> class future;
template <class T> class task;
class any_future;
class report;

namespace detail {

template <class T> inline constexpr bool is_co = false;
template <class T> inline constexpr bool is_co<co<T>> = true;
/** A function that makes a coroutine, rather than one that runs on a stack of its own. */
template <class F, class... Args> inline constexpr bool makes_co = is_co<std::invoke_result_t<F, Args...>>;

} // namespace detail

/* --- the loop --- */

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

	/** None: stands for the one that runs. */
	loop() noexcept = default;
	/**
	 * A loop on `backend`, a name or a list of names; nullptr: `AWAIT_BACKEND`, else epoll. `flags` of ::aw_loop_flag, `seed` for the
	 * virtual backend. Any thread. asyncio.new_event_loop.
	 */
	static loop open(const char *backend = nullptr, uint32_t flags = AW_LOOP_DEFAULT, uint64_t seed = 0) {
		return detail::make<loop>([&](aw_loop **out) {
			return flags == AW_LOOP_DEFAULT && seed == 0 ? aw_loop_new(backend, out)
			                                             : aw_loop_new_with(backend, flags, seed, out);
		});
	}
	/** The loop that runs in this thread; throws ::AW_ENOLOOP. Any thread. asyncio.get_running_loop. */
	static loop current() {
		if (!aw_loop_current()) throw error(AW_ENOLOOP);
		return loop(share, aw_loop_current());
	}
	/** Is there one? Any thread. */
	static bool running() noexcept {
		return aw_loop_current() != nullptr;
	}

	/** Ends everything that is left; destroys coroutines. asyncio: loop.close. */
	void close() {
		detail::check(detail::elsewhere([&] { return aw_loop_close(get()); }));
	}
	/** In a forked child, the only call allowed: frees what is the child's, and destroys nothing of the program's. */
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
	 * Runs until a future, or a task of whatever spawn() takes, is done, and gives its value. ::AW_ESTOPPED if the loop was stopped first.
	 * asyncio: loop.run_until_complete.
	 */
	template <class W> auto run_until_complete(W &&what);
	/** One wait of `limit` at most, and one dispatch. Gives the number of callbacks that ran. */
	int run_once(time_span limit = forever) {
		return detail::check_run(detail::elsewhere([&] { return aw_loop_run_once(get(), limit.ns); }));
	}
	/** Lets the current batch end, then leaves the run. asyncio: loop.stop. */
	void stop() {
		detail::check(aw_loop_stop(get()));
	}
	/** Was stop() called since the last run? Takes it back. */
	bool take_stop() noexcept {
		return aw_loop_take_stop(get());
	}
	/** Cancels every task and runs until they are done. asyncio: what asyncio.run does at its end. */
	void cancel_all() {
		detail::check_run(detail::elsewhere([&] { return aw_loop_cancel_all(get()); }));
	}

	/** Waits for something to dispatch; calls nobody. True if there is something. For hosts that run by wait and dispatch. */
	bool wait(time_span limit = forever) {
		return detail::check(aw_loop_wait(get(), limit.ns)) > 0;
	}
	/** Runs what is ready, once. The number of callbacks that ran; for a guest, none if there was nothing at all to do. */
	std::optional<int> dispatch() {
		aw_status status = detail::elsewhere([&] { return aw_loop_dispatch(get()); });
		if (status == -EAGAIN) return std::nullopt;
		return detail::check_run(status);
	}
	/** Would wait() return at once? */
	bool pending() const noexcept {
		return aw_loop_pending(get());
	}
	/** When the next timer is due; `clock::time_point::max()` without one. */
	clock::time_point deadline() const noexcept {
		return clock::time_point(std::chrono::nanoseconds(aw_loop_deadline(get())));
	}
	/** Makes a wait return. Any thread, and from a signal handler. */
	void wakeup() {
		detail::check(aw_loop_wakeup(get()));
	}
	/** Becomes a guest of another loop, which polls the descriptor given and then calls dispatch() until that gives none. */
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
			return aw_loop_call_soon(get(), callback<F>, detail::boxed<F>::make(std::forward<F>(fn)), detail::boxed<F>::destroy,
			                         out);
		});
	}
	/** Calls `fn()` after `delay`. asyncio: loop.call_later. */
	template <class F> handle call_later(time_span delay, F &&fn) {
		return detail::make<handle>([&](aw_handle **out) {
			return aw_loop_call_later(get(), delay.ns, callback<F>, detail::boxed<F>::make(std::forward<F>(fn)),
			                          detail::boxed<F>::destroy, out);
		});
	}
	/** Calls `fn()` at a time of time(). asyncio: loop.call_at. */
	template <class F> handle call_at(clock::time_point when, F &&fn) {
		return detail::make<handle>([&](aw_handle **out) {
			return aw_loop_call_at(get(), when.time_since_epoch().count(), callback<F>,
			                       detail::boxed<F>::make(std::forward<F>(fn)), detail::boxed<F>::destroy, out);
		});
	}
	/** call_soon() from any thread. `fn` is destroyed by the loop's thread. asyncio: loop.call_soon_threadsafe. */
	template <class F> void call_soon_threadsafe(F &&fn) {
		detail::check(aw_loop_call_soon_threadsafe(get(), callback<F>, detail::boxed<F>::make(std::forward<F>(fn)),
		                                           detail::boxed<F>::destroy));
	}
	/** Calls `fn()` whenever `fd` is readable. Replaces the one before. asyncio: loop.add_reader. */
	template <class F> void add_reader(int fd, F &&fn) {
		detail::check(
			aw_loop_add_reader(get(), fd, callback<F>, detail::boxed<F>::make(std::forward<F>(fn)), detail::boxed<F>::destroy));
	}
	/** Was there one? asyncio: loop.remove_reader. */
	bool remove_reader(int fd) {
		return detail::check(aw_loop_remove_reader(get(), fd)) > 0;
	}
	/** Calls `fn()` whenever `fd` is writable. asyncio: loop.add_writer. */
	template <class F> void add_writer(int fd, F &&fn) {
		detail::check(
			aw_loop_add_writer(get(), fd, callback<F>, detail::boxed<F>::make(std::forward<F>(fn)), detail::boxed<F>::destroy));
	}
	bool remove_writer(int fd) {
		return detail::check(aw_loop_remove_writer(get(), fd)) > 0;
	}
	/** Calls `fn()` for each delivery of the signal, never in signal context. asyncio: loop.add_signal_handler. */
	template <class F> void add_signal_handler(int number, F &&fn) {
		detail::check(aw_loop_add_signal_handler(get(), number, callback<F>, detail::boxed<F>::make(std::forward<F>(fn)),
		                                         detail::boxed<F>::destroy));
	}
	bool remove_signal_handler(int number) {
		return detail::check(aw_loop_remove_signal_handler(get(), number)) > 0;
	}

	/** Has `fn(const report &)` told about failures that nobody else sees. asyncio: loop.set_exception_handler. */
	template <class F> void set_exception_handler(F &&fn) {
		detail::check(aw_loop_set_exception_handler(get(), handler<F>, detail::boxed<F>::make(std::forward<F>(fn)),
		                                            detail::boxed<F>::destroy));
	}
	/** The default: prints in debug mode. */
	void set_exception_handler(std::nullptr_t) {
		detail::check(aw_loop_set_exception_handler(get(), nullptr, nullptr, nullptr));
	}
	/** Reports the program's own. asyncio: loop.call_exception_handler. */
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
	/** The stacks of stackful tasks made from now on, in bytes. */
	void set_stack_size(size_t bytes) {
		detail::check(aw_loop_set_stack_size(get(), bytes));
	}
	/** Writes the tree of tasks to `fd`, in one of ::aw_print_format. */
	void print_tasks(int fd, int32_t format = AW_PRINT_TEXT) const {
		detail::check(aw_loop_print_tasks(get(), fd, format));
	}
	/** The tasks that are not done, in order of creation. asyncio.all_tasks. */
	std::vector<task<void>> all_tasks() const;

	/** Submits operations, see <await/completion.h>. Gives how many were taken. */
	size_t submit(const std::vector<aw_submission> &operations) {
		return static_cast<size_t>(detail::check(aw_loop_submit(get(), operations.data(), operations.size())));
	}
	/** Asks the operations of this token to end. Gives how many there are. */
	size_t cancel_token(uint64_t token) {
		return static_cast<size_t>(detail::check(aw_loop_cancel_token(get(), token)));
	}
	/** Waits, dispatches, and gives up to `most` completions; none at all if nothing happened within `limit`. */
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

/* --- futures and tasks --- */

/** A future of any kind, its value unknown. asyncio: Future. */
class any_future : public detail::shared<aw_future, aw_future_ref, aw_future_unref> {
public:
	using shared::shared;

	bool done() const noexcept {
		return aw_future_done(get());
	}
	bool cancelled() const noexcept {
		return aw_future_cancelled(get());
	}
	/** Asks for cancellation. False if it is done. asyncio: Future.cancel. */
	bool cancel(const char *message = nullptr) {
		return detail::check(aw_future_cancel(get(), message)) > 0;
	}
	/** The failure, or an empty one for a value; throws what it was cancelled with, or ::AW_EINVALIDSTATE. asyncio: Future.exception. */
	failure reason() const {
		aw_error *raw = nullptr;
		aw_status status = aw_future_error(get(), &raw);
		failure why(share, raw);
		if (status < 0) detail::raise(status, why);
		return why;
	}
	/** reason() as the exception that it carries, or none. */
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

	/** What add_done_callback() gives, to take the callback back with. */
	struct callback_id {
		aw_done_fn fn;
		void *ud;
	};
	/** Calls `fn(future)` through the ready queue once it is done. asyncio: Future.add_done_callback. */
	template <class F> callback_id add_done_callback(F &&fn) {
		return add_done<any_future>(std::forward<F>(fn));
	}
	/** Takes it back. False once the future is done, or if it was taken back before. asyncio: Future.remove_done_callback. */
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
		return detail::reported(aw_future_loop(raw), raw, [&] { detail::boxed<F>::at(ud)(Self(share, raw)); });
	}
};

/** The outcome of something that has not ended yet: a T, an exception, or cancelled. asyncio: Future. */
template <class T = void> class future : public any_future, public detail::awaitable {
public:
	using value_type = T;
	using any_future::any_future;

	/** A pending one. asyncio: loop.create_future. */
	static future create(const loop &of = {}) {
		return detail::make<future>([&](aw_future **out) { return aw_future_new(of ? of.get() : aw_loop_current(), out); });
	}
	/** As one whose value is a T, which the caller knows. */
	static future from(any_future any) noexcept {
		return future(adopt, any.release());
	}

	/** The value, or throws what it failed with; ::AW_EINVALIDSTATE while it is pending. asyncio: Future.result. */
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
	/** result(), moved out: later readers get ::AW_EINVALIDSTATE. */
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
	/** asyncio: Future.set_result. ::AW_EINVALIDSTATE if it is done, -EPERM for a task. */
	template <class U = T, class = std::enable_if_t<!std::is_void_v<U>>> void set_result(detail::regular<U> value) {
		detail::parcel sent(detail::values<T>::pack(std::move(value)), detail::values<T>::destroy());
		detail::check(aw_future_set_result(get(), sent.data, sent.destroy));
		sent.sent();
	}
	template <class U = T, class = std::enable_if_t<std::is_void_v<U>>> void set_result() {
		detail::check(aw_future_set_result(get(), nullptr, nullptr));
	}
	/** Fails it with an exception, which comes out as itself. asyncio: Future.set_exception. */
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

	/* What await() and co_await ask for. */
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

/** A future that drives a coroutine. Dropping it detaches the task and never stops it. asyncio: Task. */
template <class T = void> class task : public future<T> {
public:
	using future<T>::future;

	/** As one whose value is a T, which the caller knows. */
	static task from(any_future any) noexcept {
		return task(adopt, any.release());
	}
	/** How many cancel requests are open. asyncio: Task.cancelling. */
	int cancelling() const {
		return detail::check(aw_task_cancelling(raw()));
	}
	/** Takes one back; how many are left. asyncio: Task.uncancel. */
	int uncancel() {
		return detail::check(aw_task_uncancel(raw()));
	}
	/** asyncio: Task.get_name. */
	std::string name() const {
		return detail::text(aw_task_name(raw()));
	}
	/** asyncio: Task.set_name. */
	void set_name(const char *name) {
		detail::check(aw_task_set_name(raw(), name));
	}
	/** The coroutine it drives, borrowed; nullptr for a stackful one. */
	aw_coro *get_coro() const noexcept {
		return aw_task_coro(raw());
	}

private:
	aw_task *raw() const noexcept {
		return aw_future_task(this->get());
	}
};

namespace detail {

/** A task from a call that gives one. A task is the future it is: one reference, of either name. */
template <class T, class Call> task<T> make_task(Call call) {
	aw_task *raw = nullptr;
	check(call(&raw));
	return task<T>(adopt, aw_task_future(raw));
}

} // namespace detail

/** The task that runs now, or an empty one. asyncio.current_task. */
inline task<void> current_task() noexcept {
	aw_task *raw = aw_task_current();
	return task<void>(share, raw ? aw_task_future(raw) : nullptr);
}

inline std::vector<task<void>> loop::all_tasks() const {
	for (std::vector<aw_task *> raw(16);;) {
		auto count = static_cast<size_t>(detail::check(aw_loop_all_tasks(get(), raw.data(), raw.size())));
		std::vector<task<void>> all;
		for (size_t i = 0; i < count && i < raw.size(); i++) all.emplace_back(adopt, aw_task_future(raw[i]));
		if (count <= raw.size()) return all;
		raw.resize(count);
	}
}

/** What the exception handler is told, valid during the call. */
class report {
public:
	explicit report(const aw_report *raw) noexcept : raw_(raw) {}

	/** "Task exception was never retrieved" */
	const char *message() const noexcept {
		return detail::text(aw_report_message(raw_));
	}
	failure reason() const noexcept {
		return failure(share, aw_report_error(raw_));
	}
	std::exception_ptr exception() const noexcept {
		return reason() ? reason().exception() : nullptr;
	}
	any_future future() const noexcept {
		return any_future(share, aw_report_future(raw_));
	}
	libawait::handle handle() const noexcept {
		return libawait::handle(share, aw_report_handle(raw_));
	}
	/** Where it was made, in debug mode. */
	const char *origin() const noexcept {
		return detail::text(aw_report_origin(raw_));
	}

private:
	const aw_report *raw_;
};

template <class F> aw_status loop::handler(aw_loop *, const aw_report *what, void *ud) noexcept {
	try {
		detail::boxed<F>::at(ud)(report(what));
		return 0;
	} catch (...) {
		failure why = failure::current();
		return why ? why.status() : -ENOMEM;
	}
}

/* --- awaiting in a stackful task --- */

/** A coroutine of C's: what its calls that may wait give. Does nothing until it is awaited or spawned, and runs once. */
class coro : public detail::shared<aw_coro, aw_coro_ref, aw_coro_unref> {
public:
	using shared::shared;
};

/** Something that may wait, and then gives a T. Does nothing until it is awaited or spawned, and runs once. */
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

/** An operation from a call that gives a coroutine. */
template <class T, class Call> operation<T> make_operation(Call call) {
	return operation<T>(make<coro>(call));
}

/** An operation whose end is not just its value. `Finish` is called with the value's pointer, or with a status to throw or to turn. */
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

template <class T, class Finish, class Call> operation_with<T, Finish> make_operation_with(Call call, Finish finish) {
	return operation_with<T, Finish>(make<coro>(call), std::move(finish));
}

inline void finish_void(aw_status status, aw_error *why) {
	if (status < 0) raise(status, failure(share, why));
}

inline aw_status await_raw(aw_future *what, void **out) {
	return aw_await(what, out);
}
inline aw_status await_raw(aw_coro *what, void **out) {
	return aw_await_coro(what, out);
}

/** Is it done, so that nobody need wait? */
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

/** What sleep() gives. */
class sleeping : public detail::awaitable {
public:
	using value_type = void;
	explicit sleeping(time_span delay) noexcept : delay_(delay) {}

	int64_t ns() const noexcept {
		return delay_.ns;
	}
	void finish(aw_status status, void *, aw_error *why) const {
		detail::finish_void(status, why);
	}

private:
	time_span delay_;
};

/** Waits for `delay`; for 0 and less the others run for one iteration. asyncio.sleep. */
inline sleeping sleep(time_span delay) noexcept {
	return sleeping(delay);
}

/** A sleep that gives a value. asyncio.sleep(delay, result). */
template <class T> operation<T> sleep(time_span delay, T value) {
	detail::parcel sent(detail::values<T>::pack(std::move(value)), detail::values<T>::destroy());
	auto made = detail::make_operation<T>(
		[&](aw_coro **out) { return aw_sleep_coro(nullptr, delay.ns, sent.data, sent.destroy, out); });
	sent.sent();
	return made;
}

/**
 * Suspends the stackful task that calls until `what` is done, and gives its value. Throws what it failed with, `cancelled` if the task is
 * cancelled here, and ::AW_ENOTASK elsewhere. Also from a catch handler. Python: await.
 */
template <class A, class = std::enable_if_t<detail::is_awaitable<A> && !detail::is_co<std::decay_t<A>>>> auto await(A &&what) {
	std::decay_t<A> held(std::forward<A>(what));
	void *data = nullptr;
	aw_status status;
	if constexpr (std::is_same_v<std::decay_t<A>, sleeping>)
		status = detail::elsewhere([&] { return aw_sleep(held.ns()); });
	else
		status = detail::elsewhere([&] { return detail::await_raw(held.awaited(), &data); });
	failure why(share, status < 0 ? aw_caught() : nullptr);
	return held.finish(status, data, why.get());
}

#ifdef LIBAWAIT_COROUTINES
template <class T> T await(co<T> what) {
	return await(operation<T>(detail::to_coro(nullptr, std::move(what))));
}
#endif

/* --- tasks --- */

namespace detail {

template <class F> using stackful_result = std::invoke_result_t<std::decay_t<F> &>;

template <class F> task<stackful_result<F>> spawn_stackful(aw_loop *on, bool eager, F &&fn) {
	using box = boxed<F>;
	void *ud = box::make(std::forward<F>(fn));
	return make_task<stackful_result<F>>([&](aw_task **out) {
		if (!eager) return aw_task_spawn(on, stackful_body<F>, ud, box::destroy, out);
		return elsewhere([&] { return aw_task_spawn_eager(on, stackful_body<F>, ud, box::destroy, out); });
	});
}

inline aw_status spawn_raw(aw_loop *on, bool eager, aw_coro *what, aw_task **out) {
	if (!eager) return aw_task_spawn_coro(on, what, out);
	return elsewhere([&] { return aw_task_spawn_coro_eager(on, what, out); });
}

#ifdef LIBAWAIT_COROUTINES
/** The coroutine that a function makes, with the function kept as long as it runs: it may be a lambda with captures. */
template <class F> auto kept(F fn) -> std::invoke_result_t<F &>;
#endif

/** Whatever may be spawned, as a coroutine of C's. */
template <class T> coro coro_of(aw_loop *, operation<T> what) {
	return coro(share, what.awaited());
}
inline coro coro_of(aw_loop *on, sleeping what) {
	return make<coro>([&](aw_coro **out) { return aw_sleep_coro(on, what.ns(), nullptr, nullptr, out); });
}
#ifdef LIBAWAIT_COROUTINES
template <class T> coro coro_of(aw_loop *on, co<T> what) {
	return to_coro(on, std::move(what));
}
#endif

template <class T> task<T> spawn_coro(aw_loop *on, bool eager, const coro &what) {
	return make_task<T>([&](aw_task **out) { return spawn_raw(on, eager, what.get(), out); });
}

template <class W> auto spawn(aw_loop *on, bool eager, W &&what) {
	using D = std::decay_t<W>;
	if constexpr (is_awaitable<D>) {
		static_assert(!std::is_lvalue_reference_v<W>, "it can run only once: move it in");
		return spawn_coro<typename D::value_type>(on, eager, coro_of(on, std::forward<W>(what)));
	} else {
		static_assert(std::is_invocable_v<D &>, "a coroutine, an operation, or a callable without arguments");
#ifdef LIBAWAIT_COROUTINES
		if constexpr (makes_co<D &>)
			return spawn(on, eager, kept(D(std::forward<W>(what))));
		else
#endif
			return spawn_stackful(on, eager, std::forward<W>(what));
	}
}

} // namespace detail

/**
 * Makes a task of a coroutine, of an operation, of a function that makes a coroutine (which is kept as long as that runs), or of any other
 * function, which then runs on a stack of its own and waits by await(). It starts in the next iteration. asyncio.create_task.
 */
template <class W> auto spawn(W &&what) {
	return detail::spawn(nullptr, false, std::forward<W>(what));
}
/** spawn() on a loop that need not run yet. asyncio: loop.create_task. */
template <class W> auto spawn(const loop &on, W &&what) {
	return detail::spawn(on.get(), false, std::forward<W>(what));
}
/** spawn() whose first step runs before the call returns, if the loop runs. asyncio.eager_task_factory. */
template <class W> auto spawn_eager(W &&what) {
	return detail::spawn(nullptr, true, std::forward<W>(what));
}

template <class W> auto loop::run_until_complete(W &&what) {
	if constexpr (std::is_base_of_v<any_future, std::decay_t<W>>) {
		future<typename std::decay_t<W>::value_type> ended(what);
		aw_status status = detail::elsewhere([&] { return aw_loop_run_until_complete(get(), ended.get(), nullptr); });
		if (status < 0 && !ended.done()) detail::check_run(status);
		return ended.result();
	} else {
		return run_until_complete(spawn(*this, std::forward<W>(what)));
	}
}

/* --- several at once --- */

/** How something ended. */
template <class T> class outcome {
public:
	explicit outcome(future<T> ended) noexcept : future_(std::move(ended)) {}

	bool has_value() const noexcept {
		return future_.done() && !future_.cancelled() && !future_.reason();
	}
	bool cancelled() const noexcept {
		return future_.cancelled();
	}
	/** The value, or throws what it failed with. */
	T value() {
		return future_.result();
	}
	/** What it failed with, `cancelled` included; none for a value. */
	std::exception_ptr exception() const {
		try {
			return future_.exception();
		} catch (...) {
			return std::current_exception();
		}
	}

private:
	future<T> future_;
};

namespace detail {

/** What is given to a combinator, as a future: a task of it, if it is none yet. */
template <class T> future<T> as_future(const future<T> &what) {
	return what;
}
template <class W> auto as_future(W &&what) {
	if constexpr (std::is_base_of_v<any_future, std::decay_t<W>>)
		return future<typename std::decay_t<W>::value_type>(what);
	else
		return future<typename decltype(spawn(nullptr, false, std::forward<W>(what)))::value_type>(
			spawn(nullptr, false, std::forward<W>(what)));
}
template <class W> using awaited_type = typename decltype(as_future(std::declval<W>()))::value_type;

template <class T> regular<T> result_of(future<T> &from) {
	if constexpr (std::is_void_v<T>) {
		from.result();
		return {};
	} else {
		return from.result();
	}
}

/** What gather() gives: a future of C's, and how its children's values are put together. */
template <class Children, class Collect> class gathered : public awaitable {
public:
	using value_type = std::invoke_result_t<Collect &, Children &>;

	gathered(any_future all, Children children, Collect collect)
		: all_(std::move(all)), children_(std::move(children)), collect_(std::move(collect)) {}

	/** The future that is done when all are. Cancelling it cancels each. */
	any_future &all() noexcept {
		return all_;
	}
	aw_future *awaited() const noexcept {
		return all_.get();
	}
	value_type finish(aw_status status, void *, aw_error *why) {
		finish_void(status, why);
		return collect_(children_);
	}

private:
	any_future all_;
	Children children_;
	Collect collect_;
};

inline any_future gather_raw(const std::vector<aw_future *> &raw, uint32_t flags) {
	return make<any_future>([&](aw_future **out) { return aw_gather(nullptr, raw.data(), raw.size(), flags, out); });
}

template <class Collect, class... T> auto gather_tuple(uint32_t flags, Collect collect, std::tuple<future<T>...> children) {
	std::vector<aw_future *> raw =
		std::apply([](auto &...child) { return std::vector<aw_future *>{child.get()...}; }, children);
	return gathered<std::tuple<future<T>...>, Collect>(gather_raw(raw, flags), std::move(children), std::move(collect));
}

template <class Future> std::vector<aw_future *> raw_of(const std::vector<Future> &futures) {
	std::vector<aw_future *> raw;
	raw.reserve(futures.size());
	for (const Future &one : futures) raw.push_back(one.get());
	return raw;
}

} // namespace detail

/** gather(return_errors, …): gives an `outcome` for each, and never fails itself. */
struct return_errors_t {};
inline constexpr return_errors_t return_errors{};

namespace detail {

template <class W> inline constexpr bool is_one = true;
template <class T> inline constexpr bool is_one<std::vector<T>> = false;
template <> inline constexpr bool is_one<return_errors_t> = false;

} // namespace detail

/**
 * Waits for all, and gives their values in a tuple, in the order of the arguments; std::monostate stands for void. What is no future is
 * spawned. The first failure comes at once, and the others go on. Cancelling it cancels all. asyncio.gather.
 */
template <class... W, class = std::enable_if_t<(detail::is_one<std::decay_t<W>> && ...)>> auto gather(W &&...what) {
	auto collect = [](auto &children) {
		return std::apply([](auto &...child) { return std::make_tuple(detail::result_of(child)...); }, children);
	};
	return detail::gather_tuple(AW_GATHER_DEFAULT, collect,
	                            std::tuple<future<detail::awaited_type<W>>...>{detail::as_future(std::forward<W>(what))...});
}
template <class... W, class = std::enable_if_t<(detail::is_one<std::decay_t<W>> && ...)>>
auto gather(return_errors_t, W &&...what) {
	auto collect = [](auto &children) {
		return std::apply([](auto &...child) { return std::make_tuple(outcome(child)...); }, children);
	};
	return detail::gather_tuple(AW_GATHER_RETURN_ERRORS, collect,
	                            std::tuple<future<detail::awaited_type<W>>...>{detail::as_future(std::forward<W>(what))...});
}
/** Any number: their values in a vector, or nothing for void. */
template <class Future, class T = typename Future::value_type> auto gather(const std::vector<Future> &futures) {
	auto collect = [](std::vector<future<T>> &children) {
		if constexpr (std::is_void_v<T>) {
			for (future<T> &child : children) child.result();
		} else {
			std::vector<T> values;
			values.reserve(children.size());
			for (future<T> &child : children) values.push_back(child.result());
			return values;
		}
	};
	return detail::gathered<std::vector<future<T>>, decltype(collect)>(
		detail::gather_raw(detail::raw_of(futures), AW_GATHER_DEFAULT), {futures.begin(), futures.end()}, collect);
}
template <class Future, class T = typename Future::value_type>
auto gather(return_errors_t, const std::vector<Future> &futures) {
	auto collect = [](std::vector<future<T>> &children) { return std::vector<outcome<T>>(children.begin(), children.end()); };
	return detail::gathered<std::vector<future<T>>, decltype(collect)>(
		detail::gather_raw(detail::raw_of(futures), AW_GATHER_RETURN_ERRORS), {futures.begin(), futures.end()}, collect);
}

/** A future that follows `what`, but whose cancellation does not reach it. asyncio.shield. */
template <class W> auto shield(W &&what) {
	auto inner = detail::as_future(std::forward<W>(what));
	return detail::make<decltype(inner)>([&](aw_future **out) { return aw_shield(inner.get(), out); });
}

/** What wait() gives: the futures that are done and those that are not, each in the order of the arguments. */
template <class Future> struct waited { std::vector<Future> done, pending; };

/**
 * Waits until enough are done or `limit` has passed; cancels nothing, and fails for no future's sake. `until` is one of ::aw_return_when.
 * asyncio.wait.
 */
template <class Future> auto wait(std::vector<Future> futures, int32_t until = AW_ALL_COMPLETED, time_span limit = forever) {
	std::vector<aw_future *> raw = detail::raw_of(futures);
	auto finish = [futures = std::move(futures)](aw_status status, void *data, aw_error *why) {
		detail::finish_void(status, why);
		auto *results = static_cast<aw_results *>(data);
		waited<Future> sorted;
		for (size_t i = 0; i < futures.size() && i < aw_results_count(results); i++) {
			bool pending = aw_results_get(results, i, nullptr) == AW_EINVALIDSTATE && !aw_results_error(results, i);
			(pending ? sorted.pending : sorted.done).push_back(futures[i]);
		}
		return sorted;
	};
	return detail::make_operation_with<waited<Future>>(
		[&](aw_coro **out) { return aw_wait_coro(nullptr, raw.data(), raw.size(), until, limit.ns, out); }, std::move(finish));
}

/** Gives futures in the order in which they are done. asyncio.as_completed. */
template <class T> class as_completed : public detail::shared<aw_as_completed, aw_as_completed_ref, aw_as_completed_unref> {
public:
	using shared = detail::shared<aw_as_completed, aw_as_completed_ref, aw_as_completed_unref>;
	using shared::shared;

	template <class Future>
	explicit as_completed(const std::vector<Future> &futures, time_span limit = forever)
		: as_completed(detail::make<as_completed>([&](aw_as_completed **out) {
			  std::vector<aw_future *> raw = detail::raw_of(futures);
			  return aw_as_completed_new(nullptr, raw.data(), raw.size(), limit.ns, out);
		  })) {}

	/** The next one, which is done; none at the end. Throws `timed_out` for each that was not done within the limit. */
	auto next() {
		auto finish = [](aw_status status, void *data, aw_error *why) -> std::optional<future<T>> {
			if (status == AW_ESTOPITERATION) return std::nullopt;
			detail::finish_void(status, why);
			return future<T>(share, static_cast<aw_future *>(data));
		};
		return detail::make_operation_with<std::optional<future<T>>>(
			[&](aw_coro **out) { return aw_as_completed_next_coro(this->get(), out); }, finish);
	}
};
template <class Future> as_completed(const std::vector<Future> &) -> as_completed<typename Future::value_type>;
template <class Future> as_completed(const std::vector<Future> &, time_span) -> as_completed<typename Future::value_type>;

/* --- limits and groups --- */

/** A scope in a task that is cancelled when its time has passed. asyncio.Timeout. */
class timeout : public detail::shared<aw_timeout, aw_timeout_ref, aw_timeout_unref> {
public:
	using shared::shared;

	/** Ends `delay` after now. asyncio.timeout. */
	explicit timeout(time_span delay)
		: timeout(detail::make<timeout>([&](aw_timeout **out) { return aw_timeout_new(nullptr, delay.ns, out); })) {}
	/** Ends at a time of loop::time(). asyncio.timeout_at. */
	explicit timeout(clock::time_point when)
		: timeout(detail::make<timeout>(
			  [&](aw_timeout **out) { return aw_timeout_new_at(nullptr, when.time_since_epoch().count(), out); })) {}

	clock::time_point when() const noexcept {
		return clock::time_point(std::chrono::nanoseconds(aw_timeout_when(get())));
	}
	/** Moves the deadline, from inside. asyncio: Timeout.reschedule. */
	void reschedule(clock::time_point when) {
		detail::check(aw_timeout_reschedule(get(), when.time_since_epoch().count()));
	}
	bool expired() const noexcept {
		return aw_timeout_expired(get());
	}
	/**
	 * Runs a function of this task in the scope, or awaits a coroutine in it: `co_await limit.run(body())`. A cancellation that is the
	 * scope's own comes out as `timed_out`. asyncio: async with timeout.
	 */
	template <class F> auto run(F &&body);

private:
	void begin() {
		detail::check(aw_timeout_begin(get()));
	}
	/* How the body ended, as the scope turns it. */
	void end(const std::exception_ptr &thrown) {
		aw_status body = 0;
		if (thrown) {
			failure why = failure_of(thrown);
			body = why ? why.status() : -ENOMEM;
		}
		aw_status turned = aw_timeout_end(get(), body);
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

namespace detail {

/** What a body gave, kept until its scope has been left. */
template <class T> struct kept_result {
	std::optional<regular<T>> value;
	std::exception_ptr thrown;

	template <class F> void run(F &&body) noexcept {
		try {
			if constexpr (std::is_void_v<T>) {
				body();
				value.emplace();
			} else {
				value.emplace(body());
			}
		} catch (...) {
			thrown = std::current_exception();
		}
	}
	T take() {
		if (thrown) std::rethrow_exception(thrown);
		if constexpr (!std::is_void_v<T>) return std::move(*value);
	}
};

} // namespace detail

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
	return make_operation_with<T>([&](aw_coro **out) { return aw_wait_for_coro(raw, limit.ns, out); }, std::move(finish));
}

} // namespace detail

namespace detail {

/** An answer to a step: what is waited for. */
inline aw_status answer_with(aw_resume *resume, aw_future *what) {
	return aw_resume_await(resume, what);
}
inline aw_status answer_with(aw_resume *resume, aw_coro *what) {
	return aw_resume_delegate(resume, what);
}

/**
 * An operation in a scope, in the task that waits and not in one of its own: when its end and the limit come together, a task would have
 * taken an item that nobody gets.
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
		if (limit_.ns <= 0) throw timed_out(); /* it does not even begin */
		scope_.emplace(limit_);
		check(aw_timeout_begin(scope_->get()));
		return answer_with(resume, what_.awaited());
	}
	aw_status end(aw_resume *resume) {
		aw_status sent = aw_resume_status(resume);
		aw_status turned = aw_timeout_end(scope_->get(), sent);
		if (turned != sent) raise(turned);
		if constexpr (std::is_void_v<T>) {
			what_.finish(sent, aw_resume_value(resume), aw_resume_error(resume));
			return aw_resume_return(resume, nullptr, nullptr);
		} else {
			parcel value(values<T>::pack(what_.finish(sent, aw_resume_value(resume), aw_resume_error(resume))),
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
 * Waits for `what` for `limit` at most; then cancels it, waits until it has really ended, and throws `timed_out`. A future that ended with a
 * value all the same gives that. Of an operation or a coroutine nothing is lost. asyncio.wait_for.
 */
template <class W, class = std::enable_if_t<!detail::is_co<std::decay_t<W>>>> auto wait_for(W &&what, time_span limit) {
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

/** Tasks that end before the block that started them does. Made by with_task_group(). asyncio.TaskGroup. */
class task_group : public detail::shared<aw_taskgroup, aw_taskgroup_ref, aw_taskgroup_unref> {
public:
	using shared::shared;

	/** Starts a task in the group: of whatever spawn() takes. ::AW_EINVALIDSTATE once it shuts down. asyncio: TaskGroup.create_task. */
	template <class W> auto spawn(W &&what) {
		using D = std::decay_t<W>;
		if constexpr (detail::is_awaitable<D>) {
			return spawn_coro<typename D::value_type>(detail::coro_of(nullptr, std::forward<W>(what)));
		} else {
#ifdef LIBAWAIT_COROUTINES
			if constexpr (detail::makes_co<D &>)
				return spawn(detail::kept(D(std::forward<W>(what))));
			else
#endif
				return spawn_stackful(std::forward<W>(what));
		}
	}

private:
	template <class T> task<T> spawn_coro(const coro &what) {
		return detail::make_task<T>([&](aw_task **out) { return aw_taskgroup_spawn_coro(get(), what.get(), out); });
	}
	template <class F> task<detail::stackful_result<F>> spawn_stackful(F &&fn) {
		void *ud = detail::boxed<F>::make(std::forward<F>(fn));
		return detail::make_task<detail::stackful_result<F>>([&](aw_task **out) {
			return aw_taskgroup_spawn(get(), detail::stackful_body<F>, ud, detail::boxed<F>::destroy, out);
		});
	}
	static task_group begin() {
		auto made = detail::make<task_group>([](aw_taskgroup **out) { return aw_taskgroup_new(nullptr, out); });
		detail::check(aw_taskgroup_begin(made.get()));
		return made;
	}
	/* Waits for all; throws what the block and its tasks failed with. */
	operation<void> end(const std::exception_ptr &thrown) {
		failure why;
		if (thrown) {
			try {
				std::rethrow_exception(thrown);
			} catch (...) {
				why = failure::current();
			}
		}
		aw_status body = !thrown ? 0 : why ? why.status() : -ENOMEM;
		return detail::make_operation<void>([&](aw_coro **out) { return aw_taskgroup_end_coro(get(), body, why.get(), out); });
	}
	template <class F> static auto run_here(F body) -> std::invoke_result_t<F &, task_group &> {
		detail::kept_result<std::invoke_result_t<F &, task_group &>> result;
		task_group group = begin();
		result.run([&]() -> decltype(auto) { return body(group); });
		await(group.end(result.thrown));
		return result.take();
	}
#ifdef LIBAWAIT_COROUTINES
	template <class F> static auto run_co(F body) -> std::invoke_result_t<F &, task_group &>;
#endif
	template <class F> friend auto with_task_group(F &&body);
};

/**
 * Runs `body(group)`, then waits for all tasks of the group, and gives what the body gave: in a stackful task at once, or, if the body is a
 * coroutine, as one to be awaited. If the body or a task fails, the others are cancelled, and a `group_error` is thrown.
 * asyncio: async with TaskGroup.
 */
template <class F> auto with_task_group(F &&body) {
#ifdef LIBAWAIT_COROUTINES
	if constexpr (detail::makes_co<std::decay_t<F> &, task_group &>)
		return task_group::run_co(std::decay_t<F>(std::forward<F>(body)));
	else
#endif
		return task_group::run_here(std::decay_t<F>(std::forward<F>(body)));
}

/* --- locks and their kin, for the tasks of one loop --- */

namespace detail {

/** What was acquired, to be released at the end of the block; at the latest when the coroutine is destroyed. Can be moved. */
template <class Owner> class holding {
public:
	explicit holding(Owner from) noexcept : owner_(std::move(from)) {}
	holding(holding &&other) noexcept = default;
	holding &operator=(holding other) noexcept {
		std::swap(owner_, other.owner_);
		return *this;
	}
	~holding() {
		if (owner_) (void)owner_.try_release();
	}
	/** Releases it early. */
	void release() {
		if (Owner held = std::move(owner_)) held.release();
	}

private:
	Owner owner_;
};

template <class Owner> auto hold(Owner owner, coro acquiring) {
	auto finish = [owner](aw_status status, void *, aw_error *why) {
		finish_void(status, why);
		return holding<Owner>(owner);
	};
	return operation_with<holding<Owner>, decltype(finish)>(std::move(acquiring), finish);
}

} // namespace detail

/** No owner, not re-entrant, first come first served. asyncio.Lock. */
class lock : public detail::shared<aw_lock, aw_lock_ref, aw_lock_unref> {
public:
	using shared::shared;
	using guard = detail::holding<lock>;

	static lock create(const loop &of = {}) {
		return detail::make<lock>([&](aw_lock **out) { return aw_lock_new(of.get(), out); });
	}
	/** Takes the lock. asyncio: Lock.acquire. */
	operation<void> acquire() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_lock_acquire_coro(get(), out); });
	}
	/** Takes the lock and gives a guard that releases it: `auto guard = co_await lock.hold();`. asyncio: async with lock. */
	auto hold() {
		return detail::hold(*this, detail::make<coro>([&](aw_coro **out) { return aw_lock_acquire_coro(get(), out); }));
	}
	/** Takes it if that needs no wait. */
	bool try_acquire() {
		aw_status status = aw_lock_try_acquire(get());
		return status != -EAGAIN && detail::check(status) == 0;
	}
	/** -EPERM if it is not taken. asyncio: Lock.release. */
	void release() {
		detail::check(aw_lock_release(get()));
	}
	bool locked() const noexcept {
		return aw_lock_locked(get());
	}

private:
	friend guard;
	using shared::release;
	aw_status try_release() noexcept {
		return aw_lock_release(get());
	}
};

/** asyncio.Event. */
class event : public detail::shared<aw_event, aw_event_ref, aw_event_unref> {
public:
	using shared::shared;

	static event create(const loop &of = {}) {
		return detail::make<event>([&](aw_event **out) { return aw_event_new(of.get(), out); });
	}
	/** Waits until it is set. asyncio: Event.wait. */
	operation<void> wait() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_event_wait_coro(get(), out); });
	}
	void set() {
		detail::check(aw_event_set(get()));
	}
	void clear() {
		detail::check(aw_event_clear(get()));
	}
	bool is_set() const noexcept {
		return aw_event_is_set(get());
	}
};

/** asyncio.Condition. Without its lock the calls answer -EPERM. */
class condition : public detail::shared<aw_condition, aw_condition_ref, aw_condition_unref> {
public:
	using shared::shared;

	/** On a lock, or on one of its own. */
	static condition create(const lock &on = {}, const loop &of = {}) {
		return detail::make<condition>([&](aw_condition **out) { return aw_condition_new(of.get(), on.get(), out); });
	}
	/** Take it with `hold()` first. */
	lock get_lock() const noexcept {
		return lock(share, aw_condition_lock(get()));
	}
	/** Releases the lock, waits to be notified, takes the lock again. May wake without cause. asyncio: Condition.wait. */
	operation<void> wait() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_condition_wait_coro(get(), out); });
	}
	void notify(size_t count = 1) {
		detail::check(aw_condition_notify(get(), count));
	}
	void notify_all() {
		detail::check(aw_condition_notify_all(get()));
	}
};

/** asyncio.Semaphore, BoundedSemaphore. */
class semaphore : public detail::shared<aw_semaphore, aw_semaphore_ref, aw_semaphore_unref> {
public:
	using shared::shared;
	using guard = detail::holding<semaphore>;

	static semaphore create(int64_t value, const loop &of = {}) {
		return detail::make<semaphore>([&](aw_semaphore **out) { return aw_semaphore_new(of.get(), value, out); });
	}
	/** One that refuses to hold more than `value`. */
	static semaphore bounded(int64_t value, const loop &of = {}) {
		return detail::make<semaphore>([&](aw_semaphore **out) { return aw_semaphore_new_bounded(of.get(), value, out); });
	}
	operation<void> acquire() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_semaphore_acquire_coro(get(), out); });
	}
	/** Takes a permit and gives a guard that releases it. asyncio: async with semaphore. */
	auto hold() {
		return detail::hold(*this, detail::make<coro>([&](aw_coro **out) { return aw_semaphore_acquire_coro(get(), out); }));
	}
	bool try_acquire() {
		aw_status status = aw_semaphore_try_acquire(get());
		return status != -EAGAIN && detail::check(status) == 0;
	}
	/** -EINVAL if a bounded one would hold too many. asyncio: Semaphore.release. */
	void release() {
		detail::check(aw_semaphore_release(get()));
	}
	/** Would an acquire wait? */
	bool locked() const noexcept {
		return aw_semaphore_locked(get());
	}
	/** How many permits are free. */
	int64_t value() const noexcept {
		return aw_semaphore_value(get());
	}

private:
	friend guard;
	using shared::release;
	aw_status try_release() noexcept {
		return aw_semaphore_release(get());
	}
};

/** asyncio.Barrier. */
class barrier : public detail::shared<aw_barrier, aw_barrier_ref, aw_barrier_unref> {
public:
	using shared::shared;

	static barrier create(int32_t parties, const loop &of = {}) {
		return detail::make<barrier>([&](aw_barrier **out) { return aw_barrier_new(of.get(), parties, out); });
	}
	/** Waits for all parties, and gives the order of arrival. ::AW_EBROKENBARRIER. asyncio: Barrier.wait. */
	operation<int> wait() {
		return detail::make_operation<int>([&](aw_coro **out) { return aw_barrier_wait_coro(get(), out); });
	}
	/** Breaks those who wait, and leaves it usable. asyncio: Barrier.reset. */
	operation<void> reset() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_barrier_reset_coro(get(), out); });
	}
	/** Breaks it until it is reset. asyncio: Barrier.abort. */
	operation<void> abort() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_barrier_abort_coro(get(), out); });
	}
	int parties() const noexcept {
		return aw_barrier_parties(get());
	}
	int n_waiting() const noexcept {
		return aw_barrier_n_waiting(get());
	}
	bool broken() const noexcept {
		return aw_barrier_broken(get());
	}
};

/* --- queues --- */

/** A queue of T between the tasks of one loop. asyncio.Queue, LifoQueue, PriorityQueue. */
template <class T> class queue : public detail::shared<aw_queue, aw_queue_ref, aw_queue_unref> {
public:
	using shared = detail::shared<aw_queue, aw_queue_ref, aw_queue_unref>;
	using shared::shared;

	/** For at most `maxsize` items; 0: any number. */
	static queue create(int64_t maxsize = 0, const loop &of = {}) {
		return detail::make<queue>([&](aw_queue **out) { return aw_queue_new(of.get(), maxsize, out); });
	}
	/** The newest item first. */
	static queue lifo(int64_t maxsize = 0, const loop &of = {}) {
		return detail::make<queue>([&](aw_queue **out) { return aw_queue_new_lifo(of.get(), maxsize, out); });
	}
	/** The least item first, by `less(const T &, const T &)`, which must not throw. */
	template <class Less = std::less<>> static queue priority(int64_t maxsize = 0, Less less = {}, const loop &of = {}) {
		return detail::make<queue>([&](aw_queue **out) {
			return aw_queue_new_priority(of.get(), maxsize, compare<Less>, detail::boxed<Less>::make(std::move(less)),
			                             detail::boxed<Less>::destroy, out);
		});
	}

	/** Puts an item, waiting for room. ::AW_EQUEUESHUTDOWN. asyncio: Queue.put. */
	operation<void> put(T item) {
		detail::parcel sent(values::pack(std::move(item)), values::destroy());
		auto made = detail::make_operation<void>(
			[&](aw_coro **out) { return aw_queue_put_coro(this->get(), sent.data, sent.destroy, out); });
		sent.sent();
		return made;
	}
	/** Puts an item now; throws ::AW_EQUEUEFULL, ::AW_EQUEUESHUTDOWN. asyncio: Queue.put_nowait. */
	void put_nowait(T item) {
		detail::parcel sent(values::pack(std::move(item)), values::destroy());
		detail::check(aw_queue_put_nowait(this->get(), sent.data, sent.destroy));
		sent.sent();
	}
	/** Gets an item, waiting for one; a get that is cancelled takes nothing. asyncio: Queue.get. */
	operation<T> take() {
		return detail::make_operation<T>([&](aw_coro **out) { return aw_queue_get_coro(this->get(), out); });
	}
	/** Gets an item now; throws ::AW_EQUEUEEMPTY, ::AW_EQUEUESHUTDOWN. asyncio: Queue.get_nowait. */
	T take_nowait() {
		detail::parcel item;
		detail::check(aw_queue_get_nowait(this->get(), &item.data, &item.destroy));
		return values::move(item.data);
	}
	/** An item taken before has been dealt with. asyncio: Queue.task_done. */
	void task_done() {
		detail::check(aw_queue_task_done(this->get()));
	}
	/** Waits until all have been. asyncio: Queue.join. */
	operation<void> join() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_queue_join_coro(this->get(), out); });
	}
	/** Puts fail from now on, takes drain what is left; `immediate` drops that too. asyncio: Queue.shutdown. */
	void shutdown(bool immediate = false) {
		detail::check(aw_queue_shutdown(this->get(), immediate));
	}
	size_t size() const noexcept {
		return aw_queue_size(this->get());
	}
	int64_t maxsize() const noexcept {
		return aw_queue_maxsize(this->get());
	}
	bool empty() const noexcept {
		return aw_queue_empty(this->get());
	}
	bool full() const noexcept {
		return aw_queue_full(this->get());
	}

private:
	using values = detail::values<T>;
	template <class Less> static int32_t compare(void *a, void *b, void *ud) noexcept {
		Less &less = detail::boxed<Less>::at(ud);
		if constexpr (values::fits) {
			const T left = values::peek(a), right = values::peek(b);
			return less(left, right) ? -1 : less(right, left);
		} else {
			const T &left = *static_cast<T *>(a), &right = *static_cast<T *>(b);
			return less(left, right) ? -1 : less(right, left);
		}
	}
};

/* --- processes --- */

/** How to make a child: `process_options().pipe(1).flags(AW_PROCESS_GROUP)`. */
class process_options : public detail::shared<aw_process_options, aw_process_options_ref, aw_process_options_unref> {
public:
	using shared::shared;

	process_options() : shared(adopt, detail::make<process_options>(aw_process_options_new).release()) {}

	/** Stream 0, 1 or 2 as one of ::aw_stdio; `fd` for ::AW_STDIO_FD, which stays the caller's. */
	process_options &stdio(int stream, int32_t how, int fd = -1) {
		detail::check(aw_process_options_set_stdio(get(), stream, how, fd));
		return *this;
	}
	process_options &pipe(int stream) {
		return stdio(stream, AW_STDIO_PIPE);
	}
	process_options &cwd(const std::string &path) {
		detail::check(aw_process_options_set_cwd(get(), path.c_str()));
		return *this;
	}
	/** The whole environment, "NAME=value" each. */
	process_options &env(const std::vector<std::string> &entries) {
		std::vector<const char *> raw;
		for (const std::string &entry : entries) raw.push_back(entry.c_str());
		detail::check(aw_process_options_set_env(get(), raw.data(), raw.size()));
		return *this;
	}
	/** Of ::aw_process_flag. */
	process_options &flags(uint32_t flags) {
		detail::check(aw_process_options_set_flags(get(), flags));
		return *this;
	}
	/** The process group to join; 0 makes one. */
	process_options &group(int32_t pgid) {
		detail::check(aw_process_options_set_group(get(), pgid));
		return *this;
	}
};

/** A child process, killed and reaped with its last handle, unless detached. asyncio: Process. */
class process : public detail::shared<aw_process, aw_process_ref, aw_process_unref> {
public:
	using shared::shared;

	/** Starts `/bin/sh -c command`: never with untrusted text. asyncio.create_subprocess_shell. */
	static process shell(const std::string &command, const process_options &how = {}, const loop &of = {}) {
		return detail::make<process>(
			[&](aw_process **out) { return aw_subprocess_shell(of.get(), command.c_str(), how.get(), out); });
	}
	/** Starts a program. The error of an exec that failed is thrown here. asyncio.create_subprocess_exec. */
	static process exec(const std::vector<std::string> &argv, const process_options &how = {}, const loop &of = {}) {
		std::vector<const char *> raw;
		for (const std::string &word : argv) raw.push_back(word.c_str());
		return detail::make<process>(
			[&](aw_process **out) { return aw_subprocess_exec(of.get(), raw.data(), raw.size(), how.get(), out); });
	}
	/** Takes over a child forked elsewhere. */
	static process adopt_child(int32_t pid, int pidfd = -1, uint32_t flags = AW_PROCESS_DEFAULT, const loop &of = {}) {
		return detail::make<process>([&](aw_process **out) { return aw_process_adopt(of.get(), pid, pidfd, flags, out); });
	}

	int32_t pid() const noexcept {
		return aw_process_pid(get());
	}
	/** The exit status, `-N` for signal N; none while it runs. asyncio: Process.returncode. */
	std::optional<int> returncode() const {
		int32_t code = 0;
		aw_status status = aw_process_returncode(get(), &code);
		if (status == AW_EINVALIDSTATE) return std::nullopt;
		detail::check(status);
		return code;
	}
	/** The exit alone; its value is the return code. asyncio: Process.wait. */
	future<int> wait() {
		return detail::make<future<int>>([&](aw_future **out) { return aw_process_wait(get(), out); });
	}
	/** The exit, and the ends of the pipes, which it reads meanwhile. */
	future<int> wait_closed() {
		return detail::make<future<int>>([&](aw_future **out) { return aw_process_wait_closed(get(), out); });
	}
	/**
	 * Feeds `input` to a piped stdin, reads the other pipes to their ends, and waits for the exit; the value is the return code, and
	 * output() has what was read. Cancelling it loses nothing: call it again to go on. asyncio: Process.communicate.
	 */
	future<int> communicate() {
		return detail::make<future<int>>([&](aw_future **out) { return aw_process_communicate(get(), nullptr, 0, out); });
	}
	future<int> communicate(const std::string &input) {
		return detail::make<future<int>>(
			[&](aw_future **out) { return aw_process_communicate(get(), input.data(), input.size(), out); });
	}
	/** What has been read from stream 1 or 2 so far. */
	std::string output(int stream = 1) const {
		const void *data = nullptr;
		size_t length = 0;
		detail::check(aw_process_output(get(), stream, &data, &length));
		return length ? std::string(static_cast<const char *>(data), length) : std::string();
	}
	/** Hands the parent's end of a pipe, non-blocking, to the caller. */
	int take_pipe(int stream) {
		int fd = -1;
		detail::check(aw_process_take_pipe(get(), stream, &fd));
		return fd;
	}
	/** -ESRCH once it has ended. asyncio: Process.send_signal. */
	void send_signal(int number) {
		detail::check(aw_process_send_signal(get(), number));
	}
	void terminate() {
		detail::check(aw_process_terminate(get()));
	}
	void kill() {
		detail::check(aw_process_kill(get()));
	}
	/** Closes the pipes and kills it, if it still runs. */
	void close() {
		detail::check(aw_process_close(get()));
	}
};

/* --- threads --- */

/**
 * Ends a blocking wait that it was given to: that of a concurrent_future, or of an executor. Sticky: what it is given to while it is raised
 * does not block. Any thread; raise() and clear() in a signal handler, too.
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
	/** The same; throws an error of -EINTR once `by` is raised, or a signal handler has run on this thread. */
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
 * Has a blocking function run on an executor (an empty one: the loop's default), at once, and gives its outcome. It is destroyed on the loop's
 * thread; it makes no call that needs that thread. asyncio: loop.run_in_executor.
 */
template <class F> auto run_in_executor(const executor &on, F &&fn, const loop &of = {}) {
	return detail::make<future<detail::stackful_result<F>>>([&](aw_future **out) {
		return aw_loop_run_in_executor(of.get(), on.get(), detail::work_body<F>, detail::boxed<F>::make(std::forward<F>(fn)),
		                               detail::boxed<F>::destroy, out);
	});
}
/** Runs a blocking function in a thread. A task that is cancelled here goes on at once; the thread ends its work. asyncio.to_thread. */
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
template <class T> class concurrent_future : public detail::shared<aw_cfuture, aw_cfuture_ref, aw_cfuture_unref> {
public:
	using shared = detail::shared<aw_cfuture, aw_cfuture_ref, aw_cfuture_unref>;
	using shared::shared;

	/** Blocks until it is done, and gives its value; throws `still_pending` after `limit`, and leaves it as it is. */
	T wait(time_span limit = forever) {
		void *data = nullptr;
		aw_status status = aw_cfuture_wait(this->get(), limit.ns, &data);
		return outcome(status, data);
	}
	/** The same; throws an error of -EINTR once `by` is raised, or a signal handler has run on this thread. */
	T wait(const interrupt &by, time_span limit = forever) {
		detail::check(aw_cfuture_wait_interruptible(this->get(), limit.ns, by.get()));
		return result();
	}
	/** ::AW_EINVALIDSTATE while it is pending. */
	T result() {
		void *data = nullptr;
		aw_status status = aw_cfuture_result(this->get(), &data);
		return outcome(status, data);
	}
	/** Cancels it, and its task in the loop. False if it was done. */
	bool cancel() {
		return detail::check(aw_cfuture_cancel(this->get())) > 0;
	}
	bool done() const noexcept {
		return aw_cfuture_done(this->get());
	}
	bool cancelled() const noexcept {
		return aw_cfuture_cancelled(this->get());
	}

private:
	T outcome(aw_status status, void *data) {
		if (status < 0) {
			/* Of a wait that its limit ended, the task's failure may have come since. */
			aw_error *error = done() ? aw_cfuture_error(this->get()) : nullptr;
			detail::raise(status, failure(share, aw_error_status(error) == status ? error : nullptr));
		}
		if constexpr (!std::is_void_v<T> && !std::is_copy_constructible_v<T>)
			return detail::values<T>::move(data);
		else
			return detail::values<T>::peek(data);
	}
};

/**
 * Has a task run in a loop that another thread drives: of a coroutine, or of a function as spawn(). Any thread.
 * asyncio.run_coroutine_threadsafe.
 */
template <class W> auto spawn_threadsafe(const loop &on, W &&what);

/* --- iterators --- */

/** An asynchronous iterator over the T that a function gives: none is the end. Python: an async generator. */
template <class T> class iterator : public detail::shared<aw_iterator, aw_iterator_ref, aw_iterator_unref> {
public:
	using shared = detail::shared<aw_iterator, aw_iterator_ref, aw_iterator_unref>;
	using shared::shared;

	/** `fn()` gives a std::optional<T>, on a stack of its own, or a coroutine of that. */
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
	/** The next item; none at the end: `while (auto item = co_await it.next())`. Python: anext. */
	auto next() {
		return pulled(detail::make<future<T>>([&](aw_future **out) { return aw_iterator_next_future(this->get(), out); }));
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

/* --- descriptors, contexts, backends --- */

/** Done when one of `events` (::aw_poll) holds for `fd`; its value is what holds. */
inline future<uint32_t> fd_wait(int fd, uint32_t events, const loop &of = {}) {
	return detail::make<future<uint32_t>>(
		[&](aw_future **out) { return aw_fd_wait(of ? of.get() : aw_loop_current(), fd, events, out); });
}

/** A value that each task has for itself; a task starts with a copy of its maker's. Any thread. contextvars.ContextVar. */
template <class T> class context_var {
public:
	context_var() = default;
	context_var(const context_var &) = delete;
	context_var &operator=(const context_var &) = delete;

	void set(T value) {
		detail::parcel sent(detail::values<T>::pack(std::move(value)), detail::values<T>::destroy());
		detail::check(aw_context_set(this, sent.data, sent.destroy));
		sent.sent();
	}
	/** The value here, or none. */
	std::optional<T> get() const {
		void *data = nullptr;
		aw_status status = aw_context_get(this, &data);
		if (status == -ENOENT) return std::nullopt;
		detail::check(status);
		return detail::values<T>::peek(data);
	}
	/** -ENOENT if there is none. */
	void unset() {
		detail::check(aw_context_unset(this));
	}
};

/** What is known of a backend. */
struct backend_info {
	std::string name, description, grade, origin;
	aw_status status; /**< 0 if it can be used here */
	std::string reason;
};

/** The backends that were found. Any thread. */
inline std::vector<backend_info> backends() {
	using list = detail::shared<aw_backend_list, aw_backend_list_ref, aw_backend_list_unref>;
	auto found = detail::make<list>(aw_backend_list_new);
	const aw_backend_list *raw = found.get();
	std::vector<backend_info> all;
	for (size_t i = 0; i < aw_backend_list_count(raw); i++)
		all.push_back({detail::text(aw_backend_list_name(raw, i)), detail::text(aw_backend_list_description(raw, i)),
		               detail::text(aw_backend_list_class(raw, i)), detail::text(aw_backend_list_origin(raw, i)),
		               aw_backend_list_status(raw, i), detail::text(aw_backend_list_reason(raw, i))});
	return all;
}
/** What loop::open() would do, in words. Any thread. */
inline std::string explain_backend(const char *backend = nullptr) {
	char text[1024] = "";
	(void)aw_backend_explain(backend, text, sizeof text);
	return text;
}
/** How many handles of any kind are alive in this process. Any thread. */
inline int64_t live_handles() noexcept {
	return aw_debug_live_handles();
}
/** Names the task whose stack overflowed, when that happens in this thread. */
inline void report_overflow() {
	detail::check(aw_debug_report_overflow());
}
/** The version of the library that runs, and the generation of its ABI. Any thread. */
inline std::string version() {
	return aw_version();
}

/* --- running a program --- */

/** Keeps one loop for several runs, and cancels what is left when it goes. asyncio.Runner. */
class runner {
public:
	/** The loop is made at the first use. `flags` of ::aw_runner_flag. */
	explicit runner(const char *backend = nullptr, uint32_t flags = AW_RUNNER_DEFAULT)
		: raw_(detail::make<counted>([&](aw_runner **out) { return aw_runner_new(backend, flags, out); })) {}
	runner(const runner &) = delete;
	runner &operator=(const runner &) = delete;
	~runner() {
		(void)detail::elsewhere([&] { return aw_runner_close(raw_.get()); });
	}
	/** Where no loop can be made, the error says why. asyncio: Runner.get_loop. */
	loop get_loop() {
		aw_loop *raw = nullptr;
		aw_status status = aw_runner_loop(raw_.get(), &raw);
		aw_error *why = aw_runner_error(raw_.get());
		if (status < 0) detail::raise(status, failure(share, aw_error_status(why) == status ? why : nullptr));
		return loop(share, raw);
	}
	/**
	 * Runs a coroutine, a function that makes one, or a function on a stack of its own, and gives what it gives, or throws what it throws.
	 * With ::AW_RUNNER_SIGINT, -EINTR if a SIGINT ended it. asyncio: Runner.run.
	 */
	template <class W> auto run(W &&what);
	/** Cancels and awaits what is left, then closes the loop. asyncio: Runner.close. */
	void close() {
		detail::check_run(detail::elsewhere([&] { return aw_runner_close(raw_.get()); }));
	}

private:
	using counted = detail::shared<aw_runner, aw_runner_ref, aw_runner_unref>;
	template <class T> static T ended(aw_status status, detail::kept_result<T> &result);
	counted raw_;
};

/* How the run went, and how what ran in it did, who shares the result: a run that is left leaves its task for the next one or the close. A task that never began, or that a SIGINT ended, has no outcome of its own. */
template <class T> T runner::ended(aw_status status, detail::kept_result<T> &result) {
	if (status == -EINTR || status == AW_EEXIT || (!result.thrown && !result.value)) detail::check_run(status);
	if (!result.thrown && !result.value) throw error(AW_ESTOPPED);
	return result.take();
}

#ifdef LIBAWAIT_COROUTINES

/* --- coroutines --- */

namespace detail {

/** Drives a coroutine, and those that it awaits in turn, as one coroutine of C's: one step goes on until something must be waited for. */
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
		/* By a loop and not by symmetric transfer, which takes stack where the compiler makes no tail calls. */
		while (std::coroutine_handle<> next = std::exchange(self.next, nullptr)) next.resume();
		self.next = std::exchange(self.waits, nullptr);
		return self.next ? self.answer : self.finish();
	}
	static void destroy(void *ud) noexcept {
		delete static_cast<driver *>(ud);
	}

	/** Of the step that runs. */
	aw_resume *resume = nullptr;
	/** What to run next in this step; where the next step goes on. */
	std::coroutine_handle<> next, waits;
	aw_status answer = 0;

protected:
	/** The outermost coroutine has ended: the answer. */
	virtual aw_status finish() noexcept = 0;
};

/** What co_await of a future or an operation makes. It holds what it waits for. */
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

/** What every promise has. */
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
 * A coroutine that gives a T. It does nothing until it is awaited, by one coroutine, in whose task it then runs, or is handed to spawn(), gather(),
 * run(); and runs once. Parameters taken by reference must outlive it; so must a lambda that is its function, unless it is handed
 * over itself: `spawn([x]() -> co<void> { … })`. Python: the object that a call of an `async def` makes.
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

	/** Runs it in the task that awaits. */
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

/** `co_await` of whatever may wait. A future is referred to, an operation is moved in. */
template <class A, class = std::enable_if_t<is_awaitable<A> && !is_co<std::decay_t<A>>>> auto operator co_await(A &&what) {
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

/** Runs a coroutine and keeps what it gives where the caller finds it, if that is still there. */
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

/**
 * Awaits a coroutine for `limit` at most, in the task that waits: a scope around it, without a task of its own. asyncio.wait_for.
 */
template <class T> co<T> wait_for(co<T> what, time_span limit) {
	if (limit.ns <= 0) co_return co_await detail::wait_for_future<T>(detail::as_future(std::move(what)), limit);
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

template <class F> auto task_group::run_co(F body) -> std::invoke_result_t<F &, task_group &> {
	using T = typename std::invoke_result_t<F &, task_group &>::value_type;
	detail::kept_result<T> result;
	task_group group = begin();
	try {
		if constexpr (std::is_void_v<T>) {
			co_await body(group);
		} else {
			result.value.emplace(co_await body(group));
		}
	} catch (...) {
		result.thrown = std::current_exception();
	}
	co_await group.end(result.thrown);
	if constexpr (!std::is_void_v<T>) co_return std::move(*result.value);
}

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

#endif /* LIBAWAIT_COROUTINES */

template <class W> auto spawn_threadsafe(const loop &on, W &&what) {
	using D = std::decay_t<W>;
#ifdef LIBAWAIT_COROUTINES
	if constexpr (detail::is_co<D>) {
		detail::driver *ud = D::make_root(std::forward<W>(what));
		return detail::make<concurrent_future<typename D::value_type>>([&](aw_cfuture **out) {
			return aw_submit_step_threadsafe(on.get(), detail::driver::step, ud, detail::driver::destroy, out);
		});
	} else if constexpr (detail::makes_co<D &>) {
		return spawn_threadsafe(on, detail::kept(D(std::forward<W>(what))));
	} else
#endif
	{
		return detail::make<concurrent_future<detail::stackful_result<D>>>([&](aw_cfuture **out) {
			return aw_submit_threadsafe(on.get(), detail::stackful_body<W>, detail::boxed<W>::make(std::forward<W>(what)),
			                            detail::boxed<W>::destroy, out);
		});
	}
}

template <class W> auto runner::run(W &&what) {
	using D = std::decay_t<W>;
#ifdef LIBAWAIT_COROUTINES
	if constexpr (detail::is_co<D>) {
		using T = typename D::value_type;
		auto result = std::make_shared<detail::kept_result<T>>();
		coro body = detail::to_coro(get_loop().get(), detail::into(result, std::forward<W>(what)));
		aw_status status = detail::elsewhere([&] { return aw_runner_run_coro(raw_.get(), body.get(), nullptr); });
		body = {};
		return ended<T>(status, *result);
	} else if constexpr (detail::makes_co<D &>) {
		return run(detail::kept(D(std::forward<W>(what))));
	} else
#endif
	{
		using T = detail::stackful_result<D>;
		(void)get_loop(); /* whose error says more than that of a run */
		auto result = std::make_shared<detail::kept_result<T>>();
		auto body = [result, fn = D(std::forward<W>(what))]() mutable {
			result->run(fn);
			if (result->thrown) std::rethrow_exception(result->thrown);
		};
		using box = detail::boxed<decltype(body)>;
		void *ud = box::make(std::move(body));
		aw_status status = detail::elsewhere(
			[&] { return aw_runner_run(raw_.get(), detail::stackful_body<decltype(body)>, ud, box::destroy, nullptr); });
		return ended<T>(status, *result);
	}
}

/**
 * Runs a program: makes a loop, runs `what` (a coroutine, a function that makes one, or a function on a stack of its own) to its end, cancels
 * and awaits what is left, and closes the loop. Gives what it gives, throws what it throws. asyncio.run.
 */
template <class W> auto run(W &&what, const char *backend = nullptr) {
	runner once(backend);
	return once.run(std::forward<W>(what));
}

} // namespace libawait

#endif
