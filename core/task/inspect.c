/* SPDX-License-Identifier: MIT */
/*
 * The tree of tasks: what each task awaits, and for how long. A task is printed below the first task that
 * awaits it, directly or through other futures, or below the parent of its task group; the others are roots.
 * Each task is printed once and each future is visited once, so output and work are linear.
 *
 * Nothing here recurses: a chain of tasks may be too long for the stack. Beyond DEPTH_MAX a task starts a new
 * root that names its awaiter, so that lines stay readable and recursive JSON parsers cope.
 */
#include "failure.h"
#include "overflow.h"
#include "report.h"
#include "walk.h"

#include <await/debug.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEPTH_MAX = 64, BACKTRACE_MAX = 32 };

/* A task too deep to print in place; printed as a root later. */
typedef struct deferred {
	aw_task *task, *by;
} deferred;

typedef struct printer {
	aw_loop *loop;
	int fd;
	int32_t format;
	aw_status status;
	char buffer[4096];
	size_t used;
	level *levels; /* from the root down */
	size_t level_count, level_room;
	unsigned depth; /* number of tasks among them */
	deferred *deferred;
	size_t deferred_count, deferred_room;
	aw_task **by_number; /* all tasks, sorted by number; built on first use */
	size_t task_count;
	bool any; /* a root was printed */
} printer;

/* --- writing --- */

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

static bool is_json(const printer *self) {
	return self->format & AW_PRINT_JSON;
}

/* Escapes control characters, and what JSON needs escaped. */
static void print_text(printer *self, const char *text) {
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || (is_json(self) && (c == '"' || c == '\\')))
			print(self, "\\u%04x", c);
		else
			put(self, text, 1);
	}
}

/* One attribute of a task: `"key":"text"` in JSON, `word text` otherwise. */
static void print_part(printer *self, const char *key, const char *word, const char *text) {
	print(self, is_json(self) ? ",\"%s\":\"" : " %s", is_json(self) ? key : word);
	if (!is_json(self) && *word) print(self, " ");
	print_text(self, text);
	if (is_json(self)) print(self, "\"");
}

/* About three significant digits, in the most readable unit. */
static void duration_text(int64_t ns, char *text, size_t size) {
	static const struct {
		int64_t limit, unit;
		const char *name;
	} units[] = {
		{1000, 1, "ns"}, {1000000, 1000, "us"}, {AW_SECOND, 1000000, "ms"}, {60 * AW_SECOND, AW_SECOND, "s"}};
	if (ns < 0) ns = 0;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (ns >= units[i].limit) continue;
		int64_t whole = ns / units[i].unit, tenth = ns % units[i].unit * 10 / units[i].unit;
		if (tenth && whole < 100)
			snprintf(text, size, "%" PRId64 ".%" PRId64 " %s", whole, tenth, units[i].name);
		else
			snprintf(text, size, "%" PRId64 " %s", whole, units[i].name);
		return;
	}
	int64_t seconds = ns / AW_SECOND, minutes = seconds / 60, hours = minutes / 60;
	if (hours)
		snprintf(text, size, "%" PRId64 " h %" PRId64 " min", hours, minutes % 60);
	else
		snprintf(text, size, "%" PRId64 " min %" PRId64 " s", minutes, seconds % 60);
}

/* --- the walk --- */

/* Makes room for one more of `size` bytes. */
static bool reserve(printer *self, void *array, size_t count, size_t *room, size_t size) {
	if (self->status == 0 && array_reserve(array, count, room, size)) return true;
	if (self->status == 0) self->status = -ENOMEM;
	return false;
}

static void push(printer *self, aw_future *future) {
	if (!reserve(self, &self->levels, self->level_count, &self->level_room, sizeof *self->levels)) return;
	self->levels[self->level_count++] = walk_begin(future);
}

/*
 * First pass: sets `awaited` on each task that another one awaits, and marks the other futures visited. The
 * second pass clears the marks, so both visit each future once.
 */
static void mark_awaited(printer *self, aw_task *task) {
	push(self, &task->future);
	while (self->level_count) {
		aw_future *child = walk_next(&self->levels[self->level_count - 1]);
		if (!child) {
			self->level_count--;
		} else if (task_of(child)) {
			task_of(child)->future.awaited = true; /* its children are visited from its own root */
		} else if (!child->marked) {
			child->marked = true;
			push(self, child);
		}
	}
}

/* --- one task --- */

/* Binary search: the loop lists its tasks by number. */
static aw_task *find_task(printer *self, uint64_t number) {
	if (!self->by_number) {
		for (const aw_task *task = self->loop->tasks.first; task; task = task->next) self->task_count++;
		self->by_number = calloc(self->task_count, sizeof(aw_task *));
		if (!self->by_number) return NULL;
		aw_task **at = self->by_number;
		for (aw_task *task = self->loop->tasks.first; task; task = task->next) *at++ = task;
	}
	size_t low = 0, high = self->task_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (self->by_number[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < self->task_count && self->by_number[low]->number == number ? self->by_number[low] : NULL;
}

static void print_holder(printer *self, const future_description *about) {
	aw_task *holder = about->holder ? find_task(self, about->holder) : NULL;
	char text[48];
	if (!about->holder)
		snprintf(text, sizeof text, "no task");
	else
		snprintf(text, sizeof text, "Task-%" PRIu64 ", which has ended", about->holder);
	print_part(self, "held_by", "held by", holder ? aw_task_name(holder) : text);
}

/* Prints what the task awaits. A task whose future is done is ready. */
static void print_awaits(printer *self, const aw_task *task) {
	aw_future *awaited = task->waiting && !future_is_done(task->waiting) ? task->waiting : NULL;
	const char *state = task == self->loop->current ? "running" : "ready";
	print_part(self, "awaits", awaited ? "awaits" : "",
	           awaited ? (awaited->kind->what ? awaited->kind->what : "future") : state);
	if (!awaited) return;
	future_description about = {.text = ""};
	if (awaited->kind->describe)
		awaited->kind->describe(awaited, &about);
	else if (!awaited->kind->what)
		snprintf(about.text, sizeof about.text, "%p", (void *)awaited);
	if (task_of(awaited))
		print_part(self, "which", "", aw_task_name(task_of(awaited)));
	else if (*about.text)
		print_part(self, "which", "", about.text);
	if (about.is_held) print_holder(self, &about);
	const task_extra *extra = task_extra_of(task);
	if (!extra || !extra->since) return;
	int64_t waited = loop_now(self->loop) - extra->since;
	char text[48];
	duration_text(waited, text, sizeof text);
	if (is_json(self))
		print(self, ",\"for_ns\":%" PRId64, waited);
	else
		print_part(self, "", "for", text);
}

/* The call stack of a suspended stackful task, one frame per line. */
static void print_backtrace(printer *self, const aw_task *task) {
	void *frames[BACKTRACE_MAX];
	bool suspended = task->stackful && task != self->loop->current;
	size_t count = suspended ? stackful_backtrace(task->stackful, frames, BACKTRACE_MAX) : 0;
	if (is_json(self) && count) print(self, ",\"stack\":[");
	for (size_t i = 0; i < count; i++) {
		char place[PLACE_SIZE];
		place_of_call(frames[i], place, sizeof place);
		if (is_json(self))
			print(self, i ? ",\"" : "\"");
		else
			print(self, "\n%*s  at ", (int)self->depth * 2, "");
		print_text(self, place);
		if (is_json(self)) print(self, "\"");
	}
	if (is_json(self) && count) print(self, "]");
}

static void print_task(printer *self, aw_task *task, const aw_task *by) {
	task->future.printed = true;
	if (is_json(self)) {
		print(self, "{\"name\":\"");
		print_text(self, aw_task_name(task));
		print(self, "\"");
	} else {
		print(self, "%*s", (int)self->depth * 2, "");
		print_text(self, aw_task_name(task));
	}
	if (by) print_part(self, "awaited_by", "(awaited by", aw_task_name(by));
	if (by && !is_json(self)) print(self, ")");
	print_awaits(self, task);
	if (task->future.cancel_requests)
		print(self, is_json(self) ? ",\"cancelling\":%" PRIu32 : " cancelling %" PRIu32,
		      task->future.cancel_requests);
	if (task->future.origin && self->loop->debug) {
		char place[PLACE_SIZE];
		place_of_call(task->future.origin, place, sizeof place);
		print_part(self, "origin", "from", place);
	}
	if (self->format & AW_PRINT_BACKTRACE) print_backtrace(self, task);
	print(self, is_json(self) ? ",\"awaited\":[" : "\n");
}

/* --- the tree --- */

/* The innermost level that is a task. */
static level *innermost_task(printer *self) {
	size_t at = self->level_count;
	while (at > 1 && !task_of(self->levels[at - 1].future)) at--;
	return &self->levels[at - 1];
}

static void begin_child(printer *self, aw_task *task) {
	level *parent = innermost_task(self);
	if (self->depth == DEPTH_MAX) {
		if (!reserve(self, &self->deferred, self->deferred_count, &self->deferred_room,
		             sizeof *self->deferred))
			return;
		task->future.printed = true; /* by print_deferred() */
		self->deferred[self->deferred_count++] = (deferred){task, task_of(parent->future)};
		return;
	}
	if (is_json(self) && parent->has_children) print(self, ",");
	parent->has_children = true;
	print_task(self, task, NULL);
	self->depth++;
	push(self, &task->future);
}

/* Prints a task and, below it, everything that it awaits. */
static void print_tree(printer *self, aw_task *root, const aw_task *by) {
	if (is_json(self) && self->any) print(self, ",");
	self->any = true;
	print_task(self, root, by);
	self->depth = 1;
	push(self, &root->future);
	while (self->level_count) {
		level *at = &self->levels[self->level_count - 1];
		aw_future *child = walk_next(at);
		if (!child) {
			if (task_of(at->future)) {
				self->depth--;
				if (is_json(self)) print(self, "]}");
			}
			self->level_count--;
		} else if (task_of(child)) {
			if (!task_of(child)->future.printed && !future_is_done(child)) begin_child(self, task_of(child));
		} else if (child->marked) {
			child->marked = false;
			push(self, child);
		}
	}
}

/* Prints what was too deep below the last root, and then below these. */
static void print_deferred(printer *self) {
	for (size_t i = 0; i < self->deferred_count; i++) {
		deferred next = self->deferred[i];
		print_tree(self, next.task, next.by);
	}
	self->deferred_count = 0;
}

static void print_all(printer *self) {
	aw_loop *loop = self->loop;
	for (aw_task *task = loop->tasks.first; task; task = task->next)
		task->future.awaited = task->future.printed = false;
	for (aw_task *task = loop->tasks.first; task; task = task->next) mark_awaited(self, task);
	if (is_json(self)) print(self, "[");
	/* Roots first; the tasks left after that await each other in a cycle. */
	for (int cycles = 0; cycles < 2; cycles++)
		for (aw_task *task = loop->tasks.first; task; task = task->next) {
			if (task->future.printed || (task->future.awaited && !cycles)) continue;
			print_tree(self, task, NULL);
			print_deferred(self);
		}
	if (is_json(self)) print(self, "]\n");
	flush(self);
}

/* Runs on the thread's stack: the task's own may be too small. */
static void print_outside(void *arg) {
	print_all(arg);
}

ENTRY(aw_loop_print_tasks, (aw_loop *loop, int fd, int32_t format), (loop, fd, format)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (format & ~(AW_PRINT_JSON | AW_PRINT_BACKTRACE)) return -EINVAL;
	printer self = {.loop = loop, .fd = fd, .format = format};
	task_count_requests(loop);
	call_on_thread_stack(print_outside, &self);
	free(self.levels);
	free(self.deferred);
	free(self.by_number);
	return self.status;
}

ENTRY(aw_debug_report_overflow, (void), ()) {
	return overflow_report_install();
}
