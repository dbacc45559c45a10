/* SPDX-License-Identifier: MIT */
/* N03: A callback that fails is reported and aborts the connection, which is lost with that error. */
#include "case.h"

#include <stdlib.h>
#include <sys/socket.h>

static aw_status data_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	(void)stream;
	(void)ud;
	(void)data;
	(void)length;
	return -EINVAL;
}

static aw_status eof_received(aw_stream *stream, void *ud) {
	(void)stream;
	(void)ud;
	return -EINVAL;
}

static void lost(aw_stream *stream, void *ud, aw_status why) {
	(void)stream;
	(void)ud;
	trace("lost %s", True_or_False(why == -EINVAL));
}

static const aw_protocol protocol = {.size = sizeof protocol,
                                     .data_received = data_received,
                                     .eof_received = eof_received,
                                     .connection_lost = lost};

static aw_status told(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace("%s", aw_report_message(report));
	return 0;
}

static aw_status program(void *ud) {
	(void)ud;
	enum { MUCH = 3000000 };
	char *much = calloc(1, MUCH);
	must(aw_loop_set_exception_handler(aw_loop_current(), told, NULL, NULL));
	for (int at_end = 0; at_end < 2; at_end++) {
		int fds[2];
		aw_stream *stream = NULL;
		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
		must(aw_stream_from_fd(NULL, fds[0], NULL, &stream));
		must(aw_stream_set_protocol(stream, &protocol, NULL, NULL));
		must(aw_stream_write(stream, much, MUCH));
		must(at_end ? shutdown(fds[1], SHUT_WR) : (aw_status)send(fds[1], "x", 1, 0));
		must(aw_sleep(TICK));
		trace("%s %zu", True_or_False(aw_stream_is_closing(stream)), aw_stream_write_buffer_size(stream));
		aw_stream_unref(stream);
		close(fds[1]);
	}
	free(much);
	return 0;
}

CASE(trap_N03, 0.4, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
