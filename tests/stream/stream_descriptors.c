/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* Streams over descriptors other than sockets: pipes, terminals, devices, and those that others share. */
#include "kinds.h"

#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

static aw_stream *stream_of(int fd) {
	aw_stream *stream = NULL;
	EXPECT_INT(aw_stream_from_fd(NULL, fd, NULL, &stream), 0);
	return stream;
}

static void finish(aw_stream *stream) {
	EXPECT_INT(aw_stream_close(stream), 0);
	EXPECT_INT(aw_stream_wait_closed(stream, -1), 0);
	aw_stream_unref(stream);
}

/* --- pipes --- */

enum { MUCH = 1024 * 1024 };

static char byte_at(size_t at) {
	return (char)(at * 7 + at / 251);
}

static aw_status write_much(void *stream) {
	char *data = malloc(MUCH);
	for (size_t i = 0; i < MUCH; i++) data[i] = byte_at(i);
	EXPECT_INT(aw_stream_write(stream, data, MUCH / 2), 0);
	EXPECT_INT(aw_stream_drain(stream), 0);
	size_t sent = 0;
	EXPECT_INT(aw_stream_send(stream, data + MUCH / 2, MUCH / 2, &sent), 0);
	EXPECT_INT(sent, MUCH / 2);
	free(data);
	finish(stream);
	return 0;
}

static void expect_much(aw_stream *stream) {
	static char buffer[5000];
	size_t at = 0;
	bool same = true;
	for (aw_status count; (count = aw_stream_read(stream, buffer, sizeof buffer)) != 0;) {
		EXPECT(count > 0);
		if (count < 0) break;
		for (aw_status i = 0; i < count; i++, at++) same &= buffer[i] == byte_at(at);
	}
	EXPECT_INT(at, MUCH);
	EXPECT(same);
}

static aw_status over_a_pipe(void *ud) {
	(void)ud;
	int fds[2];
	const char *line = NULL;
	EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
	aw_stream *reader = stream_of(fds[0]), *writer = stream_of(fds[1]);
	EXPECT_STR(aw_stream_kind(reader), "pipe");
	EXPECT(!aw_stream_can_write_eof(reader));
	EXPECT_INT(aw_stream_write_eof(reader), -EOPNOTSUPP);
	EXPECT_INT(aw_stream_write(writer, "line\n", 5), 0);
	EXPECT_INT(aw_stream_readline(reader, &line), 5);
	aw_future *writing = spawn(write_much, writer);
	expect_much(reader);
	EXPECT(aw_stream_at_eof(reader));
	EXPECT_INT(aw_await(writing, NULL), 0);
	aw_future_unref(writing);
	finish(reader);
	return 0;
}

static void pipes(void) {
	in_a_task(over_a_pipe);
}

static aw_status end_of_a_pipe(void *ud) {
	(void)ud;
	int fds[2];
	EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
	aw_stream *reader = stream_of(fds[0]), *writer = stream_of(fds[1]);
	EXPECT(aw_stream_can_write_eof(writer));
	/* More than the pipe takes, so that the rest is sent later. */
	char *data = malloc(MUCH);
	for (size_t i = 0; i < MUCH; i++) data[i] = byte_at(i);
	EXPECT_INT(aw_stream_write(writer, data, MUCH), 0);
	free(data);
	EXPECT_INT(aw_stream_write_eof(writer), 0);
	EXPECT_INT(aw_stream_write_eof(writer), 0);
	EXPECT(aw_stream_is_closing(writer));
	EXPECT_INT(aw_stream_write(writer, "x", 1), -EPIPE);
	expect_much(reader);
	EXPECT(aw_stream_at_eof(reader));
	EXPECT_INT(aw_stream_wait_closed(writer, AW_FOREVER), 0);
	EXPECT(aw_stream_can_write_eof(writer));
	EXPECT_INT(aw_stream_write_eof(writer), 0);
	aw_stream_unref(writer);
	finish(reader);
	/* With nothing queued. */
	EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
	writer = stream_of(fds[1]);
	EXPECT_INT(aw_stream_write_eof(writer), 0);
	EXPECT_INT(aw_stream_wait_closed(writer, AW_FOREVER), 0);
	char byte;
	EXPECT_INT(read(fds[0], &byte, 1), 0);
	aw_stream_unref(writer);
	close(fds[0]);
	/* After the reader has gone. */
	EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
	writer = stream_of(fds[1]);
	close(fds[0]);
	EXPECT_INT(aw_stream_write(writer, "x", 1), -EPIPE);
	EXPECT_INT(aw_stream_write_eof(writer), -EPIPE);
	finish(writer);
	return 0;
}

static void the_end_of_a_pipe_for_writing_closes_it(void) {
	in_a_task(end_of_a_pipe);
}

static void on_sigpipe(int number) {
	(void)number;
	trace_add("SIGPIPE");
}

static aw_status write_to_nobody(void *ud) {
	(void)ud;
	for (int late = 0; late < 2; late++) {
		int fds[2];
		EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
		aw_stream *writer = stream_of(fds[1]);
		char *data = calloc(1, MUCH);
		if (late) EXPECT_INT(aw_stream_write(writer, data, MUCH), 0);
		EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
		close(fds[0]);
		aw_status status = late ? aw_stream_drain(writer) : aw_stream_write(writer, data, MUCH);
		EXPECT_INT(status, -EPIPE);
		EXPECT_INT(aw_stream_write(writer, data, 1), -EPIPE);
		free(data);
		EXPECT_INT(aw_stream_wait_closed(writer, -1), 0); /* the error was told */
		aw_stream_unref(writer);
	}
	return 0;
}

static void a_pipe_without_a_reader_raises_no_signal(void) {
	struct sigaction action = {.sa_handler = on_sigpipe}, old;
	sigaction(SIGPIPE, &action, &old);
	in_a_task(write_to_nobody);
	EXPECT_STR(trace, "");
	sigaction(SIGPIPE, &old, NULL);
}

/* --- terminals --- */

static aw_status over_a_terminal(void *ud) {
	(void)ud;
	int leader = -1, follower = -1;
	struct termios raw;
	const char *line = NULL;
	EXPECT_INT(openpty(&leader, &follower, NULL, NULL, NULL), 0);
	EXPECT_INT(tcgetattr(follower, &raw), 0);
	cfmakeraw(&raw);
	EXPECT_INT(tcsetattr(follower, TCSANOW, &raw), 0);
	aw_stream *user = stream_of(leader), *program = stream_of(follower);
	EXPECT_STR(aw_stream_kind(user), "tty");
	EXPECT_INT(aw_stream_write(user, "typed\n", 6), 0);
	EXPECT_INT(aw_stream_readline(program, &line), 6);
	EXPECT(!memcmp(line, "typed\n", 6));
	aw_future *writing = spawn(write_much, program);
	expect_much(user); /* to the end, which a terminal tells by an error */
	EXPECT_INT(aw_await(writing, NULL), 0);
	aw_future_unref(writing);
	finish(user);
	return 0;
}

static void terminals(void) {
	in_a_task(over_a_terminal);
}

/* --- devices --- */

static aw_status over_devices(void *ud) {
	(void)ud;
	char buffer[1000];
	memset(buffer, 'x', sizeof buffer);
	aw_stream *null = stream_of(open("/dev/null", O_RDWR | O_CLOEXEC));
	EXPECT_STR(aw_stream_kind(null), "device");
	EXPECT_INT(aw_stream_write(null, buffer, sizeof buffer), 0);
	EXPECT_INT(aw_stream_drain(null), 0);
	EXPECT_INT(aw_stream_read(null, buffer, sizeof buffer), 0);
	EXPECT_INT(aw_stream_bytes_written(null), sizeof buffer);
	finish(null);
	aw_stream *zero = stream_of(open("/dev/zero", O_RDWR | O_CLOEXEC));
	EXPECT_INT(aw_stream_readexactly(zero, buffer, sizeof buffer), sizeof buffer);
	for (size_t i = 0; i < sizeof buffer; i++) EXPECT_INT(buffer[i], 0);
	/* Reading ahead ends at its limit. */
	for (int i = 0; i < 100; i++) EXPECT_INT(aw_sleep(0), 0);
	EXPECT(aw_stream_bytes_read(zero) < 1024 * 1024);
	finish(zero);
	return 0;
}

static aw_status for_writing_alone(void *ud) {
	(void)ud;
	int leader = -1, follower = -1;
	char name[64] = "", text[8] = "";
	EXPECT_INT(openpty(&leader, &follower, name, NULL, NULL), 0);
	int terminal = open(name, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	aw_stream *streams[] = {stream_of(open("/dev/null", O_WRONLY | O_CLOEXEC)), stream_of(terminal)};
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	for (int i = 0; i < 2; i++) {
		/* Nothing polls in vain, and nothing ends. */
		clock_t before = clock();
		EXPECT_INT(aw_sleep(100 * AW_MILLISECOND), 0);
		EXPECT(clock() - before < CLOCKS_PER_SEC / 20);
		EXPECT(!aw_stream_is_closing(streams[i]));
		EXPECT_INT(aw_stream_try_read(streams[i], text, 1), -EAGAIN);
		EXPECT_INT(aw_stream_write(streams[i], "text", 4), 0);
		EXPECT_INT(aw_stream_drain(streams[i]), 0);
		finish(streams[i]);
	}
	EXPECT_INT(read(leader, text, sizeof text), 4);
	EXPECT_STR(text, "text");
	close(leader);
	close(follower);
	return 0;
}

static aw_status for_reading_alone(void *ud) {
	(void)ud;
	int fds[2];
	size_t sent = 9;
	uint64_t count = 9;
	const char *line = NULL;
	EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
	aw_stream *reader = stream_of(fds[0]), *writer = stream_of(fds[1]);
	aw_stream *device = stream_of(open("/dev/zero", O_RDONLY | O_CLOEXEC));
	for (int i = 0; i < 2; i++) {
		aw_stream *stream = i ? device : reader;
		EXPECT_INT(aw_stream_write(stream, "x", 1), -EBADF);
		EXPECT_INT(aw_stream_try_write(stream, "x", 1), -EBADF);
		EXPECT_INT(aw_stream_send(stream, "x", 1, &sent), -EBADF);
		EXPECT_INT(sent, 0);
		EXPECT_INT(aw_stream_copy(device, stream, 1, NULL, &count, NULL), -EBADF);
		EXPECT_INT(count, 0);
	}
	/* The streams are none the worse. */
	EXPECT_INT(aw_stream_write(writer, "line\n", 5), 0);
	EXPECT_INT(aw_stream_readline(reader, &line), 5);
	finish(writer);
	finish(reader);
	finish(device);
	return 0;
}

static void devices(void) {
	in_a_task(for_reading_alone);
	in_a_task(over_devices);
	in_a_task(for_writing_alone);
}

/* --- what is refused --- */

static aw_status refused(void *ud) {
	(void)ud;
	aw_stream *stream = NULL;
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), folder = open("/", O_RDONLY | O_CLOEXEC);
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(listen(listening, 1), 0);
	int fds[] = {file, folder, listening, datagrams};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		EXPECT_INT(aw_stream_from_fd(NULL, fds[i], NULL, &stream), -EINVAL);
		EXPECT(fcntl(fds[i], F_GETFD) >= 0); /* it remains the caller's */
		close(fds[i]);
	}
	EXPECT_INT(aw_stream_from_fd(NULL, -1, NULL, &stream), -EBADF);
	EXPECT_INT(aw_stream_from_fd(NULL, file, NULL, &stream), -EBADF);
	aw_stream_options old = {.size = 4};
	int both[2];
	EXPECT_INT(pipe2(both, O_CLOEXEC), 0);
	EXPECT_INT(aw_stream_from_fd(NULL, both[0], &old, &stream), -EINVAL);
	EXPECT_INT(aw_stream_from_fd(NULL, both[0], NULL, NULL), -EINVAL);
	EXPECT(fcntl(both[0], F_GETFD) >= 0);
	close(both[0]);
	close(both[1]);
	return 0;
}

static void other_descriptors_are_refused(void) {
	in_a_task(refused);
}

/* --- descriptors that others share --- */

static void expect_flag(int fd, int flag) {
	EXPECT_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, flag);
}

static aw_status shared(void *ud) {
	(void)ud;
	for (int flag = 0; flag <= O_NONBLOCK; flag += O_NONBLOCK) {
		int fds[2], pair[2], leader, follower;
		EXPECT_INT(pipe2(fds, O_CLOEXEC | flag), 0);
		EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (flag ? SOCK_NONBLOCK : 0), 0, pair), 0);
		EXPECT_INT(openpty(&leader, &follower, NULL, NULL, NULL), 0);
		if (flag) fcntl(follower, F_SETFL, fcntl(follower, F_GETFL) | O_NONBLOCK);
		int own[] = {fds[0], fds[1], pair[0], follower}, others[4];
		aw_stream *streams[4];
		for (int i = 0; i < 4; i++) {
			others[i] = dup(own[i]);
			streams[i] = stream_of(own[i]);
			expect_flag(others[i], flag);
		}
		char *data = calloc(1, MUCH), byte;
		EXPECT_INT(aw_stream_write(streams[1], data, MUCH), 0); /* more than fits: it must not block */
		EXPECT_INT(aw_stream_write(streams[2], data, MUCH), 0);
		EXPECT_INT(aw_stream_read(streams[0], &byte, 1), 1);
		EXPECT_INT(write(leader, "\n", 1), 1);
		EXPECT_INT(aw_stream_read(streams[3], &byte, 1), 1);
		free(data);
		for (int i = 0; i < 4; i++) {
			expect_flag(others[i], flag);
			EXPECT_INT(aw_stream_abort(streams[i]), 0);
			EXPECT_INT(aw_stream_wait_closed(streams[i], -1), 0);
			aw_stream_unref(streams[i]);
			expect_flag(others[i], flag);
			close(others[i]);
		}
		close(pair[1]);
		close(leader);
	}
	return 0;
}

static void the_blocking_flag_stays_as_it_was(void) {
	in_a_task(shared);
}

static void *steal(void *ud) {
	const int *fd = ud;
	char byte;
	while (read(*fd, &byte, 1) == 1) continue;
	return NULL;
}

static aw_status tick(void *ticks) {
	for (;;) {
		aw_status status = aw_sleep(AW_MILLISECOND);
		if (status < 0) return status;
		++*(int *)ticks;
	}
}

/* Two who read from one pipe: a byte that the other one took must not block the loop. */
static aw_status with_a_thief(void *ud) {
	(void)ud;
	int fds[2], other, ticks = 0;
	EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
	other = dup(fds[0]);
	pthread_t thief;
	EXPECT_INT(pthread_create(&thief, NULL, steal, &other), 0);
	aw_stream *reader = stream_of(fds[0]);
	aw_task *ticking = NULL;
	EXPECT_INT(aw_task_spawn(NULL, tick, &ticks, NULL, &ticking), 0);
	for (int i = 0; i < 200; i++) {
		EXPECT_INT(write(fds[1], "x", 1), 1);
		EXPECT_INT(aw_sleep(0), 0);
	}
	EXPECT_INT(aw_sleep(20 * AW_MILLISECOND), 0);
	EXPECT(ticks > 0);
	close(fds[1]);
	aw_task_cancel(ticking, NULL);
	EXPECT_INT(aw_await(aw_task_future(ticking), NULL), AW_ECANCELLED);
	aw_task_unref(ticking);
	pthread_join(thief, NULL);
	close(other);
	finish(reader);
	return 0;
}

static void another_reader_does_not_block_the_loop(void) {
	in_a_task(with_a_thief);
}

/* --- interrupted calls --- */

static volatile sig_atomic_t alarms;

static void on_alarm(int number) {
	(void)number;
	alarms++;
}

static aw_status in_a_storm(void *ud) {
	(void)ud;
	EXPECT_INT(over_a_pipe(NULL), 0);
	EXPECT_INT(over_a_terminal(NULL), 0);
	ends streams = open_unix(NULL);
	aw_future *writing = spawn(write_much, streams.left);
	expect_much(streams.right);
	EXPECT_INT(aw_await(writing, NULL), 0);
	aw_future_unref(writing);
	finish(streams.right);
	sigset_t storm;
	sigemptyset(&storm);
	sigaddset(&storm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &storm, NULL); /* the test's own calls */
	streams = open_tcp(NULL);
	pthread_sigmask(SIG_UNBLOCK, &storm, NULL);
	writing = spawn(write_much, streams.left);
	expect_much(streams.right);
	EXPECT_INT(aw_await(writing, NULL), 0);
	aw_future_unref(writing);
	finish(streams.right);
	return 0;
}

static void interrupted_calls_are_repeated(void) {
	struct sigaction action = {.sa_handler = on_alarm}, old; /* without SA_RESTART */
	struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
	sigaction(SIGALRM, &action, &old);
	EXPECT_INT(setitimer(ITIMER_REAL, &often, NULL), 0);
	in_a_task(in_a_storm);
	EXPECT_INT(setitimer(ITIMER_REAL, &never, NULL), 0);
	sigaction(SIGALRM, &old, NULL);
	EXPECT(alarms > 0);
}

CHECK_MAIN("stream_descriptors", TEST(pipes), TEST(the_end_of_a_pipe_for_writing_closes_it),
           TEST(a_pipe_without_a_reader_raises_no_signal), TEST(terminals), TEST(devices),
           TEST(other_descriptors_are_refused), TEST(the_blocking_flag_stays_as_it_was),
           TEST(another_reader_does_not_block_the_loop), TEST(interrupted_calls_are_repeated))
