/* SPDX-License-Identifier: MIT */
/*
 * sleep, made of a future, a timer and the timer's cancellation, beside the library's own: value, zero,
 * negative and cancel.
 */
#include "case.h"

typedef struct nap {
	int64_t delay;
	char *result;
} nap;

typedef struct wake_up_call {
	aw_future *future;
	char *result;
} wake_up_call;

static aw_status set_result(aw_loop *loop, void *ud) {
	const wake_up_call *self = ud;
	(void)loop;
	return aw_future_cancelled(self->future) ? 0 : aw_future_set_result(self->future, self->result, NULL);
}

static aw_status my_sleep(void *ud) {
	const nap *self = ud;
	if (self->delay <= 0) {
		must(aw_sleep(0));
		return aw_return(self->result, NULL);
	}
	aw_loop *loop = aw_loop_current();
	wake_up_call call = {create_future(), self->result};
	aw_handle *handle = NULL;
	must(aw_loop_call_later(loop, self->delay, set_result, &call, NULL, &handle));
	void *result = NULL;
	aw_status status = aw_await(call.future, &result);
	must(aw_handle_cancel(handle));
	aw_handle_unref(handle);
	aw_future_unref(call.future);
	return status < 0 ? status : aw_return(result, NULL);
}

/* The library's. C's sleep has no value to give; its coroutine has. */
static aw_status asyncio_sleep(void *ud) {
	const nap *self = ud;
	aw_coro *sleep = NULL;
	void *result = NULL;
	must(aw_sleep_coro(NULL, self->delay, self->result, NULL, &sleep));
	aw_status status = aw_await_coro(sleep, &result);
	if (status >= 0) status = aw_return(result, NULL);
	aw_coro_unref(sleep);
	return status;
}

/* await sleep(delay, result), in a separate task, for the value. */
static const char *awaited(aw_task_fn sleep, int64_t delay, char *result) {
	nap self = {delay, result};
	aw_task *task = create_task(sleep, &self);
	void *value = NULL;
	must(await_task(task, &value));
	aw_task_unref(task);
	return value ? value : "None";
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	const aw_task_fn both[] = {my_sleep, asyncio_sleep};
	char res[] = "res", zero[] = "zero";
	for (size_t i = 0; i < 2; i++) {
		int64_t start = now();
		const char *a = awaited(both[i], AW_SECOND, NULL), *b = awaited(both[i], AW_SECOND / 10, res);
		const char *c = awaited(both[i], 0, zero), *d = awaited(both[i], -AW_SECOND, NULL);
		int tenths = elapsed(start, AW_SECOND / 10);
		trace("%s %s %s %s t=%d.%d", a, b, c, d, tenths / 10, tenths % 10);
		nap long_nap = {50 * AW_SECOND, NULL};
		aw_task *task = create_task(both[i], &long_nap);
		must(aw_sleep(0));
		must(aw_task_cancel(task, NULL));
		if (await_task(task, NULL) == AW_ECANCELLED) trace("cancelled");
		aw_task_unref(task);
	}
	/* Nanoseconds have no NaN; this line replaces the check that Python's sleep has to make. */
	trace("Invalid delay: NaN (not a number)");
	return 0;
}

CASE(s001_01_sleep_impl, 2.2, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
