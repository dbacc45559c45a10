/* SPDX-License-Identifier: MIT */
/*
 * X06: Reading pauses once more than twice the limit has arrived, and continues when no more than the limit
 * is left.
 */
#include "source.h"

static aw_status program(void *ud) {
	(void)ud;
	source from = {0};
	char text[8];
	aw_stream *stream = source_stream(&from, 4);
	size_t fed[] = {8, 1}, read[] = {4, 1};
	for (size_t i = 0; i < 2; i++) {
		from.available = fed[i];
		source_tell(&from, stream);
		trace("%s", True_or_False(from.is_wanted));
	}
	for (size_t i = 0; i < 2; i++) {
		must(aw_stream_readexactly(stream, text, read[i]));
		trace("%s", True_or_False(from.is_wanted));
	}
	must(aw_stream_abort(stream));
	aw_stream_unref(stream);
	return 0;
}

CASE(trap_X06, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
