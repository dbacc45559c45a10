/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/*
 * A child run to its end in one call: its output, exit and input, and failures to start. A cancellation kills
 * and reaps it.
 */
#include "process.h"

#include <stdbool.h>

typedef aw_status (*body_fn)(void *ud);

static void in_task(body_fn body) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *task = NULL;
	EXPECT_INT(aw_task_spawn_future(loop, body, NULL, NULL, &task), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, task, NULL), 0);
	aw_future_unref(task);
	loop_end(loop);
}

static int32_t code_of(aw_process *process) {
	int32_t code = -1000;
	EXPECT_INT(aw_process_returncode(process, &code), 0);
	return code;
}

static aw_status captures(void *ud) {
	(void)ud;
	aw_process *process = NULL;
	EXPECT_INT(aw_subprocess_run_shell("echo out; echo err >&2; exit 3", NULL, NULL, 0, &process), 0);
	EXPECT_INT(code_of(process), 3);
	EXPECT_STR(aw_process_text(process, 1), "out\n");
	EXPECT_STR(aw_process_text(process, 2), "err\n");
	EXPECT(aw_process_text(process, 0) == NULL);
	EXPECT(aw_process_text(process, 3) == NULL);
	aw_process_unref(process);
	const char *argv[] = {"printf", "%s", "a b"};
	EXPECT_INT(aw_subprocess_run(argv, 3, NULL, NULL, 0, &process), 0);
	EXPECT_INT(code_of(process), 0);
	EXPECT_STR(aw_process_text(process, 1), "a b");
	EXPECT_STR(aw_process_text(process, 2), "");
	aw_process_unref(process);
	return 0;
}

static void output_and_exit_come_in_one_call(void) {
	in_task(captures);
}

static aw_status is_fed(void *ud) {
	(void)ud;
	enum { LARGE = 300 * 1000 };
	aw_process *process = NULL;
	char *input = malloc(LARGE);
	if (!input) return -ENOMEM;
	memset(input, 'x', LARGE);
	const char *argv[] = {"cat"};
	EXPECT_INT(aw_subprocess_run(argv, 1, NULL, input, LARGE, &process), 0);
	const void *data = NULL;
	size_t length = 0;
	EXPECT_INT(aw_process_output(process, 1, &data, &length), 0);
	EXPECT_INT(length, LARGE);
	EXPECT(memcmp(data, input, LARGE) == 0);
	EXPECT_INT(strlen(aw_process_text(process, 1)), LARGE);
	aw_process_unref(process);
	free(input);
	return 0;
}

static void input_is_fed_while_output_is_read(void) {
	in_task(is_fed);
}

static aw_status as_told(void *ud) {
	(void)ud;
	aw_process_options *options = NULL;
	aw_process *process = NULL;
	EXPECT_INT(aw_process_options_new(&options), 0);
	EXPECT_INT(aw_process_options_set_streams(options, AW_STDIO_NULL, AW_STDIO_INHERIT, AW_STDIO_STDOUT), 0);
	EXPECT_INT(aw_subprocess_run_shell("cat; echo out; echo err >&2", options, NULL, 0, &process), 0);
	EXPECT_STR(aw_process_text(process, 1), "out\nerr\n");
	EXPECT(aw_process_text(process, 2) == NULL);
	aw_process_unref(process);
	/* its stdin isn't a pipe */
	EXPECT_INT(aw_subprocess_run_shell("cat", options, "in", 2, &process), -EINVAL);
	EXPECT_INT(aw_process_options_set_streams(options, AW_STDIO_PIPE, AW_STDIO_NULL, AW_STDIO_NULL), 0);
	/* fed nothing, it ends */
	EXPECT_INT(aw_subprocess_run_shell("test -z $(cat)", options, NULL, 0, &process), 0);
	EXPECT_INT(code_of(process), 0);
	EXPECT(aw_process_text(process, 1) == NULL);
	aw_process_unref(process);
	aw_process_options_unref(options);
	return 0;
}

static void options_have_the_last_word(void) {
	in_task(as_told);
}

static aw_status does_not_start(void *ud) {
	(void)ud;
	aw_process *process = NULL;
	aw_future *future = NULL;
	const char *argv[] = {"there-is-no-such-program"}, *none[] = {NULL};
	EXPECT_INT(aw_subprocess_run(argv, 1, NULL, NULL, 0, &process), -ENOENT);
	EXPECT_STR(aw_error_message(aw_caught()), "no such program: there-is-no-such-program");
	EXPECT_INT(aw_subprocess_run_future(NULL, argv, 1, NULL, "in", 2, &future), -ENOENT);
	EXPECT_INT(aw_subprocess_run(none, 1, NULL, NULL, 0, &process), -EINVAL);
	EXPECT_INT(aw_subprocess_run(argv, 0, NULL, NULL, 0, &process), -EINVAL);
	EXPECT_INT(aw_subprocess_run(argv, 1, NULL, NULL, 0, NULL), -EINVAL);
	EXPECT_INT(aw_subprocess_run(argv, 1, NULL, NULL, 1, &process), -EINVAL);
	EXPECT_INT(aw_subprocess_run_shell(NULL, NULL, NULL, 0, &process), -EINVAL);
	EXPECT_INT(aw_subprocess_run_shell_future(NULL, "true", NULL, NULL, 0, NULL), -EINVAL);
	EXPECT(process == NULL && future == NULL);
	return 0;
}

static void a_start_that_fails_says_why(void) {
	in_task(does_not_start);
	aw_process *process = NULL;
	EXPECT_INT(aw_subprocess_run_shell("true", NULL, NULL, 0, &process), AW_ENOTASK);
}

static bool is_gone(pid_t pid) {
	return kill(pid, 0) < 0 && errno == ESRCH;
}

/* A child that writes its pid to a file would race with its end: use the pid of the only child. */
static pid_t only_child(void) {
	char path[64], text[32] = "";
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "r");
	if (!file) return 0;
	size_t length = fread(text, 1, sizeof text - 1, file);
	text[length] = 0;
	fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

static aw_status runs_long(void *ud) {
	aw_process *process = NULL;
	return aw_subprocess_run_shell("echo begun; sleep 500", ud, NULL, 0, &process);
}

static aw_status is_cancelled(void *ud) {
	(void)ud;
	aw_future *runs = NULL;
	EXPECT_INT(aw_task_spawn_future(NULL, runs_long, NULL, NULL, &runs), 0);
	EXPECT(aw_sleep(0) >= 0);
	pid_t pid = only_child();
	EXPECT(pid > 0 && !is_gone(pid));
	EXPECT_INT(aw_future_cancel(runs, "enough"), 1);
	EXPECT_INT(aw_await_take(runs, NULL, NULL), AW_ECANCELLED);
	EXPECT_STR(aw_error_message(aw_caught()), "enough");
	EXPECT(is_gone(pid)); /* killed and reaped */
	return 0;
}

static void cancelled_it_is_killed_and_collected(void) {
	in_task(is_cancelled);
}

static aw_status times_out(void *ud) {
	(void)ud;
	aw_future *run = NULL;
	aw_process_options *options = with(0, AW_PROCESS_GROUP);
	const char *argv[] = {"sh", "-c", "sleep 500 & wait"};
	EXPECT_INT(aw_subprocess_run_future(NULL, argv, 3, options, NULL, 0, &run), 0);
	pid_t pid = only_child();
	EXPECT_INT(aw_wait_for(run, 20 * AW_MILLISECOND, NULL), AW_ETIMEOUT);
	EXPECT(is_gone(pid));
	EXPECT_INT(aw_future_cancelled(run), 1);
	aw_future_unref(run);
	aw_process_options_unref(options);
	return 0;
}

static void a_limit_kills_its_group(void) {
	in_task(times_out);
}

static aw_status is_detached(void *ud) {
	(void)ud;
	aw_process_options *options = with(0, AW_PROCESS_DETACH);
	aw_future *run = NULL;
	EXPECT_INT(aw_subprocess_run_shell_future(NULL, "exec sleep 500", options, NULL, 0, &run), 0);
	pid_t pid = only_child();
	EXPECT_INT(aw_future_cancel(run, NULL), 1);
	EXPECT_INT(aw_await_take(run, NULL, NULL), AW_ECANCELLED);
	EXPECT(!is_gone(pid));
	kill(pid, SIGKILL);
	EXPECT_INT(waitpid(pid, NULL, 0), pid);
	aw_process_options_unref(options);
	return 0;
}

static void a_detached_child_continues(void) {
	in_task(is_detached);
}

static aw_status values(void *ud) {
	(void)ud;
	aw_future *run = NULL;
	void *process = NULL;
	aw_destroy_fn destroy = NULL;
	EXPECT_INT(aw_subprocess_run_shell_future(NULL, "echo a", NULL, NULL, 0, &run), 0);
	EXPECT_INT(aw_await(run, &process), 0);
	EXPECT_STR(aw_process_text(process, 1), "a\n");
	EXPECT_INT(aw_await_take(run, &process, &destroy), 0);
	EXPECT_STR(aw_process_text(process, 1), "a\n");
	destroy(process);
	EXPECT_INT(aw_subprocess_run_shell_future(NULL, "exit 2", NULL, NULL, 0, &run), 0);
	EXPECT_INT(aw_await_take(run, NULL, NULL), 0); /* the value is released with the future */
	return 0;
}

static void the_future_has_the_child_as_its_value(void) {
	in_task(values);
}

static void dropped_or_not_it_ends_with_its_loop(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *kept = NULL, *dropped = NULL;
	EXPECT_INT(aw_subprocess_run_shell_future(loop, "sleep 500", NULL, NULL, 0, &kept), 0);
	EXPECT_INT(aw_subprocess_run_shell_future(loop, "sleep 500", NULL, NULL, 0, &dropped), 0);
	aw_future_unref(dropped);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_INT(has_child(), 0);
	EXPECT_INT(aw_future_done(kept), 0);
	aw_future_unref(kept);
	loop_end(loop);
}

CHECK_MAIN("process_run", TEST(output_and_exit_come_in_one_call), TEST(input_is_fed_while_output_is_read),
           TEST(options_have_the_last_word), TEST(a_start_that_fails_says_why),
           TEST(cancelled_it_is_killed_and_collected), TEST(a_limit_kills_its_group),
           TEST(a_detached_child_continues), TEST(the_future_has_the_child_as_its_value),
           TEST(dropped_or_not_it_ends_with_its_loop))
