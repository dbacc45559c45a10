/* SPDX-License-Identifier: MIT */
/**
 * @file signals.h
 * Signals as ordinary callbacks. A handler is installed when the first loop asks for a signal, and what the
 * host had is put back when the last one lets go.
 */
#ifndef AWAIT_SIGNALS_H
#define AWAIT_SIGNALS_H

#include <await/base.h>
#include <await/loop.h>

AW_BEGIN_DECLS

/**
 * Has `fn` called by the loop once for each delivery of `signal`, never in signal context; a callback set
 * before is replaced. Several loops may watch one signal. Errors: -EINVAL for a number out of range, SIGKILL
 * and SIGSTOP; -ENOMEM, -ENOSPC and others of the system, and then the callback set before is still there. If
 * the watching fails later, the exception handler hears, and it is tried again after a while; no delivery is
 * lost. asyncio: loop.add_signal_handler.
 */
AW_API aw_status aw_loop_add_signal_handler(aw_loop *loop, int signal, aw_callback_fn fn, void *ud,
                                            aw_destroy_fn destroy);
/** Returns 1 if there was one, else 0. asyncio: loop.remove_signal_handler. */
AW_API aw_status aw_loop_remove_signal_handler(aw_loop *loop, int signal);

AW_END_DECLS

#endif
