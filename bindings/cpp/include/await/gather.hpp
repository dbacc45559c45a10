/* SPDX-License-Identifier: MIT */
/**
 * @file gather.hpp
 * gather() and shield().
 */
#ifndef AWAIT_GATHER_HPP
#define AWAIT_GATHER_HPP

#include <await/task.hpp>
#include <cstdint>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace libawait {

/** The outcome of one future. */
template <class T> class outcome {
public:
	explicit outcome(future<T> ended) noexcept : future_(std::move(ended)) {}

	bool has_value() const noexcept {
		return future_.done() && !future_.cancelled() && !future_.reason();
	}
	bool cancelled() const noexcept {
		return future_.cancelled();
	}
	/** Returns the value, or throws the error. */
	T value() {
		return future_.result();
	}
	/** Returns the error, which may be `cancelled`; none if there is a value. */
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

/** The argument of a combinator as a future: spawned as a task unless it is already a future. */
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

/** The result of gather(): a C future, and how to combine the values of its children. */
template <class Children, class Collect> class gathered : public awaitable {
public:
	using value_type = std::invoke_result_t<Collect &, Children &>;

	gathered(any_future all, Children children, Collect collect)
		: all_(std::move(all)), children_(std::move(children)), collect_(std::move(collect)) {}

	/** Returns the future that is done when all are. Cancelling it cancels each. */
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
	return make<any_future>(
		[&](aw_future **out) { return aw_gather(nullptr, raw.data(), raw.size(), flags, out); });
}

template <class Collect, class... T>
auto gather_tuple(uint32_t flags, Collect collect, std::tuple<future<T>...> children) {
	std::vector<aw_future *> raw =
		std::apply([](auto &...child) { return std::vector<aw_future *>{child.get()...}; }, children);
	return gathered<std::tuple<future<T>...>, Collect>(gather_raw(raw, flags), std::move(children),
	                                                   std::move(collect));
}

template <class Future> std::vector<aw_future *> raw_of(const std::vector<Future> &futures) {
	std::vector<aw_future *> raw;
	raw.reserve(futures.size());
	for (const Future &one : futures) raw.push_back(one.get());
	return raw;
}

} // namespace detail

/** gather(return_errors, …) returns an `outcome` for each, and never fails itself. */
struct return_errors_t {};
inline constexpr return_errors_t return_errors{};

namespace detail {

template <class W> inline constexpr bool is_one = true;
template <class T> inline constexpr bool is_one<std::vector<T>> = false;
template <> inline constexpr bool is_one<return_errors_t> = false;

} // namespace detail

/**
 * Waits for all, and returns their values in a tuple, in the order of the arguments; std::monostate replaces
 * void. Arguments that are not futures are spawned. The first failure is thrown at once, and the others
 * continue. Cancelling it cancels all. asyncio.gather.
 */
template <class... W, class = std::enable_if_t<(detail::is_one<std::decay_t<W>> && ...)>>
auto gather(W &&...what) {
	auto collect = [](auto &children) {
		return std::apply([](auto &...child) { return std::make_tuple(detail::result_of(child)...); },
		                  children);
	};
	return detail::gather_tuple(
		AW_GATHER_DEFAULT, collect,
		std::tuple<future<detail::awaited_type<W>>...>{detail::as_future(std::forward<W>(what))...});
}
template <class... W, class = std::enable_if_t<(detail::is_one<std::decay_t<W>> && ...)>>
auto gather(return_errors_t, W &&...what) {
	auto collect = [](auto &children) {
		return std::apply([](auto &...child) { return std::make_tuple(outcome(child)...); }, children);
	};
	return detail::gather_tuple(
		AW_GATHER_RETURN_ERRORS, collect,
		std::tuple<future<detail::awaited_type<W>>...>{detail::as_future(std::forward<W>(what))...});
}
/** Waits for any number, and returns their values in a vector, or nothing for void. */
template <class Future, class T = typename Future::value_type>
auto gather(const std::vector<Future> &futures) {
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
		detail::gather_raw(detail::raw_of(futures), AW_GATHER_DEFAULT), {futures.begin(), futures.end()},
		collect);
}
template <class Future, class T = typename Future::value_type>
auto gather(return_errors_t, const std::vector<Future> &futures) {
	auto collect = [](std::vector<future<T>> &children) {
		return std::vector<outcome<T>>(children.begin(), children.end());
	};
	return detail::gathered<std::vector<future<T>>, decltype(collect)>(
		detail::gather_raw(detail::raw_of(futures), AW_GATHER_RETURN_ERRORS),
		{futures.begin(), futures.end()}, collect);
}

/** Returns a future that follows `what` and does not pass a cancellation on to it. asyncio.shield. */
template <class W> auto shield(W &&what) {
	auto inner = detail::as_future(std::forward<W>(what));
	return detail::make<decltype(inner)>([&](aw_future **out) { return aw_shield(inner.get(), out); });
}

} // namespace libawait

#endif
