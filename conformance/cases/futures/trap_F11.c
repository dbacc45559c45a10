/* SPDX-License-Identifier: MIT */
/* F11: a future that failed gives the same exception object to each who awaits it, each time. */
#include "bare.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_future *future = create_future();
	aw_error *error = NULL;
	must(aw_error_new(NULL, -EINVAL, NULL, NULL, NULL, &error));
	must(aw_future_set_error(future, error));
	for (int i = 0; i < 2; i++)
		if (aw_await(future, NULL) == -EINVAL) trace("%s", True_or_False(aw_caught() == error));
	aw_error_unref(error);
	aw_future_unref(future);
	return 0;
}

CASE(trap_F11, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
