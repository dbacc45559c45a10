/* SPDX-License-Identifier: MIT */
/* Calls to the exception handler. */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include "loop.h"

/* Calls the loop's handler; `error`, `future`, `handle` are optional and borrowed. */
void report_call(aw_loop *loop, const char *message, aw_error *error, aw_future *future, aw_handle *handle);
/* Like report_call(), but with another origin than `future`'s. */
void report_at(aw_loop *loop, const char *message, aw_future *future, const void *origin);
/* Like report_call(), with a status's error. */
void report_status(aw_loop *loop, const char *message, aw_status status, aw_future *future,
                   aw_handle *handle);

/*
 * Reports a nonzero status of a callback without a handle (of a future, descriptor or signal). The report has
 * a temporary handle, because in asyncio every callback is a handle.
 */
void report_callback(aw_loop *loop, aw_status status, const void *origin);
/* In debug mode, reports a positive status returned by a callback or a task's function. */
void report_positive(aw_loop *loop, const char *what, aw_status status, aw_future *future, aw_handle *handle);

/* Returns the start time in debug mode, else 0. */
static inline int64_t report_slow_begin(const aw_loop *loop) {
	return __builtin_expect(loop->debug, 0) ? loop_now(loop) : 0;
}
/* Reports the code that ran if it was slow. Returns the time now, or 0 outside debug mode. */
int64_t report_slow(aw_loop *loop, int64_t began, aw_future *future, aw_handle *handle);
static inline int64_t report_slow_end(aw_loop *loop, int64_t began, aw_future *future, aw_handle *handle) {
	return __builtin_expect(began != 0, 0) ? report_slow(loop, began, future, handle) : 0;
}
/* In debug mode, reports a coroutine that is released without having run. */
void report_never_awaited(aw_loop *loop, const void *origin);

#endif
