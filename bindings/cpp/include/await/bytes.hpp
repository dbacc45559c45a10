/* SPDX-License-Identifier: MIT */
/**
 * @file bytes.hpp
 * Borrowed memory: bytes to read from, and room to write to.
 */
#ifndef AWAIT_BYTES_HPP
#define AWAIT_BYTES_HPP

#include <await/base.hpp>
#include <cstddef>
#include <cstring>
#include <ostream>
#include <string>
#include <string_view>
#include <sys/uio.h>
#include <type_traits>
#include <utility>
#include <vector>

namespace libawait {

namespace detail {

/** What a container of trivial values has its values in: a pointer to them. */
template <class C> using data_of = decltype(std::declval<C &>().data());
template <class C> using value_of = std::remove_pointer_t<data_of<C>>;
template <class C, class = void> inline constexpr bool holds_bytes = false;
template <class C>
inline constexpr bool holds_bytes<C, std::void_t<data_of<C>, decltype(std::declval<C &>().size())>> =
	std::is_pointer_v<data_of<C>> &&std::is_trivially_copyable_v<value_of<C>>;

} // namespace detail

/**
 * Borrowed bytes: a text, or anything with data() and size() that holds trivial values, converts to it. It
 * converts to a std::string_view, and in C++20 to a std::span<const std::byte>.
 */
class bytes_view {
public:
	using value_type = std::byte;

	constexpr bytes_view() noexcept = default;
	bytes_view(const void *data, size_t size) noexcept
		: data_(static_cast<const std::byte *>(data)), size_(size) {}
	bytes_view(const char *text) noexcept : bytes_view(text, std::strlen(text)) {}
	template <class C, class = std::enable_if_t<std::is_class_v<C> && detail::holds_bytes<const C> &&
	                                            !std::is_same_v<C, bytes_view>>>
	bytes_view(const C &from) noexcept
		: bytes_view(from.data(), from.size() * sizeof(detail::value_of<const C>)) {}

	const std::byte *data() const noexcept {
		return data_;
	}
	size_t size() const noexcept {
		return size_;
	}
	bool empty() const noexcept {
		return size_ == 0;
	}
	const std::byte *begin() const noexcept {
		return data_;
	}
	const std::byte *end() const noexcept {
		return data_ + size_;
	}
	/** Returns the same bytes as text, borrowed. */
	std::string_view text() const noexcept {
		return {reinterpret_cast<const char *>(data_), size_};
	}
	operator std::string_view() const noexcept {
		return text();
	}
	/** Returns a copy. */
	std::string str() const {
		return std::string(text());
	}
	/** Returns these bytes without the first `count`, of which there are as many. */
	bytes_view from(size_t count) const noexcept {
		return {data_ + count, size_ - count};
	}

	friend bool operator==(bytes_view a, bytes_view b) noexcept {
		return a.text() == b.text();
	}
	friend bool operator==(bytes_view a, std::string_view b) noexcept {
		return a.text() == b;
	}
	friend bool operator==(bytes_view a, const std::string &b) noexcept {
		return a.text() == b;
	}
	friend bool operator==(bytes_view a, const char *b) noexcept {
		return a.text() == b;
	}
	friend std::ostream &operator<<(std::ostream &to, bytes_view bytes) {
		return to << bytes.text();
	}

private:
	const std::byte *data_ = nullptr;
	size_t size_ = 0;
};

/** Borrowed room for bytes: anything with data() and size() that holds trivial values converts to it. */
class buffer_view {
public:
	constexpr buffer_view() noexcept = default;
	buffer_view(void *data, size_t size) noexcept : data_(static_cast<std::byte *>(data)), size_(size) {}
	template <class C,
	          class = std::enable_if_t<std::is_class_v<std::remove_reference_t<C>> &&
	                                   detail::holds_bytes<C> && !std::is_const_v<detail::value_of<C>> &&
	                                   !std::is_same_v<std::decay_t<C>, buffer_view>>>
	buffer_view(C &&to) noexcept : buffer_view(to.data(), to.size() * sizeof(detail::value_of<C>)) {}

	std::byte *data() const noexcept {
		return data_;
	}
	size_t size() const noexcept {
		return size_;
	}
	std::byte *begin() const noexcept {
		return data_;
	}
	std::byte *end() const noexcept {
		return data_ + size_;
	}

private:
	std::byte *data_ = nullptr;
	size_t size_ = 0;
};

namespace detail {

inline iovec part_of(bytes_view bytes) noexcept {
	return {const_cast<std::byte *>(bytes.data()), bytes.size()};
}
inline iovec part_of(buffer_view room) noexcept {
	return {room.data(), room.size()};
}
template <class Views> std::vector<iovec> parts_of(const Views &views) {
	std::vector<iovec> parts;
	parts.reserve(views.size());
	for (const auto &view : views) parts.push_back(part_of(view));
	return parts;
}

/** What C says in a pointer and a length. */
inline bytes_view bytes_of(const char *data, aw_status length) noexcept {
	return {data, static_cast<size_t>(length)};
}

} // namespace detail

} // namespace libawait

#endif
