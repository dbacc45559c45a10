/* SPDX-License-Identifier: MIT */
/* An echo server on libuv: written at once, and what is left over is queued. usage: bench-echo-uv LISTENER */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { PIECE = 64 * 1024, BACKLOG = 4096 };

static char memory[PIECE];

static void lend(uv_handle_t *handle, size_t size, uv_buf_t *out) {
	(void)handle, (void)size;
	*out = uv_buf_init(memory, sizeof memory);
}

static void gone(uv_handle_t *handle) {
	free(handle);
}

typedef struct rest {
	uv_write_t request;
	char data[];
} rest;

static void received(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

static void written(uv_write_t *request, int status) {
	if (status == 0) uv_read_start(request->handle, lend, received);
	free(request);
}

static void received(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
	if (count < 0) {
		uv_close((uv_handle_t *)stream, gone);
		return;
	}
	uv_buf_t all = uv_buf_init(buffer->base, (unsigned)count);
	int taken = uv_try_write(stream, &all, 1);
	if (taken < 0) taken = 0;
	if (taken == count) return;
	size_t left = (size_t)(count - taken);
	rest *piece = malloc(sizeof *piece + left);
	if (!piece) abort();
	memcpy(piece->data, buffer->base + taken, left);
	uv_buf_t all_left = uv_buf_init(piece->data, (unsigned)left);
	uv_read_stop(stream);
	uv_write(&piece->request, stream, &all_left, 1, written);
}

static void open_connection(uv_stream_t *listener, int status) {
	uv_tcp_t *stream = malloc(sizeof *stream);
	if (!stream) abort();
	uv_tcp_init(listener->loop, stream);
	if (status < 0 || uv_accept(listener, (uv_stream_t *)stream) < 0) {
		uv_close((uv_handle_t *)stream, gone);
		return;
	}
	uv_tcp_nodelay(stream, 1);
	uv_read_start((uv_stream_t *)stream, lend, received);
}

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	signal(SIGPIPE, SIG_IGN); /* a client may be gone */
	uv_loop_t *loop = uv_default_loop();
	uv_tcp_t server;
	uv_tcp_init(loop, &server);
	if (uv_tcp_open(&server, atoi(argv[1])) < 0) return 1;
	if (uv_listen((uv_stream_t *)&server, BACKLOG, open_connection) < 0) return 1;
	return uv_run(loop, UV_RUN_DEFAULT);
}
