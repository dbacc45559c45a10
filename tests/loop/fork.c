/* SPDX-License-Identifier: MIT */
/*
 * After fork: the child may only abandon the loop, may create its own, and the parent continues unaffected.
 */
#include "trace.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `child` in a forked child; true if it found everything right. */
static int in_child(int (*child)(aw_loop *loop), aw_loop *loop) {
	int status = 0;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) _exit(child(loop));
	if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status))
		printf("\n    the child's check %d failed\n", WEXITSTATUS(status));
	if (WIFSIGNALED(status)) printf("\n    the child died of signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A child does not use CUnit: its exit status is the number of the failed check. */
#define CHILD(number, condition)         \
	do {                                 \
		if (!(condition)) return number; \
	} while (0)

static aw_future *inherited_future;
static aw_task *inherited_task;
static aw_handle *inherited_handle;

static int calls_are_refused(aw_loop *loop) {
	aw_future *future = NULL;
	int fd = -1;
	CHILD(1, aw_loop_run_once(loop, 0) == AW_EFORKED);
	CHILD(2, aw_loop_call_soon(loop, say, "x", NULL, NULL) == AW_EFORKED);
	CHILD(3, aw_loop_call_soon_threadsafe(loop, say, "x", NULL) == AW_EFORKED);
	CHILD(4, aw_loop_wakeup(loop) == AW_EFORKED);
	CHILD(5, aw_loop_wait(loop, 0) == AW_EFORKED);
	CHILD(6, aw_loop_dispatch(loop) == AW_EFORKED);
	CHILD(7, aw_loop_close(loop) == AW_EFORKED);
	CHILD(8, aw_future_new(loop, &future) == AW_EFORKED);
	CHILD(9, aw_future_set_result(inherited_future, NULL, NULL) == AW_EFORKED);
	CHILD(10, aw_task_cancel(inherited_task, NULL) == AW_EFORKED);
	CHILD(11, aw_handle_cancel(inherited_handle) == AW_EFORKED);
	CHILD(12, aw_loop_guest_begin(loop, &fd) == AW_EFORKED);
	CHILD(13, aw_task_spawn(loop, sleep_long, NULL, NULL, NULL) == AW_EFORKED);
	return 0;
}

static int abandons(aw_loop *loop) {
	CHILD(1, aw_loop_abandon(loop) == 0);
	CHILD(2, aw_loop_abandon(loop) == 0);
	CHILD(3, aw_loop_is_closed(loop));
	CHILD(4, aw_loop_run_once(loop, 0) < 0);
	aw_loop_unref(loop);
	return 0;
}

static aw_status child_main(void *ud) {
	for (int i = 0; i < 3; i++) {
		aw_status status = aw_sleep(AW_MILLISECOND);
		if (status < 0) return status;
	}
	return aw_return(ud, NULL);
}

static int makes_its_own(aw_loop *loop) {
	void *value = NULL;
	CHILD(1, aw_run(NULL, child_main, "child", NULL, &value) == 0);
	CHILD(2, value && strcmp(value, "child") == 0);
	CHILD(3, aw_loop_run_once(loop, 0) == AW_EFORKED);
	CHILD(4, aw_loop_abandon(loop) == 0);
	CHILD(5, aw_run(NULL, child_main, "child", NULL, &value) == 0);
	return 0;
}

static int drops_without_abandoning(aw_loop *loop) {
	aw_loop_unref(loop);
	return 0;
}

static void parent_goes_on(aw_loop *loop) {
	aw_loop_call_later(loop, AW_MILLISECOND, say, "parent", NULL, NULL);
	while (!*trace) EXPECT(aw_loop_run_once(loop, AW_SECOND) >= 0);
	EXPECT_STR(trace, "parent");
	int fd = -1;
	EXPECT_INT(aw_loop_guest_begin(loop, &fd), 0);
	EXPECT_INT(aw_loop_guest_end(loop), 0);
}

static void parent_ends(aw_loop *loop) {
	aw_future_unref(inherited_future);
	aw_task_unref(inherited_task);
	aw_handle_unref(inherited_handle);
	aw_loop_unref(loop);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* A child never destroys objects of the parent. */
static pid_t parent;

static void parents_destroy(void *ud) {
	(void)ud;
	if (getpid() != parent) _exit(77);
}

static aw_loop *busy_parent(void) {
	parent = getpid();
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_future_new(loop, &inherited_future), 0);
	EXPECT_INT(aw_task_spawn(loop, sleep_long, NULL, parents_destroy, &inherited_task), 0);
	EXPECT_INT(aw_loop_call_later(loop, 3600 * AW_SECOND, say, NULL, parents_destroy, &inherited_handle), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	return loop;
}

static void every_call_of_the_child_is_refused(void) {
	aw_loop *loop = busy_parent();
	EXPECT_INT(in_child(calls_are_refused, loop), 1);
	parent_goes_on(loop);
	parent_ends(loop);
}

static void the_child_may_abandon_and_the_parent_goes_on(void) {
	aw_loop *loop = busy_parent();
	EXPECT_INT(in_child(abandons, loop), 1);
	EXPECT_INT(in_child(drops_without_abandoning, loop), 1);
	parent_goes_on(loop);
	parent_ends(loop);
}

static void the_child_may_have_a_loop_of_its_own(void) {
	aw_loop *loop = busy_parent();
	EXPECT_INT(in_child(makes_its_own, loop), 1);
	parent_goes_on(loop);
	parent_ends(loop);
}

static void a_guest_may_fork(void) {
	aw_loop *loop = busy_parent();
	int fd = -1;
	EXPECT_INT(aw_loop_guest_begin(loop, &fd), 0);
	EXPECT_INT(in_child(abandons, loop), 1);
	EXPECT_INT(aw_loop_guest_end(loop), 0);
	parent_goes_on(loop);
	parent_ends(loop);
}

/* --- forks in the middle of a run --- */

static int abandons_the_running_one(aw_loop *loop) {
	void *value = NULL;
	CHILD(1, aw_loop_call_soon(loop, say, "x", NULL, NULL) == AW_EFORKED);
	CHILD(2, aw_loop_abandon(loop) == 0);
	CHILD(3, aw_loop_current() == NULL);
	CHILD(4, aw_run(NULL, child_main, "child", NULL, &value) == 0);
	CHILD(5, value && strcmp(value, "child") == 0);
	return 0;
}

static aw_status forks_in_callback(aw_loop *loop, void *ud) {
	(void)ud;
	EXPECT_INT(in_child(abandons_the_running_one, loop), 1);
	return 0;
}

static aw_status forks_in_task(void *ud) {
	(void)ud;
	EXPECT_INT(in_child(abandons_the_running_one, aw_loop_current()), 1);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	return 0;
}

static void a_callback_may_fork(void) {
	aw_loop *loop = busy_parent();
	aw_loop_call_soon(loop, forks_in_callback, NULL, NULL, NULL);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	parent_goes_on(loop);
	parent_ends(loop);
}

static void a_stackful_task_may_fork(void) {
	trace_reset();
	EXPECT_INT(aw_run(NULL, forks_in_task, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static pid_t forked;

static aw_status forks_and_returns(aw_loop *loop, void *abandon) {
	fflush(NULL);
	forked = fork();
	if (forked == 0 && abandon) aw_loop_abandon(loop);
	return 0;
}

/* A child that returns from the run in which it was forked. */
static int comes_back(void *abandon) {
	aw_loop *loop = loop_begin(NULL);
	int status = 0;
	aw_loop_call_soon(loop, forks_and_returns, abandon, NULL, NULL);
	aw_loop_call_later(loop, AW_MILLISECOND, say, "later", NULL, NULL);
	aw_status ran = 0;
	for (int i = 0; i < 1000 && ran >= 0 && !*trace; i++) ran = aw_loop_run_once(loop, AW_SECOND);
	if (forked == 0) _exit(ran == AW_EFORKED || ran == AW_ELOOPCLOSED ? 0 : 1);
	int good = waitpid(forked, &status, 0) == forked && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	EXPECT_STR(trace, "later");
	loop_end(loop);
	return good;
}

static aw_status stop(aw_loop *loop, void *ud) {
	(void)ud;
	trace_add("stop");
	return aw_loop_stop(loop);
}

static int comes_back_into_run_forever(void *abandon) {
	aw_loop *loop = loop_begin(NULL);
	int status = 0;
	aw_loop_call_soon(loop, forks_and_returns, abandon, NULL, NULL);
	aw_loop_call_later(loop, AW_MILLISECOND, stop, NULL, NULL, NULL);
	aw_status ran = aw_loop_run_forever(loop);
	if (forked == 0) _exit((ran == AW_EFORKED || ran == AW_ELOOPCLOSED) && !*trace ? 0 : 1);
	int good = waitpid(forked, &status, 0) == forked && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	EXPECT_STR(trace, "stop");
	loop_end(loop);
	return good;
}

static void a_child_that_comes_back_into_the_run_is_turned_out(void) {
	EXPECT_INT(comes_back(NULL), 1);
	EXPECT_INT(comes_back("abandon"), 1);
	EXPECT_INT(comes_back_into_run_forever(NULL), 1);
	EXPECT_INT(comes_back_into_run_forever("abandon"), 1);
}

static aw_status forks_and_runs_its_own(void *ud) {
	(void)ud;
	fflush(NULL);
	forked = fork();
	if (forked == 0) {
		aw_loop_abandon(aw_loop_current());
		if (aw_run(NULL, child_main, NULL, NULL, NULL) < 0) _exit(2);
	}
	return 0;
}

static void a_childs_task_may_return_after_a_run_of_its_own(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_task *task = NULL;
	int status = 0;
	REQUIRE(aw_task_spawn(loop, forks_and_runs_its_own, NULL, NULL, &task) == 0);
	aw_status ran = aw_loop_run_until_complete(loop, aw_task_future(task), NULL);
	if (forked == 0) _exit(ran == AW_EFORKED || ran == AW_ELOOPCLOSED ? 0 : 1);
	EXPECT_INT(ran, 0);
	EXPECT(waitpid(forked, &status, 0) == forked);
	EXPECT_INT(status, 0);
	aw_task_unref(task);
	loop_end(loop);
}

/* --- awaits in a child --- */

static bool child_ran_others, destroyed_in_child;

static aw_status other_task(void *ud) {
	(void)ud;
	if (getpid() != parent) child_ran_others = true;
	return 0;
}

static void destroy_in_child(void *ud) {
	(void)ud;
	destroyed_in_child = true;
}

/* The calls that would suspend the task. */
static int awaits_are_refused(aw_loop *loop) {
	aw_coro *sleeps = NULL;
	aw_error *caught;
	CHILD(1, aw_await(inherited_future, NULL) == AW_EFORKED);
	CHILD(2, (caught = aw_caught()) && aw_error_status(caught) == AW_EFORKED);
	CHILD(3, aw_sleep(0) == AW_EFORKED);
	CHILD(4, aw_sleep(AW_MILLISECOND) == AW_EFORKED);
	CHILD(5, aw_await_shielded(inherited_future, NULL) == AW_EFORKED);
	CHILD(6, aw_await(aw_task_future(inherited_task), NULL) == AW_EFORKED);
	CHILD(7, aw_sleep_coro(NULL, 0, NULL, NULL, &sleeps) == AW_EFORKED);
	CHILD(8, aw_timeout_run(AW_MILLISECOND, child_main, NULL) == AW_EFORKED);
	CHILD(9, !child_ran_others);
	CHILD(10, aw_loop_abandon(loop) == 0);
	CHILD(11, aw_sleep(0) == AW_ENOTASK);
	return 0;
}

static aw_lock *held;
static aw_queue *empty;
static aw_coro *made;
static aw_stream *left;

static int waits_are_refused(aw_loop *loop) {
	char byte;
	CHILD(1, aw_lock_acquire(held) == AW_EFORKED);
	CHILD(2, aw_queue_get(empty, NULL, NULL) == AW_EFORKED);
	CHILD(3, aw_await_coro(made, NULL) == AW_EFORKED);
	CHILD(4, aw_stream_read(left, &byte, 1) == AW_EFORKED);
	CHILD(5, aw_stream_drain(left) == AW_EFORKED);
	CHILD(6, aw_stream_write(left, "x", 1) == AW_EFORKED);
	/* A destroy function that is called on the thread's stack. */
	CHILD(7, aw_return(NULL, destroy_in_child) == 0 && aw_return(NULL, NULL) == 0);
	CHILD(8, destroyed_in_child);
	/* A fork in the fork. */
	CHILD(9, in_child(awaits_are_refused, loop) == 1);
	CHILD(10, aw_sleep(0) == AW_EFORKED);
	CHILD(11, !child_ran_others);
	return 0;
}

#define NEEDS(condition)                  \
	do {                                  \
		if (!(condition)) return -EINVAL; \
	} while (0)

static aw_status forks_and_awaits(void *ud) {
	int ends[2];
	(void)ud;
	aw_loop *loop = aw_loop_current();
	NEEDS(aw_future_new(loop, &inherited_future) == 0);
	NEEDS(aw_task_spawn(loop, other_task, NULL, NULL, &inherited_task) == 0);
	NEEDS(aw_lock_new(NULL, &held) == 0);
	NEEDS(aw_lock_acquire(held) == 0);
	NEEDS(aw_queue_new(NULL, 0, &empty) == 0);
	NEEDS(aw_sleep_coro(NULL, 0, NULL, NULL, &made) == 0);
	NEEDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	NEEDS(aw_stream_from_fd(NULL, ends[0], NULL, &left) == 0);
	EXPECT_INT(in_child(waits_are_refused, loop), 1);
	EXPECT_INT(in_child(awaits_are_refused, loop), 1);
	EXPECT_INT(aw_await(aw_task_future(inherited_task), NULL), 0);
	/* Once more, from a step that continues where an await has suspended it. */
	aw_task_unref(inherited_task);
	NEEDS(aw_task_spawn(loop, other_task, NULL, NULL, &inherited_task) == 0);
	EXPECT_INT(in_child(waits_are_refused, loop), 1);
	EXPECT_INT(in_child(awaits_are_refused, loop), 1);
	EXPECT_INT(aw_await_coro(made, NULL), 0);
	EXPECT_INT(aw_lock_release(held), 0);
	aw_stream_unref(left);
	close(ends[1]);
	aw_coro_unref(made);
	aw_queue_unref(empty);
	aw_lock_unref(held);
	aw_future_unref(inherited_future);
	aw_task_unref(inherited_task);
	return 0;
}

static void a_childs_task_is_refused_to_await(void) {
	parent = getpid();
	EXPECT_INT(aw_run(NULL, forks_and_awaits, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* The child ends its task because of the refusal, as most tasks would. */
static aw_status forks_and_sleeps(void *ud) {
	(void)ud;
	fflush(NULL);
	forked = fork();
	aw_status status = aw_sleep(0);
	if (forked != 0 && status == 0) trace_add("slept");
	return status;
}

static void a_refused_task_may_end(void) {
	int status = 0;
	trace_reset();
	aw_status ran = aw_run(NULL, forks_and_sleeps, NULL, NULL, NULL);
	if (forked == 0) _exit(ran == AW_EFORKED && !*trace ? 0 : 1);
	EXPECT_INT(ran, 0);
	EXPECT_STR(trace, "slept");
	EXPECT(waitpid(forked, &status, 0) == forked);
	EXPECT_INT(status, 0);
}

CHECK_MAIN("fork", TEST(every_call_of_the_child_is_refused),
           TEST(the_child_may_abandon_and_the_parent_goes_on), TEST(the_child_may_have_a_loop_of_its_own),
           TEST(a_guest_may_fork), TEST(a_callback_may_fork), TEST(a_stackful_task_may_fork),
           TEST(a_child_that_comes_back_into_the_run_is_turned_out),
           TEST(a_childs_task_may_return_after_a_run_of_its_own), TEST(a_childs_task_is_refused_to_await),
           TEST(a_refused_task_may_end))
