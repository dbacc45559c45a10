/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind-once */
/* Tables of functions that a program writes: a filter over another stream, and what a table may do. */
#include "kinds.h"

#include <stdlib.h>

typedef struct filter filter;

/* One direction: a task waits until the stream below is ready, as long as that is wanted. */
typedef struct watch {
	filter *filter;
	uint32_t event;
	bool is_wanted;
	aw_task *task; /* a reference, or NULL */
} watch;

/* A filter over a second stream. It turns every byte over, and passes one at a time. */
struct filter {
	aw_stream *stream; /* above, borrowed */
	aw_stream *below;  /* borrowed */
	watch in, out;
	bool closed;
	int released;
};

static aw_status filter_read(void *ud, void *buffer, size_t length) {
	filter *self = ud;
	EXPECT(length > 0);
	aw_status count = aw_stream_try_read(self->below, buffer, 1);
	if (count > 0) *(unsigned char *)buffer ^= 0xff;
	return count;
}

static aw_status filter_write(void *ud, const struct iovec *parts, size_t count) {
	filter *self = ud;
	EXPECT(count > 0);
	while (count > 1 && !parts->iov_len) parts++, count--;
	unsigned char byte = *(const unsigned char *)parts->iov_base ^ 0xff;
	return aw_stream_try_write(self->below, &byte, 1);
}

static aw_status watch_below(void *ud) {
	watch *self = ud;
	while (self->is_wanted) {
		aw_status events = aw_stream_wait_ready(self->filter->below, self->event);
		if (events == AW_ECANCELLED || self->filter->released) return 0;
		EXPECT_INT(events, (aw_status)self->event);
		if (!self->is_wanted) break;
		self->is_wanted = false;
		EXPECT_INT(aw_stream_ready(self->filter->stream, self->event), 0);
		if (self->filter->released) return 0;
	}
	aw_task_unref(self->task);
	self->task = NULL;
	return 0;
}

static aw_status want(watch *self) {
	self->is_wanted = true;
	return self->task ? 0 : aw_task_spawn(NULL, watch_below, self, NULL, &self->task);
}

static void end_watch(watch *self) {
	self->is_wanted = false;
	if (!self->task) return;
	aw_task_cancel(self->task, NULL);
	aw_task_unref(self->task);
	self->task = NULL;
}

static aw_status filter_watch(void *ud, uint32_t events) {
	filter *self = ud;
	if (!events) self->in.is_wanted = self->out.is_wanted = false;
	aw_status status = events & AW_POLL_IN ? want(&self->in) : 0;
	return status == 0 && events & AW_POLL_OUT ? want(&self->out) : status;
}

static aw_status filter_shutdown(void *ud) {
	return aw_stream_write_eof(((filter *)ud)->below);
}

static aw_status filter_close(void *ud, aw_bool aborting) {
	filter *self = ud;
	self->closed = true;
	return aborting ? aw_stream_abort(self->below) : aw_stream_close(self->below);
}

static void filter_release(void *ud) {
	filter *self = ud;
	self->released++;
	end_watch(&self->in);
	end_watch(&self->out);
	if (!self->closed) aw_stream_abort(self->below);
}

static int filter_fd(void *ud) {
	return aw_stream_fd(((filter *)ud)->below);
}

static const aw_stream_methods filter_methods = {.size = sizeof filter_methods,
                                                 .name = "filter",
                                                 .read = filter_read,
                                                 .write = filter_write,
                                                 .watch = filter_watch,
                                                 .shutdown_write = filter_shutdown,
                                                 .close = filter_close,
                                                 .release = filter_release,
                                                 .fd = filter_fd};

static void put_over(filter *self, aw_stream *below) {
	*self = (filter){.below = below,
	                 .in = {.filter = self, .event = AW_POLL_IN},
	                 .out = {.filter = self, .event = AW_POLL_OUT}};
	EXPECT_INT(aw_stream_new(NULL, &filter_methods, self, NULL, &self->stream), 0);
	EXPECT_STR(aw_stream_kind(self->stream), "filter");
	EXPECT_INT(aw_stream_fd(self->stream), aw_stream_fd(below));
}

static aw_status talk(void *ud) {
	aw_stream *stream = ud;
	const char *line = NULL;
	aw_status length;
	while ((length = aw_stream_readline(stream, &line)) > 0)
		EXPECT_INT(aw_stream_write(stream, line, (size_t)length), 0);
	EXPECT_INT(length, 0);
	EXPECT_INT(aw_stream_close(stream), 0);
	return aw_stream_wait_closed(stream, -1);
}

/* Two filters undo one another. */
static void a_filter_passes_bytes(ends streams) {
	filter left, right;
	const char *line = NULL;
	char text[32];
	put_over(&left, streams.left);
	put_over(&right, streams.right);
	aw_future *other = spawn(talk, right.stream);
	for (int i = 0; i < 20; i++) {
		int length = snprintf(text, sizeof text, "line %d\n", i);
		EXPECT_INT(aw_stream_write(left.stream, text, (size_t)length), 0);
		EXPECT_INT(aw_stream_readline(left.stream, &line), length);
		EXPECT(!strncmp(line, text, (size_t)length));
	}
	EXPECT_INT(aw_stream_write_eof(left.stream), 0);
	EXPECT_INT(aw_stream_readline(left.stream, &line), 0);
	EXPECT_INT(aw_await(other, NULL), 0);
	EXPECT_INT(aw_stream_close(left.stream), 0);
	EXPECT_INT(aw_stream_wait_closed(left.stream, -1), 0);
	EXPECT_INT(left.released + right.released, 2);
	aw_future_unref(other);
	aw_stream_unref(left.stream);
	aw_stream_unref(right.stream);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0); /* the tasks that watched end */
}

static const aw_stream_options lazy = {.size = sizeof lazy, .flags = AW_STREAM_NO_READ_AHEAD};

static void filters(void) {
	over_each_kind_with(a_filter_passes_bytes, &lazy);
	over_each_kind(a_filter_passes_bytes);
}

/* --- what a table may answer --- */

/* A table whose functions return what the test says. */
typedef struct answers {
	aw_stream *stream;
	aw_status read, write, watch, shutdown, close;
	uint32_t wanted;
	int closes, releases, reads, writes;
	bool aborted;
} answers;

static aw_status answer_read(void *ud, void *buffer, size_t length) {
	answers *self = ud;
	self->reads++;
	if (self->read > 0) memset(buffer, 'x', (size_t)self->read < length ? (size_t)self->read : length);
	aw_status read = self->read;
	self->read = -EAGAIN;
	return read;
}

static aw_status answer_write(void *ud, const struct iovec *parts, size_t count) {
	answers *self = ud;
	size_t total = 0;
	for (size_t i = 0; i < count; i++) total += parts[i].iov_len;
	self->writes++;
	return self->write > 0 && (size_t)self->write > total ? (aw_status)total : self->write;
}

static aw_status answer_watch(void *ud, uint32_t events) {
	answers *self = ud;
	self->wanted = events ? self->wanted | events : 0;
	return self->watch;
}

static aw_status answer_shutdown(void *ud) {
	return ((answers *)ud)->shutdown;
}

static aw_status answer_close(void *ud, aw_bool aborting) {
	answers *self = ud;
	self->closes++;
	self->aborted = aborting;
	return self->close;
}

static void answer_release(void *ud) {
	((answers *)ud)->releases++;
}

static const aw_stream_methods answer_methods = {.size = sizeof answer_methods,
                                                 .name = "answers",
                                                 .read = answer_read,
                                                 .write = answer_write,
                                                 .watch = answer_watch,
                                                 .shutdown_write = answer_shutdown,
                                                 .close = answer_close,
                                                 .release = answer_release};

static answers quiet(void) {
	answers self = {.read = -EAGAIN, .write = -EAGAIN};
	return self;
}

static void open_answers(answers *self) {
	EXPECT_INT(aw_stream_new(NULL, &answer_methods, self, NULL, &self->stream), 0);
}

static aw_status read_fails(void *ud) {
	(void)ud;
	answers self = quiet();
	char byte;
	open_answers(&self);
	EXPECT_INT(self.wanted, AW_POLL_IN);
	self.read = 3;
	EXPECT_INT(aw_stream_ready(self.stream, AW_POLL_IN), 0);
	self.read = -EIO;
	EXPECT_INT(aw_stream_ready(self.stream, AW_POLL_IN), 0);
	EXPECT(aw_stream_is_closing(self.stream));
	char text[4] = "";
	EXPECT_INT(aw_stream_read(self.stream, text, 3), 3); /* what came before */
	EXPECT_INT(aw_stream_read(self.stream, &byte, 1), -EIO);
	EXPECT_INT(aw_stream_read(self.stream, &byte, 1), -EIO);
	EXPECT_INT(aw_stream_write(self.stream, "x", 1), -EIO);
	EXPECT_INT(aw_stream_drain(self.stream), -EIO);
	EXPECT_INT(aw_stream_wait_closed(self.stream, -1), 0); /* it was told */
	EXPECT(self.aborted);
	EXPECT_INT(self.closes, 1);
	EXPECT_INT(self.releases, 1);
	aw_stream_unref(self.stream);
	return 0;
}

static aw_status write_fails(void *ud) {
	(void)ud;
	answers self = quiet();
	open_answers(&self);
	EXPECT_INT(aw_stream_write(self.stream, "queued", 6), 0);
	EXPECT_INT(aw_stream_write_buffer_size(self.stream), 6);
	EXPECT(self.wanted & AW_POLL_OUT);
	self.write = 4;
	EXPECT_INT(aw_stream_ready(self.stream, AW_POLL_OUT), 0);
	EXPECT_INT(aw_stream_write_buffer_size(self.stream), 0); /* called again until nothing is left */
	EXPECT_INT(aw_stream_bytes_written(self.stream), 6);
	self.write = -EIO;
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_stream_write(self.stream, "x", 1), -EIO);
	EXPECT_INT(aw_stream_wait_closed(self.stream, -1), 0);
	aw_stream_unref(self.stream);
	EXPECT_INT(self.releases, 1);
	return 0;
}

static aw_status watch_fails(void *ud) {
	(void)ud;
	answers self = quiet();
	self.watch = -ENOMEM;
	open_answers(&self);
	EXPECT(aw_stream_is_closing(self.stream));
	EXPECT_INT(aw_stream_wait_closed(self.stream, -1), -ENOMEM);
	aw_stream_unref(self.stream);
	EXPECT_INT(self.releases, 1);
	return 0;
}

/* A close that takes its time, one that fails, one that is hurried. */
static aw_status closes_slowly(void *ud) {
	(void)ud;
	answers self = quiet();
	self.close = -EAGAIN;
	open_answers(&self);
	EXPECT_INT(aw_stream_close(self.stream), 0);
	EXPECT_INT(self.closes, 0); /* not by the call */
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(self.closes, 1);
	EXPECT(!self.aborted);
	EXPECT_INT(aw_stream_ready(self.stream, 0), 0);
	EXPECT_INT(self.closes, 2);
	EXPECT_INT(self.releases, 0);
	EXPECT_INT(aw_stream_abort(self.stream), 0);
	EXPECT(self.aborted);
	self.close = -EIO;
	EXPECT_INT(aw_stream_ready(self.stream, 0), 0);
	EXPECT_INT(self.releases, 1);
	EXPECT_INT(aw_stream_wait_closed(self.stream, -1), 0); /* an aborted one has no error */
	EXPECT_INT(aw_stream_ready(self.stream, AW_POLL_IN | AW_POLL_OUT), 0);
	aw_stream_unref(self.stream);

	self = quiet();
	self.close = -EIO;
	open_answers(&self);
	EXPECT_INT(aw_stream_close(self.stream), 0);
	EXPECT_INT(aw_stream_wait_closed(self.stream, -1), -EIO);
	aw_stream_unref(self.stream);
	return 0;
}

static aw_status ends_slowly(void *ud) {
	(void)ud;
	answers self = quiet();
	self.shutdown = -EAGAIN;
	open_answers(&self);
	EXPECT_INT(aw_stream_write_eof(self.stream), 0);
	EXPECT(self.wanted & AW_POLL_OUT);
	EXPECT_INT(aw_stream_close(self.stream), 0);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(self.closes, 0); /* the end of the direction comes first */
	self.shutdown = 0;
	EXPECT_INT(aw_stream_ready(self.stream, AW_POLL_OUT), 0);
	EXPECT_INT(aw_stream_wait_closed(self.stream, -1), 0);
	EXPECT_INT(self.closes, 1);
	aw_stream_unref(self.stream);
	return 0;
}

static aw_status refused(void *ud) {
	(void)ud;
	answers self = quiet();
	aw_stream *stream = NULL;
	aw_stream_methods lacking = answer_methods;
	lacking.read = NULL;
	EXPECT_INT(aw_stream_new(NULL, &lacking, &self, NULL, &stream), -EINVAL);
	EXPECT_INT(self.releases, 1);
	lacking = answer_methods;
	lacking.size = 16;
	EXPECT_INT(aw_stream_new(NULL, &lacking, &self, NULL, &stream), -EINVAL);
	EXPECT_INT(aw_stream_new(NULL, NULL, &self, NULL, &stream), -EINVAL);
	EXPECT_INT(self.releases, 1); /* a table that is too short has no function to call */
	EXPECT_INT(aw_stream_new(NULL, &answer_methods, &self, NULL, NULL), -EINVAL);
	aw_stream_options marks = {.size = sizeof marks, .high_water = 1, .low_water = 2};
	EXPECT_INT(aw_stream_new(NULL, &answer_methods, &self, &marks, &stream), -EINVAL);
	EXPECT_INT(self.releases, 3);
	/* What cannot be done is an error. */
	lacking = answer_methods;
	lacking.shutdown_write = NULL;
	EXPECT_INT(aw_stream_new(NULL, &lacking, &self, NULL, &stream), 0);
	EXPECT(!aw_stream_can_write_eof(stream));
	EXPECT_INT(aw_stream_write_eof(stream), -EOPNOTSUPP);
	EXPECT_INT(aw_stream_fd(stream), -1);
	struct sockaddr_storage address;
	uint32_t length = sizeof address;
	EXPECT_INT(aw_stream_getsockname(stream, (struct sockaddr *)&address, &length), -ENOTSOCK);
	EXPECT_INT(aw_stream_getpeername(stream, (struct sockaddr *)&address, &length), -ENOTSOCK);
	EXPECT_INT(aw_stream_peer_credentials(stream, NULL, NULL, NULL), -EOPNOTSUPP);
	EXPECT_INT(aw_stream_abort(stream), 0);
	EXPECT_INT(aw_stream_wait_closed(stream, -1), 0);
	aw_stream_unref(stream);
	return 0;
}

static void tables(void) {
	in_a_task(read_fails);
	in_a_task(write_fails);
	in_a_task(watch_fails);
	in_a_task(closes_slowly);
	in_a_task(ends_slowly);
	in_a_task(refused);
}

CHECK_MAIN("filters", TEST(filters), TEST(tables))
