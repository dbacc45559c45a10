/* SPDX-License-Identifier: MIT */
/* Labels: valgrind */
/* The call graph: who awaits a future, through what, and where each of them is. */
#include "trace.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <limits.h>

enum { ALL_FRAMES = INT32_MAX };

static aw_task *named(aw_loop *loop, const char *name, aw_task_fn fn, void *ud) {
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn_named(loop, name, fn, ud, NULL, &task), 0);
	return task;
}

static aw_status awaits(void *future) {
	return aw_await(future, NULL);
}

static aw_status awaits_task(void *task) {
	return aw_await(aw_task_future(task), NULL);
}

static aw_call_graph *capture(aw_future *future, int32_t limit) {
	aw_call_graph *graph = NULL;
	EXPECT_INT(aw_capture_call_graph(future, 1, limit, &graph), 0);
	return graph;
}

/* "level name" of each entry, with an asterisk if it is repeated. */
static const char *outline(const aw_call_graph *graph) {
	static char text[1024];
	size_t used = 0;
	text[0] = 0;
	for (size_t i = 0; i < aw_call_graph_count(graph); i++) {
		aw_task *task = aw_future_task(aw_call_graph_future(graph, i));
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%zu %s%s", i ? ", " : "",
		                         aw_call_graph_level(graph, i), task ? aw_task_name(task) : "future",
		                         aw_call_graph_repeated(graph, i) ? "*" : "");
	}
	return text;
}

static void expect_outline(aw_future *future, const char *want) {
	aw_call_graph *graph = capture(future, 0);
	EXPECT_STR(outline(graph), want);
	aw_call_graph_unref(graph);
}

static void drop(aw_loop *loop, aw_task **tasks, size_t count) {
	EXPECT_INT(aw_loop_cancel_all(loop), 0);
	for (size_t i = 0; i < count; i++) aw_task_unref(tasks[i]);
}

/* --- who awaits --- */

static void those_who_await_a_future_are_found_up_to_the_last(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	expect_outline(future, "0 future");
	aw_task *inner = named(loop, "inner", awaits, future);
	aw_task *tasks[] = {inner, named(loop, "middle", awaits_task, inner),
	                    named(loop, "other", awaits, future)};
	expect_outline(future, "0 future"); /* none has begun */
	loop_settle(loop);
	expect_outline(future, "0 future, 1 inner, 2 middle, 1 other");
	expect_outline(aw_task_future(inner), "0 inner, 1 middle");
	expect_outline(aw_task_future(tasks[1]), "0 middle");
	aw_task_ref(inner);
	drop(loop, tasks, 3);
	expect_outline(future, "0 future");
	expect_outline(aw_task_future(inner), "0 inner");
	aw_task_unref(inner);
	aw_future_unref(future);
	loop_end(loop);
}

static aw_status gathers(void *ud) {
	aw_future *all = NULL, *shield = NULL, *of[] = {ud};
	EXPECT_INT(aw_gather(NULL, of, 1, 0, &all), 0);
	EXPECT_INT(aw_shield(all, &shield), 0);
	aw_status status = aw_await(shield, NULL);
	aw_future_unref(shield);
	aw_future_unref(all);
	return status;
}

static void futures_between_tasks_are_left_out(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	aw_task *tasks[] = {named(loop, "gathers", gathers, future)};
	loop_settle(loop);
	expect_outline(future, "0 future, 1 gathers");
	drop(loop, tasks, 1);
	aw_future_unref(future);
	loop_end(loop);
}

static aw_status has_group(void *future) {
	aw_taskgroup *group = NULL;
	aw_task *member = NULL;
	EXPECT_INT(aw_taskgroup_new(NULL, &group), 0);
	EXPECT_INT(aw_taskgroup_enter(group), 0);
	EXPECT_INT(aw_taskgroup_spawn(group, awaits, future, NULL, &member), 0);
	EXPECT_INT(aw_task_set_name(member, "member"), 0);
	aw_task_unref(member);
	aw_status status = aw_taskgroup_exit(group, aw_sleep(AW_SECOND), NULL);
	aw_taskgroup_unref(group);
	return status;
}

static void a_member_of_a_group_is_awaited_by_its_parent(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	aw_task *tasks[] = {named(loop, "parent", has_group, future)};
	loop_settle(loop);
	expect_outline(future, "0 future, 1 member, 2 parent");
	drop(loop, tasks, 1);
	aw_future_unref(future);
	loop_end(loop);
}

static aw_status awaits_both(void *ud) {
	aw_task **tasks = ud;
	aw_future *all = NULL, *of[] = {aw_task_future(tasks[0]), aw_task_future(tasks[1])};
	EXPECT_INT(aw_gather(NULL, of, 2, 0, &all), 0);
	aw_status status = aw_await(all, NULL);
	aw_future_unref(all);
	return status;
}

static void a_task_that_is_met_twice_is_entered_once(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	aw_task *tasks[4] = {named(loop, "left", awaits, future), named(loop, "right", awaits, future)};
	tasks[2] = named(loop, "both", awaits_both, tasks);
	tasks[3] = named(loop, "top", awaits_task, tasks[2]);
	loop_settle(loop);
	expect_outline(future, "0 future, 1 left, 2 both, 3 top, 1 right, 2 both*");
	drop(loop, tasks, 4);
	aw_future_unref(future);
	loop_end(loop);
}

static aw_status awaits_at(void *ud) {
	return aw_await(aw_task_future(*(aw_task **)ud), NULL);
}

static void tasks_that_await_each_other_end_the_walk(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_task *tasks[2];
	tasks[0] = named(loop, "a", awaits_at, &tasks[1]);
	tasks[1] = named(loop, "b", awaits_at, &tasks[0]);
	loop_settle(loop);
	expect_outline(aw_task_future(tasks[0]), "0 a, 1 b, 2 a*");
	drop(loop, tasks, 2);
	loop_end(loop);
}

static aw_status step(aw_resume *resume, void *future) {
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	return aw_resume_await(resume, future);
}

enum { CHAIN = 20000 };

static void a_long_chain_takes_neither_stack_nor_square_time(void) {
	static aw_task *tasks[CHAIN];
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	aw_coro *coro;
	for (int i = 0; i < CHAIN; i++) {
		aw_future *below = i ? aw_task_future(tasks[i - 1]) : future;
		EXPECT_INT(aw_coro_new(loop, step, below, NULL, &coro), 0);
		EXPECT_INT(aw_task_spawn_coro(loop, coro, &tasks[i]), 0);
		aw_coro_unref(coro);
	}
	for (int i = 0; i < CHAIN && aw_loop_pending(loop); i++) EXPECT(aw_loop_run_once(loop, 0) >= 0);
	aw_call_graph *graph = capture(future, 1);
	EXPECT_INT(aw_call_graph_count(graph), CHAIN + 1);
	EXPECT_INT(aw_call_graph_level(graph, CHAIN), CHAIN);
	EXPECT(aw_call_graph_text(graph) != NULL);
	aw_call_graph_unref(graph);
	drop(loop, tasks, CHAIN);
	aw_future_unref(future);
	loop_end(loop);
}

/* --- where they are --- */

static const void *returns_to; /* in descends(), after its call */

static __attribute__((noinline)) aw_status bottom(aw_future *future) {
	returns_to = __builtin_return_address(0);
	aw_status status = aw_await(future, NULL);
	__asm__ volatile("" : "+r"(status)); /* prevents a tail call, which leaves no trace */
	return status;
}

static aw_status descends(void *future) {
	aw_status status = bottom(future);
	__asm__ volatile("" : "+r"(status));
	return status;
}

/* The address as the text of a frame ends, in the program itself. */
static const char *offset_of(const void *address) {
	static char text[32];
	Dl_info info;
	if (!dladdr(address, &info)) return "?";
	snprintf(text, sizeof text, "+0x%" PRIxPTR ")", (uintptr_t)address - 1 - (uintptr_t)info.dli_fbase);
	return text;
}

static void a_suspended_task_has_its_calls_the_innermost_first(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	aw_task *tasks[] = {named(loop, "deep", descends, future)};
	aw_call_graph *graph = capture(aw_task_future(tasks[0]), ALL_FRAMES);
	EXPECT_INT(aw_call_graph_frame_count(graph, 0), 1); /* not begun: the function */
	aw_call_graph_unref(graph);
	loop_settle(loop);
	graph = capture(future, ALL_FRAMES);
	EXPECT_INT(aw_call_graph_frame_count(graph, 0), 0);
	size_t count = aw_call_graph_frame_count(graph, 1);
	REQUIRE(count >= 3);
	size_t at = 0; /* the library's own frames come first */
	while (at < count && !strstr(aw_call_graph_frame(graph, 1, at), offset_of(returns_to))) at++;
	EXPECT(at >= 2 && at < count);
	EXPECT(aw_call_graph_frame(graph, 1, count) == NULL);
	EXPECT(aw_call_graph_frame(graph, 2, 0) == NULL);
	aw_call_graph *some = capture(future, 2), *last = capture(future, -1), *none = capture(future, 0);
	EXPECT_INT(aw_call_graph_frame_count(some, 1), 2);
	EXPECT_STR(aw_call_graph_frame(some, 1, 0), aw_call_graph_frame(graph, 1, 0));
	EXPECT_INT(aw_call_graph_frame_count(last, 1), 1);
	EXPECT_STR(aw_call_graph_frame(last, 1, 0), aw_call_graph_frame(graph, 1, count - 1));
	EXPECT_INT(aw_call_graph_frame_count(none, 1), 0);
	aw_call_graph_unref(some);
	aw_call_graph_unref(last);
	aw_call_graph_unref(none);
	aw_call_graph_unref(graph);
	drop(loop, tasks, 1);
	aw_future_unref(future);
	loop_end(loop);
}

static __attribute__((noinline)) void captures_itself(int32_t depth, aw_call_graph **out) {
	returns_to = __builtin_return_address(0);
	EXPECT_INT(aw_capture_call_graph(NULL, depth, ALL_FRAMES, out), 0);
	__asm__ volatile("" ::: "memory");
}

static aw_status runs(void *ud) {
	(void)ud;
	aw_call_graph *graph = NULL;
	size_t counts[3];
	for (int depth = 1; depth <= 2; depth++) {
		captures_itself(depth, &graph);
		counts[depth] = aw_call_graph_frame_count(graph, 0);
		EXPECT(aw_call_graph_future(graph, 0) == aw_task_future(aw_task_current()));
		/* from the caller of the library on: first that in captures_itself(), then that in this function */
		const char *frame = aw_call_graph_frame(graph, 0, depth == 1 ? 1 : 0);
		EXPECT(frame && strstr(frame, offset_of(returns_to)) != NULL);
		aw_call_graph_unref(graph);
	}
	EXPECT_INT(counts[1], counts[2] + 1);
	captures_itself(1000, &graph);
	EXPECT_INT(aw_call_graph_frame_count(graph, 0), 0);
	aw_call_graph_unref(graph);
	EXPECT_INT(aw_capture_call_graph(NULL, -1, 0, &graph), -EINVAL);
	return 0;
}

static void the_running_task_begins_with_its_own_call(void) {
	EXPECT_INT(run_virtual(runs), 0);
}

static aw_status eager_inner(void *graph) {
	*(aw_call_graph **)graph = capture(NULL, ALL_FRAMES);
	aw_call_graph *of_outer = NULL;
	aw_task *all[2] = {NULL};
	EXPECT_INT(aw_loop_all_tasks(NULL, all, 2), 2);
	of_outer = capture(aw_task_future(all[0]), ALL_FRAMES);
	EXPECT(aw_call_graph_frame_count(of_outer, 0) >= 1);
	aw_call_graph_unref(of_outer);
	aw_task_unref(all[0]);
	aw_task_unref(all[1]);
	return 0;
}

static aw_status eager_outer(void *ud) {
	(void)ud;
	aw_call_graph *graph = NULL;
	EXPECT_INT(aw_task_spawn_eager(NULL, eager_inner, &graph, NULL, NULL), 0);
	EXPECT_INT(aw_call_graph_count(graph), 1);
	EXPECT(aw_call_graph_frame_count(graph, 0) >= 1);
	aw_call_graph_unref(graph);
	return 0;
}

static void an_eager_task_and_the_one_it_interrupts_have_frames(void) {
	EXPECT_INT(run_virtual(eager_outer), 0);
}

static void a_coroutine_has_its_step_function(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	aw_coro *coro = NULL;
	aw_task *tasks[1];
	EXPECT_INT(aw_future_new(loop, &future), 0);
	EXPECT_INT(aw_coro_new(loop, step, future, NULL, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, &tasks[0]), 0);
	aw_coro_unref(coro);
	loop_settle(loop);
	aw_call_graph *graph = capture(future, ALL_FRAMES);
	EXPECT_INT(aw_call_graph_frame_count(graph, 1), 1);
	EXPECT(strstr(aw_call_graph_frame(graph, 1, 0), offset_of((const char *)(uintptr_t)step + 1)) != NULL);
	aw_call_graph_unref(graph);
	drop(loop, tasks, 1);
	aw_future_unref(future);
	loop_end(loop);
}

/* --- as text --- */

static void the_text_has_asyncios_form(void) {
	static char want[1024], got[1024];
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	aw_task *inner = named(loop, "it's \n \\", awaits, future);
	aw_task *tasks[] = {inner, named(loop, "outer", awaits_task, inner)};
	loop_settle(loop);
	aw_call_graph *graph = capture(future, -1);
	const char *frame = aw_call_graph_frame(graph, 1, 0), *outer = aw_call_graph_frame(graph, 2, 0);
	snprintf(want, sizeof want,
	         "* Future(id=0x%" PRIxPTR ")\n"
	         "  + Awaited by:\n"
	         "    * Task(name=\"it's \\x0a \\\\\", id=0x%" PRIxPTR ")\n"
	         "      + Call stack:\n"
	         "      |   %s\n"
	         "      + Awaited by:\n"
	         "        * Task(name='outer', id=0x%" PRIxPTR ")\n"
	         "          + Call stack:\n"
	         "          |   %s",
	         (uintptr_t)future, (uintptr_t)inner, frame, (uintptr_t)tasks[1], outer);
	EXPECT_STR(aw_call_graph_text(graph), want);
	aw_call_graph_unref(graph);
	aw_status length = aw_format_call_graph(future, 1, -1, got, sizeof got);
	EXPECT_INT(length, (int)strlen(want));
	EXPECT_STR(got, want);
	EXPECT_INT(aw_format_call_graph(future, 1, -1, got, 9), length);
	EXPECT_STR(got, "* Future");
	EXPECT_INT(aw_format_call_graph(future, 1, -1, NULL, 0), length);
	EXPECT_INT(aw_format_call_graph(future, 1, -1, NULL, 5), -EINVAL);
	drop(loop, tasks, 2);
	aw_future_unref(future);
	loop_end(loop);
}

static void without_a_task_there_is_none_to_look_at(void) {
	aw_call_graph *graph = NULL;
	EXPECT_INT(aw_capture_call_graph(NULL, 1, 0, &graph), AW_ENOTASK);
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_capture_call_graph(NULL, 1, 0, &graph), AW_ENOTASK);
	loop_end(loop);
}

static void a_graph_may_outlive_its_loop(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_future *future = NULL;
	EXPECT_INT(aw_future_new(loop, &future), 0);
	aw_call_graph *graph = capture(future, 0);
	aw_future_unref(future);
	EXPECT_INT(aw_loop_close(loop), 0);
	aw_loop_unref(loop);
	EXPECT_INT(aw_call_graph_count(graph), 1);
	EXPECT(strncmp(aw_call_graph_text(graph), "* Future(id=", 12) == 0);
	aw_call_graph_unref(graph);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("call_graph", TEST(those_who_await_a_future_are_found_up_to_the_last),
           TEST(futures_between_tasks_are_left_out), TEST(a_member_of_a_group_is_awaited_by_its_parent),
           TEST(a_task_that_is_met_twice_is_entered_once), TEST(tasks_that_await_each_other_end_the_walk),
           TEST(a_long_chain_takes_neither_stack_nor_square_time),
           TEST(a_suspended_task_has_its_calls_the_innermost_first),
           TEST(the_running_task_begins_with_its_own_call),
           TEST(an_eager_task_and_the_one_it_interrupts_have_frames), TEST(a_coroutine_has_its_step_function),
           TEST(the_text_has_asyncios_form), TEST(without_a_task_there_is_none_to_look_at),
           TEST(a_graph_may_outlive_its_loop))
