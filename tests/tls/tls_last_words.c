/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind-once */
/*
 * What a peer has sent before it went away is read after a write has failed, over TLS as over its stream. Not on
 * uring: the kernel may have received it into a buffer of the ring, where a read can't get at it.
 */
#include "tls_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MUCH = 100 * 1000 }; /* several records */

/* A server that has sent `length` bytes and has gone, without a turn of the loop in which the client could read. */
static void sends_and_goes(sides *both, size_t length) {
	static char sent[MUCH];
	int fds[2], size = 4 * MUCH;
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	EXPECT_INT(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
	int end = dup(fds[1]);
	sides_begin(both, ends_of_fds(fds, NULL));
	sides_shake(both);
	EXPECT_INT(both->client.status, 0);
	expect_passes(both->server.stream, both->client.stream, "hello");
	for (size_t i = 0; i < length; i++) sent[i] = (char)(i % 251);
	EXPECT_INT(aw_stream_write(both->server.stream, sent, length), 0);
	EXPECT_INT(aw_stream_write_buffer_size(both->server.stream), 0);
	EXPECT_INT(shutdown(end, SHUT_RDWR), 0);
	close(end);
}

static void is_told_the_rest(aw_stream *stream, size_t length) {
	static char buffer[MUCH];
	EXPECT_INT(aw_stream_readexactly(stream, buffer, length), (long long)length);
	size_t wrong = 0;
	for (size_t i = 0; i < length; i++) wrong += buffer[i] != (char)(i % 251);
	EXPECT_INT(wrong, 0);
	EXPECT_INT(aw_stream_read(stream, buffer, sizeof buffer), -EPIPE);
	EXPECT(!aw_stream_at_eof(stream));
}

static bool receives_into_the_ring(void) {
	const char *backend = getenv("AWAIT_BACKEND");
	return backend && strcmp(backend, "uring") == 0;
}

static void is_read(size_t length, bool at_once) {
	sides both;
	if (receives_into_the_ring()) return;
	sends_and_goes(&both, length);
	EXPECT_INT(aw_stream_write(both.client.stream, "x", 1), -EPIPE);
	if (!at_once) EXPECT_INT(aw_sleep(10 * AW_MILLISECOND), 0);
	is_told_the_rest(both.client.stream, length);
	sides_end(&both);
}

IN_TASK(a_few_bytes_are_read) {
	(void)unused;
	is_read(5, true);
	is_read(5, false);
	return 0;
}

IN_TASK(several_records_are_read) {
	(void)unused;
	is_read(MUCH, true);
	is_read(MUCH, false);
	return 0;
}

IN_TASK(what_follows_a_failed_write_of_many_records_is_read) {
	(void)unused;
	static char much[MUCH];
	sides both;
	if (receives_into_the_ring()) return 0;
	sends_and_goes(&both, 5);
	EXPECT_INT(aw_stream_write(both.client.stream, much, sizeof much), -EPIPE);
	is_told_the_rest(both.client.stream, 5);
	sides_end(&both);
	return 0;
}

CHECK_MAIN("tls_last_words", TEST(a_few_bytes_are_read), TEST(several_records_are_read),
           TEST(what_follows_a_failed_write_of_many_records_is_read))
