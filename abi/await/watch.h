/* SPDX-License-Identifier: MIT */
/**
 * @file watch.h
 * Watching files and trees of directories for changes.
 *
 * A watch reports what happens in the directories, or to the files, that were added to it. Nothing that was
 * there when a path was added is reported. In a tree, directories that appear are watched as well, and what was
 * put into them before that is reported as created: every file that appears is reported, and none twice.
 *
 * A plain name is for stackful tasks; its `_coro` is the same as a coroutine. Directories are read on the threads
 * that the loop reserves for files (file.h).
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_WATCH_H
#define AWAIT_WATCH_H

#include <await/base.h>
#include <await/coro.h>

AW_BEGIN_DECLS

/** Watches any number of paths. It belongs to a loop. */
typedef struct aw_watch aw_watch;

/** What happened: bits of ::aw_watch_event. */
enum aw_watch_kind {
	AW_WATCH_CREATED = 1,    /**< it appeared */
	AW_WATCH_CHANGED = 2,    /**< its data was written, or it was truncated */
	AW_WATCH_WRITTEN = 4,    /**< it was closed by someone who could write to it */
	AW_WATCH_ATTRIBUTES = 8, /**< its permissions, owner, times or number of names changed */
	AW_WATCH_REMOVED = 16,   /**< it is not there any more */
	/**
	 * it was renamed, from `old_path` to `path`. With ::AW_WATCH_CREATED: it came from where nothing is watched;
	 * with ::AW_WATCH_REMOVED: it went there
	 */
	AW_WATCH_MOVED = 32,
	AW_WATCH_ALL = 63, /**< all of these */
	/**
	 * a path that was added is not watched any more: it was removed, renamed or unmounted. Always reported. Add the
	 * path again to watch what is there now
	 */
	AW_WATCH_GONE = 64,
	/**
	 * events were lost, since too many had come; look at everything again. Directories of a tree that appeared
	 * meanwhile have been found. Always reported
	 */
	AW_WATCH_OVERFLOW = 128,
	/** a directory of a tree can't be watched or read, for the reason `error`. Always reported */
	AW_WATCH_FAILED = 256
};

/** Flags of aw_watch_add(). */
enum aw_watch_flag {
	AW_WATCH_PATH = 0, /**< a file, or a directory with what is directly in it */
	AW_WATCH_TREE = 1  /**< a directory and all directories below it */
};

/** An event. It belongs to whom it was returned to, who releases it with aw_watch_event_free(). */
typedef struct aw_watch_event {
	const char *path;      /**< begins with the path that was added; NULL for ::AW_WATCH_OVERFLOW */
	const char *old_path;  /**< where it was, if it was renamed within what is watched; or NULL */
	uint32_t kinds;        /**< bits of ::aw_watch_kind */
	uint32_t is_directory; /**< 1 for a directory */
	int32_t error;         /**< a negative errno, for ::AW_WATCH_FAILED */
	uint32_t reserved;     /**< 0 */
} aw_watch_event;

/**
 * Creates a watch without paths.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of inotify_init(2), -EMFILE among them; -ENOMEM.
 */
AW_NODISCARD AW_API aw_status aw_watch_new(aw_loop *loop, aw_watch **out);
/**
 * Adds a reference and returns `watch`.
 *
 * Thread: any.
 */
AW_API aw_watch *aw_watch_ref(aw_watch *watch);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_watch_unref(aw_watch *watch);
/**
 * Watches `path` for `kinds` of ::aw_watch_kind. `flags` are of ::aw_watch_flag. If the path is a symbolic link,
 * what it refers to is watched; links in a tree are not followed. Once the call has returned every change is
 * reported. A path that was added before gets the new kinds besides. Paths of the same file, such as a link and
 * what it refers to, are one: events have the path that was added last, and only that one can be removed.
 *
 * Returns: 0.
 *
 * Errors: those of inotify_add_watch(2): -ENOENT, -EACCES, -ENOSPC beyond the system's limit of watches; those of
 * opendir(3); -EINVAL; ::AW_EBADHANDLE; ::AW_ENOTASK; -ENOMEM. Nothing is watched then that was not before.
 *
 * Cancellation: the path may be watched.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_watch_add(aw_watch *watch, const char *path, uint32_t kinds,
                                                       uint32_t flags);
/**
 * Creates a coroutine that does what aw_watch_add() does, with its own copy of the path.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_watch_add_coro(aw_watch *watch, const char *path, uint32_t kinds,
                                                uint32_t flags, aw_coro **out);
/**
 * Ends the watching of `path`, which was added. Events that came before may still be returned.
 *
 * Returns: 0.
 *
 * Errors: -ENOENT if the path is not watched; -EINVAL; ::AW_EBADHANDLE; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: the path may not be watched any more.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_watch_remove(aw_watch *watch, const char *path);
/**
 * Creates a coroutine that does what aw_watch_remove() does, with its own copy of the path.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_watch_remove_coro(aw_watch *watch, const char *path, aw_coro **out);
/**
 * Awaits the next event, which the caller releases with aw_watch_event_free().
 *
 * Returns: 0, and the event in `out`.
 *
 * Errors: -EBUSY if another task awaits an event of this watch; ::AW_EBADHANDLE; ::AW_ENOTASK; -EINVAL; -ENOMEM,
 * which loses nothing.
 *
 * Cancellation: no event is lost; the next call returns it.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_watch_next(aw_watch *watch, aw_watch_event **out);
/**
 * Creates a coroutine that does what aw_watch_next() does. Its value is the ::aw_watch_event, with its destroy.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_watch_next_coro(aw_watch *watch, aw_coro **out);
/**
 * Releases an event. Does nothing with NULL.
 *
 * Thread: any.
 */
AW_API void aw_watch_event_free(aw_watch_event *event);

AW_END_DECLS

#endif
