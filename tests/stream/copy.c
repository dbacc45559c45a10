/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind-once */
/* Copying from stream to stream and from file to stream: by splice(2) and sendfile(2), and by memory. */
#include "kinds.h"

#include <signal.h>
#include <stdlib.h>

#ifndef COPIED
#define COPIED (3 * 1024 * 1024 + 17)
#endif
enum { MUCH = COPIED };

/* A byte that tells its place. */
static unsigned char byte_at(size_t place) {
	return (unsigned char)(place * 7 + (place >> 8) * 13 + (place >> 16));
}

static unsigned char *make_bytes(void) {
	unsigned char *bytes = malloc(MUCH);
	for (size_t i = 0; i < MUCH; i++) bytes[i] = byte_at(i);
	return bytes;
}

static aw_status write_much(void *stream) {
	unsigned char *bytes = make_bytes();
	aw_status status = aw_stream_send(stream, bytes, MUCH, NULL);
	free(bytes);
	if (status == 0) end_direction(stream);
	return status;
}

/* Reads until the end and checks that the bytes are those from `place` on; returns how many. */
static size_t read_rest(aw_stream *stream, size_t place) {
	unsigned char buffer[8192];
	size_t total = 0, wrong = 0;
	for (aw_status count; (count = aw_stream_read(stream, buffer, sizeof buffer)) > 0;) {
		for (int i = 0; i < count; i++) wrong += buffer[i] != byte_at(place + total + (size_t)i);
		total += (size_t)count;
	}
	EXPECT_INT(wrong, 0);
	return total;
}

static void unblock(ends streams) {
	aw_stream *both[] = {streams.left, streams.right};
	for (int i = 0; i < 2; i++) {
		int fd = aw_stream_fd(both[i]);
		if (fd >= 0) EXPECT_INT(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
	}
}

/* Small buffers of the system, so that a peer that does not read is noticed soon. */
static void shrink(ends streams) {
	int fds[] = {aw_stream_fd(streams.left), aw_stream_fd(streams.right)}, size = 64 * 1024;
	for (int i = 0; i < 2; i++) {
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	}
}

static bool is_memory(const aw_stream *stream) {
	return !strcmp(aw_stream_kind(stream), "memory");
}

static void close_ends(ends streams) {
	aw_stream_close(streams.left);
	aw_stream_close(streams.right);
	expect_closed(streams.left);
	expect_closed(streams.right);
	aw_stream_unref(streams.left);
	aw_stream_unref(streams.right);
}

/* Runs a check with a second pair, of each kind, to which is copied. */
static void to_each_kind(ends from, void (*check)(ends from, ends to)) {
	for (size_t i = 0; i < sizeof stream_kinds / sizeof *stream_kinds; i++) {
		ends to = stream_kinds[i].open(NULL);
		check(from, to);
		close_ends(to);
	}
}

static void await_and_drop(aw_future *future, aw_status expected) {
	EXPECT_INT(aw_await(future, NULL), expected);
	aw_future_unref(future);
}

/* --- from stream to stream --- */

typedef struct copying {
	aw_stream *from, *to;
	int64_t limit;
	const aw_copy_options *options;
	uint64_t count;
	uint32_t way;
	bool passes_end;
} copying;

static aw_status copy(void *ud) {
	copying *self = ud;
	aw_status status =
		aw_stream_copy(self->from, self->to, self->limit, self->options, &self->count, &self->way);
	if (status == 0 && self->passes_end) end_direction(self->to);
	return status;
}

/* Everything from one pair to another, each of a kind. */
static void copy_all(const stream_kind *one, const stream_kind *other, const aw_copy_options *options,
                     bool blocking) {
	ends from = one->open(NULL), to = other->open(NULL);
	if (!blocking) {
		unblock(from);
		unblock(to);
	}
	copying self = {from.right, to.left, -1, options, 0, 0, true};
	aw_future *writer = spawn(write_much, from.left), *copier = spawn(copy, &self);
	EXPECT_INT(read_rest(to.right, 0), MUCH);
	await_and_drop(copier, 0);
	await_and_drop(writer, 0);
	EXPECT_INT(self.count, MUCH);
	EXPECT_INT(aw_stream_bytes_read(from.right), MUCH);
	EXPECT_INT(aw_stream_bytes_written(to.left), MUCH);
	bool splices = !options && !blocking && !is_memory(from.left) && !is_memory(to.left);
	EXPECT_INT(self.way, splices ? AW_COPY_SPLICE : AW_COPY_BUFFER);
	close_ends(from);
	close_ends(to);
}

static const aw_stream_options lazy = {.size = sizeof lazy, .flags = AW_STREAM_NO_READ_AHEAD};
static const aw_copy_options no_splice = {.size = sizeof no_splice, .flags = AW_COPY_NO_SPLICE};

static aw_status copies_between_all_kinds(void *ud) {
	(void)ud;
	enum { KINDS = sizeof stream_kinds / sizeof *stream_kinds };
	for (size_t i = 0; i < KINDS * KINDS; i++) {
		const stream_kind *one = &stream_kinds[i / KINDS], *other = &stream_kinds[i % KINDS];
		copy_all(one, other, NULL, false);
		copy_all(one, other, NULL, true);
		copy_all(one, other, &no_splice, false);
	}
	return 0;
}

static void copies_everything(void) {
	EXPECT_INT(aw_run(NULL, copies_between_all_kinds, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void stops_at_the_limit_to(ends from, ends to) {
	unsigned char bytes[8] = {0};
	unblock(from);
	unblock(to);
	EXPECT_INT(aw_stream_write(from.left, "abcdefgh", 8), 0);
	copying self = {.from = from.right, .to = to.left, .limit = 3};
	EXPECT_INT(copy(&self), 0);
	EXPECT_INT(self.count, 3);
	EXPECT_INT(aw_stream_readexactly(to.right, bytes, 3), 3);
	EXPECT(!memcmp(bytes, "abc", 3));
	self.limit = 0;
	EXPECT_INT(copy(&self), 0);
	EXPECT_INT(self.count, 0);
	EXPECT_INT(aw_stream_readexactly(from.right, bytes, 5), 5);
	EXPECT(!memcmp(bytes, "defgh", 5));
	EXPECT(aw_stream_is_reading(from.right));
}

static void stops_at_the_limit(ends from) {
	to_each_kind(from, stops_at_the_limit_to);
}

static void sends_what_is_queued_first_to(ends from, ends to) {
	static unsigned char big[2 * 1024 * 1024];
	char last = 0;
	unblock(from);
	unblock(to);
	EXPECT_INT(aw_stream_write(to.left, big, sizeof big), 0);
	EXPECT_INT(aw_stream_write(from.left, "!", 1), 0);
	copying self = {.from = from.right, .to = to.left, .limit = 1};
	aw_future *copier = spawn(copy, &self);
	size_t total = 0;
	while (total < sizeof big + 1) {
		static char buffer[8192];
		aw_status count = aw_stream_read(to.right, buffer, sizeof buffer);
		EXPECT(count > 0);
		if (count <= 0) break;
		total += (size_t)count;
		last = buffer[count - 1];
	}
	EXPECT_INT(last, '!');
	await_and_drop(copier, 0);
}

static void sends_what_is_queued_first(ends from) {
	to_each_kind(from, sends_what_is_queued_first_to);
}

/* Cancelled while the receiver reads nothing: what it was not given is still there to be read. */
static void cancel_copy(const stream_kind *one, const stream_kind *other, const aw_copy_options *options) {
	ends from = one->open(NULL), to = other->open(NULL);
	unblock(from);
	unblock(to);
	shrink(from);
	shrink(to);
	copying self = {from.right, to.left, -1, options, 0, 0, true};
	aw_task *copier = NULL;
	aw_future *writer = spawn(write_much, from.left);
	EXPECT_INT(aw_task_spawn(NULL, copy, &self, NULL, &copier), 0);
	uint64_t before;
	do {
		before = self.count;
		for (int i = 0; i < 20; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	} while (self.count != before);
	EXPECT(self.count > 0 && self.count < MUCH);
	/* Both sides are taken. */
	char byte;
	EXPECT_INT(aw_stream_read(from.right, &byte, 1), -EBUSY);
	EXPECT_INT(aw_stream_write(to.left, "x", 1), -EBUSY);
	if (!(other->lacks & HAS_NO_WAY_BACK))
		EXPECT_INT(aw_stream_copy(from.right, to.right, -1, NULL, NULL, NULL), -EBUSY);
	EXPECT_INT(aw_stream_copy(to.right, to.left, -1, NULL, NULL, NULL), -EBUSY);
	aw_task_cancel(copier, NULL);
	EXPECT_INT(aw_await(aw_task_future(copier), NULL), AW_ECANCELLED);
	aw_task_unref(copier);
	end_direction(to.left);
	EXPECT_INT(read_rest(to.right, 0), self.count);
	EXPECT_INT(read_rest(from.right, (size_t)self.count), MUCH - self.count);
	await_and_drop(writer, 0);
	close_ends(from);
	close_ends(to);
}

static aw_status cancels_between_all_kinds(void *ud) {
	(void)ud;
	enum { KINDS = sizeof stream_kinds / sizeof *stream_kinds };
	for (size_t i = 0; i < KINDS * KINDS; i++) {
		cancel_copy(&stream_kinds[i / KINDS], &stream_kinds[i % KINDS], NULL);
		cancel_copy(&stream_kinds[i / KINDS], &stream_kinds[i % KINDS], &no_splice);
	}
	return 0;
}

static void a_cancelled_copy_loses_nothing(void) {
	EXPECT_INT(aw_run(NULL, cancels_between_all_kinds, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

typedef struct receiver {
	aw_stream *stream;
	size_t count;
} receiver;

static aw_status receive(void *ud) {
	receiver *self = ud;
	self->count = read_rest(self->stream, 0);
	return 0;
}

/* Cancelled again and again while bytes flow: each is passed on once, in order. */
static void interrupt_copy(const stream_kind *one, const stream_kind *other, const aw_copy_options *options) {
	ends from = one->open(NULL), to = other->open(NULL);
	unblock(from);
	unblock(to);
	shrink(from);
	shrink(to);
	receiver reader = {to.right, 0};
	aw_future *writer = spawn(write_much, from.left), *reading = spawn(receive, &reader);
	uint64_t total = 0;
	unsigned seed = 1;
	for (aw_status status = AW_ECANCELLED; status == AW_ECANCELLED;) {
		copying self = {from.right, to.left, -1, options, 0, 0, true};
		aw_task *copier = NULL;
		EXPECT_INT(aw_task_spawn(NULL, copy, &self, NULL, &copier), 0);
		seed = seed * 1103515245 + 12345;
		for (unsigned i = 0; i < (seed >> 16) % 5; i++) EXPECT_INT(aw_sleep(0), 0);
		aw_task_cancel(copier, NULL);
		status = aw_await(aw_task_future(copier), NULL);
		aw_task_unref(copier);
		total += self.count;
		EXPECT(status == 0 || status == AW_ECANCELLED);
	}
	EXPECT_INT(total, MUCH);
	await_and_drop(reading, 0);
	await_and_drop(writer, 0);
	EXPECT_INT(reader.count, MUCH);
	close_ends(from);
	close_ends(to);
}

static aw_status interrupts_between_all_kinds(void *ud) {
	(void)ud;
	enum { KINDS = sizeof stream_kinds / sizeof *stream_kinds };
	for (size_t i = 0; i < KINDS * KINDS; i++) {
		interrupt_copy(&stream_kinds[i / KINDS], &stream_kinds[i % KINDS], NULL);
		interrupt_copy(&stream_kinds[i / KINDS], &stream_kinds[i % KINDS], &no_splice);
	}
	return 0;
}

static void a_copy_can_be_continued(void) {
	EXPECT_INT(aw_run(NULL, interrupts_between_all_kinds, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* The receiver has gone: the signal SIGPIPE would end the program. */
static void a_receiver_that_left_ends_it_to(ends from, ends to) {
	unblock(from);
	unblock(to);
	EXPECT_INT(aw_stream_abort(to.right), 0);
	expect_closed(to.right);
	copying self = {.from = from.right, .to = to.left, .limit = -1};
	aw_future *copier = spawn(copy, &self);
	aw_status status;
	do {
		EXPECT_INT(aw_stream_write(from.left, "x", 1), 0);
		status = aw_sleep(AW_MILLISECOND);
	} while (status == 0 && !aw_future_done(copier));
	status = aw_await(copier, NULL);
	EXPECT(status == -EPIPE || status == -ECONNRESET);
	aw_future_unref(copier);
	EXPECT(!aw_stream_is_closing(from.right));
}

static void a_receiver_that_left_ends_it(ends from) {
	to_each_kind(from, a_receiver_that_left_ends_it_to);
}

static void a_sender_that_left_ends_it(ends from) {
	ends to = open_memory(NULL);
	copying self = {.from = from.right, .to = to.left, .limit = -1};
	EXPECT_INT(aw_stream_write(from.left, "x", 1), 0);
	aw_future *copier = spawn(copy, &self);
	while (self.count == 0) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	/* What it did not read resets the connection. */
	EXPECT_INT(aw_stream_pause_reading(from.left), 0);
	EXPECT_INT(aw_stream_write(from.right, "unread", 6), 0);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_abort(from.left), 0);
	await_and_drop(copier, -ECONNRESET);
	EXPECT_INT(aw_stream_write(to.left, "y", 1), 0);
	close_ends(to);
}

static void echoes(ends streams) {
	unblock(streams);
	copying self = {.from = streams.right, .to = streams.right, .limit = -1, .passes_end = true};
	aw_future *copier = spawn(copy, &self), *writer = spawn(write_much, streams.left);
	EXPECT_INT(read_rest(streams.left, 0), MUCH);
	await_and_drop(writer, 0);
	await_and_drop(copier, 0);
}

/* Pieces of changing sizes, each of which has arrived before the next is sent. */
static void copies_small_and_large_pieces_to(ends from, ends to) {
	static const size_t sizes[] = {1, 64, 5000, 10, 4096, 4095, 60000, 3, 3, 100000, 1};
	static unsigned char bytes[100000], arrived[100000];
	unblock(from);
	unblock(to);
	copying self = {.from = from.right, .to = to.left, .limit = -1, .passes_end = true};
	aw_future *copier = spawn(copy, &self);
	uint64_t total = 0;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (size_t place = 0; place < sizes[i]; place++) bytes[place] = byte_at(place + i);
		memset(arrived, 0, sizeof arrived);
		EXPECT_INT(aw_stream_write(from.left, bytes, sizes[i]), 0);
		EXPECT_INT(aw_stream_readexactly(to.right, arrived, sizes[i]), (aw_status)sizes[i]);
		EXPECT(!memcmp(bytes, arrived, sizes[i]));
		total += sizes[i];
		EXPECT_INT(self.count, total);
	}
	end_direction(from.left);
	await_and_drop(copier, 0);
	EXPECT_INT(self.count, total);
	EXPECT_INT(self.way, is_memory(from.left) || is_memory(to.left) ? AW_COPY_BUFFER : AW_COPY_SPLICE);
}

static void copies_small_and_large_pieces(const stream_kind *from_kind) {
	for (size_t i = 0; i < sizeof stream_kinds / sizeof *stream_kinds; i++) {
		ends from = from_kind->open(NULL), to = stream_kinds[i].open(NULL);
		copies_small_and_large_pieces_to(from, to);
		close_ends(from);
		close_ends(to);
	}
}

static aw_status small_and_large_pieces(void *ud) {
	(void)ud;
	for (size_t i = 0; i < sizeof stream_kinds / sizeof *stream_kinds; i++)
		copies_small_and_large_pieces(&stream_kinds[i]);
	return 0;
}

static void copies_pieces_of_any_size(void) {
	EXPECT_INT(aw_run(NULL, small_and_large_pieces, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void copies_as_a_coroutine(ends from) {
	ends to = open_memory(NULL);
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	uint64_t count = 0;
	uint32_t way = 0;
	char bytes[3];
	EXPECT_INT(aw_stream_write(from.left, "abcdef", 6), 0);
	EXPECT_INT(aw_stream_copy_coro(from.right, to.left, 3, NULL, &count, &way, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	EXPECT_INT(count, 3);
	EXPECT_INT(way, AW_COPY_BUFFER);
	EXPECT_INT(aw_stream_readexactly(to.right, bytes, 3), 3);
	EXPECT_INT(aw_stream_copy_coro(from.right, to.left, 3, &(aw_copy_options){0}, NULL, NULL, &coro),
	           -EINVAL);
	close_ends(to);
}

/* A pause holds a copy as it does any read; what had arrived before it passes. */
static void a_pause_holds_a_copy(ends from) {
	ends to = open_unix(NULL);
	unblock(from);
	unblock(to);
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	char bytes[8] = "";
	for (int way = 0; way < 2; way++) {
		uint64_t count = 0;
		EXPECT_INT(aw_stream_write(from.left, "abc", 3), 0);
		EXPECT_INT(aw_sleep(0), 0);
		EXPECT_INT(aw_stream_pause_reading(from.right), 0);
		EXPECT_INT(aw_stream_copy_coro(from.right, to.left, 6, way ? &no_splice : NULL, &count, NULL, &coro),
		           0);
		EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
		aw_coro_unref(coro);
		EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
		EXPECT_INT(aw_stream_write(from.left, "def", 3), 0);
		EXPECT_INT(aw_sleep(5 * AW_MILLISECOND), 0);
		EXPECT(count <= 3);
		EXPECT_INT(aw_stream_resume_reading(from.right), 0);
		EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
		aw_task_unref(task);
		EXPECT_INT(count, 6);
		EXPECT_INT(aw_stream_readexactly(to.right, bytes, 6), 6);
		EXPECT_STR(bytes, "abcdef");
	}
	/* The end of the stream ends the copy, also while it is paused. */
	EXPECT_INT(aw_stream_pause_reading(from.right), 0);
	EXPECT_INT(aw_stream_copy_coro(from.right, to.left, -1, NULL, NULL, NULL, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_close(from.right), 0);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	close_ends(to);
}

/* --- a table that refuses in the middle --- */

/* A piece after which the next is spliced; smaller ones are not. */
enum { LARGE = 4096 };

typedef struct sink {
	char bytes[LARGE + 16];
	size_t size;
	int splices;
} sink;

static aw_status sink_read(void *ud, void *buffer, size_t length) {
	(void)ud, (void)buffer, (void)length;
	return -EAGAIN;
}

static aw_status sink_write(void *ud, const struct iovec *parts, size_t count) {
	sink *self = ud;
	(void)count;
	memcpy(self->bytes + self->size, parts->iov_base, parts->iov_len);
	self->size += parts->iov_len;
	return (aw_status)parts->iov_len;
}

static aw_status sink_watch(void *ud, uint32_t events) {
	(void)ud, (void)events;
	return 0;
}

static aw_status sink_close(void *ud, aw_bool aborting) {
	(void)ud, (void)aborting;
	return 0;
}

static void sink_release(void *ud) {
	(void)ud;
}

static aw_status sink_splice(void *ud, int pipe_fd, size_t count) {
	sink *self = ud;
	if (self->splices++) return -EOPNOTSUPP;
	EXPECT_INT(count, 6);
	ssize_t taken = read(pipe_fd, self->bytes + self->size, 2);
	self->size += (size_t)taken;
	return (aw_status)taken;
}

static const aw_stream_methods sink_methods = {.size = sizeof sink_methods,
                                               .name = "sink",
                                               .read = sink_read,
                                               .write = sink_write,
                                               .watch = sink_watch,
                                               .close = sink_close,
                                               .release = sink_release,
                                               .splice_write = sink_splice};

static aw_status splice_is_refused(void *ud) {
	(void)ud;
	sink memory = {.size = 0};
	aw_stream *to = NULL;
	ends from = open_unix(NULL);
	unblock(from);
	EXPECT_INT(aw_stream_new(NULL, &sink_methods, &memory, NULL, &to), 0);
	copying self = {.from = from.right, .to = to, .limit = -1};
	aw_future *copier = spawn(copy, &self);
	static const char large[LARGE];
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_send(from.left, large, LARGE, NULL), 0);
	while (memory.size < LARGE) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(memory.splices, 0);
	EXPECT_INT(aw_stream_write(from.left, "abcdef", 6), 0);
	end_direction(from.left);
	await_and_drop(copier, 0);
	EXPECT_INT(memory.splices, 2);
	EXPECT_INT(self.count, LARGE + 6);
	EXPECT_INT(self.way, AW_COPY_BUFFER);
	EXPECT_INT(memory.size, LARGE + 6);
	EXPECT(!memcmp(memory.bytes + LARGE, "abcdef", 6));
	aw_stream_close(to);
	EXPECT_INT(aw_stream_wait_closed(to, -1), 0);
	aw_stream_unref(to);
	close_ends(from);
	return 0;
}

static void memory_takes_over_when_refused(void) {
	EXPECT_INT(aw_run(NULL, splice_is_refused, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* --- from a file --- */

static int open_file(void) {
	FILE *file = tmpfile();
	unsigned char *bytes = make_bytes();
	EXPECT(fwrite(bytes, 1, MUCH, file) == MUCH);
	free(bytes);
	EXPECT_INT(fflush(file), 0);
	int fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	fclose(file);
	return fd;
}

typedef struct sending {
	aw_stream *stream;
	int fd;
	int64_t offset, count;
	uint64_t sent;
} sending;

static aw_status send_file(void *ud) {
	sending *self = ud;
	return aw_stream_sendfile(self->stream, self->fd, self->offset, self->count, &self->sent);
}

static void sends_a_file(ends streams) {
	char head[4];
	sending self = {streams.left, open_file(), 1000, -1, 0};
	EXPECT_INT(aw_stream_write(streams.left, "head", 4), 0);
	aw_future *sender = spawn(send_file, &self);
	EXPECT_INT(aw_stream_readexactly(streams.right, head, 4), 4);
	EXPECT(!memcmp(head, "head", 4));
	EXPECT_INT(aw_stream_close(streams.left), 0); /* once the file is sent */
	EXPECT_INT(read_rest(streams.right, 1000), MUCH - 1000);
	await_and_drop(sender, 0);
	EXPECT_INT(self.sent, MUCH - 1000);
	EXPECT_INT(lseek(self.fd, 0, SEEK_CUR), MUCH);
	EXPECT_INT(aw_stream_bytes_written(streams.left), MUCH - 1000 + 4);
	close(self.fd);
}

static void sends_a_file_unblocked(ends streams) {
	unblock(streams);
	sends_a_file(streams);
}

static void sends_a_part_of_a_file(ends streams) {
	unblock(streams);
	sending self = {streams.left, open_file(), 500, 100, 0};
	EXPECT_INT(send_file(&self), 0);
	EXPECT_INT(self.sent, 100);
	EXPECT_INT(lseek(self.fd, 0, SEEK_CUR), 600);
	self.count = 0;
	EXPECT_INT(send_file(&self), 0);
	EXPECT_INT(self.sent, 0);
	EXPECT_INT(lseek(self.fd, 0, SEEK_CUR), 600);
	self.offset = MUCH - 10;
	self.count = 100;
	EXPECT_INT(send_file(&self), 0);
	EXPECT_INT(self.sent, 10);
	self.offset = MUCH + 10;
	EXPECT_INT(send_file(&self), 0);
	EXPECT_INT(self.sent, 0);
	end_direction(streams.left);
	unsigned char bytes[110];
	EXPECT_INT(aw_stream_readexactly(streams.right, bytes, 110), 110);
	for (size_t i = 0; i < 100; i++) EXPECT_INT(bytes[i], byte_at(500 + i));
	for (size_t i = 0; i < 10; i++) EXPECT_INT(bytes[100 + i], byte_at(MUCH - 10 + i));
	close(self.fd);
}

static void a_cancelled_sendfile_tells_how_much(ends streams) {
	shrink(streams);
	sending self = {streams.left, open_file(), 0, -1, 0};
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(NULL, send_file, &self, NULL, &task), 0);
	for (int i = 0; i < 20; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_write(streams.left, "x", 1), -EBUSY);
	EXPECT_INT(aw_stream_sendfile(streams.left, self.fd, 0, 1, NULL), -EBUSY);
	aw_task_cancel(task, NULL);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	aw_task_unref(task);
	EXPECT(self.sent > 0 && self.sent < MUCH);
	EXPECT_INT(lseek(self.fd, 0, SEEK_CUR), self.sent);
	end_direction(streams.left);
	EXPECT_INT(read_rest(streams.right, 0), self.sent);
	close(self.fd);
}

static void a_cancelled_sendfile_tells_how_much_unblocked(ends streams) {
	unblock(streams);
	a_cancelled_sendfile_tells_how_much(streams);
}

static void a_bad_file_leaves_the_stream(ends streams) {
	unblock(streams);
	int pipe_fds[2], folder = open("/", O_RDONLY | O_CLOEXEC);
	EXPECT_INT(pipe2(pipe_fds, O_CLOEXEC), 0);
	sending self = {streams.left, 9999, 0, -1, 1};
	EXPECT_INT(send_file(&self), -EBADF);
	EXPECT_INT(self.sent, 0);
	self.fd = folder;
	EXPECT_INT(send_file(&self), -EISDIR);
	self.fd = pipe_fds[0];
	EXPECT_INT(send_file(&self), -ESPIPE);
	self.offset = -1;
	EXPECT_INT(send_file(&self), -EINVAL);
	EXPECT_INT(aw_stream_write(streams.left, "x", 1), 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(folder);
	char byte;
	EXPECT_INT(aw_stream_read(streams.right, &byte, 1), 1);
}

static void sends_a_file_to_one_who_left(ends streams) {
	unblock(streams);
	EXPECT_INT(aw_stream_abort(streams.right), 0);
	expect_closed(streams.right);
	sending self = {streams.left, open_file(), 0, -1, 0};
	aw_status status = send_file(&self);
	EXPECT(status == -EPIPE || status == -ECONNRESET);
	close(self.fd);
}

static void sends_a_file_as_a_coroutine(ends streams) {
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	uint64_t sent = 0;
	int fd = open_file();
	EXPECT_INT(aw_stream_sendfile_coro(streams.left, fd, -1, 10, &sent, &coro), -EINVAL);
	EXPECT_INT(aw_stream_sendfile_coro(streams.left, fd, 0, 10, &sent, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	EXPECT_INT(sent, 10);
	end_direction(streams.left);
	EXPECT_INT(read_rest(streams.right, 0), 10);
	close(fd);
}

static void copies(void) {
	signal(SIGPIPE, SIG_DFL); /* the environment may ignore it */
	over_each_kind(stops_at_the_limit);
	over_each_kind(sends_what_is_queued_first);
	over_each_kind(a_receiver_that_left_ends_it);
	over_kinds_with_all(HAS_NO_WAY_BACK, a_sender_that_left_ends_it);
	over_kinds_with_all(HAS_NO_WAY_BACK, echoes);
	over_each_kind(copies_as_a_coroutine);
	over_each_kind(a_pause_holds_a_copy);
	over_each_kind_with(a_pause_holds_a_copy, &lazy);
}

static void files(void) {
	signal(SIGPIPE, SIG_DFL);
	over_each_kind(sends_a_file);
	over_each_kind(sends_a_file_unblocked);
	over_each_kind(sends_a_part_of_a_file);
	over_each_kind(a_cancelled_sendfile_tells_how_much);
	over_each_kind(a_cancelled_sendfile_tells_how_much_unblocked);
	over_each_kind(a_bad_file_leaves_the_stream);
	over_each_kind(sends_a_file_to_one_who_left);
	over_each_kind(sends_a_file_as_a_coroutine);
}

CHECK_MAIN("copies", TEST(copies_everything), TEST(copies_pieces_of_any_size), TEST(copies),
           TEST(a_cancelled_copy_loses_nothing), TEST(a_copy_can_be_continued),
           TEST(memory_takes_over_when_refused), TEST(files))
