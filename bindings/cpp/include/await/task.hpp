/* SPDX-License-Identifier: MIT */
/**
 * @file task.hpp
 * Tasks, and how they are spawned.
 */
#include <await/loop.hpp> /* before the guard: the loop's header includes this one, where it can stand */
#ifndef AWAIT_TASK_HPP
#define AWAIT_TASK_HPP

#include <await/operation.hpp>
#include <await/sleep.hpp>
#include <cerrno>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace libawait {

/** A future that runs a coroutine. Dropping it detaches the task and never stops it. asyncio: Task. */
template <class T = void> class task : public future<T> {
public:
	using future<T>::future;

	/** Converts a task whose value the caller knows to be a T. */
	static task from(any_future any) noexcept {
		return task(adopt, any.release());
	}
	/** Returns how many cancel requests are pending. asyncio: Task.cancelling. */
	int cancelling() const {
		return detail::check(aw_task_cancelling(raw()));
	}
	/** Withdraws one request; returns how many are left. asyncio: Task.uncancel. */
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
	/** Returns its coroutine, borrowed; nullptr for a stackful task. */
	aw_coro *get_coro() const noexcept {
		return aw_task_coro(raw());
	}

private:
	aw_task *raw() const noexcept {
		return aw_future_task(this->get());
	}
};

namespace detail {

/** Wraps the task that a call returns. A task is its own future: one reference serves as both. */
template <class T, class Call> task<T> make_task(Call call) {
	aw_task *raw = nullptr;
	check(call(&raw));
	return task<T>(adopt, aw_task_future(raw));
}

} // namespace detail

/** Returns the running task, or an empty handle. asyncio.current_task. */
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
/**
 * The coroutine that a function returns. Keeps the function as long as the coroutine runs: it may be a lambda
 * with captures.
 */
template <class F> auto kept(F fn) -> std::invoke_result_t<F &>;
#endif

/** Anything that can be spawned, as a C coroutine. */
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

/** Anything else that can be awaited, which converts its outcome itself, as a C coroutine. */
template <class A> class converted {
public:
	using T = typename A::value_type;

	static coro make(aw_loop *on, A what) {
		auto *ud = new converted(std::move(what));
		return detail::make<coro>([&](aw_coro **out) {
			return aw_coro_new(
				on, step, ud, [](void *self) noexcept { delete static_cast<converted *>(self); }, out);
		});
	}

private:
	explicit converted(A what) : what_(std::move(what)) {}

	static aw_status step(aw_resume *resume, void *ud) noexcept {
		auto &self = *static_cast<converted *>(ud);
		try {
			if (!std::exchange(self.waits_, true)) return answer_with(resume, self.what_.awaited());
			return self.end(resume);
		} catch (...) {
			failure why = failure::current();
			return why ? aw_resume_raise(resume, why.get()) : -ENOMEM;
		}
	}
	aw_status end(aw_resume *resume) {
		aw_status sent = aw_resume_status(resume);
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
	bool waits_ = false;
};
template <class A,
          class = std::enable_if_t<is_awaitable<A> && !is_co<A> && !std::is_base_of_v<any_future, A>>>
coro coro_of(aw_loop *on, A what) {
	return converted<A>::make(on, std::move(what));
}

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
 * Creates a task from a coroutine, an operation, a function that returns a coroutine (the function is kept as
 * long as the coroutine runs), or any other function, which then runs on its own stack and waits with
 * await(). It starts in the next iteration. asyncio.create_task.
 */
template <class W> auto spawn(W &&what) {
	return detail::spawn(nullptr, false, std::forward<W>(what));
}
/** spawn() on a loop that need not be running yet. asyncio: loop.create_task. */
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
		aw_status status =
			detail::elsewhere([&] { return aw_loop_run_until_complete(get(), ended.get(), nullptr); });
		if (status < 0 && !ended.done()) detail::check_run(status);
		return ended.result();
	} else {
		return run_until_complete(spawn(*this, std::forward<W>(what)));
	}
}

} // namespace libawait

#endif
