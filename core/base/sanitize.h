/* SPDX-License-Identifier: MIT */
/*
 * Detects the tools that must be notified of stack switches: ASan, TSan, valgrind. The calls are in switch.c
 * and stack.c.
 */
#ifndef CORE_CORO_SANITIZE_H
#define CORE_CORO_SANITIZE_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CORO_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define CORO_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(CORO_ASAN)
#define CORO_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(CORO_TSAN)
#define CORO_TSAN 1
#endif

#ifdef CORO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CORO_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define CORO_VALGRIND 1
#endif

/* For C code that switches stacks: TSan's entry and exit hooks would run in two different flows. */
#if !defined(CORO_TSAN)
#define CORO_NO_TSAN
#elif defined(__clang__)
#define CORO_NO_TSAN __attribute__((disable_sanitizer_instrumentation))
#else
#define CORO_NO_TSAN __attribute__((no_sanitize("thread")))
#endif

#endif
