/* SPDX-License-Identifier: MIT */
/* Small helpers of code that makes system calls. */
#ifndef CORE_SYSTEM_CALLS_H
#define CORE_SYSTEM_CALLS_H

#include <await/base.h>
#include <errno.h>
#include <stdint.h>
#include <sys/types.h>

/* The result of a call that returns a count, or -1 and errno. */
static inline aw_status count_or_errno(ssize_t result) {
	return result < 0 ? -errno : (aw_status)result;
}

/* For interfaces of the system that lack a const: the memory is only read. */
static inline void *without_const(const void *data) {
	return (void *)(uintptr_t)data;
}

#endif
