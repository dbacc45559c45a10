/* SPDX-License-Identifier: MIT */
/*
 * The context switch: flows of control with a stack each, of which one runs per thread. It knows nothing of
 * tasks. A switch saves what the ABI has a call keep, and the floating-point control words; signal masks and
 * errno are the thread's, and stay.
 *
 * A flow is resumed only in the thread in which it began: compilers keep addresses of thread-local variables
 * across a call.
 */
#ifndef CORE_CORO_CORO_H
#define CORE_CORO_CORO_H

#include "sanitize.h"

#include <stddef.h>

struct stack;

#if !defined(AW_CORO_UCONTEXT) && !defined(__ILP32__) && (defined(__x86_64__) || defined(__aarch64__))
#define CORO_BY_HAND 1 /* switch_<architecture>.S; else switch_ucontext.c */
#endif
#if defined(CORO_ASAN) || defined(CORO_TSAN)
#define CORO_ANNOUNCED 1 /* each switch is told to a sanitizer */
#endif

/* Runs on the new stack and never returns: the last thing it does is a coro_switch_final(). */
typedef void (*coro_entry)(void *arg);

/*
 * A suspended flow of control: the thread's own, or one on a stack. It stays at one address from its first
 * use to its last.
 */
typedef struct coro_context {
	void *sp; /* where its registers are saved: the switch by hand reads and writes nothing else */
#ifdef CORO_ANNOUNCED
	coro_entry entry;
	void *arg;
	int is_final; /* it is being left for good */
#endif
#ifdef CORO_ASAN
	const void *bottom; /* of its stack; the thread's is learnt when the thread is first left */
	size_t size;
	void *fake_stack;
#endif
#ifdef CORO_TSAN
	void *fiber; /* made when it first runs */
#endif
} coro_context;

#define CORO_HIDDEN __attribute__((visibility("hidden")))

/* The switch itself, unannounced. */
CORO_HIDDEN void coro_jump(coro_context *from, coro_context *to);
/* Lays out a new flow's first registers at the top of a stack; returns its sp. */
CORO_HIDDEN void *coro_lay_out(struct stack *s, coro_entry entry, void *arg);

/* A flow that will begin with entry(arg) when first switched to. It inherits this thread's rounding mode. */
CORO_HIDDEN void coro_prepare(coro_context *ctx, struct stack *s, coro_entry entry, void *arg);

/* Describes the calling thread's own flow, before it first switches away. */
static inline void coro_thread_init(coro_context *ctx) {
	*ctx = (coro_context){0};
}

#ifdef CORO_ANNOUNCED

/* Suspends the running flow into `from` and resumes `to`. Returns when somebody switches back to `from`. */
CORO_HIDDEN void coro_switch(coro_context *from, coro_context *to);
/* The same for the last time: `from` never runs again, and its stack may be given away once `to` runs. */
_Noreturn CORO_HIDDEN void coro_switch_final(coro_context *from, coro_context *to);
/*
 * Forgets a flow that never ran, or that is abandoned while suspended. Not for one that ended by
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
