/* SPDX-License-Identifier: MIT */
/* Helpers for the cases about servers: a server on a free port of 127.0.0.1, and connections to it. */
#ifndef CONFORMANCE_SERVERS_H
#define CONFORMANCE_SERVERS_H

#include "streams.h"

/* asyncio.start_server(fn, '127.0.0.1', 0). Returns a new reference. */
static inline aw_server *start_server(aw_client_fn fn, void *ud) {
	aw_server *server = NULL;
	must(aw_start_server(fn, ud, NULL, "127.0.0.1", "0", NULL, &server));
	return server;
}

/* asyncio.open_connection to it. Returns a new reference. */
static inline aw_stream *connect_to(const aw_server *server) {
	char port[12];
	aw_stream *stream = NULL;
	snprintf(port, sizeof port, "%d", must(aw_server_port(server, 0)));
	must(aw_open_connection("127.0.0.1", port, NULL, &stream));
	return stream;
}

static inline void drop_stream(void *stream) {
	aw_stream_unref(stream);
}

/* A server's function: makes the connection the result of a future, which keeps it open. */
static inline aw_status keep_connection(aw_stream *stream, void *future) {
	must(aw_future_set_result(future, aw_stream_ref(stream), drop_stream));
	return 0;
}

#endif
