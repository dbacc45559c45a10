/* SPDX-License-Identifier: MIT */
/* The values of two awaited coroutines, by run and by a runner. */
#include "case.h"

static double sum(size_t count, const double *numbs) {
	double total = 0;
	for (size_t i = 0; i < count; i++) total += numbs[i];
	return total;
}

typedef struct pair {
	double first, second;
} pair;

static aw_status main_coroutine(void *ud) {
	pair *self = ud;
	self->first = sum(2, (double[]){255, 257});
	self->second = sum(2, (double[]){3.14, 257});
	return aw_return(self, NULL);
}

CASE(s002_01_run_and_runner, 0.0, CASE_ANY) {
	pair state;
	void *result = NULL;
	must(aw_run(NULL, main_coroutine, &state, NULL, &result));
	trace("(%g, %g)", ((pair *)result)->first, ((pair *)result)->second);

	aw_runner *runner = NULL;
	must(aw_runner_new(NULL, AW_RUNNER_DEFAULT, &runner));
	must(aw_runner_run(runner, main_coroutine, &state, NULL, &result));
	trace("(%g, %g)", ((pair *)result)->first, ((pair *)result)->second);
	aw_runner_unref(runner);
	return 0;
}
