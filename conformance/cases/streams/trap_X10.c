/* SPDX-License-Identifier: MIT */
/* X10: Close sends what is queued, and the peer reads all of it and then the end; abort drops it. */
#include "streams.h"

#include <stdlib.h>

enum { MUCH = 3000000 };

static void write_much(aw_stream *stream) {
	char *much = calloc(1, MUCH);
	must(aw_stream_write(stream, much, MUCH));
	free(much);
}

static aw_status program(void *ud) {
	(void)ud;
	const char *all = NULL;
	ends streams = unix_pair(NULL);
	write_much(streams.left);
	must(aw_stream_close(streams.left));
	trace("%s", True_or_False(aw_stream_is_closing(streams.left)));
	aw_status length = must(aw_stream_readall(streams.right, MUCH, &all));
	trace("%d %s", length, True_or_False(aw_stream_at_eof(streams.right)));
	must(aw_stream_wait_closed(streams.left, -1));
	drop(&streams);

	streams = unix_pair(NULL);
	must(aw_stream_pause_reading(streams.right));
	write_much(streams.left);
	must(aw_stream_abort(streams.left));
	trace("%s %zu", True_or_False(aw_stream_is_closing(streams.left)),
	      aw_stream_write_buffer_size(streams.left));
	must(aw_stream_wait_closed(streams.left, -1));
	must(aw_stream_resume_reading(streams.right));
	length = must(aw_stream_readall(streams.right, MUCH, &all));
	trace("%s", True_or_False(0 < length && length < MUCH));
	drop(&streams);
	return 0;
}

CASE(trap_X10, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
