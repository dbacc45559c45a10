/* SPDX-License-Identifier: MIT */
/* Five seconds of blocking against one of sleeping side by side. */
#include "case.h"

#include <time.h>

static double monotonic(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void block_dosomething(int i) {
	trace("第 %d 次開始", i);
	sleep(1);
	trace("第 %d 次結束", i);
}

static void block_main(void) {
	double start = monotonic();
	for (int i = 0; i < 5; i++) block_dosomething(i + 1);
	trace("block time: %.0f (s)", monotonic() - start);
}

static aw_status dosomething(void *ud) {
	int i = *(const int *)ud;
	trace("第 %d 次開始", i);
	must(aw_sleep(AW_SECOND));
	trace("第 %d 次結束", i);
	return 0;
}

static aw_status waiter(void *ud) {
	(void)ud;
	int numbers[] = {1, 2, 3, 4, 5};
	aw_task *tasks[5];
	for (size_t i = 0; i < 5; i++) tasks[i] = create_task(dosomething, &numbers[i]);
	wait_tasks(tasks, 5);
	drop_tasks(tasks, 5);
	return 0;
}

static void async_main(void) {
	double start = monotonic();
	must(aw_run(NULL, waiter, NULL, NULL, NULL));
	trace("async time: %.0f (s)", monotonic() - start);
}

CASE(s003_13_block_vs_async, 6.0, CASE_REAL_TIME) {
	block_main();
	async_main();
	return 0;
}
