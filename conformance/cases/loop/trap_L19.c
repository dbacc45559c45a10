/* SPDX-License-Identifier: MIT */
/*
 * L17, L19: a call from another thread than the loop's is refused, in debug mode and out of it; the
 * threadsafe one stays legal, and wakes the loop.
 */
#include "bare.h"

#include <pthread.h>

static void *other_thread(void *loop) {
	if (aw_loop_call_soon(loop, stop, NULL, NULL, NULL) == AW_EWRONGTHREAD) trace("refused");
	if (aw_loop_call_later(loop, AW_SECOND, stop, NULL, NULL, NULL) == AW_EWRONGTHREAD) trace("refused");
	must(aw_loop_call_soon_threadsafe(loop, stop, NULL, NULL));
	return NULL;
}

static aw_status start_thread(aw_loop *loop, void *thread) {
	return -pthread_create(thread, NULL, other_thread, loop);
}

static void run(aw_bool debug) {
	static pthread_t thread;
	aw_loop *loop = new_event_loop();
	must(aw_loop_set_debug(loop, debug));
	call_soon(loop, start_thread, &thread);
	must(aw_loop_run_forever(loop));
	must(-pthread_join(thread, NULL));
	trace("stopped");
	close_event_loop(loop);
}

CASE(trap_L19, 0.0, CASE_ANY) {
	run(1);
	run(0);
	return 0;
}
