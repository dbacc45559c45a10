/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind-once */
/* Streams with callbacks: their order, both forms of reading, pauses in both directions, failures, endings. */
#include "kinds.h"

#include <stdlib.h>

enum callback { NONE, MADE, DATA, BUFFER, UPDATED, END, LOST, PAUSE, RESUME, CALLBACKS };

/* What a protocol has seen, and what it does. */
typedef struct watcher {
	int calls[CALLBACKS];
	char bytes[64];     /* what arrived */
	size_t count;       /* of them, also of those that do not fit */
	char memory[4];     /* for the buffered form */
	size_t room;        /* how much of it is offered */
	enum callback when; /* in which callback `act` is called, once */
	void (*act)(aw_stream *stream, struct watcher *self);
	enum callback fails; /* which callback fails */
	bool stays_open;     /* after the end of the peer's direction */
	aw_status why;       /* of the loss */
	int destroyed;
} watcher;

static void called(aw_stream *stream, watcher *self, enum callback which, const char *word) {
	self->calls[which]++;
	if (word) trace_add(word);
	if (self->when != which || !self->act) return;
	self->when = NONE;
	self->act(stream, self);
}

static void made(aw_stream *stream, void *ud) {
	called(stream, ud, MADE, "made");
}

static void keep_bytes(watcher *self, const void *data, size_t length) {
	size_t used = strlen(self->bytes), room = sizeof self->bytes - 1 - used;
	memcpy(self->bytes + used, data, length < room ? length : room);
	self->count += length;
}

static aw_status data_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	watcher *self = ud;
	keep_bytes(self, data, length);
	called(stream, self, DATA, "data");
	return self->fails == DATA ? -EIO : 0;
}

static aw_status get_buffer(aw_stream *stream, void *ud, size_t hint, void **out_buffer, size_t *out_length) {
	watcher *self = ud;
	EXPECT(hint > 0);
	*out_buffer = self->memory;
	*out_length = self->room;
	called(stream, self, BUFFER, NULL);
	return self->fails == BUFFER ? -EIO : 0;
}

static aw_status buffer_updated(aw_stream *stream, void *ud, size_t count) {
	watcher *self = ud;
	EXPECT(count > 0 && count <= self->room);
	keep_bytes(self, self->memory, count);
	called(stream, self, UPDATED, self->calls[UPDATED] ? NULL : "data");
	return self->fails == UPDATED ? -EIO : 0;
}

static aw_status eof_received(aw_stream *stream, void *ud) {
	watcher *self = ud;
	called(stream, self, END, "eof");
	return self->fails == END ? -EIO : self->stays_open;
}

static void lost(aw_stream *stream, void *ud, aw_status why) {
	watcher *self = ud;
	self->why = why;
	called(stream, self, LOST, "lost");
}

static void pause_writing(aw_stream *stream, void *ud) {
	size_t high = 0;
	EXPECT_INT(aw_stream_write_buffer_limits(stream, NULL, &high), 0);
	EXPECT(aw_stream_write_buffer_size(stream) > high);
	called(stream, ud, PAUSE, "pause");
}

static void resume_writing(aw_stream *stream, void *ud) {
	size_t low = 0;
	EXPECT_INT(aw_stream_write_buffer_limits(stream, &low, NULL), 0);
	EXPECT(aw_stream_write_buffer_size(stream) <= low);
	called(stream, ud, RESUME, "resume");
}

static void destroyed(void *ud) {
	((watcher *)ud)->destroyed++;
}

static const aw_protocol plain = {.size = sizeof plain,
                                  .connection_made = made,
                                  .data_received = data_received,
                                  .eof_received = eof_received,
                                  .connection_lost = lost,
                                  .pause_writing = pause_writing,
                                  .resume_writing = resume_writing},
						 buffered = {.size = sizeof buffered,
                                     .connection_made = made,
                                     .get_buffer = get_buffer,
                                     .buffer_updated = buffer_updated,
                                     .eof_received = eof_received,
                                     .connection_lost = lost,
                                     .pause_writing = pause_writing,
                                     .resume_writing = resume_writing},
						 empty = {.size = sizeof empty};

static const aw_protocol *const forms[] = {&plain, &buffered};

static void attach(aw_stream *stream, const aw_protocol *protocol, watcher *self) {
	if (!self->room) self->room = 3;
	EXPECT_INT(aw_stream_set_protocol(stream, protocol, self, destroyed), 0);
	EXPECT(aw_stream_protocol_data(stream) == self);
}

static void write_text(aw_stream *stream, const char *text) {
	EXPECT_INT(aw_stream_write(stream, text, strlen(text)), 0);
}

/* Lets the loop run until a callback has been called so often. */
static void until(const watcher *self, enum callback which, int times) {
	for (int i = 0; i < 5000 && self->calls[which] < times; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(self->calls[which], times);
}

static void until_count(const watcher *self, size_t count) {
	for (int i = 0; i < 5000 && self->count < count; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(self->count, count);
}

static void some_turns(void) {
	for (int i = 0; i < 5; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
}

/* Nothing is called after the loss, and the protocol is dropped. */
static void expect_over(const watcher *self) {
	until(self, LOST, 1);
	some_turns();
	EXPECT_INT(self->calls[MADE], 1);
	EXPECT_INT(self->calls[LOST], 1);
	EXPECT_INT(self->destroyed, 1);
}

/* --- order --- */

static void callbacks_in_order(ends streams) {
	watcher self = {0};
	attach(streams.left, &plain, &self);
	write_text(streams.right, "one");
	EXPECT_STR(trace, ""); /* nothing is called by a call */
	until(&self, DATA, 1);
	EXPECT_STR(trace, "made data");
	EXPECT_STR(self.bytes, "one");
	end_direction(streams.right);
	expect_over(&self);
	EXPECT_STR(trace, "made data eof lost");
	EXPECT_INT(self.why, 0);
	EXPECT(aw_stream_protocol_data(streams.left) == NULL);
}

static void nothing_has_to_be_there(ends streams) {
	EXPECT_INT(aw_stream_set_protocol(streams.left, &empty, NULL, NULL), 0);
	write_text(streams.right, "dropped");
	end_direction(streams.right);
	char byte;
	EXPECT_INT(aw_stream_read(streams.right, &byte, 1), 0); /* it was closed by the end */
}

static void an_end_can_leave_it_open(ends streams) {
	watcher self = {.stays_open = true};
	char text[8] = "";
	attach(streams.left, &plain, &self);
	EXPECT_INT(aw_stream_write_eof(streams.right), 0);
	until(&self, END, 1);
	some_turns();
	EXPECT(!aw_stream_is_closing(streams.left));
	write_text(streams.left, "after");
	EXPECT_INT(aw_stream_readexactly(streams.right, text, 5), 5);
	EXPECT_STR(text, "after");
	/* eof_received is called once. */
	EXPECT_INT(aw_stream_pause_reading(streams.left), 0);
	EXPECT_INT(aw_stream_resume_reading(streams.left), 0);
	some_turns();
	EXPECT_STR(trace, "made eof");
	EXPECT_INT(aw_stream_close(streams.left), 0);
	EXPECT_STR(trace, "made eof");
	expect_over(&self);
}

static void readers_are_refused(ends streams) {
	watcher self = {0};
	char byte;
	const char *data;
	attach(streams.left, &plain, &self);
	EXPECT_INT(aw_stream_read(streams.left, &byte, 1), -EBUSY);
	EXPECT_INT(aw_stream_try_read(streams.left, &byte, 1), -EBUSY);
	EXPECT_INT(aw_stream_readline(streams.left, &data), -EBUSY);
	EXPECT_INT(aw_stream_wait_ready(streams.left, AW_POLL_IN), -EBUSY);
	EXPECT_INT(aw_stream_set_protocol(streams.left, NULL, NULL, NULL), 0);
}

static aw_status read_one(void *stream) {
	char byte;
	return aw_stream_read(stream, &byte, 1) == 1 ? 0 : -EIO;
}

static void what_is_refused(ends streams) {
	watcher self = {0};
	aw_protocol old = plain;
	old.size = 8;
	aw_future *reader = spawn(read_one, streams.left);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_stream_set_protocol(streams.left, &plain, &self, destroyed), -EBUSY);
	write_text(streams.right, "x");
	EXPECT_INT(aw_await(reader, NULL), 0);
	aw_future_unref(reader);
	EXPECT_INT(aw_stream_set_protocol(streams.left, &old, &self, destroyed), -EINVAL);
	EXPECT_INT(aw_stream_set_protocol(NULL, &plain, &self, destroyed), AW_EBADHANDLE);
	EXPECT_INT(aw_stream_close(streams.left), 0);
	EXPECT_INT(aw_stream_set_protocol(streams.left, &plain, &self, destroyed), -EPIPE);
	EXPECT_INT(self.destroyed, 4);
	EXPECT_INT(aw_stream_set_protocol(streams.left, NULL, NULL, NULL), 0);
}

/* --- reading --- */

static void memory_of_the_protocol(ends streams) {
	watcher self = {.room = 3};
	attach(streams.left, &buffered, &self);
	write_text(streams.right, "abcdefgh");
	until_count(&self, 8);
	EXPECT_STR(self.bytes, "abcdefgh");
	EXPECT(self.calls[UPDATED] >= 3);
	EXPECT_INT(aw_stream_bytes_read(streams.left), 8);
	end_direction(streams.right);
	expect_over(&self);
	EXPECT_STR(trace, "made data eof lost");
}

static void pause_here(aw_stream *stream, watcher *self) {
	(void)self;
	EXPECT_INT(aw_stream_pause_reading(stream), 0);
}

/* Both forms, and both from the connection and from what had arrived before. */
static void a_pause_holds_within_a_batch(ends streams) {
	watcher self = {.room = 2, .when = UPDATED, .act = pause_here};
	const char *data = NULL;
	write_text(streams.right, "abcdef");
	EXPECT_INT(aw_stream_peek(streams.left, 6, &data), 6); /* it has arrived */
	end_direction(streams.right);
	some_turns();
	attach(streams.left, &buffered, &self);
	until(&self, UPDATED, 1);
	some_turns();
	EXPECT_STR(self.bytes, "ab");
	EXPECT_INT(self.calls[END], 0);
	EXPECT_INT(aw_stream_resume_reading(streams.left), 0);
	EXPECT_STR(self.bytes, "ab"); /* not by the call */
	until_count(&self, 6);
	expect_over(&self);
	EXPECT_STR(self.bytes, "abcdef");
	EXPECT_STR(trace, "made data eof lost");
}

static void a_pause_from_the_beginning(ends streams) {
	watcher self = {.when = MADE, .act = pause_here};
	const char *data = NULL;
	write_text(streams.right, "early");
	EXPECT_INT(aw_stream_peek(streams.left, 5, &data), 5);
	attach(streams.left, &plain, &self);
	until(&self, MADE, 1);
	some_turns();
	EXPECT(!aw_stream_is_reading(streams.left));
	EXPECT_INT(self.calls[DATA], 0);
	EXPECT_INT(aw_stream_resume_reading(streams.left), 0);
	until(&self, DATA, 1);
	EXPECT_STR(self.bytes, "early");
	write_text(streams.right, "!");
	until_count(&self, 6);
	EXPECT_INT(aw_stream_set_protocol(streams.left, NULL, NULL, NULL), 0);
}

static void resume_again(aw_stream *stream, watcher *self) {
	(void)self;
	EXPECT_INT(aw_stream_pause_reading(stream), 0);
	EXPECT_INT(aw_stream_resume_reading(stream), 0);
}

static void a_pause_and_a_resume_in_one_callback(ends streams) {
	for (size_t i = 0; i < 2; i++) {
		watcher self = {.when = i ? UPDATED : DATA, .act = resume_again};
		write_text(streams.right, "abcdef");
		attach(streams.left, forms[i], &self);
		until_count(&self, 6);
		EXPECT_STR(self.bytes, "abcdef");
		EXPECT_INT(aw_stream_set_protocol(streams.left, NULL, NULL, NULL), 0);
	}
}

static void begins_with_what_has_arrived(ends streams) {
	for (size_t i = 0; i < 2; i++) {
		watcher self = {0};
		const char *data = NULL;
		write_text(streams.right, "head\nrest");
		EXPECT_INT(aw_stream_readline(streams.left, &data), 5);
		EXPECT_INT(aw_stream_peek(streams.left, 4, &data), 4);
		trace_reset();
		attach(streams.left, forms[i], &self);
		until_count(&self, 4);
		write_text(streams.right, "more");
		until_count(&self, 8);
		EXPECT_STR(self.bytes, "restmore");
		EXPECT(!strncmp(trace, "made data", 9));
		EXPECT_INT(aw_stream_set_protocol(streams.left, NULL, NULL, NULL), 0);
		EXPECT_INT(self.calls[LOST], 0);
		EXPECT_INT(self.destroyed, 1);
	}
}

static void an_end_that_came_before_is_told(ends streams) {
	watcher self = {0};
	const char *data = NULL;
	write_text(streams.right, "all");
	end_direction(streams.right);
	EXPECT_INT(aw_stream_peek(streams.left, 4, &data), AW_EINCOMPLETE);
	attach(streams.left, &plain, &self);
	expect_over(&self);
	EXPECT_STR(self.bytes, "all");
	EXPECT_STR(trace, "made data eof lost");
}

static void the_protocol_can_be_taken_away(ends streams) {
	watcher self = {0};
	char text[8] = "";
	attach(streams.left, &plain, &self);
	write_text(streams.right, "one");
	until(&self, DATA, 1);
	EXPECT_INT(aw_stream_set_protocol(streams.left, NULL, NULL, NULL), 0);
	EXPECT_INT(self.destroyed, 1);
	write_text(streams.right, "two");
	EXPECT_INT(aw_stream_readexactly(streams.left, text, 3), 3);
	EXPECT_STR(text, "two");
	/* Before connection_made as well. */
	attach(streams.left, &plain, &self);
	EXPECT_INT(aw_stream_set_protocol(streams.left, NULL, NULL, NULL), 0);
	write_text(streams.right, "new");
	EXPECT_INT(aw_stream_readexactly(streams.left, text, 3), 3);
	EXPECT_STR(text, "new");
	EXPECT_STR(trace, "made data");
	EXPECT_INT(self.destroyed, 2);
}

static void take_away(aw_stream *stream, watcher *self) {
	(void)self;
	EXPECT_INT(aw_stream_set_protocol(stream, NULL, NULL, NULL), 0);
}

static void it_can_be_taken_away_inside(ends streams) {
	watcher self = {.room = 2, .when = UPDATED, .act = take_away}, first = {.when = DATA, .act = take_away};
	const char *data = NULL;
	char text[8] = "";
	write_text(streams.right, "abcdef");
	EXPECT_INT(aw_stream_peek(streams.left, 6, &data), 6);
	attach(streams.left, &buffered, &self);
	until(&self, UPDATED, 1);
	EXPECT_INT(aw_stream_readexactly(streams.left, text, 4), 4);
	EXPECT_STR(text, "cdef");
	attach(streams.left, &plain, &first);
	write_text(streams.right, "gh");
	until(&first, DATA, 1);
	EXPECT_STR(first.bytes, "gh");
	write_text(streams.right, "ijkl");
	EXPECT_INT(aw_stream_readexactly(streams.left, text, 4), 4);
	EXPECT_STR(text, "ijkl");
	EXPECT_INT(self.destroyed + first.destroyed, 2);
}

static watcher successor;

static void replace(aw_stream *stream, watcher *self) {
	(void)self;
	attach(stream, &plain, &successor);
}

static void a_successor_is_greeted_first(ends streams) {
	const char *data = NULL;
	enum callback places[] = {MADE, DATA};
	for (size_t i = 0; i < 2; i++) {
		watcher self = {.when = places[i], .act = replace};
		successor = (watcher){0};
		write_text(streams.right, "abc");
		EXPECT_INT(aw_stream_peek(streams.left, 3, &data), 3);
		trace_reset();
		attach(streams.left, &plain, &self);
		until(&successor, MADE, 1);
		write_text(streams.right, "def");
		until_count(&successor, i ? 3 : 6);
		EXPECT_STR(successor.bytes, i ? "def" : "abcdef");
		EXPECT(!strncmp(trace, i ? "made data made data" : "made made data", i ? 19 : 14));
		EXPECT_INT(aw_stream_set_protocol(streams.left, NULL, NULL, NULL), 0);
	}
}

static void use_the_reading_calls(aw_stream *stream, watcher *self) {
	const char *data = NULL;
	char byte;
	(void)self;
	EXPECT_INT(aw_stream_view(stream, &data), 0); /* the bytes are the callback's */
	EXPECT_INT(aw_stream_consume(stream, 1), -EINVAL);
	EXPECT_INT(aw_stream_set_protocol(stream, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_stream_try_read(stream, &byte, 1), -EAGAIN);
}

static void reading_inside_a_callback(ends streams) {
	watcher self = {.when = DATA, .act = use_the_reading_calls};
	char text[8] = "";
	attach(streams.left, &plain, &self);
	write_text(streams.right, "abc");
	until(&self, DATA, 1);
	write_text(streams.right, "def");
	EXPECT_INT(aw_stream_readexactly(streams.left, text, 3), 3);
	EXPECT_STR(text, "def");
}

/* --- writing --- */

#ifndef MUCH
#define MUCH (8 * 1024 * 1024)
#endif
static char much[MUCH]; /* more than any kind of stream takes at once */

static void the_marks_pause_and_resume(ends streams) {
	static const int marks[] = {-1, 0};
	for (size_t i = 0; i < 2; i++) {
		watcher self = {0};
		size_t received = 0;
		attach(streams.left, &plain, &self);
		EXPECT_INT(aw_stream_set_write_buffer_limits(streams.left, marks[i], -1), 0);
		until(&self, MADE, 1);
		write_text(streams.left, "small");
		EXPECT_INT(self.calls[PAUSE], 0);
		EXPECT_INT(aw_stream_write(streams.left, much, sizeof much), 0);
		EXPECT_INT(self.calls[PAUSE], 1); /* told by the write, and once */
		EXPECT_INT(aw_stream_write(streams.left, much, sizeof much), 0);
		EXPECT_INT(self.calls[PAUSE], 1);
		static char buffer[64 * 1024];
		while (received < 5 + 2 * sizeof much) {
			aw_status count = aw_stream_read(streams.right, buffer, sizeof buffer);
			EXPECT(count > 0);
			if (count <= 0) return;
			received += (size_t)count;
		}
		until(&self, RESUME, 1);
		EXPECT_INT(self.calls[PAUSE], 1);
		EXPECT_INT(aw_stream_set_protocol(streams.left, NULL, NULL, NULL), 0);
	}
}

static void a_pause_that_came_before_is_told(ends streams) {
	watcher self = {0};
	EXPECT_INT(aw_stream_write(streams.left, much, sizeof much), 0);
	attach(streams.left, &plain, &self);
	EXPECT_STR(trace, "");
	until(&self, PAUSE, 1);
	EXPECT_STR(trace, "made pause");
	EXPECT_INT(aw_stream_abort(streams.left), 0);
	expect_over(&self);
	EXPECT_STR(trace, "made pause lost"); /* a loss resumes nothing */
}

static void write_more(aw_stream *stream, watcher *self) {
	(void)self;
	EXPECT_INT(aw_stream_write(stream, much, sizeof much), 0);
}

static void writes_inside_the_callbacks(ends streams) {
	static const enum callback places[] = {MADE, DATA, PAUSE, RESUME};
	for (size_t i = 0; i < 4; i++) {
		watcher self = {.when = places[i], .act = write_more};
		attach(streams.left, &plain, &self);
		write_text(streams.right, "x");
		until(&self, DATA, 1);
		EXPECT_INT(aw_stream_write(streams.left, much, sizeof much), 0);
		static char buffer[64 * 1024];
		for (size_t received = 0; received < 2 * sizeof much;) {
			aw_status count = aw_stream_read(streams.right, buffer, sizeof buffer);
			EXPECT(count > 0);
			if (count <= 0) return;
			received += (size_t)count;
		}
		EXPECT_INT(aw_stream_write_buffer_size(streams.left), 0);
		EXPECT_INT(self.calls[PAUSE], self.calls[RESUME]);
		EXPECT_INT(aw_stream_set_protocol(streams.left, NULL, NULL, NULL), 0);
	}
}

/* --- failures --- */

/* A slow machine is nothing to report. */
static void slow_is_fine(void) {
	EXPECT_INT(aw_loop_set_slow_callback_duration(aw_loop_current(), 3600 * AW_SECOND), 0);
}

static aw_status note_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	EXPECT_STR((char *)ud, ""); /* once */
	snprintf(ud, 128, "%s", aw_report_message(report));
	aw_error *error = aw_report_error(report);
	EXPECT_INT(error ? aw_error_status(error) : 0, -EIO);
	return 0;
}

static void a_failure_is_reported_and_aborts(ends streams, const aw_protocol *form, enum callback where,
                                             const char *report) {
	watcher self = {.fails = where};
	char said[128] = "", byte;
	slow_is_fine();
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), note_report, said, NULL), 0);
	attach(streams.left, form, &self);
	until(&self, MADE, 1);
	EXPECT_INT(aw_stream_write(streams.left, much, sizeof much), 0);
	if (where == END)
		end_direction(streams.right);
	else
		write_text(streams.right, "x");
	expect_over(&self);
	EXPECT_STR(said, report);
	EXPECT_INT(self.why, -EIO);
	EXPECT_INT(aw_stream_write_buffer_size(streams.left), 0);
	EXPECT_INT(aw_stream_wait_closed(streams.left, -1), -EIO);
	aw_status status;
	while ((status = aw_stream_read(streams.right, &byte, 1)) > 0) continue;
	EXPECT(status == (sees_a_reset(streams.right) ? -ECONNRESET : 0) ||
	       !strcmp(aw_stream_kind(streams.right), "unix"));
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), NULL, NULL, NULL), 0);
}

static void data_received_fails(ends streams) {
	a_failure_is_reported_and_aborts(streams, &plain, DATA,
	                                 "Fatal error: protocol.data_received() call failed.");
}

static void get_buffer_fails(ends streams) {
	a_failure_is_reported_and_aborts(streams, &buffered, BUFFER,
	                                 "Fatal error: protocol.get_buffer() call failed.");
}

static void buffer_updated_fails(ends streams) {
	a_failure_is_reported_and_aborts(streams, &buffered, UPDATED,
	                                 "Fatal error: protocol.buffer_updated() call failed.");
}

static void eof_received_fails(ends streams) {
	a_failure_is_reported_and_aborts(streams, &plain, END,
	                                 "Fatal error: protocol.eof_received() call failed.");
}

/* --- endings inside callbacks --- */

static void close_here(aw_stream *stream, watcher *self) {
	(void)self;
	EXPECT_INT(aw_stream_close(stream), 0);
}

static void abort_here(aw_stream *stream, watcher *self) {
	(void)self;
	EXPECT_INT(aw_stream_abort(stream), 0);
}

/* Makes each callback happen, until the stream is lost. */
static void go_through_all(ends streams, const aw_protocol *form, watcher *self) {
	static char buffer[64 * 1024];
	attach(streams.left, form, self);
	for (int i = 0; i < 5000 && !self->calls[LOST]; i++) {
		if (i == 1) IGNORED(aw_stream_write(streams.right, "abc", 3));
		if (i == 2) IGNORED(aw_stream_write(streams.left, much, sizeof much));
		if (i >= 3) IGNORED(aw_stream_try_read(streams.right, buffer, sizeof buffer));
		if (i == 400) IGNORED(aw_stream_write_eof(streams.right));
		EXPECT_INT(aw_sleep(i > 2 && i < 400 ? 0 : AW_MILLISECOND), 0);
	}
}

static void end_in_each_callback(const stream_kind *kind, const aw_protocol *form, enum callback where,
                                 void (*act)(aw_stream *, watcher *)) {
	ends streams = kind->open(NULL);
	watcher self = {.when = where, .act = act};
	go_through_all(streams, form, &self);
	EXPECT_INT(self.when, NONE); /* it was called */
	expect_over(&self);
	if (where == DATA || where == UPDATED) EXPECT_INT(self.calls[END], 0);
	IGNORED(aw_stream_close(streams.left));
	IGNORED(aw_stream_close(streams.right));
	expect_closed(streams.right);
	expect_closed(streams.left);
	aw_stream_unref(streams.left);
	aw_stream_unref(streams.right);
}

static void unref_here(aw_stream *stream, watcher *self) {
	(void)self;
	aw_stream_unref(stream);
}

/* The program drops its only reference: the stream stays until it is lost. */
static void drop_in_each_callback(const stream_kind *kind, const aw_protocol *form, enum callback where) {
	ends streams = kind->open(NULL);
	watcher self = {.when = where, .act = unref_here};
	attach(streams.left, form, &self);
	until(&self, MADE, 1);
	write_text(streams.right, "abc");
	until_count(&self, 3);
	end_direction(streams.right);
	expect_over(&self);
	EXPECT_INT(self.when, NONE);
	EXPECT_INT(aw_stream_close(streams.right), 0);
	expect_closed(streams.right);
	aw_stream_unref(streams.right);
}

static aw_status endings(void *ud) {
	const stream_kind *kind = ud;
	for (size_t form = 0; form < 2; form++) {
		for (enum callback where = MADE; where < CALLBACKS; where++) {
			if (form == 0 && (where == BUFFER || where == UPDATED)) continue;
			if (form == 1 && where == DATA) continue;
			end_in_each_callback(kind, forms[form], where, close_here);
			end_in_each_callback(kind, forms[form], where, abort_here);
			if (where != PAUSE && where != RESUME) drop_in_each_callback(kind, forms[form], where);
		}
	}
	return 0;
}

static void ends_inside_callbacks(void) {
	for (size_t i = 0; i < sizeof stream_kinds / sizeof *stream_kinds; i++) {
		if (stream_kinds[i].lacks) continue;
		in_a_task_with(endings, (void *)(uintptr_t)&stream_kinds[i]);
	}
}

/* The peer is gone: the loss has its error, and comes once. */
static void a_reset_is_a_loss(ends streams) {
	watcher self = {0};
	attach(streams.left, &plain, &self);
	until(&self, MADE, 1);
	EXPECT_INT(aw_stream_abort(streams.right), 0);
	expect_over(&self);
	EXPECT_INT(self.why, sees_a_reset(streams.left) ? -ECONNRESET : 0);
	EXPECT_INT(aw_stream_set_protocol(streams.left, &plain, NULL, NULL), -EPIPE);
}

static const aw_stream_options no_reset = {.size = sizeof no_reset, .flags = AW_STREAM_NO_RESET};

static void an_abort_without_a_reset(ends streams) {
	watcher self = {0};
	attach(streams.left, &plain, &self);
	until(&self, MADE, 1);
	EXPECT_INT(aw_stream_abort(streams.right), 0);
	expect_over(&self);
	EXPECT_INT(self.why, strcmp(aw_stream_kind(streams.left), "memory") ? 0 : -ECONNRESET);
}

static void order(void) {
	over_each_kind(callbacks_in_order);
	over_each_kind(nothing_has_to_be_there);
	over_kinds_with_all(HAS_NO_HALF_CLOSE | HAS_NO_WAY_THERE, an_end_can_leave_it_open);
	over_each_kind(readers_are_refused);
	over_each_kind(what_is_refused);
}

static const aw_stream_options lazy = {.size = sizeof lazy, .flags = AW_STREAM_NO_READ_AHEAD};

static void reading(void) {
	over_each_kind(memory_of_the_protocol);
	over_each_kind(a_pause_holds_within_a_batch);
	over_each_kind(a_pause_from_the_beginning);
	over_each_kind(a_pause_and_a_resume_in_one_callback);
	over_each_kind(begins_with_what_has_arrived);
	over_kinds_with_all(HAS_NO_LAST_WORDS, an_end_that_came_before_is_told);
	over_each_kind(the_protocol_can_be_taken_away);
	over_each_kind(it_can_be_taken_away_inside);
	over_each_kind(a_successor_is_greeted_first);
	over_each_kind(reading_inside_a_callback);
}

/* A protocol is passed what arrives, whatever readers are offered. */
static void without_reading_ahead(void) {
	over_each_kind_with(callbacks_in_order, &lazy);
	over_each_kind_with(memory_of_the_protocol, &lazy);
	over_each_kind_with(the_protocol_can_be_taken_away, &lazy);
}

static void writing(void) {
	over_kinds_with_all(HAS_NO_WAY_THERE | IS_SLOW, the_marks_pause_and_resume);
	over_kinds_with_all(HAS_NO_WAY_THERE | IS_SLOW, a_pause_that_came_before_is_told);
	over_kinds_with_all(HAS_NO_WAY_THERE | IS_SLOW, writes_inside_the_callbacks);
}

static void failures(void) {
	over_kinds_with_all(HAS_NO_WAY_THERE, data_received_fails);
	over_kinds_with_all(HAS_NO_WAY_THERE, get_buffer_fails);
	over_kinds_with_all(HAS_NO_WAY_THERE, buffer_updated_fails);
	over_kinds_with_all(HAS_NO_WAY_THERE | HAS_NO_HALF_CLOSE, eof_received_fails);
	over_each_kind(a_reset_is_a_loss);
	over_each_kind_with(an_abort_without_a_reset, &no_reset);
}

CHECK_MAIN("protocols", TEST(order), TEST(reading), TEST(without_reading_ahead), TEST(writing),
           TEST(failures), TEST(ends_inside_callbacks))
