/* SPDX-License-Identifier: MIT */
/* N11: A pipe ends with an eof_received, then a connection_lost without an error; a regular file is refused. */
#include "case.h"

#include <fcntl.h>

static aw_status data_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	(void)stream;
	(void)ud;
	trace("data %.*s", (int)length, (const char *)data);
	return 0;
}

static aw_status eof_received(aw_stream *stream, void *ud) {
	(void)stream;
	(void)ud;
	trace("eof");
	return 0;
}

static void lost(aw_stream *stream, void *ud, aw_status why) {
	(void)stream;
	(void)ud;
	trace("lost %s", True_or_False(why == 0));
}

static const aw_protocol protocol = {.size = sizeof protocol,
                                     .data_received = data_received,
                                     .eof_received = eof_received,
                                     .connection_lost = lost};

static aw_stream *connect_pipe(int fd) {
	aw_stream *stream = NULL;
	must(aw_stream_from_fd(NULL, fd, NULL, &stream));
	must(aw_stream_set_protocol(stream, &protocol, NULL, NULL));
	must(aw_sleep(0));
	return stream;
}

static aw_status program(void *ud) {
	(void)ud;
	int fds[2];
	char text[10] = "";
	must(pipe2(fds, O_CLOEXEC));
	aw_stream *stream = connect_pipe(fds[0]);
	must((aw_status)write(fds[1], "last", 4));
	close(fds[1]);
	must(aw_sleep(TICK));
	aw_stream_unref(stream);

	must(pipe2(fds, O_CLOEXEC));
	stream = connect_pipe(fds[1]);
	must(aw_stream_write(stream, "word", 4));
	must((aw_status)read(fds[0], text, 9));
	trace("%s", text);
	must(aw_stream_close(stream));
	must(aw_sleep(TICK));
	trace("%d", (int)read(fds[0], text, 9));
	aw_stream_unref(stream);
	close(fds[0]);

	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (aw_stream_from_fd(NULL, file, NULL, &stream) == -EINVAL) trace("refused");
	close(file);
	return 0;
}

CASE(trap_N11, 0.4, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
