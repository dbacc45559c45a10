/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind-once */
/* Those who wait for a server's end continue two iterations after it and its connections were closed, as in asyncio. */
#include "in_a_task.h"

#include <errno.h>

static aw_status keep(aw_stream *stream, void *ud) {
	(void)ud;
	static const aw_protocol protocol = {.size = sizeof protocol};
	return aw_stream_set_protocol(stream, &protocol, NULL, NULL);
}

static aw_stream *connect_to(const aw_server *server) {
	char port[8];
	aw_stream *stream = NULL;
	snprintf(port, sizeof port, "%d", aw_server_port(server, 0));
	EXPECT_INT(aw_open_connection("127.0.0.1", port, NULL, &stream), 0);
	return stream;
}

static aw_status wait_closed(void *server) {
	return aw_server_wait_closed(server);
}

static aw_task *wait_in_a_task(aw_server *server, bool stackful) {
	aw_task *task = NULL;
	aw_coro *coro = NULL;
	if (stackful) {
		EXPECT_INT(aw_task_spawn(NULL, wait_closed, server, NULL, &task), 0);
		return task;
	}
	EXPECT_INT(aw_server_wait_closed_coro(server, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	aw_coro_unref(coro);
	return task;
}

static void end_one(bool stackful, aw_status (*end_clients)(aw_server *server)) {
	const aw_server_options options = {.size = sizeof options, .flags = AW_SERVER_CALLBACK};
	aw_server *server = NULL, *next = NULL;
	char port[8];
	EXPECT_INT(aw_start_server(keep, NULL, NULL, "127.0.0.1", "0", &options, &server), 0);
	snprintf(port, sizeof port, "%d", aw_server_port(server, 0));
	aw_stream *streams[] = {connect_to(server), connect_to(server)};
	while (aw_server_connections(server) < 2) EXPECT_INT(aw_sleep(0), 0);
	aw_task *task = wait_in_a_task(server, stackful);
	for (int i = 0; i < 3; i++) EXPECT_INT(aw_sleep(0), 0);
	EXPECT(!aw_future_done(aw_task_future(task)));
	EXPECT_INT(aw_server_close(server), 0);
	EXPECT_INT(end_clients(server), 0);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT(!aw_future_done(aw_task_future(task)));
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT(aw_future_done(aw_task_future(task)));
	EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
	/* Its port is free. */
	EXPECT_INT(aw_start_server(keep, NULL, NULL, "127.0.0.1", port, &options, &next), 0);
	EXPECT_INT(aw_server_close(next), 0);
	EXPECT_INT(aw_server_wait_closed(next), 0);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(aw_stream_abort(streams[i]), 0);
		aw_stream_unref(streams[i]);
	}
	aw_task_unref(task);
	aw_server_unref(server);
	aw_server_unref(next);
}

static aw_status closed_at_once(void *ud) {
	(void)ud;
	for (int stackful = 0; stackful < 2; stackful++) {
		end_one(stackful, aw_server_close_clients);
		end_one(stackful, aw_server_abort_clients);
	}
	return 0;
}

static void a_wait_ends_with_the_last_connection(void) {
	in_a_task(closed_at_once);
}

/* Without a connection, or with the last one gone before, the listener is what is waited for. */
static aw_status without_connections(void *ud) {
	(void)ud;
	aw_server *server = NULL;
	char port[8] = "0";
	for (int i = 0; i < 4; i++) {
		EXPECT_INT(aw_start_server(keep, NULL, NULL, "127.0.0.1", port, NULL, &server), 0);
		snprintf(port, sizeof port, "%d", aw_server_port(server, 0));
		aw_task *task = wait_in_a_task(server, i & 1);
		EXPECT_INT(aw_sleep(0), 0);
		EXPECT_INT(aw_server_close(server), 0);
		EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
		aw_task_unref(task);
		aw_server_unref(server);
	}
	return 0;
}

static void the_port_is_free_after_the_wait(void) {
	in_a_task(without_connections);
}

CHECK_MAIN("server_end", TEST(a_wait_ends_with_the_last_connection), TEST(the_port_is_free_after_the_wait))
