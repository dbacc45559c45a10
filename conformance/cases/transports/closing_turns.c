/* SPDX-License-Identifier: MIT */
/*
 * How many iterations of the loop lie between close() or abort() and connection_lost, and in which order callbacks run
 * that are scheduled around it.
 */
#include "streams.h"

#include <stdlib.h>

enum place { NOWHERE, IN_DATA, IN_PAUSE };

typedef struct connection {
	aw_stream *stream;
	int right, began;
	enum place act_in;
	const char *how;
	bool is_lost;
} connection;

/* A callback that prints a word. */
typedef struct line {
	const connection *owner;
	const char *word;
} line;

static int turn;

static aw_status tick(aw_loop *loop, void *ud) {
	turn++;
	return aw_loop_call_soon(loop, tick, ud, NULL, NULL);
}

static void some_turns(void) {
	for (int i = 0; i < 5; i++) must(aw_sleep(0));
}

static void until_lost(const connection *self) {
	while (!self->is_lost) must(aw_sleep(0));
	some_turns();
}

static void begin(connection *self, const char *word) {
	self->began = turn;
	trace("%s", word);
}

static void note(const connection *self, const char *word) {
	trace("  %s %d", word, turn - self->began);
}

static aw_status print_line(aw_loop *loop, void *ud) {
	const line *self = ud;
	(void)loop;
	note(self->owner, self->word);
	return 0;
}

static void note_soon(const connection *self, const char *word) {
	line *made = malloc(sizeof *made);
	*made = (line){self, word};
	must(aw_loop_call_soon(aw_loop_current(), print_line, made, free, NULL));
}

static void act(connection *self, const char *how) {
	begin(self, how);
	note_soon(self, "before");
	must(strcmp(how, "close") == 0 ? aw_stream_close(self->stream) : aw_stream_abort(self->stream));
	note_soon(self, "after");
}

static aw_status data_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	connection *self = ud;
	(void)stream;
	(void)data;
	(void)length;
	if (self->act_in == IN_DATA) act(self, self->how);
	return 0;
}

static aw_status eof_received(aw_stream *stream, void *ud) {
	(void)stream;
	begin(ud, "eof");
	note_soon(ud, "scheduled before");
	return 0;
}

static void pause_writing(aw_stream *stream, void *ud) {
	connection *self = ud;
	(void)stream;
	if (self->act_in == IN_PAUSE) act(self, self->how);
}

static void resume_writing(aw_stream *stream, void *ud) {
	(void)stream;
	begin(ud, "all sent");
	note_soon(ud, "scheduled");
}

static void lost(aw_stream *stream, void *ud, aw_status why) {
	connection *self = ud;
	(void)stream;
	self->is_lost = true;
	note(self, why == 0 ? "lost" : "lost by an error");
	note_soon(self, "scheduled by the loss");
}

static const aw_protocol protocol = {.size = sizeof protocol,
                                     .data_received = data_received,
                                     .eof_received = eof_received,
                                     .connection_lost = lost,
                                     .pause_writing = pause_writing,
                                     .resume_writing = resume_writing};

static void open_one(connection *self, enum place act_in, const char *how) {
	int fds[2], size = 4096;
	*self = (connection){.act_in = act_in, .how = how};
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	must(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
	self->right = fds[1];
	must(aw_stream_from_fd(NULL, fds[0], NULL, &self->stream));
	must(aw_stream_set_protocol(self->stream, &protocol, self, NULL));
	some_turns();
}

static void end_one(connection *self) {
	until_lost(self);
	aw_stream_unref(self->stream);
	close(self->right);
}

enum { MANY = 1 << 16 };
static char bytes[MANY];

static void either_way(const char *how) {
	connection self;
	char text[10] = "";

	trace("- idle");
	open_one(&self, NOWHERE, NULL);
	act(&self, how);
	end_one(&self);

	trace("- while reading is paused");
	open_one(&self, NOWHERE, NULL);
	must(aw_stream_pause_reading(self.stream));
	act(&self, how);
	end_one(&self);

	trace("- after a write");
	open_one(&self, NOWHERE, NULL);
	write_text(self.stream, "one");
	act(&self, how);
	until_lost(&self);
	must((aw_status)recv(self.right, text, 9, 0));
	trace("%s", text);
	end_one(&self);

	trace("- in data_received");
	open_one(&self, IN_DATA, how);
	must((aw_status)send(self.right, "1", 1, 0));
	end_one(&self);
}

static aw_status program(void *ud) {
	connection self;
	(void)ud;
	must(aw_loop_call_soon(aw_loop_current(), tick, NULL, NULL, NULL));
	either_way("close");
	either_way("abort");

	trace("- with bytes to send");
	open_one(&self, NOWHERE, NULL);
	must(aw_stream_write(self.stream, bytes, MANY));
	act(&self, "abort");
	end_one(&self);

	trace("- in pause_writing");
	open_one(&self, IN_PAUSE, "abort");
	must(aw_stream_set_write_buffer_limits(self.stream, 0, -1));
	must(aw_stream_write(self.stream, bytes, MANY));
	end_one(&self);

	trace("- close with bytes to send");
	open_one(&self, NOWHERE, NULL);
	must(aw_stream_set_write_buffer_limits(self.stream, 0, -1));
	must(aw_stream_write(self.stream, bytes, MANY));
	must(aw_stream_close(self.stream));
	some_turns();
	trace("not lost yet");
	while (!self.is_lost) {
		(void)recv(self.right, bytes, MANY, MSG_DONTWAIT);
		must(aw_sleep(0));
	}
	end_one(&self);

	trace("- close, then abort, with bytes to send");
	open_one(&self, NOWHERE, NULL);
	must(aw_stream_write(self.stream, bytes, MANY));
	must(aw_stream_close(self.stream));
	some_turns();
	act(&self, "abort");
	end_one(&self);

	trace("- the end of the peer");
	open_one(&self, NOWHERE, NULL);
	must(shutdown(self.right, SHUT_RDWR));
	end_one(&self);
	return 0;
}

CASE(closing_turns, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
