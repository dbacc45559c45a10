/* SPDX-License-Identifier: MIT */
/* Side effects in the order of the ends, results in that of the arguments. */
#include "case.h"

typedef struct job {
	char name[2];
	int64_t delay;
} job;

static aw_status work(void *ud) {
	job *self = ud;
	must(aw_sleep(self->delay));
	trace("done %s", self->name);
	return aw_return(self->name, NULL);
}

static aw_status run_aws(void *ud) {
	job *jobs = ud;
	aw_task *aws[] = {create_task(work, &jobs[0]), create_task(work, &jobs[1]), create_task(work, &jobs[2])};
	aw_future *all = gather(aws, 3, AW_GATHER_DEFAULT);
	void *result_list = NULL;
	must(aw_await(all, &result_list));
	aw_results_ref(result_list);
	aw_future_unref(all);
	drop_tasks(aws, 3);
	return aw_return(result_list, NULL);
}

CASE(s002_04_gather, 0.3, CASE_ANY) {
	job jobs[] = {{"a", 3 * AW_SECOND / 10}, {"b", 1 * AW_SECOND / 10}, {"c", 2 * AW_SECOND / 10}};
	void *results = NULL, *value[3] = {NULL};
	must(aw_run(NULL, run_aws, jobs, NULL, &results));
	for (size_t i = 0; i < 3; i++) must(aw_results_get(results, i, &value[i]));
	trace("['%s', '%s', '%s']", (char *)value[0], (char *)value[1], (char *)value[2]);
	aw_results_unref(results);
	return 0;
}
