/* SPDX-License-Identifier: MIT */
/* run_forever does not return by itself; SIGINT after four seconds makes it. */
#include "case.h"

#include <pthread.h>
#include <signal.h>

static aw_status is_coroutine(void *ud) {
	int x = *(const int *)ud;
	trace("sleep %d second", x);
	must(aw_sleep(x * AW_SECOND));
	trace("done");
	return 0;
}

static void *interrupt(void *ud) {
	(void)ud;
	sleep(4);
	kill(getpid(), SIGINT);
	return NULL;
}

/* What KeyboardInterrupt is in Python: it leaves the run at once. */
static aw_status keyboard_interrupt(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return AW_ESYSTEMEXIT;
}

CASE(s004_03_run_forever, 4.0, CASE_REAL_TIME) {
	int x = 3;
	aw_loop *loop = NULL;
	aw_task *t = NULL;
	pthread_t timer;
	must(aw_loop_new(NULL, &loop));
	must(-pthread_create(&timer, NULL, interrupt, NULL));
	must(aw_loop_add_signal_handler(loop, SIGINT, keyboard_interrupt, NULL, NULL));
	must(aw_task_spawn(loop, is_coroutine, &x, NULL, &t));
	if (aw_loop_run_forever(loop) == AW_ESYSTEMEXIT)
		trace("KeyboardInterrupt %s", True_or_False(aw_future_done(aw_task_future(t))));
	must(-pthread_join(timer, NULL));
	must(aw_loop_close(loop));
	aw_task_unref(t);
	aw_loop_unref(loop);
	return 0;
}
