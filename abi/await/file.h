/* SPDX-License-Identifier: MIT */
/**
 * @file file.h
 * Files: open handles and paths, without blocking the loop.
 *
 * On a backend that performs reads and writes (::AW_BACKEND_COMPLETION) those go through it, and so does whatever
 * else it can do: on `uring` opening, syncing, truncating, allocating, and retrieving what is known about a file;
 * renaming, unlinking, and creating a single directory. Everything else runs on threads that the loop reserves for
 * files, so that a slow disk delays neither the loop nor the lookup of names. Elsewhere a read whose data is in the
 * system's cache returns at once.
 *
 * A plain name is for stackful tasks; its `_coro` is the same as a coroutine. Unless an entry says otherwise,
 * the coroutine's value is an ::AW_VALUE_INTEGER: what the plain call returns. Paths are copied; other memory
 * that a coroutine is given has to stay until it has ended.
 *
 * A cancelled call returns when nothing uses the caller's memory any more: at once while it is queued,
 * otherwise when its thread or the kernel is done with it. What a cancelled call has changed stays changed.
 *
 * A call that needs a thread fails with -EAGAIN where none can be started. The errors of calls that take a path
 * have a message with the path; see aw_caught().
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_FILE_H
#define AWAIT_FILE_H

#include <await/base.h>
#include <await/coro.h>
#include <await/iterator.h>

struct iovec;

AW_BEGIN_DECLS

/**
 * An open file with a position: where the next sequential read or write begins. It belongs to a loop, and only
 * one sequential call may be in progress at a time; calls with an offset may be, in any number.
 */
typedef struct aw_file aw_file;

/** How a file is opened. One of the first three is needed. */
enum aw_file_flag {
	AW_FILE_READ = 1,       /**< to read */
	AW_FILE_WRITE = 2,      /**< to write */
	AW_FILE_APPEND = 4,     /**< to write, always at the end */
	AW_FILE_CREATE = 8,     /**< created if it does not exist */
	AW_FILE_EXCLUSIVE = 16, /**< with ::AW_FILE_CREATE: -EEXIST if it exists */
	AW_FILE_TRUNCATE = 32,  /**< emptied */
	AW_FILE_NOFOLLOW = 64,  /**< -ELOOP if the path ends in a symbolic link */
	AW_FILE_DIRECTORY = 128 /**< a directory, for aw_file_open_at() and aw_file_sync() */
};

/** Flags of aw_file_sync(). */
enum aw_file_sync_flag {
	AW_FILE_SYNC_ALL = 0, /**< the data and all that is known about the file */
	AW_FILE_SYNC_DATA = 1 /**< the data, and of the rest only what is needed to read it */
};

/** From where aw_file_seek() counts. */
enum aw_file_whence {
	AW_FILE_FROM_START = 0,   /**< from the start of the file */
	AW_FILE_FROM_CURRENT = 1, /**< from the current position */
	AW_FILE_FROM_END = 2      /**< from the end of the file */
};

/** An offset for aw_file_readv() and aw_file_writev() that means the position. */
enum aw_file_offset {
	AW_FILE_HERE = -1 /**< at the position, which advances */
};

/** Flags of calls that take a path. */
enum aw_path_flag {
	AW_PATH_NOFOLLOW = 1,  /**< a symbolic link itself */
	AW_PATH_NOREPLACE = 2, /**< -EEXIST instead of replacing */
	AW_PATH_PARENTS = 4    /**< the directories above as well */
};

/** Flags of aw_file_open_temp(). */
enum aw_file_temp_flag {
	AW_FILE_NAMED = 0,  /**< under a name that is chosen */
	AW_FILE_UNNAMED = 1 /**< without a name */
};

/** The depth of aw_walk_new() that enters all directories. */
enum aw_walk_depth {
	AW_WALK_ALL = 0x7fffffff /**< no limit */
};

/** What a file is. */
enum aw_file_kind {
	AW_FILE_KIND_UNKNOWN = 0,
	AW_FILE_KIND_REGULAR = 1,
	AW_FILE_KIND_DIRECTORY = 2,
	AW_FILE_KIND_SYMLINK = 3,
	AW_FILE_KIND_FIFO = 4,
	AW_FILE_KIND_SOCKET = 5,
	AW_FILE_KIND_CHARACTER = 6, /**< a character device */
	AW_FILE_KIND_BLOCK = 7      /**< a block device */
};

/** What is known about a file. Times are nanoseconds since 1970. */
typedef struct aw_file_info {
	uint32_t size;     /**< sizeof(aw_file_info), set by the caller */
	uint32_t kind;     /**< an ::aw_file_kind */
	uint32_t mode;     /**< the permissions, as of chmod(2) */
	uint32_t user;     /**< number of the owner */
	uint32_t group;    /**< number of the group */
	uint32_t reserved; /**< 0 */
	uint64_t length;   /**< in bytes */
	uint64_t occupied; /**< bytes on the disk */
	uint64_t links;    /**< number of names */
	uint64_t device;   /**< with `number` identifies the file */
	uint64_t number;   /**< the inode */
	int64_t accessed;  /**< last read */
	int64_t modified;  /**< last change of the data */
	int64_t changed;   /**< last change of anything */
} aw_file_info;

/** @name Opening and closing */
/**@{*/
/**
 * Opens the file at `path`. `flags` are of ::aw_file_flag; a file that is created gets the permissions of
 * `mode` less the process's umask. The descriptor is close-on-exec.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of openat(2), -ENOENT, -EACCES, -EISDIR and -EMFILE among them; -ESPIPE for a pipe, socket or
 * terminal, which has no position and is not opened: wait for it with aw_fd_wait(); -EINVAL; ::AW_ENOTASK;
 * -ENOMEM.
 *
 * Cancellation: the file is not open; it may have been created or emptied.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_open(const char *path, uint32_t flags, uint32_t mode,
                                                       aw_file **out);
/**
 * Creates a coroutine that does what aw_file_open() does. Its value is the file, a new reference.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_open_coro(aw_loop *loop, const char *path, uint32_t flags,
                                                uint32_t mode, aw_coro **out);
/**
 * Opens a file as aw_file_open() does; a relative path begins in `directory`, which was opened with
 * ::AW_FILE_DIRECTORY.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of aw_file_open(); -ENOTDIR; ::AW_EBADHANDLE.
 *
 * Cancellation: as aw_file_open().
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_open_at(aw_file *directory, const char *path,
                                                          uint32_t flags, uint32_t mode, aw_file **out);
/**
 * Creates a coroutine that does what aw_file_open_at() does. Its value is the file, a new reference.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_open_at_coro(aw_file *directory, const char *path, uint32_t flags,
                                                   uint32_t mode, aw_coro **out);
/**
 * Makes a file of a descriptor, which it owns from then on. The position is the descriptor's. On failure the
 * descriptor stays the caller's.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EBADF; -ESPIPE; -EINVAL; -ENOMEM.
 */
AW_NODISCARD AW_API aw_status aw_file_adopt(aw_loop *loop, int fd, aw_file **out);
/**
 * Moves the descriptor to the caller, who closes it, and sets its position to that of the file, which is
 * closed then.
 *
 * Returns: the descriptor.
 *
 * Errors: -EBADF if the file is closed; -EBUSY while a call is in progress; ::AW_EBADHANDLE.
 */
AW_NODISCARD AW_API aw_status aw_file_take(aw_file *file);
/**
 * Returns the descriptor, which stays the file's: do not close it, nor read or write at its position.
 *
 * Returns: the descriptor.
 *
 * Errors: -EBADF if the file is closed; ::AW_EBADHANDLE.
 */
AW_API aw_status aw_file_fd(const aw_file *file);
/**
 * Closes the file, whatever it returns. It is the last call that can report that something which was written
 * did not reach the disk; aw_file_sync() before it makes sure.
 *
 * Returns: 0.
 *
 * Errors: those of close(2); an error of a cancelled call that nobody has seen; -EBADF if the file is closed
 * already; -EBUSY while a call is in progress, and then the file stays open; ::AW_EBADHANDLE; ::AW_ENOTASK.
 *
 * Cancellation: the file is closed.
 */
AW_STACKFUL AW_API aw_status aw_file_close(aw_file *file);
/**
 * Creates a coroutine that does what aw_file_close() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_close_coro(aw_file *file, aw_coro **out);
/**
 * Adds a reference and returns `file`.
 *
 * Thread: any.
 */
AW_API aw_file *aw_file_ref(aw_file *file);
/**
 * Drops a reference. Dropping the last one to a file that is open closes it on the spot, which may block, and
 * the errors of aw_file_close() are reported to the exception handler.
 *
 * Thread: any.
 */
AW_API void aw_file_unref(aw_file *file);
/**@}*/

/** @name Reading and writing */
/**@{*/
/**
 * Reads up to `length` bytes at the position, which advances by what was read.
 *
 * Returns: how many, at most INT32_MAX; 0 at the end of the file.
 *
 * Errors: those of read(2); -EBADF if the file is closed or was not opened to read; -EBUSY while another
 * sequential call is in progress; -EINVAL for a NULL `buffer`; ::AW_EBADHANDLE; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: the position stays, and the next read gets the same bytes. `buffer` may have been written to.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_read(aw_file *file, void *buffer, size_t length);
/**
 * Creates a coroutine that does what aw_file_read() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_read_coro(aw_file *file, void *buffer, size_t length, aw_coro **out);
/**
 * Reads up to `length` bytes at `offset`. The position is neither used nor changed.
 *
 * Returns: how many, at most INT32_MAX; 0 at or beyond the end of the file.
 *
 * Errors: those of aw_file_read(), without -EBUSY.
 *
 * Cancellation: `buffer` may have been written to.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_read_at(aw_file *file, void *buffer, size_t length,
                                                          uint64_t offset);
/**
 * Creates a coroutine that does what aw_file_read_at() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_read_at_coro(aw_file *file, void *buffer, size_t length,
                                                   uint64_t offset, aw_coro **out);
/**
 * Writes all of `length` bytes at the position, which advances by what was written, or at the end of a file
 * that was opened with ::AW_FILE_APPEND. `out_written` (optional) is how many bytes were written, also if the
 * call fails or is cancelled.
 *
 * Returns: 0: everything has been given to the system. aw_file_sync() gets it to the disk.
 *
 * Errors: those of write(2), -ENOSPC, -EDQUOT and -EFBIG among them; an error of an earlier cancelled write
 * that nobody has seen, before anything is written; -EBADF if the file is closed or was not opened to write;
 * -EBUSY while another sequential call is in progress; -EINVAL; ::AW_EBADHANDLE; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: a part may have been written; `out_written` and the position tell how much. If the write
 * failed besides, the file keeps the error for the next write, sync or close.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_write(aw_file *file, const void *data, size_t length,
                                                        uint64_t *out_written);
/**
 * Creates a coroutine that does what aw_file_write() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_write_coro(aw_file *file, const void *data, size_t length,
                                                 uint64_t *out_written, aw_coro **out);
/**
 * Writes all of `length` bytes at `offset`. The position is neither used nor changed.
 *
 * Returns: 0, as aw_file_write().
 *
 * Errors: those of aw_file_write(), without -EBUSY; -EINVAL for a file opened with ::AW_FILE_APPEND, where the
 * system would ignore the offset.
 *
 * Cancellation: as aw_file_write(), and the position stays.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_write_at(aw_file *file, const void *data, size_t length,
                                                           uint64_t offset, uint64_t *out_written);
/**
 * Creates a coroutine that does what aw_file_write_at() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_write_at_coro(aw_file *file, const void *data, size_t length,
                                                    uint64_t offset, uint64_t *out_written, aw_coro **out);
/**
 * Reads into `count` parts of memory, one after the other, with one system call: at the position if `offset` is
 * ::AW_FILE_HERE, otherwise as aw_file_read_at(). The array has to stay until the call has ended.
 *
 * Returns: how many bytes, which may end within any part; 0 at the end of the file.
 *
 * Errors: those of aw_file_read().
 *
 * Cancellation: as aw_file_read().
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_readv(aw_file *file, const struct iovec *parts,
                                                        size_t count, int64_t offset);
/**
 * Creates a coroutine that does what aw_file_readv() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_readv_coro(aw_file *file, const struct iovec *parts, size_t count,
                                                 int64_t offset, aw_coro **out);
/**
 * Writes all of `count` parts of memory, one after the other: at the position if `offset` is ::AW_FILE_HERE,
 * otherwise as aw_file_write_at(). The array has to stay until the call has ended.
 *
 * Returns: 0, as aw_file_write().
 *
 * Errors: those of aw_file_write().
 *
 * Cancellation: as aw_file_write().
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_writev(aw_file *file, const struct iovec *parts,
                                                         size_t count, int64_t offset, uint64_t *out_written);
/**
 * Creates a coroutine that does what aw_file_writev() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_writev_coro(aw_file *file, const struct iovec *parts, size_t count,
                                                  int64_t offset, uint64_t *out_written, aw_coro **out);
/**
 * Makes sure that everything written so far is on the disk. `flags` are of ::aw_file_sync_flag. For a
 * directory: that the names in it are.
 *
 * Returns: 0.
 *
 * Errors: those of fsync(2), also for earlier writes, by anyone, that did not reach the disk; an error of a
 * cancelled write that nobody has seen; -EBADF; -EINVAL; ::AW_EBADHANDLE; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: nothing is known. An error is kept for the next write, sync or close.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_sync(aw_file *file, uint32_t flags);
/**
 * Creates a coroutine that does what aw_file_sync() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_sync_coro(aw_file *file, uint32_t flags, aw_coro **out);
/**
 * Cuts the file off at `length`, or extends it with zeros. The position stays.
 *
 * Returns: 0.
 *
 * Errors: those of ftruncate(2); -EBADF; -EINVAL; ::AW_EBADHANDLE; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: the length may have changed.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_truncate(aw_file *file, uint64_t length);
/**
 * Creates a coroutine that does what aw_file_truncate() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_truncate_coro(aw_file *file, uint64_t length, aw_coro **out);
/**
 * Reserves room on the disk for `length` bytes from `offset` on, so that writing them can't fail with -ENOSPC.
 * Extends the file if it ends before them.
 *
 * Returns: 0.
 *
 * Errors: those of fallocate(2), -EOPNOTSUPP where the file system can't, and -ENOSPC; -EBADF; -EINVAL;
 * ::AW_EBADHANDLE; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: the room may be reserved.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_allocate(aw_file *file, uint64_t offset, uint64_t length);
/**
 * Creates a coroutine that does what aw_file_allocate() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_allocate_coro(aw_file *file, uint64_t offset, uint64_t length,
                                                    aw_coro **out);
/**
 * Retrieves what is known about the file. `out_info->size` is set by the caller.
 *
 * Returns: 0.
 *
 * Errors: those of fstat(2); -EBADF; -EINVAL if `size` is too small; ::AW_EBADHANDLE; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: `out_info` may have been written to.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_stat(aw_file *file, aw_file_info *out_info);
/**
 * Creates a coroutine that does what aw_file_stat() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_stat_coro(aw_file *file, aw_file_info *out_info, aw_coro **out);
/**
 * Moves the position to `offset` from the place `whence`, one of ::aw_file_whence, and stores it in `out`
 * (optional). Positions beyond the end are fine. An appending write takes place at the end all the same.
 *
 * Returns: 0.
 *
 * Errors: -EINVAL if the position would be negative; -EBUSY while a sequential call is in progress; -EBADF;
 * ::AW_EBADHANDLE.
 */
AW_API aw_status aw_file_seek(aw_file *file, int64_t offset, int32_t whence, int64_t *out);
/** Returns the position, or -1 if the file is closed. */
AW_API int64_t aw_file_tell(const aw_file *file);
/**@}*/

/** @name Paths */
/**@{*/
/**
 * Retrieves what is known about the file at `path`. `flags`: 0, or ::AW_PATH_NOFOLLOW for a symbolic link
 * itself. `out_info->size` is set by the caller.
 *
 * Returns: 0.
 *
 * Errors: those of stat(2), -ENOENT and -EACCES among them; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: `out_info` may have been written to.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_path_stat(const char *path, uint32_t flags,
                                                       aw_file_info *out_info);
/**
 * Creates a coroutine that does what aw_path_stat() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_path_stat_coro(aw_loop *loop, const char *path, uint32_t flags,
                                                aw_file_info *out_info, aw_coro **out);
/**
 * Renames `old_path` to `new_path`, which is replaced if it exists; with ::AW_PATH_NOREPLACE in `flags` that is -EEXIST.
 *
 * Returns: 0.
 *
 * Errors: those of rename(2), -EXDEV between file systems among them; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: it may have been renamed.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_path_rename(const char *old_path, const char *new_path,
                                                         uint32_t flags);
/**
 * Creates a coroutine that does what aw_path_rename() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_path_rename_coro(aw_loop *loop, const char *old_path, const char *new_path,
                                                  uint32_t flags, aw_coro **out);
/**
 * Gives the file `old_path` the second name `new_path`.
 *
 * Returns: 0.
 *
 * Errors: those of link(2), -EEXIST among them; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: the name may exist.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_path_link(const char *old_path, const char *new_path);
/**
 * Creates a coroutine that does what aw_path_link() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_path_link_coro(aw_loop *loop, const char *old_path, const char *new_path,
                                                aw_coro **out);
/**
 * Makes `path` a symbolic link with the text `target`.
 *
 * Returns: 0.
 *
 * Errors: those of symlink(2), -EEXIST among them; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: the link may exist.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_path_symlink(const char *target, const char *path);
/**
 * Creates a coroutine that does what aw_path_symlink() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_path_symlink_coro(aw_loop *loop, const char *target, const char *path,
                                                   aw_coro **out);
/**
 * Copies the text of the symbolic link at `path` to `text`, which has room for `size` bytes, and ends it with a
 * NUL.
 *
 * Returns: the length of the text, without the NUL.
 *
 * Errors: -ERANGE if there is not enough room; those of readlink(2), -EINVAL for what is not a link among them;
 * ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: `text` may have been written to.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_path_readlink(const char *path, char *text, size_t size);
/**
 * Creates a coroutine that does what aw_path_readlink() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_path_readlink_coro(aw_loop *loop, const char *path, char *text, size_t size,
                                                    aw_coro **out);
/**
 * Removes the name `path` of a file that is not a directory. Handles of the file stay usable.
 *
 * Returns: 0.
 *
 * Errors: those of unlink(2), -ENOENT and -EISDIR among them; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: the name may be gone.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_path_unlink(const char *path);
/**
 * Creates a coroutine that does what aw_path_unlink() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_path_unlink_coro(aw_loop *loop, const char *path, aw_coro **out);
/**
 * Creates the directory `path` with the permissions of `mode` less the process's umask. With ::AW_PATH_PARENTS
 * in `flags` the directories above it are created as well, and one that exists is not an error.
 *
 * Returns: 0.
 *
 * Errors: those of mkdir(2), -EEXIST and -ENOENT among them; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: some of the directories may exist.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_path_mkdir(const char *path, uint32_t mode, uint32_t flags);
/**
 * Creates a coroutine that does what aw_path_mkdir() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_path_mkdir_coro(aw_loop *loop, const char *path, uint32_t mode,
                                                 uint32_t flags, aw_coro **out);
/**
 * Removes the empty directory `path`.
 *
 * Returns: 0.
 *
 * Errors: those of rmdir(2), -ENOTEMPTY among them; -EINVAL; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: the directory may be gone.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_path_rmdir(const char *path);
/**
 * Creates a coroutine that does what aw_path_rmdir() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_path_rmdir_coro(aw_loop *loop, const char *path, aw_coro **out);
/**@}*/

/** @name Whole files, and temporary ones */
/**@{*/
/**
 * Reads the whole file at `path`. More than `limit` bytes are refused; 0 means no limit. The bytes are in memory
 * of the library, followed by a NUL that does not count, so that a text is a string: `out` receives them,
 * `out_length` (optional) how many they are, and `out_destroy` what the caller releases them with.
 *
 * Returns: 0.
 *
 * Errors: those of aw_file_open() and aw_file_read(); -EFBIG beyond the limit; -ENOMEM, also for a file that is
 * too large for the memory.
 *
 * Cancellation: nothing is handed out.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_read_whole(const char *path, uint64_t limit, void **out,
                                                             uint64_t *out_length,
                                                             aw_destroy_fn *out_destroy);
/**
 * Creates a coroutine that does what aw_file_read_whole() does. Its value is the bytes, with their destroy.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_read_whole_coro(aw_loop *loop, const char *path, uint64_t limit,
                                                      uint64_t *out_length, aw_coro **out);
/**
 * Replaces the content of the file at `path`, so that at any time, also after a crash, the old or the new content
 * is there, and nothing between: writes a temporary file in the same directory, syncs it, renames it to `path`
 * and syncs the directory. A file that exists keeps its permissions, without set-user-ID and set-group-ID, and
 * its owner where the program may set that; a new one gets those of `mode` less the umask. Other names and open
 * handles of an old file keep the old content. A symbolic link is followed, also to a file that does not exist.
 *
 * Returns: 0: the new content is on the disk.
 *
 * Errors: those of aw_file_open(), aw_file_write(), aw_file_sync() and aw_path_rename(); -EINVAL for what is not a
 * regular file, such as a pipe or device. The old content is there then, unless the directory could not be synced.
 *
 * Cancellation: the content is the old or the new one.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_replace(const char *path, const void *data, size_t length,
                                                          uint32_t mode);
/**
 * Creates a coroutine that does what aw_file_replace() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_replace_coro(aw_loop *loop, const char *path, const void *data,
                                                   size_t length, uint32_t mode, aw_coro **out);
/**
 * Creates and opens a file for reading and writing under a name that did not exist, for this user only. `pattern`
 * ends with XXXXXX, which becomes what was chosen; the caller removes the file. Without a name, in the
 * directory `pattern`: with ::AW_FILE_UNNAMED in `flags` the file is gone once it is closed. A call that fails
 * leaves `pattern` as it was.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of aw_file_open(); -EINVAL for another pattern; -EOPNOTSUPP where the file system has no files
 * without names.
 *
 * Cancellation: nothing is left behind.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_file_open_temp(char *pattern, uint32_t flags, aw_file **out);
/**
 * Creates a coroutine that does what aw_file_open_temp() does. Its value is the file, a new reference.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_file_open_temp_coro(aw_loop *loop, char *pattern, uint32_t flags,
                                                     aw_coro **out);
/**
 * Creates a directory under a name that did not exist, for this user only. `pattern` ends with XXXXXX, which
 * becomes what was chosen. A call that fails leaves it as it was.
 *
 * Returns: 0.
 *
 * Errors: those of mkdir(2); -EINVAL for another pattern; ::AW_ENOTASK; -ENOMEM.
 *
 * Cancellation: nothing is left behind.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_path_mkdtemp(char *pattern);
/**
 * Creates a coroutine that does what aw_path_mkdtemp() does.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_path_mkdtemp_coro(aw_loop *loop, char *pattern, aw_coro **out);
/**@}*/

/** An entry of a walk. It is valid until it is destroyed. */
typedef struct aw_walk_entry {
	const char *path; /**< begins with the path that the walk was given */
	const char *name; /**< the last name of `path`; a part of it */
	uint32_t kind;    /**< an ::aw_file_kind; a symbolic link itself */
	uint32_t depth;   /**< 0 in the directory of the walk, 1 in those in it, … */
	/** 0, or the negative errno with which a directory could not be read: it then comes a second time */
	int32_t error;
	uint32_t reserved; /**< 0 */
} aw_walk_entry;

/**
 * Creates an iterator over what is in the directory `path` and below it. A directory comes before what is in it;
 * otherwise the order is the file system's. Symbolic links are not followed. At most `max_depth` levels of
 * directories are entered below that of the walk: with 0 only `path` itself is listed; ::AW_WALK_ALL for all. Each
 * item is an ::aw_walk_entry, released with the item's destroy. What changes during the walk may be seen or missed.
 *
 * Returns: 0, and a new reference in `out`. The iterator's errors: those of opendir(3) for `path`, at the first
 * item; -EBUSY if two items are awaited at a time; -ENOMEM.
 *
 * Cancellation: a cancelled aw_iterator_next() loses no entry: the next one returns it.
 */
AW_NODISCARD AW_API aw_status aw_walk_new(aw_loop *loop, const char *path, uint32_t max_depth,
                                          aw_iterator **out);

AW_END_DECLS

#endif
