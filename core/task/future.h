/* SPDX-License-Identifier: MIT */
/* Internal interface of futures, on which tasks and the combinators are built. */
#ifndef CORE_FUTURE_H
#define CORE_FUTURE_H

#include "error.h"
#include "loop.h"

#include <await/future.h>

enum future_state { FUTURE_PENDING, FUTURE_DONE, FUTURE_FAILED, FUTURE_CANCELLED };

/*
 * One level of the cancellation walk. Embedded in each kind of future that has children to cancel, so the
 * walk needs neither an allocation nor recursion.
 */
typedef struct cancel_frame {
	aw_future *parent; /* the level above */
	uint32_t index;    /* of the next child to cancel */
	bool on_path;      /* between the start and the current level */
	bool accepted;     /* by at least one child */
	bool cycle;        /* this task must leave its wait to break a cycle */
} cancel_frame;

/* How a kind of future propagates a cancellation to its children. None of these calls user code. */
typedef struct cancel_ops {
	cancel_frame *(*frame)(aw_future *self);
	void (*enter)(aw_future *self); /* before the children; optional */
	/* The child at `index`, or NULL beyond the end. */
	aw_future *(*next)(aw_future *self, size_t index);
	/* After the children. Returns true if the cancellation was accepted. */
	bool (*leave)(aw_future *self, aw_error *reason);
} cancel_ops;

/* Describes the lock, descriptor or process that a future waits for. */
typedef struct future_description {
	char text[80];
	bool is_held;    /* what it waits for is held by a task, or by something else */
	uint64_t holder; /* the number of that task; 0: not a task */
} future_description;

/* How a kind of future differs from a plain one. */
typedef struct future_kind {
	/* Requests cancellation; true if accepted. NULL: the future is cancelled at once. */
	bool (*cancel)(aw_future *self, aw_error *reason);
	/* Releases what the kind adds, after the last reference was dropped. Optional. */
	void (*release)(aw_future *self);
	/* The size of `extra`, if that is more than a future_extra. */
	uint32_t extra_size;
	bool is_task;     /* set_result and set_error are refused */
	const char *what; /* its name in a dump of tasks; NULL for a plain future */
	/* The future at `index` that it waits for, or NULL beyond the end. Optional. */
	aw_future *(*child)(const aw_future *self, size_t index);
	const cancel_ops *cancel_ops; /* replaces `cancel` for a kind that has children to cancel */
	/* Describes a pending future in a dump of tasks. Optional. */
	void (*describe)(const aw_future *self, future_description *out);
} future_kind;

/* In the future's list while that is pending, and in the ready queue once it is done. */
typedef struct future_waiter {
	ready_item item;
	ready_item **link; /* what points at it in the future's list, or NULL outside one */
	/* A reference, once it is in the ready queue. Or FUTURE_KEPT, if the owner keeps the future alive. */
	aw_future *future;
} future_waiter;
#define FUTURE_KEPT ((aw_future *)1)

/* What few futures need. Allocated when it is first needed, so that the others are small. */
typedef struct future_extra {
	host_slot host_slot;
} future_extra;

struct aw_future {
	object base;
	aw_loop *loop;
	const future_kind *kind;
	uint8_t state;
	bool unretrieved : 1;     /* it failed, and the error was never retrieved */
	bool marked : 1;          /* scratch bit for finding duplicates */
	bool awaited : 1;         /* of a task, while the tree of tasks is printed; here, where there is room */
	bool printed : 1;         /* likewise */
	bool must_cancel;         /* of a task: deliver a cancellation at the next step */
	bool waits_borrowed;      /* of a task: the awaited future is the task's or its coroutine's own */
	uint32_t cancel_requests; /* of a task: cancel() calls less uncancel() calls */
	ready_queue waiters;
	union {
		struct {
			void *data;
			aw_destroy_fn destroy;
		} value;
		aw_error *error; /* failed, or cancelled */
		/* Of a pending task, which has no value. Other kinds may keep a pointer in `value`. */
		cancel_frame cancel_frame;
	};
	future_extra *extra; /* NULL: not needed yet */
	const void *origin;  /* the code that made it, or NULL */
};

extern const object_class future_class;
extern const object_class task_class;

static inline bool future_is(const aw_future *self) {
	return object_is(self, &future_class) || object_is(self, &task_class);
}

static inline bool future_is_done(const aw_future *self) {
	return self->state != FUTURE_PENDING;
}

/* loop_push() without a call, in the usual case. */
static inline void loop_push_inline(aw_loop *loop, ready_item *item) {
	if (loop_is_quiet(loop))
		ready_push(&loop->ready, item);
	else
		loop_push(loop, item);
}

/* Returns the extra part, for a task a task_extra; NULL if out of memory. */
void *future_extra_of(aw_future *self);
/* Allocates an object of `size` bytes that starts with a future. NULL if out of memory. */
void *future_create(aw_loop *loop, const object_class *class, const future_kind *kind, size_t size);
/* Sets all that follows the header of a pending future, in memory that is not cleared. */
static inline void future_init(aw_future *self, aw_loop *loop, const future_kind *kind, const void *origin) {
	/* Field by field: for a structure of this size compilers take `rep stos`, which is slow to begin. */
	self->loop = loop;
	self->kind = kind;
	self->state = FUTURE_PENDING;
	self->unretrieved = self->marked = self->awaited = self->printed = false;
	self->must_cancel = self->waits_borrowed = false;
	self->cancel_requests = 0;
	self->waiters.head = NULL;
	self->value.data = NULL;
	self->value.destroy = NULL;
	self->extra = NULL;
	self->origin = origin;
}
/*
 * Initializes a pending future on the stack of the stackful task that awaits it (task_await_borrowed()). Nothing may
 * keep a reference to it beyond the wait.
 */
static inline void future_borrowed(aw_future *self, aw_loop *loop, const future_kind *kind) {
	self->base.class = &future_class;
	self->base.domain = &loop->domain;
	self->base.tally = 0;
	atomic_store_explicit(&self->base.refs, 1, memory_order_relaxed);
	self->base.size = 0;
	future_init(self, loop, kind, NULL);
}
/* After the wait of one without a value. */
static inline void future_borrowed_end(aw_future *self) {
	if (self->state == FUTURE_FAILED || self->state == FUTURE_CANCELLED) aw_error_unref(self->error);
}
/* Returns 0 if `loop` may use this future. */
aw_status future_check(const aw_future *self, const aw_loop *loop);
/* Adds a waiter whose item.run is set; queued at once if the future is done. */
void future_wait(aw_future *self, future_waiter *waiter);
/* The same for a future that is pending. */
static inline void future_wait_pending(aw_future *self, future_waiter *waiter) {
	ready_item **link = self->waiters.head ? &self->waiters.tail->next : &self->waiters.head;
	waiter->item.next = NULL;
	waiter->link = link;
	*link = &waiter->item;
	self->waiters.tail = &waiter->item;
}
/* Removes a waiter; false if it is queued already. */
bool future_unwait(aw_future *self, future_waiter *waiter);
/* Ends a waiter's run: releases the future. */
void future_waiter_end(future_waiter *waiter);

/*
 * Complete the future; no-ops if it is done. future_finish() takes ownership of the value; the others take a
 * new reference to the error.
 */
void future_finish(aw_future *self, void *value, aw_destroy_fn destroy);
void future_fail(aw_future *self, aw_error *error);
void future_set_cancelled(aw_future *self, aw_error *reason);
/* Requests cancellation of any kind of future. */
bool future_cancel(aw_future *self, aw_error *reason);
/*
 * Returns the status of a completed future and marks its error as retrieved. `out_value` and `out_error` are
 * optional and receive borrowed pointers.
 */
aw_status future_outcome(aw_future *self, void **out_value, aw_error **out_error);

/* Destroy functions of the library's own values; they also identify the kind of a value. */
void value_integer(void *value);
void value_results(void *results);
void value_future(void *future);
/* Makes a value of a new reference to a future; value_future() drops it. */
void *value_future_of(aw_future *future);
int32_t value_kind(aw_destroy_fn destroy);
/* Gets the integer value of a completed future; `out` is optional. -EINVAL if it has none. */
aw_status future_integer(const aw_future *self, int64_t *out);
/*
 * Shares a value that another future or coroutine owns: takes a reference if it is one of the library's
 * kinds. Returns the destroy for the second owner; NULL if it must not destroy the value.
 */
aw_destroy_fn value_share(void *value, aw_destroy_fn destroy);

/* Allocates `count` slots, or returns NULL; results_set() fills one from a future and references that. */
aw_results *results_new(aw_loop *loop, size_t count);
void results_set(aw_results *self, size_t index, aw_future *future);
bool results_done(const aw_results *self, size_t index);

#endif
