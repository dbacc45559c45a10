/* SPDX-License-Identifier: MIT */
/*
 * N01: connection_made is the first callback and connection_lost the last, which no call makes by itself; a
 * pause keeps further bytes back; the end of one direction leaves the other open if the protocol wants that.
 */
#include "case.h"

#include <sys/socket.h>

static void made(aw_stream *stream, void *ud) {
	(void)stream;
	(void)ud;
	trace("made");
}

static aw_status resume(aw_loop *loop, void *stream) {
	(void)loop;
	trace("resume");
	return aw_stream_resume_reading(stream);
}

static aw_status data_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	(void)ud;
	trace("data %.*s", (int)length, (const char *)data);
	must(aw_stream_pause_reading(stream));
	return aw_loop_call_later(aw_loop_current(), 2 * TICK, resume, stream, NULL, NULL);
}

static aw_status eof_received(aw_stream *stream, void *ud) {
	(void)stream;
	(void)ud;
	trace("eof");
	return 1;
}

static void lost(aw_stream *stream, void *ud, aw_status why) {
	(void)stream;
	(void)ud;
	trace("lost %s", True_or_False(why == 0));
}

static const aw_protocol protocol = {.size = sizeof protocol,
                                     .connection_made = made,
                                     .data_received = data_received,
                                     .eof_received = eof_received,
                                     .connection_lost = lost};

static aw_status program(void *ud) {
	(void)ud;
	int fds[2];
	char text[10] = "";
	aw_stream *stream = NULL;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	must((aw_status)send(fds[1], "12", 2, 0));
	must(aw_stream_from_fd(NULL, fds[0], NULL, &stream));
	must(aw_stream_set_protocol(stream, &protocol, NULL, NULL));
	must(aw_sleep(TICK));
	must((aw_status)send(fds[1], "3", 1, 0));
	shutdown(fds[1], SHUT_WR);
	must(aw_sleep(4 * TICK));
	must(aw_stream_write(stream, "bye", 3));
	must((aw_status)recv(fds[1], text, 9, 0));
	trace("%s", text);
	must(aw_stream_close(stream));
	trace("close returned");
	must(aw_sleep(TICK));
	aw_stream_unref(stream);
	close(fds[1]);
	return 0;
}

CASE(trap_N01, 1.2, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
