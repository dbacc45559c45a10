/* SPDX-License-Identifier: MIT */
/* N09: The addresses of a name are tried in turn; if all fail, the connection fails. */
#include "servers.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static aw_status close_at_once(aw_stream *stream, void *ud) {
	(void)ud;
	return aw_stream_close(stream);
}

static aw_status connect_by(const char *host, int port, aw_stream **out) {
	char service[12];
	snprintf(service, sizeof service, "%d", port);
	return aw_open_connection(host, service, NULL, out);
}

static aw_status program(void *ud) {
	(void)ud;
	aw_stream *stream = NULL;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int closed = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(closed, (struct sockaddr *)&address, length));
	must(getsockname(closed, (struct sockaddr *)&address, &length));
	int port = ntohs(address.sin_port);
	if (connect_by("127.0.0.1", port, &stream) == -ECONNREFUSED) trace("refused");
	if (connect_by("localhost", port, &stream) < 0) trace("failed");
	close(closed);
	aw_server *server = start_server(close_at_once, NULL);
	must(connect_by("localhost", must(aw_server_port(server, 0)), &stream));
	uint32_t size = sizeof address;
	must(aw_stream_getpeername(stream, (struct sockaddr *)&address, &size));
	char text[INET_ADDRSTRLEN] = "";
	trace("%s", inet_ntop(AF_INET, &address.sin_addr, text, sizeof text));
	must(aw_stream_close(stream));
	must(aw_server_close(server));
	aw_stream_unref(stream);
	aw_server_unref(server);
	return 0;
}

CASE(trap_N09, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
