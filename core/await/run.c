/* SPDX-License-Identifier: MIT */
/* run: a loop, a task, and an orderly end. What is left over is cancelled in one pass and waited for before the loop closes. */
#include "../context.h"
#include "../report.h"
#include "../tally.h"
#include "../task.h"
#include "run_in_executor.h"

#include <await/gather.h>
#include <await/run.h>
#include <await/signals.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* All tasks of the loop, each a reference; NULL with a count of 0 for none. */
static aw_status collect(aw_loop *loop, aw_task ***out, size_t *out_count) {
	aw_status count = aw_loop_all_tasks(loop, NULL, 0);
	*out = NULL;
	*out_count = 0;
	if (count <= 0) return count;
	aw_task **tasks = calloc((size_t)count, sizeof(aw_task *));
	if (!tasks) return -ENOMEM;
	*out_count = (size_t)aw_loop_all_tasks(loop, tasks, (size_t)count);
	*out = tasks;
	return 0;
}

/* A leftover that failed in the meantime is told about. */
static void report_leftover(aw_loop *loop, aw_task *task) {
	aw_error *error = NULL;
	if (task->future.state != FUTURE_FAILED) return;
	future_outcome(&task->future, NULL, &error);
	report_call(loop, "unhandled exception during asyncio.run() shutdown", error, &task->future, NULL);
}

aw_status aw_loop_cancel_all(aw_loop *loop) {
	aw_task **tasks = NULL;
	size_t count = 0;
	aw_future *all;
	aw_status status = loop_check(loop);
	if (status == 0) status = collect(loop, &tasks, &count);
	if (status < 0 || !count) return status;
	for (size_t i = 0; i < count; i++) task_cancel(tasks[i], error_of(AW_ECANCELLED));
	/* A task is a future: the array serves as both. */
	status = aw_gather(loop, (aw_future *const *)(void *)tasks, count, AW_GATHER_RETURN_ERRORS, &all);
	if (status == 0) {
		status = aw_loop_run_until_complete(loop, all, NULL);
		object_unref(all);
	}
	for (size_t i = 0; i < count; i++) {
		if (status == 0) report_leftover(loop, tasks[i]);
		object_unref(tasks[i]);
	}
	free(tasks);
	return status;
}

/* --- runner --- */

struct aw_runner {
	object base;
	char *backend;
	aw_loop *loop;    /* a reference, once it was asked for */
	binding *context; /* in which the main tasks run, one after the other; a reference */
	aw_task *main;    /* borrowed, while a run lasts */
	uint32_t flags;
	unsigned interrupts; /* SIGINTs of this run */
	bool closed;
	uint64_t mark; /* when its loop was made, in debug mode */
};

static void runner_release(object *base) {
	aw_runner *self = (aw_runner *)base;
	aw_runner_close(self);
	free(self->backend);
	object_free(base);
}

static const object_class runner_class = {"runner", sizeof(aw_runner), runner_release};

aw_status aw_runner_new(const char *backend, uint32_t flags, aw_runner **out) {
	if (!out || flags & ~(uint32_t)(AW_RUNNER_SIGINT | AW_RUNNER_DEBUG)) return -EINVAL;
	aw_runner *self = object_new(&domain_none, &runner_class);
	if (!self) return -ENOMEM;
	self->flags = flags;
	if (backend && !(self->backend = strdup(backend))) {
		object_free(&self->base);
		return -ENOMEM;
	}
	*out = object_hand_out(self, CALLER);
	return 0;
}

aw_runner *aw_runner_ref(aw_runner *runner) {
	return object_is(runner, &runner_class) ? object_ref_held(runner) : runner;
}

void aw_runner_unref(aw_runner *runner) {
	if (object_is(runner, &runner_class)) object_unref_held(runner);
}

aw_status aw_runner_loop(aw_runner *runner, aw_loop **out) {
	if (!object_is(runner, &runner_class)) return AW_EBADHANDLE;
	if (!out) return -EINVAL;
	if (runner->closed) return AW_ELOOPCLOSED;
	if (!runner->loop) {
		uint32_t flags = runner->flags & AW_RUNNER_DEBUG ? AW_LOOP_DEBUG : AW_LOOP_DEFAULT;
		aw_status status = aw_loop_new_with(runner->backend, flags, 0, &runner->loop);
		if (status < 0) return status;
		object_keep(runner->loop);
		runner->mark = runner->loop->debug ? tally_mark() : 0;
		runner->context = context_capture();
	}
	*out = runner->loop;
	return 0;
}

/* Makes the runner's context the thread's, for the task about to be made; the second call puts things back. */
static void runner_swap_context(aw_runner *self) {
	self->context = context_swap(self->context);
}

/* What the task has bound is there for the next one. */
static void runner_keep_context(aw_runner *self, const aw_task *task) {
	binding *old = self->context;
	self->context = task->context ? object_ref(task->context) : NULL;
	context_drop(old);
}

/* The first cancels the main task, so that it can clean up; another one leaves the loop wherever it is. */
static aw_status runner_interrupted(aw_loop *loop, void *ud) {
	aw_runner *self = ud;
	(void)loop;
	if (self->interrupts++ || !self->main) return AW_EEXIT;
	task_cancel(self->main, error_of(AW_ECANCELLED));
	return 0;
}

/* What the run ended with, as asyncio's Runner.run() turns it. */
static aw_status runner_outcome(aw_runner *self, aw_task *task, aw_status status, void **out) {
	if (status == AW_EEXIT && self->interrupts > 1) return -EINTR;
	if (self->interrupts && status == AW_ECANCELLED && aw_task_uncancel(task) == 0) return -EINTR;
	if (status == 0 && out) return aw_future_take_result(&task->future, out, NULL);
	return status;
}

static aw_status runner_drive(aw_runner *self, aw_task *task, void **out) {
	bool sigint = self->flags & AW_RUNNER_SIGINT;
	aw_status status = sigint ? aw_loop_add_signal_handler(self->loop, SIGINT, runner_interrupted, self, NULL) : 0;
	if (status < 0) return status;
	self->interrupts = 0;
	self->main = task;
	status = aw_loop_run_until_complete(self->loop, &task->future, NULL);
	self->main = NULL;
	runner_keep_context(self, task);
	if (sigint) aw_loop_remove_signal_handler(self->loop, SIGINT);
	return runner_outcome(self, task, status, out);
}

/* May it run now? The loop, made if need be. */
static aw_status runner_begin(aw_runner *runner, aw_loop **loop) {
	if (object_is(runner, &runner_class) && thread_here()->loop) return AW_ELOOPRUNNING;
	return aw_runner_loop(runner, loop);
}

static aw_status runner_run(aw_runner *runner, aw_task_fn fn, void *ud, aw_destroy_fn destroy, const void *origin, void **out) {
	aw_loop *loop;
	aw_task *task;
	aw_status status = runner_begin(runner, &loop);
	if (status < 0) {
		object_destroy_user(destroy, ud);
		return status;
	}
	runner_swap_context(runner);
	status = task_spawn(loop, fn, ud, destroy, false, origin, &task);
	runner_swap_context(runner);
	if (status < 0) return status;
	status = runner_drive(runner, task, out);
	object_unref(task);
	return status;
}

aw_status aw_runner_run(aw_runner *runner, aw_task_fn fn, void *ud, aw_destroy_fn destroy, void **out) {
	return runner_run(runner, fn, ud, destroy, CALLER, out);
}

aw_status aw_runner_run_coro(aw_runner *runner, aw_coro *coro, void **out) {
	aw_loop *loop;
	aw_task *task;
	aw_status status = runner_begin(runner, &loop);
	if (status < 0) return status;
	runner_swap_context(runner);
	status = task_spawn_coro(loop, coro, false, CALLER, &task);
	runner_swap_context(runner);
	if (status < 0) return status;
	status = runner_drive(runner, task, out);
	object_unref(task);
	return status;
}

aw_status aw_runner_close(aw_runner *runner) {
	if (!object_is(runner, &runner_class)) return AW_EBADHANDLE;
	aw_loop *loop = runner->loop;
	if (loop && aw_loop_is_running(loop)) return AW_ELOOPRUNNING;
	runner->closed = true;
	runner->loop = NULL;
	if (!loop) return 0;
	aw_status status = aw_loop_cancel_all(loop);
	aw_status joined = executor_finish(loop);
	if (status == 0) status = joined;
	context_drop(runner->context);
	runner->context = NULL;
	aw_loop_close(loop);
	tally_print_held(&loop->domain, runner->mark);
	object_unref(loop);
	return status;
}

aw_status aw_run(const char *backend, aw_task_fn fn, void *ud, aw_destroy_fn destroy, void **out) {
	aw_runner *runner;
	aw_status status = aw_runner_new(backend, AW_RUNNER_DEFAULT, &runner);
	if (status < 0) {
		object_destroy_user(destroy, ud);
		return status;
	}
	status = runner_run(runner, fn, ud, destroy, CALLER, out);
	aw_status rest = aw_runner_close(runner);
	object_unref(runner);
	return status < 0 ? status : rest;
}
