/* SPDX-License-Identifier: MIT */
/* Scheduled callbacks: from the loop's thread, from timers, and posted by other threads. */
#ifndef CORE_HANDLE_H
#define CORE_HANDLE_H

#include "loop.h"

/* The code that scheduled it. */
const void *handle_origin(const aw_handle *self);
/* Returns a finished handle for the report about a callback that has none, or NULL if out of memory. */
aw_handle *handle_for_report(aw_loop *loop, const void *origin);
/* The callback's address, for symbolization. */
const void *handle_function(const aw_handle *self);
/*
 * Queues `item` from any thread; false if the loop is closed. The caller must hold a reference that keeps the
 * loop's memory valid.
 */
bool handle_post(aw_loop *loop, ready_item *item);
/* Moves posted items to the ready queue, oldest first. `newest` is the list taken from `posted`. */
void handle_take_posted(aw_loop *loop, ready_item *newest);
/* Called when the loop closes: drops posted items, and makes posting fail with AW_ELOOPCLOSED. */
void handle_close_posted(aw_loop *loop);

#endif
