/* SPDX-License-Identifier: MIT */
/* X12: After the end of one direction the other is still open; a write after it is refused. */
#include "streams.h"

static void trace_all(aw_stream *stream) {
	const char *all = NULL;
	aw_status length = must(aw_stream_readall(stream, 1000, &all));
	trace("%.*s", length, all);
}

static aw_status program(void *ud) {
	(void)ud;
	ends streams = unix_pair(NULL);
	trace("%s", True_or_False(aw_stream_can_write_eof(streams.left)));
	write_text(streams.left, "request");
	must(aw_stream_write_eof(streams.left));
	if (aw_stream_write(streams.left, "more", 4) == -EPIPE) trace("refused");
	trace_all(streams.right);
	write_text(streams.right, "answer");
	must(aw_stream_close(streams.right));
	trace_all(streams.left);
	drop(&streams);
	return 0;
}

CASE(trap_X12, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
