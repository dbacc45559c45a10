/* SPDX-License-Identifier: MIT */
/*
 * X13: Closing a server leaves its connections open, and wait_closed waits for them; they can be closed by
 * one call.
 */
#include "servers.h"

static aw_status wait_closed(void *server) {
	return aw_server_wait_closed(server);
}

static aw_status program(void *ud) {
	(void)ud;
	for (int aborts = 0; aborts < 2; aborts++) {
		aw_future *accepted = create_future();
		aw_server *server = start_server(keep_connection, accepted);
		aw_stream *stream = connect_to(server);
		void *peer = NULL;
		const char *line = NULL;
		must(aw_await(accepted, &peer));
		aw_stream_ref(peer);
		must(aw_server_close(server));
		write_text(stream, "hi\n");
		aw_status length = must(aw_stream_readline(peer, &line));
		trace("%.*s %s %zu", length - 1, line, True_or_False(aw_server_is_serving(server)),
		      aw_server_sockets(server));
		aw_task *task = create_task(wait_closed, server);
		if (aw_wait_for(aw_task_future(task), TICK, NULL) == AW_ETIMEOUT) trace("waits");
		must(aborts ? aw_server_abort_clients(server) : aw_server_close_clients(server));
		must(aw_server_wait_closed(server));
		trace("closed %s", True_or_False(aw_stream_is_closing(peer)));
		must(aw_stream_close(stream));
		aw_task_unref(task);
		aw_stream_unref(peer);
		aw_stream_unref(stream);
		aw_future_unref(accepted);
		aw_server_unref(server);
	}
	return 0;
}

CASE(trap_X13, 0.4, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
