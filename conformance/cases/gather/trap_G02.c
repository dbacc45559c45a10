/* SPDX-License-Identifier: MIT */
/* G02: gather of nothing is done at once; awaiting it does not suspend. */
#include "case.h"

static aw_status other(void *ud) {
	(void)ud;
	trace("other");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_task *task = create_task(other, NULL);
	aw_future *gathered = gather(NULL, 0, AW_GATHER_DEFAULT);
	void *results = NULL;
	bool done = aw_future_done(gathered);
	must(aw_await(gathered, &results));
	trace("%s %zu", True_or_False(done), aw_results_count(results));
	trace("main");
	must(await_task(task, NULL));
	aw_future_unref(gathered);
	aw_task_unref(task);
	return 0;
}

CASE(trap_G02, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
