/* SPDX-License-Identifier: MIT */
/* Stackful coroutines: a function that runs on a separate stack, behind the step interface. */
#ifndef CORE_STACKFUL_H
#define CORE_STACKFUL_H

#include "stack.h"
#include "switch.h"
#include "threads.h"

#include <await/coro.h>
#include <await/task.h>

enum resume_answer {
	RESUME_NONE,
	RESUME_RETURN,
	RESUME_RAISE,
	RESUME_AWAIT,
	RESUME_AWAIT_BORROWED, /* a future on the stack of the task */
	RESUME_DELEGATE,
	RESUME_YIELD,
	RESUME_CALL /* of a stackful coroutine: to call a function on the thread's stack */
};

struct aw_resume {
	aw_status status; /* sent */
	uint8_t answer;
	/* sent */
	void *value;
	aw_error *error;
	/* answered */
	union {
		struct {
			void *data;
			aw_destroy_fn destroy;
		} returned;
		aw_error *raised;   /* a reference */
		aw_future *awaited; /* a reference, unless borrowed */
		aw_coro *delegated; /* a reference */
	};
	aw_destroy_fn value_destroy; /* sent: identifies the kind of value; never called from here */
	aw_task *task;
};

/* What a step touches comes first, in two cache lines. */
typedef struct stackful {
	flow flow;                           /* must be first: cast from thread.flow */
	coro_context context;                /* the saved context while suspended */
	coro_context own;                    /* of the thread, while this coroutine runs */
	struct backtrace_request *backtrace; /* set if it was resumed only for a backtrace */
	aw_error *failure;                   /* of the last call that failed (failure.h); a reference */
	aw_resume resume;                    /* its answer is RESUME_NONE once the function has returned */
	void (*call)(void *arg);
	void *call_arg;
	aw_status status; /* that the function has returned */
	bool started, finished;
	aw_destroy_fn value_destroy;
	void *value; /* what aw_return() prepared */
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
/* Must be called before the first coroutine: from then on, one that forks is refused to await in the child. */
void stackful_watch_forks(void);
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
	return self ? &self->resume : NULL;
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
/* Suspends the coroutine, which has filled in its resume, until the next step. Returns the coroutine. */
stackful *stackful_suspend(stackful *self);
/* While it is resumed only for a backtrace, takes it, without the first `above` frames. */
__attribute__((noinline, cold)) void stackful_serve_backtraces(stackful *self, int above);
/* The same as stackful_suspend() for a public function that does nothing else: saves a call. */
static inline __attribute__((always_inline)) void stackful_suspend_inline(stackful *self) {
	enum { ABOVE = 1 };
	coro_switch(&self->context, &self->own);
	if (__builtin_expect(self->backtrace != NULL, 0)) stackful_serve_backtraces(self, ABOVE);
}

/* Prepares the first step. */
void stackful_begin(stackful *self);
/* Runs what the coroutine calls on the thread's stack, and resumes it. */
void stackful_serve_call(stackful *self);

/*
 * Runs a step, on the thread's own stack: the coroutine continues, with what its resume says, until it
 * suspends, ends, or calls a function on the thread's stack (RESUME_CALL).
 */
static inline __attribute__((always_inline)) void stackful_run(stackful *self, thread *here) {
	here->flow = &self->flow;
	coro_thread_init(&self->own);
	coro_switch(&self->own, &self->context);
	here->flow = NULL;
}

#endif
