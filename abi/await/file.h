/* SPDX-License-Identifier: MIT */
/**
 * @file file.h
 * Files: open handles and paths, without blocking the loop.
 *
 * On a backend that performs reads and writes (::AW_BACKEND_COMPLETION) those go through it, and so does a
 * full sync. Everything else runs on threads that the loop reserves for files, so that a slow disk delays
 * neither the loop nor the lookup of names. A read whose data is in the system's cache returns at once.
 *
 * A plain name is for stackful tasks; its `_coro` is the same as a coroutine. Unless an entry says otherwise,
 * the coroutine's value is an ::AW_VALUE_INTEGER: what the plain call returns. Paths are copied; other memory
 * that a coroutine is given has to stay until it has ended.
 *
 * A cancelled call returns when nothing uses the caller's memory any more: at once while it is queued,
 * otherwise when its thread or the kernel is done with it. What a cancelled call has changed stays changed.
 *
 * The errors of calls that take a path have a message with the path; see aw_caught().
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_FILE_H
#define AWAIT_FILE_H

#include <await/base.h>
#include <await/coro.h>

struct iovec;

AW_BEGIN_DECLS

/**
 * An open file with a position: where the next sequential read or write begins. It belongs to a loop, and only
 * one sequential call may be under way at a time; calls with an offset may be, in any number.
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
 * Errors: -EBADF if the file is closed; -EBUSY while a call is under way; ::AW_EBADHANDLE.
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
 * already; -EBUSY while a call is under way, and then the file stays open; ::AW_EBADHANDLE; ::AW_ENOTASK.
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
 * sequential call is under way; -EINVAL for a NULL `buffer`; ::AW_EBADHANDLE; ::AW_ENOTASK; -ENOMEM.
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
 * -EBUSY while another sequential call is under way; -EINVAL; ::AW_EBADHANDLE; ::AW_ENOTASK; -ENOMEM.
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
/**@}*/

AW_END_DECLS

#endif
