/* SPDX-License-Identifier: MIT */
/*
 * T02: the iterations from set_result() on the innermost future to the resume of what awaits the outer
 * object. They decide how tasks interleave.
 */
#include "bare.h"

static aw_status aw(void *f) {
	return aw_await(f, NULL);
}

static void await_and_drop(aw_future *outer) {
	must(aw_await(outer, NULL));
	aw_future_unref(outer);
}

static void future(aw_future *f) {
	must(aw_await(f, NULL));
}

static void task(aw_future *f) {
	aw_task *inner = create_task(aw, f);
	must(await_task(inner, NULL));
	aw_task_unref(inner);
}

static void gather_future(aw_future *f) {
	aw_future *all = NULL;
	must(aw_gather(NULL, &f, 1, AW_GATHER_DEFAULT, &all));
	await_and_drop(all);
}

static void gather_task(aw_future *f) {
	aw_task *inner = create_task(aw, f);
	await_and_drop(gather(&inner, 1, AW_GATHER_DEFAULT));
	aw_task_unref(inner);
}

static void shield(aw_future *f) {
	aw_future *outer = NULL;
	must(aw_shield(f, &outer));
	await_and_drop(outer);
}

static void wait_task(aw_future *f) {
	aw_task *inner = create_task(aw, f);
	wait_tasks(&inner, 1);
	aw_task_unref(inner);
}

static void wait_for_future(aw_future *f) {
	must(aw_wait_for(f, 5 * AW_SECOND, NULL));
}

static void wait_for_task(aw_future *f) {
	aw_task *inner = create_task(aw, f);
	must(aw_wait_for(aw_task_future(inner), 5 * AW_SECOND, NULL));
	aw_task_unref(inner);
}

static void timeout(aw_future *f) {
	aw_timeout *scope = NULL;
	must(aw_timeout_new(NULL, 5 * AW_SECOND, &scope));
	must(aw_timeout_enter(scope));
	must(aw_timeout_exit(scope, aw(f)));
	aw_timeout_unref(scope);
}

static const struct awaiter {
	const char *name;
	void (*fn)(aw_future *f);
} awaiters[] = {{"future", future},
                {"task", task},
                {"gather_future", gather_future},
                {"gather_task", gather_task},
                {"shield", shield},
                {"wait", wait_task},
                {"wait_for_future", wait_for_future},
                {"wait_for_task", wait_for_task},
                {"timeout", timeout}};

static aw_future *innermost;
static bool on;
static int n;

static aw_status count(aw_loop *loop, void *ud) {
	n++;
	if (on) call_soon(loop, count, ud);
	return 0;
}

static aw_status fire(aw_loop *loop, void *ud) {
	must(aw_future_set_result(innermost, NULL, NULL));
	n = 0;
	on = true;
	call_soon(loop, count, ud);
	return 0;
}

static aw_status waiter(void *ud) {
	const struct awaiter *self = ud;
	self->fn(innermost);
	trace("%s %d", self->name, n + 1);
	return 0;
}

static void hops(const struct awaiter *awaiter) {
	innermost = create_future();
	aw_task *waiting = create_task(waiter, awaiter);
	for (int i = 0; i < 6; i++) must(aw_sleep(0));
	call_soon(aw_loop_current(), fire, NULL);
	must(await_task(waiting, NULL));
	on = false;
	aw_task_unref(waiting);
	aw_future_unref(innermost);
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	for (size_t i = 0; i < sizeof awaiters / sizeof *awaiters; i++) hops(&awaiters[i]);
	return 0;
}

CASE(trap_T02, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
