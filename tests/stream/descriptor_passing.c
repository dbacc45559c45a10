/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* Descriptors that are sent along with the bytes of a Unix socket. */
#include "kinds.h"

#include <await/protocol.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const aw_stream_options receiving = {.size = sizeof receiving, .flags = AW_STREAM_RECEIVE_FDS};

static void close_both(ends streams) {
	EXPECT_INT(aw_stream_close(streams.left), 0);
	EXPECT_INT(aw_stream_close(streams.right), 0);
	expect_closed(streams.left);
	expect_closed(streams.right);
	aw_stream_unref(streams.left);
	aw_stream_unref(streams.right);
}

/* Files that can be told apart: pipes, by the byte that waits in each. */
static int marked(char mark) {
	int fds[2];
	EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
	EXPECT_INT(write(fds[1], &mark, 1), 1);
	close(fds[1]);
	return fds[0];
}

/* Its mark; it is closed. */
static char mark_of(int fd) {
	char mark = 0;
	EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_INT(read(fd, &mark, 1), 1);
	close(fd);
	return mark;
}

static void send_marked(aw_stream *stream, const char *bytes, const char *marks) {
	int fds[16];
	size_t count = strlen(marks), sent = 0;
	for (size_t i = 0; i < count; i++) fds[i] = marked(marks[i]);
	EXPECT_INT(aw_stream_send_fds(stream, bytes, strlen(bytes), fds, count, &sent), 0);
	EXPECT_INT(sent, strlen(bytes));
	for (size_t i = 0; i < count; i++) close(fds[i]);
}

/* Receives, and expects these bytes with these descriptors. */
static void expect_recv(aw_stream *stream, size_t length, const char *bytes, size_t room, const char *marks) {
	char buffer[64] = "", got[16] = "";
	int fds[16];
	size_t count = room;
	uint32_t flags = 99;
	EXPECT_INT(aw_stream_recv_fds(stream, buffer, length, fds, &count, &flags), strlen(bytes));
	EXPECT_STR(buffer, bytes);
	for (size_t i = 0; i < count; i++) got[i] = mark_of(fds[i]);
	EXPECT_STR(got, marks);
	EXPECT_INT(flags, 0);
}

static void expect_take(aw_stream *stream, size_t room, const char *marks) {
	char got[16] = "";
	int fds[16];
	uint32_t flags = 99;
	aw_status count = aw_stream_take_fds(stream, fds, room, &flags);
	for (int i = 0; i < count; i++) got[i] = mark_of(fds[i]);
	EXPECT_STR(got, marks);
	EXPECT_INT(flags, 0);
}

static aw_status ordered(void *ud) {
	(void)ud;
	ends streams = open_unix(&receiving);
	send_marked(streams.left, "one", "a");
	send_marked(streams.left, "two", "bcd");
	EXPECT_INT(aw_stream_write(streams.left, "plain", 5), 0);
	EXPECT_INT(aw_sleep(0), 0);
	send_marked(streams.left, "three", "e");
	/* Deliveries are not merged, however large the buffer is. */
	expect_recv(streams.right, 60, "one", 16, "a");
	expect_recv(streams.right, 1, "t", 2, "bc");
	expect_recv(streams.right, 60, "wo", 16, "d");
	/* The kernel may deliver bytes before those of the message. */
	char buffer[16] = "";
	EXPECT_INT(aw_stream_readexactly(streams.right, buffer, 8), 8);
	EXPECT_STR(buffer, "plainthr");
	expect_take(streams.right, 16, "e");
	expect_recv(streams.right, 0, "", 16, "");
	expect_recv(streams.right, 60, "ee", 16, "");
	EXPECT_INT(aw_stream_write_eof(streams.left), 0);
	expect_recv(streams.right, 60, "", 16, "");
	close_both(streams);
	return 0;
}

static void descriptors_stay_in_order_with_the_bytes(void) {
	in_a_task(ordered);
}

/* What was read ahead, by a call for lines. */
static aw_status buffered(void *ud) {
	(void)ud;
	ends streams = open_unix(&receiving);
	const char *line = NULL;
	EXPECT_INT(aw_stream_write(streams.left, "first\nsome", 10), 0);
	EXPECT_INT(aw_stream_readline(streams.right, &line), 6);
	send_marked(streams.left, "thing\nla", "x");
	send_marked(streams.left, "st\n", "yz");
	expect_take(streams.right, 16, "");
	EXPECT_INT(aw_stream_readline(streams.right, &line), 10);
	expect_take(streams.right, 16, "x");
	EXPECT_INT(aw_stream_peek(streams.right, 5, &line), 5);
	expect_take(streams.right, 16, ""); /* the bytes were not read */
	/* Stops before the bytes that came with the next ones. */
	expect_recv(streams.right, 60, "la", 16, "");
	expect_recv(streams.right, 60, "st\n", 1, "y");
	expect_take(streams.right, 16, "z");
	close_both(streams);
	return 0;
}

static void any_read_can_be_used(void) {
	in_a_task(buffered);
}

static aw_status untaken(void *ud) {
	(void)ud;
	char byte;
	for (int way = 0; way < 4; way++) {
		ends streams = open_unix(&receiving);
		send_marked(streams.left, "12", "abc");
		send_marked(streams.left, "34", "d");
		if (way) EXPECT_INT(aw_stream_read(streams.right, &byte, 1), 1);
		if (way == 2) expect_take(streams.right, 1, "a");
		if (way == 3) {
			/* The peer has gone, and what has arrived can be taken. */
			EXPECT_INT(aw_stream_write(streams.right, "unread", 6), 0);
			EXPECT_INT(aw_stream_abort(streams.left), 0);
			EXPECT_INT(aw_stream_wait_closed(streams.left, -1), 0);
			EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
			EXPECT_INT(aw_stream_write(streams.right, "x", 1), -EPIPE);
			EXPECT_INT(aw_stream_wait_closed(streams.right, -1), 0);
			expect_take(streams.right, 2, "ab");
		}
		close_both(streams);
	}
	return 0;
}

static void those_that_nobody_takes_are_closed(void) {
	in_a_task(untaken);
}

/* The same bytes for a stream that does not receive descriptors: the kernel drops them. */
static aw_status unasked(void *ud) {
	(void)ud;
	char buffer[8] = "";
	int fd = 0;
	size_t count = 1;
	uint32_t flags;
	ends streams = open_unix(NULL);
	send_marked(streams.left, "abc", "x");
	EXPECT_INT(aw_stream_readexactly(streams.right, buffer, 3), 3);
	EXPECT_INT(aw_stream_recv_fds(streams.right, buffer, 1, &fd, &count, &flags), -EOPNOTSUPP);
	EXPECT_INT(aw_stream_take_fds(streams.right, &fd, 1, &flags), -EOPNOTSUPP);
	close_both(streams);
	return 0;
}

static aw_status refused(void *ud) {
	(void)ud;
	aw_stream *stream = NULL;
	char byte = 'x';
	int fds[254], bad = 500;
	size_t count = 1, sent = 99;
	uint32_t flags;
	EXPECT_INT(aw_stream_pair(NULL, &receiving, &stream, &stream), -EOPNOTSUPP);
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(aw_stream_from_fd(NULL, tcp, &receiving, &stream), -EOPNOTSUPP);
	EXPECT_INT(close(tcp), 0);
	ends others = open_tcp(NULL), streams = open_unix(&receiving);
	for (int i = 0; i < 254; i++) fds[i] = 0;
	EXPECT_INT(aw_stream_send_fds(others.left, &byte, 1, fds, 1, &sent), -EOPNOTSUPP);
	EXPECT_INT(sent, 0);
	EXPECT_INT(aw_stream_send_fds(streams.left, &byte, 0, fds, 1, NULL), -EINVAL);
	EXPECT_INT(aw_stream_send_fds(streams.left, &byte, 1, fds, 0, NULL), -EINVAL);
	EXPECT_INT(aw_stream_send_fds(streams.left, &byte, 1, fds, 254, NULL), -EINVAL);
	EXPECT_INT(aw_stream_send_fds(streams.left, &byte, 1, NULL, 1, NULL), -EINVAL);
	EXPECT_INT(aw_stream_send_fds(streams.left, &byte, 1, &bad, 1, &sent), -EBADF);
	EXPECT_INT(aw_stream_recv_fds(streams.right, &byte, 1, NULL, &count, &flags), -EINVAL);
	EXPECT_INT(aw_stream_recv_fds(streams.right, &byte, 1, fds, &count, NULL), -EINVAL);
	EXPECT_INT(aw_stream_take_fds(streams.right, NULL, 1, &flags), -EINVAL);
	/* The connection is none the worse. */
	EXPECT_INT(aw_stream_send_fds(streams.left, &byte, 1, fds, 253, &sent), 0);
	EXPECT_INT(sent, 1);
	count = 254;
	EXPECT_INT(aw_stream_recv_fds(streams.right, &byte, 1, fds, &count, &flags), 1);
	EXPECT_INT(count, 253);
	for (size_t i = 0; i < count; i++) close(fds[i]);
	EXPECT_INT(aw_stream_close(streams.left), 0);
	EXPECT_INT(aw_stream_send_fds(streams.left, &byte, 1, &bad, 1, &sent), -EPIPE);
	close_both(others);
	close_both(streams);
	return 0;
}

static void others_are_refused(void) {
	in_a_task(unasked);
	in_a_task(refused);
}

/* --- waiting and cancelling --- */

typedef struct coroutine {
	char buffer[8];
	int fds[4];
	size_t count;
	uint32_t flags;
} coroutine;

static aw_future *start(aw_coro *coro) {
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	aw_coro_unref(coro);
	return aw_task_future(task);
}

static aw_status waiting(void *ud) {
	(void)ud;
	ends streams = open_unix(&receiving);
	coroutine call = {.count = 4};
	aw_coro *coro = NULL;
	EXPECT_INT(
		aw_stream_recv_fds_coro(streams.right, call.buffer, 8, call.fds, &call.count, &call.flags, &coro), 0);
	aw_future *receiving_task = start(coro);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	expect_take(streams.right, 4, "");
	EXPECT_INT(aw_stream_recv_fds(streams.right, call.buffer, 8, call.fds, &call.count, &call.flags), -EBUSY);
	int fd = marked('w');
	size_t sent = 0;
	EXPECT_INT(aw_stream_send_fds_coro(streams.left, "wake", 4, &fd, 1, &sent, &coro), 0);
	aw_future *sending = start(coro);
	int64_t value = 0;
	EXPECT_INT(aw_await_int(receiving_task, &value), 0);
	EXPECT_INT(value, 4);
	EXPECT_INT(call.count, 1);
	EXPECT_INT(mark_of(call.fds[0]), 'w');
	EXPECT_INT(aw_await(sending, NULL), 0);
	EXPECT_INT(sent, 4);
	close(fd);
	aw_future_unref(receiving_task);
	aw_future_unref(sending);
	/* A cancelled call has taken nothing. */
	call.count = 4;
	EXPECT_INT(
		aw_stream_recv_fds_coro(streams.right, call.buffer, 8, call.fds, &call.count, &call.flags, &coro), 0);
	aw_future *cancelled = start(coro);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_future_cancel(cancelled, NULL), 1);
	send_marked(streams.left, "kept", "k");
	EXPECT_INT(aw_await(cancelled, NULL), AW_ECANCELLED);
	aw_future_unref(cancelled);
	expect_recv(streams.right, 8, "kept", 4, "k");
	close_both(streams);
	return 0;
}

/* More than fits: the descriptors go with the first bytes, and the call waits for the rest. */
enum { MUCH = 2 * 1024 * 1024 };

static aw_status send_much(void *stream) {
	char *data = calloc(1, MUCH);
	int fd = marked('m');
	size_t sent = 0;
	EXPECT_INT(aw_stream_write(stream, data, MUCH), 0); /* goes first */
	EXPECT_INT(aw_stream_send_fds(stream, data, MUCH, &fd, 1, &sent), 0);
	EXPECT_INT(sent, MUCH);
	close(fd);
	free(data);
	EXPECT_INT(aw_stream_write_eof(stream), 0);
	return 0;
}

static aw_status clogged(void *ud) {
	(void)ud;
	static char buffer[5000];
	ends streams = open_unix(&receiving);
	aw_future *sending = spawn(send_much, streams.left);
	size_t total = 0, seen_at = 0;
	for (aw_status count = 1; count > 0;) {
		int fd;
		size_t fd_count = 1;
		uint32_t flags;
		count = aw_stream_recv_fds(streams.right, buffer, sizeof buffer, &fd, &fd_count, &flags);
		if (count > 0) total += (size_t)count;
		if (count <= 0 || !fd_count) continue;
		EXPECT(!seen_at);
		seen_at = total;
		EXPECT_INT(mark_of(fd), 'm');
	}
	EXPECT_INT(total, 2 * MUCH);
	EXPECT(seen_at > MUCH && seen_at < 2 * MUCH);
	EXPECT_INT(aw_await(sending, NULL), 0);
	aw_future_unref(sending);
	/* Cancelled while it waits: it tells that nothing was taken, and no descriptor was. */
	EXPECT_INT(aw_stream_close(streams.left), 0);
	close_both(streams);
	return 0;
}

static aw_status cancelled_sending(void *ud) {
	(void)ud;
	ends streams = open_unix(&receiving);
	char *data = calloc(1, MUCH);
	int fd = marked('n');
	size_t sent = 99;
	aw_coro *coro = NULL;
	EXPECT_INT(aw_stream_write(streams.left, data, MUCH), 0);
	EXPECT_INT(aw_stream_send_fds_coro(streams.left, "x", 1, &fd, 1, &sent, &coro), 0);
	aw_future *sending = start(coro);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_future_cancel(sending, NULL), 1);
	EXPECT_INT(aw_await(sending, NULL), AW_ECANCELLED);
	aw_future_unref(sending);
	EXPECT_INT(sent, 0);
	EXPECT_INT(mark_of(fd), 'n');
	free(data);
	EXPECT_INT(aw_stream_abort(streams.left), 0);
	close_both(streams);
	return 0;
}

static void calls_wait_and_can_be_cancelled(void) {
	in_a_task(waiting);
	in_a_task(clogged);
	in_a_task(cancelled_sending);
}

/* --- limits --- */

static aw_status without_room(void *ud) {
	(void)ud;
	ends streams = open_unix(&receiving);
	struct rlimit old, few;
	int fds[4], highest = marked('h');
	size_t count = 4;
	uint32_t flags = 0;
	char buffer[8];
	send_marked(streams.left, "lost", "abc");
	send_marked(streams.left, "next", "d");
	EXPECT_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
	/* The next free one, and no more. */
	int next = dup(0);
	close(next);
	few = (struct rlimit){(rlim_t)next + 1, old.rlim_max};
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
	EXPECT_INT(aw_stream_recv_fds(streams.right, buffer, 8, fds, &count, &flags), 4);
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
	EXPECT_INT(flags, AW_FDS_TRUNCATED);
	EXPECT_INT(count, 1);
	if (count) EXPECT_INT(mark_of(fds[0]), 'a');
	expect_recv(streams.right, 8, "next", 4, "d");
	EXPECT_INT(mark_of(highest), 'h');
	close_both(streams);
	return 0;
}

static aw_status flooded(void *ud) {
	(void)ud;
	ends streams = open_unix(&receiving);
	int fds[100];
	char buffer[16];
	aw_status status = 0;
	struct rlimit old, many;
	EXPECT_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
	many = (struct rlimit){2048, old.rlim_max};
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &many), 0);
	for (int i = 0; i < 100; i++) fds[i] = 0;
	for (int i = 0; i < 20 && status >= 0; i++) {
		EXPECT_INT(aw_stream_send_fds(streams.left, "x", 1, fds, 100, NULL), 0);
		status = aw_stream_read(streams.right, buffer, 16);
		EXPECT(status == (i < 11 ? 1 : AW_ELIMIT));
	}
	EXPECT_INT(status, AW_ELIMIT);
	close_both(streams);
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
	return 0;
}

static void limits_are_told(void) {
	in_a_task(without_room);
	in_a_task(flooded);
}

/* --- callbacks, and copies --- */

static aw_status on_data(aw_stream *stream, void *ud, const void *data, size_t length) {
	char line[32] = "";
	int fds[4];
	uint32_t flags;
	(void)ud;
	memcpy(line, data, length);
	aw_status count = aw_stream_take_fds(stream, fds, 4, &flags);
	for (int i = 0; i < count; i++) line[length++] = mark_of(fds[i]);
	trace_add(line);
	return 0;
}

static aw_status by_protocol(void *ud) {
	(void)ud;
	ends streams = open_unix(&receiving);
	aw_protocol protocol = {.size = sizeof protocol, .data_received = on_data};
	EXPECT_INT(aw_stream_set_protocol(streams.right, &protocol, NULL, NULL), 0);
	send_marked(streams.left, "one:", "ab");
	send_marked(streams.left, "two:", "c");
	EXPECT_INT(aw_sleep(10 * AW_MILLISECOND), 0);
	EXPECT_STR(trace, "one:ab two:c");
	close_both(streams);
	return 0;
}

static aw_status copied(void *ud) {
	(void)ud;
	ends from = open_unix(&receiving), to = open_unix(NULL);
	uint64_t count = 0;
	char buffer[8] = "";
	uint32_t way = 0;
	send_marked(from.left, "bytes", "f");
	EXPECT_INT(aw_stream_write_eof(from.left), 0);
	EXPECT_INT(aw_stream_copy(from.right, to.left, -1, NULL, &count, &way), 0);
	EXPECT_INT(count, 5);
	EXPECT_INT(way, AW_COPY_BUFFER);
	EXPECT_INT(aw_stream_readexactly(to.right, buffer, 5), 5);
	EXPECT_STR(buffer, "bytes");
	expect_take(from.right, 4, "f");
	close_both(from);
	close_both(to);
	return 0;
}

static void protocols_and_copies(void) {
	in_a_task(by_protocol);
	in_a_task(copied);
}

CHECK_MAIN("descriptor_passing", TEST(descriptors_stay_in_order_with_the_bytes), TEST(any_read_can_be_used),
           TEST(those_that_nobody_takes_are_closed), TEST(others_are_refused),
           TEST(calls_wait_and_can_be_cancelled), TEST(limits_are_told), TEST(protocols_and_copies))
