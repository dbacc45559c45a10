/* SPDX-License-Identifier: MIT */
/*
 * Stackful coroutines behind the step interface.
 *
 * The struct is stored at the top of the stack that it describes, so a coroutine needs no other allocation. A
 * step switches to the stack; an await there stores its answer in the resume and switches back. For a call
 * that must run on the thread's own stack (a host's destroy), the coroutine switches out, the step runs the
 * call, and switches back in.
 */
#include "stackful.h"

#include "switch.h"
#include "threads.h"

#include <execinfo.h>
#include <stdbool.h>

/* For a coroutine that looks where it stands itself: the unwinder begins at the code that runs. */
typedef struct look {
	void **frames;
	size_t most, count;
} look;

struct stackful {
	flow flow;            /* first: it is found by that */
	coro_context context; /* where it stands while it is suspended */
	coro_context *own;    /* the thread's own flow of control while this one runs; else NULL */
	stack *stack;
	stack_pool *pool;
	aw_task_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	aw_resume *resume; /* of the step that runs */
	void (*thread_call)(void *arg);
	void *thread_call_arg;
	aw_status status;
	bool started, finished;
	look *look; /* it was resumed for this alone */
};

static void stackful_entry(void *arg) {
	stackful *self = arg;
	self->status = self->fn(self->ud);
	self->finished = true;
	coro_switch_final(&self->context, self->own);
}

/* What the struct takes from the top of its stack; the first frame stays aligned. */
enum { STACKFUL_ROOM = (sizeof(stackful) + 63) / 64 * 64 };

static void stackful_call_on_thread_stack(flow *base, void (*fn)(void *arg), void *arg) {
	stackful *self = (stackful *)base;
	self->thread_call = fn;
	self->thread_call_arg = arg;
	coro_switch(&self->context, self->own);
}

stackful *stackful_new(stack_pool *pool, aw_task_fn fn, void *ud, aw_destroy_fn destroy) {
	stack *memory = stack_take(pool);
	if (!memory) return NULL;
	memory->size -= STACKFUL_ROOM;
	stackful *self = (stackful *)(void *)(memory->base + memory->size);
	*self = (stackful){.flow.call_on_thread_stack = stackful_call_on_thread_stack,
	                   .stack = memory,
	                   .pool = pool,
	                   .fn = fn,
	                   .ud = ud,
	                   .destroy = destroy};
	return self;
}

aw_status stackful_step(aw_resume *resume, void *arg) {
	stackful *self = arg;
	thread *here = thread_here();
	flow *outer = here->flow; /* a forked child may run a loop on a coroutine's stack */
	coro_context own;
	self->resume = resume;
	self->own = &own;
	here->flow = &self->flow;
	if (!self->started) {
		self->started = true;
		coro_prepare(&self->context, self->stack, stackful_entry, self);
	}
	coro_thread_init(&own);
	coro_switch(&own, &self->context);
	while (self->thread_call) {
		here->flow = NULL;
		self->thread_call(self->thread_call_arg);
		self->thread_call = NULL;
		here->flow = &self->flow;
		coro_switch(&own, &self->context);
	}
	self->own = NULL;
	here->flow = outer;
	return self->finished ? self->status : 0;
}

void stackful_free(void *arg) {
	stackful *self = arg;
	aw_destroy_fn destroy = self->destroy;
	void *ud = self->ud;
	/* Only a coroutine that never ran, or ended, is freed: closing a loop unwinds the others first. */
	stack *memory = self->stack;
	memory->size += STACKFUL_ROOM;
	stack_give(self->pool, memory);
	if (destroy) destroy(ud);
}

void stackful_set_name(stackful *self, const char *name) {
	self->stack->owner_name = name;
}

aw_resume *stackful_here(void) {
	stackful *self = (stackful *)thread_here()->flow;
	return self ? self->resume : NULL;
}

/* What the unwinder needs, generously. */
enum { LOOK_ROOM = 12 * 1024 };

static __attribute__((noinline)) void look_around(stackful *self) {
	look *what = self->look;
	/* This function and stackful_suspend() above, stackful_entry() and coro_begin() below. */
	enum { ABOVE = 2, BELOW = 2, FRAMES_MAX = 64 };
	void *all[FRAMES_MAX];
	if ((size_t)((char *)__builtin_frame_address(0) - self->stack->base) < LOOK_ROOM) return;
	int count = backtrace(all, FRAMES_MAX);
	if (count < FRAMES_MAX) count -= BELOW;
	for (int i = ABOVE; i < count && what->count < what->most; i++) what->frames[what->count++] = all[i];
}

aw_resume *stackful_suspend(void) {
	stackful *self = (stackful *)thread_here()->flow;
	coro_switch(&self->context, self->own);
	while (self->look) {
		look_around(self);
		coro_switch(&self->context, self->own);
	}
	return self->resume;
}

size_t stackful_backtrace(stackful *self, void **frames, size_t most) {
	if (!self->started || self->finished || self->own) return 0;
	/* The first call loads the unwinder, for which a coroutine's stack may be too small. */
	if (!most || backtrace(frames, 1) < 0) return 0;
	look what = {.frames = frames, .most = most};
	coro_context own;
	self->look = &what;
	self->own = &own;
	coro_thread_init(&own);
	coro_switch(&own, &self->context);
	self->own = NULL;
	self->look = NULL;
	return what.count;
}
