/* SPDX-License-Identifier: MIT */
/*
 * The client of every workload with an echo server: it keeps a number of messages in flight on each of its
 * connections, and counts the replies. Prints the replies a second, the median and the 99th percentile of the
 * time from a message to its reply in nanoseconds, and the processor time of the server for a reply, also in
 * nanoseconds. A server may have several processes.
 *
 * usage: bench-load tcp|udp PORT CONNECTIONS SIZE IN-FLIGHT SECONDS SERVER'S-PID…
 */
#define _GNU_SOURCE /* sendmmsg, recvmmsg */
#include "latency.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, EVENTS = 256, DATAGRAMS = 64 };

typedef struct connection {
	int fd;
	size_t to_send;  /* bytes of messages that are due */
	size_t received; /* bytes of the reply that is arriving */
	size_t oldest;   /* in `sent` */
	int64_t *sent;   /* when each message in flight was due; a ring */
} connection;

typedef struct client {
	struct sockaddr_in address;
	size_t connections, size, in_flight;
	connection *all;
	int type; /* SOCK_STREAM or SOCK_DGRAM */
	int epoll;
	bool counts;
	uint64_t replies;
} client;

static alignas(64) char outgoing[PIECE], incoming[PIECE];

/* Of some messages of a size. */
static struct mmsghdr *datagrams(char *data, size_t size) {
	static struct mmsghdr all[DATAGRAMS];
	static struct iovec parts[DATAGRAMS];
	for (size_t i = 0; i < DATAGRAMS; i++) {
		parts[i] = (struct iovec){data, size};
		all[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
	return all;
}

/* Sends some of what is due; the number of bytes, or -1. */
static ssize_t send_some(const client *of, const connection *self) {
	if (of->type == SOCK_STREAM)
		return send(self->fd, outgoing, self->to_send < PIECE ? self->to_send : PIECE,
		            MSG_NOSIGNAL | MSG_DONTWAIT);
	size_t due = self->to_send / of->size;
	int count = sendmmsg(self->fd, datagrams(outgoing, of->size),
	                     (unsigned)(due < DATAGRAMS ? due : DATAGRAMS), MSG_DONTWAIT);
	return count < 0 ? -1 : count * (ssize_t)of->size;
}

/* Receives some bytes, -1 if there are none; *is_all if no more are there. */
static ssize_t receive_some(const client *of, const connection *self, bool *is_all) {
	if (of->type == SOCK_STREAM) {
		ssize_t count = recv(self->fd, incoming, PIECE, MSG_DONTWAIT);
		*is_all = count < PIECE;
		return count;
	}
	int count = recvmmsg(self->fd, datagrams(incoming, of->size), DATAGRAMS, MSG_DONTWAIT, NULL);
	*is_all = count < DATAGRAMS;
	return count < 0 ? -1 : count * (ssize_t)of->size;
}

static void send_due(const client *of, connection *self) {
	while (self->to_send) {
		ssize_t count = send_some(of, self);
		if (count < 0 && errno == EAGAIN) return; /* the event tells when there is room */
		check("send", count > 0);
		self->to_send -= (size_t)count;
	}
}

static void receive(client *of, connection *self) {
	for (bool is_all = false; !is_all;) {
		ssize_t count = receive_some(of, self, &is_all);
		if (count < 0 && errno == EAGAIN) return;
		if (count == 0) errno = ECONNRESET;
		check("recv", count > 0);
		self->received += (size_t)count;
		if (self->received < of->size) continue;
		int64_t time = now();
		for (; self->received >= of->size; self->received -= of->size) {
			if (of->counts) {
				of->replies++;
				latency_note((uint64_t)(time - self->sent[self->oldest]));
			}
			self->sent[self->oldest] = time;
			self->oldest = (self->oldest + 1) % of->in_flight;
			self->to_send += of->size;
		}
	}
}

/* Connects, and checks that the first bytes come back as they were. */
static void open_connection(client *of, connection *self) {
	enum { FIRST = 64 };
	int on = 1;
	size_t length = of->size < FIRST ? of->size : FIRST;
	self->fd = socket(AF_INET, of->type | SOCK_CLOEXEC, 0);
	check("socket", self->fd >= 0);
	check("connect", connect(self->fd, (struct sockaddr *)&of->address, sizeof of->address) == 0);
	if (of->type == SOCK_STREAM) setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	check("send", send(self->fd, outgoing, length, MSG_NOSIGNAL) == (ssize_t)length);
	check("recv", recv(self->fd, incoming, length, MSG_WAITALL) == (ssize_t)length);
	if (memcmp(outgoing, incoming, length) != 0) {
		fprintf(stderr, "other bytes came back\n");
		exit(1);
	}
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = self};
	self->sent = calloc(of->in_flight, sizeof *self->sent);
	check("calloc", self->sent);
	check("epoll_ctl", epoll_ctl(of->epoll, EPOLL_CTL_ADD, self->fd, &event) == 0);
}

static void run_until(client *self, int64_t end) {
	enum { LOST = 10000 }; /* milliseconds */
	struct epoll_event events[EVENTS];
	while (now() < end) {
		int ready = epoll_wait(self->epoll, events, EVENTS, LOST);
		if (ready == 0) errno = ETIMEDOUT;
		check("a reply", ready != 0);
		for (int i = 0; i < ready; i++) {
			connection *of = events[i].data.ptr;
			receive(self, of);
			send_due(self, of);
		}
	}
}

static void start(client *self) {
	for (size_t i = 0; i < self->connections; i++) open_connection(self, &self->all[i]);
	for (size_t i = 0; i < self->connections; i++) {
		connection *of = &self->all[i];
		int64_t time = now();
		for (size_t j = 0; j < self->in_flight; j++) of->sent[j] = time;
		of->to_send = self->in_flight * self->size;
		send_due(self, of);
	}
}

int main(int argc, char **argv) {
	if (argc < 8 || argc > 7 + SERVERS) {
		fprintf(stderr, "usage: %s tcp|udp PORT CONNECTIONS SIZE IN-FLIGHT SECONDS SERVER'S-PID...\n",
		        argv[0]);
		return 2;
	}
	client self = {.type = strcmp(argv[1], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM,
	               .address = {.sin_family = AF_INET,
	                           .sin_port = htons((uint16_t)atoi(argv[2])),
	                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
	               .connections = strtoul(argv[3], NULL, 10),
	               .size = strtoul(argv[4], NULL, 10),
	               .in_flight = strtoul(argv[5], NULL, 10),
	               .epoll = epoll_create1(EPOLL_CLOEXEC)};
	int64_t length = (int64_t)(atof(argv[6]) * SECOND);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	servers_find(argv + 7, argc - 7);
	self.all = calloc(self.connections, sizeof *self.all);
	check("calloc", self.all && self.size && self.in_flight);
	for (size_t i = 0; i < PIECE; i++) outgoing[i] = (char)(i * 31);
	start(&self);
	/* The caches, the windows, and what compiles while it runs. */
	run_until(&self, now() + (length / 4 > WARM_UP ? length / 4 : WARM_UP));
	self.counts = true;
	int64_t began = now(), used = servers_time();
	run_until(&self, began + length);
	used = servers_time() - used;
	print_sample(self.replies, now() - began, used);
	return 0;
}
