/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/*
 * Callbacks, steps and destroy functions always run on the thread's own stack, even if a coroutine's call
 * triggers them; each once.
 */
#include "trace.h"

#include <pthread.h>

static int runs, strangers;

/* Is this address on the stack of the thread itself? */
static int on_own_stack(const void *local) {
	pthread_attr_t attributes;
	void *base = NULL;
	size_t size = 0;
	if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
	pthread_attr_getstack(&attributes, &base, &size);
	pthread_attr_destroy(&attributes);
	return (uintptr_t)local >= (uintptr_t)base && (uintptr_t)local < (uintptr_t)base + size;
}

/* A frame address rather than a local's, which ASan may keep elsewhere. */
static void look(void) {
	runs++;
	strangers += !on_own_stack(__builtin_frame_address(0));
}

static void destroyed_here(void *ud) {
	look();
	if (ud) ++*(int *)ud;
}

static aw_status callback_here(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	look();
	return 0;
}

static aw_status done_here(aw_future *future, void *ud) {
	(void)future;
	(void)ud;
	look();
	return 0;
}

static aw_status step_here(aw_resume *resume, void *ud) {
	(void)ud;
	look();
	return aw_resume_return(resume, NULL, destroyed_here);
}

static aw_status handler_here(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	(void)ud;
	look();
	return 0;
}

static aw_status nothing(void *ud) {
	(void)ud;
	return 0;
}

/* Calls that run a destroy function before they return, each from a coroutine's stack. `d` counts them. */
static aw_status sets_off(void *ud) {
	int *d = ud;
	aw_loop *loop = aw_loop_current();
	aw_future *future = NULL;
	aw_error *error = NULL;
	aw_coro *coro = NULL;
	EXPECT(!on_own_stack(__builtin_frame_address(0)));
	/* The last reference. */
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT(aw_future_set_result(future, &d[0], destroyed_here) >= 0);
	aw_future_set_host_data(future, &d[1], destroyed_here);
	aw_future_unref(future);
	/* Something replaced. */
	aw_loop_set_host_data(loop, &d[2], destroyed_here);
	aw_loop_set_host_data(loop, NULL, NULL);
	aw_loop_set_exception_handler(loop, handler_here, &d[3], destroyed_here);
	aw_loop_set_exception_handler(loop, handler_here, NULL, NULL);
	aw_return(&d[4], destroyed_here);
	aw_return(NULL, NULL);
	/* An error's payload, a coroutine that never ran, callbacks of a released future. */
	EXPECT_INT(aw_error_new(loop, -EIO, NULL, &d[5], destroyed_here, &error), 0);
	aw_error_unref(error);
	EXPECT_INT(aw_coro_new(NULL, step_here, &d[6], destroyed_here, &coro), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_future_new(loop, &future), 0);
	aw_future_add_done_callback(future, done_here, &d[7], destroyed_here);
	aw_future_unref(future);
	/* Registrations that fail. */
	aw_loop_call_soon(loop, NULL, &d[8], destroyed_here, NULL);
	aw_loop_call_soon(NULL, callback_here, &d[9], destroyed_here, NULL);
	aw_loop_call_soon_threadsafe(loop, NULL, &d[10], destroyed_here);
	aw_task_spawn(NULL, NULL, &d[11], destroyed_here, NULL);
	EXPECT_INT(aw_coro_new(NULL, NULL, &d[12], destroyed_here, &coro), -EINVAL);
	aw_future_add_done_callback(NULL, done_here, &d[13], destroyed_here);
	IGNORED(aw_run(NULL, nothing, &d[14], destroyed_here, NULL));
	/* An unretrieved failure, and a report by the program. */
	EXPECT_INT(aw_future_new(loop, &future), 0);
	aw_future_fail(future, -EIO, NULL);
	aw_future_unref(future);
	aw_loop_call_exception_handler(loop, "mine", NULL, NULL);
	/* A coroutine's steps, driven from here. */
	EXPECT_INT(aw_coro_new(NULL, step_here, &d[15], destroyed_here, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), 0);
	aw_coro_unref(coro);
	/* Closing another loop. */
	aw_loop *other = NULL;
	EXPECT_INT(aw_loop_new(NULL, &other), 0);
	aw_loop_call_soon(other, callback_here, &d[16], destroyed_here, NULL);
	aw_loop_unref(other);
	/* Those that the loop runs. */
	aw_loop_call_soon(loop, callback_here, &d[17], destroyed_here, NULL);
	aw_loop_call_later(loop, 1, callback_here, &d[18], destroyed_here, NULL);
	aw_task_spawn(NULL, nothing, &d[19], destroyed_here, NULL);
	EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	EXPECT(!on_own_stack(__builtin_frame_address(0)));
	return 0;
}

static void destroys_set_off_by_a_coroutine_leave_its_stack(void) {
	int d[20] = {0};
	aw_loop *loop = loop_begin(NULL);
	aw_task *task = NULL;
	runs = strangers = 0;
	EXPECT(on_own_stack(__builtin_frame_address(0)));
	REQUIRE(aw_task_spawn(loop, sets_off, d, NULL, &task) == 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	loop_end(loop);
	for (int i = 0; i < 20; i++)
		if (d[i] != 1) printf("\n    destroy %d ran %d times\n", i, d[i]);
	for (int i = 0; i < 20; i++) EXPECT_INT(d[i], 1);
	EXPECT_INT(strangers, 0);
	EXPECT(runs >= 20);
}

static aw_status ends(void *ud) {
	IGNORED(aw_sleep(0));
	return aw_return(ud, destroyed_here);
}

static void each_way_to_end_destroys_once(void) {
	/* Runs to its end, is cancelled before and after its start, or is closed before and after its start. */
	for (int way = 0; way < 5; way++) {
		aw_loop *loop = loop_begin(NULL);
		aw_task *task = NULL;
		int argument = 0, value = 0;
		runs = strangers = 0;
		REQUIRE(aw_task_spawn(loop, ends, &value, NULL, NULL) == 0);
		REQUIRE(aw_task_spawn(loop, sleep_long, &argument, destroyed_here, &task) == 0);
		if (way == 0) loop_settle(loop);
		if (way == 1) aw_task_cancel(task, NULL);
		if (way == 2 || way == 4) EXPECT(aw_loop_run_once(loop, 0) >= 0);
		if (way == 2) aw_task_cancel(task, NULL);
		if (way == 1 || way == 2) loop_settle(loop);
		if (way == 1 || way == 2) EXPECT_INT(argument, 1);
		aw_task_unref(task);
		loop_end(loop);
		EXPECT_INT(argument, 1);
		EXPECT_INT(value, way == 3 ? 0 : 1); /* unstarted, it had no value */
		EXPECT_INT(strangers, 0);
	}
}

static aw_status unref_task_in_itself(void *ud) {
	aw_task_unref(*(aw_task **)ud);
	EXPECT(aw_sleep(0) >= 0);
	return aw_return(NULL, destroyed_here);
}

static void a_task_may_drop_its_own_handle(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_task *task = NULL;
	runs = strangers = 0;
	REQUIRE(aw_task_spawn(loop, unref_task_in_itself, &task, NULL, &task) == 0);
	loop_settle(loop);
	EXPECT_INT(runs, 1);
	EXPECT_INT(strangers, 0);
	loop_end(loop);
}

static void drops_more(void *future) {
	look();
	aw_future_unref(future);
}

static void a_destroy_may_drop_the_last_reference_to_another(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *first = NULL, *previous = NULL;
	runs = strangers = 0;
	for (int i = 0; i < 1000; i++) {
		aw_future *one = NULL;
		REQUIRE(aw_future_new(loop, &one) == 0);
		if (previous) EXPECT(aw_future_set_result(one, previous, drops_more) >= 0);
		previous = first = one;
	}
	aw_future_unref(first);
	EXPECT_INT(runs, 999);
	EXPECT_INT(strangers, 0);
	loop_end(loop);
}

CHECK_MAIN("destroys", TEST(destroys_set_off_by_a_coroutine_leave_its_stack),
           TEST(each_way_to_end_destroys_once), TEST(a_task_may_drop_its_own_handle),
           TEST(a_destroy_may_drop_the_last_reference_to_another))
