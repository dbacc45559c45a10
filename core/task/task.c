/* SPDX-License-Identifier: MIT */
/*
 * The task: drives a chain of coroutines, one step at a time.
 *
 * A step runs the innermost coroutine and handles its answer. A pending future suspends the task; anything
 * else (a value, an error, another coroutine, a completed future) continues at once, as Python's send and
 * throw do.
 */
#include "task.h"

#include "context.h"
#include "failure.h"
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static aw_status task_wakeup(ready_item *item);

/* --- creation and release --- */

static inline void drop_error(aw_error **slot) {
	aw_error *error = *slot;
	*slot = NULL;
	if (error) aw_error_unref(error);
}

static void coros_drop(aw_task *self) {
	for (aw_coro *coro; (coro = self->coro);) {
		self->coro = coro->parent;
		coro->parent = NULL;
		coro_end(coro);
		object_unref(coro);
	}
}

static void chain_drop(aw_task *self) {
	stackful *body = self->stackful;
	coros_drop(self);
	self->stackful = NULL;
	if (!body) return;
	drop_error(&body->failure);
	object_destroy_user(body->value_destroy, body->value);
	if (thread_here()->flow)
		object_destroy_user(stackful_free, body);
	else
		stackful_free(body);
}

static void task_kind_release(aw_future *future) {
	aw_task *self = (aw_task *)(void *)future;
	chain_drop(self);
	aw_error_unref(self->reason);
	context_drop(self->context);
	if (self->future.extra) free(task_extra_of(self)->name);
}

static aw_future *task_kind_child(const aw_future *future, size_t index) {
	return index ? NULL : ((const aw_task *)(const void *)future)->waiting;
}

static cancel_frame *task_cancel_frame(aw_future *future) {
	return &future->cancel_frame;
}

static void task_cancel_enter(aw_future *future);
static aw_future *task_cancel_next(aw_future *future, size_t index);
static bool task_cancel_leave(aw_future *future, aw_error *reason);
static const cancel_ops task_cancel_ops = {task_cancel_frame, task_cancel_enter, task_cancel_next,
                                           task_cancel_leave};
static const future_kind task_kind = {.release = task_kind_release,
                                      .extra_size = sizeof(task_extra),
                                      .is_task = true,
                                      .what = "task",
                                      .child = task_kind_child,
                                      .cancel_ops = &task_cancel_ops};

static void task_close(aw_task *self);

static void tasks_close(closer *base) {
	aw_loop *loop = container_of(base, aw_loop, task_closer);
	while (loop->tasks.first) {
		task_close(loop->tasks.first);
		loop_drain(loop);
	}
}

static void __attribute__((cold, noinline)) add_task_closer(aw_loop *loop) {
	loop->task_closer = (closer){.phase = CLOSE_TASKS, .close = tasks_close};
	loop_add_closer(loop, &loop->task_closer);
}

/* The task is new, so nothing else has a reference yet. */
static inline void task_enlist(aw_task *self, aw_loop *loop) {
	if (__builtin_expect(!loop->task_closer.close, 0)) add_task_closer(loop);
	list_append(&loop->tasks, self);
	atomic_store_explicit(&self->future.base.refs, 2, memory_order_relaxed); /* the loop owns its tasks */
}

/* Ends the wait of a task whose waiter is out of the future's list. */
static void stop_waiting(aw_task *self) {
	aw_future *awaited = self->waiting;
	self->waiting = NULL;
	if (!self->future.waits_borrowed) object_unref(awaited);
}

/* All that follows the header, in memory that is not cleared. */
static inline void task_init(aw_task *self, aw_loop *loop, const void *origin) {
	future_init(&self->future, loop, &task_kind, origin);
	self->waiter.item.run = task_wakeup;
	self->waiter.link = NULL;
	self->waiter.future = FUTURE_KEPT; /* by `waiting` */
	self->waiting = NULL;
	self->stackful = NULL;
	self->context = context_capture();
	self->coro = NULL;
	self->reason = NULL;
	self->number = threads_next_task();
	self->scopes = NULL;
	task_enlist(self, loop);
}

/* The calling thread is the loop's home. */
static inline aw_task *task_create(aw_loop *loop, const void *origin) {
	aw_task *self = object_new_short(&loop->domain, &task_class, sizeof *self);
	if (__builtin_expect(!self, 0)) self = object_new_sized(&loop->domain, &task_class, sizeof *self);
	if (self) task_init(self, loop, origin);
	return self;
}

/* --- completion --- */

/* The chain has ended with a value, or with `error`. Takes ownership of both. The loop's reference is left. */
static void task_finish(aw_task *self, void *value, aw_destroy_fn destroy, aw_error *error) {
	task_count_requests(self->future.loop);
	if (!error && self->future.must_cancel) {
		/* It cancelled itself and returned without another await: the value is lost, as in asyncio. */
		self->future.must_cancel = false;
		object_destroy_user(destroy, value);
		future_set_cancelled(&self->future, self->reason ? self->reason : error_of(AW_ECANCELLED));
	} else if (!error) {
		future_finish(&self->future, value, destroy);
	} else if (error->status == AW_ECANCELLED) {
		future_set_cancelled(&self->future, error);
	} else {
		future_fail(&self->future, error);
	}
	if (error) aw_error_unref(error);
	list_remove(&self->future.loop->tasks, self);
}

/* --- scopes --- */

void scope_enter(task_scope *self, const task_scope_kind *kind, aw_task *task, const void *origin) {
	*self = (task_scope){.task = task, .kind = kind, .origin = origin};
	self->next = task->scopes;
	if (self->next) self->next->previous = self;
	task->scopes = self;
}

bool scope_leave(task_scope *self) {
	if (!self->task) return false;
	if (self->next) self->next->previous = self->previous;
	if (self->previous)
		self->previous->next = self->next;
	else
		self->task->scopes = self->next;
	self->task = NULL;
	return true;
}

void scope_forgotten(task_scope *self) {
	aw_task *task = self->task;
	if (!scope_leave(self) || loop_closing(task->future.loop)) return;
	report_at(task->future.loop, self->kind->never_ended, &task->future, self->origin);
}

/* Abandons the scopes that the task did not exit before it ended. */
static void leave_scopes(aw_task *self) {
	aw_loop *loop = self->future.loop;
	for (task_scope *at; (at = self->scopes);) {
		const task_scope_kind *kind = at->kind;
		const void *origin = at->origin;
		scope_leave(at);
		kind->abandon(at);
		if (!loop_closing(loop)) report_at(loop, kind->never_ended, &self->future, origin);
	}
}

/* --- one step --- */

/* Turns a stackful function's status, and what aw_return() or aw_raise() prepared, into an answer. */
static void answer_from_function(const aw_task *self, stackful *body) {
	aw_resume *resume = &body->resume;
	void *value = body->value;
	aw_destroy_fn destroy = body->value_destroy;
	aw_error *prepared = body->failure && body->failure->status == body->status ? body->failure : NULL;
	body->value = NULL;
	body->value_destroy = NULL;
	if (body->status >= 0) {
		resume->answer = RESUME_RETURN;
		resume->returned.data = value;
		resume->returned.destroy = destroy;
		return;
	}
	object_destroy_user(destroy, value);
	resume->answer = RESUME_RAISE;
	resume->raised = prepared ? aw_error_ref(prepared)
	                          : error_with_message(&self->future.loop->domain, body->status, NULL);
}

/* As in Python, an error thrown before the start never reaches the body. */
__attribute__((cold, noinline)) static void refuse_to_start(aw_resume *resume) {
	resume->answer = RESUME_RAISE;
	resume->raised = aw_error_ref(resume->error);
}

/* Runs one step of a coroutine, and sets the answer. */
static inline void run_step(aw_task *self, aw_coro *coro, aw_resume *resume) {
	if (coro->state == CORO_NEW && resume->status < 0) {
		refuse_to_start(resume);
		return;
	}
	coro->state = CORO_STARTED;
	aw_status status = coro->fn(resume, coro->ud);
	if (__builtin_expect(status > 0, 0))
		report_positive(self->future.loop, "task", status, &self->future, NULL);
	if (resume->answer != RESUME_NONE) return;
	if (status < 0) {
		resume->answer = RESUME_RAISE;
		resume->raised = error_with_message(&self->future.loop->domain, status, NULL);
	} else {
		resume->answer = RESUME_RETURN;
		resume->returned.data = NULL;
		resume->returned.destroy = NULL;
	}
}

/* The stackful function has returned: sets the answer. */
static void __attribute__((noinline)) answer_of_function(aw_task *self) {
	stackful *body = self->stackful;
	if (__builtin_expect(body->status > 0, 0))
		report_positive(self->future.loop, "task", body->status, &self->future, NULL);
	answer_from_function(self, body);
}

/* Runs one step of the stackful function, and sets the answer. */
static inline __attribute__((always_inline)) void run_stackful(aw_task *self, thread *here) {
	stackful *body = self->stackful;
	if (!body->started) {
		if (body->resume.status < 0) {
			refuse_to_start(&body->resume);
			return;
		}
		stackful_begin(body);
	}
	stackful_run(body, here);
	while (body->resume.answer == RESUME_CALL) stackful_serve_call(body);
	if (body->resume.answer == RESUME_NONE) answer_of_function(self);
}

/* Sends the outcome of a completed future to the next step. */
static inline void send_outcome(aw_resume *resume, aw_future *future) {
	bool done = future->state == FUTURE_DONE;
	resume->value = done ? future->value.data : NULL;
	resume->value_destroy = done ? future->value.destroy : NULL;
	resume->error = NULL;
	resume->status = done ? 0 : future_outcome(future, NULL, &resume->error);
}

static inline void send_nothing(aw_resume *resume) {
	resume->status = 0;
	resume->value = NULL;
	resume->value_destroy = NULL;
	resume->error = NULL;
}

static void send_error(aw_resume *resume, aw_error *error) {
	resume->value = NULL;
	resume->value_destroy = NULL;
	resume->error = error;
	resume->status = error->status;
}

/*
 * The innermost coroutine ended: continue with its parent. False if there is none. `*held` keeps what is sent
 * alive.
 */
static bool pop(aw_task *self, aw_resume *resume, object **held) {
	aw_coro *ended = self->coro;
	if (!ended || (!ended->parent && !self->stackful)) return false;
	self->coro = ended->parent;
	ended->parent = NULL;
	if (resume->answer == RESUME_RETURN) {
		coro_end(ended);
		ended->value = resume->value = resume->returned.data;
		ended->value_destroy = resume->value_destroy = resume->returned.destroy;
		resume->status = 0;
		resume->error = NULL;
		*held = &ended->base;
	} else {
		coro_end(ended);
		object_unref(ended);
		send_error(resume, resume->raised);
		*held = resume->raised->immortal ? NULL : &resume->raised->base;
	}
	return true;
}

/* Takes ownership of the reference to the future, which is pending. */
static inline void park(aw_task *self, aw_future *future, bool borrowed) {
	task_count_requests(self->future.loop);
	self->waiting = future;
	self->future.waits_borrowed = borrowed;
	future_wait_pending(future, &self->waiter);
	if (__builtin_expect(!self->future.must_cancel, 1)) return;
	if (future_cancel(future, self->reason ? self->reason : error_of(AW_ECANCELLED))) {
		self->future.must_cancel = false;
		drop_error(&self->reason);
	}
}

/* Whether the task suspends for this future, unless the loop is closing. */
static inline bool can_await(const aw_task *self, const aw_future *future) {
	return future->loop == self->future.loop && future != &self->future && !future_is_done(future);
}

/* Awaits a future for the coroutine. True if the task continues at once; what to send it is then set. */
static inline bool await_future(aw_task *self, aw_resume *resume, object **held) {
	aw_future *future = resume->awaited;
	bool borrowed = resume->answer == RESUME_AWAIT_BORROWED;
	if (__builtin_expect(can_await(self, future) && !loop_closing(self->future.loop), 1)) {
		park(self, future, borrowed);
		return false;
	}
	*held = borrowed ? NULL : &future->base;
	if (future->loop != self->future.loop)
		send_error(resume, error_of(AW_EFOREIGNLOOP));
	else if (future == &self->future)
		send_error(resume, error_of(AW_ESELFAWAIT));
	else if (future_is_done(future))
		send_outcome(resume, future);
	else
		send_error(resume, error_of(AW_ELOOPCLOSED));
	return true;
}

static void await_coro(aw_task *self, aw_resume *resume, object **held) {
	aw_coro *coro = resume->delegated;
	if (coro->taken || coro_loop(coro) != self->future.loop) {
		send_error(resume, error_of(coro_loop(coro) != self->future.loop ? AW_EFOREIGNLOOP : AW_EREUSED));
		*held = &coro->base;
		return;
	}
	coro->taken = true;
	coro->parent = self->coro;
	self->coro = coro; /* takes ownership */
	send_nothing(resume);
}

/* What a step of a task replaces, to be put back when it suspends. */
typedef struct outside {
	aw_task *task; /* that an eager task interrupts */
	binding *context, *of_loop;
	aw_error **failure;
} outside;

static inline outside step_enter(aw_task *self, aw_loop *loop, thread *here) {
	outside outer = {.task = loop->current, .context = context_swap_on(here, self->context)};
	loop->current = self;
	if (__builtin_expect(outer.task != NULL, 0)) {
		outer.of_loop = loop->outside;
		outer.failure = here->failure;
		outer.task->context = outer.context; /* borrowed, so that aw_task_context_get() finds it */
	} else {
		loop->outside = outer.context;
	}
	if (self->stackful) here->failure = &self->stackful->failure;
	self->context = NULL; /* the thread has it */
	return outer;
}

/* Without an outer task, nothing reads `outside` or `failure` until the next step. */
static inline void step_leave(aw_task *self, aw_loop *loop, thread *here, outside outer) {
	loop->current = outer.task;
	self->context = context_swap_on(here, outer.context);
	if (__builtin_expect(outer.task == NULL, 1)) return;
	loop->outside = outer.of_loop;
	here->failure = outer.failure;
	outer.task->context = NULL;
}

/* The task has ended, and another is current, or none. Takes ownership of what it ended with. */
static aw_status __attribute__((noinline))
task_end(aw_task *self, void *value, aw_destroy_fn destroy, aw_error *error, int64_t began) {
	aw_loop *loop = self->future.loop;
	/* Only an exit that no outer coroutine caught leaves the loop. */
	aw_status status = error && error->status == AW_ESYSTEMEXIT ? AW_ESYSTEMEXIT : 0;
	task_finish(self, value, destroy, error);
	if (self->scopes) leave_scopes(self);
	(void)report_slow_end(loop, began, &self->future, NULL);
	object_unref(self); /* the loop's reference */
	return status;
}

/* In debug mode, and after it. Without memory the time is not known. */
static __attribute__((noinline)) void note_suspension(aw_task *self, int64_t began) {
	int64_t since = report_slow_end(self->future.loop, began, &self->future, NULL);
	task_extra *extra = since ? future_extra_of(&self->future) : task_extra_of(self);
	if (extra) extra->since = since;
}

static aw_status stackful_wakeup(ready_item *item);

/*
 * Runs steps until the task suspends or ends. `resume` holds what is sent first, and `held` keeps that alive.
 * If it is `answered`, the first step has been run.
 */
static inline __attribute__((always_inline)) aw_status task_drive(aw_task *self, aw_resume *resume,
                                                                  object *held, outside outer, int64_t began,
                                                                  bool answered) {
	aw_loop *loop = self->future.loop;
	thread *here = thread_here();
	for (;; answered = false) {
		if (!answered) {
			resume->answer = RESUME_NONE;
			if (self->coro)
				run_step(self, self->coro, resume);
			else
				run_stackful(self, here);
			if (held) object_unref(held);
			held = NULL;
		}
		if (resume->answer == RESUME_YIELD) {
			if (__builtin_expect(!loop_closing(loop), 1)) {
				loop_push_inline(loop, &self->waiter.item);
				break;
			}
			send_error(resume, error_of(AW_ELOOPCLOSED));
		} else if (resume->answer == RESUME_AWAIT || resume->answer == RESUME_AWAIT_BORROWED) {
			if (!await_future(self, resume, &held)) break;
		} else if (resume->answer == RESUME_DELEGATE) {
			await_coro(self, resume, &held);
		} else if (!pop(self, resume, &held)) {
			aw_error *error = resume->answer == RESUME_RAISE ? resume->raised : NULL;
			void *value = error ? NULL : resume->returned.data;
			aw_destroy_fn destroy = error ? NULL : resume->returned.destroy;
			chain_drop(self); /* and with it the resume of a stackful task */
			step_leave(self, loop, here, outer);
			return task_end(self, value, destroy, error, began);
		}
	}
	if (self->stackful && !self->coro && !self->future.must_cancel) self->waiter.item.run = stackful_wakeup;
	step_leave(self, loop, here, outer);
	if (__builtin_expect(began != 0 || self->future.extra, 0)) note_suspension(self, began);
	return 0;
}

/* The resume of a stackful task is kept with its stack; another task's is that of the caller. */
static inline aw_resume *resume_of(aw_task *self, aw_resume *callers) {
	if (self->stackful) return &self->stackful->resume;
	callers->task = self;
	return callers;
}

/* Replaces what is sent by the cancellation that is due. Returns the error, a reference or immortal. */
__attribute__((cold, noinline)) static aw_error *send_cancellation(aw_task *self, aw_resume *resume) {
	self->future.must_cancel = false;
	if (resume->status == AW_ECANCELLED) return NULL;
	aw_error *thrown = self->reason ? self->reason : error_of(AW_ECANCELLED);
	self->reason = NULL;
	send_error(resume, thrown);
	return thrown;
}

/*
 * Sends the outcome of the awaited future to the next step, or the cancellation if one is due. The loop's
 * reference keeps the task, until it ends.
 */
static aw_status task_wakeup(ready_item *item) {
	aw_task *self = container_of(item, aw_task, waiter.item);
	aw_loop *loop = self->future.loop;
	if (__builtin_expect(loop_closing(loop), 0)) return 0;
	aw_resume callers, *resume = resume_of(self, &callers);
	task_count_requests(loop);
	aw_future *awaited = self->waiting;
	object *held = NULL;
	item->run = task_wakeup;
	if (awaited) {
		self->waiting = NULL;
		if (!self->future.waits_borrowed) held = &awaited->base;
		send_outcome(resume, awaited);
	} else {
		send_nothing(resume);
	}
	aw_error *thrown = __builtin_expect(self->future.must_cancel, 0) ? send_cancellation(self, resume) : NULL;
	int64_t began = report_slow_begin(loop);
	aw_status status = task_drive(self, resume, held, step_enter(self, loop, thread_here()), began, false);
	if (__builtin_expect(thrown != NULL, 0)) aw_error_unref(thrown);
	return status;
}

/* The other answers. */
__attribute__((noinline)) static aw_status stackful_continue(aw_task *self, object *held, binding *context) {
	stackful *body = self->stackful;
	while (body->resume.answer == RESUME_CALL) stackful_serve_call(body);
	if (body->resume.answer == RESUME_NONE) answer_of_function(self);
	if (held) object_unref(held);
	self->waiter.item.run = task_wakeup;
	return task_drive(self, &body->resume, NULL, (outside){.context = context}, 0, true);
}

/*
 * The usual case of task_wakeup(): the stackful function continues with a value. An outer task is impossible, since
 * this runs from the ready queue, and for the same reason the loop is not closing.
 */
static aw_status stackful_wakeup(ready_item *item) {
	aw_task *self = container_of(item, aw_task, waiter.item);
	aw_loop *loop = self->future.loop;
	stackful *body = self->stackful;
	aw_future *awaited = self->waiting;
	if (__builtin_expect(loop->observes_calls || loop->chained, 0)) return task_wakeup(item);
	object *held = NULL;
	if (awaited) {
		if (__builtin_expect(awaited->state != FUTURE_DONE, 0)) return task_wakeup(item);
		self->waiting = NULL;
		if (!self->future.waits_borrowed) { /* nobody asks for the value of one that is on the task's stack */
			held = &awaited->base;
			body->resume.value = awaited->value.data;
		}
	}
	thread *here = thread_here();
	loop->current = self;
	loop->outside =
		context_swap_on(here, self->context); /* and read again after the step, to save a register */
	here->failure = &body->failure;
	self->context = NULL;
	stackful_run(body, here);
	uint8_t answer = body->resume.answer;
	if (answer == RESUME_YIELD) {
		if (__builtin_expect(held != NULL, 0)) object_unref(held);
		loop_push_inline(loop, item);
	} else if (answer == RESUME_AWAIT || answer == RESUME_AWAIT_BORROWED) {
		aw_future *future = body->resume.awaited;
		if (held) object_unref(held); /* which may complete the next one */
		if (__builtin_expect(!can_await(self, future), 0))
			return stackful_continue(self, NULL, loop->outside);
		park(self, future, answer == RESUME_AWAIT_BORROWED);
	} else {
		return stackful_continue(self, held, loop->outside);
	}
	loop->current = NULL;
	self->context = context_swap_on(here, loop->outside);
	return 0;
}

static const aw_task *stackful_next(const ready_item *item) {
	return item && item->run == stackful_wakeup ? container_of(item, const aw_task, waiter.item) : NULL;
}

/*
 * Each finds in the caches what was fetched for it one step earlier: the task of the third one, the stackful of the
 * second, the frames of the first.
 */
void task_prefetch_next(const aw_loop *loop) {
	enum { LINE = 64, FRAMES = 10 };
	const aw_task *task = stackful_next(loop->ready.head);
	if (!task) return;
	const char *frames = task->stackful->context.sp;
	for (size_t line = 0; line < FRAMES; line++) __builtin_prefetch(frames + line * LINE, 1);
	task = stackful_next(task->waiter.item.next);
	if (!task) return;
	__builtin_prefetch(task->stackful, 1);
	__builtin_prefetch((const char *)task->stackful + LINE, 1);
	const ready_item *third = task->waiter.item.next;
	if (!third) return;
	__builtin_prefetch(third, 1);
	__builtin_prefetch((const char *)third + LINE, 1);
	__builtin_prefetch((const char *)third - offsetof(aw_task, waiter));
}

__attribute__((cold, noinline)) static void unwind(aw_task *self) {
	aw_resume *resume = &self->stackful->resume;
	aw_loop *loop = self->future.loop;
	send_error(resume, error_of(AW_ELOOPCLOSED));
	(void)task_drive(self, resume, NULL, step_enter(self, loop, thread_here()), 0, false);
}

/* Ends a task of a closing loop: a stackful coroutine unwinds, others are destroyed. */
static void task_close(aw_task *self) {
	aw_loop *loop = self->future.loop;
	task_count_requests(loop);
	object_ref(self);
	report_call(loop, "Task was destroyed but it is pending!", NULL, &self->future, NULL);
	if (self->waiting) {
		future_unwait(self->waiting, &self->waiter);
		stop_waiting(self);
	}
	if (self->stackful && self->stackful->started) {
		/* Coroutines that the stackful function awaits are destroyed; its own stack unwinds. */
		coros_drop(self);
		unwind(self);
		self->future.unretrieved = false;
	} else {
		chain_drop(self);
		leave_scopes(self);
		list_remove(&loop->tasks, self);
		object_unref(self);
	}
	object_unref(self);
}

static void cancel_next_step(aw_task *self, aw_error *reason) {
	self->future.must_cancel = true;
	self->waiter.item.run = task_wakeup;
	drop_error(&self->reason);
	self->reason = aw_error_ref(reason);
}

/* The pending task that this task awaits, or NULL. */
static aw_task *awaited_task(const aw_task *self) {
	aw_future *future = self->waiting;
	return future && !future_is_done(future) && future->kind == &task_kind ? (aw_task *)(void *)future : NULL;
}

/*
 * Cancelling a task counts a request in that task and in every task below it in its chain of awaits; only the
 * last one acts on it. Cancelling all the tasks of a chain would therefore take quadratic time. So the first
 * request walks down and caches the end of the chain in each task it passes. Later requests skip to the end,
 * and the task that was cancelled records how many requests the tasks below have yet to count. One pass
 * propagates all of these before a count is read and before any task starts or stops waiting; it also drops
 * the caches.
 */
static void chain_set_end(aw_task *self, aw_task *next) {
	aw_loop *loop = self->future.loop;
	task_extra *extra = future_extra_of(&self->future), *below = future_extra_of(&next->future);
	if (!extra || !below) return; /* not cached: the next request walks again */
	extra->chain_end = below->chain_end ? below->chain_end : next;
	extra->next_chained = loop->chained;
	loop->chained = self;
}

static aw_task *chain_end(const aw_task *self) {
	return self->future.extra ? task_extra_of(self)->chain_end : NULL;
}

static task_extra *extra_below(const aw_task *self) {
	return task_extra_of((const aw_task *)(const void *)self->waiting);
}

/*
 * Propagates deferred requests down the chain, stopping at a task that still expects some from another
 * branch.
 */
static void propagate_requests(aw_task *self) {
	task_extra *extra = task_extra_of(self);
	while (extra->chain_end && !extra->indegree) {
		task_extra *below = extra_below(self);
		self = (aw_task *)(void *)self->waiting;
		self->future.cancel_requests += extra->deferred;
		below->deferred += extra->deferred;
		below->indegree--;
		extra->deferred = 0;
		extra->chain_end = NULL;
		extra = below;
	}
	if (!extra->chain_end) extra->deferred = 0; /* the end of its chain */
}

void task_count_all_requests(aw_loop *loop) {
	aw_task *chained = loop->chained;
	loop->chained = NULL;
	for (const aw_task *at = chained; at; at = task_extra_of(at)->next_chained) extra_below(at)->indegree++;
	for (aw_task *next; chained; chained = next) {
		next = task_extra_of(chained)->next_chained;
		propagate_requests(chained);
	}
}

/* Tasks that await each other in a cycle would never complete, so this one is taken out of its wait. */
static void break_cycle(aw_task *self, aw_error *reason) {
	if (!self->waiting || !future_unwait(self->waiting, &self->waiter)) return;
	task_count_requests(self->future.loop);
	stop_waiting(self);
	cancel_next_step(self, reason);
	loop_push(self->future.loop, &self->waiter.item);
}

static void task_cancel_enter(aw_future *future) {
	aw_task *self = (aw_task *)(void *)future;
	self->future.cancel_requests++;
	if (chain_end(self)) task_extra_of(self)->deferred++;
}

static aw_future *task_cancel_next(aw_future *future, size_t index) {
	const aw_task *self = (const aw_task *)(const void *)future;
	if (index) return NULL;
	const aw_task *end = chain_end(self);
	return end ? end->waiting : self->waiting;
}

static bool task_cancel_leave(aw_future *future, aw_error *reason) {
	aw_task *self = (aw_task *)(void *)future, *next = awaited_task(self);
	aw_task *end = chain_end(self);
	if (!future->cancel_frame.accepted) cancel_next_step(end ? end : self, reason);
	if (future->cancel_frame.cycle)
		break_cycle(self, reason);
	else if (next && !end)
		chain_set_end(self, next);
	return true;
}

bool task_cancel(aw_task *self, aw_error *reason) {
	return future_cancel(&self->future, reason);
}

/* --- the public functions --- */

/* Runs the first step at once. AW_ESYSTEMEXIT stays in the task: the spawning code can't be unwound. */
static void start_now(void *arg) {
	aw_task *self = arg;
	thread *here = thread_here();
	releases outer = object_releases_enter(here);
	(void)task_wakeup(&self->waiter.item);
	object_releases_leave(here, outer);
}

/* Schedules a new task, or runs its first step, and stores it in `out`. */
static inline void task_start(aw_task *self, bool eager, aw_task **out) {
	aw_loop *loop = self->future.loop;
	if (eager && loop->dispatching)
		call_on_thread_stack(start_now, self);
	else
		loop_push_inline(loop, &self->waiter.item);
	if (out)
		*out = self;
	else
		object_unref(self);
}

aw_status task_spawn(aw_loop *loop, aw_task_fn fn, void *ud, aw_destroy_fn destroy, bool eager,
                     const void *origin, aw_task **out) {
	aw_status status = loop_resolve(&loop);
	if (status == 0 && !fn) status = -EINVAL;
	stackful *body = status < 0 ? NULL : stackful_new(&loop->stacks, fn, ud, destroy);
	if (!body) {
		object_destroy_user(destroy, ud);
		return status < 0 ? status : -ENOMEM;
	}
	aw_task *self = task_create(loop, origin);
	if (!self) {
		object_destroy_user(stackful_free, body);
		return -ENOMEM;
	}
	self->stackful = body;
	body->resume.task = self;
	if (loop->debug) stackful_set_name(body, aw_task_name(self));
	task_start(self, eager, out);
	return 0;
}

aw_status task_spawn_coro(aw_loop *loop, aw_coro *coro, bool eager, const void *origin, aw_task **out) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!object_is(coro, &coro_class)) return AW_EBADHANDLE;
	if (coro_loop(coro) != loop) return AW_EFOREIGNLOOP;
	if (coro->taken) return AW_EREUSED;
	aw_task *self = task_create(loop, origin);
	if (!self) return -ENOMEM;
	self->coro = object_ref(coro);
	coro->taken = true; /* only after the last failure: a refused coroutine stays reusable */
	task_start(self, eager, out);
	return 0;
}

/* Counts the task as the caller's, if the caller asked for it. */
static aw_status hand_out(aw_status status, aw_task **out, const void *origin) {
	if (status == 0 && out) object_hand_out(*out, origin);
	return status;
}

ENTRY(aw_task_spawn, (aw_loop *loop, aw_task_fn fn, void *ud, aw_destroy_fn destroy, aw_task **out),
      (loop, fn, ud, destroy, out)) {
	return hand_out(task_spawn(loop, fn, ud, destroy, false, CALLER, out), out, CALLER);
}

ENTRY(aw_task_spawn_coro, (aw_loop *loop, aw_coro *coro, aw_task **out), (loop, coro, out)) {
	return hand_out(task_spawn_coro(loop, coro, false, CALLER, out), out, CALLER);
}

ENTRY(aw_task_spawn_eager, (aw_loop *loop, aw_task_fn fn, void *ud, aw_destroy_fn destroy, aw_task **out),
      (loop, fn, ud, destroy, out)) {
	return hand_out(task_spawn(loop, fn, ud, destroy, true, CALLER, out), out, CALLER);
}

ENTRY(aw_task_spawn_coro_eager, (aw_loop *loop, aw_coro *coro, aw_task **out), (loop, coro, out)) {
	return hand_out(task_spawn_coro(loop, coro, true, CALLER, out), out, CALLER);
}

/* Takes ownership of the name. */
static aw_status rename_task(aw_task *self, char *name) {
	task_extra *extra = future_extra_of(&self->future);
	if (!extra) {
		free(name);
		return -ENOMEM;
	}
	if (self->stackful) stackful_set_name(self->stackful, name);
	free(extra->name);
	extra->name = name;
	return 0;
}

ENTRY(aw_task_spawn_named,
      (aw_loop *loop, const char *name, aw_task_fn fn, void *ud, aw_destroy_fn destroy, aw_task **out),
      (loop, name, fn, ud, destroy, out)) {
	aw_status status = loop_resolve(&loop);
	/* What may fail comes first: a task that was spawned runs. */
	future_extra *extra = status == 0 && name ? slab_take(&loop->domain.slabs, sizeof(task_extra)) : NULL;
	char *copy = extra ? strdup(name) : NULL;
	if (status == 0 && name && !copy) status = -ENOMEM;
	aw_task *self = NULL;
	if (status < 0)
		object_destroy_user(destroy, ud);
	else
		status = task_spawn(loop, fn, ud, destroy, false, CALLER, &self);
	if (status == 0 && extra && !self->future.extra) {
		self->future.extra = extra;
		extra = NULL;
	}
	if (extra) slab_give(&loop->domain.slabs, extra, sizeof(task_extra));
	if (status < 0) {
		free(copy);
		return status;
	}
	if (copy) (void)rename_task(self, copy);
	if (out)
		*out = object_hand_out(self, CALLER);
	else
		object_unref(self);
	return 0;
}

ENTRY(aw_task_spawn_future, (aw_loop *loop, aw_task_fn fn, void *ud, aw_destroy_fn destroy, aw_future **out),
      (loop, fn, ud, destroy, out)) {
	aw_task *self;
	if (!out) {
		object_destroy_user(destroy, ud);
		return -EINVAL;
	}
	aw_status status = task_spawn(loop, fn, ud, destroy, false, CALLER, &self);
	if (status < 0) return status;
	*out = object_hand_out(&self->future, CALLER);
	return 0;
}

REFERENCES(aw_task, task_is(self))

aw_future *aw_task_future(aw_task *task) {
	return task_is(task) ? &task->future : NULL;
}

static aw_status task_check(const aw_task *task) {
	return task_is(task) ? loop_check(task->future.loop) : AW_EBADHANDLE;
}

ENTRY(aw_task_cancel, (aw_task *task, const char *message), (task, message)) {
	return task_is(task) ? aw_future_cancel(&task->future, message) : AW_EBADHANDLE;
}

ENTRY(aw_task_cancelling, (const aw_task *task), (task)) {
	if (!task_is(task)) return AW_EBADHANDLE;
	task_count_requests(task->future.loop);
	return (aw_status)task->future.cancel_requests;
}

ENTRY(aw_task_uncancel, (aw_task *task), (task)) {
	aw_status status = task_check(task);
	if (status < 0) return status;
	task_count_requests(task->future.loop);
	if (task->future.cancel_requests > 0 && --task->future.cancel_requests == 0) {
		task->future.must_cancel = false;
		drop_error(&task->reason);
	}
	return (aw_status)task->future.cancel_requests;
}

const char *aw_task_name(const aw_task *task) {
	if (!task_is(task)) return NULL;
	/* Most names are never read, so the default is formatted lazily. */
	task_extra *extra = future_extra_of((aw_future *)(uintptr_t)&task->future);
	if (extra && !extra->name && asprintf(&extra->name, "Task-%" PRIu64, task->number) < 0)
		extra->name = NULL;
	return extra && extra->name ? extra->name : "Task";
}

ENTRY(aw_task_set_name, (aw_task *task, const char *name), (task, name)) {
	aw_status status = task_check(task);
	if (status < 0) return status;
	char *copy = name ? strdup(name) : NULL;
	if (!copy) return name ? -ENOMEM : -EINVAL;
	return rename_task(task, copy);
}

ENTRY(aw_task_context_get, (const aw_task *task, const void *key, void **out), (task, key, out)) {
	aw_status status = task_check(task);
	if (status < 0) return status;
	/* The thread has the context of the task that runs. */
	bool runs = task == task->future.loop->current;
	return context_get(runs ? thread_here()->context : task->context, key, out);
}

aw_coro *aw_task_coro(const aw_task *task) {
	if (!task_is(task) || task->stackful) return NULL;
	aw_coro *outermost = task->coro;
	while (outermost && outermost->parent) outermost = outermost->parent;
	return outermost;
}

aw_task *aw_task_current(void) {
	aw_loop *loop = thread_here()->loop;
	return loop ? loop->current : NULL;
}

ENTRY(aw_loop_all_tasks, (aw_loop *loop, aw_task **out, size_t max), (loop, out, max)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	size_t count = 0;
	for (aw_task *task = loop->tasks.first; task; task = task->next, count++)
		if (count < max && out) out[count] = object_hand_out(object_ref(task), CALLER);
	return count > INT32_MAX ? -EOVERFLOW : (aw_status)count;
}

/* --- calls from a stackful task --- */

__attribute__((cold)) aw_status task_resumed_with(stackful *self) {
	aw_resume *resume = &self->resume;
	aw_status status = resume->status;
	failure_note(&self->failure, resume->error ? aw_error_ref(resume->error) : NULL);
	/* A later step may send nothing but a value. */
	resume->error = NULL;
	resume->status = 0;
	return status;
}

aw_status aw_await(aw_future *future, void **out) {
	stackful *self = stackful_current();
	if (!self) return AW_ENOTASK;
	if (!future_is(future)) return failed(AW_EBADHANDLE);
	if (future->state == FUTURE_DONE && future->loop == self->resume.task->future.loop) {
		drop_error(&self->failure);
		if (out) *out = future->value.data;
		return 0; /* no suspension, no switch */
	}
	self->resume.answer = RESUME_AWAIT;
	self->resume.awaited = object_ref(future);
	aw_status status = task_suspend(self);
	if (status >= 0 && out) *out = self->resume.value;
	return status;
}

aw_status aw_await_coro(aw_coro *coro, void **out) {
	stackful *self = stackful_current();
	if (!self) return AW_ENOTASK;
	if (!object_is(coro, &coro_class)) return failed(AW_EBADHANDLE);
	self->resume.answer = RESUME_DELEGATE;
	self->resume.delegated = object_ref(coro);
	aw_status status = task_suspend(self);
	if (status >= 0 && out) *out = self->resume.value;
	return status;
}

aw_status await_made(aw_status status, aw_coro *made, void **out) {
	if (status < 0) return failed(status);
	status = aw_await_coro(made, out);
	object_unref(made);
	return status;
}

aw_status aw_return(void *value, aw_destroy_fn destroy) {
	stackful *self = stackful_current();
	if (!self) {
		object_destroy_user(destroy, value); /* with `return aw_return(…)` nothing else can */
		return AW_ENOTASK;
	}
	void *old = self->value;
	aw_destroy_fn old_destroy = self->value_destroy;
	self->value = value;
	self->value_destroy = destroy;
	object_destroy_user(old_destroy, old);
	return 0;
}

aw_status aw_return_int(int64_t value) {
	if ((intptr_t)value != value) return failed(-EOVERFLOW);
	return aw_return((void *)(intptr_t)value, value_integer);
}

aw_status aw_raise(aw_status code, const char *message) {
	stackful *self = stackful_current();
	if (!self) return AW_ENOTASK;
	if (!code) return failed(-EINVAL);
	aw_status status = error_code(code);
	failure_note(&self->failure,
	             error_with_message(&self->resume.task->future.loop->domain, status, message));
	return status;
}

aw_status aw_vraisef(aw_status code, const char *format, va_list arguments) {
	stackful *self = stackful_current();
	if (!self) return AW_ENOTASK;
	if (!code) return failed(-EINVAL);
	aw_status status = error_code(code);
	failure_note(&self->failure,
	             error_with_format(&self->resume.task->future.loop->domain, status, format, arguments));
	return status;
}

aw_status aw_raisef(aw_status code, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	aw_status status = aw_vraisef(code, format, arguments);
	va_end(arguments);
	return status;
}

aw_status aw_raise_error(aw_error *error) {
	stackful *self = stackful_current();
	if (!self) return AW_ENOTASK;
	return object_is(error, &error_class) ? failed_with(error) : failed(AW_EBADHANDLE);
}

aw_error *aw_caught(void) {
	const stackful *self = stackful_current();
	return self ? self->failure : NULL;
}

void aw_caught_clear(void) {
	failure_forget();
}

ENTRY(aw_loop_set_stack_size, (aw_loop *loop, size_t size), (loop, size)) {
	aw_status status = loop_check(loop);
	return status < 0 ? status : stack_pool_resize(&loop->stacks, size);
}
