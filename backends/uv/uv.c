/* SPDX-License-Identifier: MIT */
/*
 * The libuv backend. All waits are in readiness.c's epoll set, and one uv_poll_t watches that set. A
 * uv_poll_t for each descriptor would set the user's file to non-blocking, and libuv aborts if a watched
 * descriptor turns out closed or a regular file when it is added. As a result libuv allocates and registers
 * only in open, the only place where it may abort.
 *
 * Uses a separate libuv loop, never the default one, and none of libuv's signal or child handling.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "readiness.h"

struct aw_backend_state {
	readiness readiness;
	uv_loop_t loop;
	uv_poll_t watch;
	int found; /* result of readiness_collect() in the last iteration */
};

static void on_set_readable(uv_poll_t *watch, int status, int events) {
	(void)events;
	aw_backend_state *self = watch->data;
	self->found = status < 0 ? status : readiness_collect(&self->readiness, 0);
}

/*
 * Acquires and releases the resources that libuv will need. libuv aborts if it can't create a loop's wakeup
 * descriptors or use its epoll set, and uv_loop_init (1.44) leaks descriptors if they run out midway.
 */
static aw_status check_resources(int watched) {
	enum { LOCK = 0, SIGNALS = 2, WAKEUP = 4, SET = 5, NEEDED = 6 };
	int fds[NEEDED] = {-1, -1, -1, -1, -1, -1};
	char byte = 0;
	struct epoll_event event = {.events = EPOLLIN};
	bool can = pipe2(fds + LOCK, O_CLOEXEC) == 0 && write(fds[LOCK + 1], &byte, 1) == 1 &&
	           read(fds[LOCK], &byte, 1) == 1 && pipe2(fds + SIGNALS, O_CLOEXEC | O_NONBLOCK) == 0 &&
	           (fds[WAKEUP] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) >= 0 &&
	           (fds[SET] = epoll_create1(EPOLL_CLOEXEC)) >= 0 &&
	           epoll_ctl(fds[SET], EPOLL_CTL_ADD, fds[SIGNALS], &event) == 0 &&
	           epoll_ctl(fds[SET], EPOLL_CTL_ADD, fds[WAKEUP], &event) == 0 &&
	           epoll_ctl(fds[SET], EPOLL_CTL_ADD, watched, &event) == 0;
	aw_status status = can ? 0 : -errno;
	for (int i = 0; i < NEEDED; i++)
		if (fds[i] >= 0) close(fds[i]);
	return status;
}

/*
 * libuv aborts when it closes one of its descriptors that is 0, 1 or 2, as in a program that has closed these.
 * Takes those that are free, so that it gets others.
 */
static aw_status standard_descriptors_take(int set, int *taken) {
	for (;;) {
		int fd = fcntl(set, F_DUPFD_CLOEXEC, 0);
		if (fd < 0) return -errno;
		if (fd > STDERR_FILENO) {
			close(fd);
			return 0;
		}
		*taken |= 1 << fd;
	}
}

static void standard_descriptors_give_back(int taken) {
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (taken & 1 << fd) close(fd);
}

static aw_status loop_init(aw_backend_state *self) {
	int taken = 0;
	aw_status status = standard_descriptors_take(self->readiness.set, &taken);
	/* libuv's statuses are negative errnos here. */
	if (status == 0) status = check_resources(self->readiness.set);
	if (status == 0) status = uv_loop_init(&self->loop);
	standard_descriptors_give_back(taken);
	return status;
}

static aw_status plugin_open(const aw_backend_core *core, uint32_t flags, uint64_t seed,
                             aw_backend_state **out) {
	(void)flags;
	(void)seed;
	aw_backend_state *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	aw_status status = readiness_open(&self->readiness, core);
	if (status < 0) goto no_readiness;
	status = loop_init(self);
	if (status < 0) goto no_loop;
	status = uv_poll_init(&self->loop, &self->watch, self->readiness.set);
	if (status < 0) goto no_watch;
	self->watch.data = self;
	status = uv_poll_start(&self->watch, UV_READABLE, on_set_readable);
	if (status < 0) goto no_start;
	/* libuv registers a started handle in the next iteration; then its descriptor reports every event. */
	uv_run(&self->loop, UV_RUN_NOWAIT);
	*out = self;
	return 0;
no_start:
	uv_close((uv_handle_t *)&self->watch, NULL);
	uv_run(&self->loop, UV_RUN_DEFAULT);
no_watch:
	uv_loop_close(&self->loop);
no_loop:
	readiness_close(&self->readiness);
no_readiness:
	free(self);
	return status;
}

static void close_loop(aw_backend_state *self) {
	uv_close((uv_handle_t *)&self->watch, NULL);
	uv_run(&self->loop, UV_RUN_DEFAULT);
	uv_loop_close(&self->loop);
}

static void plugin_close(aw_backend_state *self) {
	close_loop(self);
	readiness_close(&self->readiness);
	free(self);
}

/*
 * Closing libuv's loop modifies its epoll set, which is shared with the parent. Replace it with an empty one
 * first.
 */
static void plugin_abandon(aw_backend_state *self) {
	readiness_abandon(&self->readiness);
	int set = uv_backend_fd(&self->loop), fresh = epoll_create1(EPOLL_CLOEXEC);
	if (fresh >= 0 && dup3(fresh, set, O_CLOEXEC) == set)
		close_loop(self);
	else
		close(set); /* the rest of libuv's resources are leaked */
	if (fresh >= 0) close(fresh);
	free(self);
}

static aw_status plugin_submit(aw_backend_state *self, aw_op *op) {
	return readiness_submit(&self->readiness, op);
}

static void plugin_cancel(aw_backend_state *self, aw_op *op) {
	readiness_cancel(&self->readiness, op);
}

/*
 * Blocks until libuv has something to do. uv_run would resume its sleep after a signal, and its resolution is
 * a millisecond.
 */
static int block(aw_backend_state *self, int64_t span) {
	struct pollfd p = {.fd = uv_backend_fd(&self->loop), .events = POLLIN};
	struct timespec timeout = {(time_t)(span / AW_SECOND), (long)(span % AW_SECOND)};
	if (ppoll(&p, 1, span == INT64_MAX ? NULL : &timeout, NULL) >= 0) return 0;
	return errno == EINTR ? READINESS_INTERRUPTED : -errno;
}

static aw_status plugin_wait(aw_backend_state *self, int64_t deadline) {
	for (;;) {
		int64_t span = readiness_has_done(&self->readiness) ? 0 : readiness_left(deadline);
		int blocked = span > 0 ? block(self, span) : 0;
		self->found = 0;
		uv_run(&self->loop, UV_RUN_NOWAIT);
		int found = self->found < 0 ? self->found : blocked | self->found;
		if (readiness_deliver(&self->readiness) || found) return found < 0 ? found : 0;
		if (readiness_left(deadline) == 0) return 0;
	}
}

static aw_status plugin_try_wake(aw_backend_state *self) {
	return readiness_wake(&self->readiness);
}

static void plugin_wake(aw_backend_state *self) {
	(void)readiness_wake(&self->readiness);
}

static int plugin_descriptor(aw_backend_state *self) {
	(void)readiness_fd(&self->readiness);
	return uv_backend_fd(&self->loop);
}

/* Does not create a libuv loop, because that may abort the program. */
static aw_status plugin_probe(char *why, size_t length) {
	readiness trial;
	aw_status status = readiness_open(&trial, NULL);
	if (status == 0) {
		status = check_resources(trial.set);
		readiness_abandon(&trial);
	}
	if (status == 0 && uv_version() >> 16 != UV_VERSION_MAJOR) status = -ENOTSUP;
	return status < 0 ? readiness_explain(status, "libuv", why, length) : 0;
}

static char description[64];

__attribute__((constructor)) static void describe(void) {
	snprintf(description, sizeof description, "libuv %s", uv_version_string());
}

static const aw_backend uv_table = {
	.abi = AW_BACKEND_ABI,
	.size = sizeof(aw_backend),
	.name = "uv",
	.description = description,
	.capabilities = AW_BACKEND_HAS_FD | AW_BACKEND_CLASS_B,
	.probe = plugin_probe,
	.open = plugin_open,
	.close = plugin_close,
	.abandon = plugin_abandon,
	.submit = plugin_submit,
	.cancel = plugin_cancel,
	.wait = plugin_wait,
	.wake = plugin_wake,
	.fd = plugin_descriptor,
	.try_wake = plugin_try_wake,
};

AW_API const aw_backend *aw_backend_entry(void);

const aw_backend *aw_backend_entry(void) {
	return &uv_table;
}
