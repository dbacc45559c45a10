/* SPDX-License-Identifier: MIT */
/*
 * The portable switch, also selected by AW_CORO_UCONTEXT: swapcontext(), which makes a system call to set the
 * signal mask each time. A suspended flow's ucontext_t is on its own stack, so that a context remains one
 * pointer.
 */
#include "switch.h"

#ifndef CORO_ASSEMBLY

#include "stack.h"

#include <stdint.h>
#include <ucontext.h>

/* At the top of a flow's stack for the flow's lifetime. */
typedef struct first {
	ucontext_t context;
	coro_entry entry;
	void *arg;
} first;

/* makecontext() passes ints, so the pointer comes in two halves. */
static void begin(unsigned high, unsigned low) {
	first *f = (first *)(((uintptr_t)high << 16 << 16) | low);
	f->entry(f->arg);
}

void coro_lay_out(coro_context *ctx, stack *s, coro_entry entry, void *arg) {
	first *f = (first *)(void *)(s->base + s->size - ((sizeof(first) + 63) & ~(size_t)63));
	f->entry = entry;
	f->arg = arg;
	getcontext(&f->context);
	f->context.uc_link = NULL;
	f->context.uc_stack.ss_sp = s->base;
	f->context.uc_stack.ss_size = (size_t)((char *)f - s->base);
	f->context.uc_stack.ss_flags = 0;
	uintptr_t address = (uintptr_t)f;
	makecontext(&f->context, (void (*)(void))begin, 2, (unsigned)(address >> 16 >> 16), (unsigned)address);
	ctx->sp = &f->context;
}

CORO_NO_TSAN void coro_jump(coro_context *from, coro_context *to) {
	ucontext_t here;
	/* swapcontext() does not set these, but ASan reads them. */
	here.uc_stack.ss_sp = NULL;
	here.uc_stack.ss_size = 0;
	from->sp = &here;
	swapcontext(&here, to->sp);
}

#endif
