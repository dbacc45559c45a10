/* SPDX-License-Identifier: MIT */
/*
 * System calls that the kernel refuses once, or for a while: epoll_ctl without memory, an eventfd that can't be written. The loop says so where
 * somebody can hear it, tries again, and is never deaf afterwards. The calls are this program's own: they stand before the C library's.
 */
#include <await/await.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

/* How many of the next calls fail, and with what. */
static atomic_int refuse_ctl, refuse_write, refuse_settime;

static bool refused(atomic_int *left) {
	int count = atomic_load(left);
	while (count > 0)
		if (atomic_compare_exchange_weak(left, &count, count - 1)) return true;
	return false;
}

int epoll_ctl(int set, int what, int fd, struct epoll_event *event) {
	if (what != EPOLL_CTL_DEL && refused(&refuse_ctl)) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, set, what, fd, event);
}

ssize_t write(int fd, const void *data, size_t size) {
	if (size == sizeof(uint64_t) && refused(&refuse_write)) {
		errno = EPERM;
		return -1;
	}
	return syscall(SYS_write, fd, data, size);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old) {
	if (refused(&refuse_settime)) {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_timerfd_settime, fd, flags, new, old);
}

static void refuse_nothing(void) {
	atomic_store(&refuse_ctl, 0);
	atomic_store(&refuse_write, 0);
	atomic_store(&refuse_settime, 0);
}

typedef struct heard {
	int calls, destroyed, reports;
} heard;

static aw_status on_signal(aw_loop *loop, void *ud) {
	(void)loop;
	((heard *)ud)->calls++;
	return 0;
}

static void on_destroy(void *ud) {
	((heard *)ud)->destroyed++;
}

static aw_status on_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	((heard *)ud)->reports++;
	return 0;
}

/* Runs until `count` calls were made; a loop that went deaf is stopped by the limit, in real time on every backend. */
static bool runs_until(aw_loop *loop, const int *what, int count) {
	for (time_t end = time(NULL) + 20; *what < count && time(NULL) < end;)
		if (aw_loop_run_once(loop, AW_SECOND) < 0) return false;
	return *what >= count;
}

static aw_loop *loop_begin(heard *self) {
	aw_loop *loop = NULL;
	refuse_nothing();
	EXPECT_INT(aw_loop_new(NULL, &loop), 0);
	EXPECT_INT(aw_loop_set_exception_handler(loop, on_report, self, NULL), 0);
	return loop;
}

static void loop_end(aw_loop *loop) {
	refuse_nothing();
	aw_loop_close(loop);
	aw_loop_unref(loop);
}

static void a_signal_watch_that_cannot_be_armed_is_refused(void) {
	heard self = {0}, before = {0};
	aw_loop *loop = loop_begin(&self);
	atomic_store(&refuse_ctl, 1000);
	aw_status status = aw_loop_add_signal_handler(loop, SIGUSR1, on_signal, &self, on_destroy);
	EXPECT(status < 0);
	EXPECT_INT(self.destroyed, 1);
	refuse_nothing();
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, on_signal, &before, on_destroy), 0);
	raise(SIGUSR1);
	EXPECT(runs_until(loop, &before.calls, 1));
	loop_end(loop);
	EXPECT_INT(before.destroyed, 1);
}

static void a_signal_watch_that_cannot_be_armed_again_is_tried_again(void) {
	heard self = {0};
	aw_loop *loop = loop_begin(&self);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, on_signal, &self, on_destroy), 0);
	for (int i = 1; i <= 5; i++) {
		raise(SIGUSR1);
		atomic_store(&refuse_ctl, 3);
		EXPECT(runs_until(loop, &self.calls, i));
	}
	refuse_nothing();
	raise(SIGUSR1);
	EXPECT(runs_until(loop, &self.calls, 6));
	loop_end(loop);
}

static void a_signal_whose_ring_was_refused_is_heard(void) {
	heard self = {0};
	aw_loop *loop = loop_begin(&self);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, on_signal, &self, on_destroy), 0);
	for (int i = 1; i <= 3; i++) {
		atomic_store(&refuse_write, 1);
		raise(SIGUSR1);
		EXPECT(runs_until(loop, &self.calls, i));
	}
	loop_end(loop);
}

/* Posts from another thread, the first of which can't wake the loop. */
typedef struct posts {
	aw_loop *loop;
	heard heard;
	int refusals;
} posts;

static void *post_twice(void *arg) {
	posts *self = arg;
	atomic_store(&refuse_ctl, self->refusals);
	atomic_store(&refuse_write, self->refusals);
	aw_loop_call_soon_threadsafe(self->loop, on_signal, &self->heard, NULL);
	refuse_nothing();
	aw_loop_call_soon_threadsafe(self->loop, on_signal, &self->heard, NULL);
	return NULL;
}

static void a_wake_that_was_refused_leaves_later_ones(void) {
	for (int i = 0; i < 20; i++) {
		posts self = {.refusals = 1000};
		self.loop = loop_begin(&self.heard);
		pthread_t thread;
		REQUIRE(pthread_create(&thread, NULL, post_twice, &self) == 0);
		EXPECT(runs_until(self.loop, &self.heard.calls, 2));
		pthread_join(thread, NULL);
		loop_end(self.loop);
	}
}

static void a_loop_waits_though_its_engine_cannot_watch(void) {
	heard self = {0};
	refuse_nothing();
	aw_loop *loop = NULL;
	/* The first turn of an engine registers what it watches. */
	for (int refusals = 1; refusals < 6; refusals++) {
		atomic_store(&refuse_ctl, refusals);
		aw_status status = aw_loop_new(NULL, &loop);
		refuse_nothing();
		if (status < 0) continue;
		self = (heard){0};
		EXPECT_INT(aw_loop_call_later(loop, 20 * AW_MILLISECOND, on_signal, &self, NULL, NULL), 0);
		EXPECT(runs_until(loop, &self.calls, 1));
		int ends[2];
		REQUIRE(pipe(ends) == 0);
		EXPECT_INT(aw_loop_add_reader(loop, ends[0], on_signal, &self, NULL), 0);
		REQUIRE(syscall(SYS_write, ends[1], "x", (size_t)1) == 1);
		EXPECT(runs_until(loop, &self.calls, 2));
		aw_loop_remove_reader(loop, ends[0]);
		loop_end(loop);
		close(ends[0]);
		close(ends[1]);
	}
}

CHECK_MAIN("refused_calls", CASE(a_signal_watch_that_cannot_be_armed_is_refused),
           CASE(a_signal_watch_that_cannot_be_armed_again_is_tried_again), CASE(a_signal_whose_ring_was_refused_is_heard),
           CASE(a_wake_that_was_refused_leaves_later_ones), CASE(a_loop_waits_though_its_engine_cannot_watch))
