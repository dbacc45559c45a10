/* SPDX-License-Identifier: MIT */
/* A server and a client over TLS, on a pair of streams in memory; and a client that wants another server. */
#include <await/easy.h>
#include <await/tls.h>
#include <errno.h>
#include <stdio.h>

static aw_tls_context *server_context, *client_context;

/* A certificate for localhost, made by the program that everybody has for this. */
static aw_status make_certificate(void) {
	AW_AUTO(aw_process) openssl = NULL;
	AW_TRY(aw_subprocess_run_shell("openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem "
	                               "-subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null",
	                               NULL, NULL, 0, &openssl));
	int32_t code = 0;
	AW_TRY(aw_process_returncode(openssl, &code));
	return code == 0 ? 0 : aw_raisef(-EIO, "openssl has ended with %d", code);
}

static aw_status make_contexts(void) {
	AW_TRY(aw_tls_context_new(AW_TLS_SERVER, &server_context));
	AW_TRY(aw_tls_context_load_cert_chain(server_context, "cert.pem", "key.pem", NULL));
	AW_TRY(aw_tls_context_new(AW_TLS_CLIENT, &client_context));
	return aw_tls_context_load_verify_locations(client_context, "cert.pem", NULL);
}

/* Answers each line. It owns the stream. */
static aw_status serve(void *ud) {
	AW_AUTO(aw_stream) stream = ud;
	AW_TRY(aw_tls_accept(stream, server_context, NULL, &stream));
	const char *line;
	aw_status length;
	while ((length = aw_stream_readline(stream, &line)) > 0) {
		AW_TRY(aw_stream_write(stream, "you said: ", 10));
		AW_TRY(aw_stream_write(stream, line, (size_t)length));
	}
	AW_TRY(aw_stream_close(stream));
	AW_TRY(length);
	return aw_stream_wait_closed(stream, AW_SECOND);
}

static aw_status talk(aw_stream *stream) {
	char subject[64];
	AW_TRY(aw_tls_peer_subject(stream, subject, sizeof subject));
	printf("%s with %s\n", aw_tls_version(stream), subject);
	AW_TRY(aw_stream_write(stream, "hello\n", 6));
	AW_TRY(aw_stream_write_eof(stream));
	const char *line;
	aw_status length = aw_stream_readline(stream, &line);
	printf("%.*s", length > 0 ? (int)length : 0, line);
	length = aw_stream_readline(stream, &line); /* the end; AW_ETRUNCATED if somebody had cut it off */
	AW_TRY(aw_stream_close(stream));
	return length;
}

/* Connects to a server in this program, which is localhost, and talks to it if it is `name`. */
static aw_status connect_to(const char *name) {
	AW_AUTO(aw_stream) stream = NULL;
	AW_AUTO(aw_future) serving = NULL;
	aw_stream *peer = NULL;
	AW_TRY(aw_stream_pair(NULL, NULL, &stream, &peer));
	AW_TRY(aw_task_spawn_future(NULL, serve, peer, NULL, &serving));
	aw_tls_options options = {.size = sizeof options, .server_hostname = name};
	aw_status status = aw_tls_connect(stream, client_context, &options, &stream);
	if (status == 0)
		status = talk(stream);
	else
		printf("%s: %s\n", name, aw_error_message(aw_caught()));
	/* The server learns why as well. */
	aw_status served = aw_await(serving, NULL);
	if (served < 0) printf("the server: %s\n", aw_error_message(aw_caught()));
	return status == AW_ECERTIFICATE ? 0 : status;
}

static aw_status run(void *ud) {
	(void)ud;
	AW_TRY(make_certificate());
	AW_TRY(make_contexts());
	AW_TRY(connect_to("localhost"));
	AW_TRY(connect_to("example.org"));
	aw_tls_context_unref(client_context);
	aw_tls_context_unref(server_context);
	return 0;
}

int main(void) {
	return aw_main(NULL, run, NULL, NULL);
}
