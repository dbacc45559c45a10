/* SPDX-License-Identifier: MIT */
/**
 * @file run.hpp
 * run() and runner: run a program.
 */
#ifndef AWAIT_RUN_HPP
#define AWAIT_RUN_HPP

#include <await/coro.hpp>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace libawait {

/** Keeps one loop for several runs; its destructor cancels the remaining tasks. asyncio.Runner. */
class runner {
public:
	/** The loop is created at the first use. `flags` are of ::aw_runner_flag. */
	explicit runner(const char *backend = nullptr, uint32_t flags = AW_RUNNER_DEFAULT)
		: raw_(detail::make<counted>([&](aw_runner **out) { return aw_runner_new(backend, flags, out); })) {}
	runner(const runner &) = delete;
	runner &operator=(const runner &) = delete;
	~runner() {
		(void)detail::elsewhere([&] { return aw_runner_close(raw_.get()); });
	}
	/** Returns the loop. If it can't be created, the error says why. asyncio: Runner.get_loop. */
	loop get_loop() {
		aw_loop *raw = nullptr;
		aw_status status = aw_runner_loop(raw_.get(), &raw);
		aw_error *why = aw_runner_error(raw_.get());
		if (status < 0) detail::raise(status, failure(share, aw_error_status(why) == status ? why : nullptr));
		return loop(share, raw);
	}
	/**
	 * Runs a coroutine, a function that returns one, or a function on its own stack. Returns its value, or
	 * throws its error. With ::AW_RUNNER_SIGINT, throws -EINTR if a SIGINT ended it. asyncio: Runner.run.
	 */
	template <class W> auto run(W &&what);
	/** Cancels and awaits the remaining tasks, then closes the loop. asyncio: Runner.close. */
	void close() {
		detail::check_run(detail::elsewhere([&] { return aw_runner_close(raw_.get()); }));
	}

private:
	using counted = detail::shared<aw_runner, aw_runner_ref, aw_runner_unref>;
	template <class T> static T ended(aw_status status, detail::kept_result<T> &result);
	counted raw_;
};

/*
 * The status of the run, and the outcome of what ran in it. The task shares the result, since a run that is
 * left early leaves its task to the next run or the close. A task that never started, or that a SIGINT ended,
 * has no outcome.
 */
template <class T> T runner::ended(aw_status status, detail::kept_result<T> &result) {
	if (status == -EINTR || status == AW_ESYSTEMEXIT || (!result.thrown && !result.value))
		detail::check_run(status);
	if (!result.thrown && !result.value) throw error(AW_ESTOPPED);
	return result.take();
}

template <class W> auto runner::run(W &&what) {
	using D = std::decay_t<W>;
#ifdef LIBAWAIT_COROUTINES
	if constexpr (detail::is_co<D>) {
		using T = typename D::value_type;
		auto result = std::make_shared<detail::kept_result<T>>();
		coro body = detail::to_coro(get_loop().get(), detail::into(result, std::forward<W>(what)));
		aw_status status =
			detail::elsewhere([&] { return aw_runner_run_coro(raw_.get(), body.get(), nullptr); });
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
		aw_status status = detail::elsewhere([&] {
			return aw_runner_run(raw_.get(), detail::stackful_body<decltype(body)>, ud, box::destroy,
			                     nullptr);
		});
		return ended<T>(status, *result);
	}
}

/**
 * Runs a program: creates a loop, runs `what` (a coroutine, a function that returns one, or a function on its
 * own stack) to its end, cancels and awaits the remaining tasks, and closes the loop. Returns the value of
 * `what`, or throws its error. asyncio.run.
 */
template <class W> auto run(W &&what, const char *backend = nullptr) {
	runner once(backend);
	return once.run(std::forward<W>(what));
}

} // namespace libawait

#endif
