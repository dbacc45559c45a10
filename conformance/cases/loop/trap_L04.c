/* SPDX-License-Identifier: MIT */
/*
 * L04: which of several timers with equal deadlines comes first is left open by CPython. Here they come in
 * the order of the calls.
 */
#include "bare.h"

static int out[8], out_count;

static aw_status append(aw_loop *loop, void *i) {
	(void)loop;
	out[out_count++] = (int)(intptr_t)i;
	return 0;
}

static void run(aw_loop *loop, int count) {
	char line[64] = "";
	int64_t when = aw_loop_time(loop) + TICK;
	out_count = 0;
	for (int i = 0; i < count; i++)
		must(aw_loop_call_at(loop, when, append, (void *)(intptr_t)i, NULL, NULL));
	must(aw_loop_call_at(loop, when + TICK, stop, NULL, NULL, NULL));
	must(aw_loop_run_forever(loop));
	for (int i = 0; i < out_count; i++) {
		size_t used = strlen(line);
		snprintf(line + used, sizeof line - used, "%s%d", i ? ", " : "", out[i]);
	}
	trace("%d [%s]", count, line);
}

CASE(trap_L04, 0.4, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	run(loop, 2);
	run(loop, 3);
	run(loop, 4);
	run(loop, 6);
	close_event_loop(loop);
	return 0;
}
