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
	aw_error *error; /* of the last wait that failed; a reference */
	bool is_forever, begun;
	bool is_leaving; /* serve_forever was cancelled, and waits for the connections */
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
	if (self->is_leaving) return server->connections.first;
	if (self->is_forever) return !server->closed;
	return !server->closed || server->listeners.first || server->connections.first;
}

static aw_status wait_join(server_wait *self) {
	aw_server *server = self->server;
	wait_queue *queue = self->is_forever && !self->is_leaving ? &server->ends : &server->closes;
	return wait_queue_join(queue, &self->waiter, &wait_kind, server, server->loop);
}

/*
 * The wait has failed. A cancelled serve_forever closes the server and then, as in asyncio, waits for the connections:
 * returns true. Another cancellation ends that as well, and replaces the first.
 */
static bool leaves(server_wait *self, aw_status status, aw_error *error) {
	aw_error *old = self->error;
	self->error = aw_error_ref(error ? error : error_of(status));
	aw_error_unref(old);
	if (!self->begun || self->is_leaving || status != AW_ECANCELLED) return false;
	if (loop_closing(self->server->loop)) return false;
	self->is_leaving = true;
	server_close(self->server);
	return true;
}

static void wait_ended(server_wait *self) {
	wait_queue_leave(&self->waiter);
	if (self->begun) self->begun = self->server->forever = false;
	aw_error_unref(self->error);
	self->error = NULL;
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
		if (status < 0 && !leaves(&self, status, failure_of(status))) break;
	}
	if (self.error) status = failed_with(self.error);
	wait_ended(&self);
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
		if (status < 0 && !leaves(self, status, aw_resume_error(resume))) break;
	}
	if (self->error) status = aw_resume_raise(resume, self->error);
	wait_ended(self);
	AW_END(&self->frame);
	return status;
}

static void wait_destroy(void *ud) {
	server_wait *self = ud;
	wait_ended(self);
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
