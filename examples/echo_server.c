/* SPDX-License-Identifier: MIT */
/* An echo server: each connection is a stream with a task that serves it. usage: echo_server [HOST [PORT]] */
#include <await/easy.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

/* Serves one connection. The server owns the stream, and closes it when this returns. */
static aw_status echo(aw_stream *stream, void *ud) {
	(void)ud;
	char buffer[16 * 1024];
	aw_status count;
	while ((count = aw_stream_read(stream, buffer, sizeof buffer)) > 0) {
		count = aw_stream_write(stream, buffer, (size_t)count);
		/* Waits while the client takes less than it sends. */
		if (count >= 0) count = aw_stream_drain(stream);
		if (count < 0) break;
	}
	/* A client that goes away is nothing to report. */
	return count == -ECONNRESET || count == -EPIPE ? 0 : count;
}

static aw_status stop(aw_loop *loop, void *server) {
	(void)loop;
	return aw_server_close(server);
}

static aw_status run(void *ud) {
	char **arguments = ud;
	const char *host = arguments[1] ? arguments[1] : "localhost";
	const char *port = arguments[1] && arguments[2] ? arguments[2] : "8007";
	AW_AUTO(aw_server) server = NULL;
	AW_TRY(aw_start_server(echo, NULL, NULL, host, port, NULL, &server));

	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	char name[NI_MAXHOST], number[NI_MAXSERV];
	if (getsockname(aw_server_socket(server, 0), (struct sockaddr *)&address, &length) == 0 &&
	    getnameinfo((struct sockaddr *)&address, length, name, sizeof name, number, sizeof number,
	                NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		printf("listening on %s port %s\n", name, number);
	fflush(stdout);

	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGINT, stop, server, NULL));
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGTERM, stop, server, NULL));
	return aw_server_serve_forever(server); /* until stop(); the connections end with the loop */
}

int main(int count, char **arguments) {
	(void)count;
	return aw_main(NULL, run, arguments, NULL);
}
