/* SPDX-License-Identifier: MIT */
/**
 * @file values.hpp
 * Values that pass through C as a pointer with a destroy.
 */
#ifndef AWAIT_VALUES_HPP
#define AWAIT_VALUES_HPP

#include <await/error.hpp>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace libawait {

namespace detail {

/** A value in transit: the pointer and destroy that C passes around. */
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

/**
 * A T as a C value. If it fits into a pointer it is stored there, an integer in the same way as by the C
 * calls; otherwise it is allocated.
 */
template <class T> struct values {
	static_assert(std::is_object_v<T> && !std::is_const_v<T>,
	              "a value is an object: no reference, not const");
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
	/** Reads from a pointer, or moves out of it. */
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
	/* None: the value was moved to another reader. */
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

/** A handle that C calls give as a value: the object itself, with its unref. */
template <class Handle, class Raw, void (*Unref)(Raw *)> struct handle_values {
	static constexpr bool fits = false;
	static void *pack(Handle from) noexcept {
		return from.release();
	}
	static constexpr aw_destroy_fn destroy() noexcept {
		return [](void *data) noexcept { Unref(static_cast<Raw *>(data)); };
	}
	static Handle peek(void *data) {
		if (!data) throw error(AW_EINVALIDSTATE);
		return Handle(share, static_cast<Raw *>(data));
	}
	static Handle move(void *data) {
		return peek(data);
	}
};

/** In a tuple. */
template <class T> using regular = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/** The body's value, kept until its scope has been left. */
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

} // namespace libawait

#endif
