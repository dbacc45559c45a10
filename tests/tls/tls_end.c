/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* How a connection ends: orderly, cut off, by halves, in time; and much in both directions before. */
#include "tls_fixture.h"

#include <openssl/evp.h>

/* A plain stream that another one may cut off: the lower stream of the server, which the test keeps. */
static void sides_kept(sides *self, aw_stream **out_lower) {
	sides_over_memory(self);
	*out_lower = aw_stream_ref(self->server.stream);
	sides_shake(self);
	EXPECT_INT(self->client.status, 0);
}

static aw_status read_one(aw_stream *stream) {
	char byte;
	return aw_stream_read(stream, &byte, 1);
}

/* --- truncation --- */

IN_TASK(tells_truncation_from_an_end) {
	(void)unused;
	sides both;
	aw_stream *lower;
	sides_kept(&both, &lower);
	expect_passes(both.server.stream, both.client.stream, "hello");
	EXPECT_INT(aw_stream_write(both.server.stream, "last", 4), 0);
	EXPECT_INT(aw_sleep(0), 0);
	aw_stream_close(lower);
	char text[8] = "";
	EXPECT_INT(aw_stream_readexactly(both.client.stream, text, 4), 4);
	EXPECT_STR(text, "last");
	EXPECT_INT(read_one(both.client.stream), AW_ETRUNCATED);
	EXPECT(aw_caught() != NULL);
	EXPECT_INT(aw_error_status(aw_caught()), AW_ETRUNCATED);
	aw_stream_unref(lower);
	sides_end(&both);
	return 0;
}

IN_TASK(an_end_is_an_end) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	sides_shake(&both);
	EXPECT_INT(aw_stream_close(both.server.stream), 0);
	EXPECT_INT(read_one(both.client.stream), 0);
	EXPECT(aw_stream_at_eof(both.client.stream));
	EXPECT_INT(aw_stream_close(both.client.stream), 0);
	EXPECT_INT(aw_stream_wait_closed(both.server.stream, -1), 0);
	EXPECT_INT(aw_stream_wait_closed(both.client.stream, -1), 0);
	sides_end(&both);
	return 0;
}

IN_TASK(truncation_can_be_ignored) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	both.client_options.flags = AW_TLS_IGNORE_TRUNCATION;
	aw_stream *lower = aw_stream_ref(both.server.stream);
	sides_shake(&both);
	aw_stream_close(lower);
	EXPECT_INT(read_one(both.client.stream), 0);
	EXPECT_INT(aw_stream_close(both.client.stream), 0);
	EXPECT_INT(aw_stream_wait_closed(both.client.stream, -1), 0);
	aw_stream_unref(lower);
	sides_end(&both);
	return 0;
}

/* Flips a bit on the way. */
IN_TASK(refuses_a_forged_record) {
	(void)unused;
	sides both;
	aw_stream *lower;
	sides_kept(&both, &lower);
	expect_passes(both.server.stream, both.client.stream, "hello");
	EXPECT_INT(aw_stream_write(lower,
	                           "\x17\x03\x03\x00\x15"
	                           "abcdefghijklmnopqrstu",
	                           26),
	           0);
	EXPECT_INT(read_one(both.client.stream), AW_ETLS);
	EXPECT(aw_caught() && contains(aw_error_message(aw_caught()), "bad record mac"));
	/* The peer learns it. */
	EXPECT_INT(read_one(both.server.stream), AW_ETLS);
	EXPECT(aw_caught() && contains(aw_error_message(aw_caught()), "alert bad record mac"));
	aw_stream_unref(lower);
	sides_end(&both);
	return 0;
}

/* --- halves --- */

IN_TASK(closes_by_halves) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	sides_shake(&both);
	EXPECT(aw_stream_can_write_eof(both.client.stream));
	EXPECT_INT(aw_stream_write(both.client.stream, "question", 8), 0);
	EXPECT_INT(aw_stream_write_eof(both.client.stream), 0);
	const char *all = NULL;
	EXPECT_INT(aw_stream_readall(both.server.stream, 100, &all), 8);
	for (int i = 0; i < 3; i++) expect_passes(both.server.stream, both.client.stream, "an answer");
	EXPECT_INT(aw_stream_close(both.server.stream), 0);
	EXPECT_INT(read_one(both.client.stream), 0);
	EXPECT_INT(aw_stream_close(both.client.stream), 0);
	EXPECT_INT(aw_stream_wait_closed(both.client.stream, -1), 0);
	EXPECT_INT(aw_stream_wait_closed(both.server.stream, -1), 0);
	sides_end(&both);
	return 0;
}

IN_TASK(has_no_halves_before_1_3) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	EXPECT_INT(aw_tls_context_set_versions(both.client.context, 0, AW_TLS_1_2), 0);
	sides_shake(&both);
	EXPECT(!aw_stream_can_write_eof(both.client.stream));
	EXPECT_INT(aw_stream_write_eof(both.client.stream), -EOPNOTSUPP);
	expect_passes(both.client.stream, both.server.stream, "hello");
	sides_end(&both);
	return 0;
}

/* --- waiting for the peer --- */

static aw_status close_after_a_while(void *ud) {
	EXPECT_INT(aw_sleep(10 * AW_MILLISECOND), 0);
	trace_add("peer");
	aw_status status = aw_stream_write(ud, "dropped", 7);
	EXPECT(status == 0 || status == -EPIPE);
	return aw_stream_close(ud);
}

static void close_waiting(uint32_t flags, const char *expected) {
	sides both;
	trace_reset();
	sides_over_memory(&both);
	both.server_options.flags = flags;
	sides_shake(&both);
	expect_passes(both.server.stream, both.client.stream, "hello");
	aw_future *closing = spawn(close_after_a_while, both.client.stream);
	EXPECT_INT(aw_stream_close(both.server.stream), 0);
	EXPECT_INT(aw_stream_wait_closed(both.server.stream, -1), 0);
	trace_add("closed");
	EXPECT_INT(aw_await(closing, NULL), 0);
	aw_future_unref(closing);
	EXPECT_STR(trace, expected);
	sides_end(&both);
}

IN_TASK(waits_for_the_peer_only_if_asked) {
	(void)unused;
	close_waiting(0, "closed peer");
	close_waiting(AW_TLS_WAIT_FOR_PEER, "peer closed");
	return 0;
}

IN_TASK(waits_for_the_peer_for_a_time) {
	(void)unused;
	sides both;
	sides_over_memory(&both);
	both.server_options.flags = AW_TLS_WAIT_FOR_PEER;
	both.server_options.shutdown_timeout_ns = 10 * AW_MILLISECOND;
	sides_shake(&both);
	EXPECT_INT(aw_stream_close(both.server.stream), 0);
	EXPECT_INT(aw_stream_wait_closed(both.server.stream, -1), AW_ETIMEOUT);
	sides_end(&both);
	return 0;
}

IN_TASK(a_waiting_close_tells_of_truncation) {
	(void)unused;
	sides both;
	aw_stream *lower;
	sides_over_memory(&both);
	lower = aw_stream_ref(both.client.stream);
	both.server_options.flags = AW_TLS_WAIT_FOR_PEER;
	sides_shake(&both);
	EXPECT_INT(aw_stream_close(both.server.stream), 0);
	EXPECT_INT(read_one(both.client.stream), 0);
	aw_stream_close(lower);
	EXPECT_INT(aw_stream_wait_closed(both.server.stream, -1), AW_ETRUNCATED);
	aw_stream_unref(lower);
	sides_end(&both);
	return 0;
}

IN_TASK(a_close_that_nobody_takes_ends_in_time) {
	(void)unused;
	sides both;
	aw_stream *lower;
	sides_over_memory(&both);
	both.server_options.shutdown_timeout_ns = 10 * AW_MILLISECOND;
	lower = aw_stream_ref(both.client.stream);
	sides_shake(&both);
	EXPECT_INT(aw_stream_pause_reading(lower), 0);
	char *much = calloc(1, 150 * 1024);
	EXPECT_INT(aw_stream_write(both.server.stream, much, 150 * 1024), 0);
	free(much);
	EXPECT_INT(aw_stream_close(both.server.stream), 0);
	/* What TLS has not taken yet is not under its timeout: that is for wait_closed. */
	aw_status status = aw_stream_wait_closed(both.server.stream, 200 * AW_MILLISECOND);
	EXPECT_INT(status, AW_ETIMEOUT);
	aw_stream_unref(lower);
	sides_end(&both);
	return 0;
}

/*
 * A client that sends and closes at once, without having read the server's tickets: over TCP their arrival
 * at a closed socket would be a reset.
 */
IN_TASK(a_hasty_client_loses_nothing) {
	(void)unused;
	enum { SIZE = 300 * 1024 };
	char *data = calloc(1, SIZE);
	for (int turns = 0; turns < 6; turns++) {
		sides both;
		sides_begin(&both, open_tcp(NULL));
		aw_future *accepting = spawn(shake, &both.server);
		EXPECT_INT(shake(&both.client), 0);
		EXPECT_INT(both.client.status, 0);
		for (int i = 0; i < turns; i++) EXPECT_INT(aw_sleep(0), 0);
		EXPECT_INT(aw_stream_write(both.client.stream, data, SIZE), 0);
		EXPECT_INT(aw_stream_close(both.client.stream), 0);
		EXPECT_INT(aw_await(accepting, NULL), 0);
		aw_future_unref(accepting);
		EXPECT_INT(both.server.status, 0);
		EXPECT_INT(aw_stream_readexactly(both.server.stream, data, SIZE), SIZE);
		EXPECT_INT(read_one(both.server.stream), 0);
		sides_end(&both);
	}
	free(data);
	return 0;
}

/* --- much, both ways at once --- */

enum { MUCH = 3 * 1024 * 1024 };

typedef struct transfer {
	aw_stream *stream;
	uint32_t seed;
	unsigned char digest[32];
} transfer;

static aw_status send_all(void *ud) {
	transfer *self = ud;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	EVP_DigestInit(hash, EVP_sha256());
	unsigned char piece[20000];
	uint32_t random = self->seed;
	for (size_t sent = 0; sent < MUCH;) {
		random = random * 1664525 + 1013904223;
		size_t size = 1 + random % sizeof piece;
		if (size > MUCH - sent) size = MUCH - sent;
		for (size_t i = 0; i < size; i++) piece[i] = (unsigned char)(random >> (i % 24));
		EVP_DigestUpdate(hash, piece, size);
		EXPECT_INT(aw_stream_write(self->stream, piece, size), 0);
		EXPECT_INT(aw_stream_drain(self->stream), 0);
		sent += size;
	}
	EVP_DigestFinal(hash, self->digest, NULL);
	EVP_MD_CTX_free(hash);
	return aw_stream_write_eof(self->stream);
}

static aw_status receive_all(void *ud) {
	transfer *self = ud;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	EVP_DigestInit(hash, EVP_sha256());
	unsigned char piece[30000];
	size_t total = 0;
	for (aw_status count; (count = aw_stream_read(self->stream, piece, sizeof piece)) != 0;) {
		EXPECT(count > 0);
		if (count < 0) break;
		EVP_DigestUpdate(hash, piece, (size_t)count);
		total += (size_t)count;
	}
	EXPECT_INT(total, MUCH);
	EVP_DigestFinal(hash, self->digest, NULL);
	EVP_MD_CTX_free(hash);
	return 0;
}

static void transfer_both_ways(ends lower) {
	sides both;
	sides_begin(&both, lower);
	sides_shake(&both);
	transfer there = {both.client.stream, 1, {0}}, got = {both.server.stream, 0, {0}};
	transfer back = {both.server.stream, 2, {0}}, got_back = {both.client.stream, 0, {1}};
	aw_future *tasks[] = {spawn(send_all, &there), spawn(send_all, &back), spawn(receive_all, &got),
	                      spawn(receive_all, &got_back)};
	for (int i = 0; i < 4; i++) {
		EXPECT_INT(aw_await(tasks[i], NULL), 0);
		aw_future_unref(tasks[i]);
	}
	EXPECT(!memcmp(there.digest, got.digest, 32));
	EXPECT(!memcmp(back.digest, got_back.digest, 32));
	sides_end(&both);
}

IN_TASK(passes_much_both_ways_at_once) {
	(void)unused;
	transfer_both_ways(open_memory(NULL));
	transfer_both_ways(open_unix(NULL));
	transfer_both_ways(open_tcp(NULL));
	return 0;
}

/* --- with callbacks --- */

static aw_status echo(aw_stream *stream, void *ud, const void *data, size_t length) {
	(void)ud;
	return aw_stream_write(stream, data, length);
}

static void lost(aw_stream *stream, void *ud, aw_status why) {
	(void)stream;
	(void)ud;
	trace_status("lost", why);
}

IN_TASK(serves_a_protocol) {
	(void)unused;
	static const aw_protocol echoing = {
		.size = sizeof echoing, .data_received = echo, .connection_lost = lost};
	sides both;
	trace_reset();
	sides_over_memory(&both);
	sides_shake(&both);
	EXPECT_INT(aw_stream_set_protocol(both.server.stream, &echoing, NULL, NULL), 0);
	char text[8] = "";
	EXPECT_INT(aw_stream_write(both.client.stream, "hello", 5), 0);
	EXPECT_INT(aw_stream_readexactly(both.client.stream, text, 5), 5);
	EXPECT_STR(text, "hello");
	EXPECT_INT(aw_stream_close(both.client.stream), 0);
	EXPECT_INT(aw_stream_wait_closed(both.server.stream, -1), 0);
	EXPECT_STR(trace, "lost:AW_OK");
	sides_end(&both);
	return 0;
}

/* The loop ends with everything open. */
static aw_status leave_open(void *ud) {
	sides *both = ud;
	sides_over_memory(both);
	sides_shake(both);
	EXPECT_INT(both->client.status, 0);
	return 0;
}

static void survives_the_end_of_the_loop(void) {
	sides both;
	EXPECT_INT(aw_run(NULL, leave_open, &both, NULL, NULL), 0);
	aw_stream_unref(both.client.stream);
	aw_stream_unref(both.server.stream);
	aw_tls_context_unref(both.client.context);
	aw_tls_context_unref(both.server.context);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status shake_alone(void *ud) {
	side *self = ud;
	IGNORED(shake(self));
	return 0;
}

static aw_status leave_half_done(void *ud) {
	sides *both = ud;
	sides_over_memory(both);
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(NULL, shake_alone, &both->client, NULL, &task), 0);
	aw_task_unref(task);
	for (int i = 0; i < 5; i++) EXPECT_INT(aw_sleep(0), 0);
	return 0;
}

static void survives_the_end_of_the_loop_in_a_handshake(void) {
	sides both;
	EXPECT_INT(aw_run(NULL, leave_half_done, &both, NULL, NULL), 0);
	EXPECT_INT(both.client.status, AW_ECANCELLED);
	aw_stream_unref(both.client.stream);
	aw_stream_unref(both.server.stream);
	aw_tls_context_unref(both.client.context);
	aw_tls_context_unref(both.server.context);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status report(aw_loop *loop, const aw_report *what, void *ud) {
	(void)loop;
	(void)ud;
	trace_add(aw_report_message(what));
	return 0;
}

IN_TASK(a_stream_that_is_dropped_is_reported) {
	(void)unused;
	sides both;
	trace_reset();
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), report, NULL, NULL), 0);
	sides_over_memory(&both);
	sides_shake(&both);
	aw_stream_unref(both.client.stream);
	EXPECT_STR(trace, "a stream was dropped without being closed");
	EXPECT(read_one(both.server.stream) < 0);
	aw_tls_context_unref(both.client.context);
	side_end(&both.server);
	return 0;
}

CHECK_MAIN("the end of TLS", TEST(tells_truncation_from_an_end), TEST(an_end_is_an_end),
           TEST(truncation_can_be_ignored), TEST(refuses_a_forged_record), TEST(closes_by_halves),
           TEST(has_no_halves_before_1_3), TEST(waits_for_the_peer_only_if_asked),
           TEST(waits_for_the_peer_for_a_time), TEST(a_waiting_close_tells_of_truncation),
           TEST(a_close_that_nobody_takes_ends_in_time), TEST(a_hasty_client_loses_nothing),
           TEST(passes_much_both_ways_at_once), TEST(serves_a_protocol), TEST(survives_the_end_of_the_loop),
           TEST(survives_the_end_of_the_loop_in_a_handshake), TEST(a_stream_that_is_dropped_is_reported))
