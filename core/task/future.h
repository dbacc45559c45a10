/* SPDX-License-Identifier: MIT */
/* The future inside the library: what tasks and the combinators are made of. */
#ifndef CORE_FUTURE_H
#define CORE_FUTURE_H

#include "error.h"
#include "loop.h"

#include <await/future.h>

enum future_state { FUTURE_PENDING, FUTURE_DONE, FUTURE_FAILED, FUTURE_CANCELLED };

/*
 * The state of a cancellation that passes through a future on its way to other futures. Embedded in each kind
 * of future that has children to cancel, so that the walk needs neither an allocation nor recursion.
 */
typedef struct cancel_place {
	aw_future *up;  /* the future that the walk came from */
	uint32_t index; /* the next child to cancel */
	bool passing;   /* this future is on the path */
	bool accepted;  /* by at least one child */
	bool circle;    /* the walk came back to this task */
} cancel_place;

/* How a kind of future passes a cancellation on to others. None of these calls user code. */
typedef struct cancel_way {
	cancel_place *(*place)(aw_future *self);
	void (*enter)(aw_future *self); /* before the children; optional */
	/* The child at `index`, or NULL beyond the end. */
	aw_future *(*next)(aw_future *self, size_t index);
	/* After the children. Returns true if the cancellation was accepted. */
	bool (*leave)(aw_future *self, aw_error *reason);
} cancel_way;
/* Which lock, descriptor or process a future waits for. */
typedef struct future_description {
	char text[80];
	bool is_held;    /* somebody has what it waits for: */
	uint64_t holder; /* the number of this task, or 0: not a task */
} future_description;

/* How a kind of future differs from a plain one. */
typedef struct future_kind {
	/* Asks for cancellation; true if it was accepted. NULL: the future is cancelled at once. */
	bool (*cancel)(aw_future *self, aw_error *reason);
	/* The last reference went: let go of what the kind adds. NULL: nothing. */
	void (*release)(aw_future *self);
	bool is_task;     /* set_result and set_error are refused */
	const char *what; /* its kind in a dump: NULL for a plain future */
	/* The future at `index` that it waits for, or NULL beyond the end. NULL: none. */
	aw_future *(*child)(const aw_future *self, size_t index);
	const cancel_way *way; /* of a kind that passes a cancellation on, in place of `cancel` */
	/* What it is about, for a dump, while it is pending. NULL: nothing more to say. */
	void (*describe)(const aw_future *self, future_description *out);
} future_kind;

/* One who waits: in the future's list while it is pending, in the ready queue once it is done. */
typedef struct future_waiter {
	ready_item item;
	ready_item **link; /* what points at it in the future's list, or NULL outside one */
	aw_future *future; /* a reference, once it is in the ready queue */
} future_waiter;

struct aw_future {
	object base;
	aw_loop *loop;
	const future_kind *kind;
	uint8_t state;
	bool unretrieved; /* an error that nobody has looked at */
	bool marked;      /* scratch of whoever looks for duplicates */
	ready_queue waiters;
	union {
		struct {
			void *data;
			aw_destroy_fn destroy;
		} value;
		aw_error *error; /* failed, or cancelled */
	};
	host_slot host_slot;
	const void *origin; /* the code that made it, or NULL */
};

extern const object_class future_class;
extern const object_class task_class;

static inline bool future_is(const aw_future *self) {
	return object_is(self, &future_class) || object_is(self, &task_class);
}

static inline bool future_is_done(const aw_future *self) {
	return self->state != FUTURE_PENDING;
}

/* Sets up the future at the start of an object of `size` bytes. NULL without memory. */
void *future_create(aw_loop *loop, const object_class *class, const future_kind *kind, size_t size);
/* 0, or why this future can't be used by `loop`. */
aw_status future_check(const aw_future *self, const aw_loop *loop);
/* Adds a waiter whose item.run is set; queued at once if the future is done. */
void future_wait(aw_future *self, future_waiter *waiter);
/* Takes a waiter out again; false if it was queued already. */
bool future_unwait(aw_future *self, future_waiter *waiter);
/* End of a waiter's run: lets go of the future. */
void future_waiter_end(future_waiter *waiter);

/*
 * The three ends. They do nothing if the future is done. finish takes over the value, the others their own
 * reference.
 */
void future_finish(aw_future *self, void *value, aw_destroy_fn destroy);
void future_fail(aw_future *self, aw_error *error);
void future_set_cancelled(aw_future *self, aw_error *reason);
/* Asks for cancellation, whatever kind it is. */
bool future_cancel(aw_future *self, aw_error *reason);
/*
 * The status of a future that is done; marks its error as seen. `out_value` and `out_error` are borrowed and
 * optional.
 */
aw_status future_outcome(aw_future *self, void **out_value, aw_error **out_error);

/* The destroys of the library's own values, by which their kinds are told. */
void value_integer(void *value);
void value_results(void *results);
void value_future(void *future);
/* A new reference to a future as a value, which value_future() gives back. */
void *value_future_of(aw_future *future);
int32_t value_kind(aw_destroy_fn destroy);
/* The integer that a future which is done has as its value (`out` is optional), or -EINVAL. */
aw_status future_integer(const aw_future *self, int64_t *out);
/*
 * The destroy for a value that another future or coroutine keeps: of a kind of ours, with a reference of its
 * own.
 */
aw_destroy_fn value_share(void *value, aw_destroy_fn destroy);

/* An ::aw_results of `count` slots, or NULL; then each slot from a future, which it references. */
aw_results *results_new(aw_loop *loop, size_t count);
void results_set(aw_results *self, size_t index, aw_future *future);
bool results_done(const aw_results *self, size_t index);

#endif
