/* SPDX-License-Identifier: MIT */
/*
 * How many iterations after close_clients() or abort_clients() a wait for the server's end continues; its port is
 * free then.
 */
#include "servers.h"

static aw_status wait_closed(void *server) {
	return aw_server_wait_closed(server);
}

static void run(bool aborts) {
	const aw_server_options options = {.size = sizeof options, .flags = AW_SERVER_CALLBACK};
	aw_future *accepted = create_future();
	aw_server *server = NULL, *again = NULL;
	void *peer = NULL;
	char port[12];
	must(aw_start_server(keep_connection, accepted, NULL, "127.0.0.1", "0", &options, &server));
	snprintf(port, sizeof port, "%d", must(aw_server_port(server, 0)));
	aw_stream *stream = connect_to(server);
	must(aw_await(accepted, &peer));
	aw_task *task = create_task(wait_closed, server);
	must(aw_sleep(0));
	must(aw_server_close(server));
	must(aborts ? aw_server_abort_clients(server) : aw_server_close_clients(server));
	for (int turn = 0; turn < 3; turn++) {
		trace("%d %s", turn, True_or_False(aw_future_done(aw_task_future(task))));
		must(aw_sleep(0));
	}
	must(await_task(task, NULL));
	must(aw_start_server(keep_connection, NULL, NULL, "127.0.0.1", port, NULL, &again));
	trace("again");
	must(aw_server_close(again));
	must(aw_server_wait_closed(again));
	must(aw_stream_close(stream));
	aw_task_unref(task);
	aw_stream_unref(stream);
	aw_server_unref(again);
	aw_server_unref(server);
	aw_future_unref(accepted);
}

static aw_status program(void *ud) {
	(void)ud;
	run(false);
	run(true);
	return 0;
}

CASE(close_clients_turns, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
