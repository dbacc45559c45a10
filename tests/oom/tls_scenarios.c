/* SPDX-License-Identifier: MIT */
/* The programs, over TLS. OpenSSL's own allocations are not failed. */
#include "scenarios.h"

#include "../tls/certificates.h"

#include <await/tls.h>
#include <stdbool.h>
#include <string.h>

static pem trusted, own;

/* Made once, before the processes that each scenario runs in; none of it is the library's. */
__attribute__((constructor)) static void make_texts(void) {
	identity authority = make_identity("Authority", NULL, 10, NULL);
	identity server = make_identity("Server", "DNS:localhost", 10, &authority);
	trusted = certificate_pem(&authority);
	own = identity_pem(&server);
	identity_free(&server);
	identity_free(&authority);
}

typedef struct world {
	aw_tls_context *client, *server;
	aw_tls_session *session;
	aw_stream *left, *right;
	bool as_coroutines;
	aw_status served;
} world;

static const aw_tls_options options = {.size = sizeof options, .server_hostname = "localhost"};

static aw_status make_contexts(world *self) {
	static const char *const names[] = {"echo"};
	aw_status status = aw_tls_context_new(AW_TLS_CLIENT, &self->client);
	if (status == 0) status = aw_tls_context_load_verify_memory(self->client, trusted.text, trusted.length);
	if (status == 0) status = aw_tls_context_set_alpn_protocols(self->client, names, 1);
	if (status == 0) status = aw_tls_context_new(AW_TLS_SERVER, &self->server);
	if (status == 0)
		status = aw_tls_context_load_cert_memory(self->server, own.text, own.length, NULL, 0, NULL);
	if (status == 0) status = aw_tls_context_set_alpn_protocols(self->server, names, 1);
	return status;
}

static aw_status echo(aw_stream *stream) {
	char buffer[1000];
	aw_status count;
	while ((count = aw_stream_read(stream, buffer, sizeof buffer)) > 0) {
		aw_status status = aw_stream_write(stream, buffer, (size_t)count);
		if (status == 0) status = aw_stream_drain(stream);
		if (status < 0) return status;
	}
	return count;
}

static void end_stream(aw_stream *stream) {
	aw_stream_close(stream);
	if (aw_stream_wait_closed(stream, AW_SECOND) < 0) aw_stream_abort(stream);
}

static aw_status accept_one(world *self) {
	if (!self->as_coroutines) return aw_tls_accept(self->right, self->server, NULL, &self->right);
	aw_coro *coro = NULL;
	aw_status status = aw_tls_accept_coro(self->right, self->server, NULL, &self->right, &coro);
	if (status < 0) return status;
	status = aw_await_coro(coro, NULL);
	aw_coro_unref(coro);
	return status;
}

static aw_status serve(void *ud) {
	world *self = ud;
	self->served = accept_one(self);
	if (self->served == 0) self->served = echo(self->right);
	end_stream(self->right);
	return 0;
}

static aw_status connect_one(world *self) {
	aw_tls_options with = options;
	with.session = self->session;
	if (!self->as_coroutines) return aw_tls_connect(self->left, self->client, &with, &self->left);
	aw_coro *coro = NULL;
	aw_status status = aw_tls_connect_coro(self->left, self->client, &with, &self->left, &coro);
	if (status < 0) return status;
	status = aw_await_coro(coro, NULL);
	aw_coro_unref(coro);
	return status;
}

static aw_status talk(world *self) {
	char buffer[3000] = "", text[64];
	memset(buffer, 'x', sizeof buffer);
	aw_status status = aw_stream_write(self->left, buffer, sizeof buffer);
	if (status == 0) status = aw_stream_write_eof(self->left);
	if (status == 0) status = aw_stream_readexactly(self->left, buffer, sizeof buffer);
	if (status < 0) return status;
	const char *alpn = aw_tls_alpn(self->left);
	if (alpn && strcmp(alpn, "echo")) return WENT_WRONG;
	status = aw_tls_peer_subject(self->left, text, sizeof text);
	if (status >= 0) status = aw_tls_session_get(self->left, &self->session);
	if (status < 0) return status;
	return aw_stream_read(self->left, buffer, 1); /* the end */
}

static aw_status one_connection(world *self) {
	aw_status status = aw_stream_pair(NULL, NULL, &self->left, &self->right);
	if (status < 0) return status;
	aw_future *serving = NULL;
	status = aw_task_spawn_future(NULL, serve, self, NULL, &serving);
	if (status == 0) {
		status = connect_one(self);
		if (status == 0) status = talk(self);
		end_stream(self->left);
		aw_status awaited = aw_await(serving, NULL);
		aw_future_unref(serving);
		if (status == 0) status = awaited < 0 ? awaited : self->served;
	} else {
		aw_stream_abort(self->left);
		aw_stream_abort(self->right);
	}
	aw_stream_unref(self->left);
	aw_stream_unref(self->right);
	return status;
}

static aw_status connections(void *ud) {
	world *self = ud;
	aw_status status = make_contexts(self);
	if (status == 0) status = one_connection(self);
	if (status == 0 && !self->as_coroutines) {
		aw_tls_session *first = self->session;
		self->session = NULL;
		world again = {.client = self->client, .server = self->server, .as_coroutines = self->as_coroutines};
		again.session = first;
		status = one_connection(&again);
		if (again.session != first) aw_tls_session_unref(again.session);
		aw_tls_session_unref(first);
	}
	if (self->session) aw_tls_session_unref(self->session);
	if (self->client) aw_tls_context_unref(self->client);
	if (self->server) aw_tls_context_unref(self->server);
	return status;
}

static aw_status run_connections(const char *backend) {
	world self = {.as_coroutines = false};
	return aw_run(backend, connections, &self, NULL, NULL);
}

static aw_status run_coroutines(const char *backend) {
	world self = {.as_coroutines = true};
	return aw_run(backend, connections, &self, NULL, NULL);
}

const scenario scenarios[] = {{"connections", run_connections}, {"coroutines", run_coroutines}};
const size_t scenario_count = sizeof scenarios / sizeof *scenarios;
