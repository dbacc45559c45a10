/* SPDX-License-Identifier: MIT */
/* X05: A read that is cancelled loses nothing, neither what had arrived nor what arrives later. */
#include "streams.h"

static aw_status read_four(void *stream) {
	char text[4];
	return aw_stream_readexactly(stream, text, 4);
}

static aw_status program(void *ud) {
	(void)ud;
	ends streams = memory_pair(NULL);
	char text[5] = "";
	aw_task *task = create_task(read_four, streams.right);
	must(aw_sleep(0));
	write_text(streams.left, "ab");
	aw_task_cancel(task, NULL);
	wait_tasks(&task, 1);
	write_text(streams.left, "cd");
	must(aw_stream_readexactly(streams.right, text, 4));
	trace("%s %s", True_or_False(aw_future_cancelled(aw_task_future(task))), text);
	aw_task_unref(task);
	drop(&streams);
	return 0;
}

CASE(trap_X05, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
