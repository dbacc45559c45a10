/* SPDX-License-Identifier: MIT */
/* R13: a signal that arrives while the loop waits wakes it at once. */
#include "case.h"

#include <pthread.h>
#include <signal.h>

static aw_status set_result(aw_loop *loop, void *future) {
	(void)loop;
	return aw_future_set_result(future, "woken", NULL);
}

static void *interrupt(void *ud) {
	usleep(100000);
	kill(getpid(), SIGUSR1);
	return ud;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_loop *loop = aw_loop_current();
	aw_future *future = create_future();
	pthread_t thread;
	void *value = NULL;
	must(aw_loop_add_signal_handler(loop, SIGUSR1, set_result, future, NULL));
	must(-pthread_create(&thread, NULL, interrupt, NULL));
	aw_status status = aw_wait_for(future, 5 * AW_SECOND, &value);
	trace("%s", status == AW_ETIMEOUT ? "not woken" : (char *)value);
	must(-pthread_join(thread, NULL));
	must(aw_loop_remove_signal_handler(loop, SIGUSR1));
	aw_future_unref(future);
	return 0;
}

CASE(trap_R13, 0.1, CASE_REAL_TIME) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
