/* SPDX-License-Identifier: MIT */
/* Internal interface of events, on which queue joins are built. */
#ifndef CORE_AWAIT_EVENT_H
#define CORE_AWAIT_EVENT_H

#include "future.h"

#include <await/sync.h>

/* Makes a dump show waits for this event as waits of `kind` for `owner`. */
void event_set_owner(aw_event *self, const future_kind *kind, void *owner);

#endif
