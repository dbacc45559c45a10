/* SPDX-License-Identifier: MIT */
/* X04: While one task reads, a second one that wants to is refused; the first gets its bytes. */
#include "streams.h"

static aw_status read_one(void *stream) {
	char byte;
	must(aw_stream_read(stream, &byte, 1));
	trace("%c", byte);
	return 0;
}

static aw_status program(void *ud) {
	(void)ud;
	ends streams = memory_pair(NULL);
	const char *data = NULL;
	char byte;
	aw_task *task = create_task(read_one, streams.right);
	must(aw_sleep(0));
	if (aw_stream_readline(streams.right, &data) == -EBUSY) trace("refused");
	if (aw_stream_readall(streams.right, 1000, &data) == -EBUSY) trace("refused");
	if (aw_stream_readexactly(streams.right, &byte, 1) == -EBUSY) trace("refused");
	write_text(streams.left, "z");
	must(await_task(task, NULL));
	aw_task_unref(task);
	drop(&streams);
	return 0;
}

CASE(trap_X04, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
