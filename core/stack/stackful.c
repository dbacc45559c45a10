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
	self->resume.answer = RESUME_NONE;
	coro_switch_final(&self->context, &self->own);
}

/* The space for the struct at the top of the stack, rounded up to keep the first frame aligned. */
enum { STACKFUL_SIZE = (sizeof(stackful) + 63) / 64 * 64 };

/* More stack than the unwinder needs. */
enum { BACKTRACE_ROOM = 12 * 1024 };

void stackful_serve_backtraces(stackful *self, int above) {
	while (self->backtrace) {
		backtrace_request *what = self->backtrace;
		/* Skip stackful_entry() and coro_begin() at the other end. */
		enum { BELOW = 2, FRAMES_MAX = 64 };
		void *all[FRAMES_MAX];
		bool has_room = (size_t)((char *)__builtin_frame_address(0) - self->stack->base) >= BACKTRACE_ROOM;
		int count = has_room ? backtrace(all, FRAMES_MAX) : 0;
		if (count < FRAMES_MAX) count -= BELOW;
		for (int i = above; i < count && what->count < what->max; i++) what->frames[what->count++] = all[i];
		coro_switch(&self->context, &self->own);
	}
}

/* Switches to the thread's stack, and back for good when the switch has its purpose. */
static inline __attribute__((always_inline)) void switch_out(stackful *self) {
	coro_switch(&self->context, &self->own);
	enum { ABOVE = 2 }; /* the function that does it, and the one that this is a part of */
	if (__builtin_expect(self->backtrace != NULL, 0)) stackful_serve_backtraces(self, ABOVE);
}

static void stackful_call_on_thread_stack(flow *base, void (*fn)(void *arg), void *arg) {
	stackful *self = (stackful *)base;
	self->call = fn;
	self->call_arg = arg;
	self->resume.answer = RESUME_CALL;
	switch_out(self);
}

stackful *stackful_new(stack_pool *pool, aw_task_fn fn, void *ud, aw_destroy_fn destroy) {
	stack *memory = stack_take(pool);
	if (!memory) return NULL;
	memory->size -= STACKFUL_SIZE;
	stackful *self = (stackful *)(void *)(memory->base + memory->size);
	/* Field by field: the two contexts are set by the first step. */
	self->flow.call_on_thread_stack = stackful_call_on_thread_stack;
	self->resume = (aw_resume){0};
	self->failure = NULL;
	self->call = NULL;
	self->backtrace = NULL;
	self->started = self->finished = false;
	self->value = NULL;
	self->value_destroy = NULL;
	self->fn = fn;
	self->ud = ud;
	self->destroy = destroy;
	self->stack = memory;
	self->pool = pool;
	return self;
}

void stackful_begin(stackful *self) {
	self->started = true;
	coro_prepare(&self->context, self->stack, stackful_entry, self);
}

void stackful_serve_call(stackful *self) {
	self->call(self->call_arg);
	self->call = NULL;
	stackful_run(self, thread_here());
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

stackful *stackful_suspend(stackful *self) {
	switch_out(self);
	return self;
}

size_t stackful_backtrace(stackful *self, void **frames, size_t max) {
	if (!self->started || self->finished || stackful_current() == self) return 0;
	/* The first call loads the unwinder, which may need more stack than a coroutine has. */
	if (!max || backtrace(frames, 1) < 0) return 0;
	backtrace_request what = {.frames = frames, .max = max};
	self->backtrace = &what;
	coro_thread_init(
		&self->own); /* even while it calls a function: what that was called from is not resumed */
	coro_switch(&self->own, &self->context);
	self->backtrace = NULL;
	return what.count;
}

const void *stackful_function(const stackful *self) {
	return (const void *)(uintptr_t)self->fn;
}
