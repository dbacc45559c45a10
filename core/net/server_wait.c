/* SPDX-License-Identifier: MIT */
/* Waiting until a server is closed, or serving until then. */
#include "server.h"

#include "coro.h"
#include "failure.h"

#include <await/stackless.h>
#include <errno.h>
#include <stdlib.h>

/* What wait_closed and serve_forever wait for. */
typedef struct server_wait {
	aw_frame frame;
	aw_server *server; /* a reference */
	waiter waiter;
	bool is_forever, begun;
} server_wait;

static const future_kind wait_kind = {.what = "server"};

static aw_status wait_begin(server_wait *self) {
	if (!self->is_forever) return 0;
	if (self->server->forever) return -EBUSY;
	aw_status status = aw_server_start_serving(self->server);
	if (status == 0) self->server->forever = self->begun = true;
	return status;
}

static bool has_to_wait(const server_wait *self) {
	const aw_server *server = self->server;
	if (self->is_forever) return !server->closed;
	return !server->closed || server->listeners.first || server->connections.first;
}

static aw_status wait_join(server_wait *self) {
	aw_server *server = self->server;
	return wait_queue_join(self->is_forever ? &server->ends : &server->closes, &self->waiter, &wait_kind,
	                       server, server->loop);
}

static void wait_ended(server_wait *self, aw_status status) {
	wait_queue_leave(&self->waiter);
	if (!self->begun) return;
	self->begun = self->server->forever = false;
	if (status == AW_ECANCELLED && !loop_closing(self->server->loop)) server_close(self->server);
}

static aw_status wait_now(aw_server *server, bool is_forever) {
	if (!stackful_here()) return AW_ENOTASK;
	server_wait self = {.server = server, .is_forever = is_forever};
	aw_status status = server_check(server);
	if (status == 0) status = wait_begin(&self);
	if (status < 0) return failed(status);
	object_ref(server);
	while (has_to_wait(&self)) {
		status = wait_join(&self);
		if (status < 0) {
			failed(status);
			break;
		}
		status = aw_await(self.waiter.wakeup, NULL);
		wait_queue_leave(&self.waiter);
		if (status < 0) break;
	}
	wait_ended(&self, status);
	object_unref(server);
	return status < 0 ? status : await_ended(stackful_here(), 0);
}

static aw_status wait_step(aw_resume *resume, void *ud) {
	server_wait *self = ud;
	aw_status status = 0;
	AW_BEGIN(&self->frame);
	status = wait_begin(self);
	if (status < 0) return status;
	while (has_to_wait(self)) {
		status = wait_join(self);
		if (status < 0) break;
		AW_AWAIT(&self->frame, resume, self->waiter.wakeup);
		status = aw_resume_status(resume);
		wait_queue_leave(&self->waiter);
		if (status < 0) {
			wait_ended(self, status);
			return aw_resume_raise(resume, aw_resume_error(resume));
		}
	}
	wait_ended(self, status);
	AW_END(&self->frame);
	return status;
}

static void wait_destroy(void *ud) {
	server_wait *self = ud;
	wait_ended(self, 0);
	object_unref(self->server);
	free(self);
}

static aw_status wait_later(aw_server *server, bool is_forever, const void *origin, aw_coro **out) {
	aw_status status = server_check(server);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	server_wait *self;
	status = coro_internal_from(origin, server->loop, wait_step, sizeof *self, wait_destroy, &self, out);
	if (status < 0) return status;
	self->server = object_ref(server);
	self->is_forever = is_forever;
	return 0;
}

aw_status aw_server_wait_closed(aw_server *server) {
	return wait_now(server, false);
}

ENTRY(aw_server_wait_closed_coro, (aw_server *server, aw_coro **out), (server, out)) {
	return wait_later(server, false, CALLER, out);
}

aw_status aw_server_serve_forever(aw_server *server) {
	return wait_now(server, true);
}

ENTRY(aw_server_serve_forever_coro, (aw_server *server, aw_coro **out), (server, out)) {
	return wait_later(server, true, CALLER, out);
}
