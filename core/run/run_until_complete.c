/* SPDX-License-Identifier: MIT */
#include "failure.h"
#include "future.h"
#include "loop.h"

/* Stops the run when the future is done. Lives on the caller's stack. */
typedef struct until {
	future_waiter waiter;
	aw_loop *loop;
	bool reached;
} until;

static aw_status until_run(ready_item *item) {
	until *self = container_of(item, until, waiter.item);
	future_waiter_end(&self->waiter);
	self->reached = true;
	self->loop->stopping = true;
	return 0;
}

/* If the run ended first, removes the waiter from wherever it is. */
static void until_leave(until *self, aw_future *future) {
	if (self->reached || future_unwait(future, &self->waiter)) return;
	/* It is in the ready queue, behind the callback that exited: rebuild the queue without it. */
	ready_queue kept = {0};
	for (ready_item *item; (item = ready_take(&self->loop->ready));)
		if (item != &self->waiter.item) ready_push(&kept, item);
	self->loop->ready = kept;
	future_waiter_end(&self->waiter);
}

ENTRY(aw_loop_run_until_complete, (aw_loop *loop, aw_future *future, void **out), (loop, future, out)) {
	aw_status status = loop_check(loop);
	if (status == 0) status = future_check(future, loop);
	if (status == 0) status = loop_run_begin(loop);
	if (status < 0) return status;
	until end = {.waiter.item.run = until_run, .loop = loop};
	object_ref(future);
	future_wait(future, &end.waiter);
	status = loop_run(loop);
	until_leave(&end, future);
	if (status == 0) status = future_is_done(future) ? future_outcome(future, out, NULL) : AW_ESTOPPED;
	loop_run_end(loop);
	object_unref(future);
	return status;
}
