/* SPDX-License-Identifier: MIT */
/* Labels: backends real-time seconds=120 */
/*
 * A byte hunt: reads, writes and handshakes are cancelled at random, for some seconds; each byte arrives once
 * and in order, both ways at the same time, and nothing is left.
 */
#include "tls_fixture.h"

#include <time.h>

static uint32_t random_state;

static uint32_t random_below(uint32_t most) {
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % most;
}

/* The byte at a position of a direction's sequence. */
static unsigned char byte_at(uint64_t at) {
	return (unsigned char)(at * 167 + at / 253 + at / 65537);
}

/* One direction of one end: bytes that were taken, or that were received. */
typedef struct flow {
	aw_stream *stream;
	uint64_t at, total;
	aw_task *task;
	bool is_over;
} flow;

static aw_status send_some(void *ud) {
	flow *self = ud;
	static unsigned char data[50000];
	while (self->at < self->total) {
		size_t size = 1 + random_below(sizeof data), sent = 0;
		if (size > self->total - self->at) size = (size_t)(self->total - self->at);
		unsigned char *piece = malloc(size);
		for (size_t i = 0; i < size; i++) piece[i] = byte_at(self->at + i);
		aw_status status;
		if (random_below(2)) {
			status = aw_stream_send(self->stream, piece, size, &sent);
		} else {
			status = aw_stream_write(self->stream, piece, size);
			sent = status == 0 ? size : 0;
			if (status == 0) status = aw_stream_drain(self->stream);
		}
		self->at += sent;
		free(piece);
		if (status < 0) return status;
	}
	EXPECT_INT(aw_stream_write_eof(self->stream), 0);
	self->is_over = true;
	return 0;
}

static aw_status receive_some(void *ud) {
	flow *self = ud;
	unsigned char data[20000];
	for (;;) {
		size_t size = 1 + random_below(sizeof data);
		aw_status count;
		if (random_below(3) == 0 && self->at + size < self->total)
			count = aw_stream_readexactly(self->stream, data, size);
		else
			count = aw_stream_read(self->stream, data, size);
		if (count < 0) return count;
		if (count == 0) break;
		bool is_right = true;
		for (aw_status i = 0; i < count; i++) is_right &= data[i] == byte_at(self->at + (uint64_t)i);
		EXPECT(is_right);
		self->at += (uint64_t)count;
	}
	EXPECT_INT(self->at, self->total);
	self->is_over = true;
	return 0;
}

static void flow_start(flow *self, aw_task_fn fn) {
	EXPECT_INT(aw_task_spawn(NULL, fn, self, NULL, &self->task), 0);
}

/* Waits until it has ended. */
static void flow_join(flow *self, bool was_cancelled) {
	aw_status status = aw_await(aw_task_future(self->task), NULL);
	EXPECT(status == 0 || (was_cancelled && status == AW_ECANCELLED));
	aw_task_unref(self->task);
	self->task = NULL;
}

static void hunt_once(ends (*open)(const aw_stream_options *options), bool is_lazy) {
	static const aw_stream_options lazy = {.size = sizeof lazy, .flags = AW_STREAM_NO_READ_AHEAD};
	sides both;
	sides_begin(&both, open(is_lazy ? &lazy : NULL));
	if (is_lazy) both.client_options.stream = both.server_options.stream = &lazy;
	sides_shake(&both);
	EXPECT_INT(both.client.status, 0);
	EXPECT_INT(both.server.status, 0);
	uint64_t total = 200000 + random_below(600000);
	flow flows[] = {{.stream = both.client.stream, .total = total},
	                {.stream = both.server.stream, .total = total},
	                {.stream = both.server.stream, .total = total / 2},
	                {.stream = both.client.stream, .total = total / 2}};
	aw_task_fn fns[] = {send_some, receive_some, send_some, receive_some};
	for (int i = 0; i < 4; i++) flow_start(&flows[i], fns[i]);
	for (int cancels = 0; cancels < 40; cancels++) {
		for (uint32_t turns = random_below(6); turns; turns--) EXPECT_INT(aw_sleep(0), 0);
		uint32_t victim = random_below(4);
		flow *chosen = &flows[victim];
		if (chosen->is_over) continue;
		aw_task_cancel(chosen->task, NULL);
		flow_join(chosen, true);
		if (!chosen->is_over) {
			flow_start(chosen, fns[victim]);
		} else {
			EXPECT_INT(aw_task_spawn(NULL, sleep_long, NULL, NULL, &chosen->task), 0);
			aw_task_cancel(chosen->task, NULL);
		}
	}
	for (int i = 0; i < 4; i++) flow_join(&flows[i], flows[i].is_over);
	sides_end(&both);
}

static double now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

IN_TASK(no_byte_is_lost) {
	(void)unused;
	random_state = (uint32_t)time(NULL);
	printf("\n    seed %u\n", random_state);
	double end = now() + 4;
	int rounds = 0;
	for (; now() < end; rounds++) {
		hunt_once(open_memory, rounds & 1);
		hunt_once(open_unix, rounds & 1);
		hunt_once(open_tcp, rounds & 1);
	}
	printf("    %d rounds\n", rounds);
	return 0;
}

/* Ends in any way, at any time: nothing hangs or leaks. */
static void end_at_random(ends lower) {
	sides both;
	sides_begin(&both, lower);
	both.client_options.flags = random_below(4);
	both.server_options.flags = random_below(4);
	both.client_options.shutdown_timeout_ns = both.server_options.shutdown_timeout_ns = 20 * AW_MILLISECOND;
	both.client_options.handshake_timeout_ns = both.server_options.handshake_timeout_ns = 50 * AW_MILLISECOND;
	aw_stream *kept[] = {aw_stream_ref(lower.left), aw_stream_ref(lower.right)};
	aw_task *tasks[2] = {NULL, NULL};
	EXPECT_INT(aw_task_spawn(NULL, shake, &both.client, NULL, &tasks[0]), 0);
	EXPECT_INT(aw_task_spawn(NULL, shake, &both.server, NULL, &tasks[1]), 0);
	for (uint32_t turns = random_below(14); turns; turns--) EXPECT_INT(aw_sleep(0), 0);
	aw_stream *upper[] = {both.client.stream, both.server.stream};
	if (random_below(2)) IGNORED(aw_stream_write(upper[random_below(2)], "some bytes", 10));
	switch (random_below(6)) {
	case 0: aw_stream_abort(kept[random_below(2)]); break;
	case 1: aw_stream_close(kept[random_below(2)]); break;
	case 2: aw_task_cancel(tasks[random_below(2)], NULL); break;
	case 3: aw_stream_close(upper[random_below(2)]); break;
	case 4: aw_stream_abort(upper[random_below(2)]); break;
	default: break;
	}
	for (int i = 0; i < 2; i++) {
		IGNORED(aw_await(aw_task_future(tasks[i]), NULL));
		aw_task_unref(tasks[i]);
	}
	sides_end(&both);
	for (int i = 0; i < 2; i++) {
		/* The lower stream is closed with the upper one. */
		IGNORED(aw_stream_wait_closed(kept[i], 60 * AW_SECOND));
		aw_stream_unref(kept[i]);
	}
}

IN_TASK(ends_at_any_time) {
	(void)unused;
	random_state = (uint32_t)time(NULL);
	printf("\n    seed %u\n", random_state);
	double end = now() + 4;
	int rounds = 0;
	for (; now() < end; rounds++) {
		end_at_random(open_memory(NULL));
		end_at_random(open_unix(NULL));
		end_at_random(open_tcp(NULL));
	}
	printf("    %d rounds\n", rounds);
	return 0;
}

CHECK_MAIN("the hunt for TLS's bytes", TEST(no_byte_is_lost), TEST(ends_at_any_time))
