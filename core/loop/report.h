/* SPDX-License-Identifier: MIT */
/* Telling the exception handler. */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include <await/loop.h>

/* Calls the loop's handler; `error`, `future`, `handle` are optional and borrowed. */
void report_call(aw_loop *loop, const char *message, aw_error *error, aw_future *future, aw_handle *handle);
/* As report_call(), about what was made elsewhere than `future`. */
void report_at(aw_loop *loop, const char *message, aw_future *future, const void *origin);
/* As report_call(), with the error of a status. */
void report_status(aw_loop *loop, const char *message, aw_status status, aw_future *future,
                   aw_handle *handle);

/*
 * A callback without a handle, as those of futures, descriptors and signals are, returned a status other than
 * 0. It is reported with a handle all the same and with nothing else, as asyncio has it, where each is a
 * handle.
 */
void report_callback(aw_loop *loop, aw_status status, const void *origin);
/* In debug mode: a callback, or a task's function, returned a positive status. */
void report_positive(aw_loop *loop, const char *what, aw_status status, aw_future *future, aw_handle *handle);

/* In debug mode: the time before something runs, else 0. */
int64_t report_slow_begin(const aw_loop *loop);
/* Reports what ran if it was slow. The time now, or 0 outside debug mode. */
int64_t report_slow_end(aw_loop *loop, int64_t began, aw_future *future, aw_handle *handle);
/* A coroutine goes that nobody ran. In debug mode. */
void report_never_awaited(aw_loop *loop, const void *origin);

#endif
