/* SPDX-License-Identifier: MIT */
/*
 * For tests: a virtual clock, which jumps to the deadline if no I/O is in flight, so an hour's sleep takes
 * microseconds and runs are deterministic. While I/O is in flight, time passes in real time.
 */
#include <errno.h>
#include <stdlib.h>

#include "readiness.h"

struct aw_backend_state {
	readiness readiness;
	int64_t now;
};

static aw_status virtual_open(const aw_backend_core *core, uint32_t flags, uint64_t seed,
                              aw_backend_state **out) {
	(void)flags;
	(void)seed; /* always in order of submission */
	aw_backend_state *self = malloc(sizeof *self);
	if (!self) return -ENOMEM;
	/* Not zero, to expose uninitialized times. */
	self->now = AW_SECOND;
	aw_status status = readiness_open(&self->readiness, core);
	if (status < 0) {
		free(self);
		return status;
	}
	*out = self;
	return 0;
}

static void virtual_close(aw_backend_state *self) {
	readiness_close(&self->readiness);
	free(self);
}

static void virtual_abandon(aw_backend_state *self) {
	readiness_abandon(&self->readiness);
	free(self);
}

static aw_status virtual_submit(aw_backend_state *self, aw_op *op) {
	return readiness_submit(&self->readiness, op);
}

static void virtual_cancel(aw_backend_state *self, aw_op *op) {
	readiness_cancel(&self->readiness, op);
}

/* Delivers what is complete, without advancing the clock. Returns 1 if the wait should return. */
static int look(aw_backend_state *self) {
	int found = readiness_collect(&self->readiness, 0);
	bool any = readiness_deliver(&self->readiness);
	return found < 0 ? found : any || found;
}

/* Waits in real time, up to the deadline, and adds the time to the clock. */
static aw_status wait_for_real(aw_backend_state *self, int64_t deadline) {
	int64_t began = readiness_now(), start = self->now, until = INT64_MAX;
	if (deadline != INT64_MAX && deadline - start < INT64_MAX - began) until = began + (deadline - start);
	aw_status status = readiness_wait(&self->readiness, until);
	int64_t passed = readiness_now() - began;
	self->now = passed < INT64_MAX - start ? start + passed : INT64_MAX - 1;
	return status;
}

static aw_status virtual_wait(aw_backend_state *self, int64_t deadline) {
	int found = look(self);
	if (found != 0 || deadline <= self->now) return found < 0 ? found : 0;
	if (self->readiness.in_flight > 0) return wait_for_real(self, deadline);
	/* Only a wake can end this wait, and its timing must not affect the clock. */
	if (deadline == INT64_MAX) return readiness_wait(&self->readiness, INT64_MAX);
	self->now = deadline;
	return 0;
}

static aw_status virtual_try_wake(aw_backend_state *self) {
	return readiness_wake(&self->readiness);
}

static void virtual_wake(aw_backend_state *self) {
	(void)readiness_wake(&self->readiness);
}

static int virtual_fd(aw_backend_state *self) {
	return readiness_fd(&self->readiness);
}

static int64_t virtual_now(aw_backend_state *self) {
	return self->now;
}

extern const aw_backend virtual_backend;
const aw_backend virtual_backend = {
	.abi = AW_BACKEND_ABI,
	.size = sizeof(aw_backend),
	.name = "virtual",
	.description = "virtual time over epoll, for tests; built in",
	.capabilities = AW_BACKEND_HAS_FD | AW_BACKEND_OWN_CLOCK,
	.probe = readiness_probe,
	.open = virtual_open,
	.close = virtual_close,
	.abandon = virtual_abandon,
	.submit = virtual_submit,
	.cancel = virtual_cancel,
	.wait = virtual_wait,
	.wake = virtual_wake,
	.fd = virtual_fd,
	.now = virtual_now,
	.try_wake = virtual_try_wake,
};
