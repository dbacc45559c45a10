/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/*
 * What has arrived for a stream that does not read on: it stays bounded, comes first, and is followed by the end or
 * the error of the connection. A backend may have received it by itself.
 */
#include "kinds.h"

enum { PIECE = 4096, MOST = 8 * 1024 * 1024, LIMIT = 16 };

static const aw_stream_options small = {.size = sizeof small, .limit = LIMIT, .high_water = 1};

/* A byte that tells its place. */
static char byte_at(size_t place) {
	return (char)(place * 7 + (place >> 8) * 13 + (place >> 16));
}

/* Writes until nothing is taken for a while; returns how much that was in all. */
static size_t write_until_full(aw_stream *stream, size_t place) {
	for (int idle = 0; idle < 20 && place < MOST;) {
		char piece[PIECE];
		for (size_t i = 0; i < PIECE; i++) piece[i] = byte_at(place + i);
		aw_status count = aw_stream_try_write(stream, piece, PIECE);
		if (count > 0) {
			place += (size_t)count;
			idle = 0;
			continue;
		}
		EXPECT_INT(count, -EAGAIN);
		idle++;
		EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	}
	return place;
}

/* Reads what there should be and checks it. */
static void read_places(aw_stream *stream, size_t place, size_t end) {
	size_t wrong = 0;
	char buffer[3 * PIECE + 1];
	while (place < end) {
		size_t length = end - place < sizeof buffer ? end - place : sizeof buffer;
		aw_status count = aw_stream_read(stream, buffer, length);
		EXPECT(count > 0);
		if (count <= 0) return;
		for (int i = 0; i < count; i++) wrong += buffer[i] != byte_at(place + (size_t)i);
		place += (size_t)count;
	}
	EXPECT_INT(wrong, 0);
}

static void shrink(ends streams) {
	int fds[] = {aw_stream_fd(streams.left), aw_stream_fd(streams.right)}, size = 32 * 1024;
	for (int i = 0; i < 2; i++) {
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	}
}

static size_t view_size(aw_stream *stream) {
	const char *data;
	aw_status size = aw_stream_view(stream, &data);
	EXPECT(size >= 0);
	EXPECT_INT(aw_stream_consume(stream, 0), 0);
	return (size_t)size;
}

static void slow_reader(ends streams) {
	shrink(streams);
	size_t read = 0, written = 0;
	for (int i = 0; i < 10; i++) {
		written = write_until_full(streams.left, written);
		EXPECT(written - read < MOST / 2);
		EXPECT(view_size(streams.right) < 256 * 1024);
		/* A little at a time, and everything once. */
		size_t next = i == 5 ? written : read + 100;
		read_places(streams.right, read, next);
		read = next;
	}
	read_places(streams.right, read, written);
}

static void a_slow_reader_does_not_fill_the_memory(void) {
	over_each_kind(slow_reader);
	over_each_kind_with(slow_reader, &small);
}

static void paused_reader(ends streams) {
	shrink(streams);
	/* Let it begin to read. */
	EXPECT_INT(aw_stream_write(streams.left, "", 1), 0);
	EXPECT(byte_at(0) == 0);
	read_places(streams.right, 0, 1);
	EXPECT_INT(aw_stream_pause_reading(streams.right), 0);
	size_t written = write_until_full(streams.left, 1);
	EXPECT_INT(aw_stream_bytes_read(streams.right), 1);
	EXPECT_INT(aw_stream_resume_reading(streams.right), 0);
	read_places(streams.right, 1, written);
}

static void a_paused_reader_gets_nothing(void) {
	over_each_kind(paused_reader);
}

/* Many messages, small and large by turns, so that the way of reading changes. */
static void sizes_change(ends streams) {
	size_t place = 0;
	for (int i = 0; i < 1500; i++) {
		char piece[PIECE * 4];
		size_t length = i / 100 % 2 ? 1 + (size_t)i % 10 : sizeof piece - (size_t)i;
		for (size_t k = 0; k < length; k++) piece[k] = byte_at(place + k);
		EXPECT_INT(aw_stream_write(streams.left, piece, length), 0);
		read_places(streams.right, place, place + length);
		place += length;
	}
}

static void large_and_small_messages_by_turns(void) {
	over_each_kind(sizes_change);
}

static void half_close(ends streams) {
	char byte;
	size_t written = write_until_full(streams.left, 0);
	EXPECT_INT(aw_stream_write_eof(streams.left), 0);
	EXPECT_INT(aw_sleep(10 * AW_MILLISECOND), 0);
	read_places(streams.right, 0, written);
	EXPECT_INT(aw_stream_read(streams.right, &byte, 1), 0);
	EXPECT_INT(aw_stream_read(streams.right, &byte, 1), 0);
	/* The other direction still is open. */
	EXPECT_INT(aw_stream_write(streams.right, "back", 4), 0);
	char text[4];
	EXPECT_INT(aw_stream_readexactly(streams.left, text, 4), 4);
}

static void the_end_comes_after_the_bytes(void) {
	over_each_kind_with(half_close, &small);
	over_each_kind(half_close);
}

static void reset(ends streams) {
	char text[8];
	if (strcmp(aw_stream_kind(streams.left), "tcp")) return;
	EXPECT_INT(aw_stream_write(streams.left, "data", 4), 0);
	EXPECT_INT(aw_stream_readexactly(streams.right, text, 1), 1);
	EXPECT_INT(aw_stream_abort(streams.left), 0);
	EXPECT_INT(aw_sleep(10 * AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_read(streams.right, text, 8), 3);
	EXPECT_INT(aw_stream_read(streams.right, text, 8), -ECONNRESET);
}

/* The receive may have found the reset before the write does. */
static void reset_found_by_a_write(ends streams) {
	if (strcmp(aw_stream_kind(streams.left), "tcp")) return;
	EXPECT_INT(aw_stream_write(streams.left, "data", 4), 0);
	EXPECT_INT(aw_sleep(10 * AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_pause_reading(streams.right), 0);
	EXPECT_INT(aw_stream_abort(streams.left), 0);
	EXPECT_INT(aw_sleep(10 * AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_write(streams.right, "x", 1), -ECONNRESET);
}

static void a_reset_is_reported(void) {
	over_each_kind(reset);
	over_each_kind(reset_found_by_a_write);
}

/* What was received before the copy comes first. */
static void copy_after(ends streams) {
	ends to = open_unix(NULL);
	aw_stream *all[] = {streams.left, streams.right, to.left, to.right};
	for (int i = 0; i < 4; i++) {
		int fd = aw_stream_fd(all[i]);
		if (fd >= 0) EXPECT_INT(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
	}
	shrink(streams);
	size_t written = write_until_full(streams.left, 0), place = 0;
	EXPECT_INT(aw_stream_write_eof(streams.left), 0);
	while (place < written) {
		uint64_t count = 0;
		size_t length = written - place < 5000 ? written - place : 5000;
		EXPECT_INT(aw_stream_copy(streams.right, to.left, (int64_t)length, NULL, &count, NULL), 0);
		EXPECT_INT(count, length);
		if (count != length) break;
		read_places(to.right, place, place + length);
		place += length;
		/* In between it is read in the usual way. */
		length = written - place < 50 ? written - place : 50;
		read_places(streams.right, place, place + length);
		place += length;
		for (int i = 0; i < 3; i++) EXPECT_INT(aw_sleep(0), 0);
	}
	char byte;
	EXPECT_INT(aw_stream_read(streams.right, &byte, 1), 0);
	aw_stream_close(to.left);
	aw_stream_close(to.right);
	expect_closed(to.left);
	expect_closed(to.right);
	aw_stream_unref(to.left);
	aw_stream_unref(to.right);
}

static void a_copy_begins_with_what_was_received(void) {
	over_each_kind_with(copy_after, &small);
	over_each_kind(copy_after);
}

/* More streams than there are buffers, and none of them reads: the others still do. */
enum { STREAMS = 60 };

static aw_status many_streams(void *ud) {
	(void)ud;
	ends idle[STREAMS], busy = open_unix(NULL);
	for (int i = 0; i < STREAMS; i++) {
		idle[i] = open_unix(&small);
		(void)!aw_stream_write(idle[i].left, "0123456789012345678901234567890123456789", 40);
	}
	for (int turn = 0; turn < 20; turn++) {
		for (int i = 0; i < STREAMS; i++) (void)!aw_stream_try_write(idle[i].left, "more", 4);
		EXPECT_INT(aw_stream_write(busy.left, "x", 1), 0);
		char byte = 0;
		EXPECT_INT(aw_stream_read(busy.right, &byte, 1), 1);
		EXPECT_INT(byte, 'x');
	}
	for (int i = 0; i < STREAMS; i++) {
		char text[40];
		EXPECT_INT(aw_stream_readexactly(idle[i].right, text, 40), 40);
		EXPECT(!memcmp(text, "0123456789012345678901234567890123456789", 40));
		aw_stream_abort(idle[i].left);
		aw_stream_abort(idle[i].right);
		aw_stream_unref(idle[i].left);
		aw_stream_unref(idle[i].right);
	}
	aw_stream_close(busy.left);
	aw_stream_close(busy.right);
	aw_stream_unref(busy.left);
	aw_stream_unref(busy.right);
	return 0;
}

static void streams_that_do_not_read_leave_buffers_to_others(void) {
	EXPECT_INT(aw_run(NULL, many_streams, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("incoming", TEST(a_slow_reader_does_not_fill_the_memory), TEST(a_paused_reader_gets_nothing),
           TEST(large_and_small_messages_by_turns), TEST(the_end_comes_after_the_bytes),
           TEST(a_reset_is_reported), TEST(a_copy_begins_with_what_was_received),
           TEST(streams_that_do_not_read_leave_buffers_to_others))
