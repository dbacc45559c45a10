/* SPDX-License-Identifier: MIT */
/* A cancelled serve_forever closes the server and waits for its connections; a second cancellation ends that wait. */
#include "servers.h"

static void some_turns(void) {
	for (int i = 0; i < 20; i++) must(aw_sleep(0));
}

static aw_status serve(aw_stream *stream, void *opened) {
	char byte;
	must(aw_event_set(opened));
	must(aw_stream_read(stream, &byte, 1));
	return 0;
}

static aw_status close_at_once(aw_stream *stream, void *ud) {
	(void)ud;
	return aw_stream_close(stream);
}

static aw_status serve_forever(void *server) {
	return aw_server_serve_forever(server);
}

static aw_server *listening_server(aw_client_fn fn, void *ud) {
	aw_server *server = NULL;
	must(aw_server_new(NULL, fn, ud, NULL, NULL, &server));
	must(aw_server_listen(server, "127.0.0.1", "0"));
	return server;
}

static void run(bool second) {
	aw_event *opened = NULL;
	must(aw_event_new(NULL, &opened));
	aw_server *server = listening_server(serve, opened);
	aw_task *task = create_task(serve_forever, server);
	must(aw_sleep(0));
	aw_stream *stream = connect_to(server);
	must(aw_event_wait(opened));
	must(aw_task_cancel(task, "first"));
	some_turns();
	trace("%s %s %zu", True_or_False(aw_future_done(aw_task_future(task))),
	      True_or_False(aw_server_is_serving(server)), aw_server_sockets(server));
	if (aw_server_serve_forever(server) == -EBUSY) trace("refused");
	if (second)
		must(aw_task_cancel(task, "second"));
	else
		must(aw_stream_close(stream));
	if (await_task(task, NULL) == AW_ECANCELLED)
		trace("%s %d", aw_error_message(aw_caught()), aw_task_cancelling(task));
	must(aw_stream_close(stream));
	must(aw_server_wait_closed(server));
	aw_task_unref(task);
	aw_stream_unref(stream);
	aw_server_unref(server);
	aw_event_unref(opened);
}

static void nobody(void) {
	aw_server *server = listening_server(close_at_once, NULL);
	aw_task *task = create_task(serve_forever, server);
	must(aw_sleep(0));
	must(aw_task_cancel(task, NULL));
	must(aw_sleep(0));
	trace("%s", True_or_False(aw_future_cancelled(aw_task_future(task))));
	aw_task_unref(task);
	aw_server_unref(server);
}

static aw_status program(void *ud) {
	(void)ud;
	trace("- a client ends");
	run(false);
	trace("- cancelled twice");
	run(true);
	trace("- no client");
	nobody();
	return 0;
}

CASE(serve_forever_cancelled, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
