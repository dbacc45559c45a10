/* SPDX-License-Identifier: MIT */
/*
 * wrap_future: a future of one loop that follows a concurrent future of another. The thread that settles the
 * concurrent future notifies it through its loop's posted list. A closer removes the follower if the loop
 * closes first.
 */
#include "concurrent_future.h"

#include "failure.h"

#include <errno.h>

typedef struct wrap {
	aw_future future;
	closer closer;
	concurrent_future_follower follower; /* has a reference until it is notified or the loop closes */
	aw_concurrent_future *concurrent;    /* a reference: it owns the value */
} wrap;

static void wrap_release(aw_future *future) {
	object_unref(((wrap *)(void *)future)->concurrent);
}

/* As in asyncio: cancelled at once, while the task behind it is cancelled when its loop gets the request. */
static bool wrap_cancel(aw_future *future, aw_error *reason) {
	(void)aw_concurrent_future_cancel(((wrap *)(void *)future)->concurrent);
	future_set_cancelled(future, reason);
	return true;
}

static const future_kind wrap_kind = {
	.cancel = wrap_cancel, .release = wrap_release, .what = "concurrent future"};

static void finish(wrap *self) {
	void *value;
	bool is_integer;
	aw_error *error;
	switch (concurrent_future_outcome(self->concurrent, &value, &is_integer, &error)) {
	case FUTURE_DONE: future_finish(&self->future, value, is_integer ? value_integer : NULL); break;
	case FUTURE_FAILED: future_fail(&self->future, error); break;
	default: future_set_cancelled(&self->future, error); break;
	}
}

static aw_status arrived(ready_item *item) {
	wrap *self = container_of(item, wrap, follower.arrival);
	loop_remove_closer(self->future.loop, &self->closer);
	if (!loop_closing(self->future.loop)) finish(self);
	object_unref(self);
	return 0;
}

/* The loop is closing. A follower that is already posted still arrives. */
static void wrap_close(closer *base) {
	wrap *self = container_of(base, wrap, closer);
	if (concurrent_future_unfollow(self->concurrent, &self->follower)) object_unref(self);
}

ENTRY(aw_wrap_future, (aw_loop *loop, aw_concurrent_future *concurrent, aw_future **out), (loop, concurrent,
                       out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!concurrent_future_is(concurrent)) return AW_EBADHANDLE;
	if (!out) return -EINVAL;
	wrap *self = future_create(loop, &future_class, &wrap_kind, sizeof *self);
	if (!self) return -ENOMEM;
	self->future.origin = CALLER;
	self->closer.close = wrap_close;
	self->follower.loop = loop;
	self->follower.arrival.run = arrived;
	self->concurrent = object_ref(concurrent);
	loop_add_closer(loop, &self->closer);
	status = concurrent_future_follow(concurrent, &self->follower);
	if (status < 0) {
		loop_remove_closer(loop, &self->closer);
		object_unref(self);
		return status;
	}
	object_ref(self); /* the follower's reference */
	*out = object_hand_out(self, CALLER);
	return 0;
}
