/* SPDX-License-Identifier: MIT */
/*
 * L22: two descriptors are readable in one poll, and the first callback removes the reader of the second:
 * that one does not run.
 */
#include "bare.h"

static int pipes[2][2];

static aw_status on_read(aw_loop *loop, void *ud) {
	(void)ud;
	trace("read");
	for (size_t i = 0; i < 2; i++) must(aw_loop_remove_reader(loop, pipes[i][0]));
	return 0;
}

CASE(trap_L22, 0.05, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	for (size_t i = 0; i < 2; i++) {
		must(pipe(pipes[i]));
		must(aw_loop_add_reader(loop, pipes[i][0], on_read, NULL, NULL));
		if (write(pipes[i][1], "x", 1) != 1) return -EIO;
	}
	call_later(loop, 50 * AW_MILLISECOND, stop, NULL);
	must(aw_loop_run_forever(loop));
	for (size_t i = 0; i < 4; i++) close(pipes[i / 2][i % 2]);
	close_event_loop(loop);
	return 0;
}
