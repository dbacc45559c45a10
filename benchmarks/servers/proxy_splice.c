/* SPDX-License-Identifier: MIT */
/*
 * A TCP proxy by hand: epoll, edge-triggered, and a pipe for each direction that splice() fills and empties.
 *
 * usage: bench-proxy-splice LISTENER PORT
 */
#define _GNU_SOURCE /* splice, pipe2, accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, EVENTS = 256 };

typedef struct direction {
	int from, to, pipe[2];
	size_t inside; /* bytes in the pipe */
	bool ended;
} direction;

typedef struct pair {
	direction there, back;
} pair;

/* Moves what can be moved; false at the end of both steps, or after an error. */
static bool pump(direction *self) {
	for (;;) {
		ssize_t in = 0, out = 0;
		if (!self->ended && self->inside < PIECE) {
			in = splice(self->from, NULL, self->pipe[1], NULL, PIECE - self->inside,
			            SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
			if (in > 0) self->inside += (size_t)in;
			if (in == 0) self->ended = true;
			if (in < 0 && errno != EAGAIN) return false;
		}
		if (self->inside) {
			out =
				splice(self->pipe[0], NULL, self->to, NULL, self->inside, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
			if (out > 0) self->inside -= (size_t)out;
			if (out < 0 && errno != EAGAIN) return false;
		}
		if (self->ended && !self->inside) return false;
		if (in <= 0 && out <= 0) return true;
	}
}

static bool set_up(direction *self, int from, int to) {
	self->from = from;
	self->to = to;
	return pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK) == 0;
}

static void open_pair(int epoll, int listener, const struct sockaddr_in *behind) {
	int on = 1;
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0) return;
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pair *self = calloc(1, sizeof *self);
	if (server < 0 || !self) abort();
	if (connect(server, (const struct sockaddr *)behind, sizeof *behind) < 0) abort();
	fcntl(server, F_SETFL, O_NONBLOCK);
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (!set_up(&self->there, client, server) || !set_up(&self->back, server, client)) abort();
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = self};
	epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
	epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event);
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	int listener = atoi(argv[1]), epoll = epoll_create1(EPOLL_CLOEXEC);
	struct sockaddr_in behind = {.sin_family = AF_INET,
	                             .sin_port = htons((uint16_t)atoi(argv[2])),
	                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {.events = EPOLLIN}, events[EVENTS];
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	signal(SIGPIPE, SIG_IGN); /* splice() has no flag for it */
	for (;;) {
		int ready = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < ready; i++) {
			pair *self = events[i].data.ptr;
			if (!self) {
				open_pair(epoll, listener, &behind);
				continue;
			}
			/* A client ends when the measurement does, so the pair is only shut down: an event for
			 * it may still be in the batch. */
			if (!pump(&self->there)) shutdown(self->there.to, SHUT_WR);
			if (!pump(&self->back)) shutdown(self->back.to, SHUT_WR);
		}
	}
}
