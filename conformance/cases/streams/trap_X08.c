/* SPDX-License-Identifier: MIT */
/*
 * X08: A write never waits; drain returns at once up to the high-water mark, and above it waits for the low-
 * water mark.
 */
#include "streams.h"

#include <stdlib.h>

enum { MUCH = 4000000 };
static int ticks;

static aw_status tick(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	ticks++;
	return 0;
}

static aw_status drain(void *stream) {
	return aw_stream_drain(stream);
}

static aw_status read_much(void *stream) {
	char *all = malloc(MUCH + 1);
	aw_status length = must(aw_stream_readexactly(stream, all, MUCH + 1));
	free(all);
	return aw_return((void *)(intptr_t)length, NULL);
}

static aw_status program(void *ud) {
	(void)ud;
	ends streams = unix_pair(NULL);
	size_t low, high;
	void *length = NULL;
	must(aw_stream_write_buffer_limits(streams.left, &low, &high));
	trace("%zu %zu", low, high);
	must(aw_stream_pause_reading(streams.right));
	write_text(streams.left, "x");
	must(aw_loop_call_soon(aw_loop_current(), tick, NULL, NULL, NULL));
	must(aw_stream_drain(streams.left));
	trace("%d", ticks);
	char *much = calloc(1, MUCH);
	must(aw_stream_write(streams.left, much, MUCH));
	free(much);
	trace("%s", True_or_False(aw_stream_write_buffer_size(streams.left) > high));
	aw_task *task = create_task(drain, streams.left);
	must(aw_sleep(TICK));
	trace("%s", True_or_False(aw_future_done(aw_task_future(task))));
	must(aw_stream_resume_reading(streams.right));
	aw_task *reading = create_task(read_much, streams.right);
	must(await_task(task, NULL));
	trace("%s", True_or_False(aw_stream_write_buffer_size(streams.left) <= low));
	must(await_task(reading, &length));
	trace("%d", (int)(intptr_t)length);
	aw_task_unref(task);
	aw_task_unref(reading);
	drop(&streams);
	return 0;
}

CASE(trap_X08, 0.2, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
