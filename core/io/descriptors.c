/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers of the program's descriptors. Each is a poll operation that is resubmitted after its
 * callback has run: to the program it is level-triggered, at most once per iteration.
 */
#include "descriptors.h"

#include "context.h"
#include "failure.h"
#include "future.h"
#include "report.h"

#include <await/fd.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct watcher {
	operation operation;
	closer closer;
	aw_loop *loop;
	aw_callback_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	binding *context; /* in which it runs; a reference */
	bool removed;
} watcher;

/*
 * Indexed by descriptor number, which is only the caller's name for a file: the backend checks what it refers
 * to.
 */
struct descriptors {
	closer closer;
	aw_loop *loop;
	watcher **slots; /* a reader and a writer per descriptor */
	size_t count;
};

enum { SLOT_READER, SLOT_WRITER };

static watcher **slot_of(aw_loop *loop, int fd, int side) {
	struct descriptors *self = loop->descriptors;
	size_t index = (size_t)fd * 2 + (size_t)side;
	return self && fd >= 0 && index < self->count ? &self->slots[index] : NULL;
}

/* The loop is closed, and every watcher has ended. */
static void descriptors_close(closer *base) {
	struct descriptors *self = container_of(base, struct descriptors, closer);
	self->loop->descriptors = NULL;
	free(self->slots);
	free(self);
}

static aw_status slots_reserve(aw_loop *loop, int fd) {
	struct descriptors *self = loop->descriptors;
	if (!self) {
		self = loop->descriptors = calloc(1, sizeof *self);
		if (!self) return -ENOMEM;
		self->loop = loop;
		self->closer = (closer){.phase = CLOSE_TABLES, .close = descriptors_close};
		loop_add_closer(loop, &self->closer);
	}
	size_t need = ((size_t)fd + 1) * 2;
	if (need <= self->count) return 0;
	if (need < self->count * 2) need = self->count * 2;
	watcher **slots = realloc(self->slots, need * sizeof(watcher *));
	if (!slots) return -ENOMEM;
	while (self->count < need) slots[self->count++] = NULL;
	self->slots = slots;
	return 0;
}

static void watcher_free(watcher *self) {
	loop_remove_closer(self->loop, &self->closer);
	object_destroy_user(self->destroy, self->ud);
	context_drop(self->context);
	slab_give(&self->loop->domain.slabs, self, sizeof *self);
}

static void watcher_unslot(watcher *self) {
	watcher **slot = slot_of(self->loop, self->operation.op.fd, self->operation.op.flags == AW_POLL_OUT);
	if (slot && *slot == self) *slot = NULL;
}

/* The poll completed: runs the callback and polls again. */
static void watcher_done(operation *ended) {
	watcher *self = container_of(ended, watcher, operation);
	int64_t result = ended->op.result;
	aw_status status = 0;
	if (!self->removed && !loop_closing(self->loop)) {
		if (result >= 0) {
			binding *outer = context_swap(self->context);
			status = self->fn(self->loop, self->ud);
			self->context = context_swap(outer);
			if (status == AW_ESYSTEMEXIT)
				self->loop->leaving = true;
			else if (status != 0)
				report_callback(self->loop, status, NULL);
			self->operation.op.offset = AW_OP_POLL_AGAIN;
			status = self->removed ? AW_ECANCELLED : loop_submit(self->loop, &self->operation);
		} else {
			status = (aw_status)result;
		}
		if (status == 0) return;
		if (!self->removed)
			report_status(self->loop, "a descriptor can't be watched any more", status, NULL, NULL);
	}
	watcher_unslot(self);
	watcher_free(self);
}

/* Clears the slot; the watcher is freed when its operation completes. */
static void watcher_remove(watcher *self) {
	watcher_unslot(self);
	self->removed = true;
	loop_cancel(self->loop, &self->operation);
}

static void watcher_close(closer *base) {
	watcher *self = container_of(base, watcher, closer);
	watcher_remove(self); /* its operation completes when the backend is closed */
}

static aw_status add(aw_loop *loop, int fd, int side, aw_callback_fn fn, void *ud, aw_destroy_fn destroy) {
	aw_status status = loop_check(loop);
	if (status == 0 && !fn) status = -EINVAL;
	if (status == 0 && (fd < 0 || fcntl(fd, F_GETFD) < 0)) status = -EBADF;
	if (status == 0) status = slots_reserve(loop, fd);
	watcher *self = status < 0 ? NULL : slab_take(&loop->domain.slabs, sizeof *self);
	if (status == 0 && !self) status = -ENOMEM;
	if (status < 0) {
		object_destroy_user(destroy, ud);
		return status;
	}
	*self = (watcher){.loop = loop,
	                  .fn = fn,
	                  .ud = ud,
	                  .destroy = destroy,
	                  .context = context_capture(),
	                  .closer.close = watcher_close};
	self->operation.op = (aw_op){.kind = AW_OP_POLL,
	                             .fd = fd,
	                             .flags = side == SLOT_READER ? AW_POLL_IN : AW_POLL_OUT,
	                             .offset = AW_OP_POLL_STANDING};
	self->operation.done = watcher_done;
	status = loop_submit(loop, &self->operation);
	loop_add_closer(loop, &self->closer);
	if (status < 0) {
		watcher_free(self);
		return status;
	}
	watcher **slot = &loop->descriptors->slots[(size_t)fd * 2 + (size_t)side]; /* reserved above */
	if (*slot) watcher_remove(*slot);
	*slot = self;
	return 0;
}

static aw_status take_out(aw_loop *loop, int fd, int side) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	watcher **slot = slot_of(loop, fd, side);
	if (!slot || !*slot) return 0;
	watcher_remove(*slot);
	return 1;
}

ENTRY(aw_loop_add_reader, (aw_loop *loop, int fd, aw_callback_fn fn, void *ud, aw_destroy_fn destroy),
      (loop, fd, fn, ud, destroy)) {
	return add(loop, fd, SLOT_READER, fn, ud, destroy);
}

ENTRY(aw_loop_remove_reader, (aw_loop *loop, int fd), (loop, fd)) {
	return take_out(loop, fd, SLOT_READER);
}

ENTRY(aw_loop_add_writer, (aw_loop *loop, int fd, aw_callback_fn fn, void *ud, aw_destroy_fn destroy),
      (loop, fd, fn, ud, destroy)) {
	return add(loop, fd, SLOT_WRITER, fn, ud, destroy);
}

ENTRY(aw_loop_remove_writer, (aw_loop *loop, int fd), (loop, fd)) {
	return take_out(loop, fd, SLOT_WRITER);
}

/* --- one-shot futures --- */

typedef struct poll_future {
	aw_future future;
	operation operation; /* has a reference while in flight */
} poll_future;

static bool poll_cancel(aw_future *future, aw_error *reason) {
	loop_cancel(future->loop, &((poll_future *)(void *)future)->operation);
	future_set_cancelled(future, reason);
	return true;
}

static void describe_poll(const aw_future *future, future_description *out) {
	const aw_op *op = &((const poll_future *)(const void *)future)->operation.op;
	const char *in = op->flags & AW_POLL_IN ? " to be readable" : "";
	const char *both = *in && op->flags & AW_POLL_OUT ? " or" : "";
	snprintf(out->text, sizeof out->text, "%d%s%s%s", op->fd, in, both,
	         op->flags & AW_POLL_OUT ? " to be writable" : "");
}

static const future_kind poll_kind = {.cancel = poll_cancel, .what = "descriptor", .describe = describe_poll};

static void poll_done(operation *ended) {
	poll_future *self = container_of(ended, poll_future, operation);
	int64_t result = ended->op.result;
	if (!loop_closing(self->future.loop)) {
		if (result < 0)
			future_fail(&self->future, error_of((aw_status)result));
		else
			future_finish(&self->future, (void *)(intptr_t)result, value_integer);
	}
	object_unref(self);
}

aw_status fd_wait(aw_loop *loop, int fd, uint32_t events, const void *origin, aw_future **out) {
	poll_future *self = future_create(loop, &future_class, &poll_kind, sizeof *self);
	if (!self) return -ENOMEM;
	self->operation.op = (aw_op){.kind = AW_OP_POLL, .fd = fd, .flags = events};
	self->future.origin = origin;
	self->operation.done = poll_done;
	aw_status status = loop_submit(loop, &self->operation);
	if (status == 0)
		*out = object_ref(self);
	else
		object_unref(self);
	return status;
}

ENTRY(aw_fd_wait, (aw_loop *loop, int fd, uint32_t events, aw_future **out), (loop, fd, events, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out || !events || events & ~(uint32_t)(AW_POLL_IN | AW_POLL_OUT)) return -EINVAL;
	if (fd < 0 || fcntl(fd, F_GETFD) < 0) return -EBADF;
	status = fd_wait(loop, fd, events, CALLER, out);
	if (status == 0) object_hand_out(*out, CALLER);
	return status;
}
