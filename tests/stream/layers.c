/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind-once */
/* What a stream over another one needs: bytes that stay where they are, errors with words, its own data. */
#include "kinds.h"

/* --- data_available --- */

typedef struct layer {
	size_t last, calls;
	bool ended;
} layer;

static aw_status on_data(aw_stream *stream, void *ud, size_t length) {
	layer *self = ud;
	const char *data;
	EXPECT_INT(aw_stream_view(stream, &data), (int)length);
	self->last = length;
	self->calls++;
	return 0;
}

static aw_status on_end(aw_stream *stream, void *ud) {
	(void)stream;
	((layer *)ud)->ended = true;
	return 1;
}

static const aw_protocol protocol = {
	.size = sizeof protocol, .data_available = on_data, .eof_received = on_end};

static void settle(void) {
	for (int i = 0; i < 20; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND / 4), 0);
}

static void takes_nothing_by_itself(ends streams) {
	layer self = {0};
	const char *data;
	EXPECT_INT(aw_stream_write(streams.left, "early", 5), 0);
	settle();
	EXPECT_INT(aw_stream_set_protocol(streams.right, &protocol, &self, NULL), 0);
	settle();
	EXPECT_INT(self.last, 5);
	EXPECT_INT(aw_stream_write(streams.left, " late", 5), 0);
	settle();
	EXPECT_INT(self.last, 10);
	EXPECT_INT(aw_stream_view(streams.right, &data), 10);
	EXPECT(!memcmp(data, "early late", 10));
	EXPECT_INT(aw_stream_consume(streams.right, 6), 0);
	end_direction(streams.left);
	settle();
	EXPECT(self.ended);
	EXPECT_INT(aw_stream_view(streams.right, &data), 4);
	EXPECT(!memcmp(data, "late", 4));
	EXPECT_INT(aw_stream_set_protocol(streams.right, NULL, NULL, NULL), 0);
}

static void what_stays_counts_against_the_limit(ends streams) {
	layer self = {0};
	const char *data;
	enum { MUCH = 1024 * 1024 };
	char *much = calloc(1, MUCH);
	EXPECT_INT(aw_stream_set_protocol(streams.right, &protocol, &self, NULL), 0);
	EXPECT_INT(aw_stream_write(streams.left, much, MUCH), 0);
	free(much);
	settle();
	aw_status first = aw_stream_view(streams.right, &data);
	EXPECT(first > 64 * 1024 && first < 512 * 1024);
	size_t total = 0, calls = self.calls;
	for (int i = 0; i < 4000 && total < MUCH; i++) {
		aw_status count = aw_stream_view(streams.right, &data);
		EXPECT_INT(aw_stream_consume(streams.right, (size_t)count), 0);
		total += (size_t)count;
		EXPECT_INT(aw_sleep(0), 0);
	}
	EXPECT_INT(total, MUCH);
	EXPECT(self.calls > calls);
	EXPECT_INT(aw_stream_set_protocol(streams.right, NULL, NULL, NULL), 0);
}

static void available(void) {
	static const aw_stream_options lazy = {.size = sizeof lazy, .flags = AW_STREAM_NO_READ_AHEAD};
	over_each_kind(takes_nothing_by_itself);
	over_kinds_with_all(IS_SLOW, what_stays_counts_against_the_limit);
	/* A protocol is called for what arrives, also where nobody else reads ahead. */
	over_each_kind_with(takes_nothing_by_itself, &lazy);
}

/* --- a table whose reads fail --- */

typedef struct broken {
	aw_stream *stream; /* borrowed */
	bool is_released;
} broken;

static aw_status broken_read(void *ud, void *buffer, size_t length) {
	broken *self = ud;
	aw_error *error = NULL;
	(void)buffer;
	(void)length;
	EXPECT_INT(aw_error_new(aw_loop_current(), -EPROTO, "it is broken", NULL, NULL, &error), 0);
	EXPECT_INT(aw_stream_fail(self->stream, error), 0);
	aw_error_unref(error);
	return -EPROTO;
}

static aw_status broken_write(void *ud, const struct iovec *parts, size_t count) {
	(void)ud;
	(void)parts;
	(void)count;
	return -EAGAIN;
}

static aw_status broken_watch(void *ud, uint32_t events) {
	(void)ud;
	(void)events;
	return 0;
}

static aw_status broken_close(void *ud, aw_bool aborting) {
	(void)ud;
	(void)aborting;
	return 0;
}

static void broken_release(void *ud) {
	((broken *)ud)->is_released = true;
}

static const aw_stream_methods methods = {.size = sizeof methods,
                                          .name = "broken",
                                          .read = broken_read,
                                          .write = broken_write,
                                          .watch = broken_watch,
                                          .close = broken_close,
                                          .release = broken_release},
							   others = {.size = sizeof others};

static aw_status make_ready(void *stream) {
	return aw_stream_ready(stream, AW_POLL_IN);
}

static aw_status fails(void *unused) {
	(void)unused;
	broken self = {0};
	char byte;
	EXPECT_INT(aw_stream_new(NULL, &methods, &self, NULL, &self.stream), 0);
	EXPECT(aw_stream_methods_data(self.stream, &methods) == &self);
	EXPECT(!aw_stream_methods_data(self.stream, &others));
	EXPECT(!aw_stream_methods_data(NULL, &methods));
	EXPECT_INT(aw_stream_fail(self.stream, NULL), AW_EBADHANDLE);
	aw_future *readying = spawn(make_ready, self.stream);
	EXPECT_INT(aw_stream_read(self.stream, &byte, 1), -EPROTO);
	EXPECT_STR(aw_error_message(aw_caught()), "it is broken");
	EXPECT_INT(aw_await(readying, NULL), 0);
	aw_future_unref(readying);
	aw_coro *coro = NULL;
	EXPECT_INT(aw_stream_read_coro(self.stream, &byte, 1, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, NULL), -EPROTO);
	EXPECT_STR(aw_error_message(aw_caught()), "it is broken");
	aw_coro_unref(coro);
	EXPECT_INT(aw_stream_wait_closed(self.stream, -1), 0);
	EXPECT(self.is_released);
	EXPECT(!aw_stream_methods_data(self.stream, &methods));
	aw_stream_unref(self.stream);
	return 0;
}

static void errors(void) {
	EXPECT_INT(aw_run(NULL, fails, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("layers of streams", TEST(available), TEST(errors))
