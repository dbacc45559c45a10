/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* Queues: order, capacity, cancellation without loss, join, shutdown, and the ownership of items. */
#include "trace.h"

static aw_queue *queue;

static aw_status get_one(void *name) {
	void *item = NULL;
	aw_status status = aw_queue_get(queue, &item, NULL);
	char text[64];
	snprintf(text, sizeof text, "%s=%s", (char *)name, status < 0 ? aw_err_name(status) : (char *)item);
	trace_add(text);
	return status;
}

static aw_status put_one(void *item) {
	aw_status status = aw_queue_put(queue, item, NULL);
	trace_status(item, status);
	return status;
}

static aw_status cancelled_get(void *ud) {
	(void)ud;
	EXPECT_INT(aw_queue_new(NULL, 0, &queue), 0);
	aw_future *a = spawn(get_one, "a"), *b = spawn(get_one, "b");
	EXPECT(aw_sleep(0) >= 0);
	EXPECT(aw_queue_put_nowait(queue, "item", NULL) >= 0);
	aw_task_cancel(aw_future_task(a), NULL);
	IGNORED(aw_await(a, NULL));
	IGNORED(aw_await(b, NULL));
	EXPECT_STR(trace, "a=AW_ECANCELLED b=item");
	aw_future_unref(a);
	aw_future_unref(b);
	aw_queue_unref(queue);
	return 0;
}

static void a_cancelled_getter_loses_no_item(void) {
	EXPECT_INT(run_virtual(cancelled_get), 0);
}

static aw_status stolen(void *ud) {
	(void)ud;
	void *item;
	EXPECT_INT(aw_queue_new(NULL, 0, &queue), 0);
	aw_future *a = spawn(get_one, "a"), *b = spawn(get_one, "b");
	EXPECT(aw_sleep(0) >= 0);
	EXPECT(aw_queue_put_nowait(queue, "1", NULL) >= 0);
	EXPECT_INT(aw_queue_get_nowait(queue, &item, NULL), 0);
	EXPECT(aw_sleep(0) >= 0); /* a was woken needlessly, and waits behind b */
	EXPECT(aw_queue_put_nowait(queue, "2", NULL) >= 0);
	EXPECT(aw_queue_put_nowait(queue, "3", NULL) >= 0);
	IGNORED(aw_await(a, NULL));
	IGNORED(aw_await(b, NULL));
	EXPECT_STR(trace, "b=2 a=3");
	aw_future_unref(a);
	aw_future_unref(b);
	aw_queue_unref(queue);
	return 0;
}

static void a_getter_whose_item_was_taken_waits_at_the_end(void) {
	EXPECT_INT(run_virtual(stolen), 0);
}

static aw_status full(void *ud) {
	(void)ud;
	void *item;
	EXPECT_INT(aw_queue_new(NULL, 1, &queue), 0);
	EXPECT_INT(aw_queue_put(queue, "0", NULL), 0);
	EXPECT_INT(aw_queue_put_nowait(queue, "x", NULL), AW_EQUEUEFULL);
	aw_future *a = spawn(put_one, "1"), *b = spawn(put_one, "2");
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_queue_get_nowait(queue, &item, NULL), 0);
	aw_task_cancel(aw_future_task(a), NULL); /* it had been woken: the other one is woken instead */
	IGNORED(aw_await(a, NULL));
	IGNORED(aw_await(b, NULL));
	EXPECT_STR(trace, "1:AW_ECANCELLED 2:AW_OK");
	EXPECT_INT(aw_queue_full(queue), 1);
	aw_future_unref(a);
	aw_future_unref(b);
	aw_queue_unref(queue);
	return 0;
}

static void a_cancelled_put_passes_its_room_on(void) {
	EXPECT_INT(run_virtual(full), 0);
}

static int32_t by_text(void *a, void *b, void *ud) {
	(void)ud;
	return strcmp(a, b);
}

static void drain(void) {
	void *item;
	while (aw_queue_get_nowait(queue, &item, NULL) == 0) trace_add(item);
	aw_queue_unref(queue);
}

static aw_status orders(void *ud) {
	(void)ud;
	static const char *const items[] = {"b", "d", "a", "c"};
	EXPECT_INT(aw_queue_new_lifo(NULL, 0, &queue), 0);
	for (size_t i = 0; i < 4; i++) EXPECT(aw_queue_put(queue, (void *)(uintptr_t)items[i], NULL) >= 0);
	drain();
	EXPECT_INT(aw_queue_new_priority(NULL, 0, by_text, NULL, NULL, &queue), 0);
	for (size_t i = 0; i < 4; i++) EXPECT(aw_queue_put(queue, (void *)(uintptr_t)items[i], NULL) >= 0);
	drain();
	EXPECT_STR(trace, "c a d b a b c d");
	return 0;
}

static void the_three_kinds_order_as_they_say(void) {
	EXPECT_INT(run_virtual(orders), 0);
}

static aw_status join_it(void *ud) {
	(void)ud;
	trace_status("joined", aw_queue_join(queue));
	return 0;
}

static aw_status unfinished(void *ud) {
	(void)ud;
	void *item;
	EXPECT_INT(aw_queue_new(NULL, 0, &queue), 0);
	EXPECT_INT(aw_queue_join(queue), 0);
	EXPECT(aw_queue_put(queue, "x", NULL) >= 0);
	aw_future *task = spawn(join_it, NULL);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT(aw_queue_get(queue, &item, NULL) >= 0);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_STR(trace, "");
	EXPECT_INT(aw_queue_task_done(queue), 0);
	IGNORED(aw_await(task, NULL));
	EXPECT_STR(trace, "joined:AW_OK");
	EXPECT_INT(aw_queue_task_done(queue), -EINVAL);
	aw_future_unref(task);
	aw_queue_unref(queue);
	return 0;
}

static void join_waits_for_every_item_put(void) {
	EXPECT_INT(run_virtual(unfinished), 0);
}

static aw_status shut(void *ud) {
	(void)ud;
	EXPECT_INT(aw_queue_new(NULL, 1, &queue), 0);
	EXPECT(aw_queue_put(queue, "left", say_destroyed) >= 0);
	aw_future *putter = spawn(put_one, "late");
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_queue_shutdown(queue, 0), 0);
	EXPECT_INT(aw_queue_put_nowait(queue, "x", NULL), AW_EQUEUESHUTDOWN);
	IGNORED(aw_await(putter, NULL));
	EXPECT_INT(get_one("get"), 0);
	EXPECT_INT(get_one("get"), AW_EQUEUESHUTDOWN);
	EXPECT_STR(trace, "late:AW_EQUEUESHUTDOWN get=left get=AW_EQUEUESHUTDOWN");
	aw_future_unref(putter);
	aw_queue_unref(queue);
	return 0;
}

static void shutdown_drains_what_is_left(void) {
	EXPECT_INT(run_virtual(shut), 0);
}

static aw_status shut_now(void *ud) {
	(void)ud;
	EXPECT_INT(aw_queue_new(NULL, 0, &queue), 0);
	EXPECT(aw_queue_put(queue, "one", say_destroyed) >= 0);
	EXPECT(aw_queue_put(queue, "two", say_destroyed) >= 0);
	aw_future *task = spawn(join_it, NULL);
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_queue_shutdown(queue, 1), 0);
	IGNORED(aw_await(task, NULL));
	EXPECT_STR(trace, "~one ~two joined:AW_OK");
	IGNORED(aw_queue_put_nowait(queue, "x", NULL));
	aw_future_unref(task);
	aw_queue_unref(queue);
	return 0;
}

static void an_immediate_shutdown_destroys_the_items_and_ends_the_join(void) {
	EXPECT_INT(run_virtual(shut_now), 0);
}

static aw_status owned(void *ud) {
	(void)ud;
	aw_coro *coro;
	EXPECT_INT(aw_queue_new(NULL, 1, &queue), 0);
	EXPECT_INT(aw_queue_put_coro(queue, "never run", say_destroyed, &coro), 0);
	aw_coro_unref(coro);
	EXPECT_STR(trace, "~never run");
	EXPECT(aw_queue_put(queue, "left", say_destroyed) >= 0);
	aw_queue_unref(queue);
	EXPECT_STR(trace, "~never run ~left");
	return 0;
}

static void an_item_is_destroyed_by_whoever_has_it_last(void) {
	EXPECT_INT(run_virtual(owned), 0);
}

CHECK_MAIN("queue", TEST(a_cancelled_getter_loses_no_item),
           TEST(a_getter_whose_item_was_taken_waits_at_the_end), TEST(a_cancelled_put_passes_its_room_on),
           TEST(the_three_kinds_order_as_they_say), TEST(join_waits_for_every_item_put),
           TEST(shutdown_drains_what_is_left),
           TEST(an_immediate_shutdown_destroys_the_items_and_ends_the_join),
           TEST(an_item_is_destroyed_by_whoever_has_it_last))
