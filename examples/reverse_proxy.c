/* SPDX-License-Identifier: MIT */
/* A TCP proxy before several servers, in turn, with TLS outside. usage: reverse_proxy [OPTION...] SERVER:PORT... */
#define _GNU_SOURCE /* strndup */
#include <await/easy.h>
#include <await/tls.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct upstream {
	const char *name;
	char *host;
	const char *port;
} upstream;

typedef struct proxy {
	const char *host, *port;
	int64_t patience; /* for a connection to be made, in nanoseconds */
	upstream *upstreams;
	size_t count, turn;
	aw_tls_context *tls; /* for the clients; or NULL: plain TCP */
} proxy;

/* One direction of a connection. */
typedef struct direction {
	aw_stream *from, *to;
	uint64_t count;
	uint32_t way;
} direction;

/* Passes bytes on until the end, and then the end, so that the other direction can outlive this one. */
static aw_status pass_on(void *ud) {
	direction *self = ud;
	aw_status status = aw_stream_copy(self->from, self->to, -1, NULL, &self->count, &self->way);
	if (status >= 0) status = aw_stream_write_eof(self->to);
	if (status < 0) {
		/* One side has failed: the other must not take that for an orderly end. */
		aw_stream_abort(self->from);
		aw_stream_abort(self->to);
	}
	return status == AW_ECANCELLED || status == -ENOMEM ? status : 0;
}

/* Connects to the server whose turn it is, or to the next one that answers. */
static aw_status connect_somewhere(proxy *self, aw_stream **out, const upstream **out_which) {
	const aw_connect_options options = {.size = sizeof options,
	                                    .timeout_ns = self->patience,
	                                    .happy_eyeballs_delay_ns = 250 * AW_MILLISECOND};
	aw_status status = 0;
	size_t turn = self->turn; /* others connect meanwhile, and must not make this one skip a server */
	for (size_t i = 0; i < self->count; i++) {
		const upstream *at = *out_which = &self->upstreams[turn++ % self->count];
		self->turn = turn;
		status = aw_open_connection(at->host, at->port, &options, out);
		if (status >= 0 || status == AW_ECANCELLED || status == -ENOMEM) return status;
		printf("%s: %s\n", at->name, aw_error_message(aw_caught()));
	}
	return status;
}

static aw_status serve_client(aw_stream *client, proxy *self) {
	AW_AUTO(aw_stream) server = NULL;
	const upstream *which = NULL;
	aw_status status = connect_somewhere(self, &server, &which);
	if (status < 0) {
		aw_stream_abort(client);
		return status == AW_ECANCELLED || status == -ENOMEM ? status : 0; /* printed above */
	}
	direction there = {client, server, 0, 0}, back = {server, client, 0, 0};
	void *const both[] = {&there, &back};
	status = aw_gather_run(pass_on, both, 2, 0, NULL);
	if (status < 0)
		aw_stream_abort(server);
	else
		aw_stream_close(server);
	printf("%s: %llu bytes there, %llu back, %s\n", which->name, (unsigned long long)there.count,
	       (unsigned long long)back.count, back.way == AW_COPY_SPLICE ? "spliced" : "copied");
	return status;
}

static aw_status serve(aw_stream *client, void *ud) {
	proxy *self = ud;
	if (!self->tls) return serve_client(client, self);
	/* The handshake takes over a reference, and gives one to the stream that encrypts. */
	AW_AUTO(aw_stream) secure = aw_stream_ref(client);
	aw_status status = aw_tls_accept(secure, self->tls, NULL, &secure);
	if (status < 0) {
		/* The proxy itself has not failed. */
		printf("a client: %s\n", aw_error_message(aw_caught()));
		return status == AW_ECANCELLED || status == -ENOMEM ? status : 0;
	}
	status = serve_client(secure, self);
	aw_stream_close(secure);
	return status;
}

static aw_status load_certificate(proxy *self, const char *certificate, const char *key) {
	AW_TRY(aw_tls_context_new(AW_TLS_SERVER, &self->tls));
	return aw_tls_context_load_cert_chain(self->tls, certificate, key, NULL);
}

static aw_status stop(aw_loop *loop, void *server) {
	(void)loop;
	return aw_server_close(server);
}

static aw_status run(void *ud) {
	proxy *self = ud;
	AW_AUTO(aw_server) server = NULL;
	AW_TRY(aw_start_server(serve, self, NULL, self->host, self->port, NULL, &server));
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGINT, stop, server, NULL));
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGTERM, stop, server, NULL));
	printf("%sproxy on %s port %d\n", self->tls ? "TLS " : "", self->host, aw_server_port(server, 0));
	return aw_server_serve_forever(server); /* until stop(); the connections end with the loop */
}

/* "name:80" or "[::1]:80". */
static bool parse_upstream(const char *text, upstream *out) {
	const char *colon = strrchr(text, ':');
	if (!colon || colon == text || !colon[1]) return false;
	bool has_brackets = *text == '[' && colon[-1] == ']';
	*out = (upstream){.name = text,
	                  .host = has_brackets ? strndup(text + 1, (size_t)(colon - text) - 2)
	                                       : strndup(text, (size_t)(colon - text)),
	                  .port = colon + 1};
	return out->host;
}

int main(int count, char **arguments) {
	proxy self = {.host = "localhost", .port = "8009", .patience = 5 * AW_SECOND};
	const char *certificate = NULL, *key = NULL;
	bool is_valid = true;
	for (int option; (option = getopt(count, arguments, "a:p:t:k:w:")) != -1;) {
		switch (option) {
		case 'a': self.host = optarg; break;
		case 'p': self.port = optarg; break;
		case 't': certificate = optarg; break;
		case 'k': key = optarg; break;
		case 'w': self.patience = (int64_t)(atof(optarg) * AW_SECOND); break;
		default: is_valid = false;
		}
	}
	self.upstreams = calloc((size_t)count, sizeof *self.upstreams);
	while (is_valid && self.upstreams && optind < count)
		is_valid = parse_upstream(arguments[optind++], &self.upstreams[self.count++]);
	int code = 2;
	if (!is_valid || !self.count || (key && !certificate)) {
		fprintf(stderr,
		        "usage: %s [-a HOST] [-p PORT] [-w SECONDS] [-t CERTIFICATE [-k KEY]] SERVER:PORT...\n",
		        arguments[0]);
	} else if (certificate && load_certificate(&self, certificate, key) < 0) {
		fprintf(stderr, "%s: %s: %s\n", arguments[0], certificate, aw_tls_context_error(self.tls));
	} else {
		setvbuf(stdout, NULL, _IOLBF, 0);
		code = aw_main(NULL, run, &self, NULL);
	}
	for (size_t i = 0; i < self.count; i++) free(self.upstreams[i].host);
	free(self.upstreams);
	aw_tls_context_unref(self.tls);
	return code;
}
