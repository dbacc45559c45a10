/* SPDX-License-Identifier: MIT */
/*
 * Decides which fiber continues when a Ruby Fiber suspends. When a step, the scheduler, or another fiber
 * enters a fiber of libawait, the entering fiber is pushed on a stack of this thread; a fiber that suspends
 * transfers control to the top of it. All switches use Fiber#transfer, since the program's own fibers and
 * enumerators yield and resume among themselves.
 */
#ifndef RUBY_FIBERS_H
#define RUBY_FIBERS_H

#include "glue.h"

typedef struct steps steps;
typedef struct strand strand;

/* Where control was, and for what: at most one of the two is set. */
typedef struct place {
	VALUE fiber;
	steps *task;
	strand *strand;
} place;

typedef struct fibers {
	place *stack;
	size_t depth, room;
	place at; /* the running fiber, as far as is known, and what it runs for */
	/* where the root fiber passes control to after another fiber has ended and returned to it */
	place forward;
	VALUE root;    /* the fiber that gets control when one ends, or nil if unknown */
	VALUE entered; /* the fiber entered last, until it has run */
} fibers;

void fibers_init(VALUE module);
/* This thread's state. Never NULL. */
fibers *fibers_here(void);

/*
 * Gives control to a fiber until it, or a fiber that it passed control to, suspends or ends. Raises the
 * exception with which something outside ended it.
 */
void fibers_enter(fibers *self, VALUE fiber, steps *task, strand *on);
/*
 * Suspends the running fiber until it is entered again. An exception raised in it meanwhile (Fiber#raise)
 * is passed to `interrupted`, and the wait continues.
 */
void fibers_leave(fibers *self, void (*interrupted)(void *arg, VALUE exception), void *arg);
/* The running fiber is about to end by returning. */
void fibers_end(fibers *self);

/*
 * Suspends the task whose step is running until the awaited object is done; with neither argument, for one
 * iteration. Raises its error, except AW_ETIMEOUT, which is returned; and any exception raised in the
 * task's fiber meanwhile.
 */
aw_status steps_wait(steps *self, aw_future *future, aw_coro *coro);
/* The result of the last wait, borrowed until the next. */
void *steps_value(const steps *self);
/* Like Libawait.await: returns the value or raises the error. */
VALUE steps_await(steps *self, VALUE awaitable);

#endif
