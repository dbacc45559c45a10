/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind threads */
/* The life of a stream: dropped while open, used wrongly, from other threads, and at the end of its loop. */
#include "kinds.h"

#include <pthread.h>
#include <stdlib.h>

#ifndef MUCH
#define MUCH (8 * 1024 * 1024)
#endif
static char much[MUCH]; /* more than any kind of stream takes at once */

static void write_text(aw_stream *stream, const char *text) {
	EXPECT_INT(aw_stream_write(stream, text, strlen(text)), 0);
}

/* For programs that open the streams themselves, over each kind, with and without debug mode. */
static const stream_kind *kind;

static void with_each_kind_but(unsigned lacks, aw_task_fn fn) {
	for (size_t i = 0; i < sizeof stream_kinds / sizeof *stream_kinds; i++) {
		kind = &stream_kinds[i];
		if (kind->lacks & lacks) continue;
		in_a_task(fn);
	}
}

static void with_each_kind(aw_task_fn fn) {
	with_each_kind_but(0, fn);
}

/* --- dropped --- */

typedef struct drop_report {
	int count;
	char message[96], origin[256];
} drop_report;

/* A slow machine is nothing to report. */
static void slow_is_fine(void) {
	EXPECT_INT(aw_loop_set_slow_callback_duration(aw_loop_current(), 3600 * AW_SECOND), 0);
}

static aw_status note_report(aw_loop *loop, const aw_report *report, void *ud) {
	drop_report *self = ud;
	const char *origin = aw_report_origin(report);
	(void)loop;
	self->count++;
	snprintf(self->message, sizeof self->message, "%s", aw_report_message(report));
	snprintf(self->origin, sizeof self->origin, "%s", origin ? origin : "");
	return 0;
}

static aw_status dropped(void *ud) {
	(void)ud;
	drop_report report = {0};
	slow_is_fine();
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), note_report, &report, NULL), 0);
	ends streams = kind->open(NULL);
	EXPECT_INT(aw_stream_write(streams.left, much, sizeof much), 0);
	aw_stream *again = aw_stream_ref(streams.left);
	aw_stream_unref(again);
	EXPECT_INT(report.count, 0);
	aw_stream_unref(streams.left);
	for (int i = 0; i < 100 && !report.count; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(report.count, 1);
	EXPECT_STR(report.message, "a stream was dropped without being closed");
	EXPECT(report.origin[0]); /* where it was made */
	aw_status status;
	static char buffer[64 * 1024];
	size_t received = 0;
	while ((status = aw_stream_read(streams.right, buffer, sizeof buffer)) > 0) received += (size_t)status;
	EXPECT(received < sizeof much);
	EXPECT_INT(status, sees_a_reset(streams.right) ? -ECONNRESET : 0);
	EXPECT_INT(aw_stream_close(streams.right), 0);
	aw_stream_unref(streams.right); /* closing: nothing is reported, and it closes */
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(report.count, 1);
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), NULL, NULL, NULL), 0);
	return 0;
}

static void a_stream_that_is_dropped_is_reported_and_aborted(void) {
	with_each_kind(dropped);
}

/* A stream that was closed sends what is queued without its references. */
static aw_status closed_and_dropped(void *ud) {
	(void)ud;
	ends streams = kind->open(NULL);
	EXPECT_INT(aw_stream_write(streams.left, much, sizeof much), 0);
	EXPECT_INT(aw_stream_close(streams.left), 0);
	aw_stream_unref(streams.left);
	const char *all = NULL;
	EXPECT_INT(aw_stream_readall(streams.right, sizeof much, &all), (aw_status)sizeof much);
	EXPECT_INT(aw_stream_close(streams.right), 0);
	aw_stream_unref(streams.right);
	return 0;
}

static void a_stream_that_closes_needs_no_reference(void) {
	with_each_kind(closed_and_dropped);
}

static aw_status read_and_drop(void *ud) {
	aw_stream *stream = ud;
	char text[8];
	aw_stream_unref(stream); /* the call that waits has one */
	return aw_stream_read(stream, text, sizeof text) == 4 ? 0 : -EIO;
}

static aw_status keep_a_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	++*(int *)ud;
	return 0;
}

static aw_status dropped_while_waiting(void *ud) {
	(void)ud;
	int reports = 0;
	slow_is_fine();
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), keep_a_report, &reports, NULL), 0);
	ends streams = kind->open(NULL);
	aw_stream_ref(streams.left);
	aw_future *reader = spawn(read_and_drop, streams.left);
	EXPECT_INT(aw_sleep(0), 0);
	aw_stream_unref(streams.left);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(reports, 0);
	write_text(streams.right, "word");
	EXPECT_INT(aw_await(reader, NULL), 0);
	EXPECT_INT(reports, 1);
	aw_future_unref(reader);
	EXPECT_INT(aw_stream_close(streams.right), 0);
	aw_stream_unref(streams.right);
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), NULL, NULL, NULL), 0);
	return 0;
}

static void a_call_that_waits_keeps_its_stream(void) {
	with_each_kind_but(HAS_NO_WAY_BACK, dropped_while_waiting);
}

/* --- handles and threads --- */

typedef struct foreign {
	aw_stream *stream;
	aw_status results[8];
} foreign;

static void *from_elsewhere(void *ud) {
	foreign *self = ud;
	char byte;
	const char *data;
	aw_status *results = self->results;
	results[0] = aw_stream_write(self->stream, "x", 1);
	results[1] = aw_stream_try_read(self->stream, &byte, 1);
	results[2] = aw_stream_close(self->stream);
	results[3] = aw_stream_abort(self->stream);
	results[4] = aw_stream_view(self->stream, &data);
	results[5] = aw_stream_set_protocol(self->stream, NULL, NULL, NULL);
	results[6] = aw_stream_write_eof(self->stream);
	results[7] = aw_stream_pause_reading(self->stream);
	aw_stream_unref(aw_stream_ref(self->stream));
	aw_stream_unref(self->stream); /* the last one */
	return NULL;
}

static aw_status in_another_thread(void *ud) {
	(void)ud;
	int reports = 0;
	slow_is_fine();
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), keep_a_report, &reports, NULL), 0);
	ends streams = kind->open(NULL);
	foreign other = {.stream = streams.left};
	pthread_t thread;
	EXPECT_INT(pthread_create(&thread, NULL, from_elsewhere, &other), 0);
	pthread_join(thread, NULL);
	for (int i = 0; i < 8; i++) EXPECT_INT(other.results[i], AW_EWRONGTHREAD);
	for (int i = 0; i < 100 && !reports; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(reports, 1); /* it was dropped here */
	char byte;
	EXPECT(aw_stream_read(streams.right, &byte, 1) <= 0);
	EXPECT_INT(aw_stream_close(streams.right), 0);
	aw_stream_unref(streams.right);
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), NULL, NULL, NULL), 0);
	return 0;
}

static void another_thread_may_only_count_references(void) {
	with_each_kind(in_another_thread);
}

static aw_status not_a_stream(void *ud) {
	(void)ud;
	char byte;
	const char *data = NULL;
	aw_future *future = future_of_running_loop();
	aw_stream *wrong[] = {NULL, (aw_stream *)(void *)future};
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(aw_stream_read(wrong[i], &byte, 1), AW_EBADHANDLE);
		EXPECT_INT(aw_stream_readline(wrong[i], &data), AW_EBADHANDLE);
		EXPECT_INT(aw_stream_write(wrong[i], "x", 1), AW_EBADHANDLE);
		EXPECT_INT(aw_stream_drain(wrong[i]), AW_EBADHANDLE);
		EXPECT_INT(aw_stream_close(wrong[i]), AW_EBADHANDLE);
		EXPECT_INT(aw_stream_wait_closed(wrong[i], -1), AW_EBADHANDLE);
		EXPECT_INT(aw_stream_wait_ready(wrong[i], AW_POLL_IN), AW_EBADHANDLE);
		EXPECT_INT(aw_stream_fd(wrong[i]), -1);
		EXPECT(aw_stream_kind(wrong[i]) == NULL);
		EXPECT_INT(aw_stream_bytes_read(wrong[i]), 0);
		EXPECT(!aw_stream_is_closing(wrong[i]));
		EXPECT(!aw_stream_at_eof(wrong[i]));
	}
	aw_future_unref(future);
	return 0;
}

static void other_handles_are_refused(void) {
	EXPECT_INT(aw_run(NULL, not_a_stream, NULL, NULL, NULL), 0);
	char byte;
	EXPECT_INT(aw_stream_read(NULL, &byte, 1), AW_ENOTASK);
}

/* --- the end of the loop --- */

static aw_status wait_to_read(void *stream) {
	char byte;
	aw_status status = aw_stream_read(stream, &byte, 1);
	trace_status("read", status);
	return status;
}

static aw_status wait_to_drain(void *stream) {
	aw_status status = aw_stream_drain(stream);
	trace_status("drain", status);
	return status;
}

static aw_status wait_to_close(void *stream) {
	aw_status status = aw_stream_wait_closed(stream, 1000 * AW_SECOND);
	trace_status("closed", status);
	return status;
}

static aw_status open_and_leave(void *ud) {
	ends *streams = ud;
	*streams = kind->open(NULL);
	EXPECT_INT(aw_stream_write(streams->left, much, sizeof much), 0);
	EXPECT_INT(aw_stream_pause_reading(streams->right), 0);
	aw_future_unref(spawn(wait_to_read, streams->left));
	aw_future_unref(spawn(wait_to_drain, streams->left));
	aw_future_unref(spawn(wait_to_drain, streams->left));
	aw_future_unref(spawn(wait_to_close, streams->right));
	return aw_sleep(AW_MILLISECOND);
}

/* run() cancels the calls that are left, then closes the loop. */
static void calls_that_wait_end_with_the_run(void) {
	for (size_t i = 0; i < sizeof stream_kinds / sizeof *stream_kinds; i++) {
		ends streams;
		kind = &stream_kinds[i];
		trace_reset();
		EXPECT_INT(aw_run(NULL, open_and_leave, &streams, NULL, NULL), 0);
		EXPECT(strstr(trace, "read:AW_ECANCELLED") != NULL);
		EXPECT(strstr(trace, "drain:AW_ECANCELLED drain:AW_ECANCELLED") != NULL);
		EXPECT(strstr(trace, "closed:AW_ECANCELLED") != NULL);
		/* The streams are still there, and closed. */
		EXPECT(aw_stream_is_closing(streams.left));
		EXPECT_INT(aw_stream_fd(streams.left), -1);
		EXPECT(aw_stream_write(streams.left, "x", 1) < 0);
		aw_stream_unref(streams.left);
		aw_stream_unref(streams.right);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
}

/* A loop that is closed with tasks in it gives them up. */
static void calls_that_wait_end_with_the_loop(void) {
	for (size_t i = 0; i < sizeof stream_kinds / sizeof *stream_kinds; i++) {
		ends streams;
		kind = &stream_kinds[i];
		aw_loop *loop = loop_begin(NULL);
		aw_task *task = NULL;
		EXPECT_INT(aw_task_spawn(loop, open_and_leave, &streams, NULL, &task), 0);
		EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
		aw_task_unref(task);
		EXPECT_INT(aw_loop_close(loop), 0);
		aw_loop_unref(loop);
		EXPECT(aw_stream_is_closing(streams.left));
		aw_stream_unref(streams.left);
		aw_stream_unref(streams.right);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
}

/* --- calls beside each other --- */

static aw_status wait_for_both(void *stream) {
	aw_status status = aw_stream_wait_ready(stream, AW_POLL_IN | AW_POLL_OUT);
	trace_number("ready", status);
	return 0;
}

/* A call that waits for readiness keeps nobody from reading, writing and closing. */
static void readiness_leaves_the_stream_to_others(ends streams) {
	char text[8] = "";
	aw_status taken;
	/* What TCP takes grows while nobody looks. */
	if (!strcmp(aw_stream_kind(streams.left), "tcp")) return;
	EXPECT_INT(aw_stream_pause_reading(streams.right), 0);
	while ((taken = aw_stream_try_write(streams.left, much, sizeof much)) > 0) continue;
	EXPECT_INT(taken, -EAGAIN);
	aw_future *waiting = spawn(wait_for_both, streams.left);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_stream_wait_ready(streams.left, AW_POLL_OUT), -EBUSY);
	EXPECT_INT(aw_stream_read(streams.left, text, 1), -EBUSY);
	EXPECT_INT(aw_stream_send(streams.left, "x", 1, NULL), -EBUSY);
	EXPECT_INT(aw_stream_try_read(streams.left, text, 1), -EAGAIN);
	EXPECT_INT(aw_stream_try_write(streams.left, "x", 1), -EAGAIN);
	EXPECT_INT(aw_stream_consume(streams.left, 0), 0);
	EXPECT(!aw_future_done(waiting));
	EXPECT_INT(aw_stream_close(streams.left), 0); /* nothing is queued: it ends now */
	EXPECT_INT(aw_stream_wait_closed(streams.left, 60 * AW_SECOND), 0);
	EXPECT_INT(aw_await(waiting, NULL), 0);
	EXPECT_STR(trace, "ready:5");
	aw_future_unref(waiting);
}

/* Several tasks drain; none of them returns above the low-water mark. */
static aw_status write_and_drain(void *stream) {
	size_t low = 0;
	EXPECT_INT(aw_stream_write_buffer_limits(stream, &low, NULL), 0);
	EXPECT_INT(aw_stream_write(stream, much, sizeof much / 4), 0);
	aw_status status = aw_stream_drain(stream);
	EXPECT(status < 0 || aw_stream_write_buffer_size(stream) <= low);
	return status;
}

static void several_may_drain(ends streams) {
	static char buffer[64 * 1024];
	aw_future *writers[4];
	EXPECT_INT(aw_stream_set_write_buffer_limits(streams.left, 1000, 100), 0);
	for (int i = 0; i < 4; i++) writers[i] = spawn(write_and_drain, streams.left);
	size_t received = 0;
	while (received < sizeof much) {
		aw_status count = aw_stream_read(streams.right, buffer, sizeof buffer);
		EXPECT(count > 0);
		if (count <= 0) break;
		received += (size_t)count;
	}
	for (int i = 0; i < 4; i++) {
		EXPECT_INT(aw_await(writers[i], NULL), 0);
		aw_future_unref(writers[i]);
	}
	EXPECT_INT(aw_stream_write_buffer_size(streams.left), 0);
}

/* The peer's loss wakes a drain that waits. */
static void a_drain_fails_with_the_connection(ends streams) {
	EXPECT_INT(aw_stream_write(streams.left, much, sizeof much), 0);
	aw_future *waiting = spawn(wait_to_drain, streams.left);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT(!aw_future_done(waiting));
	EXPECT_INT(aw_stream_abort(streams.right), 0);
	aw_status status = aw_await(waiting, NULL);
	EXPECT(status == -ECONNRESET || status == -EPIPE || status == -EIO);
	EXPECT_INT(aw_stream_wait_closed(streams.left, 60 * AW_SECOND), 0); /* it was told */
	aw_future_unref(waiting);
}

static void the_peer_is_known_after_it_has_gone(ends streams) {
	if (strcmp(aw_stream_kind(streams.left), "tcp")) return;
	struct sockaddr_in address = {0}, before = {0};
	uint32_t length = sizeof before;
	char byte;
	EXPECT_INT(aw_stream_getpeername(streams.left, (struct sockaddr *)&before, &length), 0);
	EXPECT_INT(length, sizeof before);
	EXPECT_INT(before.sin_family, AF_INET);
	EXPECT_INT(aw_stream_abort(streams.right), 0);
	EXPECT_INT(aw_stream_read(streams.left, &byte, 1), -ECONNRESET);
	EXPECT_INT(aw_stream_wait_closed(streams.left, 60 * AW_SECOND), 0);
	EXPECT_INT(aw_stream_getpeername(streams.left, (struct sockaddr *)&address, &length), 0);
	EXPECT(address.sin_port == before.sin_port && address.sin_port != 0);
	uint32_t little = 4;
	EXPECT_INT(aw_stream_getpeername(streams.left, (struct sockaddr *)&address, &little), 0);
	EXPECT_INT(little, sizeof address); /* it was cut short */
}

static void calls_beside_each_other(void) {
	over_each_kind(the_peer_is_known_after_it_has_gone);
	over_kinds_with_all(HAS_NO_WAY_BACK | HAS_NO_HALF_CLOSE, readiness_leaves_the_stream_to_others);
	over_each_kind(several_may_drain);
	over_each_kind(a_drain_fails_with_the_connection);
}

CHECK_MAIN("stream_life", TEST(a_stream_that_is_dropped_is_reported_and_aborted),
           TEST(a_stream_that_closes_needs_no_reference), TEST(a_call_that_waits_keeps_its_stream),
           TEST(another_thread_may_only_count_references), TEST(other_handles_are_refused),
           TEST(calls_that_wait_end_with_the_run), TEST(calls_that_wait_end_with_the_loop),
           TEST(calls_beside_each_other))
