/* SPDX-License-Identifier: MIT */
/* Stackful coroutines: a function that runs on a separate stack, behind the step interface. */
#ifndef CORE_STACKFUL_H
#define CORE_STACKFUL_H

#include "stack.h"

#include <await/coro.h>
#include <await/task.h>

typedef struct stackful stackful;

/*
 * Returns a coroutine on a stack of `pool`, or NULL if out of memory. The struct is on that stack; freeing
 * the coroutine returns the stack.
 */
stackful *stackful_new(stack_pool *pool, aw_task_fn fn, void *ud, aw_destroy_fn destroy);
/* The step and destroy functions of an aw_coro whose `ud` is a stackful. */
aw_status stackful_step(aw_resume *resume, void *self);
void stackful_free(void *self);
/* Sets the name in an overflow report. The text must outlive the coroutine. */
void stackful_set_name(stackful *self, const char *name);

/* Returns the resume of the running coroutine, or NULL on the thread's own stack. */
aw_resume *stackful_here(void);
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
aw_resume *stackful_suspend(void);

#endif
