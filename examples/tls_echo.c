/* SPDX-License-Identifier: MIT */
/*
 * An echo server over TLS, and a client that sends its input. usage: tls_echo serve CERTIFICATE KEY [PORT];
 * tls_echo connect HOST PORT [AUTHORITIES]
 */
#include <arpa/inet.h>
#include <await/easy.h>
#include <await/tls.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static aw_tls_context *context;

/* --- the server --- */

static aw_status echo(aw_stream *stream) {
	char buffer[16 * 1024];
	aw_status count;
	while ((count = aw_stream_read(stream, buffer, sizeof buffer)) > 0) {
		AW_TRY(aw_stream_write(stream, buffer, (size_t)count));
		AW_TRY(aw_stream_drain(stream)); /* a client that does not read is not read from */
	}
	return count;
}

/* Serves one connection, whose descriptor it owns. */
static aw_status serve_one(void *ud) {
	aw_stream *stream;
	aw_status status = aw_stream_from_fd(NULL, (int)(intptr_t)ud, NULL, &stream);
	if (status < 0) {
		close((int)(intptr_t)ud);
		return status;
	}
	status = aw_tls_accept(stream, context, NULL, &stream);
	if (status == 0) {
		status = echo(stream);
		aw_stream_close(stream);
		if (aw_stream_wait_closed(stream, 10 * AW_SECOND) < 0 && status == 0) status = -ECONNRESET;
	}
	if (status < 0) fprintf(stderr, "a connection ended: %s\n", aw_strerror(status));
	aw_stream_unref(stream);
	return status == AW_ECANCELLED ? status : 0;
}

static aw_status stop(aw_loop *loop, void *task) {
	(void)loop;
	aw_task_cancel(task, NULL);
	return 0;
}

static aw_status accept_all(int listener) {
	for (;;) {
		aw_status fd = aw_sock_accept(listener, NULL, NULL);
		if (fd < 0) return fd;
		aw_status status = aw_task_spawn(NULL, serve_one, (void *)(intptr_t)fd, NULL, NULL);
		if (status < 0) close(fd);
		AW_TRY(status);
	}
}

static aw_status serve(char **arguments) {
	AW_TRY(aw_tls_context_new(AW_TLS_SERVER, &context));
	AW_TRY(aw_tls_context_load_cert_chain(context, arguments[2], arguments[3], NULL));
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	if (arguments[4]) address.sin_port = htons((uint16_t)strtol(arguments[4], NULL, 10));
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	if (listener < 0) return aw_raisef(errno, "socket");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 128) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0) {
		aw_status status = aw_raisef(errno, "cannot listen");
		close(listener);
		return status;
	}
	printf("listening on port %d\n", ntohs(address.sin_port));
	fflush(stdout);
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGTERM, stop, aw_task_current(), NULL));
	aw_status status = accept_all(listener);
	close(listener);
	return status == AW_ECANCELLED ? 0 : status;
}

/* --- the client --- */

static aw_status connect_to(const char *host, const char *port, aw_stream **out) {
	AW_AUTO(aw_future) found = NULL;
	void *value = NULL;
	AW_TRY(aw_getaddrinfo(NULL, host, port, AF_INET, SOCK_STREAM, 0, 0, &found));
	AW_TRY(aw_await(found, &value));
	uint32_t length = 0;
	const struct sockaddr *address = aw_addrinfo_address(value, 0, &length);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) return aw_raisef(errno, "socket");
	aw_status status = aw_sock_connect(fd, address, length);
	if (status == 0) status = aw_stream_from_fd(NULL, fd, NULL, out);
	if (status < 0) close(fd);
	return status;
}

static aw_status send_input(void *stream) {
	char buffer[16 * 1024];
	size_t count;
	while ((count = fread(buffer, 1, sizeof buffer, stdin)) > 0) {
		AW_TRY(aw_stream_write(stream, buffer, count));
		AW_TRY(aw_stream_drain(stream));
	}
	/* Before TLS 1.3 a connection has no halves: the server has to end it. */
	return aw_stream_can_write_eof(stream) ? aw_stream_write_eof(stream) : 0;
}

static aw_status talk(aw_stream *stream) {
	char buffer[16 * 1024];
	AW_AUTO(aw_future) sending = NULL;
	AW_TRY(aw_task_spawn_future(NULL, send_input, stream, NULL, &sending));
	aw_status count;
	while ((count = aw_stream_read(stream, buffer, sizeof buffer)) > 0)
		if (fwrite(buffer, 1, (size_t)count, stdout) != (size_t)count) break;
	AW_TRY(count);
	if (fflush(stdout) != 0 || ferror(stdout)) return aw_raise(EIO, "cannot write the output");
	return aw_await(sending, NULL);
}

static aw_status connect_and_talk(char **arguments) {
	aw_stream *stream;
	AW_TRY(aw_tls_context_new(AW_TLS_CLIENT, &context));
	if (arguments[4]) AW_TRY(aw_tls_context_load_verify_locations(context, arguments[4], NULL));
	AW_TRY(connect_to(arguments[2], arguments[3], &stream));
	aw_tls_options options = {.size = sizeof options, .server_hostname = arguments[2]};
	aw_status status = aw_tls_connect(stream, context, &options, &stream);
	if (status < 0) {
		aw_stream_unref(stream);
		return status;
	}
	fprintf(stderr, "%s, %s\n", aw_tls_version(stream), aw_tls_cipher(stream));
	status = talk(stream);
	aw_stream_close(stream);
	aw_status closed = aw_stream_wait_closed(stream, 10 * AW_SECOND);
	aw_stream_unref(stream);
	return status < 0 ? status : closed;
}

static aw_status run(void *ud) {
	char **arguments = ud;
	return !strcmp(arguments[1], "serve") ? serve(arguments) : connect_and_talk(arguments);
}

int main(int count, char **arguments) {
	if (count < 4) {
		fprintf(stderr, "usage: %s serve CERTIFICATE KEY [PORT]\n       %s connect HOST PORT [AUTHORITIES]\n",
		        arguments[0], arguments[0]);
		return 2;
	}
	int code = aw_main(NULL, run, arguments, NULL);
	aw_tls_context_unref(context); /* not before: connections may still be open when the task ends */
	return code;
}
