/* SPDX-License-Identifier: MIT */
/* write_eof() on a pipe for writing sends what is queued and then closes it. */
#include "streams.h"

enum { SIZE = 1 << 20 };

static void lost(aw_stream *stream, void *ended, aw_status why) {
	(void)stream;
	trace("lost %s", why < 0 ? "by an error" : "in order");
	must(aw_event_set(ended));
}

static const aw_protocol protocol = {.size = sizeof protocol, .connection_lost = lost};

static void run(size_t size) {
	static char bytes[SIZE];
	int fds[2];
	size_t total = 0;
	aw_event *ended = NULL;
	aw_stream *writer = NULL, *reader = NULL;
	trace("- %zu", size);
	must(pipe(fds));
	must(aw_event_new(NULL, &ended));
	must(aw_stream_from_fd(NULL, fds[1], NULL, &writer));
	must(aw_stream_set_protocol(writer, &protocol, ended, NULL));
	must(aw_stream_from_fd(NULL, fds[0], NULL, &reader));
	must(aw_sleep(0));
	trace("%s", True_or_False(aw_stream_can_write_eof(writer)));
	must(aw_stream_write(writer, bytes, size));
	must(aw_stream_write_eof(writer));
	must(aw_stream_write_eof(writer));
	trace("%s", True_or_False(aw_stream_is_closing(writer)));
	for (aw_status count; (count = must(aw_stream_read(reader, bytes, sizeof bytes))) > 0;)
		total += (size_t)count;
	trace("%zu", total);
	must(aw_event_wait(ended));
	must(aw_stream_close(reader));
	aw_stream_unref(reader);
	aw_stream_unref(writer);
	aw_event_unref(ended);
}

static aw_status program(void *ud) {
	(void)ud;
	run(0);
	run(1);
	run(SIZE);
	return 0;
}

CASE(write_pipe_eof, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
