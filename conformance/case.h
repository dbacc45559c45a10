/* SPDX-License-Identifier: MIT */
/*
 * Included by every case: the public headers, the trace, and helpers that let a translation from Python read
 * like the original. A case is one file, CASE(name, seconds, needs) followed by the body of the program. It
 * runs in a separate process, on the backend that AWAIT_BACKEND names. The output of trace() is compared with
 * that of CPython.
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
	CASE_REAL_TIME = 1 /* blocks a thread or measures outside the loop: needs a real clock */
};

typedef struct conf_case {
	const char *name;
	double seconds; /* minimum duration in real time */
	unsigned needs;
	aw_status (*run)(void);
} conf_case;

#define CASE(name, seconds, needs)                                                 \
	static aw_status conf_run(void);                                               \
	extern const conf_case conf_##name;                                            \
	const conf_case conf_##name = {#name, (seconds), (unsigned)(needs), conf_run}; \
	static aw_status conf_run(void)

/* Writes one line of the trace, atomically, since a case may have threads. */
__attribute__((format(printf, 1, 2))) static inline void trace(const char *format, ...) {
	char line[512];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	printf("%s\n", line);
}

/* Aborts the case if the call failed. Returns its result. */
#define must(call) must_succeed((call), #call, __FILE__, __LINE__)

static inline aw_status must_succeed(aw_status status, const char *call, const char *file, int line) {
	if (status >= 0) return status;
	fflush(stdout);
	fprintf(stderr, "%s:%d: %s: %s\n", file, line, call, aw_err_name(status));
	_exit(3);
}

/* Values as Python prints them. */
static inline const char *True_or_False(bool value) {
	return value ? "True" : "False";
}

/* asyncio.create_task. Returns a new reference. */
static inline aw_task *create_task(aw_task_fn fn, const void *ud) {
	aw_task *task = NULL;
	must(aw_task_spawn(NULL, fn, (void *)(uintptr_t)ud, NULL, &task));
	return task;
}

/* loop.create_future of the running loop. Returns a new reference. */
static inline aw_future *create_future(void) {
	aw_future *future = NULL;
	must(aw_future_new(aw_loop_current(), &future));
	return future;
}

/* await task: returns its status, and its value in `out` (optional). */
static inline aw_status await_task(aw_task *task, void **out) {
	return aw_await(aw_task_future(task), out);
}

enum { GATHER_MAX = 16 };

/* asyncio.gather of tasks. Returns a new reference. */
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

/* --- time, by the clock of the running loop --- */

static inline int64_t now(void) {
	return aw_loop_time(aw_loop_current());
}

/* Units since `start`, rounded. */
static inline int elapsed(int64_t start, int64_t unit) {
	return (int)((now() - start + unit / 2) / unit);
}

static inline int whole_seconds(int64_t start) {
	return elapsed(start, AW_SECOND);
}

/* The time unit of the cases named trap_…, long enough to tell one from two on a busy machine. */
#define UNIT (50 * AW_MILLISECOND)

#endif
