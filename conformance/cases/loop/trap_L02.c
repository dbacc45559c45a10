/* SPDX-License-Identifier: MIT */
/*
 * L02: one iteration is what was ready, then what the poll found, then the timers due, in that order; and
 * nothing else.
 */
#include "bare.h"

static int pipe_fds[2];

static aw_status on_read(aw_loop *loop, void *ud) {
	char byte;
	(void)loop;
	(void)ud;
	if (read(pipe_fds[0], &byte, 1) == 1) trace("io");
	return 0;
}

static aw_status first(aw_loop *loop, void *ud) {
	(void)ud;
	call_later(loop, 0, say, "timer");
	if (write(pipe_fds[1], "x", 1) != 1) return -EIO;
	call_soon(loop, say, "soon");
	call_later(loop, 50 * AW_MILLISECOND, stop, NULL);
	return 0;
}

CASE(trap_L02, 0.05, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	must(pipe(pipe_fds));
	must(aw_loop_add_reader(loop, pipe_fds[0], on_read, NULL, NULL));
	call_soon(loop, first, NULL);
	must(aw_loop_run_forever(loop));
	must(aw_loop_remove_reader(loop, pipe_fds[0]));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close_event_loop(loop);
	return 0;
}
