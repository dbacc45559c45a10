/* SPDX-License-Identifier: MIT */
/*
 * N10: Port 0 means a free one; a port that is in use is refused by the call that binds it; SO_REUSEADDR is
 * set.
 */
#include "servers.h"

static aw_status leave(aw_stream *stream, void *ud) {
	(void)stream;
	(void)ud;
	return 0;
}

static aw_status program(void *ud) {
	(void)ud;
	aw_server *server = start_server(leave, NULL), *second = NULL;
	int port = must(aw_server_port(server, 0)), reused = 0;
	socklen_t size = sizeof reused;
	must(getsockopt(aw_server_socket(server, 0), SOL_SOCKET, SO_REUSEADDR, &reused, &size));
	trace("%s %s", True_or_False(port > 0), True_or_False(reused));
	char service[12];
	snprintf(service, sizeof service, "%d", port);
	aw_status status = aw_start_server(leave, NULL, NULL, "127.0.0.1", service, NULL, &second);
	if (status == -EADDRINUSE) trace("EADDRINUSE");
	must(aw_server_close(server));
	aw_server_unref(server);
	return 0;
}

CASE(trap_N10, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
