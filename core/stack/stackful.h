/* SPDX-License-Identifier: MIT */
/*
 * Stackful coroutines: a function on a stack of its own, behind the step interface.
 */
#ifndef CORE_STACKFUL_H
#define CORE_STACKFUL_H

#include "stack.h"

#include <await/coro.h>
#include <await/task.h>

typedef struct stackful stackful;

/*
 * A coroutine on a stack of `pool`, or NULL without memory. It lives on that stack and gives it back when it
 * is freed.
 */
stackful *stackful_new(stack_pool *pool, aw_task_fn fn, void *ud, aw_destroy_fn destroy);
/* The step and the destroy of an aw_coro whose `ud` is a stackful. */
aw_status stackful_step(aw_resume *resume, void *self);
void stackful_free(void *self);
/* Names its stack for the overflow report; the text must live as long as the coroutine. */
void stackful_set_name(stackful *self, const char *name);

/* The resume of the coroutine that runs on this stack, or NULL on the thread's own. */
aw_resume *stackful_here(void);
/*
 * Where a coroutine stands that is suspended: the addresses that its calls return to, the innermost first,
 * from the one into the library on. Returns how many of them there are, `most` at most; 0 if it is not
 * suspended, or if its stack has no room to look.
 */
size_t stackful_backtrace(stackful *self, void **frames, size_t most);
/* Leaves the stack after an answer was given, until the next step. Returns the new resume. */
aw_resume *stackful_suspend(void);

#endif
