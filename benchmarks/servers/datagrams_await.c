/* SPDX-License-Identifier: MIT */
/*
 * Sends datagrams back with libawait: many at a time in a task, or one by one in a protocol.
 *
 * usage: bench-datagrams-await many|protocol BACKEND SOCKET
 */
#include <await/await.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 64, LONGEST = 2048, NOT_USABLE = 77 };

static void check(const char *what, aw_status status) {
	if (status >= 0) return;
	fprintf(stderr, "%s: %s\n", what, aw_strerror(status));
	exit(1);
}

static aw_datagram_options options_of(const int *fd) {
	return (aw_datagram_options){.size = sizeof(aw_datagram_options),
	                             .flags = AW_DATAGRAM_ADOPT,
	                             .fd = *fd,
	                             .max_per_iteration = MANY};
}

static aw_status serve_many(void *ud) {
	static char data[MANY][LONGEST];
	static struct sockaddr_in addresses[MANY];
	aw_datagram_message all[MANY];
	const aw_datagram_options options = options_of(ud);
	aw_datagram *self;
	check("aw_datagram_open", aw_datagram_open(&options, &self));
	for (;;) {
		for (int i = 0; i < MANY; i++)
			all[i] = (aw_datagram_message){.size = sizeof all[i],
			                               .data = data[i],
			                               .capacity = LONGEST,
			                               .address = (struct sockaddr *)&addresses[i],
			                               .address_capacity = sizeof addresses[i]};
		aw_status count = aw_datagram_recv_many(self, all, MANY);
		check("aw_datagram_recv_many", count);
		for (aw_status sent = 0; sent < count;) {
			aw_status more = aw_datagram_send_many(self, all + sent, (size_t)(count - sent));
			sent += more > 0 ? more : 1; /* one that can't be sent is dropped */
		}
	}
	return 0;
}

static aw_status datagram_received(aw_datagram *self, const void *data, size_t length,
                                   const struct sockaddr *address, uint32_t address_length, void *ud) {
	(void)ud;
	return aw_datagram_sendto(self, data, length, address, address_length);
}

static aw_status serve_protocol(void *ud) {
	static const aw_datagram_protocol protocol = {.size = sizeof protocol,
	                                              .datagram_received = datagram_received};
	const aw_datagram_options options = options_of(ud);
	aw_datagram *self;
	check("aw_create_datagram_endpoint", aw_create_datagram_endpoint(&options, &protocol, NULL, NULL, &self));
	return aw_sleep(INT64_MAX);
}

int main(int argc, char **argv) {
	if (argc != 4) return 2;
	int fd = atoi(argv[3]);
	aw_loop *loop = NULL;
	if (aw_loop_new(argv[2], &loop) < 0) return NOT_USABLE;
	aw_loop_unref(loop);
	check("aw_run",
	      aw_run(argv[2], strcmp(argv[1], "many") == 0 ? serve_many : serve_protocol, &fd, NULL, NULL));
	return 0;
}
