/* SPDX-License-Identifier: MIT */
/* Internal interface of events, on which queue joins are built. */
#ifndef CORE_AWAIT_EVENT_H
#define CORE_AWAIT_EVENT_H

#include "wait_queue.h"

#include <await/sync.h>

struct aw_event {
	object base;
	aw_loop *loop;
	wait_queue waiters;
	const future_kind *kind; /* of the wait, with its owner: the event, or the queue whose joins it serves */
	void *owner;
	bool set;
};

/* Makes a dump show waits for this event as waits of `kind` for `owner`. */
void event_set_owner(aw_event *self, const future_kind *kind, void *owner);

#endif
