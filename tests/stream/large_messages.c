/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/*
 * Large messages that arrive for several readers at once. Each is read in its reader's turn, so that one buffer serves
 * all of them; nobody can tell otherwise, whatever happens to a stream between its wake-up and its turn.
 */
#include "kinds.h"

enum { READERS = 8, MESSAGE = 32 * 1024, WARM_UP = 8 };

typedef struct reader {
	aw_stream *from, *to;
	aw_task *task;
	uint64_t taken;
	bool was_cancelled, is_done;
} reader;

static reader readers[READERS];
static int reader_count, turns, most_ahead, ended;
/* What the first reader of a round does to another one, once. */
static void (*interfere)(reader *other);

static char byte_at(uint64_t place) {
	return (char)(place * 7 + (place >> 8) * 13);
}

static void expect_bytes(const char *data, size_t length, uint64_t place) {
	size_t wrong = 0;
	for (size_t i = 0; i < length; i++) wrong += data[i] != byte_at(place + i);
	EXPECT_INT(wrong, 0);
}

static void write_message(reader *self) {
	static char message[MESSAGE];
	for (size_t i = 0; i < MESSAGE; i++) message[i] = byte_at(aw_stream_bytes_written(self->to) + i);
	EXPECT_INT(aw_stream_write(self->to, message, MESSAGE), 0);
	EXPECT_INT(aw_stream_write_buffer_size(self->to), 0);
}

static int count_ahead(void) {
	int count = 0;
	for (int i = 0; i < reader_count; i++) count += aw_stream_bytes_read(readers[i].from) > readers[i].taken;
	return count;
}

static aw_status take_message(reader *self) {
	const char *data;
	aw_status size = aw_stream_peek(self->from, MESSAGE, &data);
	if (size < 0) return size;
	EXPECT_INT(size, MESSAGE);
	expect_bytes(data, (size_t)size, self->taken);
	int ahead = count_ahead();
	if (ahead > most_ahead) most_ahead = ahead;
	self->taken += (uint64_t)size;
	return aw_stream_consume(self->from, (size_t)size);
}

static void expect_read(const reader *other) {
	EXPECT_INT(aw_stream_bytes_read(other->from) - other->taken, MESSAGE);
}

static aw_status read_one(void *ud) {
	reader *self = ud;
	aw_status status = take_message(self);
	if (status == AW_ECANCELLED) {
		self->was_cancelled = true;
		expect_read(self);
		status = take_message(self); /* which has lost nothing */
	}
	EXPECT(status >= 0);
	self->is_done = true;
	ended++;
	if (turns++ == 0 && interfere)
		for (int i = 0; i < reader_count; i++)
			if (!readers[i].is_done) interfere(&readers[i]);
	return 0;
}

/* A message for each reader, all at once. */
static void run_round(void) {
	ended = turns = most_ahead = 0;
	for (int i = 0; i < reader_count; i++) {
		readers[i].is_done = false;
		EXPECT_INT(aw_task_spawn(NULL, read_one, &readers[i], NULL, &readers[i].task), 0);
	}
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(ended, 0);
	for (int i = 0; i < reader_count; i++) write_message(&readers[i]);
	for (int i = 0; i < reader_count; i++) {
		EXPECT(aw_await(aw_task_future(readers[i].task), NULL) >= 0);
		aw_task_unref(readers[i].task);
	}
	EXPECT_INT(ended, reader_count);
}

static void begin(int count) {
	reader_count = count;
	interfere = NULL;
	for (int i = 0; i < count; i++) {
		ends both = open_unix(NULL);
		readers[i] = (reader){.from = both.right, .to = both.left};
	}
	/* Until it is known that messages are large. */
	for (int i = 0; i < WARM_UP; i++) run_round();
}

static void end(void) {
	for (int i = 0; i < reader_count; i++) {
		aw_stream_close(readers[i].from);
		aw_stream_close(readers[i].to);
		expect_closed(readers[i].from);
		expect_closed(readers[i].to);
		aw_stream_unref(readers[i].from);
		aw_stream_unref(readers[i].to);
	}
}

/* --- cases --- */

static aw_status run_sharing(void *ud) {
	(void)ud;
	begin(READERS);
	run_round();
	EXPECT_INT(most_ahead, 1);
	end();
	return 0;
}

static void one_buffer_serves_all_readers(void) {
	EXPECT_INT(aw_run(NULL, run_sharing, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void cancel_it(reader *other) {
	EXPECT_INT(aw_task_cancel(other->task, NULL), 1);
}

static void close_it(reader *other) {
	EXPECT_INT(aw_stream_close(other->from), 0);
	expect_read(other);
}

static void abort_it(reader *other) {
	EXPECT_INT(aw_stream_abort(other->from), 0);
	expect_read(other);
}

static void pause_it(reader *other) {
	EXPECT_INT(aw_stream_pause_reading(other->from), 0);
	expect_read(other);
}

static void look_at_it(reader *other) {
	const char *data;
	EXPECT_INT(aw_stream_view(other->from, &data), MESSAGE);
	expect_bytes(data, MESSAGE, other->taken);
	expect_read(other);
}

static void reset_it(reader *other) {
	aw_stream_abort(other->to);
	EXPECT_INT(aw_sleep(0), 0);
}

static aw_status run_interference(void *ud) {
	void (*const *how)(reader * other) = ud;
	begin(2);
	interfere = *how;
	run_round();
	EXPECT_INT(turns, 2);
	EXPECT_INT(readers[0].was_cancelled + readers[1].was_cancelled, *how == cancel_it);
	end();
	return 0;
}

static void nothing_that_happens_in_between_loses_bytes(void) {
	static void (*const all[])(reader * other) = {cancel_it, close_it,   abort_it,
	                                              pause_it,  look_at_it, reset_it};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		void (*how)(reader * other) = all[i];
		EXPECT_INT(aw_run(NULL, run_interference, &how, NULL, NULL), 0);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
}

CHECK_MAIN("large_messages", TEST(one_buffer_serves_all_readers),
           TEST(nothing_that_happens_in_between_loses_bytes))
