/* SPDX-License-Identifier: MIT */
/*
 * F04: a callback added twice runs twice; removing takes out every copy and tells how many; from a future
 * that is done it takes none.
 */
#include "bare.h"

CASE(trap_F04, 0.0, CASE_ANY) {
	static char word[] = "callback";
	aw_loop *loop = new_event_loop();
	aw_future *future = NULL;
	must(aw_future_new(loop, &future));
	must(aw_future_add_done_callback(future, say_done, word, NULL));
	must(aw_future_add_done_callback(future, say_done, word, NULL));
	trace("removed %d", must(aw_future_remove_done_callback(future, say_done, word)));
	must(aw_future_add_done_callback(future, say_done, word, NULL));
	must(aw_future_add_done_callback(future, say_done, word, NULL));
	must(aw_future_set_result(future, NULL, NULL));
	trace("removed %d", must(aw_future_remove_done_callback(future, say_done, word)));
	call_soon(loop, stop, NULL);
	must(aw_loop_run_forever(loop));
	aw_future_unref(future);
	close_event_loop(loop);
	return 0;
}
