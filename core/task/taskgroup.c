/* SPDX-License-Identifier: MIT */
/*
 * Task groups, by the rules of CPython 3.13: the first failure cancels the other members and the parent's
 * body; the exit waits for all members; failures take precedence over a cancellation from outside, which is
 * then requested again so that it is not lost.
 */
#include "failure.h"
#include "list.h"
#include "report.h"
#include "task.h"

#include <await/stackless.h>
#include <await/taskgroup.h>
#include <errno.h>
#include <stdlib.h>

typedef struct member {
	future_waiter waiter;
	closer closer;
	struct member *next, *previous;
	aw_taskgroup *group; /* a reference */
	aw_task *task;       /* a reference */
} member;

struct aw_taskgroup {
	object base;
	aw_loop *loop;
	aw_task *parent; /* a reference, after enter */
	LIST(member) members;
	size_t member_count;
	aw_error **errors; /* references, in order of failure */
	size_t error_count, error_capacity;
	aw_error *exit_error; /* AW_ESYSTEMEXIT of a member or the body; a reference */
	aw_future *emptied;   /* a reference, while the exit waits */
	bool entered, ending, aborting, parent_cancelled;
	bool cancelled;    /* by aw_taskgroup_cancel(); others may still cancel the parent */
	task_scope inside; /* in the list of the parent */
};

static void taskgroup_release(object *base) {
	aw_taskgroup *self = (aw_taskgroup *)base;
	scope_forgotten(&self->inside);
	if (self->parent) object_unref(self->parent);
	for (size_t i = 0; i < self->error_count; i++) aw_error_unref(self->errors[i]);
	free(self->errors);
	aw_error_unref(self->exit_error);
	object_free(base);
}

static const object_class taskgroup_class = {
	.name = "task group", .size = sizeof(aw_taskgroup), .release = taskgroup_release};

static aw_status taskgroup_check(const aw_taskgroup *group) {
	return object_is(group, &taskgroup_class) ? loop_check(group->loop) : AW_EBADHANDLE;
}

static void taskgroup_abort(aw_taskgroup *self) {
	self->aborting = true;
	for (member *at = self->members.first; at; at = at->next) task_cancel(at->task, error_of(AW_ECANCELLED));
}

/* Reserved when a member joins, so that recording a failure needs no memory. */
static aw_status errors_reserve(aw_taskgroup *self, size_t more) {
	if (self->error_count + more <= self->error_capacity) return 0;
	size_t capacity = (self->error_count + more) * 2;
	aw_error **errors = realloc(self->errors, capacity * sizeof *errors);
	if (!errors) return -ENOMEM;
	self->errors = errors;
	self->error_capacity = capacity;
	return 0;
}

static void member_failed(aw_taskgroup *self, aw_error *error, aw_future *future) {
	self->errors[self->error_count++] = aw_error_ref(error);
	if (error->status == AW_ESYSTEMEXIT && !self->exit_error) self->exit_error = aw_error_ref(error);
	if (future_is_done(&self->parent->future)) {
		report_call(self->loop, "task of a task group failed after its parent ended", error, future, NULL);
		return;
	}
	if (self->aborting || self->parent_cancelled) return;
	taskgroup_abort(self);
	self->parent_cancelled = true;
	task_cancel(self->parent, error_of(AW_ECANCELLED));
}

static void member_remove(member *self) {
	aw_taskgroup *group = self->group;
	group->member_count--;
	list_remove(&group->members, self);
}

static aw_status member_run(ready_item *item) {
	member *self = container_of(item, member, waiter.item);
	aw_taskgroup *group = self->group;
	aw_future *future = &self->task->future;
	member_remove(self);
	loop_remove_closer(group->loop, &self->closer);
	if (!loop_closing(group->loop)) {
		if (!group->members.first && group->emptied) future_finish(group->emptied, NULL, NULL);
		aw_error *error = NULL;
		if (future->state == FUTURE_FAILED) future_outcome(future, NULL, &error);
		if (error) member_failed(group, error, future);
	}
	future_waiter_end(&self->waiter);
	object_unref(self->task);
	free(self);
	object_unref(group);
	return 0;
}

/* The loop is closing: a task that was dropped while pending never completes. */
static void member_close(closer *base) {
	member *self = container_of(base, member, closer);
	if (future_unwait(&self->task->future, &self->waiter)) member_run(&self->waiter.item);
}

/* Checks that a task may join, and allocates its member. */
static aw_status member_prepare(aw_taskgroup *self, member **out) {
	aw_status status = taskgroup_check(self);
	if (status < 0) return status;
	bool finished = self->ending && !self->members.first;
	if (!self->entered || finished || self->aborting) return AW_EINVALIDSTATE;
	if (errors_reserve(self, self->member_count + 2) < 0) return -ENOMEM;
	*out = calloc(1, sizeof **out);
	return *out ? 0 : -ENOMEM;
}

static void member_join(aw_taskgroup *self, member *joining, aw_task *task, aw_task **out,
                        const void *origin) {
	joining->waiter.item.run = member_run;
	joining->closer.close = member_close;
	joining->group = object_ref(self);
	joining->task = task;
	list_append(&self->members, joining);
	self->member_count++;
	loop_add_closer(self->loop, &joining->closer);
	future_wait(&task->future, &joining->waiter);
	if (out) *out = object_hand_out(object_ref(task), origin);
}

ENTRY(aw_taskgroup_new, (aw_loop *loop, aw_taskgroup **out), (loop, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	aw_taskgroup *self = object_new(&loop->domain, &taskgroup_class);
	if (!self) return -ENOMEM;
	self->loop = loop;
	*out = object_hand_out(self, CALLER);
	return 0;
}

REFERENCES(aw_taskgroup, object_is(self, &taskgroup_class))

/* The parent ended without exiting the group: cancel the members. */
static void taskgroup_abandon(task_scope *base) {
	aw_taskgroup *self = container_of(base, aw_taskgroup, inside);
	self->ending = true;
	if (loop_closing(self->loop)) return;
	object_ref(self);
	taskgroup_abort(self);
	object_unref(self);
}

static aw_task *taskgroup_next_member(const task_scope *base, void **at) {
	const member *previous = *at;
	member *next = previous ? previous->next : container_of(base, const aw_taskgroup, inside)->members.first;
	*at = next;
	return next ? next->task : NULL;
}

static const task_scope_kind taskgroup_scope = {.never_ended = "task group was begun and never ended",
                                                .abandon = taskgroup_abandon,
                                                .next_member = taskgroup_next_member};

ENTRY(aw_taskgroup_enter, (aw_taskgroup *group), (group)) {
	aw_status status = taskgroup_check(group);
	if (status < 0) return status;
	if (!group->loop->current) return AW_ENOTASK;
	if (group->entered) return AW_EINVALIDSTATE;
	if (errors_reserve(group, 1) < 0) return -ENOMEM;
	group->parent = object_ref(group->loop->current);
	group->entered = true;
	scope_enter(&group->inside, &taskgroup_scope, group->parent, CALLER);
	return 0;
}

ENTRY(aw_taskgroup_spawn, (aw_taskgroup *group, aw_task_fn fn, void *ud, aw_destroy_fn destroy,
                           aw_task **out),
      (group, fn, ud, destroy, out)) {
	member *joining;
	aw_task *task;
	aw_status status = member_prepare(group, &joining);
	if (status < 0) {
		object_destroy_user(destroy, ud);
		return status;
	}
	status = task_spawn(group->loop, fn, ud, destroy, false, CALLER, &task);
	if (status < 0)
		free(joining);
	else
		member_join(group, joining, task, out, CALLER);
	return status;
}

ENTRY(aw_taskgroup_spawn_coro, (aw_taskgroup *group, aw_coro *coro, aw_task **out), (group, coro, out)) {
	if (!object_is(coro, &coro_class)) return AW_EBADHANDLE;
	member *joining;
	aw_task *task;
	aw_status status = member_prepare(group, &joining);
	if (status < 0) return status;
	status = task_spawn_coro(group->loop, coro, false, CALLER, &task);
	if (status < 0)
		free(joining);
	else
		member_join(group, joining, task, out, CALLER);
	return status;
}

ENTRY(aw_taskgroup_add, (aw_taskgroup *group, aw_task *task), (group, task)) {
	if (!task_is(task)) return AW_EBADHANDLE;
	member *joining;
	aw_status status = member_prepare(group, &joining);
	if (status < 0) return status;
	if (task->future.loop != group->loop || task == group->parent) {
		free(joining);
		return task == group->parent ? -EINVAL : AW_EFOREIGNLOOP;
	}
	member_join(group, joining, object_ref(task), NULL, NULL);
	return 0;
}

ENTRY(aw_taskgroup_cancel, (aw_taskgroup *group), (group)) {
	aw_status status = taskgroup_check(group);
	if (status < 0) return status;
	if (!group->entered) return AW_EINVALIDSTATE;
	bool finished = group->ending && !group->members.first;
	if (finished || future_is_done(&group->parent->future)) return 0;
	object_ref(group);
	group->cancelled = true;
	if (!group->aborting) taskgroup_abort(group);
	if (!group->parent_cancelled) {
		group->parent_cancelled = true;
		task_cancel(group->parent, error_of(AW_ECANCELLED));
	}
	object_unref(group);
	return 0;
}

/* --- exit --- */

typedef struct leave {
	aw_frame frame;
	aw_taskgroup *group;    /* a reference */
	aw_error *body;         /* the error of the body; a reference, or NULL */
	aw_error *cancellation; /* raised if nothing else is; a reference */
} leave;

static void keep(aw_error **slot, aw_error *error) {
	aw_error *old = *slot;
	*slot = aw_error_ref(error);
	aw_error_unref(old);
}

/* All members have completed: answer with the outcome of the group. */
static aw_status leave_answer(leave *self, aw_resume *resume) {
	aw_taskgroup *group = self->group;
	if (group->exit_error) return aw_resume_raise(resume, group->exit_error);
	if (group->parent_cancelled && aw_task_uncancel(group->parent) == 0) keep(&self->cancellation, NULL);
	if (self->cancellation && !group->error_count) return aw_resume_raise(resume, self->cancellation);
	if (self->body && self->body->status != AW_ECANCELLED)
		group->errors[group->error_count++] = aw_error_ref(self->body);
	if (!group->error_count) return 0;
	if (aw_task_cancelling(group->parent) > 0) {
		/*
		 * Cancelled from outside too: request it again, so that the next await raises it and the count is
		 * right.
		 */
		aw_task_uncancel(group->parent);
		task_cancel(group->parent, error_of(AW_ECANCELLED));
	}
	aw_error *all;
	aw_status status = aw_error_new_group(group->loop, "unhandled errors in a TaskGroup", group->errors,
	                                      group->error_count, &all);
	if (status < 0) return status;
	object_keep(all);
	status = aw_resume_raise(resume, all);
	aw_error_unref(all);
	return status;
}

static void emptied_drop(aw_taskgroup *self) {
	if (self->emptied) object_unref(self->emptied);
	self->emptied = NULL;
}

static const future_kind emptied_kind = {.what = "task group"}; /* its tasks are printed below their parent */

static aw_status leave_step(aw_resume *resume, void *ud) {
	leave *self = ud;
	aw_taskgroup *group = self->group;
	AW_BEGIN(&self->frame);
	group->ending = true;
	if (self->body) {
		if (self->body->status == AW_ESYSTEMEXIT && !group->exit_error)
			group->exit_error = aw_error_ref(self->body);
		if (self->body->status == AW_ECANCELLED) keep(&self->cancellation, self->body);
		if (!group->aborting) taskgroup_abort(group);
	}
	while (group->members.first) {
		if (!group->emptied)
			group->emptied = future_create(group->loop, &future_class, &emptied_kind, sizeof(aw_future));
		if (!group->emptied) return -ENOMEM;
		AW_AWAIT(&self->frame, resume, group->emptied);
		if (aw_resume_status(resume) == AW_ECANCELLED) {
			if (!group->aborting || group->cancelled) keep(&self->cancellation, aw_resume_error(resume));
			if (!group->aborting) taskgroup_abort(group);
		}
		emptied_drop(group);
	}
	AW_END(&self->frame);
	return leave_answer(self, resume);
}

static void leave_destroy(void *ud) {
	leave *self = ud;
	emptied_drop(self->group);
	if (self->group->ending) scope_leave(&self->group->inside);
	aw_error_unref(self->body);
	aw_error_unref(self->cancellation);
	object_unref(self->group);
	free(self);
}

ENTRY(aw_taskgroup_exit_coro, (aw_taskgroup *group, aw_status body, aw_error *error, aw_coro **out),
      (group, body, error, out)) {
	aw_status status = taskgroup_check(group);
	if (status < 0) return status;
	if (error && !object_is(error, &error_class)) return AW_EBADHANDLE;
	if (!out) return -EINVAL;
	if (!group->entered || group->ending) return AW_EINVALIDSTATE;
	leave *self;
	status = coro_internal(group->loop, leave_step, sizeof *self, leave_destroy, &self, out);
	if (status < 0) return status;
	self->group = object_ref(group);
	if (body < 0)
		self->body = error && error->status == body ? aw_error_ref(error)
		                                            : error_with_message(&group->loop->domain, body, NULL);
	return 0;
}

aw_status aw_taskgroup_exit(aw_taskgroup *group, aw_status body, aw_error *error) {
	return AWAIT_CORO(NULL, aw_taskgroup_exit_coro, group, body, error ? error : failure_of(body));
}
