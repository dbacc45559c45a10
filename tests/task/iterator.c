/* SPDX-License-Identifier: MIT */
/* `async for` and `async with` in C. */
#include "trace.h"

static aw_status count_to_three(void *ud, void **out, aw_destroy_fn *out_destroy) {
	int *at = ud;
	(void)out_destroy;
	aw_status status = aw_sleep(AW_SECOND);
	if (status < 0) return status;
	if (*at == 3) return AW_ESTOPITERATION;
	*out = (void *)(intptr_t)++ * at;
	return 0;
}

static aw_status sleep_coro(void *ud, aw_coro **out) {
	int *at = ud;
	if (*at == 2) return AW_ESTOPITERATION;
	++*at;
	return aw_sleep_coro(NULL, AW_SECOND, (void *)(intptr_t)*at, NULL, out);
}

static void walk(aw_iterator *iterator) {
	void *item;
	aw_status status;
	while ((status = aw_iterator_next(iterator, &item, NULL)) == 0) trace_number("item", (intptr_t)item);
	trace_status("end", status);
	aw_iterator_unref(iterator);
}

static aw_status walks(void *ud) {
	(void)ud;
	int at = 0, at_coro = 0, at_future = 0;
	aw_iterator *iterator;
	EXPECT_INT(aw_iterator_new(NULL, count_to_three, &at, NULL, &iterator), 0);
	walk(iterator);
	EXPECT_INT(aw_iterator_new_coro(NULL, sleep_coro, &at_coro, NULL, &iterator), 0);
	walk(iterator);
	EXPECT_STR(trace, "item:1 item:2 item:3 end:AW_ESTOPITERATION item:1 item:2 end:AW_ESTOPITERATION");
	aw_future *next;
	void *item = NULL;
	EXPECT_INT(aw_iterator_new(NULL, count_to_three, &at_future, NULL, &iterator), 0);
	EXPECT_INT(aw_iterator_next_future(iterator, &next), 0);
	EXPECT_INT(aw_await(next, &item), 0);
	EXPECT_INT((intptr_t)item, 1);
	aw_future_unref(next);
	aw_iterator_unref(iterator);
	return 0;
}

static void an_iterator_gives_its_items_and_stops(void) {
	EXPECT_INT(run_virtual(walks), 0);
}

static aw_status enter(void *ud) {
	(void)ud;
	trace_add("enter");
	return aw_sleep(0);
}

static aw_status body(void *ud) {
	trace_add("body");
	return ud ? aw_raise(-EIO, "of the body") : aw_sleep(3600 * AW_SECOND);
}

static aw_status leave(void *ud, aw_status status) {
	(void)ud;
	IGNORED(aw_sleep(AW_SECOND));
	trace_status("leave", status);
	return 0;
}

static aw_status swallow(void *ud, aw_status status) {
	leave(ud, status);
	return 1;
}

static aw_status in_scope(void *ud) {
	return aw_with(enter, body, leave, ud);
}

static aw_status scopes(void *ud) {
	(void)ud;
	int mark = 0;
	EXPECT_INT(aw_with(enter, body, swallow, &mark), 0);
	EXPECT_STR(trace, "enter body leave:EIO");
	trace_reset();
	aw_future *task = spawn(in_scope, NULL);
	IGNORED(aw_sleep(AW_SECOND));
	aw_task_cancel(aw_future_task(task), NULL);
	EXPECT_INT(aw_await(task, NULL), AW_ECANCELLED);
	EXPECT_STR(trace, "enter body leave:AW_ECANCELLED");
	aw_future_unref(task);
	task = spawn(in_scope, &mark);
	EXPECT_INT(aw_await(task, NULL), -EIO);
	EXPECT_STR(aw_error_message(aw_caught()), "of the body");
	aw_future_unref(task);
	return 0;
}

static void the_exit_of_a_scope_is_awaited_on_every_way_out(void) {
	EXPECT_INT(run_virtual(scopes), 0);
}

CHECK_MAIN("iterator", TEST(an_iterator_gives_its_items_and_stops),
           TEST(the_exit_of_a_scope_is_awaited_on_every_way_out))
