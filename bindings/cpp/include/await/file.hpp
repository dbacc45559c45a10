/* SPDX-License-Identifier: MIT */
/**
 * @file file.hpp
 * Files: open handles and paths, without blocking the loop.
 */
#ifndef AWAIT_FILE_HPP
#define AWAIT_FILE_HPP

#include <await/bytes.hpp>
#include <await/task.hpp>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace libawait {

/**
 * An open file with a position. Only one sequential call may be in progress at a time; calls with an offset may
 * be, in any number. Memory that a call is given has to stay until it has ended. Dropping the last handle of an
 * open file closes it on the spot, which may block.
 */
class file : public detail::shared<aw_file, aw_file_ref, aw_file_unref> {
	/* First, since their types are deduced. */
	/** An operation that writes, and tells how much. */
	template <class Start> auto written(uint64_t *progress, Start start) const {
		struct call {
			file on;
			uint64_t *progress;
			uint64_t done;
			Start start;
		};
		return detail::start_later<void>(
			call{*this, progress, 0, std::move(start)},
			[](call &self, aw_coro **out) {
				return self.start(self.on.get(), self.progress ? self.progress : &self.done, out);
			},
			[](call &, void *) {});
	}
	template <class View, class Start> static auto vectored(const std::vector<View> &parts, Start start) {
		return [raw = detail::parts_of(parts), start](aw_file *on, uint64_t *done, aw_coro **out) {
			return start(on, raw.data(), raw.size(), done, out);
		};
	}

public:
	using shared::shared;

	/**
	 * Opens the file at `path`. `flags` are of ::aw_file_flag; a new file gets the permissions of `mode` less
	 * the umask.
	 */
	static operation<file> open(const std::string &path, uint32_t flags = AW_FILE_READ, uint32_t mode = 0666,
	                            const loop &of = {});
	/** The same; a relative path begins in this directory, opened with ::AW_FILE_DIRECTORY. */
	operation<file> open_at(const std::string &path, uint32_t flags = AW_FILE_READ,
	                        uint32_t mode = 0666) const;
	/** Makes a file of a descriptor, which it then owns; if this throws, the caller still does. */
	static file adopt_fd(int fd, const loop &of = {}) {
		return detail::make<file>([&](aw_file **out) { return aw_file_adopt(of.get(), fd, out); });
	}
	/** Moves the descriptor to the caller, and closes the file. */
	int take_fd() {
		return detail::check(aw_file_take(get()));
	}
	/** Returns the descriptor, which stays the file's. */
	int fd() const {
		return detail::check(aw_file_fd(get()));
	}
	/** Closes it. Throws what was not reported before about what was written. */
	operation<void> close() {
		return detail::make_operation<void>([&](aw_coro **out) { return aw_file_close_coro(get(), out); });
	}

	/** Reads up to the buffer's size at the position; 0 at the end. */
	operation<size_t> read(buffer_view to) {
		return detail::make_operation<size_t>(
			[&](aw_coro **out) { return aw_file_read_coro(get(), to.data(), to.size(), out); });
	}
	/** Reads up to `most` bytes at the position; "" at the end. */
	auto read(size_t most) {
		struct call {
			file on;
			std::string to;
		};
		return detail::start_later<std::string>(
			call{*this, std::string(most, '\0')},
			[](call &self, aw_coro **out) {
				return aw_file_read_coro(self.on.get(), self.to.data(), self.to.size(), out);
			},
			[](call &self, void *length) {
				self.to.resize(detail::values<size_t>::peek(length));
				return std::move(self.to);
			});
	}
	/** Reads at `offset`; the position is neither used nor changed. */
	operation<size_t> read_at(buffer_view to, uint64_t offset) {
		return detail::make_operation<size_t>(
			[&](aw_coro **out) { return aw_file_read_at_coro(get(), to.data(), to.size(), offset, out); });
	}
	/** Reads into several parts, at the position or at `offset`. Returns how many bytes. */
	auto readv(const std::vector<buffer_view> &parts, int64_t offset = AW_FILE_HERE) {
		struct call {
			file on;
			std::vector<iovec> parts;
			int64_t offset;
		};
		return detail::start_later<size_t>(
			call{*this, detail::parts_of(parts), offset},
			[](call &self, aw_coro **out) {
				return aw_file_readv_coro(self.on.get(), self.parts.data(), self.parts.size(), self.offset,
			                              out);
			},
			[](call &, void *length) { return detail::values<size_t>::peek(length); });
	}
	/**
	 * Writes all bytes at the position, or at the end of a file that was opened to append. `progress` is
	 * optional: how many were written, also on failure.
	 */
	auto write(bytes_view data, uint64_t *progress = nullptr) {
		return written(progress, [data](aw_file *on, uint64_t *done, aw_coro **out) {
			return aw_file_write_coro(on, data.data(), data.size(), done, out);
		});
	}
	/** Writes all bytes at `offset`; the position is neither used nor changed. */
	auto write_at(bytes_view data, uint64_t offset, uint64_t *progress = nullptr) {
		return written(progress, [data, offset](aw_file *on, uint64_t *done, aw_coro **out) {
			return aw_file_write_at_coro(on, data.data(), data.size(), offset, done, out);
		});
	}
	/** Writes several parts, at the position or at `offset`. */
	auto writev(const std::vector<bytes_view> &parts, int64_t offset = AW_FILE_HERE,
	            uint64_t *progress = nullptr) {
		auto start = [offset](aw_file *on, const iovec *raw, size_t count, uint64_t *done, aw_coro **out) {
			return aw_file_writev_coro(on, raw, count, offset, done, out);
		};
		return written(progress, vectored(parts, start));
	}
	/** Makes sure that everything written so far is on the disk. `flags` are of ::aw_file_sync_flag. */
	operation<void> sync(uint32_t flags = AW_FILE_SYNC_ALL) {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_file_sync_coro(get(), flags, out); });
	}
	/** Cuts the file off at `length`, or extends it with zeros. */
	operation<void> truncate(uint64_t length) {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_file_truncate_coro(get(), length, out); });
	}
	/** Reserves room on the disk. */
	operation<void> allocate(uint64_t offset, uint64_t length) {
		return detail::make_operation<void>(
			[&](aw_coro **out) { return aw_file_allocate_coro(get(), offset, length, out); });
	}
	/** Returns what is known about the file. */
	auto stat() {
		struct call {
			file on;
			aw_file_info info;
		};
		return detail::start_later<aw_file_info>(
			call{*this, {}},
			[](call &self, aw_coro **out) {
				self.info.size = sizeof self.info;
				return aw_file_stat_coro(self.on.get(), &self.info, out);
			},
			[](call &self, void *) { return self.info; });
	}
	/** Moves the position, from one of ::aw_file_whence; returns it. */
	int64_t seek(int64_t offset, int32_t whence = AW_FILE_FROM_START) {
		int64_t to = 0;
		detail::check(aw_file_seek(get(), offset, whence, &to));
		return to;
	}
	/** Returns the position, or -1 if the file is closed. */
	int64_t tell() const noexcept {
		return aw_file_tell(get());
	}
};

namespace detail {

template <> struct values<file> : handle_values<file, aw_file, aw_file_unref> {};

inline std::string pattern_of(std::string path) {
	return std::move(path) + "XXXXXX";
}

} // namespace detail

inline operation<file> file::open(const std::string &path, uint32_t flags, uint32_t mode, const loop &of) {
	return detail::make_operation<file>(
		[&](aw_coro **out) { return aw_file_open_coro(of.get(), path.c_str(), flags, mode, out); });
}
inline operation<file> file::open_at(const std::string &path, uint32_t flags, uint32_t mode) const {
	return detail::make_operation<file>(
		[&](aw_coro **out) { return aw_file_open_at_coro(get(), path.c_str(), flags, mode, out); });
}

/** @name Paths */
/**@{*/
/** Returns what is known about a file; with ::AW_PATH_NOFOLLOW, about a symbolic link itself. */
inline auto path_stat(std::string path, uint32_t flags = 0, loop of = {}) {
	struct call {
		std::string path;
		uint32_t flags;
		loop of;
		aw_file_info info;
	};
	return detail::start_later<aw_file_info>(
		call{std::move(path), flags, std::move(of), {}},
		[](call &self, aw_coro **out) {
			self.info.size = sizeof self.info;
			return aw_path_stat_coro(self.of.get(), self.path.c_str(), self.flags, &self.info, out);
		},
		[](call &self, void *) { return self.info; });
}
/** Renames a file, and replaces one that exists; with ::AW_PATH_NOREPLACE, throws -EEXIST instead. */
inline operation<void> path_rename(const std::string &from, const std::string &to, uint32_t flags = 0,
                                   const loop &of = {}) {
	return detail::make_operation<void>(
		[&](aw_coro **out) { return aw_path_rename_coro(of.get(), from.c_str(), to.c_str(), flags, out); });
}
/** Gives a file a second name. */
inline operation<void> path_link(const std::string &old_path, const std::string &new_path,
                                 const loop &of = {}) {
	return detail::make_operation<void>(
		[&](aw_coro **out) { return aw_path_link_coro(of.get(), old_path.c_str(), new_path.c_str(), out); });
}
/** Makes `path` a symbolic link with the text `target`. */
inline operation<void> path_symlink(const std::string &target, const std::string &path, const loop &of = {}) {
	return detail::make_operation<void>(
		[&](aw_coro **out) { return aw_path_symlink_coro(of.get(), target.c_str(), path.c_str(), out); });
}
/** Returns the text of a symbolic link. */
inline auto path_readlink(std::string path, loop of = {}) {
	struct call {
		std::string path;
		loop of;
		std::string text;
	};
	return detail::start_later<std::string>(
		call{std::move(path), std::move(of), std::string(4096, '\0')}, /* PATH_MAX: no link is longer */
		[](call &self, aw_coro **out) {
			return aw_path_readlink_coro(self.of.get(), self.path.c_str(), self.text.data(), self.text.size(),
		                                 out);
		},
		[](call &self, void *length) {
			self.text.resize(detail::values<size_t>::peek(length));
			return std::move(self.text);
		});
}
/** Removes the name of a file that is not a directory. */
inline operation<void> path_unlink(const std::string &path, const loop &of = {}) {
	return detail::make_operation<void>(
		[&](aw_coro **out) { return aw_path_unlink_coro(of.get(), path.c_str(), out); });
}
/** Creates a directory; with ::AW_PATH_PARENTS, those above as well, unless they exist. */
inline operation<void> path_mkdir(const std::string &path, uint32_t mode = 0777, uint32_t flags = 0,
                                  const loop &of = {}) {
	return detail::make_operation<void>(
		[&](aw_coro **out) { return aw_path_mkdir_coro(of.get(), path.c_str(), mode, flags, out); });
}
/** Removes an empty directory. */
inline operation<void> path_rmdir(const std::string &path, const loop &of = {}) {
	return detail::make_operation<void>(
		[&](aw_coro **out) { return aw_path_rmdir_coro(of.get(), path.c_str(), out); });
}
/**@}*/

/** @name Whole files, and temporary ones */
/**@{*/
/** Reads a whole file. Throws -EFBIG beyond `limit` bytes; 0 means no limit. */
inline auto read_file(std::string path, uint64_t limit = 0, loop of = {}) {
	struct call {
		std::string path;
		uint64_t limit;
		loop of;
		uint64_t length;
	};
	return detail::start_later<std::string>(
		call{std::move(path), limit, std::move(of), 0},
		[](call &self, aw_coro **out) {
			return aw_file_read_whole_coro(self.of.get(), self.path.c_str(), self.limit, &self.length, out);
		},
		[](call &self, void *data) {
			auto *text = static_cast<const char *>(data);
			return text ? std::string(text, static_cast<size_t>(self.length)) : std::string();
		});
}
/**
 * Replaces the content of a file, so that at any time, also after a crash, the old or the new content is there.
 * `data` has to stay.
 */
inline operation<void> replace_file(const std::string &path, bytes_view data, uint32_t mode = 0666,
                                    const loop &of = {}) {
	return detail::make_operation<void>([&](aw_coro **out) {
		return aw_file_replace_coro(of.get(), path.c_str(), data.data(), data.size(), mode, out);
	});
}
/**
 * Creates and opens a file for this user only, whose name begins with `path`; returns it with its name. The
 * caller removes it.
 */
inline auto open_temp(std::string path, loop of = {}) {
	struct call {
		std::string pattern;
		loop of;
	};
	return detail::start_later<std::pair<file, std::string>>(
		call{detail::pattern_of(std::move(path)), std::move(of)},
		[](call &self, aw_coro **out) {
			return aw_file_open_temp_coro(self.of.get(), self.pattern.data(), AW_FILE_NAMED, out);
		},
		[](call &self, void *data) {
			return std::pair<file, std::string>(detail::values<file>::peek(data), std::move(self.pattern));
		});
}
/** Opens a file without a name in a directory. It is gone once it is closed. */
inline auto open_unnamed(std::string directory, loop of = {}) {
	struct call {
		std::string path;
		loop of;
	};
	return detail::start_later<file>(
		call{std::move(directory), std::move(of)},
		[](call &self, aw_coro **out) {
			return aw_file_open_temp_coro(self.of.get(), self.path.data(), AW_FILE_UNNAMED, out);
		},
		[](call &, void *data) { return detail::values<file>::peek(data); });
}
/** Creates a directory for this user only, whose name begins with `path`; returns its name. */
inline auto make_temp_directory(std::string path, loop of = {}) {
	struct call {
		std::string pattern;
		loop of;
	};
	return detail::start_later<std::string>(
		call{detail::pattern_of(std::move(path)), std::move(of)},
		[](call &self, aw_coro **out) {
			return aw_path_mkdtemp_coro(self.of.get(), self.pattern.data(), out);
		},
		[](call &self, void *) { return std::move(self.pattern); });
}
/**@}*/

/** An entry of a walk. */
struct walk_entry {
	std::string path;      /**< begins with the path that the walk was given */
	std::string name;      /**< the last name of `path` */
	uint32_t kind = 0;     /**< an ::aw_file_kind; a symbolic link itself */
	uint32_t depth = 0;    /**< 0 in the directory of the walk, 1 in those in it, … */
	std::error_code error; /**< why a directory could not be read: it then comes a second time */
};

/**
 * Iterates over what is in a directory and below it: `while (auto entry = co_await all.next())`. A directory
 * comes before what is in it. Symbolic links are not followed.
 */
class walk : public detail::shared<aw_iterator, aw_iterator_ref, aw_iterator_unref> {
public:
	using shared::shared;

	/** `max_depth` levels of directories are entered; 0 lists only `path` itself. */
	explicit walk(const std::string &path, uint32_t max_depth = AW_WALK_ALL, const loop &of = {})
		: walk(detail::make<walk>(
			  [&](aw_iterator **out) { return aw_walk_new(of.get(), path.c_str(), max_depth, out); })) {}

	class pulled;
	/** Waits for the next entry; none at the end. A cancelled call loses none. */
	pulled next() const;
};

/** The result of walk::next(). */
class walk::pulled : public detail::awaitable {
public:
	using value_type = std::optional<walk_entry>;
	explicit pulled(walk from) noexcept : from_(std::move(from)) {}

	aw_future *awaited() {
		if (!item_)
			item_ = detail::make<any_future>(
				[&](aw_future **out) { return aw_iterator_next_future(from_.get(), out); });
		return item_.get();
	}
	value_type finish(aw_status status, void *, aw_error *why) {
		if (status == AW_ESTOPITERATION) return std::nullopt;
		detail::finish_void(status, why);
		detail::parcel item;
		detail::check(aw_future_take_result(item_.get(), &item.data, &item.destroy));
		auto *raw = static_cast<aw_walk_entry *>(item.data);
		return walk_entry{raw->path, raw->name, raw->kind, raw->depth, error_code_of(raw->error)};
	}

private:
	walk from_;
	any_future item_;
};

inline walk::pulled walk::next() const {
	return pulled(*this);
}

} // namespace libawait

#endif
