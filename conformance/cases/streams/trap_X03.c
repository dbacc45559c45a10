/* SPDX-License-Identifier: MIT */
/* X03: A read returns what is there; of nothing it returns at once; without a length it waits for the end. */
#include "streams.h"

static aw_status read_all(void *stream) {
	const char *all = NULL;
	aw_status length = must(aw_stream_readall(stream, 1000, &all));
	trace("%.*s", length, all);
	return 0;
}

static aw_status program(void *ud) {
	(void)ud;
	ends streams = memory_pair(NULL);
	char text[11] = "";
	write_text(streams.left, "abc");
	must(aw_stream_read(streams.right, text, 10));
	aw_status some = must(aw_stream_read(streams.right, NULL, 0));
	aw_status exactly = must(aw_stream_readexactly(streams.right, NULL, 0));
	trace("%s %d %d", text, some, exactly);
	aw_task *task = create_task(read_all, streams.right);
	must(aw_sleep(0));
	write_text(streams.left, "x");
	must(aw_sleep(TICK));
	trace("%s", True_or_False(aw_future_done(aw_task_future(task))));
	must(aw_stream_write_eof(streams.left));
	must(await_task(task, NULL));
	aw_task_unref(task);
	drop(&streams);
	return 0;
}

CASE(trap_X03, 0.2, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
