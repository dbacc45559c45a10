/* SPDX-License-Identifier: MIT */
/*
 * The default backend. The thread blocks on readiness.c's epoll set; nothing else is needed. Depends only on
 * the kernel.
 */
#include <errno.h>
#include <stdlib.h>

#include "readiness.h"

struct aw_backend_state {
	readiness readiness;
};

static aw_status epoll_open(const aw_backend_core *core, uint32_t flags, uint64_t seed,
                            aw_backend_state **out) {
	(void)flags;
	(void)seed;
	aw_backend_state *self = malloc(sizeof *self);
	if (!self) return -ENOMEM;
	aw_status status = readiness_open(&self->readiness, core);
	if (status < 0) {
		free(self);
		return status;
	}
	*out = self;
	return 0;
}

static void epoll_close(aw_backend_state *self) {
	readiness_close(&self->readiness);
	free(self);
}

static void epoll_abandon(aw_backend_state *self) {
	readiness_abandon(&self->readiness);
	free(self);
}

static aw_status epoll_submit(aw_backend_state *self, aw_op *op) {
	return readiness_submit(&self->readiness, op);
}

static void epoll_cancel(aw_backend_state *self, aw_op *op) {
	readiness_cancel(&self->readiness, op);
}

static aw_status epoll_wait_until(aw_backend_state *self, int64_t deadline) {
	return readiness_wait(&self->readiness, deadline);
}

static aw_status epoll_try_wake(aw_backend_state *self) {
	return readiness_wake(&self->readiness);
}

static void epoll_wake(aw_backend_state *self) {
	(void)readiness_wake(&self->readiness);
}

static int epoll_fd(aw_backend_state *self) {
	return readiness_fd(&self->readiness);
}

extern const aw_backend epoll_backend;
const aw_backend epoll_backend = {
	.abi = AW_BACKEND_ABI,
	.size = sizeof(aw_backend),
	.name = "epoll",
	.description = "epoll, the kernel's own; built in",
	.capabilities = AW_BACKEND_HAS_FD,
	.probe = readiness_probe,
	.open = epoll_open,
	.close = epoll_close,
	.abandon = epoll_abandon,
	.submit = epoll_submit,
	.cancel = epoll_cancel,
	.wait = epoll_wait_until,
	.wake = epoll_wake,
	.fd = epoll_fd,
	.try_wake = epoll_try_wake,
};
