/* SPDX-License-Identifier: MIT */
/*
 * Shared code of the core tests: a trace of words in the order of events, callbacks that append to it, and a
 * loop that checks at its end that no handle is alive.
 */
#ifndef TESTS_TRACE_H
#define TESTS_TRACE_H

#include <await/await.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"

static char trace[4096];

static inline void trace_reset(void) {
	trace[0] = 0;
}

/* Adds a word; the words are separated by spaces. */
static inline void trace_add(const char *word) {
	size_t used = strlen(trace);
	snprintf(trace + used, sizeof trace - used, "%s%s", used ? " " : "", word);
}

/* Adds "word:ERROR_NAME". */
static inline void trace_status(const char *word, aw_status status) {
	char text[96];
	snprintf(text, sizeof text, "%s:%s", word, aw_err_name(status));
	trace_add(text);
}

/* Adds "word:number". */
static inline void trace_number(const char *word, long long number) {
	char text[96];
	snprintf(text, sizeof text, "%s:%lld", word, number);
	trace_add(text);
}

/* A callback that appends its word. */
static inline aw_status say(aw_loop *loop, void *word) {
	(void)loop;
	trace_add(word);
	return 0;
}

/* A done-callback that appends its word. */
static inline aw_status say_done(aw_future *future, void *word) {
	(void)future;
	trace_add(word);
	return 0;
}

/* A destroy function that appends "~word". */
static inline void say_destroyed(void *word) {
	char text[64];
	snprintf(text, sizeof text, "~%s", (const char *)word);
	trace_add(text);
}

/* A callback, a done-callback and a destroy function that count their calls. */
static inline aw_status count(aw_loop *loop, void *counter) {
	(void)loop;
	++*(int *)counter;
	return 0;
}

static inline void count_destroyed(void *counter) {
	++*(int *)counter;
}

/* A task that never ends by itself. */
static inline aw_status sleep_long(void *ud) {
	(void)ud;
	return aw_sleep(3600 * AW_SECOND);
}

static inline aw_loop *loop_begin(const char *backend) {
	aw_loop *loop = NULL;
	trace_reset();
	EXPECT_INT(aw_loop_new(backend, &loop), 0);
	return loop;
}

static inline void loop_end(aw_loop *loop) {
	EXPECT_INT(aw_loop_close(loop), 0);
	aw_loop_unref(loop);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* Runs iterations until nothing is ready. */
static inline void loop_settle(aw_loop *loop) {
	for (int i = 0; i < 1000 && aw_loop_pending(loop); i++) EXPECT(aw_loop_run_once(loop, 0) >= 0);
}

/* Runs a program under virtual time, and checks that it leaves nothing behind. */
static inline aw_status run_virtual(aw_task_fn fn) {
	trace_reset();
	aw_status status = aw_run("virtual", fn, NULL, NULL, NULL);
	EXPECT_INT(aw_debug_live_handles(), 0);
	return status;
}

/* A running task, as a future the caller owns. */
static inline aw_future *spawn(aw_task_fn fn, const void *ud) {
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(NULL, fn, (void *)(uintptr_t)ud, NULL, &task), 0);
	return aw_task_future(task);
}

static inline aw_future *future_of_running_loop(void) {
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(aw_loop_current(), &future), 0);
	return future;
}

#endif
