/* SPDX-License-Identifier: MIT */
/* A server's function, tested without a network: requests in pieces, clients that leave, are slow, or do not read. */
#include <await/easy.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- the code under test: answers "PING\n" with "PONG\n", and waits a minute for the next line ---- */

static aw_status read_line(void *ud) {
	aw_stream *stream = ud;
	const char *line;
	aw_status length = aw_stream_readline(stream, &line);
	if (length <= 0) return length;
	return length == 5 && !memcmp(line, "PING\n", 5) ? length : aw_raise(AW_EUSER, "not a ping");
}

static aw_status serve(aw_stream *stream, void *ud) {
	(void)ud;
	aw_status length;
	while ((length = aw_timeout_run(60 * AW_SECOND, read_line, stream)) > 0) {
		AW_TRY(aw_stream_write(stream, "PONG\n", 5));
		AW_TRY(aw_stream_drain(stream));
	}
	return length;
}

/* ---- the tests ---- */

static int passed, failed;

static void check(const char *what, int holds) {
	printf("%s: %s\n", holds ? "ok" : "FAILED", what);
	if (holds)
		passed++;
	else
		failed++;
}

/* A client, and the server's function in a task. */
typedef struct bench {
	aw_stream *client, *served;
	aw_future *result;
} bench;

static aw_status run_serve(void *stream) {
	return serve(stream, NULL);
}

static aw_status begin(bench *self) {
	AW_TRY(aw_stream_pair(NULL, NULL, &self->client, &self->served));
	return aw_task_spawn_future(NULL, run_serve, self->served, NULL, &self->result);
}

/* Returns how the function has ended. */
static aw_status end(bench *self) {
	aw_status status = aw_await(self->result, NULL);
	aw_stream_abort(self->client);
	aw_stream_abort(self->served);
	aw_future_unref(self->result);
	aw_stream_unref(self->client);
	aw_stream_unref(self->served);
	return status;
}

static aw_status test(void *ud) {
	(void)ud;
	bench self;
	char answer[5];

	/* One byte in each iteration of the loop. */
	AW_TRY(begin(&self));
	for (const char *at = "PING\n"; *at; at++) {
		AW_TRY(aw_stream_write(self.client, at, 1));
		AW_TRY(aw_sleep(0));
	}
	AW_TRY(aw_stream_readexactly(self.client, answer, 5));
	check("a request in single bytes is answered", !memcmp(answer, "PONG\n", 5));
	AW_TRY(aw_stream_write_eof(self.client));
	check("a client that has finished ends it", end(&self) == 0);

	AW_TRY(begin(&self));
	AW_TRY(aw_stream_write(self.client, "PIN", 3));
	AW_TRY(aw_stream_write_eof(self.client));
	check("half a request is none", end(&self) == AW_EUSER);

	AW_TRY(begin(&self));
	AW_TRY(aw_stream_abort(self.client));
	check("a client that vanishes is noticed", end(&self) == -ECONNRESET);

	AW_TRY(begin(&self));
	int64_t start = aw_loop_time(aw_loop_current());
	check("a client that asks nothing is left", end(&self) == AW_ETIMEOUT);
	check("after exactly a minute", aw_loop_time(aw_loop_current()) - start == 60 * AW_SECOND);

	/* A client that asks for ever and never reads: the server waits, and its memory does not grow. */
	AW_TRY(begin(&self));
	for (int i = 0; i < 100000; i++) {
		AW_TRY(aw_stream_write(self.client, "PING\n", 5));
		if (i % 100 == 0) AW_TRY(aw_sleep(0));
	}
	check("a client that does not read makes it wait", aw_stream_write_buffer_size(self.served) < 128 * 1024);
	AW_TRY(aw_stream_abort(self.client));
	check("until that leaves", end(&self) == -ECONNRESET);
	return 0;
}

int main(void) {
	time_t began = time(NULL);
	check("the tests ran", aw_run("virtual", test, NULL, NULL, NULL) == 0);
	check("they took no time, and left nothing", time(NULL) - began < 10 && aw_debug_live_handles() == 0);
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}
