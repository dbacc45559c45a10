/* SPDX-License-Identifier: MIT */
/*
 * Stackful coroutines behind the step interface.
 *
 * The struct is at the top of the stack it describes, so a coroutine needs one stack and no other allocation.
 * A step switches to the stack; an await stores its request in the resume and switches back. To call a
 * function on the thread's own stack (a host's destroy function), the coroutine switches out, the step runs
 * it, and switches in again.
 */
#include "stackful.h"

#include <execinfo.h>
#include <stdbool.h>
#include <stdint.h>

/* A backtrace that a suspended coroutine takes of itself: the unwinder can only start at the running code. */
typedef struct backtrace_request {
	void **frames;
	size_t max, count;
} backtrace_request;

static void stackful_entry(void *arg) {
	stackful *self = arg;
	self->status = self->fn(self->ud);
	self->finished = true;
	coro_switch_final(&self->context, self->own);
}

/* The space for the struct at the top of the stack, rounded up to keep the first frame aligned. */
enum { STACKFUL_SIZE = (sizeof(stackful) + 63) / 64 * 64 };

/* More stack than the unwinder needs. */
enum { BACKTRACE_ROOM = 12 * 1024 };

static __attribute__((noinline, cold)) void capture_backtrace(stackful *self) {
	backtrace_request *what = self->backtrace;
	/* Skip this function and the one that switches, and stackful_entry() and coro_begin() at the other end. */
	enum { ABOVE = 2, BELOW = 2, FRAMES_MAX = 64 };
	void *all[FRAMES_MAX];
	if ((size_t)((char *)__builtin_frame_address(0) - self->stack->base) < BACKTRACE_ROOM) return;
	int count = backtrace(all, FRAMES_MAX);
	if (count < FRAMES_MAX) count -= BELOW;
	for (int i = ABOVE; i < count && what->count < what->max; i++) what->frames[what->count++] = all[i];
}

/* Switches to the thread's stack, and back for good when the switch has its purpose. */
static inline __attribute__((always_inline)) void switch_out(stackful *self) {
	coro_switch(&self->context, self->own);
	while (__builtin_expect(self->backtrace != NULL, 0)) {
		capture_backtrace(self);
		coro_switch(&self->context, self->own);
	}
}

static void stackful_call_on_thread_stack(flow *base, void (*fn)(void *arg), void *arg) {
	stackful *self = (stackful *)base;
	self->call = fn;
	self->call_arg = arg;
	switch_out(self);
}

stackful *stackful_new(stack_pool *pool, aw_task_fn fn, void *ud, aw_destroy_fn destroy) {
	stack *memory = stack_take(pool);
	if (!memory) return NULL;
	memory->size -= STACKFUL_SIZE;
	stackful *self = (stackful *)(void *)(memory->base + memory->size);
	*self = (stackful){.flow.call_on_thread_stack = stackful_call_on_thread_stack,
	                   .stack = memory,
	                   .pool = pool,
	                   .fn = fn,
	                   .ud = ud,
	                   .destroy = destroy};
	return self;
}

void stackful_begin(stackful *self) {
	self->started = true;
	coro_prepare(&self->context, self->stack, stackful_entry, self);
}

void stackful_serve_call(stackful *self) {
	thread *here = thread_here();
	here->flow = NULL;
	self->call(self->call_arg);
	self->call = NULL;
	here->flow = &self->flow;
	coro_switch(self->own, &self->context);
}

void stackful_free(void *arg) {
	stackful *self = arg;
	aw_destroy_fn destroy = self->destroy;
	void *ud = self->ud;
	/* Closing a loop unwinds those that have started. */
	stack *memory = self->stack;
	memory->size += STACKFUL_SIZE;
	stack_give(self->pool, memory);
	if (destroy) destroy(ud);
}

void stackful_set_name(stackful *self, const char *name) {
	self->stack->owner_name = name;
}

aw_resume *stackful_suspend(stackful *self) {
	switch_out(self);
	return self->resume;
}

size_t stackful_backtrace(stackful *self, void **frames, size_t max) {
	coro_context *outer = self->own;
	if (!self->started || self->finished || (outer && !self->call)) return 0;
	/* The first call loads the unwinder, which may need more stack than a coroutine has. */
	if (!max || backtrace(frames, 1) < 0) return 0;
	backtrace_request what = {.frames = frames, .max = max};
	coro_context own;
	self->backtrace = &what;
	self->own = &own;
	coro_thread_init(&own);
	coro_switch(&own, &self->context);
	self->own = outer;
	self->backtrace = NULL;
	return what.count;
}

const void *stackful_function(const stackful *self) {
	return (const void *)(uintptr_t)self->fn;
}
