/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* Readers and writers on the program's descriptors, and one-shot readiness. */
#include "trace.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int ends[2], second[2];

static void pipes(void) {
	EXPECT_INT(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	EXPECT_INT(pipe2(second, O_CLOEXEC | O_NONBLOCK), 0);
}

static void pipes_close(void) {
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(second[i]);
	}
}

static void turns(aw_loop *loop, int count) {
	while (count--) EXPECT(aw_loop_run_once(loop, 20 * AW_MILLISECOND) >= 0);
}

static void an_undrained_descriptor_calls_in_every_iteration(void) {
	aw_loop *loop = loop_begin(NULL);
	int calls = 0;
	pipes();
	EXPECT_INT(aw_loop_add_reader(loop, ends[0], count, &calls, NULL), 0);
	EXPECT_INT((int)write(ends[1], "x", 1), 1);
	turns(loop, 5);
	EXPECT(calls >= 3);
	EXPECT_INT(aw_loop_remove_reader(loop, ends[0]), 1);
	EXPECT_INT(aw_loop_remove_reader(loop, ends[0]), 0);
	int before = calls;
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	EXPECT_INT(calls, before);
	loop_end(loop);
	pipes_close();
}

static void adding_again_replaces_and_destroys(void) {
	aw_loop *loop = loop_begin(NULL);
	pipes();
	EXPECT_INT(aw_loop_add_reader(loop, ends[0], say, "old", say_destroyed), 0);
	EXPECT_INT(aw_loop_add_reader(loop, ends[0], say, "new", say_destroyed), 0);
	EXPECT_INT(aw_loop_add_writer(loop, ends[1], say, "writer", say_destroyed), 0);
	turns(loop, 3);
	EXPECT(strstr(trace, "~old") && strstr(trace, "writer") && !strstr(trace, "new"));
	loop_end(loop);
	EXPECT(strstr(trace, "~new") && strstr(trace, "~writer"));
	pipes_close();
}

static aw_status remove_other(aw_loop *loop, void *fd) {
	trace_add("ran");
	aw_loop_remove_reader(loop, *(int *)fd);
	return 0;
}

static void a_removed_reader_does_not_run_even_if_its_event_was_collected(void) {
	aw_loop *loop = loop_begin(NULL);
	pipes();
	EXPECT_INT((int)write(ends[1], "x", 1), 1);
	EXPECT_INT((int)write(second[1], "x", 1), 1);
	aw_loop_add_reader(loop, ends[0], remove_other, &second[0], NULL);
	aw_loop_add_reader(loop, second[0], remove_other, &ends[0], NULL);
	for (int i = 0; i < 5 && !*trace; i++) turns(loop, 1);
	turns(loop, 2);
	aw_loop_remove_reader(loop, ends[0]);
	aw_loop_remove_reader(loop, second[0]);
	char before[sizeof trace];
	strcpy(before, trace);
	turns(loop, 2);
	EXPECT_STR(trace, before);
	EXPECT(strncmp(trace, "ran", 3) == 0);
	loop_end(loop);
	pipes_close();
}

static aw_status leave(aw_loop *loop, void *word) {
	(void)loop;
	trace_add(word);
	return AW_ESYSTEMEXIT;
}

static void a_reader_may_leave_the_run(void) {
	aw_loop *loop = loop_begin(NULL);
	pipes();
	EXPECT_INT((int)write(ends[1], "x", 1), 1);
	EXPECT_INT(aw_loop_add_reader(loop, ends[0], leave, "left", say_destroyed), 0);
	EXPECT_INT(aw_loop_call_later(loop, AW_SECOND, say, "late", NULL, NULL), 0);
	EXPECT_INT(aw_loop_run_forever(loop), AW_ESYSTEMEXIT);
	EXPECT_STR(trace, "left");
	/* It is still watched, and the loop can run again. */
	EXPECT_INT(aw_loop_run_forever(loop), AW_ESYSTEMEXIT);
	EXPECT_STR(trace, "left left");
	loop_end(loop);
	pipes_close();
}

static aw_status once(void *ud) {
	(void)ud;
	aw_future *future;
	void *events = NULL;
	EXPECT_INT(aw_fd_wait(NULL, ends[0], AW_POLL_IN, &future), 0);
	EXPECT_INT(aw_wait_for(future, AW_MILLISECOND, NULL), AW_ETIMEOUT);
	aw_future_unref(future);
	EXPECT_INT((int)write(ends[1], "x", 1), 1);
	EXPECT_INT(aw_fd_wait(NULL, ends[0], AW_POLL_IN, &future), 0);
	EXPECT_INT(aw_await(future, &events), 0);
	EXPECT((intptr_t)events & AW_POLL_IN);
	aw_future_unref(future);
	EXPECT_INT(aw_fd_wait(NULL, -1, AW_POLL_IN, &future), -EBADF);
	EXPECT_INT(aw_fd_wait(NULL, ends[0], 0, &future), -EINVAL);
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	EXPECT_INT(aw_fd_wait(NULL, file, AW_POLL_IN, &future), 0);
	EXPECT_INT(aw_await(future, &events), 0);
	aw_future_unref(future);
	close(file);
	return 0;
}

static void readiness_for_once_is_a_future_and_a_regular_file_is_ready(void) {
	pipes();
	EXPECT_INT(aw_run(NULL, once, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
	pipes_close();
}

CHECK_MAIN("descriptors", TEST(an_undrained_descriptor_calls_in_every_iteration),
           TEST(adding_again_replaces_and_destroys),
           TEST(a_removed_reader_does_not_run_even_if_its_event_was_collected),
           TEST(a_reader_may_leave_the_run), TEST(readiness_for_once_is_a_future_and_a_regular_file_is_ready))
