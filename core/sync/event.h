/* SPDX-License-Identifier: MIT */
/* The event inside the library: a queue's joins stand on it. */
#ifndef CORE_AWAIT_EVENT_H
#define CORE_AWAIT_EVENT_H

#include "future.h"

#include <await/sync.h>

/* Whoever waits for it is shown as one who waits for a turn of `kind` at `owner`. */
void event_lend(aw_event *self, const future_kind *kind, void *owner);

#endif
