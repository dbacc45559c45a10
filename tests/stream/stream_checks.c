/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind-once */
/* What every kind of stream has to do: bytes in order, ends, busy sides, cancelled calls, closing. */
#include "kinds.h"

#include <stdlib.h>

static void write_text(aw_stream *stream, const char *text) {
	EXPECT_INT(aw_stream_write(stream, text, strlen(text)), 0);
}

#define EXPECT_READ(stream, expected)                                       \
	do {                                                                    \
		char text_[256];                                                    \
		aw_status count_ = aw_stream_read(stream, text_, sizeof text_ - 1); \
		EXPECT(count_ >= 0);                                                \
		text_[count_ < 0 ? 0 : count_] = 0;                                 \
		EXPECT_STR(text_, expected);                                        \
	} while (0)

#define EXPECT_VIEW(count, data, expected)                             \
	do {                                                               \
		aw_status count_ = (count);                                    \
		EXPECT_INT(count_, (int)strlen(expected));                     \
		EXPECT(count_ < 0 || !memcmp(data, expected, (size_t)count_)); \
	} while (0)

/* What has no halves is closed. */
static void end_writing(aw_stream *stream) {
	EXPECT_INT(aw_stream_can_write_eof(stream) ? aw_stream_write_eof(stream) : aw_stream_close(stream), 0);
}

static void await_and_drop(aw_future *future) {
	EXPECT_INT(aw_await(future, NULL), 0);
	aw_future_unref(future);
}

/* --- reading --- */

static void passes_bytes_both_ways(ends streams) {
	write_text(streams.left, "ping");
	EXPECT_READ(streams.right, "ping");
	write_text(streams.right, "pong");
	EXPECT_READ(streams.left, "pong");
	EXPECT_INT(aw_stream_bytes_written(streams.left), 4);
	EXPECT_INT(aw_stream_bytes_read(streams.left), 4);
}

static void reads_nothing_at_once(ends streams) {
	EXPECT_INT(aw_stream_read(streams.left, NULL, 0), 0);
	EXPECT_INT(aw_stream_readexactly(streams.left, NULL, 0), 0);
}

static void reads_lines(ends streams) {
	const char *line = NULL;
	write_text(streams.left, "one\ntwo\n\nlast");
	end_writing(streams.left);
	EXPECT_VIEW(aw_stream_readline(streams.right, &line), line, "one\n");
	EXPECT_VIEW(aw_stream_readline(streams.right, &line), line, "two\n");
	EXPECT_VIEW(aw_stream_readline(streams.right, &line), line, "\n");
	EXPECT_VIEW(aw_stream_readline(streams.right, &line), line, "last");
	EXPECT_INT(aw_stream_readline(streams.right, &line), 0);
	EXPECT(aw_stream_at_eof(streams.right));
}

static aw_status write_in_parts(void *stream) {
	const char *text = "HEADER\r\n\r\nbody";
	for (size_t i = 0; text[i]; i++) {
		EXPECT_INT(aw_stream_write(stream, text + i, 1), 0);
		EXPECT_INT(aw_sleep(0), 0);
	}
	return 0;
}

static void finds_separators_that_arrive_in_parts(ends streams) {
	const char *data = NULL;
	char body[4];
	aw_future *writer = spawn(write_in_parts, streams.left);
	EXPECT_VIEW(aw_stream_readuntil(streams.right, "\r\n\r\n", 4, &data), data, "HEADER\r\n\r\n");
	EXPECT_INT(aw_stream_readexactly(streams.right, body, 4), 4);
	EXPECT(!memcmp(body, "body", 4));
	await_and_drop(writer);
}

static void takes_the_first_of_several_separators(ends streams) {
	const char *data = NULL;
	struct iovec separators[] = {
		{(void *)(uintptr_t) "\n", 1}, {(void *)(uintptr_t) "\r\n", 2}, {(void *)(uintptr_t) ";", 1}};
	write_text(streams.left, "a;b\r\nc\n");
	EXPECT_VIEW(aw_stream_readuntil_any(streams.right, separators, 3, &data), data, "a;");
	EXPECT_VIEW(aw_stream_readuntil_any(streams.right, separators, 3, &data), data, "b\r\n");
	EXPECT_VIEW(aw_stream_readuntil_any(streams.right, separators, 3, &data), data, "c\n");
}

static void keeps_what_came_before_the_end(ends streams) {
	const char *data = NULL;
	char buffer[8];
	write_text(streams.left, "short");
	aw_stream_close(streams.left);
	EXPECT_INT(aw_stream_readexactly(streams.right, buffer, 8), AW_EINCOMPLETE);
	EXPECT_INT(aw_stream_readuntil(streams.right, "\n", 1, &data), AW_EINCOMPLETE);
	EXPECT_INT(aw_stream_peek(streams.right, 6, &data), AW_EINCOMPLETE);
	EXPECT_VIEW(aw_stream_view(streams.right, &data), data, "short");
	EXPECT_READ(streams.right, "short");
	EXPECT_READ(streams.right, "");
}

static void reads_all(ends streams) {
	const char *data = NULL;
	write_text(streams.left, "everything");
	aw_stream_close(streams.left);
	EXPECT_INT(aw_stream_readall(streams.right, 4, &data), AW_ELIMIT);
	EXPECT_VIEW(aw_stream_readall(streams.right, 100, &data), data, "everything");
	EXPECT_INT(aw_stream_readall(streams.right, 100, &data), 0);
}

static void a_view_stays_while_more_arrives(ends streams) {
	const char *line = NULL, *view = NULL;
	char big[32 * 1024];
	memset(big, 'x', sizeof big);
	write_text(streams.left, "first\nsecond");
	EXPECT_VIEW(aw_stream_readline(streams.right, &line), line, "first\n");
	EXPECT_INT(aw_stream_write(streams.left, big, sizeof big), 0);
	for (int i = 0; i < 20; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT(!memcmp(line, "first\n", 6));
	EXPECT(aw_stream_peek(streams.right, 6 + sizeof big, &view) == (aw_status)(6 + sizeof big));
	EXPECT(!memcmp(view, "secondxx", 8));
	EXPECT_INT(aw_stream_consume(streams.right, 6), 0);
	EXPECT_INT(aw_stream_consume(streams.right, sizeof big + 1), -EINVAL);
	EXPECT_INT(aw_stream_consume(streams.right, sizeof big), 0);
}

/* --- one at a time --- */

typedef struct reading {
	aw_stream *stream;
	aw_status result;
	char text[64];
} reading;

static aw_status read_some(void *ud) {
	reading *self = ud;
	self->result = aw_stream_read(self->stream, self->text, sizeof self->text - 1);
	return self->result == AW_ECANCELLED ? AW_ECANCELLED : 0;
}

static void a_second_reader_is_refused(ends streams) {
	reading first = {.stream = streams.right};
	aw_future *reader = spawn(read_some, &first);
	char byte;
	const char *data;
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_stream_read(streams.right, &byte, 1), -EBUSY);
	EXPECT_INT(aw_stream_readline(streams.right, &data), -EBUSY);
	EXPECT_INT(aw_stream_try_read(streams.right, &byte, 1), -EBUSY);
	EXPECT_INT(aw_stream_consume(streams.right, 0), -EBUSY);
	write_text(streams.left, "hello");
	await_and_drop(reader);
	EXPECT_STR(first.text, "hello");
}

static void a_reader_does_not_keep_writers_away(ends streams) {
	reading first = {.stream = streams.right};
	aw_future *reader = spawn(read_some, &first);
	EXPECT_INT(aw_sleep(0), 0);
	write_text(streams.right, "x");
	EXPECT_READ(streams.left, "x");
	write_text(streams.left, "hello");
	await_and_drop(reader);
	EXPECT_STR(first.text, "hello");
}

static void a_cancelled_read_loses_nothing(ends streams) {
	for (int turns = 0; turns < 4; turns++) {
		reading first = {.stream = streams.right};
		aw_task *task = NULL;
		EXPECT_INT(aw_task_spawn(NULL, read_some, &first, NULL, &task), 0);
		EXPECT_INT(aw_sleep(0), 0);
		write_text(streams.left, "kept");
		for (int i = 0; i < turns; i++) EXPECT_INT(aw_sleep(0), 0);
		aw_task_cancel(task, NULL);
		aw_status status = aw_await(aw_task_future(task), NULL);
		if (status == 0) {
			EXPECT_STR(first.text, "kept"); /* it was done before */
		} else {
			EXPECT_INT(status, AW_ECANCELLED);
			EXPECT_READ(streams.right, "kept");
		}
		aw_task_unref(task);
	}
}

/* --- limits --- */

static void a_long_line_is_refused_and_kept(ends streams) {
	const char *data = NULL;
	char text[65] = "";
	memset(text, 'x', 64);
	write_text(streams.left, text);
	EXPECT_INT(aw_stream_readline(streams.right, &data), AW_ELIMIT);
	write_text(streams.left, "\n");
	EXPECT_INT(aw_stream_readline(streams.right, &data), AW_ELIMIT);
	EXPECT_INT(aw_stream_readexactly(streams.right, text, 64), 64);
	EXPECT_VIEW(aw_stream_readline(streams.right, &data), data, "\n");
}

static aw_status write_much(void *ud) {
	aw_stream *stream = ud;
	enum { MUCH = 1024 * 1024 };
	char *data = malloc(MUCH);
	for (size_t i = 0; i < MUCH; i++) data[i] = (char)(i * 7 + i / 251);
	EXPECT_INT(aw_stream_write(stream, data, MUCH), 0);
	free(data);
	EXPECT_INT(aw_stream_drain(stream), 0);
	EXPECT(aw_stream_write_buffer_size(stream) <= 16 * 1024);
	aw_stream_close(stream);
	return aw_stream_wait_closed(stream, -1);
}

static void a_slow_reader_gets_everything_in_order(ends streams) {
	aw_future *writer = spawn(write_much, streams.left);
	size_t at = 0;
	bool same = true;
	char buffer[3000];
	for (aw_status count; (count = aw_stream_read(streams.right, buffer, sizeof buffer)) > 0;)
		for (aw_status i = 0; i < count; i++, at++) same &= buffer[i] == (char)(at * 7 + at / 251);
	EXPECT_INT(at, 1024 * 1024);
	EXPECT(same);
	await_and_drop(writer);
}

typedef struct flood {
	aw_stream *stream;
	size_t written, most_queued;
} flood;

enum { FLOOD = 48 * 1024 * 1024, FLOOD_PIECE = 64 * 1024 };

static aw_status write_flood(void *ud) {
	flood *self = ud;
	static const char data[FLOOD_PIECE];
	while (self->written < FLOOD) {
		EXPECT_INT(aw_stream_write(self->stream, data, sizeof data), 0);
		self->written += sizeof data;
		size_t queued = aw_stream_write_buffer_size(self->stream);
		if (queued > self->most_queued) self->most_queued = queued;
		EXPECT_INT(aw_stream_drain(self->stream), 0);
	}
	return aw_stream_close(self->stream);
}

/* Whatever the reader does, no more is queued than the high-water mark and one piece. */
static void drain_waits_for_a_slow_reader(ends streams) {
	flood self = {.stream = streams.left};
	static char buffer[256 * 1024];
	aw_future *writer = spawn(write_flood, &self);
	for (int turn = 0; turn < 20; turn++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	/* Far less than all: the rest is what the kernel's and the reader's buffers hold. */
	EXPECT(self.written < FLOOD);
	size_t received = 0;
	for (aw_status count; (count = aw_stream_read(streams.right, buffer, sizeof buffer)) > 0;)
		received += (size_t)count;
	EXPECT_INT(received, FLOOD);
	EXPECT(self.most_queued > 0 && self.most_queued <= 2 * FLOOD_PIECE + FLOOD_PIECE);
	await_and_drop(writer);
}

static void more_than_the_limit_can_be_read_exactly(ends streams) {
	aw_future *writer = spawn(write_much, streams.left);
	char *data = malloc(1024 * 1024);
	EXPECT_INT(aw_stream_readexactly(streams.right, data, 1024 * 1024), 1024 * 1024);
	EXPECT(data[1000] == (char)(1000 * 7 + 1000 / 251));
	free(data);
	await_and_drop(writer);
}

/* --- writing --- */

static void writes_parts(ends streams) {
	struct iovec parts[] = {{(void *)(uintptr_t) "a", 1}, {NULL, 0}, {(void *)(uintptr_t) "bcd", 3}};
	EXPECT_INT(aw_stream_writelines(streams.left, parts, 3), 0);
	write_text(streams.left, "e");
	write_text(streams.left, "f");
	char text[7] = "";
	EXPECT_INT(aw_stream_readexactly(streams.right, text, 6), 6);
	EXPECT_STR(text, "abcdef");
}

static void half_closes(ends streams) {
	write_text(streams.left, "request");
	EXPECT_INT(aw_stream_write_eof(streams.left), 0);
	EXPECT_INT(aw_stream_write_eof(streams.left), 0);
	EXPECT_INT(aw_stream_write(streams.left, "x", 1), -EPIPE);
	EXPECT_READ(streams.right, "request");
	EXPECT_READ(streams.right, "");
	write_text(streams.right, "answer");
	EXPECT_READ(streams.left, "answer");
}

static aw_status send_much(void *ud) {
	enum { MUCH = 64 * 1024 * 1024 }; /* more than the kernel takes, whatever it has learnt of the route */
	char *data = calloc(1, MUCH);
	size_t sent = 0;
	aw_status status = aw_stream_send(ud, data, MUCH, &sent);
	free(data);
	trace_number("sent", (long long)sent);
	EXPECT(status == 0 ? sent == MUCH : sent < MUCH);
	return status;
}

static void a_cancelled_send_tells_how_much_was_taken(ends streams) {
	aw_task *task = NULL;
	trace_reset();
	EXPECT_INT(aw_task_spawn(NULL, send_much, streams.left, NULL, &task), 0);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_stream_write(streams.left, "x", 1), -EBUSY);
	aw_task_cancel(task, NULL);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	aw_task_unref(task);
	long long sent = strtoll(trace + 5, NULL, 10), received = 0;
	write_text(streams.left, "!");
	aw_stream_close(streams.left);
	char buffer[4096], last = 0;
	for (aw_status count; (count = aw_stream_read(streams.right, buffer, sizeof buffer)) > 0;) {
		received += count;
		last = buffer[count - 1];
	}
	EXPECT_INT(received, sent + 1);
	EXPECT_INT(last, '!');
}

/* --- closing --- */

static void a_close_ends_a_read_that_waits(ends streams) {
	reading first = {.stream = streams.right, .result = 1};
	aw_future *reader = spawn(read_some, &first);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_stream_close(streams.right), 0);
	EXPECT(aw_stream_is_closing(streams.right));
	await_and_drop(reader);
	EXPECT_INT(first.result, 0);
}

static void closes_once(ends streams) {
	write_text(streams.left, "last");
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(aw_stream_close(streams.left), 0);
		EXPECT(aw_stream_is_closing(streams.left));
		EXPECT_INT(aw_stream_write(streams.left, "x", 1), -EPIPE);
	}
	EXPECT_READ(streams.right, "last");
	EXPECT_READ(streams.right, "");
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(aw_stream_wait_closed(streams.left, -1), 0);
		EXPECT_INT(aw_stream_close(streams.left), 0);
		EXPECT_INT(aw_stream_abort(streams.left), 0);
		EXPECT_INT(aw_stream_write(streams.left, "x", 1), -EPIPE);
	}
}

static void a_close_is_the_end_for_the_peer(ends streams) {
	EXPECT_INT(aw_stream_close(streams.right), 0);
	EXPECT_READ(streams.left, "");
	EXPECT(aw_stream_at_eof(streams.left));
}

/* How a write fails once the peer is gone. */
static bool is_broken(aw_status status) {
	return status == -EPIPE || status == -ECONNRESET || status == -EIO || status == AW_ETRUNCATED;
}

static void a_peer_that_is_gone_breaks_writes(ends streams) {
	static const char data[4096];
	EXPECT_INT(aw_stream_close(streams.right), 0);
	EXPECT_INT(aw_stream_wait_closed(streams.right, -1), 0);
	aw_status status = 0;
	for (int i = 0; i < 1000 && status == 0; i++) {
		status = aw_stream_write(streams.left, data, sizeof data);
		if (status == 0) status = aw_stream_drain(streams.left);
		if (status == 0) status = aw_sleep(AW_MILLISECOND);
	}
	EXPECT(is_broken(status));
	EXPECT_INT(aw_stream_write(streams.left, data, 1), status);
	EXPECT_INT(aw_stream_drain(streams.left), status);
}

static aw_status send_until_it_breaks(void *ud) {
	static const char data[64 * 1024];
	aw_status status;
	while ((status = aw_stream_send(ud, data, sizeof data, NULL)) == 0) continue;
	trace_number("status", status);
	return status == AW_ECANCELLED ? status : 0;
}

/* Lets a sender fill whatever is below it. */
static aw_future *fill(aw_stream *stream) {
	trace_reset();
	aw_future *sender = spawn(send_until_it_breaks, stream);
	uint64_t before = 1;
	for (uint64_t now = 0; now != before;) {
		before = now;
		for (int i = 0; i < 10; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
		now = aw_stream_bytes_written(stream);
	}
	return sender;
}

static void a_second_writer_is_refused(ends streams) {
	size_t sent = 1;
	EXPECT_INT(aw_stream_pause_reading(streams.right), 0);
	aw_future *sender = fill(streams.left);
	EXPECT_INT(aw_stream_write(streams.left, "x", 1), -EBUSY);
	EXPECT_INT(aw_stream_send(streams.left, "x", 1, &sent), -EBUSY);
	EXPECT_INT(sent, 0);
	EXPECT_INT(aw_stream_try_write(streams.left, "x", 1), -EBUSY);
	EXPECT_INT(aw_stream_abort(streams.left), 0);
	await_and_drop(sender);
}

static void an_abort_ends_a_write_that_waits(ends streams) {
	char want[64];
	EXPECT_INT(aw_stream_pause_reading(streams.right), 0);
	aw_future *sender = fill(streams.left);
	EXPECT_INT(aw_stream_abort(streams.left), 0);
	await_and_drop(sender);
	snprintf(want, sizeof want, "status:%d", -ECONNABORTED);
	EXPECT_STR(trace, want);
}

static void a_peer_that_leaves_ends_a_write_that_waits(ends streams) {
	EXPECT_INT(aw_stream_pause_reading(streams.right), 0);
	aw_future *sender = fill(streams.left);
	EXPECT_INT(aw_stream_abort(streams.right), 0);
	await_and_drop(sender);
	EXPECT(!strncmp(trace, "status:", 7) && is_broken((aw_status)strtol(trace + 7, NULL, 10)));
}

static void close_sends_what_is_queued(ends streams) {
	static char data[300 * 1024];
	EXPECT_INT(aw_stream_write(streams.left, data, sizeof data), 0);
	EXPECT_INT(aw_stream_close(streams.left), 0);
	size_t total = 0;
	for (aw_status count; (count = aw_stream_read(streams.right, data, sizeof data)) > 0;)
		total += (size_t)count;
	EXPECT_INT(total, sizeof data);
	EXPECT_INT(aw_stream_wait_closed(streams.left, -1), 0);
	EXPECT_INT(aw_stream_wait_closed(streams.left, 0), 0);
}

static void abort_drops_what_is_queued(ends streams) {
	static char data[300 * 1024];
	EXPECT_INT(aw_stream_write(streams.left, data, sizeof data), 0);
	EXPECT_INT(aw_stream_abort(streams.left), 0);
	EXPECT_INT(aw_stream_wait_closed(streams.left, -1), 0);
	EXPECT_INT(aw_stream_drain(streams.left), -ECONNRESET);
}

static void a_close_that_the_peer_delays_is_cut_short(ends streams) {
	char *data = calloc(1, 8 * 1024 * 1024);
	EXPECT_INT(aw_stream_pause_reading(streams.right), 0);
	EXPECT_INT(aw_stream_write(streams.left, data, 8 * 1024 * 1024), 0);
	free(data);
	EXPECT_INT(aw_stream_close(streams.left), 0);
	EXPECT_INT(aw_stream_wait_closed(streams.left, 5 * AW_MILLISECOND), AW_ETIMEOUT);
	aw_stream_abort(streams.right);
	EXPECT_INT(aw_stream_wait_closed(streams.left, -1), AW_ETIMEOUT);
}

static aw_status read_six(void *ud) {
	char text[8] = "";
	aw_stream *stream = ud;
	aw_status status = aw_stream_readexactly(stream, text, 6);
	trace_add(text);
	EXPECT_INT(status, 6);
	return 0;
}

static void a_pause_holds_a_read(ends streams) {
	char byte;
	EXPECT_INT(aw_stream_pause_reading(streams.right), 0);
	EXPECT_INT(aw_stream_write(streams.left, "abc", 3), 0);
	aw_future *waiting = spawn(read_six, streams.right);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_write(streams.left, "def", 3), 0);
	EXPECT_INT(aw_sleep(5 * AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_bytes_read(streams.right), 0);
	EXPECT_INT(aw_stream_resume_reading(streams.right), 0);
	EXPECT_INT(aw_await(waiting, NULL), 0);
	aw_future_unref(waiting);
	EXPECT_STR(trace, "abcdef");
	EXPECT_INT(aw_stream_pause_reading(streams.right), 0);
	EXPECT_INT(aw_stream_write(streams.left, "g", 1), 0);
	EXPECT_INT(aw_sleep(5 * AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_try_read(streams.right, &byte, 1), -EAGAIN);
	EXPECT_INT(aw_stream_resume_reading(streams.right), 0);
	EXPECT_INT(aw_stream_read(streams.right, &byte, 1), 1);
	EXPECT_INT(byte, 'g');
}

static aw_status wait_closed(void *stream) {
	return aw_stream_wait_closed(stream, -1);
}

static void a_cancelled_close_continues(ends streams) {
	aw_task *task = NULL;
	char *data = calloc(1, 8 * 1024 * 1024);
	EXPECT_INT(aw_stream_write(streams.left, data, 8 * 1024 * 1024), 0);
	free(data);
	EXPECT_INT(aw_stream_close(streams.left), 0);
	EXPECT_INT(aw_task_spawn(NULL, wait_closed, streams.left, NULL, &task), 0);
	EXPECT_INT(aw_sleep(0), 0);
	aw_task_cancel(task, NULL);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	aw_task_unref(task);
	const char *all = NULL;
	EXPECT_INT(aw_stream_readall(streams.right, 8 * 1024 * 1024, &all), 8 * 1024 * 1024);
	EXPECT_INT(aw_stream_wait_closed(streams.left, -1), 0);
}

static void a_reset_fails_the_reader_once_it_has_read(ends streams) {
	EXPECT_INT(aw_stream_abort(streams.left), 0);
	aw_status status = 0;
	char byte;
	/* Only memory and TCP have a reset. Elsewhere the peer sees an end, and TLS one that came too early. */
	status = aw_stream_read(streams.right, &byte, 1);
	const char *kind = aw_stream_kind(streams.right);
	bool has_reset = !strcmp(kind, "memory") || !strcmp(kind, "tcp"), is_tls = !strcmp(kind, "tls");
	EXPECT(is_tls ? status == -ECONNRESET || status == AW_ETRUNCATED
	              : status == (has_reset ? -ECONNRESET : 0));
	EXPECT_INT(aw_stream_at_eof(streams.right), status == 0);
}

/* --- readiness --- */

static void waits_without_a_buffer(ends streams) {
	char text[8] = "";
	EXPECT_INT(aw_stream_try_read(streams.right, text, 7), -EAGAIN);
	EXPECT_INT(aw_stream_wait_ready(streams.left, AW_POLL_OUT), AW_POLL_OUT);
	EXPECT_INT(aw_stream_try_write(streams.left, "abc", 3), 3);
	EXPECT_INT(aw_stream_wait_ready(streams.right, AW_POLL_IN), AW_POLL_IN);
	EXPECT_INT(aw_stream_try_read(streams.right, text, 7), 3);
	EXPECT_STR(text, "abc");
	char *big = calloc(1, 4 * 1024 * 1024);
	aw_status taken;
	while ((taken = aw_stream_try_write(streams.left, big, 4 * 1024 * 1024)) > 0) continue;
	EXPECT_INT(taken, -EAGAIN);
	free(big);
	EXPECT_INT(aw_stream_abort(streams.left), 0);
}

static const aw_stream_options small = {.size = sizeof small, .limit = 16},
							   lazy = {.size = sizeof lazy, .flags = AW_STREAM_NO_READ_AHEAD};

/* --- where a kind cannot do it --- */

static void cannot_write_back(ends streams) {
	char byte;
	EXPECT_INT(aw_stream_write(streams.right, "x", 1), -EBADF);
	EXPECT_INT(aw_stream_try_read(streams.left, &byte, 1), -EAGAIN);
	write_text(streams.left, "y");
	EXPECT_READ(streams.right, "y");
	EXPECT_INT(aw_stream_close(streams.right), 0);
	EXPECT_INT(aw_stream_read(streams.left, &byte, 1), -EPIPE);
}

static void cannot_end_one_direction(ends streams) {
	/* What has only the one is closed. */
	bool closes = aw_stream_can_write_eof(streams.left);
	char byte;
	write_text(streams.left, "y");
	EXPECT_INT(aw_stream_write_eof(streams.left), closes ? 0 : -EOPNOTSUPP);
	EXPECT_INT(aw_stream_is_closing(streams.left), closes);
	EXPECT_READ(streams.right, "y");
	if (closes) EXPECT_INT(aw_stream_read(streams.right, &byte, 1), 0);
}

/* Without TLS's goodbye its end is one that came too early. */
static void the_last_words_may_be_lost(ends streams) {
	char byte;
	EXPECT_INT(aw_stream_close(streams.right), 0);
	aw_status status = aw_stream_read(streams.left, &byte, 1);
	EXPECT(status == 0 || status == AW_ETRUNCATED);
}

static const kind_without instead[] = {{HAS_NO_WAY_BACK, cannot_write_back},
                                       {HAS_NO_HALF_CLOSE, cannot_end_one_direction},
                                       {HAS_NO_LAST_WORDS, the_last_words_may_be_lost}};

typedef struct stream_check {
	void (*check)(ends streams);
	unsigned needs; /* what the kinds must not lack; those that do run one of `instead` */
} stream_check;

static const stream_check checks[] = {
	{passes_bytes_both_ways, HAS_NO_WAY_BACK},
	{reads_nothing_at_once, 0},
	{a_pause_holds_a_read, 0},
	{reads_lines, 0},
	{finds_separators_that_arrive_in_parts, 0},
	{takes_the_first_of_several_separators, 0},
	{keeps_what_came_before_the_end, 0},
	{reads_all, 0},
	{a_second_reader_is_refused, 0},
	{a_reader_does_not_keep_writers_away, HAS_NO_WAY_BACK},
	{a_second_writer_is_refused, 0},
	{a_cancelled_read_loses_nothing, 0},
	{a_slow_reader_gets_everything_in_order, 0},
	{more_than_the_limit_can_be_read_exactly, 0},
	{writes_parts, 0},
	{half_closes, HAS_NO_HALF_CLOSE},
	{a_cancelled_send_tells_how_much_was_taken, 0},
	{a_close_ends_a_read_that_waits, 0},
	{closes_once, 0},
	{a_close_is_the_end_for_the_peer, HAS_NO_WAY_BACK | HAS_NO_LAST_WORDS},
	{a_peer_that_is_gone_breaks_writes, 0},
	{an_abort_ends_a_write_that_waits, 0},
	{a_peer_that_leaves_ends_a_write_that_waits, 0},
	{close_sends_what_is_queued, 0},
	{abort_drops_what_is_queued, 0},
	{a_close_that_the_peer_delays_is_cut_short, 0},
	{a_cancelled_close_continues, 0},
	{a_reset_fails_the_reader_once_it_has_read, 0},
};

static void run_checks(const aw_stream_options *options) {
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		over_each_kind_needing(checks[i].needs, instead, checks[i].check, options);
}

static void read_ahead(void) {
	run_checks(NULL);
}

static void no_read_ahead(void) {
	run_checks(&lazy);
}

static void flow_control(void) {
	over_each_kind(drain_waits_for_a_slow_reader);
}

static void views(void) {
	over_each_kind(a_view_stays_while_more_arrives);
}

static void limits(void) {
	over_each_kind_with(a_long_line_is_refused_and_kept, &small);
}

static void readiness(void) {
	over_each_kind_with(waits_without_a_buffer, &lazy);
	over_each_kind(waits_without_a_buffer);
}

CHECK_MAIN("streams", TEST(read_ahead), TEST(no_read_ahead), TEST(flow_control), TEST(views), TEST(limits),
           TEST(readiness))
