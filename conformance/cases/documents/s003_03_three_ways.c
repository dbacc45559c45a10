/* SPDX-License-Identifier: MIT */
/* Awaited one after the other, as tasks, gathered: three seconds, two, two. */
#include "case.h"

typedef struct say {
	int64_t delay;
	const char *what;
} say;

static say hello = {1 * AW_SECOND, "hello"}, world = {2 * AW_SECOND, "world"};

static aw_status say_after(void *ud) {
	const say *self = ud;
	must(aw_sleep(self->delay));
	trace("%s", self->what);
	return 0;
}

static aw_status main_coroutine(void) {
	must(say_after(&hello));
	must(say_after(&world));
	return 0;
}

static aw_status main_create_task(void) {
	aw_task *task1 = create_task(say_after, &hello);
	aw_task *task2 = create_task(say_after, &world);
	must(await_task(task1, NULL));
	must(await_task(task2, NULL));
	aw_task_unref(task1);
	aw_task_unref(task2);
	return 0;
}

static aw_status main_gather(void) {
	aw_task *tasks[] = {create_task(say_after, &hello), create_task(say_after, &world)};
	aw_future *all = gather(tasks, 2, AW_GATHER_DEFAULT);
	must(aw_await(all, NULL));
	aw_future_unref(all);
	drop_tasks(tasks, 2);
	return 0;
}

typedef struct way {
	aw_status (*fn)(void);
} way;

/* The time is that of the loop's clock, so that it is taken inside the run. */
static aw_status time_elapsed(void *ud) {
	const way *self = ud;
	int64_t start = now();
	must(self->fn());
	trace("used: %d s", whole_seconds(start));
	return 0;
}

CASE(s003_03_three_ways, 7.0, CASE_ANY) {
	way ways[] = {{main_coroutine}, {main_create_task}, {main_gather}};
	for (size_t i = 0; i < 3; i++) must(aw_run(NULL, time_elapsed, &ways[i], NULL, NULL));
	return 0;
}
