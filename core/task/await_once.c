/* SPDX-License-Identifier: MIT */
/* Awaits that consume the future, and awaits for an integer. */
#include "failure.h"
#include "task.h"

aw_status aw_await_take(aw_future *future, void **out, aw_destroy_fn *out_destroy) {
	aw_status status = aw_await(future, NULL);
	if (status >= 0) status = aw_future_take_result(future, out, out_destroy);
	aw_future_unref(future);
	return status;
}

aw_status aw_await_int(aw_future *future, int64_t *out) {
	aw_status status = aw_await(future, NULL);
	return status < 0 ? status : noted(future_integer(future, out));
}

aw_status aw_await_take_int(aw_future *future, int64_t *out) {
	aw_status status = aw_await_int(future, out);
	aw_future_unref(future);
	return status;
}
