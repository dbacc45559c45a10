/* SPDX-License-Identifier: MIT */
/*
 * N04: pause_writing is called once more than the high-water mark is queued, and resume_writing when no more
 * than the low one is left; with a mark of 0 every byte counts.
 */
#include "case.h"

#include <sys/socket.h>

enum { PIECE = 65536 };

static void pause_writing(aw_stream *stream, void *ud) {
	(void)ud;
	size_t high = 0;
	must(aw_stream_write_buffer_limits(stream, NULL, &high));
	trace("pause %s", True_or_False(aw_stream_write_buffer_size(stream) > high));
}

static void resume_writing(aw_stream *stream, void *ud) {
	(void)ud;
	size_t low = 0;
	must(aw_stream_write_buffer_limits(stream, &low, NULL));
	trace("resume %s", True_or_False(aw_stream_write_buffer_size(stream) <= low));
}

static const aw_protocol protocol = {
	.size = sizeof protocol, .pause_writing = pause_writing, .resume_writing = resume_writing};

static aw_status program(void *ud) {
	(void)ud;
	static char piece[PIECE];
	static const int marks[] = {-1, 0};
	for (size_t i = 0; i < 2; i++) {
		int fds[2];
		aw_stream *stream = NULL;
		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
		must(aw_stream_from_fd(NULL, fds[0], NULL, &stream));
		must(aw_stream_set_protocol(stream, &protocol, NULL, NULL));
		must(aw_sleep(0));
		must(aw_stream_set_write_buffer_limits(stream, marks[i], -1));
		must(aw_stream_write(stream, "x", 1));
		for (int k = 0; k < 40; k++) must(aw_stream_write(stream, piece, PIECE));
		trace("written");
		for (int received = 0; received < 40 * PIECE + 1;)
			received += must(aw_sock_recv(fds[1], piece, PIECE));
		must(aw_sleep(TICK));
		must(aw_stream_close(stream));
		aw_stream_unref(stream);
		close(fds[1]);
	}
	return 0;
}

CASE(trap_N04, 0.4, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
