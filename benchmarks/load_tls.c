/* SPDX-License-Identifier: MIT */
/*
 * The client of the TLS workloads, with OpenSSL: TLS 1.3, X25519 and TLS_AES_128_GCM_SHA256, and no check of
 * the certificate. It asks for a file by HTTP/1.1, on a new connection for each request (a full handshake, or
 * one that resumes the newest session), or again and again on the same ones. Prints what bench-load prints;
 * the time to a reply begins with connect() or with the request.
 *
 * usage: bench-load-tls full|resumed|kept PORT CONNECTIONS FILE SECONDS SERVER'S-PID…
 */
#define _GNU_SOURCE /* memmem */
#include "latency.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, EVENTS = 64, REQUEST_MAX = 256 };

typedef struct connection {
	int fd;
	SSL *ssl;
	bool is_sent;   /* the request */
	size_t missing; /* bytes of the reply that have not come, once its head has */
	bool has_head;
	int64_t began;
} connection;

typedef struct client {
	struct sockaddr_in address;
	SSL_CTX *tls;
	SSL_SESSION *session; /* the newest */
	bool keeps, resumes;
	char request[REQUEST_MAX];
	int request_length;
	int epoll;
	bool counts;
	uint64_t replies;
} client;

static void check_tls(const char *what, bool is_fine) {
	if (is_fine) return;
	fprintf(stderr, "%s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* A copy, since OpenSSL does not offer a session again whose connection has ended, or has got another one. */
static SSL_SESSION *copy(const SSL_SESSION *session) {
	SSL_SESSION *self = SSL_SESSION_dup(session);
	check_tls("SSL_SESSION_dup", self);
	return self;
}

static int on_session(SSL *ssl, SSL_SESSION *session) {
	client *self = SSL_get_app_data(ssl);
	SSL_SESSION_free(self->session);
	self->session = copy(session);
	return 0; /* the other one is not kept */
}

static void open_connection(client *of, connection *self) {
	int on = 1;
	*self = (connection){.began = now()};
	self->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	check("socket", self->fd >= 0);
	setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	int result = connect(self->fd, (struct sockaddr *)&of->address, sizeof of->address);
	check("connect", result == 0 || errno == EINPROGRESS);
	self->ssl = SSL_new(of->tls);
	check_tls("SSL_new", self->ssl && SSL_set_fd(self->ssl, self->fd));
	SSL_set_app_data(self->ssl, of);
	SSL_set_connect_state(self->ssl);
	SSL_set_quiet_shutdown(self->ssl, 1); /* the server closes first */
	if (of->resumes && of->session) {
		SSL_SESSION *session = copy(of->session);
		check_tls("SSL_set_session", SSL_set_session(self->ssl, session));
		SSL_SESSION_free(session);
	}
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = self};
	check("epoll_ctl", epoll_ctl(of->epoll, EPOLL_CTL_ADD, self->fd, &event) == 0);
}

static void close_connection(connection *self) {
	SSL_free(self->ssl);
	close(self->fd);
}

/* True if it has worked, false if it has to wait. */
static bool is_done(const connection *self, const char *what, int result) {
	if (result > 0) return true;
	int kind = SSL_get_error(self->ssl, result);
	check_tls(what, kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE);
	return false;
}

/* Takes some bytes of the reply. */
static void receive(connection *self, const char *data, size_t length) {
	static const char field[] = "Content-Length: ";
	if (!self->has_head) {
		const char *end = memmem(data, length, "\r\n\r\n", 4);
		const char *number = memmem(data, length, field, sizeof field - 1);
		check_tls("the head of a reply comes in one piece", end && number && number < end);
		check_tls("the file is there", strncmp(data, "HTTP/1.1 200", 12) == 0);
		self->missing = strtoul(number + sizeof field - 1, NULL, 10);
		self->has_head = true;
		length -= (size_t)(end + 4 - data);
	}
	check_tls("no more bytes than were promised", length <= self->missing);
	self->missing -= length;
}

static void count(client *of, connection *self) {
	int64_t time = now();
	if (of->counts) {
		of->replies++;
		latency_note((uint64_t)(time - self->began));
	}
	self->is_sent = self->has_head = false;
	self->began = time;
}

/* Continues until it has to wait. */
static void proceed(client *of, connection *self) {
	static char data[PIECE];
	for (;;) {
		if (!SSL_is_init_finished(self->ssl)) {
			if (!is_done(self, "a handshake", SSL_do_handshake(self->ssl))) return;
			check_tls("the session is resumed",
			          !of->counts || of->keeps || of->resumes == SSL_session_reused(self->ssl));
		}
		if (!self->is_sent) {
			if (!is_done(self, "SSL_write", SSL_write(self->ssl, of->request, of->request_length))) return;
			self->is_sent = true;
		}
		int length = SSL_read(self->ssl, data, sizeof data);
		if (length > 0) {
			receive(self, data, (size_t)length);
			if (of->keeps && self->has_head && !self->missing) count(of, self);
		} else if (!of->keeps && self->has_head && !self->missing &&
		           SSL_get_error(self->ssl, length) == SSL_ERROR_ZERO_RETURN) {
			count(of, self);
			close_connection(self);
			open_connection(of, self);
		} else {
			(void)is_done(self, "SSL_read", length);
			return;
		}
	}
}

static void run_until(client *self, int64_t end) {
	enum { LOST = 10000 }; /* milliseconds */
	struct epoll_event events[EVENTS];
	while (now() < end) {
		int ready = epoll_wait(self->epoll, events, EVENTS, LOST);
		if (ready == 0) errno = ETIMEDOUT;
		check("a reply", ready > 0);
		for (int i = 0; i < ready; i++) proceed(self, events[i].data.ptr);
	}
}

static SSL_CTX *make_context(void) {
	SSL_CTX *self = SSL_CTX_new(TLS_client_method());
	check_tls("SSL_CTX_new", self && SSL_CTX_set_min_proto_version(self, TLS1_3_VERSION) &&
	                             SSL_CTX_set_ciphersuites(self, "TLS_AES_128_GCM_SHA256") &&
	                             SSL_CTX_set1_groups_list(self, "X25519"));
	SSL_CTX_set_verify(self, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(self, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(self, on_session);
	return self;
}

int main(int argc, char **argv) {
	if (argc < 7 || argc > 6 + SERVERS) {
		fprintf(stderr, "usage: %s full|resumed|kept PORT CONNECTIONS FILE SECONDS SERVER'S-PID...\n",
		        argv[0]);
		return 2;
	}
	client self = {.address = {.sin_family = AF_INET,
	                           .sin_port = htons((uint16_t)atoi(argv[2])),
	                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
	               .tls = make_context(),
	               .keeps = strcmp(argv[1], "kept") == 0,
	               .resumes = strcmp(argv[1], "resumed") == 0,
	               .epoll = epoll_create1(EPOLL_CLOEXEC)};
	self.request_length =
		snprintf(self.request, sizeof self.request, "GET /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", argv[4],
	             self.keeps ? "" : "Connection: close\r\n");
	check("the request", self.request_length < REQUEST_MAX);
	servers_find(argv + 6, argc - 6);
	size_t connections = strtoul(argv[3], NULL, 10);
	connection *all = calloc(connections, sizeof *all);
	check("calloc", all);
	open_connection(&self, &all[0]);
	/* The others have a session from the beginning. */
	while (self.resumes && !self.session) run_until(&self, now() + SECOND / 1000);
	for (size_t i = 1; i < connections; i++) open_connection(&self, &all[i]);
	int64_t length = (int64_t)(atof(argv[5]) * SECOND);
	run_until(&self, now() + (length / 4 > WARM_UP ? length / 4 : WARM_UP));
	self.counts = true;
	int64_t began = now(), used = servers_time();
	run_until(&self, began + length);
	used = servers_time() - used;
	print_sample(self.replies, now() - began, used);
	return 0;
}
