/* SPDX-License-Identifier: MIT */
/* X14: A server that serves forever is closed by the cancellation of that; it can do so once at a time. */
#include "servers.h"

static aw_status close_at_once(aw_stream *stream, void *ud) {
	(void)ud;
	return aw_stream_close(stream);
}

static aw_status serve_forever(void *server) {
	return aw_server_serve_forever(server);
}

static aw_status program(void *ud) {
	(void)ud;
	aw_server *server = NULL;
	must(aw_server_new(NULL, close_at_once, NULL, NULL, NULL, &server));
	must(aw_server_listen(server, "127.0.0.1", "0"));
	trace("%s", True_or_False(aw_server_is_serving(server)));
	aw_task *task = create_task(serve_forever, server);
	must(aw_sleep(0));
	trace("%s", True_or_False(aw_server_is_serving(server)));
	if (aw_server_serve_forever(server) == -EBUSY) trace("refused");
	aw_task_cancel(task, NULL);
	wait_tasks(&task, 1);
	trace("%s %s %zu", True_or_False(aw_future_cancelled(aw_task_future(task))),
	      True_or_False(aw_server_is_serving(server)), aw_server_sockets(server));
	if (aw_server_serve_forever(server) == -EPIPE) trace("closed");
	aw_task_unref(task);
	aw_server_unref(server);
	return 0;
}

CASE(trap_X14, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
