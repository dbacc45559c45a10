/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/*
 * Streams under load, with cancelled calls, time limits, half-closes and aborts at random: every byte arrives once
 * and in order, and nothing is left behind. AWAIT_HUNT_SECONDS lengthens the hunt, AWAIT_HUNT_SEED repeats one.
 */
#include "kinds.h"

#include <stdlib.h>
#include <time.h>

enum { CONNECTIONS = 6, PIECE_MAX = 30000, GOAL_MAX = 300000 };

/* --- chance --- */

static uint64_t chance_state;

static uint32_t chance(uint32_t below) {
	chance_state ^= chance_state << 13;
	chance_state ^= chance_state >> 7;
	chance_state ^= chance_state << 17;
	return (uint32_t)(chance_state >> 32) % below;
}

/* --- the bytes of one direction --- */

typedef struct direction {
	uint32_t salt;
	uint64_t goal, written, received;
	uint32_t hash_written, hash_received;
	bool wrong, eof;
} direction;

static unsigned char byte_at(const direction *self, uint64_t at) {
	return (unsigned char)(((uint32_t)at * 2654435761u ^ self->salt) >> 11);
}

static void hash_add(uint32_t *hash, unsigned char byte) {
	*hash = (*hash ^ byte) * 16777619u;
}

static void note_written(direction *self, size_t count) {
	for (size_t i = 0; i < count; i++) hash_add(&self->hash_written, byte_at(self, self->written++));
}

static void note_received(direction *self, const void *data, size_t count) {
	const unsigned char *bytes = data;
	for (size_t i = 0; i < count; i++) {
		self->wrong |= bytes[i] != byte_at(self, self->received++);
		hash_add(&self->hash_received, bytes[i]);
	}
}

/* --- calls that may be cancelled at any time --- */

enum call_kind { READ, EXACTLY, UNTIL, LINE, PEEK, READY_IN, READY_OUT, SEND, DRAIN, CLOSED };

typedef struct call {
	enum call_kind kind;
	aw_stream *stream;
	char *buffer;
	size_t length, sent;
	const char *view;
	aw_status result;
} call;

static aw_status call_run(void *ud) {
	call *self = ud;
	switch (self->kind) {
	case READ: self->result = aw_stream_read(self->stream, self->buffer, self->length); break;
	case EXACTLY: self->result = aw_stream_readexactly(self->stream, self->buffer, self->length); break;
	case UNTIL: self->result = aw_stream_readuntil(self->stream, "\n", 1, &self->view); break;
	case LINE: self->result = aw_stream_readline(self->stream, &self->view); break;
	case PEEK: self->result = aw_stream_peek(self->stream, self->length, &self->view); break;
	case READY_IN: self->result = aw_stream_wait_ready(self->stream, AW_POLL_IN); break;
	case READY_OUT: self->result = aw_stream_wait_ready(self->stream, AW_POLL_OUT); break;
	case SEND: self->result = aw_stream_send(self->stream, self->buffer, self->length, &self->sent); break;
	case DRAIN: self->result = aw_stream_drain(self->stream); break;
	case CLOSED: self->result = aw_stream_wait_closed(self->stream, chance(2) ? -1 : AW_MILLISECOND); break;
	}
	return self->result == AW_ECANCELLED ? AW_ECANCELLED : 0;
}

static void some_turns(uint32_t below) {
	for (uint32_t i = chance(below); i; i--) EXPECT_INT(aw_sleep(0), 0);
	if (!chance(8)) EXPECT_INT(aw_sleep((int64_t)chance(500) * AW_MICROSECOND), 0);
}

/* In a task, which is cancelled, or has a time limit, or neither. */
static aw_status attempt(call *self) {
	aw_task *task = NULL;
	self->result = AW_ECANCELLED;
	self->sent = 0;
	EXPECT_INT(aw_task_spawn(NULL, call_run, self, NULL, &task), 0);
	switch (chance(4)) {
	case 0:
		some_turns(4);
		aw_task_cancel(task, NULL);
		break;
	case 1: IGNORED(aw_wait_for(aw_task_future(task), (int64_t)chance(400) * AW_MICROSECOND, NULL)); break;
	default: break;
	}
	IGNORED(aw_await(aw_task_future(task), NULL));
	aw_task_unref(task);
	return self->result;
}

/* --- writing --- */

typedef struct talker {
	aw_stream *stream;
	direction *out, *in; /* NULL: nothing goes that way */
	bool closes;         /* when it has written, rather than only its direction */
	bool by_callbacks;   /* reads so */
	bool lost;
	char *write_buffer, *read_buffer;
	struct talker *peer;
} talker;

static bool is_over(aw_status status) {
	return status < 0 && status != AW_ECANCELLED && status != -EAGAIN;
}

static aw_status write_piece(talker *self, size_t size) {
	char *data = self->write_buffer;
	direction *out = self->out;
	for (size_t i = 0; i < size; i++) data[i] = (char)byte_at(out, out->written + i);
	size_t third = size / 3;
	struct iovec parts[] = {{data, third}, {data + third, third}, {data + 2 * third, size - 2 * third}};
	call sending = {.kind = SEND, .stream = self->stream, .buffer = data, .length = size};
	aw_status status;
	switch (chance(4)) {
	case 0: status = aw_stream_writelines(self->stream, parts, 3); break;
	case 1:
		status = attempt(&sending);
		note_written(out, sending.sent);
		return status;
	case 2:
		status = aw_stream_try_write(self->stream, data, size);
		if (status > 0) note_written(out, (size_t)status);
		return status;
	default: status = aw_stream_write(self->stream, data, size); break;
	}
	if (status == 0) note_written(out, size);
	return status;
}

static aw_status write_all(void *ud) {
	talker *self = ud;
	aw_status status = 0;
	while (self->out->written < self->out->goal) {
		uint64_t left = self->out->goal - self->out->written;
		size_t size = 1 + (chance(3) ? chance(200) : chance(PIECE_MAX));
		status = write_piece(self, left < size ? left : size);
		if (is_over(status)) return 0;
		call waiting = {.kind = status == -EAGAIN ? READY_OUT : DRAIN, .stream = self->stream};
		if (status == -EAGAIN || !chance(3) || aw_stream_write_buffer_size(self->stream) > PIECE_MAX)
			if (is_over(attempt(&waiting))) return 0;
		some_turns(3);
	}
	if (self->closes)
		IGNORED(aw_stream_close(self->stream));
	else
		IGNORED(aw_stream_write_eof(self->stream));
	return 0;
}

/* --- reading --- */

static bool take(talker *self, call *reading) {
	direction *in = self->in;
	aw_status status = attempt(reading);
	if (status == AW_EINCOMPLETE) {
		/* What arrived is still there. */
		reading->kind = READ;
		status = attempt(reading);
	}
	if (status == AW_ELIMIT) {
		reading->kind = READ;
		status = attempt(reading);
	}
	if (reading->kind == READY_IN && status >= 0) {
		status = aw_stream_try_read(self->stream, reading->buffer, reading->length);
		reading->kind = READ;
	}
	if (status == AW_ECANCELLED || status == -EAGAIN) return true;
	if (status < 0) return false;
	if (status == 0) {
		in->eof = true;
		return false;
	}
	switch (reading->kind) {
	case UNTIL:
	case LINE: note_received(in, reading->view, (size_t)status); break;
	case PEEK: {
		size_t some = 1 + chance((uint32_t)status);
		note_received(in, reading->view, some);
		EXPECT_INT(aw_stream_consume(self->stream, some), 0);
		break;
	}
	default: note_received(in, reading->buffer, (size_t)status); break;
	}
	return true;
}

static aw_status read_all(void *ud) {
	talker *self = ud;
	static const enum call_kind kinds[] = {READ, READ, EXACTLY, UNTIL, LINE, PEEK, READY_IN};
	for (;;) {
		call reading = {.kind = kinds[chance(7)],
		                .stream = self->stream,
		                .buffer = self->read_buffer,
		                .length = 1 + chance(chance(2) ? 100 : PIECE_MAX)};
		if (!take(self, &reading)) return 0;
		if (!chance(16)) {
			IGNORED(aw_stream_pause_reading(self->stream));
			some_turns(4);
			IGNORED(aw_stream_resume_reading(self->stream));
		}
		some_turns(3);
	}
}

static aw_status resume(aw_loop *loop, void *stream) {
	(void)loop;
	return aw_stream_resume_reading(stream);
}

static void drop_stream(void *stream) {
	aw_stream_unref(stream);
}

static aw_status data_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	talker *self = ud;
	note_received(self->in, data, length);
	if (chance(4)) return 0;
	IGNORED(aw_stream_pause_reading(stream));
	return aw_loop_call_later(aw_loop_current(), (int64_t)chance(300) * AW_MICROSECOND, resume,
	                          aw_stream_ref(stream), drop_stream, NULL);
}

static aw_status eof_received(aw_stream *stream, void *ud) {
	talker *self = ud;
	(void)stream;
	self->in->eof = true;
	return 1;
}

static void connection_lost(aw_stream *stream, void *ud, aw_status why) {
	talker *self = ud;
	(void)stream;
	(void)why;
	EXPECT(!self->lost);
	self->lost = true;
}

static const aw_protocol protocol = {.size = sizeof protocol,
                                     .data_received = data_received,
                                     .eof_received = eof_received,
                                     .connection_lost = connection_lost};

static aw_status read_by_callbacks(void *ud) {
	talker *self = ud;
	if (aw_stream_set_protocol(self->stream, &protocol, self, NULL) < 0) return 0;
	while (!self->in->eof && !self->lost) EXPECT_INT(aw_sleep(200 * AW_MICROSECOND), 0);
	/* It must not outlive the connection's function. */
	IGNORED(aw_stream_set_protocol(self->stream, NULL, NULL, NULL));
	return 0;
}

/* --- a connection --- */

enum ending { ENDS, CLOSES, IS_ABORTED, ENDINGS };

typedef struct connection {
	const stream_kind *kind;
	int connections, bytes; /* what it has done, in thousands of bytes */
} connection;

static void start(talker *self, aw_future **tasks, size_t *count) {
	if (self->out) tasks[(*count)++] = spawn(write_all, self);
	if (self->in) tasks[(*count)++] = spawn(self->by_callbacks ? read_by_callbacks : read_all, self);
}

static void close_side(talker *self) {
	IGNORED(aw_stream_close(self->stream));
	call closing = {.kind = CLOSED, .stream = self->stream};
	IGNORED(attempt(&closing));
	expect_closed(self->stream);
	aw_stream_unref(self->stream);
}

static bool is_whole(const direction *self) {
	return self->eof && self->written == self->goal && self->received == self->written &&
	       self->hash_received == self->hash_written;
}

static void connect_once(connection *self) {
	enum ending ending = (enum ending)chance(ENDINGS);
	aw_stream_options options = {.size = sizeof options, .flags = chance(3) ? 0 : AW_STREAM_NO_READ_AHEAD};
	if (chance(2)) options.limit = 1 + chance(5000);
	if (chance(2)) options.high_water = 1 + chance(100000);
	ends streams = self->kind->open(&options);
	direction there = {.salt = chance(1u << 31), .goal = 1 + chance(GOAL_MAX)},
			  back = {.salt = chance(1u << 31), .goal = 1 + chance(GOAL_MAX)};
	char *memory = malloc(4 * PIECE_MAX);
	talker left = {.stream = streams.left, .write_buffer = memory, .read_buffer = memory + PIECE_MAX},
		   right = {.stream = streams.right,
	                .write_buffer = memory + 2 * PIECE_MAX,
	                .read_buffer = memory + 3 * PIECE_MAX};
	left.out = right.in = &there;
	/* A close that leaves bytes unread resets the connection: then they go one way. */
	if (ending != CLOSES) right.out = left.in = &back;
	left.closes = ending == CLOSES;
	left.by_callbacks = !chance(4);
	right.by_callbacks = !chance(4);
	aw_future *tasks[4];
	size_t count = 0;
	start(&left, tasks, &count);
	start(&right, tasks, &count);
	if (ending == IS_ABORTED) {
		some_turns(100);
		EXPECT_INT(aw_stream_abort(chance(2) ? left.stream : right.stream), 0);
	}
	for (size_t i = 0; i < count; i++) {
		EXPECT_INT(aw_await(tasks[i], NULL), 0);
		aw_future_unref(tasks[i]);
	}
	EXPECT(!there.wrong && !back.wrong);
	EXPECT(there.received <= there.written && back.received <= back.written);
	if (ending != IS_ABORTED) EXPECT(is_whole(&there));
	if (ending == ENDS) EXPECT(is_whole(&back));
	close_side(&left);
	close_side(&right);
	free(memory);
	self->connections++;
	self->bytes += (int)((there.received + back.received) / 1000);
}

/* --- the hunt --- */

static double seconds_now(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double deadline;

static aw_status connect_on(void *ud) {
	while (seconds_now() < deadline && !CU_get_number_of_failures()) connect_once(ud);
	return 0;
}

static aw_status hunt_over(void *ud) {
	connection *self = ud;
	aw_future *tasks[CONNECTIONS];
	for (int i = 0; i < CONNECTIONS; i++) tasks[i] = spawn(connect_on, self);
	for (int i = 0; i < CONNECTIONS; i++) {
		EXPECT_INT(aw_await(tasks[i], NULL), 0);
		aw_future_unref(tasks[i]);
	}
	return 0;
}

static void every_byte_arrives_once_and_in_order(void) {
	const char *seconds = getenv("AWAIT_HUNT_SECONDS"), *seed = getenv("AWAIT_HUNT_SEED");
	uint64_t begun_with = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL) * 1000 + (uint64_t)getpid();
	aw_loop *first = NULL;
	EXPECT_INT(aw_loop_new(NULL, &first), 0);
	aw_loop_unref(first);
	const size_t kinds = sizeof stream_kinds / sizeof *stream_kinds;
	for (size_t i = 0; i < kinds; i++) {
		connection self = {.kind = &stream_kinds[i]};
		int descriptors = open_descriptors();
		chance_state = begun_with ? begun_with : 1;
		deadline = seconds_now() + (seconds ? atof(seconds) : 2) / (double)kinds;
		EXPECT_INT(aw_run(NULL, hunt_over, &self, NULL, NULL), 0);
		EXPECT_INT(aw_debug_live_handles(), 0);
		EXPECT_INT(open_descriptors(), descriptors);
		printf("\n    %s: %d connections, %d thousand bytes", self.kind->name, self.connections, self.bytes);
	}
	if (CU_get_number_of_failures()) printf("\n    AWAIT_HUNT_SEED=%llu\n", (unsigned long long)begun_with);
	printf("\n    ");
}

CHECK_MAIN("byte_hunt", TEST(every_byte_arrives_once_and_in_order))
