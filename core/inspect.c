/* SPDX-License-Identifier: MIT */
/*
 * The tree of tasks: who awaits whom, since when. A task stands below the first task that awaits it, through however many futures; those
 * that nobody awaits stand at the top. Each is written once, so that the output is no longer than the loop has tasks.
 */
#include "failure.h"
#include "overflow.h"
#include "report.h"
#include "task.h"

#include <await/debug.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { DEPTH_MOST = 64 };

typedef struct printer {
	aw_loop *loop;
	int fd;
	int32_t format;
	aw_status status;
	char buffer[4096];
	size_t used;
} printer;

static void flush(printer *self) {
	for (size_t at = 0; at < self->used && self->status == 0;) {
		ssize_t count = write(self->fd, self->buffer + at, self->used - at);
		if (count >= 0)
			at += (size_t)count;
		else if (errno != EINTR)
			self->status = -errno;
	}
	self->used = 0;
}

static void put(printer *self, const char *text, size_t length) {
	for (size_t i = 0; i < length; i++) {
		if (self->used == sizeof self->buffer) flush(self);
		self->buffer[self->used++] = text[i];
	}
}

__attribute__((format(printf, 2, 3))) static void print(printer *self, const char *format, ...) {
	char text[512];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (length > 0) put(self, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

/* As JSON, or with what would disturb a line made visible. */
static void print_text(printer *self, const char *text) {
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || (self->format == AW_PRINT_JSON && (c == '"' || c == '\\')))
			print(self, "\\u%04x", c);
		else
			put(self, text, 1);
	}
}

static const char *kind_name(const aw_future *future) {
	return future->kind->what ? future->kind->what : "future";
}

/* Marks each task that another one awaits. What a walk has seen is not walked again. */
static void mark_awaited(aw_future *future, unsigned depth) {
	for (size_t i = 0; future->kind->child && depth < DEPTH_MOST; i++) {
		aw_future *child = future->kind->child(future, i);
		if (!child) return;
		if (child->marked) continue;
		if (child->kind->is_task)
			child->marked = true; /* its own children are walked from itself */
		else
			mark_awaited(child, depth + 1);
	}
}

static void print_task(printer *self, aw_task *task, unsigned depth, bool *first);

/* The tasks behind `future`, `level` futures away from the task that awaits them. */
static void print_awaited(printer *self, aw_future *future, unsigned depth, unsigned level, bool *first) {
	for (size_t i = 0; future->kind->child && depth < DEPTH_MOST && level < DEPTH_MOST; i++) {
		aw_future *child = future->kind->child(future, i);
		if (!child) return;
		if (!child->kind->is_task)
			print_awaited(self, child, depth, level + 1, first);
		else if (child->marked && !future_is_done(child))
			print_task(self, (aw_task *)(void *)child, depth, first);
	}
}

static void print_state(printer *self, const aw_task *task) {
	bool json = self->format == AW_PRINT_JSON;
	const aw_future *awaited = task->waiting;
	const char *what = task == self->loop->current ? "running" : awaited ? kind_name(awaited) : "ready";
	print(self, json ? ",\"awaits\":\"%s\"" : " awaits %s", what);
	if (task->since && awaited) {
		int64_t waited = loop_now(self->loop) - task->since;
		print(self, json ? ",\"for_ns\":%" PRId64 : " for %" PRId64 " ns", waited);
	}
	if (task->cancels) print(self, json ? ",\"cancelling\":%" PRIu32 : " cancelling %" PRIu32, task->cancels);
	if (task->future.origin && self->loop->debug) {
		char place[160];
		report_place(task->future.origin, place, sizeof place);
		print(self, json ? ",\"origin\":\"" : " from ");
		print_text(self, place);
		if (json) print(self, "\"");
	}
}

static void print_task(printer *self, aw_task *task, unsigned depth, bool *first) {
	bool json = self->format == AW_PRINT_JSON, first_child = true;
	task->future.marked = false;
	if (json) {
		print(self, "%s{\"name\":\"", *first ? "" : ",");
		print_text(self, aw_task_name(task));
		print(self, "\"");
		print_state(self, task);
		print(self, ",\"awaited\":[");
		print_awaited(self, &task->future, depth + 1, 0, &first_child);
		print(self, "]}");
	} else {
		print(self, "%*s", (int)depth * 2, "");
		print_text(self, aw_task_name(task));
		print_state(self, task);
		print(self, "\n");
		print_awaited(self, &task->future, depth + 1, 0, &first_child);
	}
	*first = false;
}

static void print_all(printer *self) {
	bool json = self->format == AW_PRINT_JSON, first = true;
	for (aw_task *task = self->loop->tasks; task; task = task->next) mark_awaited(&task->future, 0);
	if (json) print(self, "[");
	for (aw_task *task = self->loop->tasks; task; task = task->next)
		if (!task->future.marked) print_task(self, task, 0, &first);
	/* Those left await each other in a circle, or stand too deep. */
	for (aw_task *task = self->loop->tasks; task; task = task->next)
		if (task->future.marked) print_task(self, task, 0, &first);
	if (json) print(self, "]\n");
	flush(self);
}

/* On the thread's stack: a tree as deep as DEPTH_MOST allows needs more than a small task has. */
static void print_tree(void *arg) {
	print_all(arg);
}

ENTRY(aw_loop_print_tasks, (aw_loop *loop, int fd, int32_t format), (loop, fd, format)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (format != AW_PRINT_TEXT && format != AW_PRINT_JSON) return -EINVAL;
	printer self = {.loop = loop, .fd = fd, .format = format};
	task_count_requests(loop);
	stackful_outside(print_tree, &self);
	return self.status;
}

ENTRY(aw_debug_report_overflow, (void), ()) {
	return overflow_report_install();
}
