/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/*
 * The program closes a descriptor with an operation in flight, and another file gets its number: no operation
 * on the old file may affect the new one. The descriptor is closed with close(2), after a cancel, and by the
 * library; outside and inside an iteration, before and after the backend has polled.
 */
#include "trace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMES = 100, TOKEN = 7 };

/*
 * Data written to `far` is read from `near`. The reused number is near's, or far's for a writer.
 */
typedef struct channel {
	int near, far;
} channel;

enum kind { SOCKETS, SOCKETS_BLOCKING, PIPES, PIPES_BLOCKING, KINDS };

static channel channel_open(enum kind kind) {
	int ends[2] = {-1, -1};
	switch (kind) {
	case SOCKETS:
		EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
		break;
	case SOCKETS_BLOCKING: EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0); break;
	case PIPES: EXPECT_INT(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0); break;
	default: EXPECT_INT(pipe2(ends, O_CLOEXEC), 0); break;
	}
	return (channel){ends[0], ends[1]};
}

static void put(int fd, const char *text) {
	EXPECT_INT(write(fd, text, strlen(text)), strlen(text));
}

/* Closes the number and reuses it for a new file, which has data to read. */
static channel channel_replace(int number, enum kind kind) {
	close(number);
	channel fresh = channel_open(kind);
	if (fresh.near != number) {
		if (fresh.far == number) fresh.far = fcntl(number, F_DUPFD_CLOEXEC, number + 1);
		EXPECT_INT(dup3(fresh.near, number, O_CLOEXEC), number);
		close(fresh.near);
		fresh.near = number;
	}
	put(fresh.far, "new");
	return fresh;
}

static bool is_readable(int fd) {
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) > 0 && p.revents & POLLIN;
}

/* All data written to the new file is still there. */
static void expect_untouched(channel fresh) {
	char text[8] = "";
	if (is_readable(fresh.near)) EXPECT_INT(read(fresh.near, text, sizeof text - 1), 3);
	EXPECT_STR(text, "new");
}

static void turns(aw_loop *loop) {
	for (int i = 0; i < 4; i++) EXPECT(aw_loop_run_once(loop, 0) >= 0);
}

static aw_submission operation(uint32_t kind, int fd, void *buffer, size_t length) {
	return (aw_submission){.size = sizeof(aw_submission),
	                       .kind = kind,
	                       .token = TOKEN,
	                       .fd = fd,
	                       .buffer = buffer,
	                       .length = length,
	                       .offset = -1};
}

/* Ends the remaining operations; returns the number of completions, and the last outcome in `out`. */
static int finish(aw_loop *loop, int count, aw_completion *out) {
	EXPECT(aw_loop_cancel_token(loop, TOKEN) >= 0);
	int got = 0;
	for (int idle = 0; got < count && idle < 1000; idle++) {
		aw_status status = aw_loop_drain(loop, out, 1, AW_SECOND);
		if (status > 0) got++;
	}
	return got;
}

/* It ended without using the new file. */
static void expect_in_vain(aw_loop *loop) {
	aw_completion out = {0};
	EXPECT_INT(finish(loop, 1, &out), 1);
	if (out.status != AW_ECANCELLED && out.status != -EBADF) EXPECT_INT(out.status, AW_ECANCELLED);
}

/* ---- operations ---- */

enum how { PLAIN_CLOSE, CANCEL_THEN_CLOSE, A_TURN_THEN_CLOSE, HOWS };

static uint32_t reading(enum kind kind, int i) {
	return (kind == SOCKETS || kind == SOCKETS_BLOCKING) && i & 1 ? AW_OP_RECV : AW_OP_READ;
}

typedef struct attempt {
	aw_loop *loop;
	enum kind kind;
	enum how how;
	uint32_t operation;
	channel old, fresh;
	char buffer[8];
} attempt;

/* Submits, closes, and reuses the number, without a wait in between. */
static aw_status attempt_run(aw_loop *loop, void *ud) {
	attempt *self = ud;
	aw_submission one = operation(self->operation, self->old.near, self->buffer, sizeof self->buffer - 1);
	if (self->operation == AW_OP_POLL) one.flags = AW_POLL_IN;
	EXPECT_INT(aw_loop_submit(loop, &one, 1), 1);
	if (self->how == CANCEL_THEN_CLOSE) EXPECT_INT(aw_loop_cancel_token(loop, TOKEN), 1);
	if (self->how == A_TURN_THEN_CLOSE) return 0;
	self->fresh = channel_replace(self->old.near, self->kind);
	return 0;
}

static void attempt_make(aw_loop *loop, enum kind kind, enum how how, uint32_t operation, bool inside) {
	attempt self = {
		.loop = loop, .kind = kind, .how = how, .operation = operation, .old = channel_open(kind)};
	if (inside) {
		EXPECT_INT(aw_loop_call_soon(loop, attempt_run, &self, NULL, NULL), 0);
		EXPECT(aw_loop_run_once(loop, 0) >= 0);
	} else {
		attempt_run(loop, &self);
	}
	if (how == A_TURN_THEN_CLOSE) {
		turns(loop);
		self.fresh = channel_replace(self.old.near, kind);
	}
	turns(loop);
	expect_untouched(self.fresh);
	EXPECT_STR(self.buffer, "");
	/* Nor when the new file reports more events. */
	put(self.fresh.far, "new");
	turns(loop);
	expect_untouched(self.fresh);
	expect_in_vain(loop);
	EXPECT_STR(self.buffer, "");
	close(self.old.far);
	close(self.fresh.near);
	close(self.fresh.far);
}

static void operations(enum how how, bool inside) {
	aw_loop *loop = loop_begin(NULL);
	for (int i = 0; i < TIMES; i++) {
		enum kind kind = (enum kind)(i / 2 % KINDS);
		attempt_make(loop, kind, how, reading(kind, i), inside);
	}
	for (int i = 0; i < TIMES; i++) attempt_make(loop, (enum kind)(i % KINDS), how, AW_OP_POLL, inside);
	loop_end(loop);
}

static void a_plain_close_outside_of_a_turn(void) {
	operations(PLAIN_CLOSE, false);
}

static void a_plain_close_in_a_turn(void) {
	operations(PLAIN_CLOSE, true);
}

static void a_cancel_and_a_close_outside_of_a_turn(void) {
	operations(CANCEL_THEN_CLOSE, false);
}

static void a_cancel_and_a_close_in_a_turn(void) {
	operations(CANCEL_THEN_CLOSE, true);
}

static void a_close_after_a_turn(void) {
	operations(A_TURN_THEN_CLOSE, false);
	operations(A_TURN_THEN_CLOSE, true);
}

static void many_in_one_call_and_a_close(void) {
	enum { MANY = 700 };
	aw_loop *loop = loop_begin(NULL);
	static char buffers[MANY][8];
	static aw_submission many[MANY];
	for (int round = 0; round < 10; round++) {
		enum kind kind = (enum kind)(round % KINDS);
		channel old = channel_open(kind);
		for (int i = 0; i < MANY; i++) many[i] = operation(reading(kind, i), old.near, buffers[i], 7);
		EXPECT_INT(aw_loop_submit(loop, many, MANY), MANY);
		channel fresh = channel_replace(old.near, kind);
		turns(loop);
		expect_untouched(fresh);
		aw_completion out;
		EXPECT_INT(finish(loop, MANY, &out), MANY);
		for (int i = 0; i < MANY; i++) EXPECT(!*buffers[i]);
		close(old.far);
		close(fresh.near);
		close(fresh.far);
	}
	loop_end(loop);
}

/* The old file is still open under another number, and has new data. */
static void news_of_the_old_file_are_not_the_new_ones(void) {
	aw_loop *loop = loop_begin(NULL);
	for (int i = 0; i < TIMES; i++) {
		enum kind kind = (enum kind)(i / 2 % KINDS);
		char buffer[8] = "";
		channel old = channel_open(kind);
		int copy = fcntl(old.near, F_DUPFD_CLOEXEC, 0);
		aw_submission one = operation(reading(kind, i), old.near, buffer, 7);
		EXPECT_INT(aw_loop_submit(loop, &one, 1), 1);
		channel fresh = channel_replace(old.near, kind);
		put(old.far, "old");
		turns(loop);
		expect_untouched(fresh);
		aw_completion out = {0};
		EXPECT_INT(finish(loop, 1, &out), 1);
		/* The operation was on the old file, so it may have been performed. */
		EXPECT_STR(buffer, out.status == 0 ? "old" : "");
		EXPECT_INT(is_readable(copy), out.status != 0);
		close(copy);
		close(old.far);
		close(fresh.near);
		close(fresh.far);
	}
	loop_end(loop);
}

static void a_write_that_waits_for_room(void) {
	enum { MUCH = 1 << 20 };
	aw_loop *loop = loop_begin(NULL);
	char *much = calloc(1, MUCH);
	REQUIRE(much != NULL);
	for (int i = 0; i < TIMES; i++) {
		enum kind kind = i & 1 ? SOCKETS : PIPES;
		channel old = channel_open(kind);
		int number = old.far;
		while (write(number, much, 4096) > 0) continue;
		aw_submission one = operation(AW_OP_WRITE, number, much, 4096);
		EXPECT_INT(aw_loop_submit(loop, &one, 1), 1);
		if (i & 2) turns(loop);
		/* The new file under the number is the write end of another pipe. */
		channel fresh = channel_open(kind);
		EXPECT_INT(dup3(fresh.far, number, O_CLOEXEC), number);
		turns(loop);
		EXPECT(!is_readable(fresh.near));
		aw_completion out = {0};
		/* If the ring still holds the old file, there may be space by now. */
		close(old.near);
		EXPECT_INT(finish(loop, 1, &out), 1);
		EXPECT(out.status == AW_ECANCELLED || out.status == -EBADF || out.status == -EPIPE);
		EXPECT(!is_readable(fresh.near));
		close(number);
		close(fresh.near);
		close(fresh.far);
	}
	free(much);
	loop_end(loop);
}

static int listener(struct sockaddr_in *address) {
	socklen_t length = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	EXPECT_INT(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
	EXPECT_INT(listen(fd, 4), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)address, &length), 0);
	return fd;
}

static void an_accept_takes_no_connection_of_another_listener(void) {
	aw_loop *loop = loop_begin(NULL);
	for (int i = 0; i < TIMES; i++) {
		struct sockaddr_in old_address, new_address;
		int number = listener(&old_address);
		aw_submission one = operation(AW_OP_ACCEPT, number, NULL, 0);
		EXPECT_INT(aw_loop_submit(loop, &one, 1), 1);
		if (i & 1) turns(loop);
		int fresh = listener(&new_address), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		EXPECT_INT(dup3(fresh, number, O_CLOEXEC), number);
		EXPECT_INT(connect(client, (struct sockaddr *)&new_address, sizeof new_address), 0);
		turns(loop);
		expect_in_vain(loop);
		EXPECT(is_readable(number));
		close(client);
		close(fresh);
		close(number);
	}
	loop_end(loop);
}

/* ---- readers, and one-shot readiness ---- */

static aw_status drop_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	(void)ud;
	return 0; /* the descriptor can't be watched any more */
}

typedef struct reader {
	channel old, fresh;
	int calls;
	aw_future *future;
	bool peer_leaves; /* the old file hangs up once its number is gone */
} reader;

static aw_status reader_called(aw_loop *loop, void *ud) {
	(void)loop;
	((reader *)ud)->calls++;
	return 0;
}

static aw_status reader_begin(aw_loop *loop, void *ud) {
	reader *self = ud;
	EXPECT_INT(aw_loop_add_reader(loop, self->old.near, reader_called, self, NULL), 0);
	self->fresh = channel_replace(self->old.near, SOCKETS);
	if (self->peer_leaves) close(self->old.far);
	return 0;
}

static aw_status future_begin(aw_loop *loop, void *ud) {
	reader *self = ud;
	EXPECT_INT(aw_fd_wait(loop, self->old.near, AW_POLL_IN, &self->future), 0);
	self->fresh = channel_replace(self->old.near, SOCKETS);
	if (self->peer_leaves) close(self->old.far);
	return 0;
}

static void begin(aw_loop *loop, aw_callback_fn fn, reader *self, bool inside) {
	if (inside) {
		EXPECT_INT(aw_loop_call_soon(loop, fn, self, NULL, NULL), 0);
		EXPECT(aw_loop_run_once(loop, 0) >= 0);
	} else {
		fn(loop, self);
	}
	turns(loop);
	expect_untouched(self->fresh);
	put(self->fresh.far, "new");
	turns(loop);
}

static void reader_end(reader *self) {
	if (!self->peer_leaves) close(self->old.far);
	close(self->fresh.near);
	close(self->fresh.far);
}

static void a_reader_left_behind_is_not_called(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_set_exception_handler(loop, drop_report, NULL, NULL), 0);
	for (int i = 0; i < 4 * TIMES; i++) {
		reader self = {.old = channel_open(SOCKETS), .peer_leaves = i & 1};
		begin(loop, reader_begin, &self, i & 2);
		EXPECT_INT(self.calls, 0);
		aw_loop_remove_reader(loop, self.fresh.near);
		turns(loop);
		EXPECT_INT(self.calls, 0);
		reader_end(&self);
	}
	loop_end(loop);
}

static void a_future_left_behind_is_not_finished(void) {
	aw_loop *loop = loop_begin(NULL);
	for (int i = 0; i < 4 * TIMES; i++) {
		reader self = {.old = channel_open(SOCKETS), .peer_leaves = i & 1};
		begin(loop, future_begin, &self, i & 2);
		void *events;
		if (aw_future_done(self.future)) EXPECT_INT(aw_future_result(self.future, &events), -EBADF);
		aw_future_cancel(self.future, NULL);
		turns(loop);
		aw_future_unref(self.future);
		reader_end(&self);
	}
	loop_end(loop);
}

/* The reader has served the old file for a while, and its own callback removes it together with the file. */
static aw_status reader_hangs_up(aw_loop *loop, void *ud) {
	(void)loop;
	reader *self = ud;
	char text[8];
	if (++self->calls == 2) self->fresh = channel_replace(self->old.near, SOCKETS);
	if (self->calls == 1) EXPECT_INT(read(self->old.near, text, 1), 1);
	return 0;
}

static void a_reader_that_closes_its_descriptor_is_not_called_again(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_set_exception_handler(loop, drop_report, NULL, NULL), 0);
	for (int i = 0; i < TIMES; i++) {
		reader self = {.old = channel_open(SOCKETS)};
		put(self.old.far, "ab");
		EXPECT_INT(aw_loop_add_reader(loop, self.old.near, reader_hangs_up, &self, NULL), 0);
		for (int k = 0; k < 10 && self.calls < 2; k++) EXPECT(aw_loop_run_once(loop, AW_SECOND) >= 0);
		REQUIRE(self.calls == 2);
		turns(loop);
		EXPECT_INT(self.calls, 2);
		expect_untouched(self.fresh);
		aw_loop_remove_reader(loop, self.fresh.near);
		turns(loop);
		reader_end(&self);
	}
	loop_end(loop);
}

/* A new watcher of the new file gets its events, whatever state is left. */
static void a_reader_of_the_new_file_is_called(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_set_exception_handler(loop, drop_report, NULL, NULL), 0);
	for (int i = 0; i < TIMES; i++) {
		reader left = {.old = channel_open(SOCKETS)}, next = {0};
		reader_begin(loop, &left);
		EXPECT_INT(aw_loop_add_reader(loop, left.fresh.near, reader_called, &next, NULL), 0);
		for (int k = 0; k < 10 && !next.calls; k++) EXPECT(aw_loop_run_once(loop, AW_SECOND) >= 0);
		EXPECT(next.calls > 0);
		EXPECT_INT(left.calls, 0);
		EXPECT_INT(aw_loop_remove_reader(loop, left.fresh.near), 1);
		turns(loop);
		reader_end(&left);
	}
	loop_end(loop);
}

/* ---- closed by the library ---- */

static void closed_by_an_operation(void) {
	aw_loop *loop = loop_begin(NULL);
	for (int i = 0; i < TIMES; i++) {
		enum kind kind = (enum kind)(i / 2 % KINDS);
		char buffer[8] = "";
		channel old = channel_open(kind);
		aw_submission ops[2] = {operation(reading(kind, i), old.near, buffer, 7),
		                        operation(AW_OP_CLOSE, old.near, NULL, 0)};
		ops[1].token = TOKEN + 1;
		if (i & 4) {
			EXPECT_INT(aw_loop_submit(loop, ops, 2), 2);
		} else {
			EXPECT_INT(aw_loop_submit(loop, &ops[0], 1), 1);
			EXPECT_INT(aw_loop_submit(loop, &ops[1], 1), 1);
		}
		bool closed = false, read = false;
		for (int k = 0; k < 1000 && !(closed && read); k++) {
			aw_completion out;
			if (aw_loop_drain(loop, &out, 1, AW_SECOND) <= 0) continue;
			if (out.token == TOKEN + 1) {
				EXPECT_INT(out.status, 0);
				EXPECT_INT(fcntl(old.near, F_GETFD), -1);
				closed = true;
			} else {
				EXPECT_INT(out.status, AW_ECANCELLED);
				read = true;
			}
		}
		EXPECT(closed && read);
		channel fresh = channel_open(kind);
		put(fresh.far, "new");
		turns(loop);
		expect_untouched(fresh);
		EXPECT_STR(buffer, "");
		close(old.far);
		close(fresh.near);
		close(fresh.far);
	}
	loop_end(loop);
}

/*
 * The library owns a child's pipes: if a communicate is cancelled, they are closed while their reads are in
 * flight.
 */
static void closed_with_a_child(void) {
	enum { CHANNELS = 4 };
	aw_loop *loop = loop_begin(NULL);
	aw_process_options *options;
	REQUIRE(aw_process_options_new(&options) == 0);
	for (int stream = 0; stream < 3; stream++)
		EXPECT_INT(aw_process_options_set_stdio(options, stream, AW_STDIO_PIPE, -1), 0);
	for (int i = 0; i < 20; i++) {
		aw_process *process;
		aw_future *future;
		REQUIRE(aw_subprocess_shell(loop, "exec sleep 500", options, &process) == 0);
		EXPECT_INT(aw_process_communicate(process, NULL, 0, &future), 0);
		if (i & 1) turns(loop);
		if (i & 2) EXPECT_INT(aw_future_cancel(future, NULL), 1);
		aw_future_unref(future);
		aw_process_unref(process);
		channel fresh[CHANNELS];
		for (int k = 0; k < CHANNELS; k++) {
			fresh[k] = channel_open(PIPES);
			put(fresh[k].far, "new");
		}
		turns(loop);
		for (int k = 0; k < CHANNELS; k++) {
			expect_untouched(fresh[k]);
			close(fresh[k].near);
			close(fresh[k].far);
		}
	}
	aw_process_options_unref(options);
	loop_end(loop);
}

CHECK_MAIN("descriptor_reuse", TEST(a_plain_close_outside_of_a_turn), TEST(a_plain_close_in_a_turn),
           TEST(a_cancel_and_a_close_outside_of_a_turn), TEST(a_cancel_and_a_close_in_a_turn),
           TEST(a_close_after_a_turn), TEST(many_in_one_call_and_a_close),
           TEST(news_of_the_old_file_are_not_the_new_ones), TEST(a_write_that_waits_for_room),
           TEST(an_accept_takes_no_connection_of_another_listener), TEST(a_reader_left_behind_is_not_called),
           TEST(a_future_left_behind_is_not_finished),
           TEST(a_reader_that_closes_its_descriptor_is_not_called_again),
           TEST(a_reader_of_the_new_file_is_called), TEST(closed_by_an_operation), TEST(closed_with_a_child))
