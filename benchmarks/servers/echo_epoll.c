/* SPDX-License-Identifier: MIT */
/*
 * An echo server by hand on epoll, level-triggered: one read and one write for each event. What a slow reader
 * does not take is kept, and the connection is not read until it has been written.
 *
 * usage: bench-echo-epoll LISTENER
 *        bench-echo-epoll PORT COUNT
 * The second form has that number of processes, each with a listener for the port.
 */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, EVENTS = 256, BACKLOG = 4096 };

typedef struct connection {
	int fd;
	char *kept; /* what is still to be written, or NULL */
	size_t at, length;
} connection;

static alignas(64) char buffer[PIECE];

static void watch(int epoll, connection *self, int how, uint32_t events) {
	struct epoll_event event = {.events = events, .data.ptr = self};
	epoll_ctl(epoll, how, self->fd, &event);
}

static void open_connection(int epoll, int listener) {
	int on = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	connection *self = calloc(1, sizeof *self);
	if (!self) abort();
	self->fd = fd;
	watch(epoll, self, EPOLL_CTL_ADD, EPOLLIN);
}

static void close_connection(connection *self) {
	close(self->fd);
	free(self->kept);
	free(self);
}

static void keep(int epoll, connection *self, const char *data, size_t length) {
	self->kept = malloc(length);
	if (!self->kept) abort();
	memcpy(self->kept, data, length);
	self->at = 0;
	self->length = length;
	watch(epoll, self, EPOLL_CTL_MOD, EPOLLOUT);
}

static void echo(int epoll, connection *self) {
	ssize_t count = recv(self->fd, buffer, PIECE, 0);
	if (count < 0 && errno == EAGAIN) return;
	if (count <= 0) {
		close_connection(self);
		return;
	}
	ssize_t sent = send(self->fd, buffer, (size_t)count, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		close_connection(self);
	else if (sent < count)
		keep(epoll, self, buffer + (sent < 0 ? 0 : sent), (size_t)(count - (sent < 0 ? 0 : sent)));
}

static void write_kept(int epoll, connection *self) {
	ssize_t sent = send(self->fd, self->kept + self->at, self->length - self->at, MSG_NOSIGNAL);
	if (sent < 0 && errno == EAGAIN) return;
	if (sent < 0) {
		close_connection(self);
		return;
	}
	self->at += (size_t)sent;
	if (self->at < self->length) return;
	free(self->kept);
	self->kept = NULL;
	watch(epoll, self, EPOLL_CTL_MOD, EPOLLIN);
}

/* In each of so many processes. */
static int listen_shared(int port, int count) {
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;
	for (int i = 1; i < count; i++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			break;
		}
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, BACKLOG) < 0)
		exit(1);
	return listener;
}

int main(int argc, char **argv) {
	if (argc != 2 && argc != 3) return 2;
	int listener = argc == 2 ? atoi(argv[1]) : listen_shared(atoi(argv[1]), atoi(argv[2]));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN}, events[EVENTS];
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int ready = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < ready; i++) {
			connection *self = events[i].data.ptr;
			if (!self)
				open_connection(epoll, listener);
			else if (self->kept)
				write_kept(epoll, self);
			else
				echo(epoll, self);
		}
	}
}
