/* SPDX-License-Identifier: MIT */
/*
 * The call graph: who waits for a future, and for what reason that one runs, up to the tasks that nobody
 * awaits. Futures know only what they wait for, so the edges of all tasks are collected and looked at from
 * the other end. Futures between two tasks (a gather, a shield) are left out, as asyncio does.
 *
 * Nothing here recurses, and each task is entered once: the work is linear in the number of edges.
 */
#include "failure.h"
#include "walk.h"

#include <await/debug.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 64, INDENT_MAX = 64 };

typedef struct node {
	aw_future *future; /* a reference */
	size_t level;      /* below the future that was asked for */
	size_t first_frame, frame_count;
	bool repeated; /* it is in the graph already, with those who wait for it */
} node;

struct aw_call_graph {
	object base;
	node *nodes;
	size_t count, room;
	size_t *frames; /* where the text of each starts in `places` */
	size_t frame_count, frame_room;
	char *places;
	size_t places_used, places_room;
	char *text; /* made when it is first asked for */
};

static void graph_release(object *base) {
	aw_call_graph *self = (aw_call_graph *)base;
	for (size_t i = 0; i < self->count; i++) object_unref(self->nodes[i].future);
	free(self->nodes);
	free(self->frames);
	free(self->places);
	free(self->text);
	object_free(base);
}

static const object_class graph_class = {
	.name = "call graph", .size = sizeof(aw_call_graph), .release = graph_release};

static bool graph_is(const aw_call_graph *self) {
	return object_is(self, &graph_class);
}

/* `parent` waits for `child`. */
typedef struct edge {
	aw_future *child, *parent;
	size_t order;
} edge;

/* A future that waits to be entered in the graph. */
typedef struct pending {
	aw_future *future;
	size_t level;
} pending;

typedef struct capture {
	aw_loop *loop;
	aw_future *start;
	int32_t depth, limit;
	const void *caller;
	aw_call_graph *graph;
	aw_status status;
	edge *edges; /* sorted by child */
	size_t edge_count, edge_room;
	level *levels;
	size_t level_count, level_room;
	aw_future **through; /* those between tasks that were met on the way from one */
	size_t through_count, through_room;
	aw_task **awaiters; /* of one future */
	size_t awaiter_count, awaiter_room;
	pending *stack;
	size_t stack_count, stack_room;
} capture;

static bool reserve(capture *self, void *array, size_t count, size_t *room, size_t size) {
	if (self->status == 0 && !array_reserve(array, count, room, size)) self->status = -ENOMEM;
	return self->status == 0;
}

/* --- the edges --- */

static void push_level(capture *self, aw_future *future) {
	if (reserve(self, &self->levels, self->level_count, &self->level_room, sizeof *self->levels))
		self->levels[self->level_count++] = walk_begin(future);
}

/* Other futures than tasks are marked: a task is entered from its own place in the list. */
static void collect_edges(capture *self, aw_task *task) {
	push_level(self, &task->future);
	while (self->level_count && self->status == 0) {
		level *at = &self->levels[self->level_count - 1];
		aw_future *child = walk_next(at);
		if (!child) {
			self->level_count--;
			continue;
		}
		if (!reserve(self, &self->edges, self->edge_count, &self->edge_room, sizeof *self->edges)) return;
		self->edges[self->edge_count] = (edge){child, at->future, self->edge_count};
		self->edge_count++;
		if (task_of(child) || child->marked) continue;
		child->marked = true;
		push_level(self, child);
	}
}

static int compare_edges(const void *left, const void *right) {
	const edge *a = left, *b = right;
	uintptr_t x = (uintptr_t)a->child, y = (uintptr_t)b->child;
	if (x != y) return x < y ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* The index of the first edge to `child`, or of the edge before which it would stand. */
static size_t find_edges(const capture *self, const aw_future *child) {
	size_t low = 0, high = self->edge_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if ((uintptr_t)self->edges[middle].child < (uintptr_t)child)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* --- who waits for a future --- */

static void push_through(capture *self, aw_future *future) {
	if (future->marked ||
	    !reserve(self, &self->through, self->through_count, &self->through_room, sizeof *self->through))
		return;
	future->marked = true;
	self->through[self->through_count++] = future;
}

static void add_awaiter(capture *self, aw_task *task) {
	if (task->future.awaited ||
	    !reserve(self, &self->awaiters, self->awaiter_count, &self->awaiter_room, sizeof(aw_task *)))
		return;
	task->future.awaited = true;
	self->awaiters[self->awaiter_count++] = task;
}

static int compare_tasks(const void *left, const void *right) {
	uint64_t a = (*(aw_task *const *)left)->number, b = (*(aw_task *const *)right)->number;
	return a < b ? -1 : a > b;
}

/* The tasks that wait for a future, directly or through others, in order of their creation. */
static void find_awaiters(capture *self, aw_future *future) {
	self->awaiter_count = self->through_count = 0;
	size_t next = 0;
	for (aw_future *at = future; at && self->status == 0;) {
		for (size_t i = find_edges(self, at); i < self->edge_count && self->edges[i].child == at; i++) {
			aw_future *parent = self->edges[i].parent;
			if (task_of(parent))
				add_awaiter(self, task_of(parent));
			else
				push_through(self, parent);
		}
		at = next < self->through_count ? self->through[next++] : NULL;
	}
	for (size_t i = 0; i < self->through_count; i++) self->through[i]->marked = false;
	for (size_t i = 0; i < self->awaiter_count; i++) self->awaiters[i]->future.awaited = false;
	if (self->awaiter_count > 1) qsort(self->awaiters, self->awaiter_count, sizeof(aw_task *), compare_tasks);
}

/* --- the frames of a task --- */

static void add_frame(capture *self, node *to, const char *place) {
	aw_call_graph *graph = self->graph;
	size_t size = strlen(place) + 1;
	if (!reserve(self, &graph->frames, graph->frame_count, &graph->frame_room, sizeof *graph->frames)) return;
	while (graph->places_room - graph->places_used < size)
		if (!reserve(self, &graph->places, graph->places_room, &graph->places_room, 1)) return;
	graph->frames[graph->frame_count++] = graph->places_used;
	memcpy(graph->places + graph->places_used, place, size);
	graph->places_used += size;
	to->frame_count++;
}

/* The innermost frames if there is a limit, or the outermost if that is negative. */
static void limit_frames(int32_t limit, size_t *first, size_t *count) {
	size_t most = limit < 0 ? (size_t) - (int64_t)limit : (size_t)limit;
	if (*count <= most) return;
	if (limit < 0) *first += *count - most;
	*count = most;
}

/*
 * The stack of a task, innermost first: its coroutines, and below them the calls of a stackful function.
 * Frames of this library above the caller are left out.
 */
static void add_frames(capture *self, const aw_task *task, node *to) {
	void *calls[FRAMES_MAX];
	size_t skip = 0, calls_count = 0, coros = 0;
	bool is_current = task == self->loop->current;
	if (task->stackful) calls_count = stackful_backtrace(task->stackful, calls, FRAMES_MAX);
	if (is_current && calls_count) {
		while (skip < calls_count && calls[skip] != self->caller) skip++;
		if (skip == calls_count) skip = 0;
		for (int32_t i = 1; i < self->depth && skip < calls_count; i++) skip++;
	}
	for (const aw_coro *at = task->coro; at; at = at->parent) coros++;
	size_t own = calls_count ? calls_count - skip : task->stackful ? 1 : 0;
	size_t first = 0, count = coros + own;
	limit_frames(self->limit, &first, &count);
	const aw_coro *at = task->coro;
	to->first_frame = self->graph->frame_count;
	for (size_t i = 0; i < first + count && self->status == 0; i++) {
		char place[PLACE_SIZE];
		if (i < coros) {
			place_of_function((const void *)(uintptr_t)at->fn, place, sizeof place);
			at = at->parent;
		} else if (calls_count) {
			place_of_call(calls[skip + i - coros], place, sizeof place);
		} else {
			place_of_function(stackful_function(task->stackful), place, sizeof place);
		}
		if (i >= first) add_frame(self, to, place);
	}
}

/* --- the graph --- */

static void push_pending(capture *self, aw_future *future, size_t depth) {
	if (reserve(self, &self->stack, self->stack_count, &self->stack_room, sizeof *self->stack))
		self->stack[self->stack_count++] = (pending){future, depth};
}

/* Enters a future, and leaves those who wait for it on the stack. */
static void enter(capture *self, pending next) {
	aw_call_graph *graph = self->graph;
	aw_task *task = task_of(next.future);
	if (!reserve(self, &graph->nodes, graph->count, &graph->room, sizeof *graph->nodes)) return;
	node *to = &graph->nodes[graph->count++];
	*to = (node){.future = object_ref(next.future), .level = next.level};
	if (task && task->future.printed) {
		to->repeated = true;
		return;
	}
	if (task) {
		task->future.printed = true;
		if (!future_is_done(&task->future)) add_frames(self, task, to);
	}
	find_awaiters(self, next.future);
	for (size_t i = self->awaiter_count; i > 0; i--)
		push_pending(self, &self->awaiters[i - 1]->future, next.level + 1);
}

static void capture_outside(void *arg) {
	capture *self = arg;
	aw_loop *loop = self->loop;
	aw_task *start = task_of(self->start);
	if (start) start->future.printed = false; /* it may be done, and in no list */
	for (aw_task *task = loop->tasks.first; task; task = task->next)
		task->future.awaited = task->future.printed = false;
	for (aw_task *task = loop->tasks.first; task; task = task->next) collect_edges(self, task);
	for (size_t i = 0; i < self->edge_count; i++) self->edges[i].child->marked = false;
	if (self->edge_count > 1) qsort(self->edges, self->edge_count, sizeof *self->edges, compare_edges);
	push_pending(self, self->start, 0);
	while (self->stack_count && self->status == 0) enter(self, self->stack[--self->stack_count]);
	free(self->edges);
	free(self->levels);
	free(self->through);
	free(self->awaiters);
	free(self->stack);
}

/* Returns a reference that is not handed out. */
static aw_status capture_graph(aw_future *future, int32_t depth, int32_t limit, const void *caller,
                               aw_call_graph **out) {
	aw_loop *loop = NULL;
	if (future && !future_is(future)) return AW_EBADHANDLE;
	if (!future) {
		loop = thread_here()->loop;
		if (!loop || !loop->current) return AW_ENOTASK;
		future = &loop->current->future;
	}
	loop = future->loop;
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (depth < 0) return -EINVAL;
	capture self = {.loop = loop, .start = future, .depth = depth, .limit = limit, .caller = caller};
	self.graph = object_new(&loop->domain, &graph_class);
	if (!self.graph) return -ENOMEM;
	task_count_requests(loop);
	call_on_thread_stack(capture_outside, &self);
	if (self.status < 0)
		object_unref(self.graph);
	else
		*out = self.graph;
	return self.status;
}

ENTRY(aw_capture_call_graph, (aw_future *future, int32_t depth, int32_t limit, aw_call_graph **out),
      (future, depth, limit, out)) {
	if (!out) return -EINVAL;
	aw_status status = capture_graph(future, depth, limit, CALLER, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}

REFERENCES(aw_call_graph, graph_is(self))

static const node *node_at(const aw_call_graph *graph, size_t index) {
	return graph_is(graph) && index < graph->count ? &graph->nodes[index] : NULL;
}

size_t aw_call_graph_count(const aw_call_graph *graph) {
	return graph_is(graph) ? graph->count : 0;
}

aw_future *aw_call_graph_future(const aw_call_graph *graph, size_t index) {
	const node *at = node_at(graph, index);
	return at ? at->future : NULL;
}

size_t aw_call_graph_level(const aw_call_graph *graph, size_t index) {
	const node *at = node_at(graph, index);
	return at ? at->level : 0;
}

aw_bool aw_call_graph_repeated(const aw_call_graph *graph, size_t index) {
	const node *at = node_at(graph, index);
	return at && at->repeated;
}

size_t aw_call_graph_frame_count(const aw_call_graph *graph, size_t index) {
	const node *at = node_at(graph, index);
	return at ? at->frame_count : 0;
}

const char *aw_call_graph_frame(const aw_call_graph *graph, size_t index, size_t frame) {
	const node *at = node_at(graph, index);
	if (!at || frame >= at->frame_count) return NULL;
	return graph->places + graph->frames[at->first_frame + frame];
}

/* --- as text --- */

/* Counts all of the text, and keeps what there is room for. */
typedef struct sink {
	char *text;
	size_t size, length;
} sink;

static void put(sink *self, const char *text) {
	for (; *text; text++, self->length++)
		if (self->length + 1 < self->size) self->text[self->length] = *text;
}

static void put_line_start(sink *self, size_t depth, const char *text) {
	if (self->length) put(self, "\n");
	for (size_t i = 0; i < depth && i < INDENT_MAX; i++) put(self, "    ");
	put(self, text);
}

/* As Python's repr() of a string, in ASCII. */
static void put_name(sink *self, const char *name) {
	char quote[] = {strchr(name, '\'') && !strchr(name, '"') ? '"' : '\'', 0};
	put(self, quote);
	for (; *name; name++) {
		char text[8] = {*name, 0};
		if ((unsigned char)*name < 0x20 || *name == 0x7f)
			snprintf(text, sizeof text, "\\x%02x", (unsigned)(unsigned char)*name);
		else if (*name == '\\' || *name == *quote)
			snprintf(text, sizeof text, "\\%c", *name);
		put(self, text);
	}
	put(self, quote);
}

static void put_node(sink *self, const aw_call_graph *graph, const node *at) {
	char id[48];
	const aw_task *task = task_of(at->future);
	snprintf(id, sizeof id, "id=0x%" PRIxPTR ")", (uintptr_t)at->future);
	put_line_start(self, at->level, task ? "* Task(name=" : "* Future(");
	if (task) {
		put_name(self, aw_task_name(task));
		put(self, ", ");
	}
	put(self, id);
	if (at->repeated) put(self, " (see above)");
	if (at->frame_count) put_line_start(self, at->level, "  + Call stack:");
	for (size_t i = 0; i < at->frame_count; i++) {
		put_line_start(self, at->level, "  |   ");
		put(self, graph->places + graph->frames[at->first_frame + i]);
	}
	bool is_last = at + 1 == graph->nodes + graph->count;
	if (!is_last && at[1].level > at->level) put_line_start(self, at->level, "  + Awaited by:");
}

static size_t format(const aw_call_graph *graph, char *text, size_t size) {
	sink out = {.text = text, .size = size};
	for (size_t i = 0; i < graph->count; i++) put_node(&out, graph, &graph->nodes[i]);
	if (size) text[out.length < size ? out.length : size - 1] = 0;
	return out.length;
}

const char *aw_call_graph_text(aw_call_graph *graph) {
	if (!graph_is(graph)) return NULL;
	if (!graph->text) {
		size_t size = format(graph, NULL, 0) + 1;
		graph->text = malloc(size);
		if (graph->text) format(graph, graph->text, size);
	}
	return graph->text;
}

ENTRY(aw_format_call_graph, (aw_future *future, int32_t depth, int32_t limit, char *text, size_t size),
      (future, depth, limit, text, size)) {
	if (!text && size) return -EINVAL;
	aw_call_graph *graph;
	aw_status status = capture_graph(future, depth, limit, CALLER, &graph);
	if (status < 0) return status;
	size_t length = format(graph, text, size);
	object_unref(graph);
	return length > INT32_MAX ? -EOVERFLOW : (aw_status)length;
}
