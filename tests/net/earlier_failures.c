/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* A failure without a message does not show that of an earlier failure with the same code. */
#include "trace.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAILS(call, code, message)                          \
	do {                                                    \
		EXPECT_INT(call, code);                             \
		EXPECT_STR(aw_error_message(aw_caught()), message); \
	} while (0)

static const char plain[] = "Invalid argument";

static aw_datagram *open_endpoint(const char *remote_service) {
	aw_datagram_options options = {.size = sizeof options, .family = AF_INET, .local_host = "127.0.0.1"};
	if (remote_service) options.remote_host = "127.0.0.1";
	options.remote_service = remote_service;
	aw_datagram *self = NULL;
	EXPECT_INT(aw_datagram_open(&options, &self), 0);
	return self;
}

static aw_status in_groups(void *ud) {
	(void)ud;
	aw_datagram *self = open_endpoint(NULL);
	for (int i = 0; i < 2; i++) {
		FAILS(aw_datagram_join_group(self, "nonsense", NULL, NULL), -EINVAL,
		      "not a numeric address: nonsense");
		FAILS(aw_datagram_join_group(self, "127.0.0.1", NULL, "lo"), -EINVAL, plain);
		FAILS(aw_datagram_leave_group(self, "gibberish", NULL, NULL), -EINVAL,
		      "not a numeric address: gibberish");
		FAILS(aw_datagram_leave_group(self, NULL, NULL, NULL), -EINVAL, plain);
	}
	FAILS(aw_datagram_set_multicast_interface(self, "nowhere"), -ENODEV, "no such interface: nowhere");
	FAILS(aw_datagram_set_multicast_interface(NULL, "nowhere"), AW_EBADHANDLE, aw_strerror(AW_EBADHANDLE));
	/* A success leaves what was caught. */
	EXPECT_INT(aw_datagram_set_multicast_interface(self, NULL), 0);
	EXPECT_STR(aw_error_message(aw_caught()), aw_strerror(AW_EBADHANDLE));
	aw_datagram_unref(self);
	return 0;
}

static aw_status in_opening(void *ud) {
	(void)ud;
	aw_datagram_options nowhere = {.size = sizeof nowhere}, flags = {.size = sizeof flags};
	flags.family = AF_INET;
	flags.flags = 1U << 30;
	aw_datagram *self = NULL;
	aw_coro *coro = NULL;
	const aw_datagram_protocol protocol = {.size = sizeof protocol};
	const char *said = "neither an address nor a family is given";
	FAILS(aw_datagram_open(&nowhere, &self), -EINVAL, said);
	FAILS(aw_datagram_open(&flags, &self), -EINVAL, plain);
	FAILS(aw_datagram_open_coro(NULL, &nowhere, &coro), -EINVAL, said);
	FAILS(aw_datagram_open_coro(NULL, &flags, &coro), -EINVAL, plain);
	FAILS(aw_create_datagram_endpoint(&nowhere, &protocol, NULL, NULL, &self), -EINVAL, said);
	FAILS(aw_create_datagram_endpoint(&flags, &protocol, NULL, NULL, &self), -EINVAL, plain);
	FAILS(aw_create_datagram_endpoint_coro(NULL, &nowhere, &protocol, NULL, NULL, &coro), -EINVAL, said);
	FAILS(aw_create_datagram_endpoint_coro(NULL, &flags, &protocol, NULL, NULL, &coro), -EINVAL, plain);
	return 0;
}

static aw_status in_sending(void *ud) {
	(void)ud;
	aw_datagram *self = open_endpoint("9");
	struct sockaddr_in other = {.sin_family = AF_INET, .sin_port = htons(10)};
	for (int i = 0; i < 2; i++) {
		FAILS(aw_datagram_send(self, "x", 1, (struct sockaddr *)&other, sizeof other), -EINVAL,
		      "the endpoint sends to its remote address only");
		FAILS(aw_datagram_send(self, NULL, 1, NULL, 0), -EINVAL, plain);
	}
	aw_datagram_unref(self);
	return 0;
}

static aw_status in_sockets(void *ud) {
	(void)ud;
	struct sockaddr_in address = {.sin_family = AF_INET};
	int blocking = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < 2; i++) {
		FAILS(aw_sock_connect(blocking, (struct sockaddr *)&address, sizeof address), -EINVAL,
		      "the socket must be non-blocking");
		FAILS(aw_sock_recv(blocking, NULL, 1), -EINVAL, plain);
	}
	close(blocking);
	return 0;
}

static aw_status no_client(aw_stream *stream, void *ud) {
	(void)stream, (void)ud;
	return 0;
}

static aw_status in_listening(void *ud) {
	(void)ud;
	aw_server *server = NULL;
	EXPECT_INT(aw_server_new(NULL, no_client, NULL, NULL, NULL, &server), 0);
	EXPECT_INT(aw_raise(-EINVAL, "an earlier one"), -EINVAL);
	FAILS(aw_server_listen_unix(server, ""), -EINVAL, plain);
	aw_server_unref(server);
	return 0;
}

static void run(aw_task_fn fn) {
	EXPECT_INT(aw_run(NULL, fn, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void the_groups_of_an_endpoint(void) {
	run(in_groups);
}
static void the_opening_of_an_endpoint(void) {
	run(in_opening);
}
static void sending_datagrams(void) {
	run(in_sending);
}
static void calls_on_sockets(void) {
	run(in_sockets);
}
static void listening(void) {
	run(in_listening);
}

CHECK_MAIN("earlier_failures", TEST(the_groups_of_an_endpoint), TEST(the_opening_of_an_endpoint),
           TEST(sending_datagrams), TEST(calls_on_sockets), TEST(listening))
