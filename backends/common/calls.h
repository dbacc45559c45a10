/* SPDX-License-Identifier: MIT */
/* Performs one operation with plain system calls, without blocking if the kernel allows that. */
#ifndef BACKENDS_CALLS_H
#define BACKENDS_CALLS_H

#include <await/backend.h>
#include <stdbool.h>

/* Kernel features detected at run time. */
typedef struct calls {
	enum { CALLS_UNKNOWN, CALLS_PRESENT, CALLS_ABSENT } nosignal_write; /* RWF_NOSIGNAL, Linux 6.18 */
} calls;

/* P_PIDFD, which older headers lack. */
enum { CALLS_PIDFD = 3 };

/* Makes one attempt. Returns a count, 0, or a negative errno; -EAGAIN: it would block. */
int64_t calls_try(calls *self, aw_op *op);
/*
 * Starts a connect. After -EINPROGRESS, call calls_connected() once the descriptor is writable; that may
 * return -EAGAIN.
 */
int64_t calls_connect(const aw_op *op);
int64_t calls_connected(const aw_op *op);
/* After a splice that would block: whether the end that it writes to is why. */
bool calls_splice_waits_for_output(const aw_op *op);
/*
 * For what does not wait, and for a file without readiness, such as a regular one: makes the call, which may wait for
 * the disk.
 */
int64_t calls_now(const aw_op *op);
int64_t calls_close(int fd);

#endif
