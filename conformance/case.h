/* SPDX-License-Identifier: MIT */
/*
 * What a case includes: the public headers, its trace, and a few helpers that let a translation from Python
 * read like the original. A case is one file, CASE(name, seconds, needs) with the body of the program. It
 * runs in its own process, on the backend that AWAIT_BACKEND names. The output of trace() is compared with
 * what CPython printed.
 */
#ifndef CONFORMANCE_CASE_H
#define CONFORMANCE_CASE_H

#include <await/await.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a case needs from its backend. */
enum conf_needs {
	CASE_ANY = 0,
	CASE_REAL_TIME = 1 /* blocks a thread or measures from outside a loop: nothing for a clock that jumps */
};

typedef struct conf_case {
	const char *name;
	double seconds; /* how long it takes in real time, at least */
	unsigned needs;
	aw_status (*run)(void);
} conf_case;

#define CASE(name, seconds, needs)                                                 \
	static aw_status conf_run(void);                                               \
	extern const conf_case conf_##name;                                            \
	const conf_case conf_##name = {#name, (seconds), (unsigned)(needs), conf_run}; \
	static aw_status conf_run(void)

/* Writes one line of the trace. In one piece, since a case may have threads. */
__attribute__((format(printf, 1, 2))) static inline void trace(const char *format, ...) {
	char line[512];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	printf("%s\n", line);
}

/* A call that has no cause to fail: if it does, the case ends here. Gives what the call returned. */
#define must(call) must_succeed((call), #call, __FILE__, __LINE__)

static inline aw_status must_succeed(aw_status status, const char *call, const char *file, int line) {
	if (status >= 0) return status;
	fflush(stdout);
	fprintf(stderr, "%s:%d: %s: %s\n", file, line, call, aw_err_name(status));
	_exit(3);
}

/* Python's words for what printf has none. */
static inline const char *True_or_False(bool value) {
	return value ? "True" : "False";
}

/* asyncio.create_task. The caller has one reference. */
static inline aw_task *create_task(aw_task_fn fn, const void *ud) {
	aw_task *task = NULL;
	must(aw_task_spawn(NULL, fn, (void *)(uintptr_t)ud, NULL, &task));
	return task;
}

/* loop.create_future of the loop that runs. The caller has one reference. */
static inline aw_future *create_future(void) {
	aw_future *future = NULL;
	must(aw_future_new(aw_loop_current(), &future));
	return future;
}

/* await task: its status, its value in `out` (optional). */
static inline aw_status await_task(aw_task *task, void **out) {
	return aw_await(aw_task_future(task), out);
}

enum { GATHER_MAX = 16 };

/* asyncio.gather of tasks. The caller has one reference. */
static inline aw_future *gather(aw_task *const *tasks, size_t count, uint32_t flags) {
	aw_future *futures[GATHER_MAX], *all = NULL;
	for (size_t i = 0; i < count && i < GATHER_MAX; i++) futures[i] = aw_task_future(tasks[i]);
	must(aw_gather(NULL, futures, count < GATHER_MAX ? count : GATHER_MAX, flags, &all));
	return all;
}

/* asyncio.wait for all of these tasks. */
static inline void wait_tasks(aw_task *const *tasks, size_t count) {
	aw_future *futures[GATHER_MAX];
	for (size_t i = 0; i < count && i < GATHER_MAX; i++) futures[i] = aw_task_future(tasks[i]);
	must(aw_wait(futures, count < GATHER_MAX ? count : GATHER_MAX, AW_ALL_COMPLETED, AW_FOREVER, NULL));
}

static inline void drop_tasks(aw_task *const *tasks, size_t count) {
	for (size_t i = 0; i < count; i++) aw_task_unref(tasks[i]);
}

/* --- time, on the clock of the loop that runs --- */

static inline int64_t now(void) {
	return aw_loop_time(aw_loop_current());
}

/* Whole units since `start`, rounded. */
static inline int elapsed(int64_t start, int64_t unit) {
	return (int)((now() - start + unit / 2) / unit);
}

static inline int whole_seconds(int64_t start) {
	return elapsed(start, AW_SECOND);
}

/* The tick of the cases: long enough to tell one from two on a busy machine. */
#define TICK (200 * AW_MILLISECOND)

#endif
