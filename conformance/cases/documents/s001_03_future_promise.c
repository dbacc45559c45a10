/* SPDX-License-Identifier: MIT */
/* A future as a promise: its callback runs before the one who began to wait later. */
#include "case.h"

typedef struct promise {
	aw_future *future;
	int64_t delay;
	char *value;
} promise;

static aw_status set_after(void *ud) {
	const promise *self = ud;
	must(aw_sleep(self->delay));
	must(aw_future_set_result(self->future, self->value, NULL));
	return 0;
}

static aw_status callback(aw_future *future, void *ud) {
	(void)future;
	(void)ud;
	trace("I am callback!");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	char text[] = "... world";
	aw_future *future = create_future();
	void *value = NULL;
	must(aw_future_add_done_callback(future, callback, NULL, NULL));
	promise state = {future, 3 * AW_SECOND, text};
	aw_task_unref(create_task(set_after, &state));
	trace("hello ");
	trace("%s", True_or_False(aw_future_done(future)));
	must(aw_await(future, &value));
	trace("%s", (char *)value);
	trace("%s", True_or_False(aw_future_done(future)));
	must(aw_future_result(future, &value));
	trace("%s", (char *)value);
	aw_future_unref(future);
	return 0;
}

CASE(s001_03_future_promise, 3.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
