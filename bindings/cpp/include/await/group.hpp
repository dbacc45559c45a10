/* SPDX-License-Identifier: MIT */
/**
 * @file group.hpp
 * Task groups.
 */
#ifndef AWAIT_GROUP_HPP
#define AWAIT_GROUP_HPP

#include <await/coro.hpp>
#include <cerrno>
#include <exception>
#include <type_traits>
#include <utility>

namespace libawait {

/** Tasks that end before the block that started them. Created by with_task_group(). asyncio.TaskGroup. */
class task_group : public detail::shared<aw_taskgroup, aw_taskgroup_ref, aw_taskgroup_unref> {
public:
	using shared::shared;

	/**
	 * Starts a task in the group; takes what spawn() takes. Throws ::AW_EINVALIDSTATE once the group shuts
	 * down. asyncio: TaskGroup.create_task.
	 */
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
		return detail::make_task<T>(
			[&](aw_task **out) { return aw_taskgroup_spawn_coro(get(), what.get(), out); });
	}
	template <class F> task<detail::stackful_result<F>> spawn_stackful(F &&fn) {
		void *ud = detail::boxed<F>::make(std::forward<F>(fn));
		return detail::make_task<detail::stackful_result<F>>([&](aw_task **out) {
			return aw_taskgroup_spawn(get(), detail::stackful_body<F>, ud, detail::boxed<F>::destroy, out);
		});
	}
	static task_group begin() {
		auto made =
			detail::make<task_group>([](aw_taskgroup **out) { return aw_taskgroup_new(nullptr, out); });
		detail::check(aw_taskgroup_enter(made.get()));
		return made;
	}
	/* Waits for all; throws the errors of the block and its tasks. */
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
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_taskgroup_exit_coro(get(), body, why.get(), out); });
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
 * Runs `body(group)`, then waits for all tasks of the group, and returns the body's value: directly in a
 * stackful task, or as a coroutine to await if the body is one. If the body or a task fails, the others are
 * cancelled, and a `group_error` is thrown.
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

#ifdef LIBAWAIT_COROUTINES
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
#endif

} // namespace libawait

#endif
