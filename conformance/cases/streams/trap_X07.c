/* SPDX-License-Identifier: MIT */
/* X07: The error that ended the connection fails the read that waits, and every later one. */
#include "source.h"

static aw_status read_five(void *stream) {
	char text[5];
	return aw_stream_read(stream, text, 5);
}

static aw_status program(void *ud) {
	(void)ud;
	source from = {0};
	const char *line = NULL;
	char byte;
	aw_stream *stream = source_stream(&from, 0);
	aw_task *task = create_task(read_five, stream);
	must(aw_sleep(0));
	from.failure = -ECONNRESET;
	source_tell(&from, stream);
	if (await_task(task, NULL) == -ECONNRESET) trace("reset");
	if (aw_stream_readline(stream, &line) == -ECONNRESET) trace("reset");
	if (aw_stream_read(stream, &byte, 1) == -ECONNRESET) trace("reset");
	aw_task_unref(task);
	aw_stream_unref(stream);
	return 0;
}

CASE(trap_X07, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
