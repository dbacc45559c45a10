/* SPDX-License-Identifier: MIT */
/*
 * State of a thread or the process rather than of a loop: the loop and coroutine that run in this thread, and
 * fork detection. All of the library's mutable globals are declared here.
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

/*
 * For a declaration of data that hot paths read: it is addressed directly. Without it, each use loads the address
 * first, because -fvisibility=hidden applies to definitions only.
 */
#define PRIVATE_DATA __attribute__((visibility("hidden")))

/* This thread's progress in releasing objects; see object.c. */
typedef struct releases {
	uint32_t depth;              /* nested releases */
	struct object *first, *last; /* deferred until the outermost release ends */
} releases;

/* A stackful coroutine as the lower layers see it. */
typedef struct flow {
	/* runs fn(arg) synchronously on the thread's own stack */
	void (*call_on_thread_stack)(struct flow *self, void (*fn)(void *arg), void *arg);
} flow;

/*
 * One per thread. Its address identifies the thread: cheaper than pthread_self(), and unique while the thread
 * lives.
 */
typedef struct thread {
	struct aw_loop *loop;      /* the loop that runs here, or NULL */
	struct domain *domain;     /* the loop's domain */
	struct binding *context;   /* the running task's context variables */
	flow *flow;                /* the coroutine whose stack this is, or NULL on the thread's own */
	struct aw_error **failure; /* the running task's error slot (failure.h) */
	struct worker *worker;     /* set in an executor's thread, else NULL */
	releases releases;
} thread;

/*
 * At a fixed distance from the thread pointer: the default for a shared library is a call for each access. glibc
 * keeps room for such small blocks of libraries that dlopen loads; musl refuses to load them.
 */
#ifdef __GLIBC__
#define THREAD_STATE_MODEL __attribute__((tls_model("initial-exec")))
#else
#define THREAD_STATE_MODEL
#endif
extern PRIVATE_DATA THREAD_STATE_MODEL _Thread_local thread thread_state;

static inline thread *thread_here(void) {
	thread *self = &thread_state;
	/* Where this is a call, the compiler would repeat it instead of keeping the result. */
	__asm__("" : "+r"(self));
	return self;
}

static inline uintptr_t thread_self(void) {
	return (uintptr_t)&thread_state;
}

/* Runs fn(arg) synchronously on the thread's own stack, for code that must not run on a coroutine's. */
static inline void call_on_thread_stack(void (*fn)(void *arg), void *arg) {
	flow *self = thread_here()->flow;
	if (self)
		self->call_on_thread_stack(self, fn, arg);
	else
		fn(arg);
}

/*
 * A word that is zero in a forked child. Each loop keeps the value it was created under. NULL until the first
 * loop.
 */
extern PRIVATE_DATA uint32_t *threads_fork_word;

/* Returns the value for a new loop, or 0 without memory for the word. */
uint32_t threads_fork_generation(void);

extern PRIVATE_DATA _Atomic uint64_t threads_task_count;
/* Returns the number for the next unnamed task. The count is per process, as in asyncio. */
static inline uint64_t threads_next_task(void) {
	return atomic_fetch_add_explicit(&threads_task_count, 1, memory_order_relaxed) + 1;
}

/* Guards the list of domains and the slab depot. Never held during a callback. */
extern pthread_mutex_t threads_mutex;

#endif
