/* SPDX-License-Identifier: MIT */
/* L17, L18: call_soon_threadsafe wakes a loop that waits; a thousand calls all run, in order. */
#include "bare.h"

#include <pthread.h>

static int numbers[1000], count, in_order = 1;

static aw_status append(aw_loop *loop, void *ud) {
	(void)loop;
	if (*(const int *)ud != count) in_order = 0;
	count++;
	return 0;
}

static void *post(void *loop) {
	usleep(50000);
	for (int i = 0; i < 1000; i++) {
		numbers[i] = i;
		must(aw_loop_call_soon_threadsafe(loop, append, &numbers[i], NULL));
	}
	must(aw_loop_call_soon_threadsafe(loop, stop, NULL, NULL));
	return NULL;
}

static aw_status start_thread(aw_loop *loop, void *thread) {
	return -pthread_create(thread, NULL, post, loop);
}

CASE(trap_L17_L18, 0.05, CASE_ANY) {
	static pthread_t thread;
	aw_loop *loop = new_event_loop();
	call_soon(loop, start_thread, &thread);
	must(aw_loop_run_forever(loop));
	must(-pthread_join(thread, NULL));
	trace("%d %s", count, True_or_False(in_order));
	close_event_loop(loop);
	return 0;
}
