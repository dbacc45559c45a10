/* SPDX-License-Identifier: MIT */
/* Debug mode: slow callbacks, coroutines nobody ran, origins, and the tree of tasks. */
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
	snprintf(reports + used, sizeof reports - used, "[%.60s%s]", aw_report_message(report), origin ? " @" : "");
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

static void the_tree_shows_who_awaits_whom(void) {
	aw_loop *loop = loop_begin("virtual");
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
	EXPECT_STR(text, "[{\"name\":\"parent\",\"awaits\":\"gather\",\"awaited\":[{\"name\":\"a \\u0022child\\u0022\",\"awaits\":\"sleep\","
	                 "\"awaited\":[]}]}]\n");
	EXPECT_INT(aw_loop_print_tasks(loop, -1, AW_PRINT_TEXT), -EBADF);
	aw_future_unref(all);
	aw_task_unref(child);
	aw_task_unref(parent);
	loop_end(loop);
}

CHECK_MAIN("inspect", CASE(a_slow_callback_is_reported_in_debug_mode_only), CASE(a_coroutine_that_nobody_ran_is_reported),
           CASE(the_tree_shows_who_awaits_whom))
