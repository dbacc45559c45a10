/* SPDX-License-Identifier: MIT */
/*
 * What ends a blocking wait from outside. A waiting thread blocks on the interrupt's word, so that raising it
 * is one atomic operation and one wake, which a signal handler may do. With a descriptor of the host's the
 * thread polls instead, and the bell wakes it.
 */
#ifndef CORE_INTERRUPT_H
#define CORE_INTERRUPT_H

#include "object.h"

#include <await/interrupt.h>

/* Of the word: the lowest bit is the request, the rest counts the wakes. */
enum { INTERRUPT_RAISED = 1, INTERRUPT_WAKE = 2 };

struct aw_interrupt {
	object base;
	uint32_t fork_generation;
	_Atomic uint32_t word;
	int fd;               /* the host's, or -1 */
	int bell;             /* an event, if there is a descriptor, or -1 */
	_Atomic bool is_used; /* by a wait that polls: two would take each other's wakes from the bell */
};

/* 0, or why it can't be used. NULL is allowed. */
aw_status interrupt_check(const aw_interrupt *interrupt);
/* Wakes the thread that waits with it, to look again. */
void interrupt_wake(aw_interrupt *self);
/*
 * Blocks the thread until it is woken or the deadline passes, if the word is still `seen`. -EINTR,
 * -ETIMEDOUT, -EBUSY, -EBADF.
 */
aw_status interrupt_wait(aw_interrupt *self, uint32_t seen, int64_t deadline);

#endif
