/* SPDX-License-Identifier: MIT */
/**
 * @file context.hpp
 * Task-local values.
 */
#ifndef AWAIT_CONTEXT_HPP
#define AWAIT_CONTEXT_HPP

#include <await/values.hpp>
#include <cerrno>
#include <optional>
#include <utility>

namespace libawait {

/**
 * A task-local value. A task starts with a copy of the spawning task's values. Any thread.
 * contextvars.ContextVar.
 */
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
	/** Returns the current value, or none. */
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

} // namespace libawait

#endif
