/* SPDX-License-Identifier: MIT */
/*
 * The context switch between flows of control, each with a stack; one runs per thread. A switch saves the
 * callee-saved registers of the ABI and the floating-point control words. The signal mask and errno belong to
 * the thread and are not switched.
 *
 * A flow must be resumed on the thread it started on: compilers cache addresses of thread-local variables
 * across calls.
 */
#ifndef CORE_CORO_CORO_H
#define CORE_CORO_CORO_H

#include "sanitize.h"

#include <stddef.h>

struct stack;

#if !defined(AW_CORO_UCONTEXT) && !defined(__ILP32__) && (defined(__x86_64__) || defined(__aarch64__))
#define CORO_ASSEMBLY 1 /* switch_<architecture>.S; else switch_ucontext.c */
#endif
#if defined(CORO_ASAN) || defined(CORO_TSAN)
#define CORO_SANITIZED 1 /* sanitizers are notified of each switch */
#endif

/* Runs on the new stack and never returns: it must end with coro_switch_final(). */
typedef void (*coro_entry)(void *arg);

/*
 * A suspended flow of control: the thread's own, or one on a pool stack. It must not move between first and
 * last use.
 */
typedef struct coro_context {
	void *sp; /* where the registers are saved; the assembly accesses nothing else */
#ifdef CORO_SANITIZED
	coro_entry entry;
	void *arg;
	int is_final; /* it never runs again */
#endif
#ifdef CORO_ASAN
	const void *bottom; /* of its stack; for the thread's, known once the thread is first left */
	size_t size;
	void *fake_stack;
#endif
#ifdef CORO_TSAN
	void *fiber; /* created when it first runs */
#endif
} coro_context;

#define CORO_HIDDEN __attribute__((visibility("hidden")))

/* The bare switch, without sanitizer annotations. */
CORO_HIDDEN void coro_jump(coro_context *from, coro_context *to);
/* Builds the initial register frame at the top of a stack; returns the flow's sp. */
CORO_HIDDEN void *coro_lay_out(struct stack *s, coro_entry entry, void *arg);

/* Prepares a flow that starts with entry(arg). It inherits this thread's floating-point modes. */
CORO_HIDDEN void coro_prepare(coro_context *ctx, struct stack *s, coro_entry entry, void *arg);

/* Initializes the context of the calling thread's own flow, before it first switches away. */
static inline void coro_thread_init(coro_context *ctx) {
	*ctx = (coro_context){0};
}

#ifdef CORO_SANITIZED

/* Suspends the running flow into `from` and resumes `to`. Returns when a flow switches back to `from`. */
CORO_HIDDEN void coro_switch(coro_context *from, coro_context *to);
/* The same, but `from` never runs again. Its stack may be freed once `to` runs. */
_Noreturn CORO_HIDDEN void coro_switch_final(coro_context *from, coro_context *to);
/*
 * Frees the state of a flow that never ran or is abandoned while suspended. Not for a flow that ended with
 * coro_switch_final().
 */
CORO_HIDDEN void coro_destroy(coro_context *ctx);

#else

static inline void coro_switch(coro_context *from, coro_context *to) {
	coro_jump(from, to);
}

_Noreturn static inline void coro_switch_final(coro_context *from, coro_context *to) {
	coro_jump(from, to);
	__builtin_unreachable();
}

static inline void coro_destroy(coro_context *ctx) {
	(void)ctx;
}

#endif

#endif
