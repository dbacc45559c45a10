/* SPDX-License-Identifier: MIT */
/*
 * The loop's interface for the rest of the core: the ready queue, the timers, the operations in flight, and
 * the tasks it owns.
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include "list.h"
#include "object.h"
#include "ready.h"
#include "stack.h"
#include "timers.h"

#include <await/backend.h>
#include <await/error.h>
#include <await/loop.h>
#include <errno.h>

typedef struct guest guest;
typedef struct completion_queue completion_queue;

typedef struct callback_slot {
	aw_exception_fn fn;
	void *ud;
	aw_destroy_fn destroy;
} callback_slot;

/*
 * Cleanup hooks that run when the loop closes: by phase, and in each phase last registered first. The loop
 * knows the modules built on it only through these.
 */
typedef enum close_phase {
	CLOSE_WORK,    /* work in progress */
	CLOSE_TASKS,   /* run first: tasks may still call into everything else */
	CLOSE_SIGNALS, /* run after CLOSE_WORK */
	CLOSE_TABLES,  /* run last: the backend is closed and every operation has ended */
	CLOSE_PHASES
} close_phase;

typedef struct closer {
	struct closer *next, *previous;
	close_phase phase;
	void (*close)(struct closer *self);
} closer;

/* A module whose events do not arrive through operations. */
typedef struct event_source {
	bool (*may_miss_wakeup)(const aw_loop *loop); /* an event may not end a wait, so waits must be short */
	void (*poll)(aw_loop *loop);                  /* called after each wait: queues new events */
} event_source;

/* The longest wait while wakes fail or events may be missed. */
#define SLEEP_WITHOUT_WAKE (50 * AW_MILLISECOND)

enum loop_state { LOOP_OPEN, LOOP_CLOSING, LOOP_CLOSED };

/* Whether a wake needs a system call: only if the loop waits or is about to. A guest's host may always wait. */
enum wake_state { WAKE_NOT_NEEDED, WAKE_NEEDED, WAKE_PENDING };

struct aw_loop {
	object base;              /* the handle; in domain_none */
	domain domain;            /* of all objects of the loop; keeps this memory alive */
	_Atomic uintptr_t driver; /* the thread inside wait or dispatch, or 0 */
	/* the home thread while the loop is open, unless another one drives it; else 0. See loop_check(). */
	_Atomic uintptr_t checked_for;
	uint32_t fork_generation;
	_Atomic uint8_t state;
	bool running, dispatching, stopping, debug;
	bool observes_calls; /* `debug`, or closing: a callback takes more than to be called */
	bool polled;         /* a wait has been made, and its dispatch is outstanding */
	bool was_woken;      /* the last poll was ended by a wake */
	bool leaving;        /* a completion callback has asked to end the run */
	/* print unhandled failures by default: set for loops made by aw_run() and similar */
	bool prints;
	const aw_backend *backend;
	aw_backend_state *backend_state;
	aw_backend_core backend_core;
	ready_queue ready;
	ready_queue flushes;    /* run at the end of a dispatch */
	uint64_t iteration;     /* counts dispatches */
	ready_queue completed;  /* by the backend, in its wait; appended to `ready` in dispatch */
	uint32_t in_flight;     /* operations owned by the backend */
	uint32_t handles_taken; /* from `handles`, and not given back */
	timers timers;
	int64_t trim_at;              /* when the memory that is aside is given back; 0: none is. See trim.h */
	int64_t trim_cost;            /* nanoseconds, of the last time */
	struct aw_task *current;      /* the running task */
	struct binding *outside;      /* while a task runs: the context of what it interrupts; borrowed */
	LIST(struct aw_task) tasks;   /* unfinished tasks, in order of creation */
	struct aw_task *chained;      /* tasks whose end of chain is cached; see task.c */
	_Atomic(ready_item *) posted; /* by other threads, newest first */
	slab_share handles;           /* for those threads */
	_Atomic uint32_t wake_state;  /* enum wake_state */
	/* the last wake failed: waits are short until one succeeds */
	_Atomic bool wake_refused;
	_Atomic bool wake_lost;   /* a wake failed and no wait has returned since */
	_Atomic bool wake_proven; /* the last call of the backend for a wake succeeded */
	_Atomic bool wake_unread; /* the backend was called although the loop was awake: poll, to drain it */
	guest *guest;
	completion_queue *completions;
	LIST(closer) closers[CLOSE_PHASES];
	closer task_closer;                      /* registered by the first task */
	const event_source *event_source;        /* or NULL */
	struct read_buffers *read_buffers;       /* of the streams; NULL until first used */
	struct descriptors *descriptors;         /* readers and writers; NULL until first used */
	struct signals *signals;                 /* signal handlers, likewise */
	struct loop_threads *threads;            /* the default executor, likewise */
	struct loop_executor *resolver;          /* the threads that resolve names, likewise */
	struct loop_executor *files;             /* the threads for calls on files, likewise */
	struct chosen_resolver *chosen_resolver; /* the program's; NULL: the system's */
	stack_pool stacks;
	callback_slot exception;
	int64_t slow_callback; /* in debug mode, callbacks that take this long are reported */
	host_slot host_slot;
};

extern PRIVATE_DATA const object_class loop_class;

/* An operation for the backend, embedded in its owner. `done` runs from dispatch or from close. */
typedef struct operation {
	aw_op op;
	ready_item item;
	aw_loop *loop;
	void (*done)(struct operation *self);
	/*
	 * For AW_OP_RECV_MULTISHOT: takes a buffer, in the middle of a wait, so it only notes it. `done` then runs as
	 * well, with `in_flight` while more may follow.
	 */
	void (*arrived)(struct operation *self, aw_buffer *buffer);
	bool in_flight;
	bool is_due; /* `done` is about to run */
} operation;

/* A deadline, embedded in its owner. When due, `item` is queued. */
typedef struct alarm_clock {
	timer timer;
	ready_item item;
} alarm_clock;

/* The other cases of loop_check(). */
__attribute__((cold)) aw_status loop_check_unusual(aw_loop *loop);
/* Whether the calling thread may use a loop's memory as a loop: it is open, and no other thread drives it. */
static inline bool loop_is_usual(const aw_loop *loop) {
	return __builtin_expect(atomic_load_explicit(&loop->checked_for, memory_order_relaxed) == thread_self() &&
	                            loop->fork_generation == *threads_fork_word,
	                        1);
}
/*
 * Checks whether the calling thread may use the loop now: 0, or the status to return. Makes it the loop's
 * home thread.
 */
static inline aw_status loop_check(aw_loop *loop) {
	bool is_usual = object_is(loop, &loop_class) && loop_is_usual(loop);
	return __builtin_expect(is_usual, 1) ? 0 : loop_check_unusual(loop);
}
/* Like loop_check(), but replaces NULL with the running loop. */
aw_status loop_resolve(aw_loop **loop);
bool loop_is(const aw_loop *loop);
int64_t loop_now(const aw_loop *loop);

/* Whether an item may simply be queued: no other thread has posted one, and no host has to be notified. */
static inline bool loop_is_quiet(const aw_loop *loop) {
	const void *posted = atomic_load_explicit(&loop->posted, memory_order_relaxed);
	return __builtin_expect(!((uintptr_t)posted | (uintptr_t)loop->guest), 1);
}
__attribute__((cold)) void loop_push_unusual(aw_loop *loop, ready_item *item);
/* Queues an item to run in the next dispatch. */
static inline void loop_push(aw_loop *loop, ready_item *item) {
	if (loop_is_quiet(loop))
		ready_push(&loop->ready, item);
	else
		loop_push_unusual(loop, item);
}
/* Queues an item to run at the end of this dispatch, or of the next one. */
void loop_flush_later(aw_loop *loop, ready_item *item);
__attribute__((cold)) aw_status loop_alarm_set_as_guest(aw_loop *loop, alarm_clock *alarm, int64_t when);
/* Sets or moves a deadline; -ENOMEM. When due, the item is queued. */
static inline aw_status loop_alarm_set(aw_loop *loop, alarm_clock *alarm, int64_t when) {
	if (__builtin_expect(loop->guest != NULL, 0)) return loop_alarm_set_as_guest(loop, alarm, when);
	return timers_set(&loop->timers, &alarm->timer, when) ? 0 : -ENOMEM;
}
/* The same if that only means a later time for one that is set. Otherwise false, and nothing has happened. */
static inline bool loop_alarm_put_off(aw_loop *loop, alarm_clock *alarm, int64_t when) {
	return __builtin_expect(!loop->guest, 1) && timers_put_off(&loop->timers, &alarm->timer, when);
}
static inline void loop_alarm_stop(aw_loop *loop, alarm_clock *alarm) {
	timers_remove(&loop->timers, &alarm->timer);
}
/*
 * Submits an operation on a descriptor owned by the program. If it returns 0, `done` is called exactly once.
 */
aw_status loop_submit(aw_loop *loop, operation *operation);
/*
 * Like loop_submit(), but the caller must keep the descriptor open until `done`, or call loop_flush() before
 * the program runs again. The backend may then submit several operations with one system call.
 */
aw_status loop_submit_batched(aw_loop *loop, operation *operation);
void loop_flush(aw_loop *loop);
/* Requests cancellation of an operation in flight. */
void loop_cancel(aw_loop *loop, operation *operation);
/* Whether the backend may perform AW_OP_RECV_MULTISHOT. */
bool loop_has_multishot(const aw_loop *loop);
/* Returns a buffer of AW_OP_RECV_MULTISHOT. A loop that is closing has lost all of them. */
void loop_give_back(aw_loop *loop, aw_buffer *buffer);
/* Returns now + delay, saturated. */
int64_t loop_after(const aw_loop *loop, int64_t delay);

/*
 * Makes the current or the next wait return. Called from any thread, and from signal handlers; the caller keeps
 * the loop open. No system call while the loop does not wait, once a wake has succeeded.
 */
void loop_wake(aw_loop *loop);
/* From here on every wake reaches the backend. Returns whether one was pending, which did not. */
bool loop_expect_wake(aw_loop *loop);
/* Applies a change of `debug`. */
void loop_begin_debug(aw_loop *self);
/*
 * Makes the backend's current or next wait return. On failure returns a negative status; the next call tries
 * again.
 */
aw_status loop_wake_backend(aw_loop *loop);

void loop_add_closer(aw_loop *loop, closer *closer);
/* In a closing loop: runs the queued items, which only release what they hold. */
void loop_drain(aw_loop *loop);
void loop_remove_closer(aw_loop *loop, closer *closer);

/* Bracket a run. loop_run_begin() returns 0 or the status to return. */
aw_status loop_run_begin(aw_loop *loop);
void loop_run_end(aw_loop *loop);
/* Runs until the loop is stopped or a failure occurs. */
aw_status loop_run(aw_loop *loop);

static inline bool loop_closing(const aw_loop *loop) {
	return loop->state != LOOP_OPEN;
}

#endif
