/* SPDX-License-Identifier: MIT */
/* TLS over each kind of stream (included by tests/stream/kinds.h), and the contexts of most tests. */
#include "../tls/certificates.h"

#include <await/tls.h>

static identity authority, server_identity;

static inline void make_identities(void) {
	if (authority.certificate) return;
	authority = make_identity("Test authority", NULL, 100, NULL);
	server_identity =
		make_identity("Server", "DNS:localhost, DNS:*.example.org, IP:127.0.0.1", 50, &authority);
}

static inline void use_identity(aw_tls_context *context, const identity *who) {
	pem text = identity_pem(who);
	EXPECT_INT(aw_tls_context_load_cert_memory(context, text.text, text.length, NULL, 0, NULL), 0);
}

static inline aw_tls_context *server_context(void) {
	aw_tls_context *context = NULL;
	make_identities();
	EXPECT_INT(aw_tls_context_new(AW_TLS_SERVER, &context), 0);
	use_identity(context, &server_identity);
	return context;
}

static inline aw_tls_context *client_context(void) {
	aw_tls_context *context = NULL;
	make_identities();
	EXPECT_INT(aw_tls_context_new(AW_TLS_CLIENT, &context), 0);
	pem trusted = certificate_pem(&authority);
	EXPECT_INT(aw_tls_context_load_verify_memory(context, trusted.text, trusted.length), 0);
	return context;
}

static const aw_tls_options for_localhost = {.size = sizeof for_localhost, .server_hostname = "localhost"};

/* One side's handshake, in a task. */
typedef struct side {
	aw_stream *stream; /* the lower one, then, on success, the upper one */
	aw_tls_context *context;
	const aw_tls_options *options;
	bool is_server;
	aw_status status;
	aw_status code;    /* of the error */
	intptr_t payload;  /* of the error */
	char message[200]; /* of the error */
} side;

static aw_status shake(void *ud) {
	side *self = ud;
	self->status = self->is_server
	                   ? aw_tls_accept(self->stream, self->context, self->options, &self->stream)
	                   : aw_tls_connect(self->stream, self->context, self->options, &self->stream);
	const aw_error *error = self->status < 0 ? aw_caught() : NULL;
	if (error) {
		self->code = aw_error_status(error);
		self->payload = (intptr_t)aw_error_payload(error);
		snprintf(self->message, sizeof self->message, "%s", aw_error_message(error));
	}
	return self->status == AW_ECANCELLED ? AW_ECANCELLED : 0;
}

static inline void shake_both(side *client, side *server) {
	aw_future *accepting = spawn(shake, server), *connecting = spawn(shake, client);
	EXPECT_INT(aw_await(connecting, NULL), 0);
	EXPECT_INT(aw_await(accepting, NULL), 0);
	aw_future_unref(connecting);
	aw_future_unref(accepting);
}

static inline ends tls_over(ends lower, const aw_stream_options *options) {
	static aw_tls_context *client, *server;
	if (!client) {
		client = client_context();
		server = server_context();
	}
	aw_tls_options settings = for_localhost;
	settings.stream = options;
	side left = {.stream = lower.left, .context = client, .options = &settings};
	side right = {.stream = lower.right, .context = server, .options = &settings, .is_server = true};
	shake_both(&left, &right);
	EXPECT_INT(left.status, 0);
	EXPECT_INT(right.status, 0);
	return (ends){left.stream, right.stream};
}

#ifndef STREAM_KINDS_ELSEWHERE
static ends open_tls_memory(const aw_stream_options *options) {
	return tls_over(open_memory(options), options);
}

static ends open_tls_unix(const aw_stream_options *options) {
	return tls_over(open_unix(options), options);
}

static ends open_tls_tcp(const aw_stream_options *options) {
	return tls_over(open_tcp(options), options);
}

static ends open_tls_tls(const aw_stream_options *options) {
	return tls_over(open_tls_memory(options), options);
}

static const stream_kind stream_kinds[] = {{"tls over memory", open_tls_memory, 0},
                                           {"tls over unix", open_tls_unix, 0},
                                           {"tls over tcp", open_tls_tcp, 0},
                                           {"tls over tls", open_tls_tls, 0}};
#endif
