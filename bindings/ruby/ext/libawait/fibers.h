/* SPDX-License-Identifier: MIT */
/*
 * Who goes on when a Ruby Fiber suspends. A fiber of libawait's is entered from somewhere (a step, the
 * scheduler's turn, another fiber that starts it), and whoever entered stands on a stack of this thread; a
 * fiber that suspends goes to its top. All of it by transfer, since the program's own fibers and enumerators
 * yield and resume among themselves.
 */
#ifndef RUBY_FIBERS_H
#define RUBY_FIBERS_H

#include "glue.h"

typedef struct steps steps;
typedef struct strand strand;

/* Where control was, and on whose behalf: at most one of the two is set. */
typedef struct place {
	VALUE fiber;
	steps *task;
	strand *strand;
} place;

typedef struct fibers {
	place *stack;
	size_t depth, room;
	place at; /* the fiber that runs, as far as we know, and what it runs for */
	/* where the thread's own fiber passes control on to, after another fiber has ended in it */
	place forward;
	VALUE root;    /* the fiber that gets control when one ends, or nil if that is not known */
	VALUE entered; /* who was entered last, until it has noticed */
} fibers;

void fibers_init(VALUE module);
/* This thread's. Never NULL. */
fibers *fibers_here(void);

/*
 * Gives control to a fiber until it, or what it passed control to, suspends or ends. Raises what ended it
 * from outside.
 */
void fibers_enter(fibers *self, VALUE fiber, steps *task, strand *on);
/*
 * Suspends the running fiber until it is entered again. What somebody else raises in it meanwhile
 * (Fiber#raise) is handed to `interrupted`, and the wait goes on.
 */
void fibers_leave(fibers *self, void (*interrupted)(void *arg, VALUE exception), void *arg);
/* The running fiber is about to end by returning. */
void fibers_end(fibers *self);

/*
 * Suspends the task whose step runs until what it awaits is done; with neither, for one iteration. Raises
 * what that failed with, but for AW_ETIMEOUT, which is returned, and what somebody raised in the task's
 * fiber.
 */
aw_status steps_wait(steps *self, aw_future *future, aw_coro *coro);
/* What the last wait gave, borrowed until the next. */
void *steps_value(const steps *self);
/* As Libawait.await: the value, or what it failed with is raised. */
VALUE steps_await(steps *self, VALUE awaitable);

#endif
