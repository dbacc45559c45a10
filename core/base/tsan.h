/* SPDX-License-Identifier: MIT */
/*
 * A program under ThreadSanitizer with a library that is not: it does not see the library's atomics, and
 * would call what they order a race. It is told here. The two symbols are there only if the program brought
 * the sanitizer's runtime; else each call is one branch.
 */
#ifndef CORE_TSAN_H
#define CORE_TSAN_H

#include "sanitize.h"

#ifdef CORO_TSAN

/* The library's own atomics are seen. */
static inline void tsan_release(void *address) {
	(void)address;
}
static inline void tsan_acquire(void *address) {
	(void)address;
}
static inline int tsan_is_here(void) {
	return 0;
}

#else

extern void __tsan_acquire(void *address) __attribute__((weak, visibility("default")));
extern void __tsan_release(void *address) __attribute__((weak, visibility("default")));

/*
 * What this thread did so far happens before what another does after its tsan_acquire() of the same address.
 */
static inline void tsan_release(void *address) {
	if (__tsan_release) __tsan_release(address);
}
static inline void tsan_acquire(void *address) {
	if (__tsan_acquire) __tsan_acquire(address);
}
static inline int tsan_is_here(void) {
	return __tsan_acquire && __tsan_release;
}

#endif

#endif
