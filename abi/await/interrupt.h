/* SPDX-License-Identifier: MIT */
/**
 * @file interrupt.h
 * Interrupts: how another thread or a signal handler ends a blocking wait of one thread.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_INTERRUPT_H
#define AWAIT_INTERRUPT_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * A request to stop waiting, for the waits that take one: aw_concurrent_future_wait_interruptible() and
 * aw_executor_shutdown_wait_interruptible(). It is sticky: while it is raised, a wait that would block
 * fails with -EINTR, even if it begins later, so that a request just before the wait is not lost. Create
 * one for each thread; a shared one ends the waits of all threads that share it. Neither the awaited object
 * nor other threads that wait for it are affected.
 */
typedef struct aw_interrupt aw_interrupt;

/**
 * Creates an interrupt that is not raised. `fd` is -1, or a descriptor that counts as a request for as long
 * as it is readable: a signalfd, or the read end of the pipe given to signal.set_wakeup_fd() in Python. The
 * caller owns the descriptor, drains it and keeps it open. An interrupt with a descriptor serves one wait at
 * a time.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL if `out` is NULL; -EBADF if `fd` is closed; -ENOMEM; -EMFILE and -ENFILE if there is a
 * descriptor.
 *
 * Thread: any.
 */
AW_NODISCARD AW_API aw_status aw_interrupt_new(int fd, aw_interrupt **out);
/**
 * Adds a reference and returns `interrupt`.
 *
 * Thread: any.
 */
AW_API aw_interrupt *aw_interrupt_ref(aw_interrupt *interrupt);
/**
 * Drops a reference. A wait in progress holds its own.
 *
 * Thread: any.
 */
AW_API void aw_interrupt_unref(aw_interrupt *interrupt);
/**
 * Raises the interrupt: the waits that use it end with -EINTR at once. Raising it again changes nothing.
 * May be called in a signal handler: it takes no lock, allocates nothing, and preserves errno.
 *
 * Errors: ::AW_EBADHANDLE; ::AW_EFORKED in a child forked after the interrupt was created.
 *
 * Thread: any.
 */
AW_API aw_status aw_interrupt_raise(aw_interrupt *interrupt);
/**
 * Withdraws the request, so that waits block again. Does not read the descriptor. May be called in a signal
 * handler.
 *
 * Errors: those of aw_interrupt_raise().
 *
 * Thread: any.
 */
AW_API aw_status aw_interrupt_clear(aw_interrupt *interrupt);
/**
 * Returns 1 if aw_interrupt_raise() raised the interrupt, else 0. Does not check its descriptor.
 *
 * Thread: any.
 */
AW_API aw_bool aw_interrupt_is_raised(const aw_interrupt *interrupt);

AW_END_DECLS

#endif
