/* SPDX-License-Identifier: MIT */
/*
 * Stackful coroutines behind the step interface.
 *
 * The struct stands at the top of the stack it describes, so that a coroutine costs one stack and nothing else. A step switches to the stack;
 * an await there leaves its answer in the resume and switches back. A call that must run on the thread's own stack (a host's destroy)
 * is a request in between: switch out, run it, switch in again.
 */
#include "stackful.h"

#include "switch.h"
#include "threads.h"

#include <stdbool.h>

struct stackful {
	coro_context context; /* where it stands while it is suspended */
	stack *stack;
	stack_pool *pool;
	aw_task_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	aw_resume *resume; /* of the step that runs */
	void (*outside)(void *arg);
	void *outside_arg;
	aw_status status;
	bool started, finished;
};

static void stackful_entry(void *arg) {
	stackful *self = arg;
	self->status = self->fn(self->ud);
	self->finished = true;
	coro_switch_final(&self->context, &thread_here()->own);
}

/* What the struct takes from the top of its stack; the first frame stays aligned. */
enum { STACKFUL_ROOM = (sizeof(stackful) + 63) / 64 * 64 };

stackful *stackful_new(stack_pool *pool, aw_task_fn fn, void *ud, aw_destroy_fn destroy) {
	stack *memory = stack_take(pool);
	if (!memory) return NULL;
	memory->size -= STACKFUL_ROOM;
	stackful *self = (stackful *)(void *)(memory->base + memory->size);
	*self = (stackful){.stack = memory, .pool = pool, .fn = fn, .ud = ud, .destroy = destroy};
	return self;
}

aw_status stackful_step(aw_resume *resume, void *arg) {
	stackful *self = arg;
	thread *here = thread_here();
	stackful *outer = here->stackful;
	coro_context own = here->own; /* of a step further out: a forked child may run a loop on that one's stack */
	self->resume = resume;
	here->stackful = self;
	if (!self->started) {
		self->started = true;
		coro_prepare(&self->context, self->stack, stackful_entry, self);
	}
	coro_thread_init(&here->own);
	coro_switch(&here->own, &self->context);
	while (self->outside) {
		here->stackful = NULL;
		self->outside(self->outside_arg);
		self->outside = NULL;
		here->stackful = self;
		coro_switch(&here->own, &self->context);
	}
	here->stackful = outer;
	here->own = own;
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
	stackful *self = thread_here()->stackful;
	return self ? self->resume : NULL;
}

aw_resume *stackful_suspend(void) {
	stackful *self = thread_here()->stackful;
	coro_switch(&self->context, &thread_here()->own);
	return self->resume;
}

void stackful_outside(void (*fn)(void *arg), void *arg) {
	stackful *self = thread_here()->stackful;
	if (!self) {
		fn(arg);
		return;
	}
	self->outside = fn;
	self->outside_arg = arg;
	coro_switch(&self->context, &thread_here()->own);
}
