/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* The end of a direction comes behind what a call is sending: aw_stream_send(), aw_stream_sendfile(), aw_stream_copy(). */
#include "kinds.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { MUCH = 24 * 1024 * 1024 }; /* more than any kind takes at once */

static size_t count_until_the_end(aw_stream *stream) {
	static char buffer[64 * 1024];
	size_t received = 0;
	aw_status count;
	while ((count = aw_stream_read(stream, buffer, sizeof buffer)) > 0) received += (size_t)count;
	EXPECT_INT(count, 0);
	return received;
}

static aw_status send_much(void *ud) {
	char *data = calloc(1, MUCH);
	size_t sent = 0;
	aw_status status = aw_stream_send(ud, data, MUCH, &sent);
	free(data);
	trace_number("sent", (long long)sent);
	return status;
}

static aw_status send_a_file(void *ud) {
	int file = memfd_create("much", MFD_CLOEXEC);
	uint64_t sent = 0;
	EXPECT_INT(ftruncate(file, MUCH), 0);
	aw_status status = aw_stream_sendfile(ud, file, 0, -1, &sent);
	close(file);
	trace_number("sent", (long long)sent);
	return status;
}

static aw_task_fn sender;

static aw_task *sending(aw_stream *stream) {
	aw_task *task = NULL;
	trace_reset();
	EXPECT_INT(aw_task_spawn(NULL, sender, stream, NULL, &task), 0);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT(!aw_future_done(aw_task_future(task)));
	EXPECT_INT(aw_stream_write(stream, "x", 1), -EBUSY);
	return task;
}

static void all_arrives_before_the_end(ends streams) {
	aw_task *task = sending(streams.left);
	EXPECT_INT(aw_stream_write_eof(streams.left), 0);
	EXPECT_INT(count_until_the_end(streams.right), MUCH);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	EXPECT_INT(aw_stream_write(streams.right, "answer", 6), 0);
	char answer[6];
	EXPECT_INT(aw_stream_readexactly(streams.left, answer, sizeof answer), sizeof answer);
}

static void all_arrives_before_both_ends(ends streams) {
	aw_task *task = sending(streams.left);
	EXPECT_INT(aw_stream_write_eof(streams.left), 0);
	EXPECT_INT(aw_stream_close(streams.left), 0);
	EXPECT_INT(count_until_the_end(streams.right), MUCH);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
	aw_task_unref(task);
}

static void a_part_arrives_before_the_end(ends streams) {
	aw_task *task = sending(streams.left);
	EXPECT_INT(aw_stream_write_eof(streams.left), 0);
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	aw_task_unref(task);
	EXPECT_INT(count_until_the_end(streams.right), strtoll(trace + 5, NULL, 10));
}

static void the_end_waits_for_a_send(void) {
	sender = send_much;
	over_kinds_with_all(HAS_NO_WAY_BACK | HAS_NO_HALF_CLOSE, all_arrives_before_the_end);
	over_kinds_with_all(HAS_NO_HALF_CLOSE, all_arrives_before_both_ends);
}

static void the_end_waits_for_a_file(void) {
	sender = send_a_file;
	over_kinds_with_all(HAS_NO_WAY_BACK | HAS_NO_HALF_CLOSE, all_arrives_before_the_end);
}

static void the_end_follows_a_send_that_was_cancelled(void) {
	sender = send_much;
	over_kinds_with_all(HAS_NO_HALF_CLOSE, a_part_arrives_before_the_end);
}

/* --- a copy --- */

typedef struct copying {
	aw_stream *source, *target;
	uint64_t count;
} copying;

static aw_status copy(void *ud) {
	copying *self = ud;
	return aw_stream_copy(self->source, self->target, -1, NULL, &self->count, NULL);
}

static void the_copy_arrives_before_the_end(ends streams) {
	ends source = open_unix(NULL);
	copying run = {.source = source.right, .target = streams.left};
	aw_task *writer = NULL, *copier = NULL;
	trace_reset();
	EXPECT_INT(aw_task_spawn(NULL, send_much, source.left, NULL, &writer), 0);
	EXPECT_INT(aw_task_spawn(NULL, copy, &run, NULL, &copier), 0);
	while (!run.count) EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_stream_write_eof(streams.left), 0);
	EXPECT_INT(aw_stream_write_eof(source.left), 0);
	EXPECT_INT(count_until_the_end(streams.right), MUCH);
	EXPECT_INT(aw_await(aw_task_future(writer), NULL), 0);
	EXPECT_INT(aw_await(aw_task_future(copier), NULL), 0);
	EXPECT_INT((long long)run.count, MUCH);
	aw_task_unref(writer);
	aw_task_unref(copier);
	aw_stream_close(source.left);
	aw_stream_close(source.right);
	aw_stream_unref(source.left);
	aw_stream_unref(source.right);
}

static void the_end_waits_for_a_copy(void) {
	over_kinds_with_all(HAS_NO_HALF_CLOSE, the_copy_arrives_before_the_end);
}

CHECK_MAIN("end_behind_a_send", TEST(the_end_waits_for_a_send), TEST(the_end_waits_for_a_file),
           TEST(the_end_follows_a_send_that_was_cancelled), TEST(the_end_waits_for_a_copy))
