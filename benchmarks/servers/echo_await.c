/* SPDX-License-Identifier: MIT */
/*
 * An echo server on libawait, in its three forms: a stackful task with a stream for each connection, callbacks
 * of a protocol, and the completion queue.
 *
 * usage: bench-echo-await stream|protocol|queue BACKEND LISTENER
 *        bench-echo-await threads|processes BACKEND PORT COUNT
 * The second form has that number of loops, each with a listener for the port; streams serve.
 */
#include <await/await.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, NOT_USABLE = 77 };

static void check(const char *what, aw_status status) {
	if (status >= 0) return;
	fprintf(stderr, "%s: %s\n", what, aw_strerror(status));
	exit(1);
}

/* --- a stackful task for each connection --- */

static aw_status serve_stream(aw_stream *stream, void *ud) {
	(void)ud;
	const char *data;
	for (aw_status count; (count = aw_stream_peek(stream, 1, &data)) > 0;) {
		aw_status status = aw_stream_write(stream, data, (size_t)count);
		if (status >= 0) status = aw_stream_consume(stream, (size_t)count);
		if (status >= 0 && aw_stream_write_buffer_size(stream)) status = aw_stream_drain(stream);
		if (status < 0) break;
	}
	return 0;
}

/* --- callbacks; a slow reader stops the reading --- */

static aw_status data_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	(void)ud;
	(void)!aw_stream_write(stream, data, length); /* fails when the client has gone */
	return 0;
}

static void pause_writing(aw_stream *stream, void *ud) {
	(void)ud;
	aw_stream_pause_reading(stream);
}

static void resume_writing(aw_stream *stream, void *ud) {
	(void)ud;
	aw_stream_resume_reading(stream);
}

static const aw_protocol protocol = {.size = sizeof protocol,
                                     .data_received = data_received,
                                     .pause_writing = pause_writing,
                                     .resume_writing = resume_writing};

static aw_status serve_protocol(aw_stream *stream, void *ud) {
	(void)ud;
	return aw_stream_set_protocol(stream, &protocol, NULL, NULL);
}

typedef struct server {
	aw_client_fn fn;
	uint32_t flags;
	int listener;
} server;

static aw_status serve(void *ud) {
	const server *self = ud;
	const aw_server_options options = {.size = sizeof options, .flags = self->flags, .backlog = BACKLOG};
	aw_server *all = NULL;
	check("aw_server_new", aw_server_new(NULL, self->fn, NULL, NULL, &options, &all));
	check("aw_server_listen_fd", aw_server_listen_fd(all, self->listener));
	return aw_server_serve_forever(all);
}

/* --- the completion queue: what has come is answered, and submitted, in batches --- */

enum { PIECE = 64 * 1024, BATCH = 256 };

typedef struct connection {
	int fd;
	uint32_t kind;                /* of the operation in flight */
	uint64_t sent, left;          /* of what arrived */
	alignas(64) char data[PIECE]; /* see docs/performance.md */
} connection;

static aw_submission accept_next(int listener) {
	return (aw_submission){.size = sizeof(aw_submission), .kind = AW_OP_ACCEPT, .fd = listener};
}

static aw_submission next(connection *self) {
	bool sends = self->left > 0;
	self->kind = sends ? AW_OP_SEND : AW_OP_RECV;
	return (aw_submission){.size = sizeof(aw_submission),
	                       .kind = self->kind,
	                       .token = (uint64_t)(uintptr_t)self,
	                       .fd = self->fd,
	                       .buffer = self->data + (sends ? self->sent : 0),
	                       .length = sends ? self->left : PIECE};
}

static connection *new_connection(int fd) {
	int on = 1;
	connection *self = aligned_alloc(alignof(connection), sizeof *self);
	if (!self) abort();
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	self->fd = fd;
	self->left = 0;
	return self;
}

static void advance(connection *self, const aw_completion *completion) {
	if (self->kind == AW_OP_RECV) {
		self->sent = 0;
		self->left = (uint64_t)completion->value;
	} else {
		self->sent += (uint64_t)completion->value;
		self->left -= (uint64_t)completion->value;
	}
}

static void serve_queue(aw_loop *loop, int listener) {
	aw_completion done[BATCH];
	aw_submission due[2 * BATCH] = {accept_next(listener)};
	size_t count = 1;
	for (;;) {
		if (count) check("aw_loop_submit", aw_loop_submit(loop, due, count));
		count = 0;
		aw_status drained = aw_loop_drain(loop, done, BATCH, -1);
		for (aw_status i = 0; i < drained; i++) {
			connection *self = (connection *)(uintptr_t)done[i].token;
			if (!self) {
				if (done[i].status == 0) due[count++] = next(new_connection((int)done[i].value));
				due[count++] = accept_next(listener);
			} else if (done[i].status < 0 || done[i].value == 0) {
				close(self->fd);
				free(self);
			} else {
				advance(self, &done[i]);
				due[count++] = next(self);
			}
		}
	}
}

/* --- several loops on one port: the kernel distributes the connections --- */

typedef struct shared {
	const char *backend, *port;
} shared;

static aw_status serve_port(void *ud) {
	const shared *self = ud;
	const aw_server_options options = {
		.size = sizeof options, .flags = AW_SERVER_REUSE_PORT, .family = AF_INET, .backlog = BACKLOG};
	aw_server *all = NULL;
	check("aw_start_server",
	      aw_start_server(serve_stream, NULL, NULL, "127.0.0.1", self->port, &options, &all));
	return aw_server_serve_forever(all);
}

static void *run_shared(void *ud) {
	const shared *self = ud;
	check("aw_run", aw_run(self->backend, serve_port, ud, NULL, NULL));
	return NULL;
}

static int serve_shared(bool in_threads, shared *self, int count) {
	for (int i = 1; i < count; i++) {
		pthread_t thread;
		if (in_threads) {
			if (pthread_create(&thread, NULL, run_shared, self) != 0) return 1;
		} else if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			break;
		}
	}
	(void)run_shared(self);
	return 0;
}

int main(int argc, char **argv) {
	if (argc == 5) {
		shared self = {argv[2], argv[3]};
		return serve_shared(strcmp(argv[1], "threads") == 0, &self, atoi(argv[4]));
	}
	if (argc != 4) return 2;
	const char *form = argv[1], *backend = argv[2];
	int listener = atoi(argv[3]);
	aw_loop *loop = NULL;
	if (aw_loop_new(backend, &loop) < 0) return NOT_USABLE;
	if (strcmp(form, "queue") == 0) serve_queue(loop, listener);
	aw_loop_unref(loop);
	server self = {.fn = serve_stream, .listener = listener};
	if (strcmp(form, "protocol") == 0) self = (server){serve_protocol, AW_SERVER_CALLBACK, listener};
	check("aw_run", aw_run(backend, serve, &self, NULL, NULL));
	return 0;
}
