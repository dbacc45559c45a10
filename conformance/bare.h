/* SPDX-License-Identifier: MIT */
/*
 * Helpers for a case that drives a loop itself instead of through aw_run(): creating and closing it,
 * scheduling without keeping the handle, and callbacks that trace a line or stop the loop.
 */
#ifndef CONFORMANCE_BARE_H
#define CONFORMANCE_BARE_H

#include "case.h"

static inline aw_loop *new_event_loop(void) {
	aw_loop *loop = NULL;
	must(aw_loop_new(NULL, &loop));
	return loop;
}

static inline void close_event_loop(aw_loop *loop) {
	must(aw_loop_close(loop));
	aw_loop_unref(loop);
}

static inline void call_soon(aw_loop *loop, aw_callback_fn fn, const void *ud) {
	must(aw_loop_call_soon(loop, fn, (void *)(uintptr_t)ud, NULL, NULL));
}

static inline void call_later(aw_loop *loop, int64_t delay, aw_callback_fn fn, const void *ud) {
	must(aw_loop_call_later(loop, delay, fn, (void *)(uintptr_t)ud, NULL, NULL));
}

/* loop.stop(); loop.run_forever(): one iteration. */
static inline void run_once(aw_loop *loop) {
	must(aw_loop_stop(loop));
	must(aw_loop_run_forever(loop));
}

/* Callback: loop.stop. */
static inline aw_status stop(aw_loop *loop, void *ud) {
	(void)ud;
	return aw_loop_stop(loop);
}

/* Callback: print(text). */
static inline aw_status say(aw_loop *loop, void *text) {
	(void)loop;
	trace("%s", (const char *)text);
	return 0;
}

/* Done callback: print(text). */
static inline aw_status say_done(aw_future *future, void *text) {
	(void)future;
	trace("%s", (const char *)text);
	return 0;
}

static inline void add_done_callback(aw_future *future, const char *text) {
	must(aw_future_add_done_callback(future, say_done, (void *)(uintptr_t)text, NULL));
}

/* The name of the Python exception. */
static inline const char *raised(aw_status status) {
	switch (status) {
	case AW_ECANCELLED: return "CancelledError";
	case AW_ETIMEOUT: return "TimeoutError";
	case AW_EINVALIDSTATE: return "InvalidStateError";
	case AW_ESYSTEMEXIT: return "SystemExit";
	default: return status < 0 ? aw_err_name(status) : "nothing";
	}
}

#endif
