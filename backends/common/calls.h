/* SPDX-License-Identifier: MIT */
/* Carries out one operation with plain system calls, without blocking where the kernel offers a way. */
#ifndef BACKENDS_CALLS_H
#define BACKENDS_CALLS_H

#include <await/backend.h>
#include <stdbool.h>

/* What was learned about the kernel while running. */
typedef struct calls {
	enum { CALLS_UNKNOWN, CALLS_PRESENT, CALLS_ABSENT } quiet_write; /* RWF_NOSIGNAL, Linux 6.18 */
} calls;

/* The result of one attempt: a count, 0, or a negative errno. -EAGAIN: it would have to wait. */
int64_t calls_try(calls *self, aw_op *op);
/*
 * The first step of a connect; -EINPROGRESS: to be looked at with calls_connected once it is writable, which
 * may say -EAGAIN.
 */
int64_t calls_connect(const aw_op *op);
int64_t calls_connected(const aw_op *op);
/* For a file that knows no readiness (a regular one): the call itself, which may wait for the disk. */
int64_t calls_now(const aw_op *op);
int64_t calls_close(int fd);

#endif
