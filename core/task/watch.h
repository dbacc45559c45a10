/* SPDX-License-Identifier: MIT */
/*
 * A future that watches others: the common part of gather, wait and as_completed. It has a reference to each
 * future it watches, and each node has one to the watch until it has run or was removed.
 */
#ifndef CORE_AWAIT_WATCH_H
#define CORE_AWAIT_WATCH_H

#include "future.h"

typedef struct watch watch;

typedef struct watch_node {
	future_waiter waiter;
	watch *owner;
	aw_future *child; /* a reference */
} watch_node;

struct watch {
	aw_future future;
	closer closer;
	void (*child_done)(watch *self, aw_future *child); /* from the ready queue, once per node */
	watch_node *nodes;
	size_t count, out; /* nodes added; nodes waiting or queued */
	bool stopped;
};

extern const future_kind watch_kind;

/*
 * Allocates an object of `size` bytes that starts with a watch over up to `count` futures, or returns NULL.
 */
void *watch_create(aw_loop *loop, const future_kind *kind, size_t size, size_t count,
                   void (*child_done)(watch *, aw_future *));
watch *watch_new(aw_loop *loop, size_t count, void (*child_done)(watch *, aw_future *));
/* Watches one more future. */
void watch_add(watch *self, aw_future *child);
/* References a completed future, without a call of child_done. */
void watch_note(watch *self, aw_future *child);
/* Stops calling child_done. */
void watch_stop(watch *self);
/* For other kinds built on a watch: `release`, to be called last in theirs, and `child`. */
void watch_release(aw_future *self);
aw_future *watch_child(const aw_future *self, size_t index);
/* A child_done that finishes the watch, whatever the outcome of the child. */
void watch_finish(watch *self, aw_future *child);
/* Checks each future, and counts the distinct ones. */
aw_status watch_check(aw_loop *loop, aw_future *const *futures, size_t count, size_t *out_distinct);
/* Watches each distinct future, in order. */
void watch_add_distinct(watch *self, aw_future *const *futures, size_t count);

#endif
