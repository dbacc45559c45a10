/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* The completion queue: each accepted operation completes once, whatever ends it. */
#include "trace.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static aw_submission operation(uint32_t kind, uint64_t token) {
	return (aw_submission){
		.size = sizeof(aw_submission), .kind = kind, .token = token, .fd = -1, .offset = -1};
}

static aw_status submit(aw_loop *loop, aw_submission one) {
	return aw_loop_submit(loop, &one, 1);
}

/* Drains until `count` completions have arrived, or no more do. */
static size_t drain(aw_loop *loop, aw_completion *out, size_t count) {
	size_t got = 0;
	for (int idle = 0; got < count && idle < 1000; idle++) {
		aw_status more = aw_loop_drain(loop, out + got, count - got, AW_SECOND);
		if (more < 0) break;
		got += (size_t)more;
	}
	return got;
}

static void nops_complete_in_their_order(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_submission many[100];
	aw_completion done[100];
	for (uint64_t i = 0; i < 100; i++) many[i] = operation(AW_OP_NOP, i);
	EXPECT_INT(aw_loop_submit(loop, many, 100), 100);
	EXPECT_INT(drain(loop, done, 100), 100);
	int wrong = 0;
	for (uint64_t i = 0; i < 100; i++) wrong += done[i].token != i || done[i].status != 0;
	EXPECT_INT(wrong, 0);
	EXPECT_INT(aw_loop_drain(loop, done, 1, 0), -EAGAIN);
	loop_end(loop);
}

static void sleeps_complete_by_deadline(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_completion done[3];
	const int64_t delays[3] = {3, 1, 2};
	int64_t began = aw_loop_time(loop);
	for (size_t i = 0; i < 3; i++) {
		aw_submission sleep = operation(AW_OP_SLEEP, (uint64_t)delays[i]);
		sleep.offset = delays[i] * 20 * AW_MILLISECOND; /* far apart: each counts from its own submit */
		EXPECT_INT(submit(loop, sleep), 1);
	}
	EXPECT_INT(drain(loop, done, 3), 3);
	EXPECT(done[0].token == 1 && done[1].token == 2 && done[2].token == 3);
	EXPECT(aw_loop_time(loop) - began >= 60 * AW_MILLISECOND);
	loop_end(loop);
}

static void bytes_go_through_a_pipe(void) {
	aw_loop *loop = loop_begin(NULL);
	int fds[2];
	char text[16] = "";
	aw_completion done[2];
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	aw_submission both[2] = {operation(AW_OP_READ, 1), operation(AW_OP_WRITE, 2)};
	both[0].fd = fds[0];
	both[0].buffer = text;
	both[0].length = sizeof text;
	both[1].fd = fds[1];
	both[1].buffer = (char[]){"hello"};
	both[1].length = 5;
	EXPECT_INT(aw_loop_submit(loop, both, 2), 2);
	EXPECT_INT(drain(loop, done, 2), 2);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(done[i].status, 0);
		EXPECT_INT(done[i].value, 5);
	}
	EXPECT_STR(text, "hello");
	/* At the end of the file, the value is 0. */
	close(fds[1]);
	EXPECT_INT(submit(loop, both[0]), 1);
	EXPECT_INT(drain(loop, done, 1), 1);
	EXPECT(done[0].status == 0 && done[0].value == 0);
	close(fds[0]);
	loop_end(loop);
}

static void a_write_to_nobody_is_an_error_and_no_signal(void) {
	aw_loop *loop = loop_begin(NULL);
	int fds[2];
	aw_completion done;
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	close(fds[0]);
	aw_submission one = operation(AW_OP_SEND, 1);
	one.fd = fds[1];
	one.buffer = (char[]){"x"};
	one.length = 1;
	EXPECT_INT(submit(loop, one), 1);
	EXPECT_INT(drain(loop, &done, 1), 1);
	EXPECT_INT(done.status, -EPIPE);
	one.kind = AW_OP_WRITE;
	EXPECT_INT(submit(loop, one), 1);
	EXPECT_INT(drain(loop, &done, 1), 1);
	EXPECT_INT(done.status, -EPIPE);
	close(fds[1]);
	loop_end(loop);
}

static void a_poll_tells_what_is_ready(void) {
	aw_loop *loop = loop_begin(NULL);
	int fds[2];
	aw_completion done;
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	aw_submission one = operation(AW_OP_POLL, 7);
	one.fd = fds[0];
	one.flags = AW_POLL_IN;
	EXPECT_INT(submit(loop, one), 1);
	EXPECT_INT(aw_loop_drain(loop, &done, 1, 0) > 0, 0);
	EXPECT_INT(write(fds[1], "x", 1), 1);
	EXPECT_INT(drain(loop, &done, 1), 1);
	EXPECT(done.token == 7 && done.status == 0 && done.value & AW_POLL_IN);
	close(fds[0]);
	close(fds[1]);
	loop_end(loop);
}

static void a_future_is_waited_for_and_not_cancelled(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *one = NULL, *two = NULL;
	aw_completion done;
	REQUIRE(aw_future_new(loop, &one) == 0 && aw_future_new(loop, &two) == 0);
	aw_submission wait = operation(AW_OP_FUTURE, 1);
	wait.buffer = one;
	EXPECT_INT(submit(loop, wait), 1);
	wait.token = 2;
	wait.buffer = two;
	EXPECT_INT(submit(loop, wait), 1);
	static char value;
	EXPECT(aw_future_set_result(one, &value, NULL) >= 0);
	EXPECT_INT(drain(loop, &done, 1), 1);
	EXPECT(done.token == 1 && done.status == 0 && done.value == (int64_t)(intptr_t)&value);
	EXPECT_INT(aw_loop_cancel_token(loop, 2), 1);
	EXPECT_INT(drain(loop, &done, 1), 1);
	EXPECT(done.token == 2 && done.status == AW_ECANCELLED);
	EXPECT_INT(aw_future_done(two), 0);
	/* A failure is only a status, and counts as retrieved. */
	EXPECT_INT(submit(loop, wait), 1);
	aw_future_fail(two, -EIO, NULL);
	EXPECT_INT(drain(loop, &done, 1), 1);
	EXPECT_INT(done.status, -EIO);
	wait.buffer = NULL;
	EXPECT_INT(submit(loop, wait), AW_EBADHANDLE);
	aw_future_unref(one);
	aw_future_unref(two);
	loop_end(loop);
}

static void cancelled_operations_complete_once(void) {
	aw_loop *loop = loop_begin(NULL);
	int fds[2];
	char byte;
	aw_completion done[4];
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	aw_submission many[3] = {operation(AW_OP_READ, 5), operation(AW_OP_SLEEP, 5), operation(AW_OP_SLEEP, 6)};
	many[0].fd = fds[0];
	many[0].buffer = &byte;
	many[0].length = 1;
	many[1].offset = many[2].offset = 3600 * AW_SECOND;
	EXPECT_INT(aw_loop_submit(loop, many, 3), 3);
	EXPECT_INT(aw_loop_cancel_token(loop, 5), 2);
	EXPECT_INT(aw_loop_cancel_token(loop, 5), 2); /* already requested: harmless */
	EXPECT_INT(aw_loop_cancel_token(loop, 99), 0);
	EXPECT_INT(drain(loop, done, 2), 2);
	for (int i = 0; i < 2; i++) EXPECT(done[i].token == 5 && done[i].status == AW_ECANCELLED);
	EXPECT_INT(aw_loop_cancel_token(loop, 5), 0);
	EXPECT_INT(aw_loop_cancel_token(loop, 6), 1);
	EXPECT_INT(drain(loop, done, 1), 1);
	EXPECT_INT(done[0].token, 6);
	close(fds[0]);
	close(fds[1]);
	loop_end(loop);
}

static void what_is_refused_stops_the_array_there(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_completion done[4];
	aw_submission many[3] = {operation(AW_OP_NOP, 1), operation(77, 2), operation(AW_OP_NOP, 3)};
	EXPECT_INT(aw_loop_submit(loop, many, 3), 1);
	EXPECT_INT(aw_loop_submit(loop, many + 1, 2), -EINVAL);
	many[2].size = 4;
	EXPECT_INT(aw_loop_submit(loop, many + 2, 1), -EINVAL);
	EXPECT_INT(aw_loop_submit(loop, NULL, 1), -EINVAL);
	EXPECT_INT(aw_loop_submit(loop, NULL, 0), 0);
	EXPECT_INT(aw_loop_drain(loop, NULL, 1, 0), -EINVAL);
	EXPECT_INT(aw_loop_drain(loop, done, 0, 0), -EINVAL);
	EXPECT_INT(drain(loop, done, 1), 1);
	EXPECT_INT(aw_loop_drain(loop, done, 4, 0), -EAGAIN);
	loop_end(loop);
}

static void a_bad_descriptor_is_told_by_the_completion_or_at_once(void) {
	aw_loop *loop = loop_begin(NULL);
	char byte;
	aw_completion done = {.status = 0};
	aw_submission one = operation(AW_OP_READ, 1);
	one.buffer = &byte;
	one.length = 1;
	aw_status status = submit(loop, one);
	if (status == 1) {
		EXPECT_INT(drain(loop, &done, 1), 1);
		status = done.status;
	}
	EXPECT_INT(status, -EBADF);
	loop_end(loop);
}

static void a_drain_tells_something_else_from_nothing(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_completion done;
	aw_loop_call_soon(loop, say, "callback", NULL, NULL);
	EXPECT_INT(aw_loop_drain(loop, &done, 1, 0), 0);
	EXPECT_STR(trace, "callback");
	EXPECT_INT(aw_loop_drain(loop, &done, 1, 0), -EAGAIN);
	EXPECT_INT(aw_loop_drain(loop, &done, 1, AW_MILLISECOND), -EAGAIN);
	aw_loop_wakeup(loop);
	EXPECT_INT(aw_loop_drain(loop, &done, 1, -1), 0);
	loop_end(loop);
}

static void thousands_in_flight_each_come_back_once(void) {
	enum { COUNT = 5000 };
	aw_loop *loop = loop_begin(NULL);
	aw_completion *done = calloc(COUNT, sizeof *done);
	char *seen = calloc(COUNT, 1);
	REQUIRE(done && seen);
	for (uint64_t i = 0; i < COUNT; i++) {
		aw_submission one = operation(i % 2 ? AW_OP_NOP : AW_OP_SLEEP, i);
		one.offset = (int64_t)(i * 7919 % 5) * AW_MILLISECOND;
		EXPECT_INT(submit(loop, one), 1);
	}
	size_t got = drain(loop, done, COUNT);
	EXPECT_INT(got, COUNT);
	int wrong = 0;
	for (size_t i = 0; i < got; i++) wrong += done[i].token >= COUNT || seen[done[i].token]++;
	EXPECT_INT(wrong, 0);
	free(done);
	free(seen);
	loop_end(loop);
}

static void a_closing_loop_ends_what_is_in_flight(void) {
	aw_loop *loop = loop_begin(NULL);
	int fds[2];
	char byte;
	aw_future *future = NULL;
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0 && aw_future_new(loop, &future) == 0);
	aw_submission many[4] = {operation(AW_OP_READ, 1), operation(AW_OP_SLEEP, 2), operation(AW_OP_FUTURE, 3),
	                         operation(AW_OP_NOP, 4)};
	many[0].fd = fds[0];
	many[0].buffer = &byte;
	many[0].length = 1;
	many[1].offset = 3600 * AW_SECOND;
	many[2].buffer = future;
	EXPECT_INT(aw_loop_submit(loop, many, 4), 4);
	EXPECT_INT(aw_loop_close(loop), 0);
	aw_completion done;
	EXPECT_INT(aw_loop_drain(loop, &done, 1, 0), AW_ELOOPCLOSED);
	EXPECT_INT(aw_loop_submit(loop, many, 4), AW_ELOOPCLOSED);
	EXPECT_INT(aw_loop_cancel_token(loop, 1), AW_ELOOPCLOSED);
	aw_future_unref(future);
	close(fds[0]);
	close(fds[1]);
	loop_end(loop);
}

/* A socket that was accepted but not drained is closed: its peer sees end of file. */
static void a_closing_loop_closes_what_it_accepted(void) {
	aw_loop *loop = loop_begin(NULL);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof address;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
		peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0 &&
	        listen(listener, 1) == 0);
	REQUIRE(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	REQUIRE(connect(peer, (struct sockaddr *)&address, length) == 0);
	aw_submission accept = operation(AW_OP_ACCEPT, 1);
	accept.fd = listener;
	EXPECT_INT(submit(loop, accept), 1);
	/* Until its completion can be drained. */
	struct pollfd queue = {.fd = listener, .events = POLLIN};
	for (int i = 0; i < 100 && poll(&queue, 1, 0) > 0; i++)
		IGNORED(aw_loop_run_once(loop, 10 * AW_MILLISECOND));
	loop_end(loop);
	close(listener);
	char byte;
	EXPECT_INT(recv(peer, &byte, 1, MSG_DONTWAIT), 0);
	close(peer);
}

static aw_status drop_loop(aw_loop *loop, void *ud) {
	(void)ud;
	aw_loop_unref(loop);
	return 0;
}

static void a_loop_dropped_during_a_drain_ends_after_it(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_completion done;
	aw_loop_call_soon(loop, drop_loop, NULL, NULL, NULL);
	EXPECT_INT(submit(loop, operation(AW_OP_NOP, 1)), 1);
	EXPECT_INT(aw_loop_drain(loop, &done, 1, 0), 1);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("completion_queue", TEST(nops_complete_in_their_order), TEST(sleeps_complete_by_deadline),
           TEST(bytes_go_through_a_pipe), TEST(a_write_to_nobody_is_an_error_and_no_signal),
           TEST(a_poll_tells_what_is_ready), TEST(a_future_is_waited_for_and_not_cancelled),
           TEST(cancelled_operations_complete_once), TEST(what_is_refused_stops_the_array_there),
           TEST(a_bad_descriptor_is_told_by_the_completion_or_at_once),
           TEST(a_drain_tells_something_else_from_nothing), TEST(thousands_in_flight_each_come_back_once),
           TEST(a_closing_loop_ends_what_is_in_flight), TEST(a_closing_loop_closes_what_it_accepted),
           TEST(a_loop_dropped_during_a_drain_ends_after_it))
