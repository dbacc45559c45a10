/* SPDX-License-Identifier: MIT */
/* Stackful coroutines: a function that runs on a separate stack, behind the step interface. */
#ifndef CORE_STACKFUL_H
#define CORE_STACKFUL_H

#include "stack.h"
#include "switch.h"
#include "threads.h"

#include <await/coro.h>
#include <await/task.h>

typedef struct stackful {
	flow flow;            /* must be first: cast from thread.flow */
	coro_context context; /* the saved context while suspended */
	coro_context *own;    /* the thread's context while this coroutine runs; else NULL */
	aw_resume *resume;    /* of the current step */
	void (*call)(void *arg);
	void *call_arg;
	struct backtrace_request *backtrace; /* set if it was resumed only for a backtrace */
	aw_status status;
	bool started, finished;
	aw_task_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	stack *stack;
	stack_pool *pool;
} stackful;

/*
 * Returns a coroutine on a stack of `pool`, or NULL if out of memory. The struct is on that stack; freeing
 * the coroutine returns the stack.
 */
stackful *stackful_new(stack_pool *pool, aw_task_fn fn, void *ud, aw_destroy_fn destroy);
/* Returns the stack, and destroys `ud`. The coroutine must not have started, or have ended. */
void stackful_free(void *self);
/* Sets the name in an overflow report. The text must outlive the coroutine. */
void stackful_set_name(stackful *self, const char *name);

/* Returns the running coroutine, or NULL on the thread's own stack. */
static inline stackful *stackful_current(void) {
	return (stackful *)thread_here()->flow;
}
/* Returns its resume. */
static inline aw_resume *stackful_here(void) {
	stackful *self = stackful_current();
	return self ? self->resume : NULL;
}
/*
 * Stores the backtrace of a suspended coroutine: return addresses, innermost first, starting with the call
 * into the library. Returns their number, at most `max`; 0 if the coroutine is not suspended or its stack
 * lacks room for the unwinder. One that has called a function on the thread's stack counts as suspended; its
 * first frames are the library's.
 */
size_t stackful_backtrace(stackful *self, void **frames, size_t max);
/* The function that the coroutine runs. */
const void *stackful_function(const stackful *self);
/* Suspends the coroutine, which has filled in the resume, until the next step. Returns the new resume. */
aw_resume *stackful_suspend(stackful *self);

/* Prepares the first step. */
void stackful_begin(stackful *self);
/* Runs what the coroutine calls on the thread's stack, and resumes it. */
void stackful_serve_call(stackful *self);

/*
 * Runs a step: the coroutine continues with the resume, until it suspends or ends (`finished`, with its
 * `status`).
 */
static inline __attribute__((always_inline)) void stackful_run(stackful *self, thread *here, aw_resume *resume) {
	flow *outer = here->flow; /* a forked child may run a loop on a coroutine's stack */
	coro_context own;
	self->resume = resume;
	self->own = &own;
	here->flow = &self->flow;
	if (__builtin_expect(!self->started, 0)) stackful_begin(self);
	coro_thread_init(&own);
	coro_switch(&own, &self->context);
	while (__builtin_expect(self->call != NULL, 0)) stackful_serve_call(self);
	self->own = NULL;
	here->flow = outer;
}

#endif
