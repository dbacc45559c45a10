/* SPDX-License-Identifier: MIT */
/*
 * L05: different deadlines run in their order, whatever the order of the calls, also when several are overdue
 * in one iteration.
 */
#include "bare.h"

static aw_status block(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	usleep(60000);
	return 0;
}

CASE(trap_L05, 0.1, CASE_ANY) {
	static char *const words[] = {"1", "2", "3"};
	static const int order[] = {3, 1, 2};
	aw_loop *loop = new_event_loop();
	int64_t base = aw_loop_time(loop);
	for (size_t i = 0; i < 3; i++)
		must(aw_loop_call_at(loop, base + order[i] * 10 * AW_MILLISECOND, say, words[order[i] - 1], NULL,
		                     NULL));
	call_soon(loop, block, NULL);
	call_later(loop, 100 * AW_MILLISECOND, stop, NULL);
	must(aw_loop_run_forever(loop));
	close_event_loop(loop);
	return 0;
}
