/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/*
 * communicate: data of any size, in both directions at once, without loss on cancellation; and the difference
 * between the exit and the end of the pipes.
 */
#include "process.h"

enum { LARGE = 10 * 1024 * 1024 };

static unsigned char *pattern(size_t length) {
	unsigned char *data = malloc(length);
	for (size_t i = 0; data && i < length; i++) data[i] = (unsigned char)(i * 2654435761U >> 13);
	return data;
}

static void ten_mebibytes_pass_both_ways(void) {
	aw_loop *loop = loop_begin();
	unsigned char *data = pattern(LARGE);
	REQUIRE(loop && data);
	aw_future *future = NULL;
	const void *got = NULL;
	size_t length = 0;
	aw_process *process = start(loop, "tee /dev/stderr", with(PIPE(0) | PIPE(1) | PIPE(2), 0));
	EXPECT_INT(aw_process_communicate(process, data, LARGE, &future), 0);
	EXPECT_INT(run(loop, future), 0);
	for (int stream = 1; stream <= 2; stream++) {
		EXPECT_INT(aw_process_output(process, stream, &got, &length), 0);
		EXPECT_INT(length, LARGE);
		EXPECT(length == LARGE && memcmp(got, data, LARGE) == 0);
		EXPECT((uintptr_t)got % 64 == 0); /* else the kernel's copies take long: docs/performance.md */
	}
	free(data);
	aw_process_unref(process);
	loop_end(loop);
}

static void a_child_that_does_not_read_is_no_failure(void) {
	aw_loop *loop = loop_begin();
	unsigned char *data = pattern(LARGE);
	REQUIRE(loop && data);
	signal(SIGPIPE, SIG_DFL);
	aw_future *future = NULL;
	void *code = NULL;
	aw_process *process = start(loop, "exec 0<&-; echo done; exit 4", with(PIPE(0) | PIPE(1), 0));
	EXPECT_INT(aw_process_communicate(process, data, LARGE, &future), 0);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, &code), 0);
	EXPECT_INT((intptr_t)code, 4);
	aw_future_unref(future);
	EXPECT(said(process, 1, "done\n"));
	free(data);
	aw_process_unref(process);
	loop_end(loop);
}

static void without_input_the_child_sees_the_end(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "cat; echo end", with(PIPE(0) | PIPE(1), 0));
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, "end\n"));
	aw_process_unref(process);
	loop_end(loop);
}

static void the_input_is_copied_and_ignored_without_a_pipe(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *future = NULL;
	char text[] = "text";
	aw_process *process = start(loop, "cat", with(PIPE(0) | PIPE(1), 0));
	EXPECT_INT(aw_process_communicate(process, text, 4, &future), 0);
	memset(text, '#', 4);
	EXPECT_INT(run(loop, future), 0);
	EXPECT(said(process, 1, "text"));
	aw_process_unref(process);
	process = start(loop, "echo out", with(PIPE(1), 0));
	EXPECT_INT(aw_process_communicate(process, text, 4, &future), 0);
	EXPECT_INT(run(loop, future), 0);
	EXPECT(said(process, 1, "out\n"));
	aw_process_unref(process);
	loop_end(loop);
}

static void one_at_a_time_and_one_input(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *future = NULL, *second = NULL;
	aw_process *process = start(loop, "cat", with(PIPE(0) | PIPE(1), 0));
	EXPECT_INT(aw_process_communicate(process, NULL, 4, &future), -EINVAL);
	EXPECT_INT(aw_process_communicate(process, "abc", 3, NULL), -EINVAL);
	EXPECT_INT(aw_process_communicate(process, "abc", 3, &future), 0);
	EXPECT_INT(aw_process_communicate(process, NULL, 0, &second), AW_EINVALIDSTATE);
	EXPECT_INT(aw_future_cancel(future, NULL), 1);
	aw_future_unref(future);
	EXPECT_INT(aw_process_communicate(process, "def", 3, &second), AW_EINVALIDSTATE);
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, "abc"));
	EXPECT_INT(talk(loop, process), 0); /* all the data is already there */
	EXPECT(said(process, 1, "abc"));
	aw_process_unref(process);
	loop_end(loop);
}

/* Cancels a communicate again and again while 10 MiB go through the child. */
static void a_cancelled_one_loses_nothing(void) {
	aw_loop *loop = loop_begin();
	unsigned char *data = pattern(LARGE);
	REQUIRE(loop && data);
	aw_process *process = start(loop, "exec cat", with(PIPE(0) | PIPE(1), 0));
	const void *got = NULL;
	size_t length = 0;
	int cancelled = 0, done = 0;
	for (int i = 0; !done && i < 100000; i++) {
		aw_future *future = NULL;
		REQUIRE(aw_process_communicate(process, i ? NULL : data, i ? 0 : LARGE, &future) == 0);
		for (int k = 0; k < i % 7; k++) EXPECT(aw_loop_run_once(loop, AW_MILLISECOND) >= 0);
		done = aw_future_done(future);
		cancelled += aw_future_cancel(future, NULL) == 1;
		aw_future_unref(future);
		for (int k = 0; k < i % 3; k++) EXPECT(aw_loop_run_once(loop, 0) >= 0);
	}
	EXPECT(done && cancelled > 10);
	EXPECT_INT(aw_process_output(process, 1, &got, &length), 0);
	EXPECT_INT(length, LARGE);
	EXPECT(length == LARGE && memcmp(got, data, LARGE) == 0);
	free(data);
	aw_process_unref(process);
	loop_end(loop);
}

static void output_before_a_cancel_comes_first(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *future = NULL;
	const void *data = NULL;
	size_t length = 0;
	aw_process *process = start(loop, "echo one; read x; echo two", with(PIPE(0) | PIPE(1), 0));
	EXPECT_INT(aw_process_wait_closed(process, &future), 0);
	while (aw_process_output(process, 1, &data, &length) == 0 && length < 4)
		EXPECT(aw_loop_run_once(loop, -1) >= 0);
	EXPECT(said(process, 1, "one\n"));
	EXPECT_INT(aw_future_cancel(future, NULL), 1);
	aw_future_unref(future);
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(said(process, 1, "one\ntwo\n"));
	aw_process_unref(process);
	loop_end(loop);
}

/* A grandchild holds stdout, and ends when our pipe is closed. */
static void the_exit_does_not_wait_for_who_holds_the_pipe(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	int hold = -1;
	aw_future *closed = NULL;
	/* The background cat reads the child's stdin, which a shell would otherwise redirect. */
	aw_process *process = start(loop, "exec 3<&0; cat <&3 & exit 5", with(PIPE(0) | PIPE(1), 0));
	EXPECT_INT(aw_process_take_pipe(process, 0, &hold), 0);
	EXPECT_INT(aw_process_wait_closed(process, &closed), 0);
	EXPECT_INT(join(loop, process), 5);
	EXPECT(!aw_future_done(closed));
	EXPECT_INT(write(hold, "late", 4), 4);
	close(hold);
	EXPECT_INT(run(loop, closed), 0);
	EXPECT(said(process, 1, "late"));
	EXPECT_INT(talk(loop, process), 5);
	aw_process_unref(process);
	loop_end(loop);
}

static void waiting_for_the_exit_alone_reads_nothing(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *waits = NULL;
	aw_process *process = start(loop, "head -c 1000000 /dev/zero", with(PIPE(1), 0));
	EXPECT_INT(aw_process_wait(process, &waits), 0);
	EXPECT_INT(aw_loop_run_once(loop, 20 * AW_MILLISECOND) >= 0, 1);
	EXPECT(!aw_future_done(waits)); /* its pipe is full */
	EXPECT_INT(talk(loop, process), 0);
	EXPECT(aw_future_done(waits));
	aw_future_unref(waits);
	aw_process_unref(process);
	loop_end(loop);
}

CHECK_MAIN("process_communicate", TEST(ten_mebibytes_pass_both_ways),
           TEST(a_child_that_does_not_read_is_no_failure), TEST(without_input_the_child_sees_the_end),
           TEST(the_input_is_copied_and_ignored_without_a_pipe), TEST(one_at_a_time_and_one_input),
           TEST(a_cancelled_one_loses_nothing), TEST(output_before_a_cancel_comes_first),
           TEST(the_exit_does_not_wait_for_who_holds_the_pipe),
           TEST(waiting_for_the_exit_alone_reads_nothing))
