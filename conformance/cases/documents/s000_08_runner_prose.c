/* SPDX-License-Identifier: MIT */
/* A runner keeps one loop for two runs, and closes it at the end. */
#include "case.h"

#include <stdlib.h>

static aw_status hello(void *ud) {
	must(aw_sleep(AW_SECOND / 10));
	char *text = malloc(32);
	if (!text) return -ENOMEM;
	snprintf(text, 32, "hello %d", *(const int *)ud);
	return aw_return(text, free);
}

CASE(s000_08_runner_prose, 0.2, CASE_ANY) {
	int one = 1, two = 2;
	void *text = NULL;
	aw_runner *runner = NULL;
	aw_loop *loop = NULL;
	must(aw_runner_new(NULL, AW_RUNNER_DEFAULT, &runner));
	must(aw_runner_run(runner, hello, &one, NULL, &text));
	trace("%s", (char *)text);
	free(text);
	must(aw_runner_run(runner, hello, &two, NULL, &text));
	trace("%s", (char *)text);
	free(text);
	must(aw_runner_loop(runner, &loop));
	aw_loop_ref(loop);
	trace("%s", True_or_False(aw_loop_is_closed(loop)));
	must(aw_runner_close(runner));
	trace("%s", True_or_False(aw_loop_is_closed(loop)));
	aw_loop_unref(loop);
	aw_runner_unref(runner);
	return 0;
}
