/* SPDX-License-Identifier: MIT */
/*
 * The first frame of a new flow, and the sanitizer annotations around a switch.
 *
 * A flow can't report that it has been left, so the flow that resumes does it; `left` records which one that
 * was.
 */
#include "switch.h"

#include "stack.h"

#include <assert.h>
#include <stdint.h>

#ifdef CORO_ASSEMBLY

/* A new flow's entry point, in assembly: calls entry(arg) from the frame below, and terminates backtraces. */
CORO_HIDDEN void coro_begin(void);

#ifdef __x86_64__

/* What coro_begin pops, lowest address first. */
typedef struct frame {
	void *arg;
	coro_entry entry;
	/* zeros that end a walk along return addresses; keep 16-byte alignment */
	uint64_t end[2];
} frame;
static_assert(sizeof(frame) % 16 == 0 && offsetof(coro_context, ip) == 8 &&
                  offsetof(coro_context, bp) == 16 && offsetof(coro_context, mxcsr) == 24 &&
                  offsetof(coro_context, x87) == 28,
              "the layout that coro_jump() and switch_x86_64.S expect");

void coro_lay_out(coro_context *ctx, stack *s, coro_entry entry, void *arg) {
	frame *f = (frame *)(void *)(s->base + s->size) - 1;
	*f = (frame){.arg = arg, .entry = entry};
	ctx->sp = f;
	ctx->ip = (void *)(uintptr_t)coro_begin;
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(ctx->mxcsr), "=m"(ctx->x87));
	ctx->mxcsr &= ~UINT32_C(0x3f); /* keep the modes, clear the exception flags */
}

#else

/* The registers that coro_jump() stores, lowest address first. */
typedef struct frame {
	uint64_t x19; /* coro_begin: the argument */
	uint64_t x20; /* coro_begin: the entry */
	uint64_t x21_x28[8];
	uint64_t x29, x30;
	uint64_t d8_d15[8];
	uint64_t fpcr, unused;
	uint64_t end[2]; /* a zero frame record */
} frame;
static_assert(offsetof(frame, x29) == 80 && offsetof(frame, d8_d15) == 96 && offsetof(frame, fpcr) == 160 &&
                  sizeof(frame) % 16 == 0,
              "the layout that switch_aarch64.S stores");

void coro_lay_out(coro_context *ctx, stack *s, coro_entry entry, void *arg) {
	frame *f = (frame *)(void *)(s->base + s->size) - 1;
	*f = (frame){.x20 = (uintptr_t)entry, .x19 = (uintptr_t)arg, .x30 = (uintptr_t)coro_begin};
	__asm__ volatile("mrs %0, fpcr" : "=r"(f->fpcr));
	ctx->sp = f;
}

#endif

#endif

#ifndef CORO_SANITIZED

void coro_prepare(coro_context *ctx, stack *s, coro_entry entry, void *arg) {
	coro_lay_out(ctx, s, entry, arg);
}

#else

/* The flow that this thread left last. Written before a switch and read right after it, in the other flow. */
static _Thread_local coro_context *left;

CORO_NO_TSAN static void start_switch(coro_context *from, coro_context *to) {
	left = from;
#ifdef CORO_ASAN
	/* With NULL, ASan frees the fake stack: the flow has ended. */
	__sanitizer_start_switch_fiber(from->is_final ? NULL : &from->fake_stack, to->bottom, to->size);
#endif
#ifdef CORO_TSAN
	from->fiber = __tsan_get_current_fiber();
	if (!to->fiber) to->fiber = __tsan_create_fiber(0);
	/* No instrumented code may run between this and the jump. */
	__tsan_switch_to_fiber(to->fiber, 0);
#else
	(void)to;
#endif
}

CORO_NO_TSAN static void finish_switch(coro_context *self) {
#ifdef CORO_ASAN
	__sanitizer_finish_switch_fiber(self->fake_stack, &left->bottom, &left->size);
	self->fake_stack = NULL;
#else
	(void)self;
#endif
#ifdef CORO_TSAN
	if (left->is_final) {
		__tsan_destroy_fiber(left->fiber); /* deferred until here: the current fiber can't be destroyed */
		left->fiber = NULL;
	}
#endif
}

static void sanitized_entry(void *arg) {
	coro_context *self = arg;
	finish_switch(self);
	self->entry(self->arg);
}

void coro_prepare(coro_context *ctx, stack *s, coro_entry entry, void *arg) {
	*ctx = (coro_context){.entry = entry, .arg = arg};
	coro_lay_out(ctx, s, sanitized_entry, ctx);
#ifdef CORO_ASAN
	ctx->bottom = s->base;
	ctx->size = s->size;
#endif
}

CORO_NO_TSAN void coro_switch(coro_context *from, coro_context *to) {
	start_switch(from, to);
	coro_jump(from, to);
	finish_switch(from);
}

CORO_NO_TSAN void coro_switch_final(coro_context *from, coro_context *to) {
	from->is_final = 1;
	start_switch(from, to);
	coro_jump(from, to);
	__builtin_unreachable();
}

void coro_destroy(coro_context *ctx) {
#ifdef CORO_TSAN
	if (ctx->fiber) __tsan_destroy_fiber(ctx->fiber);
	ctx->fiber = NULL;
#else
	(void)ctx;
#endif
}

#endif
