/* SPDX-License-Identifier: MIT */
/**
 * @file interrupt.h
 * Interrupts: how another thread, or a signal handler, ends one blocking wait of one thread.
 */
#ifndef AWAIT_INTERRUPT_H
#define AWAIT_INTERRUPT_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * A request to stop waiting, for the waits that take one: aw_concurrent_future_wait_interruptible() and
 * aw_executor_shutdown_wait_interruptible(). It is sticky: while it is raised, a wait that would block fails
 * with -EINTR, also one that begins later, so that a request just before the wait is not lost. Give each
 * thread its own; one that is shared ends the waits of all that share it. What is waited for is not affected,
 * nor are other threads that wait for it.
 */
typedef struct aw_interrupt aw_interrupt;

/**
 * Makes an interrupt that is not raised. `fd` is -1, or a descriptor that counts as a request for as long as
 * it is readable: the read end of the pipe of Python's signal.set_wakeup_fd(), a signalfd. The descriptor
 * stays the caller's, who reads it empty and keeps it open. An interrupt with a descriptor serves one wait at
 * a time.
 *
 * Returns: 0, and a new reference in `out`. Errors: -EINVAL without `out`, -EBADF for a closed `fd`, -ENOMEM;
 * -EMFILE, -ENFILE with a descriptor. Thread: any.
 */
AW_NODISCARD AW_API aw_status aw_interrupt_new(int fd, aw_interrupt **out);
/** Takes one more reference and returns `interrupt`. Thread: any. */
AW_API aw_interrupt *aw_interrupt_ref(aw_interrupt *interrupt);
/** Gives one reference back. A wait under way keeps its own. Thread: any. */
AW_API void aw_interrupt_unref(aw_interrupt *interrupt);
/**
 * Raises it: the waits that it was given to end with -EINTR at once. Raising it again changes nothing. May be
 * called in a signal handler: it takes no lock, allocates nothing, and leaves errno as it is.
 *
 * Errors: ::AW_EBADHANDLE; ::AW_EFORKED in a child forked after it was made. Thread: any.
 */
AW_API aw_status aw_interrupt_raise(aw_interrupt *interrupt);
/**
 * Takes the request back, so that waits block again. Does not read the descriptor. May be called in a signal
 * handler.
 *
 * Errors: as aw_interrupt_raise(). Thread: any.
 */
AW_API aw_status aw_interrupt_clear(aw_interrupt *interrupt);
/** Whether it is raised, by aw_interrupt_raise(); its descriptor is not looked at. Thread: any. */
AW_API aw_bool aw_interrupt_is_raised(const aw_interrupt *interrupt);

AW_END_DECLS

#endif
