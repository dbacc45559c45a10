/* SPDX-License-Identifier: MIT */
/* A child's pipes as streams, and its events as callbacks. */
#include "child.h"
#include "failure.h"
#include "os.h"
#include "process_handle.h"
#include "report.h"
#include "stream.h"

#include <errno.h>
#include <stdlib.h>

static aw_status make_stream(aw_process *process, int stream, const aw_stream_options *options,
                             const void *origin, aw_stream **out) {
	int fd = -1;
	child *self = process_child(process);
	aw_status status = child_take_pipe(self, stream, &fd);
	if (status < 0) return status;
	status = stream_from_fd(self->loop, fd, options, origin, out);
	if (status < 0) child_put_pipe_back(self, stream, fd);
	return status;
}

ENTRY(aw_process_stream, (aw_process *process, int stream, const aw_stream_options *options, aw_stream **out),
      (process, stream, options, out)) {
	aw_status status = process_check(process);
	if (status < 0) return status;
	if (stream < 0 || stream >= STDIO_STREAMS || !out) return -EINVAL;
	status = make_stream(process, stream, options, CALLER, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}

/* --- events --- */

typedef struct events events;

/* An output pipe, which has a part in the events until its stream drops it. */
typedef struct output {
	events *owner;
	int number;
} output;

struct events {
	aw_process *process; /* a reference, until all is over */
	const aw_process_protocol *protocol;
	void *ud;
	aw_destroy_fn destroy;
	aw_loop *loop;
	future_waiter waiter; /* on the exit */
	output outputs[STDIO_STREAMS];
	size_t parts; /* the exit, and the open pipes */
};

/* The exit was told, or a pipe has ended. */
static void part_ended(events *self) {
	if (--self->parts) return;
	if (!loop_closing(self->loop) && self->protocol->connection_lost)
		self->protocol->connection_lost(self->process, self->ud, 0);
	object_destroy_user(self->destroy, self->ud);
	object_unref(self->process);
	free(self);
}

static aw_status output_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	(void)stream;
	const output *here = ud;
	const events *self = here->owner;
	if (!self->protocol->pipe_data_received) return 0;
	return self->protocol->pipe_data_received(self->process, self->ud, here->number, data, length);
}

static void output_lost(aw_stream *stream, void *ud, aw_status why) {
	(void)stream;
	const output *here = ud;
	const events *self = here->owner;
	if (self->protocol->pipe_connection_lost)
		self->protocol->pipe_connection_lost(self->process, self->ud, here->number, why);
}

static void output_dropped(void *ud) {
	part_ended(((const output *)ud)->owner);
}

static const aw_protocol output_protocol = {
	.size = sizeof output_protocol, .data_received = output_received, .connection_lost = output_lost};

static aw_status exit_run(ready_item *item) {
	events *self = container_of(item, events, waiter.item);
	future_waiter_end(&self->waiter);
	if (!loop_closing(self->loop) && self->protocol->process_exited)
		self->protocol->process_exited(self->process, self->ud);
	part_ended(self);
	return 0;
}

/* Takes the output pipes as streams. On failure some may have been taken. */
static aw_status take_outputs(aw_process *process, aw_stream *streams[STDIO_STREAMS]) {
	for (int number = 1; number < STDIO_STREAMS; number++) {
		aw_status status = make_stream(process, number, NULL, NULL, &streams[number]);
		if (status == 0 || status == AW_EINVALIDSTATE) continue; /* not a pipe */
		return status;
	}
	return 0;
}

ENTRY(aw_process_set_protocol, (aw_process *process, const aw_process_protocol *protocol, void *ud,
                                aw_destroy_fn destroy),
      (process, protocol, ud, destroy)) {
	aw_stream *streams[STDIO_STREAMS] = {NULL};
	aw_future *exit = NULL;
	aw_status status = process_check(process);
	if (status == 0 && !protocol) status = -EINVAL;
	if (status == 0) status = SIZED_CHECK(aw_process_protocol, protocol, connection_lost);
	events *self = status < 0 ? NULL : calloc(1, sizeof *self);
	if (status == 0 && !self) status = -ENOMEM;
	if (status == 0) status = take_outputs(process, streams);
	if (status == 0) status = aw_process_wait(process, &exit);
	if (status < 0) {
		for (int number = 1; number < STDIO_STREAMS; number++) {
			if (!streams[number]) continue;
			stream_abort(streams[number]);
			object_unref(streams[number]);
		}
		free(self);
		object_destroy_user(destroy, ud);
		return status;
	}
	*self = (events){.process = object_ref(process),
	                 .protocol = protocol,
	                 .ud = ud,
	                 .destroy = destroy,
	                 .loop = process_child(process)->loop,
	                 .waiter.item.run = exit_run,
	                 .parts = 1};
	future_wait(exit, &self->waiter);
	object_unref_held(exit); /* the child keeps it, and drops it with the loop */
	for (int number = 1; number < STDIO_STREAMS; number++) {
		if (!streams[number]) continue;
		self->outputs[number] = (output){self, number};
		self->parts++;
		/* A stream that is new and open takes a protocol, which then keeps it. */
		(void)!aw_stream_set_protocol(streams[number], &output_protocol, &self->outputs[number],
		                              output_dropped);
		object_unref(streams[number]);
	}
	return 0;
}
