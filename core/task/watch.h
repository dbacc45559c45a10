/* SPDX-License-Identifier: MIT */
/*
 * A future that waits for several others, shared by gather, wait and as_completed. It holds a reference to
 * each future it watches. Each node keeps the watch alive until the node has run or was removed.
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
	void (*child_done)(watch *self, aw_future *child); /* through the ready queue, once for each node */
	watch_node *nodes;
	size_t count, out; /* nodes added; nodes that wait or are queued */
	bool stopped;
};

extern const future_kind watch_kind;

/* A watch over up to `count` futures, at the start of an object of `size` bytes. NULL without memory. */
void *watch_create(aw_loop *loop, const future_kind *kind, size_t size, size_t count,
                   void (*child_done)(watch *, aw_future *));
watch *watch_new(aw_loop *loop, size_t count, void (*child_done)(watch *, aw_future *));
/* Starts to watch one more. */
void watch_add(watch *self, aw_future *child);
/* References one that is done already, without a child_done. */
void watch_note(watch *self, aw_future *child);
/* No child_done from now on. */
void watch_stop(watch *self);
/* For kinds of their own: the end of their release, and their children. */
void watch_release(aw_future *self);
aw_future *watch_child(const aw_future *self, size_t index);
/* A child_done that finishes the watch itself, whatever the child's outcome. */
void watch_finish(watch *self, aw_future *child);
/* Checks every future, and counts the distinct ones. */
aw_status watch_check(aw_loop *loop, aw_future *const *futures, size_t count, size_t *out_distinct);
/* Adds each distinct one, in order. */
void watch_add_distinct(watch *self, aw_future *const *futures, size_t count);

#endif
