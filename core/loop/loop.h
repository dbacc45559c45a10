/* SPDX-License-Identifier: MIT */
/*
 * The loop as the rest of the core sees it: what is ready, what is due, what the backend carries out, and the
 * tasks it owns.
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

typedef struct guest guest;
typedef struct completion_queue completion_queue;

typedef struct callback_slot {
	aw_exception_fn fn;
	void *ud;
	aw_destroy_fn destroy;
} callback_slot;

/*
 * What is to be undone when the loop closes: by phase, and in each the last first. The loop knows its
 * facilities by this alone.
 */
typedef enum close_phase {
	CLOSE_WORK,    /* what is under way */
	CLOSE_TASKS,   /* before that: who may still call into all the rest */
	CLOSE_SIGNALS, /* after it */
	CLOSE_TABLES,  /* the backend is closed, and every operation has ended */
	CLOSE_PHASES
} close_phase;

typedef struct closer {
	struct closer *next, *previous;
	close_phase phase;
	void (*close)(struct closer *self);
} closer;

/* Of a facility that is told of events by no operation. */
typedef struct lookout {
	bool (*is_deaf)(const aw_loop *loop); /* one may come that wakes nobody: no sleep is long then */
	void (*look)(aw_loop *loop);          /* after each wait: queues what came */
} lookout;

/* How long a loop sleeps at most while nobody can wake it. */
#define SLEEP_WITHOUT_WAKE (50 * AW_MILLISECOND)

enum loop_state { LOOP_OPEN, LOOP_CLOSING, LOOP_CLOSED };

struct aw_loop {
	object base;              /* of domain_none: the handle */
	domain domain;            /* of all that belongs to the loop; keeps this memory alive */
	_Atomic uintptr_t driver; /* the thread inside wait or dispatch, or 0 */
	uint32_t fork_generation;
	_Atomic uint8_t state;
	bool running, dispatching, stopping, debug;
	bool polled;    /* a wait has been made that no dispatch has followed yet */
	bool was_woken; /* by a wake-up, in the last poll */
	bool leaving;   /* a completion's callback has asked to leave the run */
	/* failures that nobody else sees, by default: it is a program's front door that runs it */
	bool prints;
	const aw_backend *backend;
	aw_backend_state *backend_state;
	aw_backend_core backend_core;
	ready_queue ready;
	ready_queue completed; /* by the backend, during its wait; joins `ready` in dispatch */
	size_t in_flight;      /* operations that the backend has */
	timers timers;
	struct aw_task *current;      /* the task that runs */
	LIST(struct aw_task) tasks;   /* not done, in order of creation */
	struct aw_task *chained;      /* tasks whose end of chain is cached; see task.c */
	_Atomic(ready_item *) posted; /* by other threads, newest first */
	_Atomic uint32_t woken;       /* a wake is under way */
	/* the last one did not reach the backend: no sleep is long until one does */
	_Atomic bool wake_refused;
	_Atomic bool wake_lost; /* and no wait has answered it yet */
	guest *guest;
	completion_queue *completions;
	LIST(closer) closers[CLOSE_PHASES];
	closer task_closer;              /* registered by the first task */
	const lookout *lookout;          /* or NULL */
	struct descriptors *descriptors; /* readers and writers, once there are any */
	struct signals *signals;         /* signal handlers, likewise */
	struct loop_threads *threads;    /* its default executor, likewise */
	struct resolver *resolver;       /* its threads for names, likewise */
	stack_pool stacks;
	callback_slot exception;
	int64_t slow_callback; /* in debug mode, what lasts this long is reported */
	host_slot host_slot;
};

extern const object_class loop_class;

/* An operation given to the backend, embedded in its owner. `done` runs from dispatch, or from close. */
typedef struct operation {
	aw_op op;
	ready_item item;
	aw_loop *loop;
	void (*done)(struct operation *self);
	bool in_flight;
} operation;

/* A deadline embedded in its owner. `fired` runs from dispatch. */
typedef struct alarm_clock {
	timer timer;
	ready_item item;
} alarm_clock;

/* May the calling thread use the loop now? 0, or the status to return. Makes the caller's thread its home. */
aw_status loop_check(aw_loop *loop);
/* As loop_check(), for NULL meaning the loop that runs here. */
aw_status loop_resolve(aw_loop **loop);
bool loop_is(const aw_loop *loop);
int64_t loop_now(const aw_loop *loop);

/* Queues an item, which runs in the next dispatch. */
void loop_push(aw_loop *loop, ready_item *item);
/* Sets or moves a deadline; -ENOMEM. When due, the item is queued. */
aw_status loop_alarm_set(aw_loop *loop, alarm_clock *alarm, int64_t when);
void loop_alarm_stop(aw_loop *loop, alarm_clock *alarm);
/* Submits an operation on a descriptor of the program's; `done` follows exactly once if this returns 0. */
aw_status loop_submit(aw_loop *loop, operation *operation);
/*
 * As loop_submit(), for a descriptor that stays open until `done`, or until a loop_flush() that follows
 * before the program can run. The backend may then hand over several operations in one system call.
 */
aw_status loop_submit_held(aw_loop *loop, operation *operation);
void loop_flush(aw_loop *loop);
/* Asks an operation in flight to end. */
void loop_cancel(aw_loop *loop, operation *operation);
/* now + delay, which stays within range. */
int64_t loop_after(const aw_loop *loop, int64_t delay);

/* After a change of `debug`. */
void loop_begin_debug(aw_loop *self);
/*
 * Has the backend's wait return, now or next. A negative status: it may not, and the next call tries again.
 */
aw_status loop_wake_backend(aw_loop *loop);

void loop_add_closer(aw_loop *loop, closer *closer);
/* In a loop that closes: runs what is queued, which only lets go. */
void loop_drain(aw_loop *loop);
void loop_remove_closer(aw_loop *loop, closer *closer);

/* Brackets runs: 0, or the status to return. */
aw_status loop_run_begin(aw_loop *loop);
void loop_run_end(aw_loop *loop);
/* Runs until the loop is stopped, or a failure. */
aw_status loop_run(aw_loop *loop);

static inline bool loop_closing(const aw_loop *loop) {
	return loop->state != LOOP_OPEN;
}

#endif
