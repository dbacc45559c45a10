/* SPDX-License-Identifier: MIT */
/*
 * For a program built with ThreadSanitizer that uses a library built without: TSan does not see the library's
 * atomics and would report races. These annotations tell it what they order. The symbols exist only if the
 * program brings the sanitizer's runtime; otherwise each call is one branch.
 */
#ifndef CORE_TSAN_H
#define CORE_TSAN_H

#include "sanitize.h"

#include <stddef.h>

#ifdef CORO_TSAN

/* An instrumented library needs no annotations. */
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
/* Go's race detector has functions of the first two names, with other arguments, but not this one. */
extern void *__tsan_get_current_fiber(void) __attribute__((weak, visibility("default")));

static inline int tsan_is_here(void) {
	return __tsan_get_current_fiber != NULL;
}

/* What this thread has done happens before whatever follows a tsan_acquire() of the same address. */
static inline void tsan_release(void *address) {
	if (tsan_is_here()) __tsan_release(address);
}
static inline void tsan_acquire(void *address) {
	if (tsan_is_here()) __tsan_acquire(address);
}

#endif

#endif
