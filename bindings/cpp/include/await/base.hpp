/* SPDX-License-Identifier: MIT */
/**
 * @file base.hpp
 * The base of all handles: one reference to a C object.
 */
#ifndef AWAIT_BASE_HPP
#define AWAIT_BASE_HPP

#include <await/await.h>
#include <utility>

#if defined(__cpp_impl_coroutine) && __cplusplus >= 202002L
/** Defined if the compiler supports coroutines. */
#define LIBAWAIT_COROUTINES 1
#endif

namespace libawait {

/** Takes over the reference that comes with a raw pointer. */
struct adopt_t {};
/** Takes another reference. */
struct share_t {};
inline constexpr adopt_t adopt{};
inline constexpr share_t share{};

namespace detail {

/**
 * One reference to a libawait object. Empty if default-constructed or moved from. Any thread may copy and
 * destroy it.
 */
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

	/** Returns the C object, borrowed. */
	Raw *get() const noexcept {
		return raw_;
	}
	/** Releases the reference to the caller. */
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

} // namespace libawait

#endif
