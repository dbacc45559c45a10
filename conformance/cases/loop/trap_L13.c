/* SPDX-License-Identifier: MIT */
/*
 * L13: close is refused while the loop runs, can be repeated, and drops what is queued; after it everything
 * is refused.
 */
#include "bare.h"

static aw_status try_to_close(aw_loop *loop, void *ud) {
	(void)ud;
	if (aw_loop_close(loop) == AW_ELOOPRUNNING) trace("refused: running");
	return aw_loop_stop(loop);
}

static aw_status coroutine(void *ud) {
	(void)ud;
	trace("ran");
	return 0;
}

static void let_go(void *count) {
	++*(int *)count;
}

CASE(trap_L13, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	call_soon(loop, try_to_close, NULL);
	must(aw_loop_run_forever(loop));
	int destroyed = 0;
	must(aw_loop_call_soon(loop, say, &destroyed, let_go, NULL));
	must(aw_loop_close(loop));
	must(aw_loop_close(loop));
	trace("%s %s", True_or_False(aw_loop_is_closed(loop)), True_or_False(aw_loop_is_running(loop)));
	if (aw_loop_call_soon(loop, stop, NULL, NULL, NULL) == AW_ELOOPCLOSED) trace("refused: closed");
	if (aw_loop_call_later(loop, AW_SECOND, stop, NULL, NULL, NULL) == AW_ELOOPCLOSED)
		trace("refused: closed");
	if (aw_loop_call_soon_threadsafe(loop, stop, NULL, NULL) == AW_ELOOPCLOSED) trace("refused: closed");
	if (aw_task_spawn(loop, coroutine, &destroyed, let_go, NULL) == AW_ELOOPCLOSED) trace("refused: closed");
	if (aw_loop_run_forever(loop) == AW_ELOOPCLOSED) trace("refused: closed");
	aw_loop_unref(loop);
	/* Dropped and refused callbacks are released. */
	return destroyed == 2 ? 0 : AW_EINVALIDSTATE;
}
