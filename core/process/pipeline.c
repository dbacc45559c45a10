/* SPDX-License-Identifier: MIT */
/* Children whose outputs and inputs are connected by pipes. */
#include "failure.h"
#include "os.h"
#include "process_handle.h"
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct aw_pipeline {
	object base;
	aw_loop *loop;
	aw_process **members; /* references, counted as the program's */
	size_t count;         /* of those that were started */
};

static void pipeline_release(object *base) {
	aw_pipeline *self = (aw_pipeline *)(void *)base;
	for (size_t i = 0; i < self->count; i++) aw_process_unref(self->members[i]);
	free(self->members);
	object_free(base);
}

static const object_class pipeline_class = {
	.name = "pipeline", .size = sizeof(aw_pipeline), .release = pipeline_release};

static bool pipeline_is(const aw_pipeline *pipeline) {
	return object_is(pipeline, &pipeline_class);
}

static aw_status pipeline_check(const aw_pipeline *pipeline) {
	return pipeline_is(pipeline) ? loop_check(pipeline->loop) : AW_EBADHANDLE;
}

REFERENCES(aw_pipeline, pipeline_is(self))

/* --- start --- */

static size_t length_of(const char *const *argv) {
	size_t count = 0;
	while (argv && argv[count]) count++;
	return count;
}

static aw_status check(aw_loop **loop, const char *const *const *commands, size_t count,
                       const aw_process_options *options, const void *out) {
	aw_status status = loop_resolve(loop);
	if (status == 0 && (!commands || !count || count > SIZE_MAX / sizeof(aw_process *))) status = -EINVAL;
	for (size_t i = 0; status == 0 && i < count; i++)
		status = process_check_start(loop, commands[i], length_of(commands[i]), options, out);
	return status;
}

/* Starts the next one. Its input is `*input`, unless it is the first; on success that is the next one's. */
static aw_status start_next(aw_pipeline *self, const char *const *argv, bool is_last,
                            const aw_process_options *options, int *input, const void *origin) {
	aw_process_options own = process_options_copy(options);
	int next = -1, output = -1;
	if (self->count) {
		own.stdio[0].how = AW_STDIO_FD;
		own.stdio[0].fd = *input;
	}
	aw_status status = is_last ? 0 : os_pipe(&next, &output);
	if (status < 0) return failed(status);
	if (!is_last) {
		own.stdio[1].how = AW_STDIO_FD;
		own.stdio[1].fd = output;
	}
	status = process_start(self->loop, argv, length_of(argv), &own, origin, &self->members[self->count]);
	if (!is_last) os_close(&output);
	if (self->count) os_close(input);
	*input = next;
	if (status == 0) self->count++;
	return status;
}

static void signal_all(const aw_pipeline *self, int signal, bool *out_sent) {
	for (size_t i = 0; i < self->count; i++)
		if (child_signal(process_child(self->members[i]), signal) == 0) *out_sent = true;
}

aw_status aw_pipeline_start(aw_loop *loop, const char *const *const *commands, size_t count,
                            const aw_process_options *options, aw_pipeline **out) {
	aw_status status = check(&loop, commands, count, options, out);
	if (status < 0) return failed(status);
	aw_pipeline *self = object_new(&loop->domain, &pipeline_class);
	if (!self) return failed(-ENOMEM);
	self->loop = loop;
	self->members = calloc(count, sizeof(aw_process *));
	if (!self->members) status = failed(-ENOMEM);
	int input = -1;
	for (size_t i = 0; status == 0 && i < count; i++)
		status =
			start_next(self, commands[i], i + 1 == count, process_options_resolve(options), &input, CALLER);
	if (status < 0) {
		bool was_sent = false;
		if (input >= 0) os_close(&input);
		signal_all(self, SIGKILL, &was_sent); /* also those that would outlive their handles */
		object_unref(self);
		return status;
	}
	*out = object_hand_out(self, CALLER);
	return 0;
}

/* --- members --- */

size_t aw_pipeline_count(const aw_pipeline *pipeline) {
	return pipeline_is(pipeline) ? pipeline->count : 0;
}

aw_process *aw_pipeline_process(const aw_pipeline *pipeline, size_t index) {
	return pipeline_is(pipeline) && index < pipeline->count ? pipeline->members[index] : NULL;
}

ENTRY(aw_pipeline_send_signal, (aw_pipeline *pipeline, int signal), (pipeline, signal)) {
	aw_status status = pipeline_check(pipeline);
	if (status < 0) return status;
	if (signal < 0 || signal > SIGRTMAX) return -EINVAL;
	bool was_sent = false;
	signal_all(pipeline, signal, &was_sent);
	return was_sent ? 0 : -ESRCH;
}

ENTRY(aw_pipeline_kill, (aw_pipeline *pipeline), (pipeline)) {
	return aw_pipeline_send_signal(pipeline, SIGKILL);
}

/* --- wait --- */

/* The futures of the exits, in the order of the children; it does not need the handle. */
typedef struct exits {
	watch watch;
	size_t ended, total;
} exits;

static const future_kind exits_kind = {
	.release = watch_release, .what = "pipeline wait", .child = watch_child};

static void exit_seen(watch *base, aw_future *ended) {
	exits *self = (exits *)(void *)base;
	void *value = NULL;
	aw_error *error = NULL;
	self->ended++;
	if (future_is_done(&base->future)) return;
	if (future_outcome(ended, NULL, &error) < 0) {
		future_fail(&base->future, error);
		return;
	}
	if (self->ended < self->total) return;
	/* As with the shell's pipefail: the last one that has failed. */
	for (size_t i = base->count; i-- && !value;) (void)future_outcome(base->nodes[i].child, &value, &error);
	future_finish(&base->future, value, value_integer);
}

ENTRY(aw_pipeline_wait, (aw_pipeline *pipeline, aw_future **out), (pipeline, out)) {
	aw_status status = pipeline_check(pipeline);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	exits *self = watch_create(pipeline->loop, &exits_kind, sizeof *self, pipeline->count, exit_seen);
	if (!self) return -ENOMEM;
	self->total = pipeline->count;
	self->watch.future.origin = CALLER;
	for (size_t i = 0; i < pipeline->count; i++) {
		aw_future *ended = NULL;
		status = child_await(process_child(pipeline->members[i]), AWAITS_EXIT, NULL, &ended);
		if (status < 0) {
			watch_stop(&self->watch);
			object_unref(self);
			return status;
		}
		watch_add(&self->watch, ended);
		object_unref(object_keep(ended));
	}
	*out = object_hand_out(&self->watch.future, CALLER);
	return 0;
}
