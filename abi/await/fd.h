/* SPDX-License-Identifier: MIT */
/**
 * @file fd.h
 * Readiness of the program's own descriptors: callbacks that go on, and futures for once.
 */
#ifndef AWAIT_FD_H
#define AWAIT_FD_H

#include <await/base.h>
#include <await/completion.h>
#include <await/loop.h>

AW_BEGIN_DECLS

/**
 * Has `fn` called in each iteration in which `fd` is readable, until it is removed; a callback set before is
 * replaced, and will not run any more. A regular file is always ready. Take it out before the descriptor is
 * closed. If the kernel refuses the descriptor under way, the exception handler hears and the callback is
 * removed. Errors: -EBADF, -ENOMEM. asyncio: loop.add_reader.
 */
AW_API aw_status aw_loop_add_reader(aw_loop *loop, int fd, aw_callback_fn fn, void *ud,
                                    aw_destroy_fn destroy);
/**
 * Returns 1 if there was one, else 0. It does not run any more, even if its event is collected. asyncio:
 * loop.remove_reader.
 */
AW_API aw_status aw_loop_remove_reader(aw_loop *loop, int fd);
/** aw_loop_add_reader() for writing. asyncio: loop.add_writer. */
AW_API aw_status aw_loop_add_writer(aw_loop *loop, int fd, aw_callback_fn fn, void *ud,
                                    aw_destroy_fn destroy);
/** aw_loop_remove_reader() for writing. asyncio: loop.remove_writer. */
AW_API aw_status aw_loop_remove_writer(aw_loop *loop, int fd);
/**
 * A future that is done when one of `events` (::aw_poll) holds for `fd`; its value is what holds, as `(void
 * *)(intptr_t)`. Cancelling it consumes nothing. New reference. Errors: -EINVAL, -EBADF, -ENOMEM.
 */
AW_NODISCARD AW_API aw_status aw_fd_wait(aw_loop *loop, int fd, uint32_t events, aw_future **out);

AW_END_DECLS

#endif
