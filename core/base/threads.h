/* SPDX-License-Identifier: MIT */
/*
 * State that belongs to a thread or the process rather than to a loop: the loop and the coroutine running on
 * this thread, and whether the current process is the one that created a loop.
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

/* The nesting of object releases on this thread; see object.c. */
typedef struct releases {
	uint32_t depth;              /* nested releases */
	struct object *first, *last; /* deferred until the outermost release ends */
} releases;

/* A stackful coroutine, as seen by the folders below core/stack. */
typedef struct flow {
	/* runs fn(arg) on the thread's own stack, now */
	void (*call_on_thread_stack)(struct flow *self, void (*fn)(void *arg), void *arg);
} flow;

/*
 * One per thread. Its address names the thread: cheaper than pthread_self(), and unique while the thread
 * lives.
 */
typedef struct thread {
	struct aw_loop *loop;      /* the loop that dispatches here, or NULL */
	struct domain *domain;     /* that loop's */
	struct binding *context;   /* task-local values of the running code */
	flow *flow;                /* the coroutine whose stack this is, or NULL on the thread's own */
	struct aw_error **failure; /* the running task's error slot (failure.h) */
	struct worker *worker;     /* set if this is an executor's thread */
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

/* Runs fn(arg) synchronously on the thread's own stack, for code that must not run on a coroutine's stack. */
static inline void call_on_thread_stack(void (*fn)(void *arg), void *arg) {
	flow *self = thread_here()->flow;
	if (self)
		self->call_on_thread_stack(self, fn, arg);
	else
		fn(arg);
}

/*
 * The kernel zeroes this word in a forked child. Each loop keeps the value it was created with. NULL until
 * the first loop is created.
 */
extern uint32_t *threads_fork_word;

/* Returns the value for a new loop, or 0 if there is no memory for the word. */
uint32_t threads_fork_generation(void);

/* Returns the number of the next unnamed task. The counter is per process, as in asyncio. */
uint64_t threads_next_task(void);

/* Guards the list of domains and the memory depot. Never held while calling out. */
extern pthread_mutex_t threads_mutex;

#endif
