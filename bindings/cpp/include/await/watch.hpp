/* SPDX-License-Identifier: MIT */
/**
 * @file watch.hpp
 * Watching files and trees of directories for changes.
 */
#ifndef AWAIT_WATCH_HPP
#define AWAIT_WATCH_HPP

#include <await/task.hpp>
#include <cstdint>
#include <string>
#include <system_error>

namespace libawait {

/** What a watch has seen. */
struct watch_event {
	std::string path;     /**< begins with the path that was added; "" for ::AW_WATCH_OVERFLOW */
	std::string old_path; /**< where it was, if it was renamed within what is watched; or "" */
	uint32_t kinds = 0;   /**< bits of ::aw_watch_kind */
	bool is_directory = false;
	std::error_code error; /**< for ::AW_WATCH_FAILED */
};

/** Watches any number of paths. */
class watch : public detail::shared<aw_watch, aw_watch_ref, aw_watch_unref> {
public:
	using shared::shared;

	static watch create(const loop &of = {}) {
		return detail::make<watch>([&](aw_watch **out) { return aw_watch_new(of.get(), out); });
	}
	/** Watches a path for `kinds` of ::aw_watch_kind; with ::AW_WATCH_TREE all directories below as well. */
	operation<void> add(const std::string &path, uint32_t kinds = AW_WATCH_ALL,
	                    uint32_t flags = AW_WATCH_PATH) {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_watch_add_coro(get(), path.c_str(), kinds, flags, out); });
	}
	/** Ends the watching of a path that was added. */
	operation<void> remove(const std::string &path) {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_watch_remove_coro(get(), path.c_str(), out); });
	}
	/** Waits for the next event. A cancelled call loses none. */
	auto next() {
		return detail::start_later<watch_event>(
			*this, [](watch &self, aw_coro **out) { return aw_watch_next_coro(self.get(), out); },
			[](watch &, void *data) {
				auto *raw = static_cast<const aw_watch_event *>(data);
				return watch_event{detail::text(raw->path), detail::text(raw->old_path), raw->kinds,
			                       raw->is_directory != 0, error_code_of(raw->error)};
			});
	}
};

} // namespace libawait

#endif
