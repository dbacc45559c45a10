/* SPDX-License-Identifier: MIT */
/*
 * The libev backend. All waits are in readiness.c's epoll set, and one ev_io watches that set: libev
 * identifies a descriptor by number, and would watch the wrong file, or none, after the number is reused. As
 * a result libev allocates only in open, the only place where it may abort. Deadlines use a timerfd, since
 * libev's resolution is a millisecond.
 *
 * Uses a separate libev loop, never the default one, which would install a SIGCHLD handler.
 */
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "readiness.h"

/* libev wakes up after a minute at the latest; this is slightly less. */
static const int64_t max_block = 59 * AW_SECOND;

struct aw_backend_state {
	readiness readiness;
	struct ev_loop *loop;
	ev_io watch, clock;
	int alarm; /* the timerfd behind `clock` */
	int64_t alarm_at;
	int found;       /* result of readiness_collect() in the last iteration */
	bool was_called; /* the last iteration had an event */
	/* the errno with which libev stopped a watcher in the last iteration: its epoll_ctl failed */
	int killed;
};

/* libev stops a watcher before it reports the error. */
static void note_error(aw_backend_state *self, int events) {
	if (events & EV_ERROR) self->killed = errno ? errno : EIO;
}

static void on_set_readable(struct ev_loop *loop, ev_io *watch, int events) {
	(void)loop;
	aw_backend_state *self = watch->data;
	note_error(self, events);
	self->was_called = true;
	self->found = readiness_collect(&self->readiness, 0);
}

static void on_alarm(struct ev_loop *loop, ev_io *watch, int events) {
	(void)loop;
	aw_backend_state *self = watch->data;
	uint64_t times;
	note_error(self, events);
	self->was_called = true;
	self->alarm_at = INT64_MAX;
	while (read(self->alarm, &times, sizeof times) < 0 && errno == EINTR) continue;
}

static aw_status plugin_open(const aw_backend_core *core, uint32_t flags, uint64_t seed,
                             aw_backend_state **out) {
	(void)flags;
	(void)seed;
	const unsigned quiet = EVFLAG_NOENV | EVFLAG_NOINOTIFY | EVFLAG_NOSIGMASK | EVFLAG_NOTIMERFD;
	aw_backend_state *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	aw_status status = readiness_open(&self->readiness, core);
	if (status < 0) goto no_readiness;
	self->alarm_at = INT64_MAX;
	self->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	status = self->alarm < 0 ? -errno : 0;
	if (status < 0) goto no_alarm;
	errno = 0;
	self->loop = ev_loop_new(quiet | EVBACKEND_EPOLL);
	status = errno ? -errno : -ENOSYS;
	if (!self->loop) goto no_loop;
	ev_io_init(&self->watch, on_set_readable, self->readiness.set, EV_READ);
	ev_io_init(&self->clock, on_alarm, self->alarm, EV_READ);
	self->watch.data = self->clock.data = self;
	ev_io_start(self->loop, &self->watch);
	ev_io_start(self->loop, &self->clock);
	/* libev registers a started watcher only in the next iteration. */
	ev_run(self->loop, EVRUN_NOWAIT);
	status = -self->killed;
	if (status < 0) goto no_watch;
	*out = self;
	return 0;
no_watch:
	ev_loop_destroy(self->loop);
no_loop:
	close(self->alarm);
no_alarm:
	readiness_close(&self->readiness);
no_readiness:
	free(self);
	return status;
}

/* Destroying the loop closes and frees it without modifying an epoll set that may be shared with a parent. */
static void free_state(aw_backend_state *self) {
	ev_loop_destroy(self->loop);
	close(self->alarm);
	free(self);
}

static void plugin_close(aw_backend_state *self) {
	readiness_close(&self->readiness);
	free_state(self);
}

static void plugin_abandon(aw_backend_state *self) {
	readiness_abandon(&self->readiness);
	free_state(self);
}

static aw_status plugin_submit(aw_backend_state *self, aw_op *op) {
	return readiness_submit(&self->readiness, op);
}

static void plugin_cancel(aw_backend_state *self, aw_op *op) {
	readiness_cancel(&self->readiness, op);
}

/* A stale, earlier alarm is harmless: it causes one spurious wakeup. */
static aw_status set_alarm(aw_backend_state *self, int64_t deadline) {
	if (deadline == INT64_MAX || deadline == self->alarm_at) return 0;
	struct itimerspec when = {.it_value = {(time_t)(deadline / AW_SECOND), (long)(deadline % AW_SECOND)}};
	if (timerfd_settime(self->alarm, TFD_TIMER_ABSTIME, &when, NULL) < 0) return -errno;
	self->alarm_at = deadline;
	return 0;
}

/* Runs one iteration of libev's loop. */
static int run_once(aw_backend_state *self, bool may_block) {
	int64_t began = may_block ? readiness_now() : 0;
	bool again = self->killed;
	if (again) { /* this iteration registers them again; starting an active one does nothing */
		ev_io_start(self->loop, &self->watch);
		ev_io_start(self->loop, &self->clock);
	}
	self->found = self->killed = 0;
	self->was_called = false;
	ev_run(self->loop, may_block ? EVRUN_ONCE : EVRUN_NOWAIT);
	if (again && self->killed) return -self->killed;
	/* libev does not report signals, but only a signal makes it return without an event. */
	if (may_block && !self->was_called && readiness_now() - began < max_block) return READINESS_INTERRUPTED;
	return self->found;
}

static aw_status plugin_wait(aw_backend_state *self, int64_t deadline) {
	for (;;) {
		bool may_block = !readiness_has_done(&self->readiness) && readiness_left(deadline) > 0;
		aw_status status = may_block ? set_alarm(self, deadline) : 0;
		int found = status < 0 ? status : run_once(self, may_block);
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

/* libev has no descriptor to poll, but readiness.c's set is one. */
static int plugin_descriptor(aw_backend_state *self) {
	return readiness_fd(&self->readiness);
}

static aw_status plugin_probe(char *why, size_t length) {
	aw_backend_state *trial = NULL;
	aw_status status = plugin_open(NULL, 0, 0, &trial);
	if (status < 0) return readiness_explain(status, "libev", why, length);
	plugin_close(trial);
	return 0;
}

static char description[64];

__attribute__((constructor)) static void describe(void) {
	snprintf(description, sizeof description, "libev %d.%d", ev_version_major(), ev_version_minor());
}

static const aw_backend ev_table = {
	.abi = AW_BACKEND_ABI,
	.size = sizeof(aw_backend),
	.name = "ev",
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
	return &ev_table;
}
