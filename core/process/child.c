/* SPDX-License-Identifier: MIT */
/*
 * A child: its watch, its pipes, and the futures that wait for both.
 *
 * Pipes are read and written only while a future waits for them. Otherwise the child's output stays in the
 * kernel, and data from an operation that completes late is kept. So a cancelled communicate loses nothing,
 * and the next one continues.
 */
#include "child.h"

#include "os.h"
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_ROOM = 16 * 1024, /* most children write little */
	MORE_ROOM = 64 * 1024,  /* the capacity of a pipe */
	STATUS_UNKNOWN = 255,   /* as in asyncio, for a child that was reaped elsewhere */
	KILLED_WITHIN_MS = 10 * 1000
};
#define RETRY_AFTER (2 * AW_MILLISECOND)

struct awaiter {
	aw_future future;
	child *child; /* while listed */
	awaiter *next, *previous;
	enum awaits what;
};

static void child_pump(child *self);

/* --- waiting futures --- */

/* Unlinks it; the caller takes over the reference of the list. */
static void awaiter_leave(awaiter *self) {
	child *owner = self->child;
	self->child = NULL;
	list_remove(&owner->awaiters, self);
}

static bool awaiter_cancel(aw_future *future, aw_error *reason) {
	awaiter *self = (awaiter *)(void *)future;
	child *owner = self->child;
	future_set_cancelled(future, reason);
	if (!owner) return true;
	awaiter_leave(self);
	object_unref(self);
	child_pump(owner); /* operations in flight keep it alive */
	return true;
}

static void awaiter_describe(const aw_future *future, future_description *out) {
	const awaiter *self = (const awaiter *)(const void *)future;
	const char *what = self->what == AWAITS_EXIT     ? "exit"
	                   : self->what == AWAITS_OUTPUT ? "exit and output"
	                                                 : "communicate";
	if (self->child) snprintf(out->text, sizeof out->text, "%" PRId32 ", %s", self->child->pid, what);
}

static const future_kind awaiter_kind = {
	.cancel = awaiter_cancel, .what = "process", .describe = awaiter_describe};

bool child_is_awaited(const child *self, enum awaits what) {
	for (const awaiter *at = self->awaiters.first; at; at = at->next)
		if (at->what == what) return true;
	return false;
}

static bool awaiter_is_satisfied(const awaiter *self) {
	const child *owner = self->child;
	if (!owner->has_ended) return false;
	if (self->what == AWAITS_EXIT) return true;
	if (owner->pipes[1].fd >= 0 || owner->pipes[2].fd >= 0) return false;
	return self->what == AWAITS_OUTPUT || owner->pipes[0].fd < 0;
}

static awaiter *first_satisfied(const child *self) {
	awaiter *at = self->awaiters.first;
	while (at && !awaiter_is_satisfied(at)) at = at->next;
	return at;
}

/*
 * Finishes the futures that have nothing left to wait for. Restarts from the head each time: dropping a
 * reference may run user code.
 */
static void child_settle(child *self) {
	for (awaiter *at; (at = first_satisfied(self));) {
		awaiter_leave(at);
		future_finish(&at->future, (void *)(intptr_t)self->code, value_integer);
		object_unref(at);
	}
}

static awaiter *first_of(const child *self, enum awaits least) {
	awaiter *at = self->awaiters.first;
	while (at && at->what < least) at = at->next;
	return at;
}

/* Fails the futures that wait for `least` or more. */
static void child_fail(child *self, enum awaits least, aw_status status) {
	for (awaiter *at; (at = first_of(self, least));) {
		awaiter_leave(at);
		future_fail(&at->future, error_of(status));
		object_unref(at);
	}
}

aw_status child_await(child *self, enum awaits what, const void *origin, aw_future **out) {
	awaiter *future = future_create(self->loop, &future_class, &awaiter_kind, sizeof *future);
	if (!future) return -ENOMEM;
	future->future.origin = origin;
	future->child = self;
	future->what = what;
	list_append(&self->awaiters, future);
	*out = object_hand_out(object_ref(future), origin);
	object_ref(self);
	child_pump(self);
	child_settle(self);
	object_unref(self);
	return 0;
}

/* --- pipes --- */

static void pipe_cancel(child_pipe *self) {
	if (self->cancelled) return;
	self->cancelled = true;
	loop_cancel(self->owner->loop, &self->io);
}

/*
 * With an operation in flight the close is deferred: the operation may not have reached the kernel yet, and
 * must not find the descriptor number reused.
 */
static void pipe_close(child_pipe *self) {
	if (self->fd < 0) return;
	if (!self->busy) {
		os_close(&self->fd);
		return;
	}
	self->closing_fd = self->fd;
	self->fd = -1;
	pipe_cancel(self);
}

static aw_status pipe_submit(child_pipe *self, uint32_t kind, unsigned char *at, size_t length) {
	self->io.op =
		(aw_op){.kind = kind, .fd = self->fd, .nonblocking = 1, .buffer = at, .length = length, .offset = -1};
	object_ref(self->owner);
	self->busy = true;
	self->cancelled = false;
	aw_status status = loop_submit_batched(self->owner->loop, &self->io);
	if (status == 0) return 0;
	self->busy = false;
	object_unref(self->owner); /* never the last: our caller has one */
	return status;
}

static aw_status pipe_reserve(child_pipe *self) {
	size_t capacity = self->buffer.capacity, room = capacity - self->length;
	if (room >= FIRST_ROOM / 4) return 0;
	size_t more = capacity < MORE_ROOM ? (capacity ? MORE_ROOM : FIRST_ROOM) : capacity;
	if (more > SIZE_MAX / 2 - capacity) return -ENOMEM;
	return io_array_resize(&self->buffer, self->length, capacity + more) ? 0 : -ENOMEM;
}

static aw_status pipe_read(child_pipe *self) {
	aw_status status = pipe_reserve(self);
	if (status < 0) return status;
	return pipe_submit(self, AW_OP_READ, self->buffer.data + self->length,
	                   self->buffer.capacity - self->length);
}

static aw_status pipe_write(child_pipe *self) {
	if (self->written < self->length)
		return pipe_submit(self, AW_OP_WRITE, self->buffer.data + self->written,
		                   self->length - self->written);
	pipe_close(self);
	return 0;
}

static void pipe_drive(child_pipe *self, bool wanted) {
	if (self->fd < 0) return;
	if (self->busy) {
		if (!wanted) pipe_cancel(self);
		return;
	}
	if (!wanted || loop_closing(self->owner->loop)) return;
	aw_status status = self == &self->owner->pipes[0] ? pipe_write(self) : pipe_read(self);
	if (status < 0) child_fail(self->owner, AWAITS_OUTPUT, status);
}

/* Starts the operations that are wanted, and cancels the others. */
static void child_pump(child *self) {
	for (int i = 0; i < STDIO_STREAMS; i++) {
		/* Check for each stream: a failure completes the waiting futures. */
		bool wanted = child_is_awaited(self, AWAITS_ALL) || (i > 0 && child_is_awaited(self, AWAITS_OUTPUT));
		pipe_drive(&self->pipes[i], wanted);
	}
}

static bool is_passing(int64_t result) {
	return result == -ECANCELED || result == -EAGAIN || result == -EINTR;
}

static void pipe_done(operation *io) {
	child_pipe *self = container_of(io, child_pipe, io);
	child *owner = self->owner;
	bool is_input = self == &owner->pipes[0];
	int64_t result = io->op.result;
	self->busy = self->cancelled = false;
	os_close(&self->closing_fd);
	if (result > 0) {
		*(is_input ? &self->written : &self->length) += (size_t)result;
	} else if (self->fd >= 0 && !is_passing(result)) {
		pipe_close(self);
		/* A child may stop reading its input. */
		bool is_end = result == 0 || (is_input && (result == -EPIPE || result == -ECONNRESET));
		if (!is_end) child_fail(owner, AWAITS_OUTPUT, (aw_status)result);
	}
	child_pump(owner);
	child_settle(owner);
	object_unref(owner);
}

aw_status child_give_input(child *self, const void *input, size_t length) {
	child_pipe *pipe = &self->pipes[0];
	if (!pipe->existed) return 0;
	if (pipe->buffer.data || pipe->fd < 0) return AW_EINVALIDSTATE;
	if (!io_array_resize(&pipe->buffer, 0, length)) return -ENOMEM;
	memcpy(pipe->buffer.data, input, length);
	pipe->length = length;
	return 0;
}

void child_take_input_back(child *self) {
	child_pipe *pipe = &self->pipes[0];
	free(pipe->buffer.memory);
	pipe->buffer = (io_array){0};
	pipe->length = 0;
}

aw_status child_take_pipe(child *self, int stream, int *out_fd) {
	child_pipe *pipe = &self->pipes[stream];
	bool in_use = pipe->busy || child_is_awaited(self, AWAITS_ALL) ||
	              (stream > 0 && child_is_awaited(self, AWAITS_OUTPUT));
	if (pipe->fd < 0 || in_use) return AW_EINVALIDSTATE;
	*out_fd = pipe->fd;
	pipe->fd = -1;
	pipe->taken = true;
	return 0;
}

void child_put_pipe_back(child *self, int stream, int fd) {
	self->pipes[stream].fd = fd;
	self->pipes[stream].taken = false;
}

/* --- watch --- */

static void child_end(child *self, int32_t code) {
	self->has_ended = true;
	self->code = code;
}

static void child_collect(child *self);

static void watch_done(operation *watch) {
	child *self = container_of(watch, child, watch);
	child_collect(self);
	if (loop_closing(self->loop)) os_close(&self->process);
	object_unref(self);
}

static aw_status watch_submit(child *self) {
	self->watch.op = (aw_op){.kind = AW_OP_POLL, .fd = self->process, .flags = AW_POLL_IN};
	object_ref(self);
	aw_status status = loop_submit_batched(self->loop, &self->watch);
	if (status < 0) object_unref(self); /* never the last: a caller of ours has one */
	return status;
}

static aw_status retry_run(ready_item *item) {
	child *self = container_of(item, child, retry.item);
	child_collect(self);
	object_unref(self);
	return 0;
}

/*
 * The watch completed but the child could not be reaped: a debugger is attached, or the backend was out of
 * memory.
 */
static void collect_later(child *self) {
	object_ref(self);
	aw_status status = loop_alarm_set(self->loop, &self->retry, loop_after(self->loop, RETRY_AFTER));
	if (status == 0) return;
	object_unref(self);
	status = watch_submit(self);
	if (status == 0) return;
	report_status(self->loop, "a child can no longer be watched", status, NULL, NULL);
	child_fail(self, AWAITS_EXIT, status);
}

static void child_collect(child *self) {
	int32_t code = STATUS_UNKNOWN;
	if (self->has_ended) return; /* reaped when the loop closed */
	aw_status status = os_process_collect(self->process, self->pid, &code);
	if (status == -EAGAIN) {
		if (!loop_closing(self->loop)) collect_later(self);
		return;
	}
	child_end(self, code);
	os_close(&self->process);
	child_settle(self);
}

aw_status child_signal(child *self, int signal) {
	if (self->has_ended || os_process_has_ended(self->process, self->pid) != 0) return -ESRCH;
	/* Not reaped yet, so neither the pid nor the group id can have been reused. */
	aw_status status = self->flags & AW_PROCESS_GROUP ? os_group_signal(self->pid, signal) : -ESRCH;
	return status == -ESRCH ? os_process_signal(self->process, self->pid, signal) : status;
}

/* Kills the group even if the child has exited, and the child as well: it may have left the group. */
static aw_status child_kill(child *self) {
	if (self->flags & AW_PROCESS_GROUP) (void)os_group_signal(self->pid, SIGKILL);
	return os_process_signal(self->process, self->pid, SIGKILL);
}

static bool is_to_be_killed(const child *self) {
	return self->process >= 0 && !self->has_ended && !(self->flags & AW_PROCESS_DETACH);
}

/* --- creation and release --- */

static void close_copies(child *self) {
	for (int i = 0; i < STDIO_STREAMS; i++) {
		os_close(&self->pipes[i].fd);
		os_close(&self->pipes[i].closing_fd);
	}
	os_close(&self->process);
}

static void child_release(object *base) {
	child *self = (child *)base;
	loop_remove_closer(self->loop, &self->closer);
	for (int i = 0; i < STDIO_STREAMS; i++) free(self->pipes[i].buffer.memory);
	close_copies(self);
	object_free(base);
}

static const object_class child_class = {.name = "child", .size = sizeof(child), .release = child_release};

/* The loop is closing. Futures stay pending. */
static void child_close(closer *base) {
	child *self = container_of(base, child, closer);
	object_ref(self);
	for (int i = 0; i < STDIO_STREAMS; i++) pipe_close(&self->pipes[i]);
	if (is_to_be_killed(self)) {
		/* -EPERM: it changed its user and can't be killed, so don't wait for it. */
		aw_status status = child_kill(self);
		int32_t code = STATUS_UNKNOWN;
		status = os_process_join(self->process, self->pid, status == -EPERM ? 0 : KILLED_WITHIN_MS, &code);
		if (status != -EAGAIN) child_end(self, code);
	}
	loop_cancel(self->loop, &self->watch);
	for (awaiter *at; (at = self->awaiters.first);) {
		awaiter_leave(at);
		object_unref(at);
	}
	object_unref(self);
}

child *child_new(aw_loop *loop, uint32_t flags) {
	child *self = object_new(&loop->domain, &child_class);
	if (!self) return NULL;
	self->loop = loop;
	self->flags = flags;
	self->process = -1;
	self->closer.close = child_close;
	self->watch.done = watch_done;
	self->retry.item.run = retry_run;
	for (int i = 0; i < STDIO_STREAMS; i++) {
		self->pipes[i].owner = self;
		self->pipes[i].fd = self->pipes[i].closing_fd = -1;
		self->pipes[i].io.done = pipe_done;
	}
	return self;
}

aw_status child_begin(child *self, const process_made *made, bool adopted) {
	self->pid = made->pid;
	self->process = made->process;
	for (int i = 0; i < STDIO_STREAMS; i++) {
		self->pipes[i].fd = made->pipes[i];
		self->pipes[i].existed = made->pipes[i] >= 0;
	}
	aw_status status = watch_submit(self);
	if (status == 0) {
		loop_add_closer(self->loop, &self->closer);
		return 0;
	}
	if (!adopted) child_close(&self->closer);
	close_copies(self);
	return status;
}

void child_shut(child *self) {
	/* In a forked process, or after an abandon, only the copies of the descriptors are ours. */
	if (self->loop->state == LOOP_CLOSED || self->loop->fork_generation != *threads_fork_word) {
		close_copies(self);
		return;
	}
	for (int i = 0; i < STDIO_STREAMS; i++) pipe_close(&self->pipes[i]);
	if (is_to_be_killed(self)) (void)child_kill(self);
	child_settle(self);
}
