/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* What a peer has sent before it went away is read after a write has failed: a refusal of what was being sent, say. */
#include "kinds.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { MUCH = 150 * 1000 }; /* more than a stream reads ahead */

static const aw_stream_options lazy = {.size = sizeof lazy, .flags = AW_STREAM_NO_READ_AHEAD},
							   with_fds = {.size = sizeof with_fds, .flags = AW_STREAM_RECEIVE_FDS};

static char much[MUCH], buffer[MUCH];

/* Returns a stream whose peer has sent `length` bytes, and has gone. */
static aw_stream *refused(const aw_stream_options *options, size_t length) {
	int fds[2];
	aw_stream *stream = NULL;
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	EXPECT_INT(aw_stream_from_fd(NULL, fds[0], options, &stream), 0);
	for (size_t i = 0; i < length; i++) much[i] = (char)(i % 251);
	EXPECT_INT(write(fds[1], much, length), (long long)length);
	close(fds[1]);
	return stream;
}

static void is_told_the_rest(aw_stream *stream, size_t length) {
	EXPECT_INT(aw_stream_readexactly(stream, buffer, length), (long long)length);
	EXPECT(memcmp(buffer, much, length) == 0);
	EXPECT_INT(aw_stream_read(stream, buffer, sizeof buffer), -EPIPE);
	EXPECT(!aw_stream_at_eof(stream));
	EXPECT_INT(aw_stream_wait_closed(stream, -1), 0);
	EXPECT_INT(aw_stream_read(stream, buffer, sizeof buffer), -EPIPE);
	aw_stream_unref(stream);
}

/* With `options` for the stream, or NULL. */
static aw_status writes(void *ud) {
	const aw_stream_options *options = ud;
	aw_stream *stream = refused(options, 5);
	EXPECT_INT(aw_stream_write(stream, "x", 1), -EPIPE);
	is_told_the_rest(stream, 5);
	/* What is still there when the stream is closed, too. */
	stream = refused(options, MUCH);
	EXPECT_INT(aw_stream_write(stream, "x", 1), -EPIPE);
	EXPECT_INT(aw_sleep(10 * AW_MILLISECOND), 0);
	is_told_the_rest(stream, MUCH);
	stream = refused(options, 5);
	EXPECT_INT(aw_stream_send(stream, "x", 1, NULL), -EPIPE);
	is_told_the_rest(stream, 5);
	return 0;
}

static aw_status sends_files(void *ud) {
	aw_stream *stream = refused(ud, 5);
	int file = memfd_create("file", MFD_CLOEXEC);
	EXPECT_INT(ftruncate(file, 100), 0);
	EXPECT_INT(aw_stream_sendfile(stream, file, 0, -1, NULL), -EPIPE);
	is_told_the_rest(stream, 5);
	stream = refused(ud, 5);
	EXPECT_INT(aw_stream_send_fds(stream, "x", 1, &file, 1, NULL), -EPIPE);
	is_told_the_rest(stream, 5);
	close(file);
	return 0;
}

static aw_status copies(void *ud) {
	ends source = open_unix(NULL);
	aw_stream *stream = refused(ud, 5);
	EXPECT_INT(aw_stream_write(source.left, much, 64 * 1024), 0);
	EXPECT_INT(aw_stream_copy(source.right, stream, -1, NULL, NULL, NULL), -EPIPE);
	is_told_the_rest(stream, 5);
	aw_stream_abort(source.left);
	aw_stream_abort(source.right);
	aw_stream_unref(source.left);
	aw_stream_unref(source.right);
	return 0;
}

/* Both directions of a proxy: one is copied, and waits for its target, when the other one fails. */
static aw_status fails_while_copied(void *ud) {
	int from[2], to[2], size = 4096;
	uint32_t way = 0;
	uint64_t count = 0;
	aw_stream *source = NULL, *target = NULL;
	aw_coro *copy = NULL;
	aw_task *task = NULL;
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, from), 0);
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, to), 0);
	EXPECT_INT(setsockopt(to[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
	EXPECT_INT(aw_stream_from_fd(NULL, from[0], ud, &source), 0);
	EXPECT_INT(aw_stream_from_fd(NULL, to[0], ud, &target), 0);
	for (size_t i = 0; i < MUCH; i++) much[i] = (char)(i % 251);
	EXPECT_INT(write(from[1], much, MUCH), MUCH);
	close(from[1]);
	EXPECT_INT(aw_stream_copy_coro(source, target, -1, NULL, &count, &way, &copy), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, copy, &task), 0);
	aw_coro_unref(copy);
	EXPECT_INT(aw_sleep(10 * AW_MILLISECOND), 0);
	EXPECT(!aw_future_done(aw_task_future(task)));
	EXPECT_INT(aw_stream_write(source, "x", 1), -EPIPE);
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	aw_task_unref(task);
	EXPECT_INT(way, AW_COPY_SPLICE);
	EXPECT(count > 0 && count < MUCH);
	/* What comes is what follows. */
	size_t at = (size_t)count;
	aw_status read;
	while ((read = aw_stream_read(source, buffer, sizeof buffer)) > 0) {
		EXPECT(at + (size_t)read <= MUCH && memcmp(buffer, much + at, (size_t)read) == 0);
		at += (size_t)read;
	}
	EXPECT_INT(read, -EPIPE);
	EXPECT(at > count);
	aw_stream_abort(target);
	aw_stream_unref(source);
	aw_stream_unref(target);
	close(to[1]);
	return 0;
}

/* The write that fails is one that the loop makes. */
static aw_status writes_later(void *ud) {
	int fds[2];
	aw_stream *stream = NULL;
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	EXPECT_INT(aw_stream_from_fd(NULL, fds[0], ud, &stream), 0);
	EXPECT_INT(aw_stream_write(stream, "a", 1), 0);
	EXPECT_INT(aw_stream_write(stream, "b", 1), 0); /* in the same iteration: queued */
	EXPECT_INT(write(fds[1], "hello", 5), 5);
	memcpy(much, "hello", 5);
	close(fds[1]);
	EXPECT_INT(aw_sleep(20 * AW_MILLISECOND), 0);
	aw_status status = aw_stream_readexactly(stream, buffer, 5);
	EXPECT_INT(status, 5);
	EXPECT(memcmp(buffer, "hello", 5) == 0);
	/* The kernel tells of a reset, since the peer has not read what came. */
	status = aw_stream_read(stream, buffer, 1);
	EXPECT(status == -EPIPE || status == -ECONNRESET);
	aw_stream_unref(stream);
	return 0;
}

static void a_stream_that_reads_nothing_ahead_keeps_them(void) {
	void *options = (void *)(uintptr_t)&lazy;
	EXPECT_INT(aw_run(NULL, writes, options, NULL, NULL), 0);
	EXPECT_INT(aw_run(NULL, sends_files, options, NULL, NULL), 0);
	EXPECT_INT(aw_run(NULL, copies, options, NULL, NULL), 0);
	EXPECT_INT(aw_run(NULL, writes_later, options, NULL, NULL), 0);
	EXPECT_INT(aw_run(NULL, fails_while_copied, options, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void so_does_one_that_receives_descriptors(void) {
	EXPECT_INT(aw_run(NULL, writes, (void *)(uintptr_t)&with_fds, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* A kernel that receives into buffers of the backend may have the bytes, where a read can't get at them. */
static void so_does_one_that_was_about_to_read(void) {
	const char *backend = getenv("AWAIT_BACKEND");
	if (backend && strcmp(backend, "uring") == 0) return;
	EXPECT_INT(aw_run(NULL, writes, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_run(NULL, writes_later, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("last_words", TEST(a_stream_that_reads_nothing_ahead_keeps_them),
           TEST(so_does_one_that_receives_descriptors), TEST(so_does_one_that_was_about_to_read))
