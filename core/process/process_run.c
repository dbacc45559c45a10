/* SPDX-License-Identifier: MIT */
/*
 * Runs a child to completion: a watch over its communicate future, with the process handle as the value. On
 * cancellation it kills the child and still waits for that future, which finishes when the pipes are closed
 * and the child is reaped.
 */
#include "process_handle.h"
#include "watch.h"

#include "failure.h"
#include "task.h"

#include <errno.h>

typedef struct run {
	watch watch;
	aw_process *process; /* a reference, counted as the caller's, until it becomes the value */
	aw_error *reason;    /* of the cancellation; a reference, or NULL */
} run;

static void value_process(void *process) {
	aw_process_unref(process);
}

static void run_release(aw_future *future) {
	run *self = (run *)(void *)future;
	watch_release(future);
	aw_process_unref(self->process);
	aw_error_unref(self->reason);
}

static bool run_cancel(aw_future *future, aw_error *reason) {
	run *self = (run *)(void *)future;
	child *its_child = process_child(self->process);
	if (self->reason) return true;
	self->reason = aw_error_ref(reason);
	child_shut(its_child);
	if (!(its_child->flags & AW_PROCESS_DETACH)) return true;
	watch_stop(&self->watch);
	future_set_cancelled(future, reason);
	return true;
}

static const future_kind run_kind = {
	.cancel = run_cancel, .release = run_release, .what = "process run", .child = watch_child};

static void run_ended(watch *base, aw_future *ended) {
	run *self = (run *)(void *)base;
	aw_process *process = self->process;
	aw_error *error = NULL;
	aw_status status = future_outcome(ended, NULL, &error);
	if (self->reason) {
		future_set_cancelled(&base->future, self->reason);
	} else if (status < 0) {
		child_shut(process_child(process));
		future_fail(&base->future, error);
	} else {
		self->process = NULL;
		future_finish(&base->future, process, value_process);
	}
}

/* Captures both output streams unless the options say otherwise, and pipes stdin if there is input. */
static void capture(aw_process_options *options, size_t length) {
	for (int i = length ? 0 : 1; i < STDIO_STREAMS; i++)
		if (options->stdio[i].how == AW_STDIO_INHERIT) options->stdio[i].how = AW_STDIO_PIPE;
}

/* Notes a failure. */
static aw_status run_start(aw_loop *loop, const char *const *argv, size_t count,
                           const aw_process_options *options, const void *input, size_t length,
                           const void *origin, aw_future **out) {
	aw_status status = process_check_start(&loop, argv, count, options, out);
	if (status == 0 && length && !input) status = -EINVAL;
	if (status < 0) return failed(status);
	aw_process_options captured = process_options_copy(options);
	capture(&captured, length);
	if (length && captured.stdio[0].how != AW_STDIO_PIPE) return failed(-EINVAL);
	run *self = watch_create(loop, &run_kind, sizeof *self, 1, run_ended);
	if (!self) return failed(-ENOMEM);
	self->watch.future.origin = origin;
	aw_future *ended = NULL;
	status = process_start(loop, argv, count, &captured, origin, &self->process);
	if (status == 0) {
		child *its_child = process_child(self->process);
		if (length) status = child_give_input(its_child, input, length);
		if (status == 0) status = child_await(its_child, AWAITS_ALL, NULL, &ended);
		if (status < 0) failed(status);
	}
	if (status < 0) {
		object_unref(self);
		return status;
	}
	watch_add(&self->watch, ended);
	object_unref(object_keep(ended));
	*out = &self->watch.future;
	return 0;
}

aw_status aw_subprocess_run_future(aw_loop *loop, const char *const *argv, size_t count,
                                   const aw_process_options *options, const void *input, size_t length,
                                   aw_future **out) {
	aw_status status = run_start(loop, argv, count, options, input, length, CALLER, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}

#define SHELL(command) ((const char *const[]){"/bin/sh", "-c", (command)}), 3

aw_status aw_subprocess_run_shell_future(aw_loop *loop, const char *command,
                                         const aw_process_options *options, const void *input, size_t length,
                                         aw_future **out) {
	aw_status status = run_start(loop, SHELL(command), options, input, length, CALLER, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}

/* Runs a child to completion in the calling stackful task. */
static aw_status run_here(const char *const *argv, size_t count, const aw_process_options *options,
                          const void *input, size_t length, const void *origin, aw_process **out) {
	aw_future *future;
	void *process = NULL;
	if (!stackful_here()) return AW_ENOTASK;
	if (!out) return failed(-EINVAL);
	aw_status status = run_start(NULL, argv, count, options, input, length, origin, &future);
	if (status < 0) return status;
	status = aw_await(future, NULL);
	if (status == 0) status = aw_future_take_result(future, &process, NULL);
	if (status == 0) *out = process;
	object_unref(future);
	return status;
}

aw_status aw_subprocess_run(const char *const *argv, size_t count, const aw_process_options *options,
                            const void *input, size_t length, aw_process **out) {
	return run_here(argv, count, options, input, length, CALLER, out);
}

aw_status aw_subprocess_run_shell(const char *command, const aw_process_options *options, const void *input,
                                  size_t length, aw_process **out) {
	return run_here(SHELL(command), options, input, length, CALLER, out);
}
