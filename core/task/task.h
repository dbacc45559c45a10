/* SPDX-License-Identifier: MIT */
/* The task inside the library. */
#ifndef CORE_TASK_H
#define CORE_TASK_H

#include "coro.h"
#include "failure.h"
#include "list.h"
#include "stackful.h"

#include <await/task.h>

/*
 * A timeout or a task group that a task is in. It is listed with its task from its begin to its end, so that
 * one that is never ended does not go unnoticed.
 */
typedef struct task_scope {
	struct task_scope *next, *previous;
	aw_task *task; /* in whose list it is, or NULL */
	const struct task_scope_kind *kind;
	const void *origin; /* the code that began it */
} task_scope;

typedef struct task_scope_kind {
	const char *never_ended; /* what is reported */
	/* The task has ended, and the scope is out of its list: ends it. May free it. */
	void (*abandon)(task_scope *self);
	/* The task that it holds after `*at`, which is NULL first; NULL beyond the last. NULL: none. */
	aw_task *(*next_member)(const task_scope *self, void **at);
} task_scope_kind;

void scope_enter(task_scope *self, const task_scope_kind *kind, aw_task *task, const void *origin);
/* Takes it out of its task's list; false if it is in none. */
bool scope_leave(task_scope *self);
/* The same where nobody ended it, and reports it then. */
void scope_forgotten(task_scope *self);

struct aw_task {
	aw_future future;         /* first: a task is a future */
	future_waiter waiter;     /* its next step, in the ready queue or in the list of what it awaits */
	aw_task *next, *previous; /* in the loop's list, while it is not done */
	aw_future *waiting;       /* what it awaits; a reference */
	aw_coro *coro;            /* the innermost coroutine; a reference, as on each parent */
	aw_coro *outermost;       /* borrowed from the chain */
	stackful *stackful;       /* if the outermost is one */
	aw_error *reason;         /* of the cancellation to be delivered; a reference */
	aw_error *failure;        /* of the last call that failed (failure.h); a reference */
	void *value;              /* what aw_return() prepared */
	aw_destroy_fn value_destroy;
	struct binding *context; /* task-local values; a reference */
	uint64_t number;
	char *name;               /* NULL: "Task-N" was never asked for */
	int64_t since;            /* when it suspended last; in debug mode */
	uint32_t cancel_requests; /* open requests */
	bool must_cancel;         /* one is to be delivered at the next step */
	bool awaited, printed;    /* while the tree of tasks is printed */
	cancel_place cancel_place;
	/* Requests that the tasks below have yet to count; see task_count_requests(). */
	uint32_t owed;           /* requests that the tasks below have not counted yet */
	uint32_t above;          /* while settling: tasks that await this one and come first */
	aw_task *chain_end;      /* the last task in the chain of awaits below; NULL: not cached */
	aw_task *next_chained;   /* in loop.chained */
	LIST(task_scope) scopes; /* that it is in, the innermost first */
};

/*
 * aw_task_spawn() and aw_task_spawn_coro() for the library itself: what they make is not handed out, and has
 * another's origin.
 */
aw_status task_spawn(aw_loop *loop, aw_task_fn fn, void *ud, aw_destroy_fn destroy, bool eager,
                     const void *origin, aw_task **out);
aw_status task_spawn_coro(aw_loop *loop, aw_coro *coro, bool eager, const void *origin, aw_task **out);

/* Asks for cancellation, with a reason. */
bool task_cancel(aw_task *self, aw_error *reason);

/*
 * Settles the counts of cancel requests. Call before reading `cancels`, and before any task starts or stops
 * waiting.
 */
void task_count_all_requests(aw_loop *loop);
static inline void task_count_requests(aw_loop *loop) {
	if (loop->chained) task_count_all_requests(loop);
}

/* From a stackful coroutine: lets the others run for one iteration. */
aw_status task_yield(aw_resume *resume);

/* An await ends without a suspension: with a failure of its own, which is noted, or well. */
static inline aw_status await_ended(const aw_resume *resume, aw_status status) {
	if (status < 0) return failed(status);
	if (resume->task->failure) failure_forget();
	return status;
}

static inline bool task_is(const aw_task *self) {
	return object_is(self, &task_class);
}

/* Awaits a coroutine just made, which is dropped; or notes why it could not be made. */
aw_status await_made(aw_status status, aw_coro *made, void **out);
/*
 * The stackful twin of a call that makes a coroutine, whose last parameter is where to put it: makes and
 * awaits it.
 */
#define AWAIT_CORO(out, make, ...)                                                            \
	__extension__({                                                                           \
		aw_coro *coro_made = NULL;                                                            \
		aw_status coro_status = stackful_here() ? make(__VA_ARGS__, &coro_made) : AW_ENOTASK; \
		await_made(coro_status, coro_made, out);                                              \
	})

#endif
