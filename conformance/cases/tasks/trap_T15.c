/* SPDX-License-Identifier: MIT */
/*
 * T15: sleep(0), and any delay below, lets the others run for exactly one iteration, without a timer; a short
 * sleep goes through a timer. A sleep gives its result.
 */
#include "bare.h"

static char text[] = "result";
static int n;
static bool on = true;

static aw_status count(aw_loop *loop, void *ud) {
	n++;
	if (on) call_soon(loop, count, ud);
	return 0;
}

static void sleep_task(int64_t delay) {
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	void *value = NULL;
	must(aw_sleep_coro(aw_loop_current(), delay, text, NULL, &coro));
	must(aw_task_spawn_coro(NULL, coro, &task));
	aw_coro_unref(coro);
	must(aw_sleep(0));
	trace("a timer %s", True_or_False(aw_loop_deadline(aw_loop_current()) != AW_FOREVER));
	must(await_task(task, &value));
	trace("%s", (const char *)value);
	aw_task_unref(task);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	call_soon(aw_loop_current(), count, NULL);
	for (int64_t delay = 0; delay >= -1; delay--) {
		int before = n;
		must(aw_sleep(delay * AW_SECOND));
		trace("iterations %d", n - before);
	}
	on = false;
	sleep_task(0);
	sleep_task(-AW_SECOND);
	sleep_task(AW_MILLISECOND);
	return 0;
}

CASE(trap_T15, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
