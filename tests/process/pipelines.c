/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind real-time */
/* Children connected by pipes. */
#include "in_a_task.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int has_children(void) {
	siginfo_t info;
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* No child is left, either. */
static void in_a_task_without_children(aw_task_fn fn) {
	in_a_task(fn);
	EXPECT(!has_children());
}

#define SH(command) ((const char *const[]){"/bin/sh", "-c", (command), NULL})

static aw_process_options *options_of(int32_t in, int32_t out, int32_t err) {
	aw_process_options *options = NULL;
	EXPECT_INT(aw_process_options_new(&options), 0);
	EXPECT_INT(aw_process_options_set_streams(options, in, out, err), 0);
	return options;
}

static aw_pipeline *start(const char *const *const *commands, size_t count, int32_t in, int32_t out,
                          int32_t err) {
	aw_process_options *options = options_of(in, out, err);
	aw_pipeline *pipeline = NULL;
	EXPECT_INT(aw_pipeline_start(NULL, commands, count, options, &pipeline), 0);
	aw_process_options_unref(options);
	EXPECT_INT(aw_pipeline_count(pipeline), count);
	return pipeline;
}

static int await_exits(aw_pipeline *pipeline) {
	aw_future *ended = NULL;
	void *code = NULL;
	EXPECT_INT(aw_pipeline_wait(pipeline, &ended), 0);
	EXPECT_INT(aw_await(ended, &code), 0);
	aw_future_unref(ended);
	return (int)(intptr_t)code;
}

static int code_of(aw_pipeline *pipeline, size_t index) {
	int32_t code = -99;
	EXPECT_INT(aw_process_returncode(aw_pipeline_process(pipeline, index), &code), 0);
	return code;
}

static void finish(aw_stream *stream) {
	EXPECT_INT(aw_stream_close(stream), 0);
	EXPECT_INT(aw_stream_wait_closed(stream, -1), 0);
	aw_stream_unref(stream);
}

/* What a stream brings until its end. */
static const char *text_of(aw_process *process, int number) {
	static char text[256];
	aw_stream *stream = NULL;
	const char *data = NULL;
	EXPECT_INT(aw_process_stream(process, number, NULL, &stream), 0);
	aw_status length = aw_stream_readall(stream, sizeof text - 1, &data);
	EXPECT(length >= 0);
	memcpy(text, data, length < 0 ? 0 : (size_t)length);
	text[length < 0 ? 0 : length] = 0;
	finish(stream);
	return text;
}

/* --- */

static aw_status connected(void *ud) {
	(void)ud;
	const char *const *const commands[] = {SH("cat; echo last"), SH("tr a-z A-Z"), SH("sed s/^/-/")};
	aw_pipeline *pipeline = start(commands, 3, AW_STDIO_PIPE, AW_STDIO_PIPE, AW_STDIO_INHERIT);
	aw_stream *in = NULL;
	EXPECT(!aw_pipeline_process(pipeline, 3));
	EXPECT_INT(aw_process_stream(aw_pipeline_process(pipeline, 0), 0, NULL, &in), 0);
	EXPECT_INT(aw_stream_write(in, "first\n", 6), 0);
	finish(in);
	EXPECT_STR(text_of(aw_pipeline_process(pipeline, 2), 1), "-FIRST\n-LAST\n");
	EXPECT_INT(await_exits(pipeline), 0);
	EXPECT_INT(await_exits(pipeline), 0); /* also after the end */
	EXPECT_INT(aw_pipeline_kill(pipeline), -ESRCH);
	aw_pipeline_unref(pipeline);
	/* A single child. */
	pipeline = start((const char *const *const[]){SH("echo one")}, 1, AW_STDIO_NULL, AW_STDIO_PIPE,
	                 AW_STDIO_INHERIT);
	EXPECT_STR(text_of(aw_pipeline_process(pipeline, 0), 1), "one\n");
	EXPECT_INT(await_exits(pipeline), 0);
	aw_pipeline_unref(pipeline);
	return 0;
}

static void each_output_is_the_next_input(void) {
	in_a_task_without_children(connected);
}

static aw_status failing(void *ud) {
	(void)ud;
	const char *const *const commands[] = {SH("exit 3"), SH("cat; exit 4"), SH("cat")};
	aw_pipeline *pipeline = start(commands, 3, AW_STDIO_NULL, AW_STDIO_NULL, AW_STDIO_INHERIT);
	EXPECT_INT(await_exits(pipeline), 4);
	EXPECT_INT(code_of(pipeline, 0), 3);
	EXPECT_INT(code_of(pipeline, 1), 4);
	EXPECT_INT(code_of(pipeline, 2), 0);
	aw_pipeline_unref(pipeline);
	/* One that nobody reads any more ends by the signal, as in a shell. */
	const char *const *const endless[] = {(const char *const[]){"yes", NULL}, SH("read line; exit 0")};
	pipeline = start(endless, 2, AW_STDIO_NULL, AW_STDIO_NULL, AW_STDIO_INHERIT);
	EXPECT_INT(await_exits(pipeline), -SIGPIPE);
	EXPECT_INT(code_of(pipeline, 0), -SIGPIPE);
	aw_pipeline_unref(pipeline);
	return 0;
}

static void the_last_failure_is_the_result(void) {
	in_a_task_without_children(failing);
}

static aw_status erring(void *ud) {
	(void)ud;
	const char *const *const commands[] = {SH("echo a >&2; echo b"), SH("cat; echo c >&2")};
	aw_pipeline *pipeline = start(commands, 2, AW_STDIO_NULL, AW_STDIO_PIPE, AW_STDIO_PIPE);
	EXPECT_STR(text_of(aw_pipeline_process(pipeline, 0), 2), "a\n");
	EXPECT_STR(text_of(aw_pipeline_process(pipeline, 1), 2), "c\n");
	EXPECT_STR(text_of(aw_pipeline_process(pipeline, 1), 1), "b\n");
	EXPECT_INT(await_exits(pipeline), 0);
	aw_pipeline_unref(pipeline);
	pipeline = start(commands, 2, AW_STDIO_NULL, AW_STDIO_PIPE, AW_STDIO_STDOUT);
	EXPECT_STR(text_of(aw_pipeline_process(pipeline, 1), 1), "a\nb\nc\n");
	EXPECT_INT(await_exits(pipeline), 0);
	aw_pipeline_unref(pipeline);
	return 0;
}

static void errors_go_where_the_options_say(void) {
	in_a_task_without_children(erring);
}

static aw_status killed(void *ud) {
	(void)ud;
	const char *const *const commands[] = {SH("exec sleep 100"), SH("exec sleep 100"), SH("exit 0")};
	aw_pipeline *pipeline = start(commands, 3, AW_STDIO_NULL, AW_STDIO_NULL, AW_STDIO_INHERIT);
	aw_future *ended = NULL;
	EXPECT_INT(aw_pipeline_wait(pipeline, &ended), 0);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	/* A cancelled wait leaves them alone. */
	EXPECT_INT(aw_future_cancel(ended, NULL), 1);
	EXPECT_INT(aw_await(ended, NULL), AW_ECANCELLED);
	aw_future_unref(ended);
	EXPECT_INT(aw_pipeline_send_signal(pipeline, 0), 0);
	EXPECT_INT(aw_pipeline_send_signal(pipeline, -1), -EINVAL);
	EXPECT_INT(aw_pipeline_kill(pipeline), 0);
	EXPECT_INT(await_exits(pipeline), code_of(pipeline, 2) ? code_of(pipeline, 2) : -SIGKILL);
	EXPECT_INT(code_of(pipeline, 0), -SIGKILL);
	aw_pipeline_unref(pipeline);
	/* Dropped while they run: killed, and reaped before the loop ends or soon after. */
	pipeline = start(commands, 3, AW_STDIO_PIPE, AW_STDIO_PIPE, AW_STDIO_INHERIT);
	EXPECT_INT(aw_pipeline_wait(pipeline, &ended), 0);
	aw_pipeline_unref(pipeline);
	void *code = NULL;
	EXPECT_INT(aw_await(ended, &code), 0);
	EXPECT((intptr_t)code == -SIGKILL);
	aw_future_unref(ended);
	return 0;
}

static void all_are_killed_together(void) {
	in_a_task_without_children(killed);
}

static aw_status half_started(void *ud) {
	(void)ud;
	const char *const *const commands[] = {SH("exec sleep 100"), SH("exec sleep 100"),
	                                       (const char *const[]){"/no/such/program", NULL}};
	aw_pipeline *pipeline = NULL;
	aw_process_options *options = options_of(AW_STDIO_PIPE, AW_STDIO_PIPE, AW_STDIO_PIPE);
	for (uint32_t flags = 0; flags <= AW_PROCESS_DETACH; flags += AW_PROCESS_DETACH) {
		EXPECT_INT(aw_process_options_set_flags(options, flags), 0);
		EXPECT_INT(aw_pipeline_start(NULL, commands, 3, options, &pipeline), -ENOENT);
		EXPECT_STR(aw_error_message(aw_caught()), "no such program: /no/such/program");
		EXPECT(!pipeline);
	}
	aw_process_options_unref(options);
	/* They are reaped by the loop. */
	for (int i = 0; i < 1000 && has_children(); i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT(!has_children());
	const char *const *const empty[] = {SH("true"), (const char *const[]){NULL}};
	EXPECT_INT(aw_pipeline_start(NULL, empty, 2, NULL, &pipeline), -EINVAL);
	EXPECT_INT(aw_pipeline_start(NULL, empty, 0, NULL, &pipeline), -EINVAL);
	EXPECT_INT(aw_pipeline_start(NULL, NULL, 1, NULL, &pipeline), -EINVAL);
	EXPECT_INT(aw_pipeline_start(NULL, empty, 1, NULL, NULL), -EINVAL);
	return 0;
}

static void nothing_is_left_of_one_that_fails(void) {
	in_a_task_without_children(half_started);
}

CHECK_MAIN("pipelines", TEST(each_output_is_the_next_input), TEST(the_last_failure_is_the_result),
           TEST(errors_go_where_the_options_say), TEST(all_are_killed_together),
           TEST(nothing_is_left_of_one_that_fails))
