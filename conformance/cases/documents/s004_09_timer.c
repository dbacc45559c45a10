/* SPDX-License-Identifier: MIT */
/* A timer made of a sleep with a callback. */
#include "case.h"

static aw_status done(aw_future *future, void *ud) {
	(void)future;
	(void)ud;
	trace("Done");
	return 0;
}

static aw_status timer(void *ud) {
	(void)ud;
	aw_coro *sleep = NULL;
	aw_task *futu = NULL;
	must(aw_sleep_coro(NULL, 3 * AW_SECOND, NULL, NULL, &sleep));
	must(aw_task_spawn_coro(NULL, sleep, &futu));
	must(aw_future_add_done_callback(aw_task_future(futu), done, NULL, NULL));
	must(await_task(futu, NULL));
	aw_task_unref(futu);
	aw_coro_unref(sleep);
	return 0;
}

CASE(s004_09_timer, 3.0, CASE_ANY) {
	return aw_run(NULL, timer, NULL, NULL, NULL);
}
