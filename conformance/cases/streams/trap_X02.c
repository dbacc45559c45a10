/* SPDX-License-Identifier: MIT */
/*
 * X02: At the end readline gives the line that was begun, then nothing; readexactly and readuntil fail and
 * tell what arrived.
 */
#include "streams.h"

static void feed_and_end(ends *streams, const char *text) {
	*streams = memory_pair(NULL);
	write_text(streams->left, text);
	must(aw_stream_write_eof(streams->left));
}

static void trace_partial(aw_status status, aw_stream *stream) {
	const char *data = NULL;
	aw_status length = must(aw_stream_view(stream, &data));
	if (status == AW_EINCOMPLETE) trace("incomplete %.*s", length, data);
}

static aw_status program(void *ud) {
	(void)ud;
	ends streams;
	const char *line = NULL;
	char text[9];
	feed_and_end(&streams, "par");
	aw_status length = must(aw_stream_readline(streams.right, &line));
	trace("%.*s", length, line);
	aw_status again = must(aw_stream_readline(streams.right, &line));
	aw_status some = must(aw_stream_read(streams.right, text, sizeof text));
	aw_status all = must(aw_stream_readall(streams.right, 1000, &line));
	trace("%d %d %d %s", again, some, all, True_or_False(aw_stream_at_eof(streams.right)));
	drop(&streams);

	feed_and_end(&streams, "abc");
	trace_partial(aw_stream_readexactly(streams.right, text, 5), streams.right);
	drop(&streams);
	feed_and_end(&streams, "abc");
	trace_partial(aw_stream_readuntil(streams.right, "\n", 1, &line), streams.right);
	drop(&streams);
	return 0;
}

CASE(trap_X02, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
