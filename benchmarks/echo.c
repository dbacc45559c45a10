/* SPDX-License-Identifier: MIT */
/*
 * An echo server over TCP: streams, protocols, and raw epoll and libuv beside them. The server is a child
 * process on one processor, the client a plain epoll loop on another. Each connection sends a message when it
 * has got the last one back; the time is that of one message.
 */
#define _GNU_SOURCE /* sched_setaffinity, accept4 */
#include "bench.h"

#include <arpa/inet.h>
#include <await/await.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef BENCH_UV
#include <uv.h>
#endif

enum { BUFFER = 64 * 1024, MOST_CONNECTIONS = 500, EVENTS = 256 };

static void use_processor(int number) {
	cpu_set_t set;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) return;
	CPU_ZERO(&set);
	CPU_SET((size_t)number, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void no_delay(int fd) {
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* --- libawait: a stackful task for each connection --- */

static aw_status stream_echo(aw_stream *stream, void *ud) {
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

/* --- libawait: callbacks --- */

static aw_status protocol_data(aw_stream *stream, void *ud, const void *data, size_t length) {
	(void)ud;
	return aw_stream_write(stream, data, length);
}

static const aw_protocol protocol = {.size = sizeof protocol, .data_received = protocol_data};

static aw_status protocol_echo(aw_stream *stream, void *ud) {
	(void)ud;
	return aw_stream_set_protocol(stream, &protocol, NULL, NULL);
}

typedef struct ours {
	const char *backend;
	aw_client_fn fn;
	uint32_t flags;
	int listener;
} ours;

static aw_status ours_run(void *ud) {
	const ours *self = ud;
	const aw_server_options options = {
		.size = sizeof options, .flags = self->flags, .backlog = MOST_CONNECTIONS};
	aw_server *server = NULL;
	bench_check("server", aw_server_new(NULL, self->fn, NULL, NULL, &options, &server));
	bench_check("listen", aw_server_listen_fd(server, self->listener));
	return aw_server_serve_forever(server);
}

static void ours_serve(int listener, void *ud) {
	ours self = *(ours *)ud;
	self.listener = listener;
	bench_check("run", aw_run(self.backend, ours_run, &self, NULL, NULL));
}

/* --- raw epoll, level-triggered, one read and one write for each event --- */

static void raw_serve(int listener, void *ud) {
	(void)ud;
	static char buffer[BUFFER];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int ready = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;
			if (fd == listener) {
				event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
				no_delay(event.data.fd);
				epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
				continue;
			}
			ssize_t count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
			if (count > 0) count = send(fd, buffer, (size_t)count, MSG_NOSIGNAL);
			if (count <= 0) close(fd);
		}
	}
}

/* --- libuv --- */

#ifdef BENCH_UV
static char uv_memory[BUFFER];

static void uv_buffer(uv_handle_t *handle, size_t size, uv_buf_t *out) {
	(void)handle, (void)size;
	*out = uv_buf_init(uv_memory, sizeof uv_memory);
}

static void uv_gone(uv_handle_t *handle) {
	free(handle);
}

typedef struct uv_piece {
	uv_write_t request;
	char data[];
} uv_piece;

static void uv_written(uv_write_t *request, int status) {
	(void)status;
	free(request);
}

static void uv_got(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
	if (count < 0) {
		uv_close((uv_handle_t *)stream, uv_gone);
		return;
	}
	uv_buf_t all = uv_buf_init(buffer->base, (unsigned)count);
	int taken = uv_try_write(stream, &all, 1);
	if (taken < 0) taken = 0;
	if (taken == count) return;
	size_t left = (size_t)(count - taken);
	uv_piece *piece = malloc(sizeof *piece + left);
	memcpy(piece->data, buffer->base + taken, left);
	uv_buf_t rest = uv_buf_init(piece->data, (unsigned)left);
	uv_write(&piece->request, stream, &rest, 1, uv_written);
}

static void uv_new(uv_stream_t *listener, int status) {
	(void)status;
	uv_tcp_t *stream = malloc(sizeof *stream);
	uv_tcp_init(listener->loop, stream);
	uv_accept(listener, (uv_stream_t *)stream);
	uv_tcp_nodelay(stream, 1);
	uv_read_start((uv_stream_t *)stream, uv_buffer, uv_got);
}

static void uv_serve(int listener, void *ud) {
	(void)ud;
	uv_loop_t *loop = uv_default_loop();
	uv_tcp_t server;
	uv_tcp_init(loop, &server);
	bench_check("uv_tcp_open", uv_tcp_open(&server, listener));
	bench_check("uv_listen", uv_listen((uv_stream_t *)&server, MOST_CONNECTIONS, uv_new));
	uv_run(loop, UV_RUN_DEFAULT);
}
#endif

/* --- the client --- */

typedef struct echo {
	void (*serve)(int listener, void *ud);
	void *ud;
	size_t connections, size;
} echo;

static void send_all(int fd, const char *data, size_t size) {
	while (size) {
		ssize_t count = send(fd, data, size, MSG_NOSIGNAL); /* the server never stops reading */
		bench_check("send", count);
		data += count;
		size -= (size_t)count;
	}
}

static pid_t start_server(const echo *self, struct sockaddr_in *address) {
	socklen_t length = sizeof *address;
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bench_check("bind", bind(listener, (struct sockaddr *)address, length));
	bench_check("listen", listen(listener, MOST_CONNECTIONS));
	bench_check("getsockname", getsockname(listener, (struct sockaddr *)address, &length));
	pid_t child = fork();
	bench_check("fork", child);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		use_processor(0);
		self->serve(listener, self->ud);
		_exit(0);
	}
	close(listener);
	return child;
}

static void echo_run(void *ud, size_t count) {
	const echo *self = ud;
	static char message[BUFFER], answer[BUFFER];
	static int fds[MOST_CONNECTIONS];
	static size_t arrived[MOST_CONNECTIONS];
	bench_pause();
	struct sockaddr_in address;
	pid_t child = start_server(self, &address);
	use_processor(1);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < self->connections; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bench_check("connect", connect(fds[i], (struct sockaddr *)&address, sizeof address));
		no_delay(fds[i]);
		struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
		epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
		/* The first message is not counted. */
		send_all(fds[i], message, self->size);
		bench_check("recv", recv(fds[i], answer, self->size, MSG_WAITALL));
		arrived[i] = 0;
	}
	bench_resume();
	size_t sent = 0, done = 0;
	for (; sent < self->connections && sent < count; sent++) send_all(fds[sent], message, self->size);
	while (done < count) {
		struct epoll_event events[EVENTS];
		int ready = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < ready; i++) {
			size_t which = events[i].data.u64;
			ssize_t got = recv(fds[which], answer, sizeof answer, MSG_DONTWAIT);
			if (got < 0 && errno == EAGAIN) continue;
			bench_check("recv", got > 0 ? 0 : -ECONNRESET);
			arrived[which] += (size_t)got;
			if (arrived[which] < self->size) continue;
			arrived[which] = 0;
			done++;
			if (sent == count) continue;
			sent++;
			send_all(fds[which], message, self->size);
		}
	}
	bench_pause();
	for (size_t i = 0; i < self->connections; i++) close(fds[i]);
	close(epoll);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	bench_resume();
}

static bool is_usable(const char *backend) {
	aw_loop *loop = NULL;
	if (aw_loop_new(backend, &loop) < 0) return false;
	aw_loop_unref(loop);
	return true;
}

static void workload(const char *name, size_t connections, size_t size, size_t count) {
	static const char *const backends[] = {"epoll", "uring", "uv", "ev"};
	enum { BACKENDS = 4 };
	static char names[2 * BACKENDS][64];
	static ours servers[2 * BACKENDS];
	echo echoes[2 * BACKENDS + 2];
	bench_variant variants[2 * BACKENDS + 2];
	size_t used = 0;
	for (size_t i = 0; i < 2 * BACKENDS; i++) {
		bool has_tasks = i < BACKENDS;
		const char *backend = backends[i % BACKENDS];
		if (!is_usable(backend)) continue;
		snprintf(names[used], sizeof names[used], "libawait, %s, %s", has_tasks ? "stream" : "protocol",
		         backend);
		servers[used] = (ours){.backend = backend,
		                       .fn = has_tasks ? stream_echo : protocol_echo,
		                       .flags = has_tasks ? 0 : AW_SERVER_CALLBACK};
		echoes[used] = (echo){ours_serve, &servers[used], connections, size};
		variants[used] = (bench_variant){names[used], echo_run, &echoes[used], used ? 0 : count};
		used++;
	}
	echoes[used] = (echo){raw_serve, NULL, connections, size};
	variants[used] = (bench_variant){"raw epoll", echo_run, &echoes[used], 0};
	used++;
#ifdef BENCH_UV
	echoes[used] = (echo){uv_serve, NULL, connections, size};
	variants[used] = (bench_variant){"libuv", echo_run, &echoes[used], 0};
	used++;
#endif
	bench_run(name, variants, used);
}

int main(int argc, char **argv) {
	bench_init(argc, argv, 5);
	workload("64 bytes echoed, 1 connection", 1, 64, 20000);
	workload("64 bytes echoed, 50 connections", 50, 64, 50000);
	workload("64 bytes echoed, 500 connections", 500, 64, 50000);
	workload("16 KiB echoed, 50 connections", 50, 16 * 1024, 20000);
	return 0;
}
