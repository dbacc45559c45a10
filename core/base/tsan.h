/* SPDX-License-Identifier: MIT */
/*
 * Annotations for a program built with ThreadSanitizer that uses a library built without it. The sanitizer
 * does not see the library's atomics and would report races that they prevent. The two weak symbols resolve
 * only if the program is linked with the sanitizer's runtime; otherwise each call costs one branch.
 */
#ifndef CORE_TSAN_H
#define CORE_TSAN_H

#include "sanitize.h"

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

/*
 * Everything this thread did before tsan_release() happens before what another thread does after
 * tsan_acquire() of the same address.
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
