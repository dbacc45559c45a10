/* SPDX-License-Identifier: MIT */
/**
 * @file fd.h
 * Readiness of the program's own descriptors: persistent callbacks, and one-shot futures.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_FD_H
#define AWAIT_FD_H

#include <await/base.h>
#include <await/completion.h>
#include <await/loop.h>

AW_BEGIN_DECLS

/**
 * Calls `fn` in each iteration in which `fd` is readable, until the callback is removed. It replaces an
 * earlier callback, which does not run any more. A regular file is always ready. Remove the callback before
 * the descriptor is closed. If the kernel refuses the descriptor later, the failure is reported to the
 * exception handler and the callback is removed.
 *
 * Errors: -EBADF; -ENOMEM.
 *
 * asyncio: loop.add_reader.
 */
AW_API aw_status aw_loop_add_reader(aw_loop *loop, int fd, aw_callback_fn fn, void *ud,
                                    aw_destroy_fn destroy);
/**
 * Removes the callback of aw_loop_add_reader(). It does not run any more, even if its event was collected
 * already.
 *
 * Returns: 1 if there was a callback, else 0.
 *
 * asyncio: loop.remove_reader.
 */
AW_API aw_status aw_loop_remove_reader(aw_loop *loop, int fd);
/**
 * Calls `fn` in each iteration in which `fd` is writable, as aw_loop_add_reader() does for reading.
 *
 * Errors: those of aw_loop_add_reader().
 *
 * asyncio: loop.add_writer.
 */
AW_API aw_status aw_loop_add_writer(aw_loop *loop, int fd, aw_callback_fn fn, void *ud,
                                    aw_destroy_fn destroy);
/**
 * Removes the callback of aw_loop_add_writer(), as aw_loop_remove_reader() does for reading.
 *
 * Returns: 1 if there was a callback, else 0.
 *
 * asyncio: loop.remove_writer.
 */
AW_API aw_status aw_loop_remove_writer(aw_loop *loop, int fd);
/**
 * Creates a future that is done when one of `events` (::aw_poll) holds for `fd`. Its value is the set of
 * events that hold, as `(void *)(intptr_t)`.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL; -EBADF; -ENOMEM.
 *
 * Cancellation: cancelling the future consumes no event.
 */
AW_NODISCARD AW_API aw_status aw_fd_wait(aw_loop *loop, int fd, uint32_t events, aw_future **out);

AW_END_DECLS

#endif
