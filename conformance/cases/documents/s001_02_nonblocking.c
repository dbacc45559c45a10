/* SPDX-License-Identifier: MIT */
/*
 * Three tasks of three sleeps each, interleaved. The times are those that Python's seeded generator draws, in
 * the order drawn.
 */
#include "case.h"

static const int drawn[] = {3, 3, 3, 2, 3, 1, 4, 5, 5};
static size_t draws;

static int response_time(void) {
	return drawn[draws++ % 9];
}

typedef struct base_task {
	char payload[16];
	int task_id;
} base_task;

static aw_status step_one(base_task *self) {
	int seconds = response_time();
	trace("Task %d step 1, takes %ds", self->task_id, seconds);
	must(aw_sleep(seconds * AW_SECOND));
	trace("Task %d step 1, done", self->task_id);
	strcat(self->payload, "1");
	return 0;
}

static aw_status step_two(base_task *self) {
	int seconds = response_time();
	trace("Task %d step 2, take %ds", self->task_id, seconds);
	must(aw_sleep(seconds * AW_SECOND));
	trace("Task %d step 2, done", self->task_id);
	strcat(self->payload, "2");
	return 0;
}

static aw_status step_three(base_task *self) {
	int seconds = response_time();
	trace("Task %d step 3, take %ds", self->task_id, seconds);
	must(aw_sleep(seconds * AW_SECOND));
	trace("Task %d step 3, done", self->task_id);
	strcat(self->payload, "3");
	return 0;
}

static aw_status run(void *ud) {
	base_task *self = ud;
	must(step_one(self));
	must(step_two(self));
	must(step_three(self));
	return aw_return(self, NULL);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	int64_t start = now();
	base_task states[] = {{"payload", 0}, {"payload", 1}, {"payload", 2}};
	aw_task *tasks[] = {create_task(run, &states[0]), create_task(run, &states[1]),
	                    create_task(run, &states[2])};
	aw_future *all = gather(tasks, 3, AW_GATHER_DEFAULT);
	void *results = NULL, *value = NULL;
	must(aw_await(all, &results));
	char text[128] = "";
	for (size_t i = 0; i < aw_results_count(results); i++) {
		must(aw_results_get(results, i, &value));
		const base_task *one = value;
		size_t used = strlen(text);
		snprintf(text + used, sizeof text - used, "%s('%s', %d)", i ? ", " : "", one->payload, one->task_id);
	}
	trace("[%s]", text);
	aw_future_unref(all);
	drop_tasks(tasks, 3);
	trace("TIME: %ds", whole_seconds(start));
	return 0;
}

CASE(s001_02_nonblocking, 11.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
