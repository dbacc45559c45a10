/* SPDX-License-Identifier: MIT */
/**
 * @file signals.h
 * Signals as ordinary callbacks. A handler is installed when the first loop asks for a signal, and the
 * host's previous disposition is restored when the last loop removes its callback.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_SIGNALS_H
#define AWAIT_SIGNALS_H

#include <await/base.h>
#include <await/loop.h>

AW_BEGIN_DECLS

/**
 * Calls `fn` in the loop once for each delivery of `signal`, never in signal context. It replaces an
 * earlier callback. Several loops may handle the same signal. If watching the signal fails later, the
 * failure is reported to the exception handler, and the loop tries again after a while; no delivery is
 * lost.
 *
 * Errors: -EINVAL if `signal` is out of range, SIGKILL or SIGSTOP; -ENOMEM; -ENOSPC; other errors of the
 * system. On failure the earlier callback remains.
 *
 * asyncio: loop.add_signal_handler.
 */
AW_API aw_status aw_loop_add_signal_handler(aw_loop *loop, int signal, aw_callback_fn fn, void *ud,
                                            aw_destroy_fn destroy);
/**
 * Removes the callback of `signal`.
 *
 * Returns: 1 if there was a callback, else 0.
 *
 * asyncio: loop.remove_signal_handler.
 */
AW_API aw_status aw_loop_remove_signal_handler(aw_loop *loop, int signal);

AW_END_DECLS

#endif
