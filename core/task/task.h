/* SPDX-License-Identifier: MIT */
/* Internal interface of tasks. */
#ifndef CORE_TASK_H
#define CORE_TASK_H

#include "coro.h"
#include "failure.h"
#include "list.h"
#include "stackful.h"

#include <await/task.h>

/*
 * A timeout or task group that a task has entered. Each task lists its scopes, so that one that is never
 * exited can be reported.
 */
typedef struct task_scope {
	struct task_scope *next, *previous;
	aw_task *task; /* whose list it is in, or NULL */
	const struct task_scope_kind *kind;
	const void *origin; /* the code that entered it */
} task_scope;

typedef struct task_scope_kind {
	const char *never_ended; /* the message to report */
	/* The task has ended without exiting the scope, which is out of its list already. May free the scope. */
	void (*abandon)(task_scope *self);
	/* Iterates over the member tasks: `*at` is NULL at first; NULL after the last. Optional. */
	aw_task *(*next_member)(const task_scope *self, void **at);
} task_scope_kind;

void scope_enter(task_scope *self, const task_scope_kind *kind, aw_task *task, const void *origin);
/* Removes it from its task's list; false if it is in none. */
bool scope_leave(task_scope *self);
/* The same for a scope that was never exited, which is reported. */
void scope_forgotten(task_scope *self);

struct aw_task {
	aw_future future; /* first: a task is a future */
	/* From here what a step touches, in 64 bytes. */
	future_waiter waiter;    /* its next step: in the ready queue, or in the awaited future's list */
	aw_future *waiting;      /* what it awaits; a reference, unless `future.waits_borrowed` */
	stackful *stackful;      /* of a stackful task: what awaits the outermost coroutine, if there is one */
	struct binding *context; /* task-local values; a reference */
	/* Until here. */
	aw_coro *coro;            /* the innermost coroutine; a reference, as on each parent */
	aw_task *next, *previous; /* in the loop's list, while it is not done */
	aw_error *reason;         /* of the cancellation to be delivered; a reference */
	uint64_t number;
	task_scope *scopes; /* that it is in, the innermost first */
};

/* What few tasks need; see future_extra. */
typedef struct task_extra {
	future_extra base;
	char *name;    /* NULL: "Task-N" was never asked for */
	int64_t since; /* time of the last suspension; in debug mode */
	/* Deferred counting of cancel requests; see task_count_requests(). */
	aw_task *chain_end;    /* the last task in the chain of awaits below; NULL: not cached */
	aw_task *next_chained; /* in loop.chained */
	uint32_t deferred;     /* requests that the tasks below have not counted yet */
	uint32_t indegree;     /* during propagation: tasks that await this one and must come first */
} task_extra;

/* Returns NULL if the task has none. */
static inline task_extra *task_extra_of(const aw_task *self) {
	return (task_extra *)(void *)self->future.extra;
}

/*
 * aw_task_spawn() and aw_task_spawn_coro() for internal use: the task is not handed out, and `origin` names
 * the code that asked for it.
 */
aw_status task_spawn(aw_loop *loop, aw_task_fn fn, void *ud, aw_destroy_fn destroy, bool eager,
                     const void *origin, aw_task **out);
aw_status task_spawn_coro(aw_loop *loop, aw_coro *coro, bool eager, const void *origin, aw_task **out);

/* Requests cancellation with a reason. */
bool task_cancel(aw_task *self, aw_error *reason);

/*
 * Brings the counts of cancel requests up to date. Call before reading `cancel_requests`, and before any task
 * starts or stops waiting.
 */
void task_count_all_requests(aw_loop *loop);
static inline void task_count_requests(aw_loop *loop) {
	if (loop->chained) task_count_all_requests(loop);
}

/* Notes the error that a stackful task was sent, or clears an older one. Returns what was sent. */
aw_status task_resumed_with(stackful *self);
static inline aw_status task_resumed(stackful *self) {
	uintptr_t errors = (uintptr_t)self->resume.error | (uintptr_t)self->failure;
	return __builtin_expect(errors != 0, 0) ? task_resumed_with(self) : 0;
}
/* From a stackful task: suspends with the answer set, and returns what is sent. */
static inline aw_status task_suspend(stackful *self) {
	return task_resumed(stackful_suspend(self));
}

/* From a stackful task: suspends for one iteration. */
static inline aw_status task_yield(stackful *self) {
	self->resume.answer = RESUME_YIELD;
	return task_suspend(self);
}
/* From a stackful task: awaits a pending future of the task's loop that is on the stack of the caller. */
static inline aw_status task_await_borrowed(stackful *self, aw_future *future) {
	self->resume.answer = RESUME_AWAIT_BORROWED;
	self->resume.awaited = future;
	return task_suspend(self);
}

/*
 * Called by a stackful task that is about to make system calls: fetches what the next tasks in the ready queue
 * touch first, which with many of them has left the caches since they ran.
 */
void task_prefetch_next(const aw_loop *loop);

/* Ends an await that did not suspend: notes its failure, or clears an older one. */
static inline aw_status await_ended(const aw_resume *resume, aw_status status) {
	if (!resume) __builtin_unreachable(); /* the caller has checked that it runs in a stackful task */
	if (status < 0) return failed(status);
	if (container_of(resume, stackful, resume)->failure) failure_forget();
	return status;
}

static inline bool task_is(const aw_task *self) {
	return object_is(self, &task_class);
}

/* Awaits a coroutine and drops it, or notes why it could not be made. */
aw_status await_made(aw_status status, aw_coro *made, void **out);
/*
 * Stackful form of a call that makes a coroutine: makes it and awaits it. The call takes the place to store
 * the coroutine as its last parameter.
 */
#define AWAIT_CORO(out, make, ...)                                                            \
	__extension__({                                                                           \
		aw_coro *coro_made = NULL;                                                            \
		aw_status coro_status = stackful_here() ? make(__VA_ARGS__, &coro_made) : AW_ENOTASK; \
		await_made(coro_status, coro_made, out);                                              \
	})

#endif
