/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind real-time */
/* A child's pipes as streams, and its events as callbacks. */
#include "in_a_task.h"

#include <await/easy.h>
#include <sys/wait.h>

static aw_process *start(const char *command) {
	aw_process_options *options = NULL;
	aw_process *child = NULL;
	EXPECT_INT(aw_process_options_new(&options), 0);
	EXPECT_INT(aw_process_options_set_streams(options, AW_STDIO_PIPE, AW_STDIO_PIPE, AW_STDIO_PIPE), 0);
	EXPECT_INT(aw_subprocess_shell(NULL, command, options, &child), 0);
	aw_process_options_unref(options);
	return child;
}

static void await_exit(aw_process *child) {
	aw_future *exit = NULL;
	EXPECT_INT(aw_process_wait(child, &exit), 0);
	EXPECT_INT(aw_await(exit, NULL), 0);
	aw_future_unref(exit);
}

static aw_status talks(void *ud) {
	(void)ud;
	aw_process *child = start("while read line; do echo \"got $line\"; done; echo end >&2");
	aw_stream *in = NULL, *out = NULL, *err = NULL;
	const char *line = NULL;
	EXPECT_INT(aw_process_stream(child, 0, NULL, &in), 0);
	EXPECT_INT(aw_process_stream(child, 1, NULL, &out), 0);
	EXPECT_INT(aw_process_stream(child, 2, NULL, &err), 0);
	EXPECT_INT(aw_process_stream(child, 1, NULL, &err), AW_EINVALIDSTATE);
	EXPECT_STR(aw_stream_kind(in), "pipe");
	for (int i = 0; i < 3; i++) {
		EXPECT_INT(aw_stream_write(in, "line\n", 5), 0);
		EXPECT_INT(aw_stream_readline(out, &line), 9);
		EXPECT(!memcmp(line, "got line\n", 9));
	}
	EXPECT_INT(aw_stream_close(in), 0);
	EXPECT_INT(aw_stream_readline(out, &line), 0);
	EXPECT_INT(aw_stream_readline(err, &line), 4);
	await_exit(child);
	/* Writing to a child that is gone is an error and no signal. */
	aw_stream *streams[] = {in, out, err};
	for (int i = 0; i < 3; i++) {
		aw_stream_close(streams[i]);
		EXPECT_INT(aw_stream_wait_closed(streams[i], -1), 0);
		aw_stream_unref(streams[i]);
	}
	aw_process_unref(child);
	return 0;
}

static void lines_go_both_ways_while_it_runs(void) {
	in_a_task(talks);
}

static aw_status is_gone(void *ud) {
	(void)ud;
	aw_process *child = start("exit 0");
	aw_stream *in = NULL;
	EXPECT_INT(aw_process_stream(child, 0, NULL, &in), 0);
	await_exit(child);
	EXPECT_INT(aw_stream_write(in, "x", 1), -EPIPE);
	EXPECT_INT(aw_stream_wait_closed(in, -1), 0);
	aw_stream_unref(in);
	aw_process_unref(child);
	return 0;
}

static void writing_to_a_child_that_is_gone_is_an_error(void) {
	in_a_task(is_gone);
}

/* --- events --- */

static aw_status data(aw_process *process, void *ud, int stream, const void *text, size_t length) {
	(void)process;
	(void)ud;
	char word[64];
	snprintf(word, sizeof word, "%d=%.*s", stream, (int)length - 1, (const char *)text);
	trace_add(word);
	return 0;
}

static void lost(aw_process *process, void *ud, int stream, aw_status why) {
	(void)process;
	(void)ud;
	EXPECT_INT(why, 0);
	trace_number("lost", stream);
}

static void exited(aw_process *process, void *ud) {
	(void)ud;
	int32_t code = 0;
	EXPECT_INT(aw_process_returncode(process, &code), 0);
	trace_number("exited", code);
}

static void over(aw_process *process, void *ud, aw_status why) {
	(void)process;
	EXPECT_INT(why, 0);
	trace_add("over");
	EXPECT_INT(aw_future_set_result(ud, NULL, NULL), 0);
}

static const aw_process_protocol events = {.size = sizeof events,
                                           .pipe_data_received = data,
                                           .pipe_connection_lost = lost,
                                           .process_exited = exited,
                                           .connection_lost = over};

static aw_status tells_events(void *ud) {
	(void)ud;
	aw_future *all = future_of_running_loop();
	aw_process *child = start("echo out; exec >&-; sleep 0.1; echo err >&2; exec 2>&-; sleep 0.1; exit 3");
	int destroyed = 0;
	EXPECT_INT(aw_process_set_protocol(child, NULL, &destroyed, count_destroyed), -EINVAL);
	EXPECT_INT(destroyed, 1);
	EXPECT_INT(aw_process_set_protocol(child, &events, all, NULL), 0);
	aw_process_unref(child);
	EXPECT_INT(aw_await(all, NULL), 0);
	EXPECT_STR(trace, "1=out lost:1 2=err lost:2 exited:3 over");
	aw_future_unref(all);
	return 0;
}

static void events_are_told_in_order(void) {
	in_a_task(tells_events);
}

static aw_status is_left(void *ud) {
	(void)ud;
	aw_process *child = start("sleep 60");
	static const aw_process_protocol nothing = {.size = sizeof nothing};
	EXPECT_INT(aw_process_set_protocol(child, &nothing, NULL, NULL), 0);
	EXPECT_INT(aw_process_kill(child), 0);
	aw_process_unref(child);
	return 0;
}

static void a_child_that_is_left_ends_with_the_loop(void) {
	in_a_task(is_left);
}

CHECK_MAIN("process streams", TEST(lines_go_both_ways_while_it_runs),
           TEST(writing_to_a_child_that_is_gone_is_an_error), TEST(events_are_told_in_order),
           TEST(a_child_that_is_left_ends_with_the_loop))
