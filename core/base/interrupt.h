/* SPDX-License-Identifier: MIT */
/*
 * Interrupts end a blocking wait from another thread or a signal handler. The waiting thread blocks on the
 * interrupt's futex word, so raising it is one atomic operation and one wake, both async-signal-safe. If the
 * program supplied a descriptor, the thread polls instead, and an eventfd wakes it.
 */
#ifndef CORE_INTERRUPT_H
#define CORE_INTERRUPT_H

#include "object.h"

#include <await/interrupt.h>

/* Bit 0 of the word is the raised flag; the other bits count wakes. */
enum { INTERRUPT_RAISED = 1, INTERRUPT_WAKE = 2 };

struct aw_interrupt {
	object base;
	uint32_t fork_generation;
	_Atomic uint32_t word;
	int fd;               /* the program's, or -1 */
	int wakeup;           /* the wakeup descriptor; -1 if `fd` is */
	_Atomic bool is_used; /* by a polling wait: two waits would consume each other's wakes */
};

/* Returns 0 or the reason why the interrupt can't be used. Accepts NULL. */
aw_status interrupt_check(const aw_interrupt *interrupt);
/* Wakes the waiting thread, which then checks its condition again. */
void interrupt_wake(aw_interrupt *self);
/*
 * If the word still equals `seen`, blocks until a wake or the deadline. Errors: -EINTR, -ETIMEDOUT, -EBUSY,
 * -EBADF.
 */
aw_status interrupt_wait(aw_interrupt *self, uint32_t seen, int64_t deadline);

#endif
