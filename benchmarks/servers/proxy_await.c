/* SPDX-License-Identifier: MIT */
/*
 * A TCP proxy: aw_stream_copy() both ways, which splices. usage: bench-proxy-await BACKEND LISTENER PORT
 */
#include <await/await.h>
#include <stdio.h>
#include <stdlib.h>

enum { BACKLOG = 4096, NOT_USABLE = 77 };

static void check(const char *what, aw_status status) {
	if (status >= 0) return;
	fprintf(stderr, "%s: %s\n", what, aw_strerror(status));
	exit(1);
}

typedef struct proxy {
	int listener;
	const char *port; /* of the server behind */
} proxy;

typedef struct direction {
	aw_stream *from, *to;
} direction;

static aw_status copy(void *ud) {
	const direction *self = ud;
	aw_status status = aw_stream_copy(self->from, self->to, -1, NULL, NULL, NULL);
	return status < 0 ? status : aw_stream_write_eof(self->to);
}

static aw_status serve(aw_stream *client, void *ud) {
	const proxy *self = ud;
	aw_stream *behind = NULL;
	aw_status status = aw_open_connection("127.0.0.1", self->port, NULL, &behind);
	if (status < 0) return status;
	direction there = {client, behind}, back = {behind, client};
	void *const both[] = {&there, &back};
	(void)!aw_gather_run(copy, both, 2, 0, NULL); /* a client ends when the measurement does */
	aw_stream_abort(behind);
	aw_stream_unref(behind);
	return 0;
}

static aw_status run(void *ud) {
	proxy *self = ud;
	const aw_server_options options = {.size = sizeof options, .backlog = BACKLOG};
	aw_server *server = NULL;
	check("aw_server_new", aw_server_new(NULL, serve, self, NULL, &options, &server));
	check("aw_server_listen_fd", aw_server_listen_fd(server, self->listener));
	return aw_server_serve_forever(server);
}

int main(int argc, char **argv) {
	if (argc != 4) return 2;
	aw_loop *loop = NULL;
	if (aw_loop_new(argv[1], &loop) < 0) return NOT_USABLE;
	aw_loop_unref(loop);
	proxy self = {atoi(argv[2]), argv[3]};
	check("aw_run", aw_run(argv[1], run, &self, NULL, NULL));
	return 0;
}
