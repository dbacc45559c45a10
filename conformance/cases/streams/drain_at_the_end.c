/* SPDX-License-Identifier: MIT */
/* A drain that waits when the connection is closed or aborted succeeds; one that comes later fails. */
#include "streams.h"

typedef struct drainer {
	aw_stream *stream;
	const char *word;
} drainer;

static void some_turns(void) {
	for (int i = 0; i < 5; i++) must(aw_sleep(0));
}

static aw_status drain(void *ud) {
	const drainer *self = ud;
	aw_status status = aw_stream_drain(self->stream);
	if (status == 0) trace("%s drained", self->word);
	if (status == -ECONNRESET || status == -EPIPE) trace("%s reset", self->word);
	return 0;
}

static bool are_done(aw_task *const *tasks) {
	return aw_future_done(aw_task_future(tasks[0])) && aw_future_done(aw_task_future(tasks[1]));
}

static void run(const char *how) {
	static char bytes[1 << 16];
	int fds[2], size = 4096;
	aw_stream *stream = NULL;
	trace("- %s", how);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	must(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
	must(aw_stream_from_fd(NULL, fds[0], NULL, &stream));
	must(aw_stream_set_write_buffer_limits(stream, 0, -1));
	must(aw_stream_write(stream, bytes, sizeof bytes));
	drainer early = {stream, "early"}, late = {stream, "late"}, last = {stream, "last"};
	aw_task *tasks[2] = {create_task(drain, &early), NULL};
	some_turns();
	if (strcmp(how, "abort") == 0)
		must(aw_stream_abort(stream));
	else if (strcmp(how, "error") == 0)
		close(fds[1]);
	else
		must(aw_stream_close(stream));
	tasks[1] = create_task(drain, &late);
	some_turns();
	if (strcmp(how, "close, then abort") == 0) must(aw_stream_abort(stream));
	if (strcmp(how, "close") == 0) {
		while (!are_done(tasks)) {
			(void)recv(fds[1], bytes, sizeof bytes, MSG_DONTWAIT);
			must(aw_sleep(0));
		}
	}
	wait_tasks(tasks, 2);
	some_turns();
	must(drain(&last));
	must(aw_stream_close(stream));
	drop_tasks(tasks, 2);
	aw_stream_unref(stream);
	if (strcmp(how, "error") != 0) close(fds[1]);
}

static aw_status program(void *ud) {
	(void)ud;
	run("abort");
	run("close");
	run("close, then abort");
	run("error");
	return 0;
}

CASE(drain_at_the_end, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
