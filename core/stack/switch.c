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

/*
 * A new flow's entry point, in assembly: calls entry(arg) from the two registers below, and terminates
 * backtraces.
 */
CORO_HIDDEN void coro_begin(void);

#ifdef __x86_64__

/* The registers that coro_jump() pushes, lowest address first. */
typedef struct frame {
	uint32_t mxcsr;
	uint32_t x87;
	uint64_t r15, r14;
	uint64_t r13; /* coro_begin: the entry */
	uint64_t r12; /* coro_begin: its argument */
	uint64_t rbx, rbp;
	uint64_t rip;
	/* zeros that end a walk along frame pointers or return addresses; keeps 16-byte alignment */
	uint64_t end[2];
} frame;
static_assert(offsetof(frame, rip) == 56 && sizeof(frame) % 16 == 0,
              "the layout that switch_x86_64.S pushes");

static void frame_fill(frame *f, coro_entry entry, void *arg) {
	uint16_t x87;
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(f->mxcsr), "=m"(x87));
	f->mxcsr &= ~UINT32_C(0x3f); /* keep the modes, clear the exception flags */
	f->x87 = x87;
	f->r13 = (uintptr_t)entry;
	f->r12 = (uintptr_t)arg;
	f->rip = (uintptr_t)coro_begin;
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

static void frame_fill(frame *f, coro_entry entry, void *arg) {
	__asm__ volatile("mrs %0, fpcr" : "=r"(f->fpcr));
	f->x20 = (uintptr_t)entry;
	f->x19 = (uintptr_t)arg;
	f->x30 = (uintptr_t)coro_begin;
}

#endif

void *coro_lay_out(stack *s, coro_entry entry, void *arg) {
	frame *f = (frame *)(void *)(s->base + s->size) - 1;
	*f = (frame){0};
	frame_fill(f, entry, arg);
	return f;
}

#endif

#ifndef CORO_SANITIZED

void coro_prepare(coro_context *ctx, stack *s, coro_entry entry, void *arg) {
	ctx->sp = coro_lay_out(s, entry, arg);
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
	ctx->sp = coro_lay_out(s, sanitized_entry, ctx);
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
