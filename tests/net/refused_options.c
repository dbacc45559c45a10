/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind-once */
/* Options that cannot be meant, such as an unknown flag or a negative time, are refused before anything is done. */
#include "in_a_task.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static aw_status nobody(aw_stream *stream, void *ud) {
	(void)stream;
	(void)ud;
	return 0;
}

static void connection_is_refused(const aw_connect_options *options) {
	aw_stream *stream = NULL;
	aw_future *future = NULL;
	EXPECT_INT(aw_open_connection("127.0.0.1", "1", options, &stream), -EINVAL);
	EXPECT_INT(aw_open_connection_future(NULL, "127.0.0.1", "1", options, &future), -EINVAL);
	EXPECT(!stream && !future);
}

static aw_status of_connections(void *ud) {
	(void)ud;
	const aw_connect_options refused[] = {
		{.size = sizeof(aw_connect_options), .flags = 1u << 31},
		{.size = sizeof(aw_connect_options), .flags = AW_CONNECT_ALL_ERRORS * 2},
		{.size = sizeof(aw_connect_options), .timeout_ns = -1},
		{.size = sizeof(aw_connect_options), .happy_eyeballs_delay_ns = -1},
		{.size = sizeof(aw_connect_options), .interleave = -2},
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) connection_is_refused(&refused[i]);
	/* The limits themselves are allowed: the connection fails, since nobody listens. */
	const aw_connect_options allowed = {
		.size = sizeof allowed, .flags = AW_CONNECT_KEEP_ALIVE | AW_CONNECT_DELAY, .interleave = -1};
	aw_stream *stream = NULL;
	EXPECT_INT(aw_open_connection("127.0.0.1", "1", &allowed, &stream), -ECONNREFUSED);
	return 0;
}

static aw_status of_servers(void *ud) {
	(void)ud;
	const aw_server_options refused[] = {
		{.size = sizeof(aw_server_options), .flags = AW_SERVER_SHED * 2},
		{.size = sizeof(aw_server_options), .backlog = -1},
	};
	aw_server *server = NULL;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		EXPECT_INT(aw_server_new(NULL, nobody, NULL, NULL, &refused[i], &server), -EINVAL);
		EXPECT_INT(aw_start_server(nobody, NULL, NULL, "127.0.0.1", "0", &refused[i], &server), -EINVAL);
	}
	EXPECT(!server);
	return 0;
}

static aw_status of_streams(void *ud) {
	(void)ud;
	const aw_stream_options refused = {.size = sizeof refused, .flags = AW_STREAM_NO_RESET * 2};
	const aw_connect_options connect = {.size = sizeof connect, .stream = &refused};
	const aw_server_options serve = {.size = sizeof serve, .stream = &refused};
	const aw_copy_options copy = {.size = sizeof copy, .flags = AW_COPY_NO_SPLICE * 2};
	aw_stream *streams[2] = {NULL, NULL}, *stream = NULL;
	aw_server *server = NULL;
	uint64_t count = 0;
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
	EXPECT_INT(aw_stream_from_fd(NULL, ends[0], &refused, &stream), -EINVAL);
	EXPECT(fcntl(ends[0], F_GETFD) >= 0); /* still the caller's */
	EXPECT_INT(aw_stream_pair(NULL, &refused, &streams[0], &streams[1]), -EINVAL);
	EXPECT_INT(aw_server_new(NULL, nobody, NULL, NULL, &serve, &server), -EINVAL);
	EXPECT(!stream && !streams[0] && !streams[1] && !server);
	connection_is_refused(&connect);
	for (int i = 0; i < 2; i++) EXPECT_INT(aw_stream_from_fd(NULL, ends[i], NULL, &streams[i]), 0);
	EXPECT_INT(aw_stream_copy(streams[0], streams[1], 0, &copy, &count, NULL), -EINVAL);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(aw_stream_close(streams[i]), 0);
		aw_stream_unref(streams[i]);
	}
	return 0;
}

static void connections_refuse_what_cannot_be_meant(void) {
	in_a_task(of_connections);
}

static void servers_refuse_what_cannot_be_meant(void) {
	in_a_task(of_servers);
}

static void streams_and_copies_refuse_unknown_flags(void) {
	in_a_task(of_streams);
}

CHECK_MAIN("refused options", TEST(connections_refuse_what_cannot_be_meant),
           TEST(servers_refuse_what_cannot_be_meant), TEST(streams_and_copies_refuse_unknown_flags))
