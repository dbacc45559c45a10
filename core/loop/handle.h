/* SPDX-License-Identifier: MIT */
/* Scheduled callbacks: those of the loop's thread, timers, and those that other threads post. */
#ifndef CORE_HANDLE_H
#define CORE_HANDLE_H

#include "loop.h"

/* The code that scheduled it. */
const void *handle_origin(const aw_handle *self);
/* A handle that has ended, which stands in a report for a callback that needs none. NULL without memory. */
aw_handle *handle_for_report(aw_loop *loop, const void *origin);
/* The callback itself, as an address to be named. */
const void *handle_function(const aw_handle *self);
/*
 * Has `item` run by the loop; false if that is closed. Any thread, which holds something that keeps the
 * loop's memory.
 */
bool handle_post(aw_loop *loop, ready_item *item);
/* Queues what other threads have posted, oldest first. `newest` is the list as it was taken. */
void handle_take_posted(aw_loop *loop, ready_item *newest);
/* The loop closes: what is posted is dropped, and posting answers AW_ELOOPCLOSED from now on. */
void handle_close_posted(aw_loop *loop);

#endif
