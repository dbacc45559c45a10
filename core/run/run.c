/* SPDX-License-Identifier: MIT */
/*
 * run: creates a loop, runs the main task and shuts down. The remaining tasks are cancelled in one pass and
 * awaited before the loop is closed.
 */
#include "context.h"
#include "failure.h"
#include "report.h"
#include "run_in_executor.h"
#include "signals.h"
#include "tally.h"
#include "task.h"

#include <await/gather.h>
#include <await/registry.h>
#include <await/run.h>
#include <await/signals.h>
#include <await/taskgroup.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRINTED_DEPTH = 8, JOIN_SECONDS = 300 };

/* Collects references to all tasks of the loop. NULL and a count of 0 if there are none. */
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

/* Reports a remaining task that failed during shutdown. */
static void report_leftover(aw_loop *loop, aw_task *task) {
	aw_error *error = NULL;
	if (task->future.state != FUTURE_FAILED) return;
	future_outcome(&task->future, NULL, &error);
	report_call(loop, "unhandled exception during asyncio.run() shutdown", error, &task->future, NULL);
}

ENTRY(aw_loop_cancel_all, (aw_loop *loop), (loop)) {
	aw_task **tasks = NULL;
	size_t count = 0;
	aw_future *all;
	aw_status status = loop_check(loop);
	if (status == 0) status = collect(loop, &tasks, &count);
	if (status < 0 || !count) return status;
	object_ref(loop); /* a task may drop the last reference */
	for (size_t i = 0; i < count; i++) task_cancel(tasks[i], error_of(AW_ECANCELLED));
	/* A task starts with its future, so the array of tasks is one of futures. */
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
	object_unref(loop);
	return status;
}

/* --- runner --- */

struct aw_runner {
	object base;
	char *backend;
	aw_loop *loop;    /* a reference; created on first use */
	binding *context; /* shared by successive main tasks; a reference */
	aw_task *main;    /* borrowed, during a run */
	aw_error *error;  /* of the last run; a reference */
	uint32_t flags;
	unsigned interrupts; /* SIGINTs during this run */
	bool closed;
	bool quiet;            /* don't print why the loop can't be created: the caller gets the error */
	bool is_single_thread; /* the thread that creates the loop drives it, and no other one */
	uint64_t mark;         /* tally mark of the loop's creation, in debug mode */
};

static void runner_release(object *base) {
	aw_runner *self = (aw_runner *)base;
	aw_runner_close(self);
	if (object_was_kept(base)) return; /* user code run by the close kept it */
	aw_error_unref(self->error);
	free(self->backend);
	object_free(base);
}

static const object_class runner_class = {
	.name = "runner", .size = sizeof(aw_runner), .release = runner_release};

ENTRY(aw_runner_new, (const char *backend, uint32_t flags, aw_runner **out), (backend, flags, out)) {
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

REFERENCES(aw_runner, object_is(self, &runner_class))

/* Takes ownership of the reference; NULL clears it. */
static void keep_error(aw_runner *self, aw_error *error) {
	aw_error *old = self->error;
	self->error = error;
	aw_error_unref(old);
}

/* Only here is the reason known: keep it as the error. */
static aw_status no_loop(aw_runner *self, aw_status status) {
	char reason[1024];
	bool known = aw_backend_explain(self->backend, reason, sizeof reason) == status;
	keep_error(self, error_with_message(&domain_none, status, known ? reason : NULL));
	return status;
}

ENTRY(aw_runner_loop, (aw_runner *runner, aw_loop **out), (runner, out)) {
	if (!object_is(runner, &runner_class)) return AW_EBADHANDLE;
	if (!out) return -EINVAL;
	if (runner->closed) return AW_ELOOPCLOSED;
	if (!runner->loop) {
		uint32_t flags = runner->flags & AW_RUNNER_DEBUG ? AW_LOOP_DEBUG : AW_LOOP_DEFAULT;
		if (runner->is_single_thread) flags |= AW_LOOP_SINGLE_THREAD;
		aw_status status = aw_loop_new_with(runner->backend, flags, 0, &runner->loop);
		if (status < 0) return no_loop(runner, status);
		object_keep(runner->loop);
		runner->mark = runner->loop->debug ? tally_mark() : 0;
		runner->loop->prints = true;
		runner->context = context_capture();
	}
	*out = runner->loop;
	return 0;
}

aw_error *aw_runner_error(const aw_runner *runner) {
	return object_is(runner, &runner_class) ? runner->error : NULL;
}

/* Ends a run with a status that is not the error of a task. */
static aw_status run_failed(aw_runner *self, aw_status status) {
	if (status < 0) keep_error(self, error_with_message(&domain_none, status, NULL));
	return status;
}

/* Swaps the runner's context with the thread's, before and after creating the main task. */
static void runner_swap_context(aw_runner *self) {
	self->context = context_swap(self->context);
}

/* Keeps the bindings of the task for the next one. */
static void runner_keep_context(aw_runner *self, const aw_task *task) {
	binding *old = self->context;
	self->context = task->context ? object_ref(task->context) : NULL;
	context_drop(old);
}

/* The first SIGINT cancels the main task, so that it can clean up; the next one exits the loop at once. */
static aw_status runner_interrupted(aw_loop *loop, void *ud) {
	aw_runner *self = ud;
	(void)loop;
	if (self->interrupts++ || !self->main) return AW_ESYSTEMEXIT;
	task_cancel(self->main, error_of(AW_ECANCELLED));
	return 0;
}

/* Maps the outcome of the run as asyncio's Runner.run() does. */
static aw_status runner_outcome(aw_runner *self, aw_task *task, aw_status status, void **out) {
	if (status == AW_ESYSTEMEXIT && self->interrupts > 1) return run_failed(self, -EINTR);
	if (self->interrupts && status == AW_ECANCELLED && aw_task_uncancel(task) == 0)
		return run_failed(self, -EINTR);
	if (status == 0) return out ? aw_future_take_result(&task->future, out, NULL) : 0;
	aw_error *error = NULL;
	if (future_is_done(&task->future) && future_outcome(&task->future, NULL, &error) == status) {
		keep_error(self, aw_error_ref(error));
		return status;
	}
	return run_failed(self, status);
}

/* Drops the task and a reference to the runner, taken because the program may drop its own during the run. */
static aw_status runner_drive(aw_runner *self, aw_task *task, void **out) {
	/* As in asyncio, a SIGINT that the program ignores or handles is its own. */
	bool sigint = self->flags & AW_RUNNER_SIGINT && signal_is_default(self->loop, SIGINT);
	aw_status status =
		sigint ? aw_loop_add_signal_handler(self->loop, SIGINT, runner_interrupted, self, NULL) : 0;
	if (status < 0) {
		status = run_failed(self, status);
	} else {
		self->interrupts = 0;
		self->main = task;
		status = aw_loop_run_until_complete(self->loop, &task->future, NULL);
		self->main = NULL;
		runner_keep_context(self, task);
		if (sigint) aw_loop_remove_signal_handler(self->loop, SIGINT);
		status = runner_outcome(self, task, status, out);
	}
	object_unref(task);
	object_unref(self);
	return status;
}

/* Checks that the runner can run now. Creates the loop if needed. */
static aw_status runner_begin(aw_runner *runner, aw_loop **loop) {
	if (!object_is(runner, &runner_class)) return AW_EBADHANDLE;
	keep_error(runner, NULL);
	if (thread_here()->loop) return run_failed(runner, AW_ELOOPRUNNING);
	bool first = !runner->loop && !runner->closed;
	aw_status status = aw_runner_loop(runner, loop);
	if (status == 0) return 0;
	if (!first) return run_failed(runner, status);
	/* Without a loop no exception handler can be called: print the error. */
	if (!runner->quiet)
		fprintf(stderr, "libawait: no loop to run: %s: %s\n", aw_err_name(status),
		        aw_error_message(runner->error));
	return status;
}

static aw_status runner_run(aw_runner *runner, aw_task_fn fn, void *ud, aw_destroy_fn destroy,
                            const void *origin, void **out) {
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
	if (status < 0) return run_failed(runner, status);
	return runner_drive(object_ref(runner), task, out);
}

ENTRY(aw_runner_run, (aw_runner *runner, aw_task_fn fn, void *ud, aw_destroy_fn destroy, void **out),
      (runner, fn, ud, destroy, out)) {
	return runner_run(runner, fn, ud, destroy, CALLER, out);
}

ENTRY(aw_runner_run_coro, (aw_runner *runner, aw_coro *coro, void **out), (runner, coro, out)) {
	aw_loop *loop;
	aw_task *task;
	aw_status status = runner_begin(runner, &loop);
	if (status < 0) return status;
	runner_swap_context(runner);
	status = task_spawn_coro(loop, coro, false, CALLER, &task);
	runner_swap_context(runner);
	if (status < 0) return run_failed(runner, status);
	return runner_drive(object_ref(runner), task, out);
}

/* Joins the threads of the default executor. */
static aw_status join_threads(aw_loop *loop) {
	aw_future *ended;
	aw_status status = executor_finish(loop, JOIN_SECONDS * AW_SECOND, &ended);
	if (ended) {
		status = aw_loop_run_until_complete(loop, ended, NULL);
		object_unref(ended);
	}
	if (status != AW_EPENDING) return status;
	report_call(loop, "The executor did not finish joining its threads within 300 seconds.", NULL, NULL,
	            NULL);
	return 0;
}

ENTRY(aw_runner_close, (aw_runner *runner), (runner)) {
	if (!object_is(runner, &runner_class)) return AW_EBADHANDLE;
	aw_loop *loop = runner->loop;
	if (loop && aw_loop_is_running(loop)) return AW_ELOOPRUNNING;
	runner->closed = true;
	runner->loop = NULL;
	if (!loop) return 0;
	object_ref(runner); /* a cancelled task may drop the last reference */
	aw_status status = aw_loop_cancel_all(loop);
	aw_status joined = join_threads(loop);
	if (status == 0) status = joined;
	context_drop(runner->context);
	runner->context = NULL;
	aw_loop_close(loop);
	tally_print_held(&loop->domain, runner->mark);
	object_unref(loop);
	object_unref(runner);
	return status;
}

/* Stores a new reference to the error of the run, if wanted. */
static void give_error(const aw_runner *runner, aw_status status, const void *origin, aw_error **out) {
	if (!out) return;
	*out = NULL;
	if (status >= 0) return;
	bool known = runner && runner->error && runner->error->status == status;
	aw_error *error = known ? aw_error_ref(runner->error) : error_with_message(&domain_none, status, NULL);
	*out = error->immortal ? error : object_hand_out(error, origin);
}

static aw_status run_once(const char *backend, aw_task_fn fn, void *ud, aw_destroy_fn destroy,
                          const void *origin, void **out, aw_error **out_error) {
	aw_runner *runner;
	aw_status status = aw_runner_new(backend, AW_RUNNER_DEFAULT, &runner);
	if (status < 0) {
		object_destroy_user(destroy, ud);
		give_error(NULL, status, origin, out_error);
		return status;
	}
	runner->quiet = out_error != NULL;
	runner->is_single_thread = true; /* this one, from beginning to end */
	status = runner_run(runner, fn, ud, destroy, origin, out);
	aw_status rest = aw_runner_close(runner);
	if (status >= 0 && rest < 0) status = rest;
	give_error(runner, status, origin, out_error);
	object_unref(runner);
	return status;
}

ENTRY(aw_run_error, (const char *backend, aw_task_fn fn, void *ud, aw_destroy_fn destroy, void **out,
                     aw_error **out_error),
      (backend, fn, ud, destroy, out, out_error)) {
	return run_once(backend, fn, ud, destroy, CALLER, out, out_error);
}

aw_status aw_run(const char *backend, aw_task_fn fn, void *ud, aw_destroy_fn destroy, void **out) {
	return run_once(backend, fn, ud, destroy, CALLER, out, NULL);
}

/* --- main --- */

/* Prints an error on one line, then the members of an error group, indented by two. */
static void print_failure(const aw_error *error, int depth) {
	fprintf(stderr, "%s: %*s%s (%s)\n", program_invocation_short_name, depth * 2, "", aw_error_message(error),
	        aw_err_name(error->status));
	for (size_t i = 0; i < error->count && depth < PRINTED_DEPTH; i++)
		print_failure(error->errors[i], depth + 1);
}

int aw_main(const char *backend, aw_task_fn fn, void *ud, aw_destroy_fn destroy) {
	aw_error *error = NULL;
	aw_status status = run_once(backend, fn, ud, destroy, CALLER, NULL, &error);
	if (status >= 0) return EXIT_SUCCESS;
	/* As sys.exit(): without a message it is a success. */
	bool failed_run = status != AW_ESYSTEMEXIT || error->message;
	if (failed_run) print_failure(error, 0);
	aw_error_unref(error);
	return failed_run ? EXIT_FAILURE : EXIT_SUCCESS;
}
