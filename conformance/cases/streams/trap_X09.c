/* SPDX-License-Identifier: MIT */
/*
 * X09: Of the two marks each follows from the other; 0 means that every byte counts; the low one is not above
 * the high one.
 */
#include "streams.h"

static void trace_marks(const aw_stream *stream) {
	size_t low = 0, high = 0;
	must(aw_stream_write_buffer_limits(stream, &low, &high));
	trace("%zu %zu", low, high);
}

static aw_status program(void *ud) {
	(void)ud;
	ends streams = unix_pair(NULL);
	static const struct { int high, low; } marks[] = {{100, -1}, {-1, 100}, {0, -1}, {-1, -1}, {10, 5}};
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		must(aw_stream_set_write_buffer_limits(streams.left, marks[i].high, marks[i].low));
		trace_marks(streams.left);
	}
	if (aw_stream_set_write_buffer_limits(streams.left, 1, 2) == -EINVAL) trace("refused");
	trace_marks(streams.left);
	drop(&streams);
	return 0;
}

CASE(trap_X09, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
