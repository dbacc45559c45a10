/* SPDX-License-Identifier: MIT */
/**
 * @file pty.h
 * Pseudo-terminals, for children that want to talk to a terminal: the program has the master, a child has the
 * terminal. aw_process_options_set_terminal() starts a child in it; aw_fd_wait() waits for the master.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_PTY_H
#define AWAIT_PTY_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * Opens a pseudo-terminal of `rows` by `columns` characters; both 0 leave the size unset. Both descriptors are
 * close-on-exec and the caller's. The master is non-blocking; the terminal is not, because its children share
 * that setting. Close the terminal when the children are started: once the last of them has closed it too,
 * a read from the master fails with EIO, which is its end.
 *
 * Returns: 0, and the descriptors in `out_master` and `out_terminal`.
 *
 * Errors: -EINVAL for a size that is negative or above 65535, or a NULL pointer; -EMFILE, -ENFILE; -ENOSPC if
 * the system has no pseudo-terminal left; -ENOENT or -EACCES without /dev/ptmx.
 *
 * Thread: any.
 *
 * asyncio: pty.openpty.
 */
AW_NODISCARD AW_API aw_status aw_pty_open(int32_t rows, int32_t columns, int *out_master, int *out_terminal);
/**
 * Writes the path of the terminal of a master to `text`, which has room for `size` bytes. Within another mount
 * of /dev the path may mean another terminal.
 *
 * Errors: -ERANGE if the path does not fit; -ENOTTY if `master` is not a master; -EBADF; -EINVAL if `text` is
 * NULL.
 *
 * Thread: any.
 *
 * asyncio: os.ttyname.
 */
AW_API aw_status aw_pty_name(int master, char *text, size_t size);
/**
 * Sets the size of a terminal, through either of its ends. If that changes it, the processes in its foreground
 * get SIGWINCH.
 *
 * Errors: -EINVAL for a size that is negative or above 65535; -ENOTTY; -EBADF.
 *
 * Thread: any.
 *
 * asyncio: termios.tcsetwinsize.
 */
AW_API aw_status aw_pty_set_size(int fd, int32_t rows, int32_t columns);
/**
 * Retrieves the size of a terminal, through either of its ends; of the program's own as well. A pointer may be
 * NULL.
 *
 * Errors: -ENOTTY; -EBADF.
 *
 * Thread: any.
 *
 * asyncio: os.get_terminal_size.
 */
AW_API aw_status aw_pty_size(int fd, int32_t *out_rows, int32_t *out_columns);

AW_END_DECLS

#endif
