/* SPDX-License-Identifier: MIT */
/* Debug mode: slow callbacks, coroutines that never ran, origins, and the tree of tasks. */
#include "trace.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static char reports[1024];

static aw_status keep_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	size_t used = strlen(reports);
	const char *origin = aw_report_origin(report);
	snprintf(reports + used, sizeof reports - used, "[%.60s%s]", aw_report_message(report),
	         origin ? " @" : "");
	return 0;
}

static aw_loop *debug_loop(void) {
	aw_loop *loop = NULL;
	reports[0] = 0;
	EXPECT_INT(aw_loop_new_with(NULL, AW_LOOP_DEBUG, 0, &loop), 0);
	EXPECT_INT(aw_loop_set_exception_handler(loop, keep_report, NULL, NULL), 0);
	return loop;
}

static aw_status busy(aw_loop *loop, void *ud) {
	(void)ud;
	for (int64_t end = aw_loop_time(loop) + 5 * AW_MILLISECOND; aw_loop_time(loop) < end;) continue;
	return 0;
}

static void a_slow_callback_is_reported_in_debug_mode_only(void) {
	aw_loop *loop = debug_loop();
	aw_loop_set_slow_callback_duration(loop, 4 * AW_MILLISECOND);
	aw_loop_call_soon(loop, busy, NULL, NULL, NULL);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT(strncmp(reports, "[Executing callback", 19) == 0);
	EXPECT(strstr(reports, " @]") != NULL);
	reports[0] = 0;
	aw_loop_set_debug(loop, 0);
	aw_loop_call_soon(loop, busy, NULL, NULL, NULL);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_STR(reports, "");
	loop_end(loop);
}

static aw_status never(aw_resume *resume, void *ud) {
	(void)ud;
	return aw_resume_return(resume, NULL, NULL);
}

static void a_coroutine_that_nobody_ran_is_reported(void) {
	aw_loop *loop = debug_loop();
	aw_coro *coro;
	EXPECT_INT(aw_coro_new(loop, never, NULL, NULL, &coro), 0);
	aw_coro_unref(coro);
	EXPECT_STR(reports, "[coroutine was never awaited @]");
	loop_end(loop);
}

static aw_status await_child(void *future) {
	return aw_await(future, NULL);
}

static aw_status print(aw_loop *loop, int32_t format, char *out, size_t size) {
	int ends[2];
	EXPECT_INT(pipe2(ends, O_CLOEXEC), 0);
	aw_status status = aw_loop_print_tasks(loop, ends[1], format);
	close(ends[1]);
	ssize_t length = read(ends[0], out, size - 1);
	out[length < 0 ? 0 : length] = 0;
	close(ends[0]);
	return status;
}

/* Without debug mode, which adds durations and origins. */
static aw_loop *quiet_loop(void) {
	aw_loop *loop = loop_begin("virtual");
	EXPECT_INT(aw_loop_set_debug(loop, 0), 0);
	return loop;
}

static void the_tree_shows_who_awaits_whom(void) {
	aw_loop *loop = quiet_loop();
	aw_task *child, *parent;
	aw_future *all;
	char text[1024];
	aw_task_spawn(loop, sleep_long, NULL, NULL, &child);
	aw_task_set_name(child, "a \"child\"");
	aw_future *children[] = {aw_task_future(child)};
	EXPECT_INT(aw_gather(loop, children, 1, 0, &all), 0);
	aw_task_spawn(loop, await_child, all, NULL, &parent);
	aw_task_set_name(parent, "parent");
	loop_settle(loop);
	EXPECT_INT(print(loop, AW_PRINT_TEXT, text, sizeof text), 0);
	EXPECT_STR(text, "parent awaits gather\n  a \"child\" awaits sleep\n");
	EXPECT_INT(print(loop, AW_PRINT_JSON, text, sizeof text), 0);
	EXPECT_STR(
		text,
		"[{\"name\":\"parent\",\"awaits\":\"gather\",\"awaited\":[{\"name\":\"a \\u0022child\\u0022\",\"awaits\":\"sleep\","
		"\"awaited\":[]}]}]\n");
	EXPECT_INT(aw_loop_print_tasks(loop, -1, AW_PRINT_TEXT), -EBADF);
	aw_future_unref(all);
	aw_task_unref(child);
	aw_task_unref(parent);
	loop_end(loop);
}

static aw_status keep_origin(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	snprintf(reports, sizeof reports, "%s", aw_report_origin(report) ? aw_report_origin(report) : "");
	return 0;
}

static aw_status keep_message(aw_loop *loop, const aw_report *report, void *text) {
	(void)loop;
	snprintf(text, 256, "%s", aw_report_message(report));
	return 0;
}

static aw_status keeps(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return 0;
}

static aw_status spawn_named(aw_loop *loop, aw_task_fn fn, void *ud, const char *name) {
	aw_task *task = NULL;
	aw_status status = aw_task_spawn(loop, fn, ud, NULL, &task);
	if (status == 0) status = aw_task_set_name(task, name);
	aw_task_unref(task);
	return status;
}

static aw_status spawns_and_awaits(void *gate) {
	aw_task *child = NULL;
	aw_status status = aw_task_spawn(NULL, await_child, gate, NULL, &child);
	if (status == 0) status = aw_task_set_name(child, "child");
	if (status == 0) status = aw_await(aw_task_future(child), NULL);
	aw_task_unref(child);
	return status;
}

/* Its body ends at once, or does something else for a long time. */
static aw_status in_a_group(void *ends) {
	static const char *names[] = {"one", "two"};
	aw_taskgroup *group = NULL;
	aw_status status = aw_taskgroup_new(aw_loop_current(), &group);
	if (status == 0) status = aw_taskgroup_enter(group);
	for (int i = 0; i < 2 && status == 0; i++) {
		aw_task *task = NULL;
		status = aw_taskgroup_spawn(group, sleep_long, NULL, NULL, &task);
		if (status == 0) status = aw_task_set_name(task, names[i]);
		aw_task_unref(task);
	}
	if (!ends && status == 0) status = sleep_long(NULL);
	status = aw_taskgroup_exit(group, status, NULL);
	aw_taskgroup_unref(group);
	return status;
}

static aw_status holds(void *lock) {
	aw_status status = aw_lock_acquire(lock);
	if (status == 0) status = sleep_long(NULL);
	EXPECT_INT(aw_lock_release(lock), 0);
	return status;
}

static aw_status wants_lock(void *lock) {
	aw_status status = aw_lock_acquire(lock);
	return status < 0 ? status : aw_lock_release(lock);
}

static aw_status wants_event(void *event) {
	return aw_event_wait(event);
}

static aw_status wants_room(void *queue) {
	return aw_queue_put(queue, NULL, NULL);
}

static aw_status wants_join(void *queue) {
	return aw_queue_join(queue);
}

static aw_status wants_permit(void *semaphore) {
	return aw_semaphore_acquire(semaphore);
}

static aw_status wants_party(void *barrier) {
	return aw_barrier_wait(barrier);
}

static aw_status wants_input(void *fd) {
	aw_future *ready = NULL;
	aw_status status = aw_fd_wait(aw_loop_current(), *(int *)fd, AW_POLL_IN, &ready);
	if (status == 0) status = aw_await(ready, NULL);
	aw_future_unref(ready);
	return status;
}

static aw_status step_awaits(aw_resume *resume, void *future) {
	if (aw_future_done(future)) return aw_resume_return(resume, NULL, NULL);
	return aw_resume_status(resume) < 0 ? aw_resume_raise(resume, aw_resume_error(resume))
	                                    : aw_resume_await(resume, future);
}

static aw_status step_awaits_later(aw_resume *resume, void *slot) {
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	return aw_resume_await(resume, *(aw_future **)slot);
}

static aw_status busy_task(void *ud) {
	(void)ud;
	for (int64_t end = aw_loop_time(aw_loop_current()) + 5 * AW_MILLISECOND;
	     aw_loop_time(aw_loop_current()) < end;)
		continue;
	return 0;
}

static void origins_are_the_programs_own(void) {
	aw_loop *loop = debug_loop();
	char text[1024];
	aw_task *task = NULL;
	aw_coro *coro = NULL;
	reports[0] = 0;
	/* A library coroutine, and a task of a group: both created by this program. */
	EXPECT_INT(aw_loop_set_exception_handler(loop, keep_origin, NULL, NULL), 0);
	EXPECT_INT(aw_sleep_coro(loop, AW_SECOND, NULL, NULL, &coro), 0);
	aw_coro_unref(coro);
	EXPECT(strncmp(reports, "test_inspect(", 13) == 0);
	reports[0] = 0;
	EXPECT_INT(aw_task_spawn(loop, in_a_group, NULL, NULL, &task), 0);
	loop_settle(loop);
	EXPECT_INT(print(loop, AW_PRINT_TEXT, text, sizeof text), 0);
	const char *member = strstr(text, "\n  ");
	EXPECT(member && strstr(member, " from test_inspect(+0x") != NULL);
	aw_task_unref(task);
	loop_end(loop);
}

static void a_slow_callback_has_a_name(void) {
	aw_loop *loop = debug_loop();
	char message[256] = "";
	EXPECT_INT(aw_loop_set_exception_handler(loop, keep_message, message, NULL), 0);
	EXPECT_INT(aw_loop_set_slow_callback_duration(loop, 4 * AW_MILLISECOND), 0);
	EXPECT_INT(aw_loop_call_soon(loop, busy, NULL, NULL, NULL), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	/* A static function has no name at run time, but an address that addr2line accepts. */
	EXPECT(strncmp(message, "Executing callback test_inspect(+0x", 35) == 0);
	EXPECT_INT(aw_task_spawn(loop, busy_task, NULL, NULL, NULL), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT(strncmp(message, "Executing task Task-", 20) == 0);
	loop_end(loop);
}

/* The lines of a dump, each without addresses. */
static void print_plain(aw_loop *loop, char *text, size_t size) {
	EXPECT_INT(print(loop, AW_PRINT_TEXT, text, size), 0);
	for (char *at; (at = strstr(text, "0x"));) {
		char *end = at + 2 + strspn(at + 2, "0123456789abcdef");
		*at++ = '&';
		memmove(at, end, strlen(end) + 1);
	}
}

static void a_task_stands_below_who_awaits_it_whichever_is_younger(void) {
	aw_loop *loop = quiet_loop();
	aw_task *parent = NULL, *child = NULL;
	aw_future *gate = NULL;
	char text[1024];
	EXPECT_INT(aw_future_new(loop, &gate), 0);
	/* The normal case: the parent creates its child. */
	EXPECT_INT(aw_task_spawn(loop, spawns_and_awaits, gate, NULL, &parent), 0);
	EXPECT_INT(aw_task_set_name(parent, "parent"), 0);
	loop_settle(loop);
	print_plain(loop, text, sizeof text);
	EXPECT_STR(text, "parent awaits task child\n  child awaits future &\n");
	EXPECT_INT(print(loop, AW_PRINT_JSON, text, sizeof text), 0);
	static const char begin[] =
		"[{\"name\":\"parent\",\"awaits\":\"task\",\"which\":\"child\",\"awaited\":[{\"name\":\"child\",\"awaits\":\"future\",";
	EXPECT(strncmp(text, begin, sizeof begin - 1) == 0);
	EXPECT(strstr(strstr(text, "child\",\"awaits") + 1, "child") == NULL);
	/* A second one that awaits the same child: it is below the first, once. */
	EXPECT_INT(aw_loop_all_tasks(loop, (aw_task *[]){NULL, NULL}, 0), 2);
	aw_task *all[2] = {NULL};
	EXPECT_INT(aw_loop_all_tasks(loop, all, 2), 2);
	EXPECT_INT(aw_task_spawn(loop, await_child, aw_task_future(all[1]), NULL, &child), 0);
	EXPECT_INT(aw_task_set_name(child, "second"), 0);
	loop_settle(loop);
	print_plain(loop, text, sizeof text);
	EXPECT_STR(text, "parent awaits task child\n  child awaits future &\nsecond awaits task child\n");
	aw_task_unref(all[0]);
	aw_task_unref(all[1]);
	aw_task_unref(child);
	aw_task_unref(parent);
	aw_future_unref(gate);
	loop_end(loop);
}

static void the_tasks_of_a_group_stand_below_their_parent(void) {
	aw_loop *loop = quiet_loop();
	aw_task *parent = NULL;
	char text[1024];
	/* While its body still does something else, and while it waits for them. */
	for (int ending = 0; ending < 2; ending++) {
		EXPECT_INT(aw_task_spawn(loop, in_a_group, ending ? loop : NULL, NULL, &parent), 0);
		EXPECT_INT(aw_task_set_name(parent, "parent"), 0);
		loop_settle(loop);
		print_plain(loop, text, sizeof text);
		EXPECT_STR(text, ending ? "parent awaits task group\n  one awaits sleep\n  two awaits sleep\n"
		                        : "parent awaits sleep\n  one awaits sleep\n  two awaits sleep\n");
		EXPECT_INT(aw_task_cancel(parent, NULL), 1);
		loop_settle(loop);
		aw_task_unref(parent);
	}
	loop_end(loop);
}

static void what_is_awaited_is_told_with_who_has_it(void) {
	aw_loop *loop = quiet_loop();
	aw_lock *lock = NULL;
	aw_event *event = NULL;
	aw_queue *queue = NULL;
	aw_semaphore *semaphore = NULL;
	aw_barrier *barrier = NULL;
	int ends[2];
	char text[2048];
	EXPECT_INT(pipe2(ends, O_CLOEXEC), 0);
	EXPECT_INT(aw_lock_new(loop, &lock), 0);
	EXPECT_INT(aw_event_new(loop, &event), 0);
	EXPECT_INT(aw_queue_new(loop, 1, &queue), 0);
	EXPECT_INT(aw_queue_put_nowait(queue, NULL, NULL), 0);
	EXPECT_INT(aw_semaphore_new(loop, 0, &semaphore), 0);
	EXPECT_INT(aw_barrier_new(loop, 2, &barrier), 0);
	EXPECT_INT(spawn_named(loop, holds, lock, "holder"), 0);
	EXPECT_INT(spawn_named(loop, wants_lock, lock, "lock"), 0);
	EXPECT_INT(spawn_named(loop, wants_event, event, "event"), 0);
	EXPECT_INT(spawn_named(loop, wants_room, queue, "put"), 0);
	EXPECT_INT(spawn_named(loop, wants_join, queue, "join"), 0);
	EXPECT_INT(spawn_named(loop, wants_permit, semaphore, "permit"), 0);
	EXPECT_INT(spawn_named(loop, wants_party, barrier, "party"), 0);
	EXPECT_INT(spawn_named(loop, wants_input, &ends[0], "input"), 0);
	loop_settle(loop);
	print_plain(loop, text, sizeof text);
	char expected[2048];
	snprintf(
		expected, sizeof expected,
		"holder awaits sleep\nlock awaits lock & held by holder\nevent awaits event &\n"
		"put awaits queue put &, full with 1 items\njoin awaits queue join &, 1 items unfinished\npermit awaits semaphore &\n"
		"party awaits condition of barrier &\ninput awaits descriptor %d to be readable\n",
		ends[0]);
	EXPECT_STR(text, expected);
	EXPECT_INT(print(loop, AW_PRINT_JSON, text, sizeof text), 0);
	EXPECT(strstr(text, "\"held_by\":\"holder\"") != NULL);
	EXPECT_INT(aw_loop_cancel_all(loop), 0);
	aw_lock_unref(lock);
	aw_event_unref(event);
	aw_queue_unref(queue);
	aw_semaphore_unref(semaphore);
	aw_barrier_unref(barrier);
	loop_end(loop);
	close(ends[0]);
	close(ends[1]);
}

static void durations_are_readable(void) {
	static const struct {
		int64_t slept;
		const char *text;
	} cases[] = {{1500 * AW_MILLISECOND, "1.5 s"},
	             {20 * AW_MILLISECOND, "20 ms"},
	             {75 * AW_SECOND, "1 min 15 s"},
	             {3540 * AW_SECOND, "59 min 0 s"},
	             {2500, "2.5 us"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		aw_loop *loop = NULL;
		aw_task *task = NULL;
		char text[512], wanted[64];
		EXPECT_INT(aw_loop_new_with("virtual", AW_LOOP_DEBUG, 0, &loop), 0);
		EXPECT_INT(aw_task_spawn(loop, sleep_long, NULL, NULL, &task), 0);
		EXPECT(aw_loop_run_once(loop, 0) >= 0);
		EXPECT_INT(aw_loop_call_later(loop, cases[i].slept, keeps, NULL, NULL, NULL), 0);
		EXPECT(aw_loop_run_once(loop, -1) >= 0);
		EXPECT_INT(print(loop, AW_PRINT_TEXT, text, sizeof text), 0);
		snprintf(wanted, sizeof wanted, " awaits sleep for %s from ", cases[i].text);
		EXPECT(strstr(text, wanted) != NULL);
		if (!strstr(text, wanted)) printf("\n    %s\n", text);
		EXPECT_INT(aw_loop_cancel_all(loop), 0);
		aw_task_unref(task);
		loop_end(loop);
	}
}

/*
 * A chain of tasks that await each other, and one of shields, too long for a recursive implementation.
 */
static void a_long_chain_is_printed_once_and_without_recursion(void) {
	enum { LONG = 100000 };
	aw_loop *loop = quiet_loop();
	static aw_coro *coros[LONG];
	static aw_task *tasks[LONG];
	static aw_future *shields[LONG];
	static char line[256];
	aw_future *gate = NULL;
	EXPECT_INT(aw_future_new(loop, &gate), 0);
	aw_future *below = gate;
	for (int i = 0; i < LONG; i++) {
		REQUIRE(aw_coro_new(loop, step_awaits, below, NULL, &coros[i]) == 0);
		REQUIRE(aw_task_spawn_coro(loop, coros[i], &tasks[i]) == 0);
		below = aw_task_future(tasks[i]);
	}
	for (int i = 0; i < LONG; i++) {
		REQUIRE(aw_shield(below, &shields[i]) == 0);
		below = shields[i];
	}
	aw_coro *watching = NULL;
	EXPECT_INT(aw_coro_new(loop, step_awaits, below, NULL, &watching), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, watching, NULL), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	FILE *out = tmpfile();
	REQUIRE(out != NULL);
	EXPECT_INT(aw_loop_print_tasks(loop, fileno(out), AW_PRINT_TEXT), 0);
	rewind(out);
	int lines = 0, top = 0, deepest = 0;
	while (fgets(line, sizeof line, out)) {
		int depth = (int)strspn(line, " ") / 2;
		lines++;
		top += depth == 0;
		if (depth > deepest) deepest = depth;
	}
	fclose(out);
	EXPECT_INT(lines, LONG + 1);
	EXPECT_INT(deepest, 63);
	EXPECT_INT(top, (LONG + 1 + 63) / 64);
	EXPECT_INT(aw_future_set_result(gate, NULL, NULL), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, below, NULL), 0);
	loop_settle(loop);
	aw_coro_unref(watching);
	/* The newest first: this does not test the release of chains. */
	for (int i = LONG - 1; i >= 0; i--) {
		aw_future_unref(shields[i]);
		aw_task_unref(tasks[i]);
		aw_coro_unref(coros[i]);
	}
	aw_future_unref(gate);
	loop_end(loop);
}

static void a_circle_is_printed_once(void) {
	aw_loop *loop = quiet_loop();
	aw_coro *coros[3] = {NULL};
	aw_future *awaited[3] = {NULL};
	aw_task *tasks[3] = {NULL};
	char text[512];
	for (int i = 0; i < 3; i++)
		EXPECT_INT(aw_coro_new(loop, step_awaits_later, &awaited[i], NULL, &coros[i]), 0);
	for (int i = 0; i < 3; i++) EXPECT_INT(aw_task_spawn_coro(loop, coros[i], &tasks[i]), 0);
	for (int i = 0; i < 3; i++) EXPECT_INT(aw_task_set_name(tasks[i], (const char *[]){"a", "b", "c"}[i]), 0);
	for (int i = 0; i < 3; i++) awaited[i] = aw_task_future(tasks[(i + 1) % 3]);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	print_plain(loop, text, sizeof text);
	EXPECT_STR(text, "a awaits task b\n  b awaits task c\n    c awaits task a\n");
	EXPECT_INT(aw_loop_cancel_all(loop), 0);
	for (int i = 0; i < 3; i++) {
		aw_task_unref(tasks[i]);
		aw_coro_unref(coros[i]);
	}
	loop_end(loop);
}

CHECK_MAIN("inspect", TEST(a_slow_callback_is_reported_in_debug_mode_only),
           TEST(a_coroutine_that_nobody_ran_is_reported), TEST(the_tree_shows_who_awaits_whom),
           TEST(origins_are_the_programs_own), TEST(a_slow_callback_has_a_name),
           TEST(a_task_stands_below_who_awaits_it_whichever_is_younger),
           TEST(the_tasks_of_a_group_stand_below_their_parent), TEST(what_is_awaited_is_told_with_who_has_it),
           TEST(durations_are_readable), TEST(a_long_chain_is_printed_once_and_without_recursion),
           TEST(a_circle_is_printed_once))
