/* SPDX-License-Identifier: MIT */
/*
 * The layer between Go and libawait. Requests and events are plain structs, so that one crossing starts an
 * operation and returns all that have ended. C callbacks only leave a note for the next turn. No Go code runs
 * inside a C frame, except two small exports: comparing the items of a priority queue, and releasing a value.
 *
 * Go holds the loop's mutex around every call.
 */
#ifndef AWGO_SHIM_H
#define AWGO_SHIM_H

#include <await/await.h>

/* Kinds of requests, besides the values of enum aw_op_kind. */
enum {
	/* runs the coroutine `object` (reference taken) in a separate task; the value is taken out */
	AWGO_CORO = 100,
	/* awaits the future `object` (reference taken), takes the value; a cancel cancels the future */
	AWGO_TAKE = 101,
	AWGO_LOOK = 102 /* awaits the future `object` (reference taken); a cancel does not cancel it */
};

typedef struct awgo_request {
	uint64_t token;
	uintptr_t object; /* a buffer, a future or a coroutine */
	uint64_t length;
	int64_t offset;
	uint32_t kind;
	uint32_t flags;
	int32_t fd;
	int32_t turn; /* 1: also takes a turn */
} awgo_request;

enum {
	AWGO_ENDED = 0,  /* the request of `token` ended */
	AWGO_CALL = 1,   /* the callback `token` is due, `value` times; status 1: for the last time */
	AWGO_FREED = 2,  /* the callback `token` won't be called any more */
	AWGO_CANCEL = 3, /* a cancel request for the goroutine `token` */
	AWGO_REPORT = 4  /* the exception handler `token`: `error`, and `text` (malloc'ed) */
};

typedef struct awgo_event {
	uint64_t token;
	int64_t value;
	aw_error *error; /* a reference, or NULL */
	char *text;
	int32_t status;
	uint32_t kind;
} awgo_event;

/* As many and more events: there may be more to come. */
enum { AWGO_EVENTS = 64, AWGO_FULL = AWGO_EVENTS / 2 };

typedef struct awgo_loop awgo_loop;
typedef struct awgo_goroutine awgo_goroutine;

/* A turn makes at most `dispatches` dispatches: 1 if the order between them must be visible. */
awgo_loop *awgo_loop_new(aw_loop *loop, int dispatches);
void awgo_loop_free(awgo_loop *self);
awgo_event *awgo_events(awgo_loop *self);

/* Starts a request. Negative if it was refused, else the result of awgo_turn(), or 0 without a turn. */
int32_t awgo_start(awgo_loop *self, const awgo_request *request);
int32_t awgo_cancel(awgo_loop *self, uint64_t token);
/*
 * Waits for at most `timeout`, dispatches, and writes events. Returns their number; -EAGAIN if nothing
 * happened.
 */
int32_t awgo_turn(awgo_loop *self, int64_t timeout);

/* Callbacks that leave an AWGO_CALL with `id`. */
int32_t awgo_call_soon(awgo_loop *self, uint64_t id, aw_handle **out);
int32_t awgo_call_at(awgo_loop *self, int64_t when, uint64_t id, aw_handle **out);
int32_t awgo_call_later(awgo_loop *self, int64_t delay, uint64_t id, aw_handle **out);
int32_t awgo_on_signal(awgo_loop *self, int number, uint64_t id);
int32_t awgo_on_exception(awgo_loop *self, uint64_t id);

/* A goroutine as a coroutine. */
int32_t awgo_goroutine_new(awgo_loop *self, uint64_t id, aw_coro **out_coro, awgo_goroutine **out);
/* Reports that the goroutine has ended; releases `goroutine`. `error` is borrowed, C sees `value`. */
void awgo_goroutine_end(awgo_goroutine *goroutine, int32_t status, aw_error *error, uintptr_t value);

/* The task that represents a Go function as the parent of a task group. */
int32_t awgo_parent_new(awgo_loop *self, aw_taskgroup *group, uint64_t id, aw_task **out_task,
                        awgo_goroutine **out);

/* Values are Go's tagged numbers, which differ from all addresses. */
int32_t awgo_error_new(aw_loop *loop, int32_t status, const char *message, uintptr_t value, aw_error **out);
int32_t awgo_queue_put(awgo_loop *self, aw_queue *queue, uintptr_t value, int32_t turn, int32_t *out_turned);
int32_t awgo_queue_put_coro(aw_queue *queue, uintptr_t value, aw_coro **out);
int32_t awgo_queue_get(awgo_loop *self, aw_queue *queue, int32_t turn, uintptr_t *out, int32_t *out_turned);
int32_t awgo_queue_new_priority(aw_loop *loop, int64_t maxsize, uintptr_t value, aw_queue **out);
int32_t awgo_set_result(aw_future *future, uintptr_t value);
int32_t awgo_take_output(aw_process *process, int stream, uintptr_t *out, size_t *length);

#endif
