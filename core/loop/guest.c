/* SPDX-License-Identifier: MIT */
/*
 * Guest mode. The descriptor is an epoll set with three members: the backend's descriptor, an eventfd for
 * work queued outside dispatch, and a timerfd for the next deadline.
 *
 * If the backend has no descriptor (libev), a helper thread waits on it and writes the eventfd when the wait
 * returns. Two threads never use the backend at once: code on the loop's side first interrupts the helper's
 * wait, and lets it resume afterwards.
 */
#include "guest.h"

#include "failure.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct guest {
	aw_loop *loop;
	int set, event, clock;
	bool signalled;    /* the eventfd is readable, or about to be */
	bool timer_failed; /* only because setting the timerfd failed, so the host must poll */
	int64_t deadline;  /* the timerfd's setting */
	/* The helper thread, if there is one. The mutex guards what follows. */
	bool has_helper;
	pthread_t helper;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned pauses;
	bool waiting, may_wait, quit;
};

static void event_write(guest *self) {
	uint64_t one = 1;
	/* Can fail only on overflow, and then the eventfd is readable anyway. */
	(void)!write(self->event, &one, sizeof one);
}

static void event_clear(guest *self) {
	uint64_t count;
	(void)!read(self->event, &count, sizeof count);
	self->signalled = self->timer_failed = false;
}

void guest_work(guest *self) {
	self->timer_failed = false;
	if (self->signalled) return;
	self->signalled = true;
	event_write(self);
}

/* The timerfd can't be set. Keep the descriptor readable, so that the host dispatches at once each time. */
static void guest_poll_always(guest *self) {
	self->deadline = -1;
	if (self->signalled) return;
	guest_work(self);
	self->timer_failed = true;
}

static aw_status clock_set(guest *self, int64_t left) {
	struct itimerspec spec = {0};
	if (left != AW_FOREVER) spec.it_value = (struct timespec){left / AW_SECOND, left % AW_SECOND};
	return timerfd_settime(self->clock, 0, &spec, NULL) < 0 ? -errno : 0;
}

void guest_deadline(guest *self, int64_t deadline) {
	/* While wakes fail, have the host dispatch periodically. */
	if (atomic_load_explicit(&self->loop->wake_refused, memory_order_relaxed)) {
		int64_t bound = loop_after(self->loop, SLEEP_WITHOUT_WAKE);
		if (bound < deadline) deadline = bound;
	}
	if (deadline == self->deadline) return;
	self->deadline = deadline;
	int64_t now = loop_now(self->loop);
	if (deadline <= now) {
		guest_work(self);
		deadline = AW_FOREVER;
	}
	/* A time of zero would disarm the timer. */
	if (clock_set(self, deadline == AW_FOREVER ? AW_FOREVER : deadline - now) < 0) guest_poll_always(self);
}

/* --- the helper thread --- */

static void *helper_main(void *arg) {
	guest *self = arg;
	const aw_backend *backend = self->loop->backend;
	pthread_mutex_lock(&self->mutex);
	while (!self->quit) {
		if (!self->may_wait || self->pauses) {
			pthread_cond_wait(&self->changed, &self->mutex);
			continue;
		}
		self->waiting = true;
		pthread_mutex_unlock(&self->mutex);
		(void)backend->wait(self->loop->backend_state, AW_FOREVER);
		pthread_mutex_lock(&self->mutex);
		self->waiting = false;
		/* After a pause the helper waits again; after an event the host must dispatch first. */
		if (!self->pauses) {
			self->may_wait = false;
			event_write(self);
		}
		pthread_cond_broadcast(&self->changed);
	}
	pthread_mutex_unlock(&self->mutex);
	return NULL;
}

void guest_pause(guest *self) {
	if (!self->has_helper) return;
	pthread_mutex_lock(&self->mutex);
	self->pauses++;
	while (self->waiting) {
		if (loop_wake_backend(self->loop) == 0) {
			pthread_cond_wait(&self->changed, &self->mutex);
			continue;
		}
		/* The wake failed: retry after a moment, unless the wait returns by itself. */
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += SLEEP_WITHOUT_WAKE;
		if (until.tv_nsec >= AW_SECOND) {
			until.tv_nsec -= AW_SECOND;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&self->changed, &self->mutex, &until);
	}
	pthread_mutex_unlock(&self->mutex);
}

void guest_resume(guest *self) {
	if (!self->has_helper) return;
	pthread_mutex_lock(&self->mutex);
	/* The interrupted wait may have completed operations, which the host must dispatch. */
	bool found = self->loop->completed.head != NULL;
	if (--self->pauses == 0) pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->mutex);
	if (found && !self->loop->dispatching) guest_work(self);
}

static aw_status helper_start(guest *self) {
	sigset_t all, old;
	pthread_mutex_init(&self->mutex, NULL);
	pthread_cond_init(&self->changed, NULL);
	self->may_wait = true;
	/* This thread must not run the host's signal handlers. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int error = pthread_create(&self->helper, NULL, helper_main, self);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	self->has_helper = error == 0;
	return -error;
}

static void helper_stop(guest *self) {
	guest_pause(self);
	pthread_mutex_lock(&self->mutex);
	self->quit = true;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->mutex);
	pthread_join(self->helper, NULL);
	pthread_cond_destroy(&self->changed);
	pthread_mutex_destroy(&self->mutex);
}

/* --- a dispatch as a guest --- */

aw_status guest_dispatch(guest *self, aw_status (*dispatch)(aw_loop *loop)) {
	aw_loop *loop = self->loop;
	guest_pause(self);
	bool had_work = (self->signalled && !self->timer_failed) || loop->completed.head;
	/* Otherwise not readable, unless a helper thread has written it without setting the flag. */
	if (self->signalled || self->has_helper) event_clear(self);
	aw_status status = dispatch(loop);
	if (loop->guest != self) return status; /* abandoned in a child that was forked during dispatch */
	if (status == 0 && !had_work && !loop->was_woken) status = -EAGAIN;
	if (aw_loop_pending(loop)) guest_work(self);
	/* An expired timerfd stays readable until it is set again. */
	if (self->deadline != AW_FOREVER && self->deadline <= loop_now(loop)) self->deadline = -1;
	guest_deadline(self, timers_deadline(&loop->timers));
	if (self->has_helper) {
		pthread_mutex_lock(&self->mutex);
		self->may_wait = true;
		pthread_mutex_unlock(&self->mutex);
	}
	guest_resume(self);
	return status;
}

/* --- on and off --- */

static void guest_free(guest *self) {
	if (self->set >= 0) close(self->set);
	if (self->event >= 0) close(self->event);
	if (self->clock >= 0) close(self->clock);
	free(self);
}

static aw_status set_add(guest *self, int fd) {
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	return epoll_ctl(self->set, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static aw_status guest_open(guest *self) {
	const aw_backend *backend = self->loop->backend;
	self->set = epoll_create1(EPOLL_CLOEXEC);
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	self->clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (self->set < 0 || self->event < 0 || self->clock < 0) return -errno;
	aw_status status = set_add(self, self->event);
	if (status == 0) status = set_add(self, self->clock);
	if (status == 0) status = clock_set(self, AW_FOREVER); /* fails here if timerfds are not permitted */
	if (status < 0) return status;
	if (!(backend->capabilities & AW_BACKEND_HAS_FD)) return helper_start(self);
	int fd = backend->fd(self->loop->backend_state);
	return fd < 0 ? fd : set_add(self, fd);
}

ENTRY(aw_loop_guest_begin, (aw_loop *loop, int *out_fd), (loop, out_fd)) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (!out_fd) return -EINVAL;
	if (loop->guest || loop->running) return -EBUSY;
	/* A clock that advances only in the backend's wait can't be polled by a host. */
	if (loop->backend->capabilities & AW_BACKEND_OWN_CLOCK) return -ENOTSUP;
	guest *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->loop = loop;
	self->deadline = AW_FOREVER;
	self->set = self->event = self->clock = -1;
	status = guest_open(self);
	if (status < 0) {
		guest_free(self);
		return status;
	}
	loop->guest = self;
	guest_deadline(self, timers_deadline(&loop->timers));
	if (loop_expect_wake(loop) || aw_loop_pending(loop)) guest_work(self);
	*out_fd = self->set;
	return 0;
}

void guest_end(aw_loop *loop) {
	guest *self = loop->guest;
	if (!self) return;
	if (self->has_helper) helper_stop(self);
	loop->guest = NULL;
	guest_free(self);
}

ENTRY(aw_loop_guest_end, (aw_loop *loop), (loop)) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (!loop->guest) return AW_EINVALIDSTATE;
	/* guest_dispatch() is still using the guest. */
	if (loop->dispatching) return -EBUSY;
	guest_end(loop);
	return 0;
}

void guest_abandon(aw_loop *loop) {
	guest *self = loop->guest;
	if (!self) return;
	/* A fork does not copy the helper thread. The mutex and condition it used are leaked. */
	loop->guest = NULL;
	guest_free(self);
}
