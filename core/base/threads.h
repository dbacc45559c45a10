/* SPDX-License-Identifier: MIT */
/*
 * What is the thread's and the process's rather than a loop's: which loop and coroutine run in this thread,
 * and whether this process is still the one that made a loop. All of the library's mutable globals are named
 * here.
 */
#ifndef CORE_THREADS_H
#define CORE_THREADS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct aw_error;
struct aw_loop;
struct domain;
struct worker;

/* Where this thread stands in releasing objects; see object.c. */
typedef struct releases {
	uint32_t depth;              /* nested releases */
	struct object *first, *last; /* deferred until the outermost release ends */
} releases;

/* A coroutine with a stack of its own, as the code below it knows it. */
typedef struct flow {
	/* runs fn(arg) on the thread's own stack, now */
	void (*outside)(struct flow *self, void (*fn)(void *arg), void *arg);
} flow;

/*
 * One per thread. Its address names the thread: cheaper than pthread_self(), and unique while the thread
 * lives.
 */
typedef struct thread {
	struct aw_loop *loop;      /* the loop that dispatches here, or NULL */
	struct domain *domain;     /* that loop's */
	struct binding *context;   /* task-local values of what runs here */
	flow *flow;                /* the coroutine whose stack this is, or NULL on the thread's own */
	struct aw_error **failure; /* where the task that runs here notes errors (failure.h) */
	struct worker *worker;     /* the executor's thread that this is, or NULL */
	releases releases;
} thread;

extern _Thread_local thread thread_state;

static inline thread *thread_here(void) {
	thread *self = &thread_state;
	/* In a shared library that is a call, which the compiler would rather repeat than keep its result. */
	__asm__("" : "+r"(self));
	return self;
}

static inline uintptr_t thread_self(void) {
	return (uintptr_t)&thread_state;
}

/* Runs fn(arg) on the thread's own stack, now: whatever must not run on a coroutine's. */
static inline void call_on_thread_stack(void (*fn)(void *arg), void *arg) {
	flow *self = thread_here()->flow;
	if (self)
		self->outside(self, fn, arg);
	else
		fn(arg);
}

/*
 * A word that a forked child finds zeroed. Loops keep the value they were made under. NULL until the first
 * loop.
 */
extern uint32_t *threads_fork_word;

/* The value for a loop made now; 0 if there is no memory for the word. */
uint32_t threads_fork_generation(void);

/* The number of the next unnamed task: one count for the process, as asyncio has it. */
uint64_t threads_next_task(void);

/* Guards the list of domains and the memory depot. Never held while calling out. */
extern pthread_mutex_t threads_mutex;

#endif
