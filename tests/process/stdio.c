/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* Where a child's standard streams go. */
#include "process.h"

static void nothing_piped_gives_nothing_to_look_at(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	const void *data = NULL;
	size_t length = 1;
	int fd = -1;
	aw_process *process = start(loop, "exit 0", NULL);
	EXPECT_INT(talk(loop, process), 0);
	EXPECT_INT(aw_process_output(process, 1, &data, &length), AW_EINVALIDSTATE);
	EXPECT_INT(aw_process_output(process, 0, &data, &length), -EINVAL);
	EXPECT_INT(aw_process_output(process, 3, &data, &length), -EINVAL);
	EXPECT_INT(aw_process_take_pipe(process, 1, &fd), AW_EINVALIDSTATE);
	EXPECT_INT(aw_process_take_pipe(process, 3, &fd), -EINVAL);
	aw_process_unref(process);
	loop_end(loop);
}

static void pipes_part_what_is_said_on_each(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "echo o; echo e >&2", with(PIPE(1) | PIPE(2), 0));
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, "o\n"));
	EXPECT(said(process, 2, "e\n"));
	aw_process_unref(process);
	loop_end(loop);
}

static void streams_are_set_at_once(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process_options *options = with(0, 0);
	EXPECT_INT(aw_process_options_set_streams(options, AW_STDIO_NULL, AW_STDIO_PIPE, AW_STDIO_STDOUT), 0);
	/* Refused, and nothing is changed. */
	EXPECT_INT(aw_process_options_set_streams(options, AW_STDIO_PIPE, AW_STDIO_STDOUT, AW_STDIO_NULL),
	           -EINVAL);
	EXPECT_INT(aw_process_options_set_streams(options, AW_STDIO_PIPE, AW_STDIO_NULL, AW_STDIO_FD), -EINVAL);
	EXPECT_INT(aw_process_options_set_streams(options, -1, AW_STDIO_NULL, AW_STDIO_NULL), -EINVAL);
	EXPECT_INT(aw_process_options_set_streams(options, AW_STDIO_NULL, AW_STDIO_NULL, AW_STDIO_STDOUT + 1),
	           -EINVAL);
	EXPECT_INT(aw_process_options_set_streams(NULL, 0, 0, 0), AW_EBADHANDLE);
	aw_process *process = start(loop, "cat; echo out; echo err >&2", options);
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, "out\nerr\n"));
	aw_process_unref(process);
	loop_end(loop);
}

static void stderr_can_go_where_stdout_goes(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process_options *options = with(PIPE(1), 0);
	EXPECT_INT(aw_process_options_set_stdio(options, 2, AW_STDIO_STDOUT, -1), 0);
	aw_process *process = start(loop, "echo o; echo e >&2", options);
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, "o\ne\n"));
	aw_process_unref(process);
	loop_end(loop);
}

static void null_is_empty_and_swallows(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process_options *options = with(PIPE(1), 0);
	EXPECT_INT(aw_process_options_set_stdio(options, 0, AW_STDIO_NULL, -1), 0);
	EXPECT_INT(aw_process_options_set_stdio(options, 2, AW_STDIO_NULL, -1), 0);
	aw_process *process = start(loop, "cat; echo lost >&2; echo end", options);
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, "end\n"));
	aw_process_unref(process);
	loop_end(loop);
}

static void a_descriptor_is_lent_and_stays_the_callers(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	int ends[2];
	char text[16] = "";
	REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
	aw_process_options *options = with(0, 0);
	EXPECT_INT(aw_process_options_set_stdio(options, 1, AW_STDIO_FD, ends[1]), 0);
	aw_process *process = start(loop, "echo lent", options);
	EXPECT_INT(join(loop, process), 0);
	EXPECT_INT(close(ends[1]), 0);
	EXPECT_INT(read(ends[0], text, sizeof text - 1), 5);
	EXPECT_STR(text, "lent\n");
	EXPECT_INT(read(ends[0], text, 1), 0);
	close(ends[0]);
	aw_process_unref(process);
	loop_end(loop);
}

/*
 * Runs `command` with stdout on the parent's `out` and stderr on the parent's `err`, where 1 and 2 are two
 * pipes of ours.
 */
static void crossed(aw_loop *loop, const char *command, int out, int err, const char *first,
                    const char *second) {
	int one[2], two[2];
	char text[2][16] = {"", ""};
	int saved[2] = {fcntl(1, F_DUPFD_CLOEXEC, 10), fcntl(2, F_DUPFD_CLOEXEC, 10)};
	REQUIRE(pipe2(one, O_CLOEXEC) == 0 && pipe2(two, O_CLOEXEC) == 0);
	fflush(stdout);
	dup3(one[1], 1, O_CLOEXEC);
	dup3(two[1], 2, O_CLOEXEC);
	aw_process_options *options = with(0, 0);
	int status = aw_process_options_set_stdio(options, 1, AW_STDIO_FD, out);
	if (status == 0) status = aw_process_options_set_stdio(options, 2, AW_STDIO_FD, err);
	aw_process *process = start(loop, command, options);
	int code = join(loop, process);
	aw_process_unref(process);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	close(saved[0]);
	close(saved[1]);
	close(one[1]);
	close(two[1]);
	EXPECT_INT(status, 0);
	EXPECT_INT(code, 0);
	EXPECT(read(one[0], text[0], 15) >= 0 && read(two[0], text[1], 15) >= 0);
	EXPECT_STR(text[0], first);
	EXPECT_STR(text[1], second);
	close(one[0]);
	close(two[0]);
}

static void streams_may_change_places(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	crossed(loop, "echo o; echo e >&2", 2, 1, "e\n", "o\n");
	crossed(loop, "echo o; echo e >&2", 1, 2, "o\n", "e\n"); /* its own place, though close-on-exec */
	crossed(loop, "echo o; echo e >&2", 2, 2, "", "o\ne\n");
	loop_end(loop);
}

static void pipes_work_in_a_parent_without_standard_streams(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	int saved[3];
	for (int i = 0; i < 3; i++) saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
	fflush(stdout);
	for (int i = 0; i < 3; i++) close(i);
	aw_process *process = start(loop, "echo e >&2; exec cat", with(PIPE(0) | PIPE(1) | PIPE(2), 0));
	aw_future *future = NULL;
	int status = aw_process_communicate(process, "in", 2, &future);
	if (status == 0) status = run(loop, future);
	for (int i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
	EXPECT_INT(status, 0);
	EXPECT(said(process, 1, "in"));
	EXPECT(said(process, 2, "e\n"));
	aw_process_unref(process);
	loop_end(loop);
}

static void a_taken_pipe_is_the_callers(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	int in = -1, out = -1, again = -1;
	char text[8] = "";
	aw_process *process = start(loop, "cat", with(PIPE(0) | PIPE(1), 0));
	EXPECT_INT(aw_process_take_pipe(process, 0, &in), 0);
	EXPECT_INT(aw_process_take_pipe(process, 1, &out), 0);
	EXPECT_INT(aw_process_take_pipe(process, 0, &again), AW_EINVALIDSTATE);
	EXPECT(fcntl(in, F_GETFL) & O_NONBLOCK);
	EXPECT(fcntl(out, F_GETFL) & O_NONBLOCK);
	EXPECT(fcntl(out, F_GETFD) & FD_CLOEXEC);
	EXPECT_INT(write(in, "mine", 4), 4);
	close(in);
	EXPECT_INT(talk(loop, process), 0); /* no pipe is left to communicate through */
	EXPECT_INT(read(out, text, sizeof text), 4);
	EXPECT_STR(text, "mine");
	close(out);
	aw_process_unref(process);
	loop_end(loop);
}

static void a_pipe_in_use_is_not_given_away(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	int fd = -1;
	aw_future *future = NULL;
	aw_process *process = start(loop, "exec sleep 500", with(PIPE(1), 0));
	EXPECT_INT(aw_process_communicate(process, NULL, 0, &future), 0);
	EXPECT_INT(aw_process_take_pipe(process, 1, &fd), AW_EINVALIDSTATE);
	EXPECT_INT(aw_future_cancel(future, NULL), 1);
	EXPECT_INT(aw_loop_run_once(loop, 0) >= 0, 1);
	EXPECT_INT(aw_loop_run_once(loop, 0) >= 0, 1);
	EXPECT_INT(aw_process_take_pipe(process, 1, &fd), 0);
	close(fd);
	aw_future_unref(future);
	aw_process_unref(process);
	loop_end(loop);
}

static void wrong_options_are_refused_and_change_nothing(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process_options *options = with(PIPE(1), 0);
	const char *const bad[] = {"A=1", "B"}, *const nameless[] = {"=1"}, *const hole[] = {NULL};
	EXPECT_INT(aw_process_options_set_stdio(options, 3, AW_STDIO_PIPE, -1), -EINVAL);
	EXPECT_INT(aw_process_options_set_stdio(options, -1, AW_STDIO_PIPE, -1), -EINVAL);
	EXPECT_INT(aw_process_options_set_stdio(options, 1, 5, -1), -EINVAL);
	EXPECT_INT(aw_process_options_set_stdio(options, 1, AW_STDIO_STDOUT, -1), -EINVAL);
	EXPECT_INT(aw_process_options_set_stdio(options, 1, AW_STDIO_FD, -1), -EBADF);
	EXPECT_INT(aw_process_options_set_stdio(options, 1, AW_STDIO_FD, 9999), -EBADF);
	EXPECT_INT(aw_process_options_set_flags(options, 1 << 20), -EINVAL);
	EXPECT_INT(aw_process_options_set_env(options, bad, 2), -EINVAL);
	EXPECT_INT(aw_process_options_set_env(options, nameless, 1), -EINVAL);
	EXPECT_INT(aw_process_options_set_env(options, hole, 1), -EINVAL);
	EXPECT_INT(aw_process_options_set_env(options, NULL, 1), -EINVAL);
	EXPECT_INT(aw_process_options_set_group(options, -2), -EINVAL);
	EXPECT_INT(aw_process_options_set_flags(NULL, 0), AW_EBADHANDLE);
	EXPECT_INT(aw_process_options_set_flags((aw_process_options *)loop, 0), AW_EBADHANDLE);
	EXPECT(aw_process_options_ref(options) == options);
	aw_process_options_unref(options);
	aw_process *process = start(loop, "echo same", options);
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, "same\n"));
	aw_process_unref(process);
	loop_end(loop);
}

CHECK_MAIN("process_stdio", TEST(nothing_piped_gives_nothing_to_look_at),
           TEST(pipes_part_what_is_said_on_each), TEST(streams_are_set_at_once),
           TEST(stderr_can_go_where_stdout_goes), TEST(null_is_empty_and_swallows),
           TEST(a_descriptor_is_lent_and_stays_the_callers), TEST(streams_may_change_places),
           TEST(pipes_work_in_a_parent_without_standard_streams), TEST(a_taken_pipe_is_the_callers),
           TEST(a_pipe_in_use_is_not_given_away), TEST(wrong_options_are_refused_and_change_nothing))
