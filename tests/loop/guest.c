/* SPDX-License-Identifier: MIT */
/* Labels: backends real-time threads valgrind */
/*
 * Guest mode: the descriptor is readable whenever a dispatch would do something, and a dispatch with nothing
 * to do ends the host's turn.
 */
#include "trace.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

/*
 * An interrupted poll is polled again: io_uring interrupts its submitter's system calls when something
 * completes.
 */
static int readable(int fd, int timeout_ms) {
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int ready;
	do ready = poll(&poll_fd, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	return ready;
}

static int edge(int outer, int timeout_ms) {
	struct epoll_event event;
	int ready;
	do ready = epoll_wait(outer, &event, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	return ready;
}

/* A host's turn: dispatches until nothing is left to do. Returns the number of callbacks that ran. */
static int turn(aw_loop *loop) {
	int ran = 0;
	for (int i = 0; i < 1000; i++) {
		aw_status status = aw_loop_dispatch(loop);
		if (status == -EAGAIN) return ran;
		if (status < 0) return status;
		ran += status;
	}
	return -1;
}

/* Dispatches whenever the descriptor is readable, until `ran` callbacks have run. */
static int host(aw_loop *loop, int fd, int callbacks) {
	int ran = 0;
	for (int i = 0; i < 1000 && ran < callbacks && readable(fd, 10000) == 1; i++) ran += turn(loop);
	return ran;
}

static int guest_begin(aw_loop *loop) {
	int fd = -1;
	EXPECT_INT(aw_loop_guest_begin(loop, &fd), 0);
	EXPECT(fd >= 0);
	turn(loop);
	EXPECT_INT(readable(fd, 0), 0);
	return fd;
}

static void work_queued_outside_a_dispatch_makes_it_readable(void) {
	aw_loop *loop = loop_begin(NULL);
	int fd = guest_begin(loop);
	aw_loop_call_soon(loop, say, "a", NULL, NULL);
	EXPECT_INT(readable(fd, 0), 1);
	EXPECT_INT(turn(loop), 1);
	EXPECT_STR(trace, "a");
	EXPECT_INT(readable(fd, 0), 0);
	EXPECT_INT(aw_loop_dispatch(loop), -EAGAIN);
	EXPECT_INT(aw_loop_guest_end(loop), 0);
	loop_end(loop);
}

static void work_that_was_there_before_counts_too(void) {
	aw_loop *loop = loop_begin(NULL);
	int fd = -1;
	aw_loop_call_soon(loop, say, "a", NULL, NULL);
	EXPECT_INT(aw_loop_guest_begin(loop, &fd), 0);
	EXPECT_INT(readable(fd, 0), 1);
	EXPECT_INT(host(loop, fd, 1), 1);
	loop_end(loop);
}

static void a_timer_makes_it_readable_in_time(void) {
	aw_loop *loop = loop_begin(NULL);
	int fd = guest_begin(loop);
	int64_t now = aw_loop_time(loop);
	aw_loop_call_at(loop, now + 3 * AW_MILLISECOND, say, "timer", NULL, NULL);
	aw_loop_call_at(loop, now + AW_MILLISECOND, say, "earlier", NULL, NULL);
	EXPECT_INT(host(loop, fd, 2), 2);
	EXPECT_STR(trace, "earlier timer");
	EXPECT_INT(readable(fd, 0), 0);
	loop_end(loop);
}

static void an_operation_that_ends_makes_it_readable(void) {
	aw_loop *loop = loop_begin(NULL);
	int fds[2], fd = guest_begin(loop);
	aw_completion done;
	REQUIRE(pipe(fds) == 0);
	aw_submission one = {
		.size = sizeof one, .kind = AW_OP_POLL, .token = 1, .fd = fds[0], .flags = AW_POLL_IN};
	EXPECT_INT(aw_loop_submit(loop, &one, 1), 1);
	turn(loop);
	EXPECT_INT(write(fds[1], "x", 1), 1);
	EXPECT_INT(readable(fd, 10000), 1);
	aw_status got = 0;
	for (int i = 0; i < 100 && got == 0; i++) got = aw_loop_drain(loop, &done, 1, 0);
	EXPECT_INT(got, 1);
	close(fds[0]);
	close(fds[1]);
	loop_end(loop);
}

static void a_wakeup_makes_it_readable_and_is_something(void) {
	aw_loop *loop = loop_begin(NULL);
	int fd = guest_begin(loop);
	EXPECT_INT(aw_loop_wakeup(loop), 0);
	EXPECT_INT(readable(fd, 10000), 1);
	EXPECT_INT(aw_loop_dispatch(loop), 0);
	EXPECT_INT(aw_loop_dispatch(loop), -EAGAIN);
	EXPECT_INT(readable(fd, 0), 0);
	loop_end(loop);
}

static void *post(void *loop) {
	for (int i = 0; i < 50; i++) aw_loop_call_soon_threadsafe(loop, say, "x", NULL);
	return NULL;
}

static void an_edge_triggered_host_misses_nothing(void) {
	aw_loop *loop = loop_begin(NULL);
	int fd = guest_begin(loop), outer = epoll_create1(EPOLL_CLOEXEC), ran = 0;
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	pthread_t thread;
	REQUIRE(outer >= 0 && epoll_ctl(outer, EPOLL_CTL_ADD, fd, &event) == 0);
	REQUIRE(pthread_create(&thread, NULL, post, loop) == 0);
	aw_loop_call_later(loop, AW_MILLISECOND, say, "t", NULL, NULL);
	for (int i = 0; i < 1000 && ran < 51 && edge(outer, 10000) == 1; i++) ran += turn(loop);
	EXPECT_INT(ran, 51);
	pthread_join(thread, NULL);
	/* And again after it was idle. */
	turn(loop);
	aw_loop_call_soon(loop, say, "again", NULL, NULL);
	EXPECT_INT(edge(outer, 10000), 1);
	EXPECT_INT(turn(loop), 1);
	close(outer);
	loop_end(loop);
}

static aw_status naps(void *ud) {
	for (int i = 0; i < 3; i++) EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	EXPECT(aw_sleep(0) >= 0);
	trace_add(ud);
	return 0;
}

static void tasks_run_under_a_host(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_task *task;
	int fd = guest_begin(loop);
	REQUIRE(aw_task_spawn(loop, naps, "slept", NULL, &task) == 0);
	for (int i = 0; i < 1000 && !aw_future_done(aw_task_future(task)) && readable(fd, 10000) == 1; i++)
		turn(loop);
	EXPECT_STR(trace, "slept");
	aw_task_unref(task);
	loop_end(loop);
}

static aw_status ends_guest_mode(aw_loop *loop, void *ud) {
	(void)ud;
	trace_status("end", aw_loop_guest_end(loop));
	trace_status("begin", aw_loop_guest_begin(loop, (int[]){0}));
	return 0;
}

static void what_does_not_fit_a_guest_is_refused(void) {
	aw_loop *loop = loop_begin(NULL);
	int fd = -1;
	EXPECT_INT(aw_loop_guest_end(loop), AW_EINVALIDSTATE);
	EXPECT_INT(aw_loop_guest_begin(loop, NULL), -EINVAL);
	EXPECT_INT(aw_loop_guest_begin(loop, &fd), 0);
	EXPECT_INT(aw_loop_guest_begin(loop, &fd), -EBUSY);
	EXPECT_INT(aw_loop_run_once(loop, 0), -EBUSY);
	EXPECT_INT(aw_loop_run_forever(loop), -EBUSY);
	aw_loop_call_soon(loop, ends_guest_mode, NULL, NULL, NULL);
	turn(loop);
	EXPECT_STR(trace, "end:EBUSY begin:EBUSY");
	EXPECT_INT(aw_loop_guest_end(loop), 0);
	EXPECT(fcntl(fd, F_GETFD) < 0);
	aw_loop_call_soon(loop, say, "runs", NULL, NULL);
	EXPECT_INT(aw_loop_run_once(loop, 0), 1);
	EXPECT_INT(aw_loop_guest_begin(loop, &fd), 0);
	loop_end(loop);
	EXPECT(fcntl(fd, F_GETFD) < 0);
}

static void a_stop_reaches_the_host(void) {
	aw_loop *loop = loop_begin(NULL);
	int fd = guest_begin(loop);
	EXPECT_INT(aw_loop_stop(loop), 0);
	EXPECT_INT(readable(fd, 0), 1);
	EXPECT_INT(aw_loop_take_stop(loop), 1);
	EXPECT(turn(loop) == 0);
	EXPECT_INT(readable(fd, 0), 0);
	loop_end(loop);
}

static void under_virtual_time_there_is_no_guest(void) {
	aw_loop *loop = loop_begin("virtual");
	int fd = -1;
	EXPECT_INT(aw_loop_guest_begin(loop, &fd), -ENOTSUP);
	EXPECT_INT(fd, -1);
	loop_end(loop);
}

CHECK_MAIN("guest", TEST(work_queued_outside_a_dispatch_makes_it_readable),
           TEST(work_that_was_there_before_counts_too), TEST(a_timer_makes_it_readable_in_time),
           TEST(an_operation_that_ends_makes_it_readable), TEST(a_wakeup_makes_it_readable_and_is_something),
           TEST(an_edge_triggered_host_misses_nothing), TEST(tasks_run_under_a_host),
           TEST(what_does_not_fit_a_guest_is_refused), TEST(a_stop_reaches_the_host),
           TEST(under_virtual_time_there_is_no_guest))
