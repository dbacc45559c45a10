/* SPDX-License-Identifier: MIT */
/*
 * The context switch between flows of control, each with a stack; one runs per thread. A switch saves the
 * callee-saved registers of the ABI and the floating-point control words. The signal mask and errno belong to
 * the thread and are not switched. On x86-64 it is inline: the compiler saves those registers that the
 * function around it has not saved anyway.
 *
 * A flow must be resumed on the thread it started on: compilers cache addresses of thread-local variables
 * across calls.
 */
#ifndef CORE_CORO_CORO_H
#define CORE_CORO_CORO_H

#include "sanitize.h"

#include <stddef.h>
#include <stdint.h>

struct stack;

#if !defined(AW_CORO_UCONTEXT) && !defined(__ILP32__) && (defined(__x86_64__) || defined(__aarch64__))
#define CORO_ASSEMBLY 1 /* switch_<architecture>.S; else switch_ucontext.c */
#endif
#if defined(CORO_ASSEMBLY) && defined(__x86_64__)
#define CORO_INLINE 1 /* the switch is inline; switch_x86_64.S begins a flow */
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
	void *sp; /* without CORO_INLINE, where the registers are saved; the assembly accesses nothing else */
#ifdef CORO_INLINE
	void *ip, *bp;
	uint32_t mxcsr, x87; /* the control words */
#endif
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

#ifdef CORO_INLINE

#ifdef __AVX512F__
#define CORO_WIDE                                                                                        \
	, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", \
		"xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define CORO_WIDE
#endif

/*
 * The bare switch, without sanitizer annotations. A flow is resumed with its own context in rsi. Nothing is
 * pushed, because the compiler may use the red zone, and so that a debugger can unwind a suspended flow from
 * sp, ip and bp. Indirect branch tracking would want a landing pad, which
 * the prefix makes unnecessary: the target does not come from outside.
 *
 * MXCSR is loaded only if the modes differ. Its exception flags, the lower six bits, are not preserved across calls
 * in any case, and some processors take 100 ns to load a value that differs from the current one.
 */
static inline __attribute__((always_inline)) void coro_jump(coro_context *from, coro_context *to) {
	__asm__ volatile("	leaq	1f(%%rip), %%rax\n"
	                 "	movq	%%rsp, (%%rdi)\n"
	                 "	movq	%%rax, 8(%%rdi)\n"
	                 "	movq	%%rbp, 16(%%rdi)\n"
	                 "	stmxcsr	24(%%rdi)\n"
	                 "	fnstcw	28(%%rdi)\n"
	                 "	movl	24(%%rdi), %%eax\n"
	                 "	xorl	24(%%rsi), %%eax\n"
	                 "	testl	$-64, %%eax\n"
	                 "	je	2f\n"
	                 "	ldmxcsr	24(%%rsi)\n"
	                 "2:\n"
	                 "	movq	(%%rsi), %%rsp\n"
	                 "	notrack jmpq	*8(%%rsi)\n"
	                 "1:\n"
	                 "	movq	16(%%rsi), %%rbp\n"
	                 "	fldcw	28(%%rsi)\n"
	                 : "+D"(from), "+S"(to)
	                 :
	                 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "st",
	                   "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "xmm0", "xmm1", "xmm2",
	                   "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
	                   "xmm13", "xmm14", "xmm15" CORO_WIDE, "cc", "memory");
}

#else

/* The bare switch, without sanitizer annotations. */
CORO_HIDDEN void coro_jump(coro_context *from, coro_context *to);

#endif

/* Builds what a flow starts from at the top of its stack, and sets the fields of the context above. */
CORO_HIDDEN void coro_lay_out(coro_context *ctx, struct stack *s, coro_entry entry, void *arg);

/* Prepares a flow that starts with entry(arg). It inherits this thread's floating-point modes. */
CORO_HIDDEN void coro_prepare(coro_context *ctx, struct stack *s, coro_entry entry, void *arg);

/* Initializes the context of the calling thread's own flow, before it first switches away. */
static inline void coro_thread_init(coro_context *ctx) {
#ifdef CORO_SANITIZED
	*ctx = (coro_context){0};
#else
	(void)ctx; /* a switch sets all of it */
#endif
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
