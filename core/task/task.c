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

static void chain_drop(aw_task *self) {
	for (aw_coro *coro; (coro = self->coro);) {
		self->coro = coro->parent;
		coro->parent = NULL;
		coro_end(coro);
		object_unref(coro);
	}
}

static void task_kind_release(aw_future *future) {
	aw_task *self = (aw_task *)(void *)future;
	chain_drop(self);
	aw_error_unref(self->reason);
	aw_error_unref(self->failure);
	context_drop(self->context);
	object_destroy_user(self->value_destroy, self->value);
	free(self->name);
}

static aw_future *task_kind_child(const aw_future *future, size_t index) {
	return index ? NULL : ((const aw_task *)(const void *)future)->waiting;
}

static cancel_frame *task_cancel_frame(aw_future *future) {
	return &((aw_task *)(void *)future)->cancel_frame;
}

static void task_cancel_enter(aw_future *future);
static aw_future *task_cancel_next(aw_future *future, size_t index);
static bool task_cancel_leave(aw_future *future, aw_error *reason);
static const cancel_ops task_cancel_ops = {task_cancel_frame, task_cancel_enter, task_cancel_next,
                                           task_cancel_leave};
static const future_kind task_kind = {.release = task_kind_release,
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

static void task_enlist(aw_task *self, aw_loop *loop) {
	if (!loop->task_closer.close) {
		loop->task_closer = (closer){.phase = CLOSE_TASKS, .close = tasks_close};
		loop_add_closer(loop, &loop->task_closer);
	}
	list_append(&loop->tasks, self);
	object_ref(self); /* the loop owns its tasks */
}

static void task_delist(aw_task *self) {
	aw_loop *loop = self->future.loop;
	list_remove(&loop->tasks, self);
	object_unref(self);
}

/* Takes over the reference to `coro`. */
static aw_task *task_create(aw_loop *loop, aw_coro *coro) {
	aw_task *self = future_create(loop, &task_class, &task_kind, sizeof *self);
	if (!self) return NULL;
	self->coro = self->outermost = coro;
	coro->taken = true; /* only after the last failure: a refused coroutine stays reusable */
	self->number = threads_next_task();
	self->context = context_capture();
	self->waiter.item.run = task_wakeup;
	task_enlist(self, loop);
	return self;
}

/* --- completion --- */

static void drop_error(aw_error **slot) {
	aw_error *error = *slot;
	*slot = NULL;
	aw_error_unref(error);
}

/* The chain has ended with a value, or with `error`. Takes ownership of both. */
static void task_finish(aw_task *self, void *value, aw_destroy_fn destroy, aw_error *error) {
	task_count_requests(self->future.loop);
	drop_error(&self->failure);
	if (!error && self->must_cancel) {
		/* It cancelled itself and returned without another await: the value is lost, as in asyncio. */
		self->must_cancel = false;
		object_destroy_user(destroy, value);
		future_set_cancelled(&self->future, self->reason ? self->reason : error_of(AW_ECANCELLED));
	} else if (!error) {
		future_finish(&self->future, value, destroy);
	} else if (error->status == AW_ECANCELLED) {
		future_set_cancelled(&self->future, error);
	} else {
		future_fail(&self->future, error);
	}
	aw_error_unref(error);
	task_delist(self);
}

/* --- scopes --- */

void scope_enter(task_scope *self, const task_scope_kind *kind, aw_task *task, const void *origin) {
	*self = (task_scope){.task = task, .kind = kind, .origin = origin};
	list_prepend(&task->scopes, self);
}

bool scope_leave(task_scope *self) {
	if (!self->task) return false;
	list_remove(&self->task->scopes, self);
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
	for (task_scope *at; (at = self->scopes.first);) {
		const task_scope_kind *kind = at->kind;
		const void *origin = at->origin;
		scope_leave(at);
		kind->abandon(at);
		if (!loop_closing(loop)) report_at(loop, kind->never_ended, &self->future, origin);
	}
}

/* --- one step --- */

/* Turns a stackful function's status, and what aw_return() or aw_raise() prepared, into an answer. */
static void answer_from_function(aw_task *self, aw_resume *resume, aw_status status) {
	void *value = self->value;
	aw_destroy_fn destroy = self->value_destroy;
	aw_error *prepared = self->failure && self->failure->status == status ? self->failure : NULL;
	self->value = NULL;
	self->value_destroy = NULL;
	if (status >= 0) {
		resume->answer = RESUME_RETURN;
		resume->returned.data = value;
		resume->returned.destroy = destroy;
		return;
	}
	object_destroy_user(destroy, value);
	resume->answer = RESUME_RAISE;
	resume->raised =
		prepared ? aw_error_ref(prepared) : error_with_message(&self->future.loop->domain, status, NULL);
}

/* Runs one step of `coro`, and sets the answer. */
static void run_step(aw_task *self, aw_coro *coro, aw_resume *resume) {
	if (coro->state == CORO_NEW && resume->status < 0) {
		/* As in Python, an error thrown before the start never reaches the body. */
		resume->answer = RESUME_RAISE;
		resume->raised = aw_error_ref(resume->error);
		return;
	}
	coro->state = CORO_STARTED;
	aw_status status = coro->fn(resume, coro->ud);
	if (status > 0) report_positive(self->future.loop, "task", status, &self->future, NULL);
	if (resume->answer == RESUME_NONE) {
		if (self->stackful && coro == self->outermost)
			answer_from_function(self, resume, status);
		else if (status < 0) {
			resume->answer = RESUME_RAISE;
			resume->raised = error_with_message(&self->future.loop->domain, status, NULL);
		} else
			resume->answer = RESUME_RETURN;
	}
}

/* Sends the outcome of a completed future to the next step. */
static void send_outcome(aw_resume *resume, aw_future *future) {
	resume->value = NULL;
	resume->error = NULL;
	resume->value_destroy = future->state == FUTURE_DONE ? future->value.destroy : NULL;
	resume->status = future_outcome(future, &resume->value, &resume->error);
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
	if (!ended->parent) return false;
	self->coro = ended->parent;
	ended->parent = NULL;
	if (resume->answer == RESUME_RETURN) {
		ended->value = resume->returned.data;
		ended->value_destroy = resume->returned.destroy;
		resume->status = 0;
		resume->value = ended->value;
		resume->value_destroy = ended->value_destroy;
		resume->error = NULL;
		*held = &ended->base;
		coro_end(ended);
	} else {
		coro_end(ended);
		object_unref(ended);
		send_error(resume, resume->raised);
		*held = resume->raised->immortal ? NULL : &resume->raised->base;
	}
	return true;
}

static void park(aw_task *self, aw_future *future) {
	task_count_requests(self->future.loop);
	self->waiting = future; /* takes ownership */
	future_wait(future, &self->waiter);
	if (self->must_cancel && future_cancel(future, self->reason ? self->reason : error_of(AW_ECANCELLED))) {
		self->must_cancel = false;
		drop_error(&self->reason);
	}
}

/* Awaits a future for the coroutine. True if the task continues at once; what to send it is then set. */
static bool await_future(aw_task *self, aw_resume *resume, object **held) {
	aw_future *future = resume->awaited;
	*held = &future->base;
	if (future->loop != self->future.loop) {
		send_error(resume, error_of(AW_EFOREIGNLOOP));
		return true;
	}
	if (future == &self->future) {
		send_error(resume, error_of(AW_ESELFAWAIT));
		return true;
	}
	if (future_is_done(future)) {
		send_outcome(resume, future);
		return true;
	}
	if (loop_closing(self->future.loop)) {
		send_error(resume, error_of(AW_ELOOPCLOSED));
		return true;
	}
	*held = NULL;
	park(self, future);
	return false;
}

static void await_coro(aw_task *self, aw_resume *resume, object **held) {
	aw_coro *coro = resume->delegated;
	if (coro->taken || coro->loop != self->future.loop) {
		send_error(resume, error_of(coro->loop != self->future.loop ? AW_EFOREIGNLOOP : AW_EREUSED));
		*held = &coro->base;
		return;
	}
	coro->taken = true;
	coro->parent = self->coro;
	self->coro = coro; /* takes ownership */
	resume->status = 0;
	resume->value = NULL;
	resume->value_destroy = NULL;
	resume->error = NULL;
}

/* Runs steps until the task suspends or ends. `resume` holds what is sent first; `held` keeps that alive. */
static aw_status task_drive(aw_task *self, aw_resume *resume, object *held) {
	aw_loop *loop = self->future.loop;
	thread *here = thread_here();
	aw_task *outer = loop->current;
	aw_error **outer_failure = here->failure;
	binding *context = context_swap_on(here, self->context), *outside = loop->outside;
	loop->current = self;
	if (outer)
		outer->context = context; /* borrowed, so that aw_task_context_get() finds it */
	else
		loop->outside = context;
	here->failure = &self->failure;
	self->context = NULL; /* the thread has it */
	for (bool on = true; on;) {
		resume->answer = RESUME_NONE;
		resume->returned.data = NULL;
		resume->returned.destroy = NULL;
		run_step(self, self->coro, resume);
		if (held) object_unref(held);
		held = NULL;
		switch (resume->answer) {
		case RESUME_AWAIT: on = await_future(self, resume, &held); break;
		case RESUME_DELEGATE: await_coro(self, resume, &held); break;
		case RESUME_YIELD:
			on = loop_closing(loop);
			if (on)
				send_error(resume, error_of(AW_ELOOPCLOSED));
			else
				loop_push(loop, &self->waiter.item);
			break;
		default: on = pop(self, resume, &held);
		}
		if (on) continue;
		if (resume->answer == RESUME_RETURN || resume->answer == RESUME_RAISE) {
			bool raised = resume->answer == RESUME_RAISE;
			aw_error *error = raised ? resume->raised : NULL;
			/* Only an exit that no outer coroutine caught leaves the loop. */
			aw_status status = raised && error->status == AW_ESYSTEMEXIT ? AW_ESYSTEMEXIT : 0;
			chain_drop(self);
			self->stackful = NULL;
			self->outermost = NULL;
			loop->current = outer;
			loop->outside = outside;
			if (outer) outer->context = NULL;
			here->failure = outer_failure;
			self->context = context_swap_on(here, context);
			task_finish(self, raised ? NULL : resume->returned.data, raised ? NULL : resume->returned.destroy,
			            error);
			if (self->scopes.first) leave_scopes(self);
			return status;
		}
	}
	loop->current = outer;
	loop->outside = outside;
	if (outer) outer->context = NULL;
	here->failure = outer_failure;
	self->context = context_swap_on(here, context);
	return 0;
}

/* Sends the outcome of the awaited future to the next step, or the cancellation if one is due. */
static aw_status task_wakeup(ready_item *item) {
	aw_task *self = container_of(item, aw_task, waiter.item);
	aw_future *awaited = self->waiting;
	aw_error *thrown = NULL;
	if (loop_closing(self->future.loop)) {
		future_waiter_end(&self->waiter);
		return 0;
	}
	aw_resume resume = {.task = self};
	task_count_requests(self->future.loop);
	object_ref(self);
	self->waiting = NULL;
	if (awaited) send_outcome(&resume, awaited);
	if (self->must_cancel) {
		self->must_cancel = false;
		if (resume.status != AW_ECANCELLED) {
			thrown = self->reason ? self->reason : error_of(AW_ECANCELLED);
			self->reason = NULL;
			send_error(&resume, thrown);
		}
	}
	/* Drop the queue's reference to the future; that of `waiting` keeps it alive during the step. */
	future_waiter_end(&self->waiter);
	int64_t began = report_slow_begin(self->future.loop);
	aw_status status = task_drive(self, &resume, awaited ? &awaited->base : NULL);
	self->since = report_slow_end(self->future.loop, began, &self->future, NULL);
	aw_error_unref(thrown);
	object_unref(self);
	return status;
}

/* Ends a task of a closing loop: a stackful coroutine unwinds, others are destroyed. */
static void task_close(aw_task *self) {
	aw_loop *loop = self->future.loop;
	task_count_requests(loop);
	object_ref(self);
	report_call(loop, "Task was destroyed but it is pending!", NULL, &self->future, NULL);
	if (self->waiting) {
		future_unwait(self->waiting, &self->waiter);
		object_unref(self->waiting);
		self->waiting = NULL;
	}
	/* Coroutines that a stackful one awaits are destroyed; its own stack unwinds. */
	while (self->coro != self->outermost) {
		aw_coro *coro = self->coro;
		self->coro = coro->parent;
		coro->parent = NULL;
		coro_end(coro);
		object_unref(coro);
	}
	if (self->stackful && self->coro->state == CORO_STARTED) {
		aw_resume resume = {.task = self, .status = AW_ELOOPCLOSED, .error = error_of(AW_ELOOPCLOSED)};
		task_drive(self, &resume, NULL);
		self->future.unretrieved = false;
	} else {
		chain_drop(self);
		self->stackful = NULL;
		self->outermost = NULL;
		leave_scopes(self);
		task_delist(self);
	}
	object_unref(self);
}

static void cancel_next_step(aw_task *self, aw_error *reason) {
	self->must_cancel = true;
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
static void chain_set_end(aw_task *self, aw_task *end) {
	aw_loop *loop = self->future.loop;
	self->chain_end = end;
	self->next_chained = loop->chained;
	loop->chained = self;
}

/*
 * Propagates deferred requests down the chain, stopping at a task that still expects some from another
 * branch.
 */
static void propagate_requests(aw_task *self) {
	while (self->chain_end && !self->indegree) {
		aw_task *next = (aw_task *)(void *)self->waiting;
		next->cancel_requests += self->deferred;
		next->deferred += self->deferred;
		next->indegree--;
		self->deferred = 0;
		self->chain_end = NULL;
		self = next;
	}
	if (!self->chain_end) self->deferred = 0; /* the end of its chain */
}

void task_count_all_requests(aw_loop *loop) {
	aw_task *chained = loop->chained;
	loop->chained = NULL;
	for (aw_task *at = chained; at; at = at->next_chained) ((aw_task *)(void *)at->waiting)->indegree++;
	for (aw_task *next; chained; chained = next) {
		next = chained->next_chained;
		propagate_requests(chained);
	}
}

/* Tasks that await each other in a cycle would never complete, so this one is taken out of its wait. */
static void break_cycle(aw_task *self, aw_error *reason) {
	if (!self->waiting || !future_unwait(self->waiting, &self->waiter)) return;
	task_count_requests(self->future.loop);
	object_unref(self->waiting);
	self->waiting = NULL;
	cancel_next_step(self, reason);
	loop_push(self->future.loop, &self->waiter.item);
}

static void task_cancel_enter(aw_future *future) {
	aw_task *self = (aw_task *)(void *)future;
	self->cancel_requests++;
	if (self->chain_end) self->deferred++;
}

static aw_future *task_cancel_next(aw_future *future, size_t index) {
	const aw_task *self = (const aw_task *)(const void *)future;
	if (index) return NULL;
	return self->chain_end ? self->chain_end->waiting : self->waiting;
}

static bool task_cancel_leave(aw_future *future, aw_error *reason) {
	aw_task *self = (aw_task *)(void *)future, *next = awaited_task(self);
	aw_task *end = self->chain_end;
	if (!self->cancel_frame.accepted) cancel_next_step(end ? end : self, reason);
	if (self->cancel_frame.cycle)
		break_cycle(self, reason);
	else if (next && !end)
		chain_set_end(self, next->chain_end ? next->chain_end : next);
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
static void task_start(aw_task *self, bool eager, aw_task **out) {
	aw_loop *loop = self->future.loop;
	object_ref(self);
	if (eager && loop->dispatching)
		call_on_thread_stack(start_now, self);
	else
		loop_push(loop, &self->waiter.item);
	object_unref(self);
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
	aw_coro *coro;
	status = coro_make(loop, stackful_step, body, stackful_free, origin, &coro);
	if (status < 0) return status;
	aw_task *self = task_create(loop, coro);
	if (!self) {
		object_unref(coro);
		return -ENOMEM;
	}
	self->stackful = body;
	self->future.origin = origin;
	if (loop->debug) stackful_set_name(body, aw_task_name(self));
	task_start(self, eager, out);
	return 0;
}

aw_status task_spawn_coro(aw_loop *loop, aw_coro *coro, bool eager, const void *origin, aw_task **out) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!object_is(coro, &coro_class)) return AW_EBADHANDLE;
	if (coro->loop != loop) return AW_EFOREIGNLOOP;
	if (coro->taken) return AW_EREUSED;
	aw_task *self = task_create(loop, object_ref(coro));
	if (!self) {
		object_unref(coro);
		return -ENOMEM;
	}
	self->future.origin = origin;
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
static void rename_task(aw_task *self, char *name) {
	if (self->stackful) stackful_set_name(self->stackful, name);
	free(self->name);
	self->name = name;
}

ENTRY(aw_task_spawn_named,
      (aw_loop *loop, const char *name, aw_task_fn fn, void *ud, aw_destroy_fn destroy, aw_task **out),
      (loop, name, fn, ud, destroy, out)) {
	char *copy = name ? strdup(name) : NULL;
	if (name && !copy) {
		object_destroy_user(destroy, ud);
		return -ENOMEM;
	}
	aw_task *self;
	aw_status status = task_spawn(loop, fn, ud, destroy, false, CALLER, &self);
	if (status < 0) {
		free(copy);
		return status;
	}
	if (copy) rename_task(self, copy);
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
	return (aw_status)task->cancel_requests;
}

ENTRY(aw_task_uncancel, (aw_task *task), (task)) {
	aw_status status = task_check(task);
	if (status < 0) return status;
	task_count_requests(task->future.loop);
	if (task->cancel_requests > 0 && --task->cancel_requests == 0) {
		task->must_cancel = false;
		drop_error(&task->reason);
	}
	return (aw_status)task->cancel_requests;
}

const char *aw_task_name(const aw_task *task) {
	if (!task_is(task)) return NULL;
	if (!task->name) {
		/* Most names are never read, so the default is formatted lazily. */
		aw_task *self = (aw_task *)(uintptr_t)task;
		if (asprintf(&self->name, "Task-%" PRIu64, task->number) < 0) self->name = NULL;
	}
	return task->name ? task->name : "Task";
}

ENTRY(aw_task_set_name, (aw_task *task, const char *name), (task, name)) {
	aw_status status = task_check(task);
	if (status < 0) return status;
	char *copy = name ? strdup(name) : NULL;
	if (!copy) return name ? -ENOMEM : -EINVAL;
	rename_task(task, copy);
	return 0;
}

ENTRY(aw_task_context_get, (const aw_task *task, const void *key, void **out), (task, key, out)) {
	aw_status status = task_check(task);
	if (status < 0) return status;
	/* The thread has the context of the task that runs. */
	bool runs = task == task->future.loop->current;
	return context_get(runs ? thread_here()->context : task->context, key, out);
}

aw_coro *aw_task_coro(const aw_task *task) {
	return task_is(task) && !task->stackful ? task->outermost : NULL;
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

/* Suspends with the answer set, and returns what was sent. */
static aw_status suspend(void **out) {
	aw_resume *resume = stackful_suspend();
	failure_note(&resume->task->failure, resume->error ? aw_error_ref(resume->error) : NULL);
	if (resume->status >= 0 && out) *out = resume->value;
	return resume->status;
}

aw_status task_yield(aw_resume *resume) {
	resume->answer = RESUME_YIELD;
	return suspend(NULL);
}

aw_status aw_await(aw_future *future, void **out) {
	aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	if (!future_is(future)) return failed(AW_EBADHANDLE);
	if (future_is_done(future) && future->state == FUTURE_DONE && future->loop == resume->task->future.loop) {
		drop_error(&resume->task->failure);
		return future_outcome(future, out, NULL); /* no suspension, no switch */
	}
	resume->answer = RESUME_AWAIT;
	resume->awaited = object_ref(future);
	return suspend(out);
}

aw_status aw_await_coro(aw_coro *coro, void **out) {
	aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	if (!object_is(coro, &coro_class)) return failed(AW_EBADHANDLE);
	resume->answer = RESUME_DELEGATE;
	resume->delegated = object_ref(coro);
	return suspend(out);
}

aw_status await_made(aw_status status, aw_coro *made, void **out) {
	if (status < 0) return failed(status);
	status = aw_await_coro(made, out);
	object_unref(made);
	return status;
}

aw_status aw_return(void *value, aw_destroy_fn destroy) {
	aw_resume *resume = stackful_here();
	if (!resume) {
		object_destroy_user(destroy, value); /* with `return aw_return(…)` nothing else can */
		return AW_ENOTASK;
	}
	aw_task *self = resume->task;
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
	aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	if (!code) return failed(-EINVAL);
	aw_status status = error_code(code);
	failure_note(&resume->task->failure,
	             error_with_message(&resume->task->future.loop->domain, status, message));
	return status;
}

aw_status aw_vraisef(aw_status code, const char *format, va_list arguments) {
	aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	if (!code) return failed(-EINVAL);
	aw_status status = error_code(code);
	failure_note(&resume->task->failure,
	             error_with_format(&resume->task->future.loop->domain, status, format, arguments));
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
	aw_resume *resume = stackful_here();
	if (!resume) return AW_ENOTASK;
	return object_is(error, &error_class) ? failed_with(error) : failed(AW_EBADHANDLE);
}

aw_error *aw_caught(void) {
	aw_resume *resume = stackful_here();
	return resume ? resume->task->failure : NULL;
}

void aw_caught_clear(void) {
	failure_forget();
}

ENTRY(aw_loop_set_stack_size, (aw_loop *loop, size_t size), (loop, size)) {
	aw_status status = loop_check(loop);
	return status < 0 ? status : stack_pool_resize(&loop->stacks, size);
}
