/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* Servers and clients: a task for each connection, its failure, limits, closing in its three strengths. */
#include "in_a_task.h"

#include <arpa/inet.h>
#include <await/easy.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static aw_status echo(aw_stream *stream, void *ud) {
	(void)ud;
	char buffer[256];
	for (aw_status count; (count = aw_stream_read(stream, buffer, sizeof buffer)) != 0;) {
		/* A client that is gone is nothing to report. */
		if (count < 0) return count == -ECONNRESET ? 0 : count;
		EXPECT_INT(aw_stream_write(stream, buffer, (size_t)count), 0);
	}
	return 0;
}

static aw_server *start(aw_client_fn fn, void *ud, const aw_server_options *options) {
	aw_server *server = NULL;
	EXPECT_INT(aw_start_server(fn, ud, NULL, "127.0.0.1", "0", options, &server), 0);
	return server;
}

static void end(aw_server *server) {
	EXPECT_INT(aw_server_close(server), 0);
	EXPECT_INT(aw_server_close_clients(server), 0);
	EXPECT_INT(aw_server_wait_closed(server), 0);
	EXPECT_INT(aw_server_connections(server), 0);
	aw_server_unref(server);
}

static aw_stream *connect_to(const aw_server *server) {
	char port[8];
	aw_stream *stream = NULL;
	snprintf(port, sizeof port, "%d", aw_server_port(server, 0));
	EXPECT_INT(aw_open_connection("127.0.0.1", port, NULL, &stream), 0);
	return stream;
}

static void finish(aw_stream *stream) {
	aw_stream_close(stream);
	EXPECT_INT(aw_stream_wait_closed(stream, -1), 0);
	aw_stream_unref(stream);
}

static void expect_echo(aw_stream *stream, const char *text) {
	char answer[64] = "";
	EXPECT_INT(aw_stream_write(stream, text, strlen(text)), 0);
	EXPECT_INT(aw_stream_readexactly(stream, answer, strlen(text)), (aw_status)strlen(text));
	EXPECT_STR(answer, text);
}

/* --- serving --- */

static aw_status serves(void *ud) {
	(void)ud;
	aw_server *server = start(echo, NULL, NULL);
	EXPECT(aw_server_is_serving(server));
	EXPECT_INT(aw_server_sockets(server), 1);
	EXPECT(aw_server_socket(server, 0) >= 0);
	EXPECT_INT(aw_server_socket(server, 1), -1);
	aw_stream *streams[20];
	for (int i = 0; i < 20; i++) streams[i] = connect_to(server);
	for (int i = 0; i < 20; i++) expect_echo(streams[i], "hello");
	EXPECT_INT(aw_server_connections(server), 20);
	struct sockaddr_in peer;
	uint32_t length = sizeof peer;
	EXPECT_INT(aw_stream_getpeername(streams[0], (struct sockaddr *)&peer, &length), 0);
	EXPECT_INT(ntohs(peer.sin_port), aw_server_port(server, 0));
	for (int i = 0; i < 20; i++) finish(streams[i]);
	end(server);
	return 0;
}

static void a_task_serves_each_connection(void) {
	in_a_task(serves);
}

static aw_status serves_everywhere(void *ud) {
	(void)ud;
	const char *hosts[] = {NULL, ""};
	const aw_server_options options = {.size = sizeof options, .family = AF_INET};
	for (int i = 0; i < 2; i++) {
		aw_server *server = NULL;
		EXPECT_INT(aw_start_server(echo, NULL, NULL, hosts[i], "0", &options, &server), 0);
		struct sockaddr_in address = {0};
		socklen_t length = sizeof address;
		EXPECT_INT(getsockname(aw_server_socket(server, 0), (struct sockaddr *)&address, &length), 0);
		EXPECT(address.sin_addr.s_addr == htonl(INADDR_ANY));
		end(server);
	}
	return 0;
}

static void an_empty_host_means_every_interface(void) {
	in_a_task(serves_everywhere);
}

static char socket_path[64];

static aw_status serves_unix(void *ud) {
	(void)ud;
	const char *paths[] = {socket_path, "@await-test-server"};
	for (int i = 0; i < 2; i++) {
		aw_server *server = NULL;
		aw_stream *stream = NULL;
		struct stat file;
		EXPECT_INT(aw_start_unix_server(NULL, echo, NULL, NULL, paths[i], NULL, &server), 0);
		EXPECT_INT(aw_server_port(server, 0), -EOPNOTSUPP);
		EXPECT_INT(aw_open_unix_connection(paths[i], NULL, &stream), 0);
		expect_echo(stream, "unix");
		int32_t pid = 0, uid = -1, gid = -1;
		EXPECT_INT(aw_stream_peer_credentials(stream, &pid, &uid, &gid), 0);
		EXPECT_INT(pid, getpid());
		EXPECT_INT(uid, (int32_t)getuid());
		finish(stream);
		end(server);
		EXPECT(lstat(socket_path, &file) < 0); /* it was removed */
		EXPECT_INT(aw_open_unix_connection(paths[i], NULL, &stream), i ? -ECONNREFUSED : -ENOENT);
	}
	return 0;
}

static void unix_sockets_by_path_and_by_name(void) {
	snprintf(socket_path, sizeof socket_path, "/tmp/await-test-%d", getpid());
	in_a_task(serves_unix);
}

/* asyncio gives a connection that is none; the kernel does not tell when there is room. */
static aw_status fills_the_queue(void *ud) {
	(void)ud;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
	EXPECT_INT(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	EXPECT_INT(listen(listener, 0), 0);
	aw_stream *first = NULL, *second = NULL;
	EXPECT_INT(aw_open_unix_connection(socket_path, NULL, &first), 0);
	EXPECT_INT(aw_open_unix_connection(socket_path, NULL, &second), -EAGAIN);
	EXPECT(strstr(aw_error_message(aw_caught()), socket_path) != NULL);
	close(accept(listener, NULL, NULL));
	EXPECT_INT(aw_open_unix_connection(socket_path, NULL, &second), 0);
	finish(first);
	finish(second);
	close(listener);
	unlink(socket_path);
	return 0;
}

static void a_full_queue_of_a_unix_socket_is_told(void) {
	snprintf(socket_path, sizeof socket_path, "/tmp/await-test-queue-%d", getpid());
	in_a_task(fills_the_queue);
}

/* --- failures --- */

static aw_status fail_at_once(aw_stream *stream, void *ud) {
	(void)ud;
	char byte;
	AW_TRY(aw_stream_read(stream, &byte, 1));
	return byte == '!' ? aw_raise(-EIO, "told to fail") : echo(stream, NULL);
}

static aw_status note_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace_add(aw_report_message(report));
	aw_error *error = aw_report_error(report);
	if (error) trace_status("", aw_error_status(error));
	return 0;
}

static aw_status one_fails(void *ud) {
	(void)ud;
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), note_report, NULL, NULL), 0);
	aw_server *server = start(fail_at_once, NULL, NULL);
	aw_stream *good = connect_to(server), *bad = connect_to(server);
	char byte;
	EXPECT_INT(aw_stream_write(bad, "!", 1), 0);
	EXPECT_INT(aw_stream_read(bad, &byte, 1), 0);
	EXPECT_STR(trace, "Unhandled exception in client_connected_cb :EIO");
	EXPECT_INT(aw_stream_write(good, "x", 1), 0);
	expect_echo(good, "still here");
	finish(good);
	finish(bad);
	end(server);
	return 0;
}

static void a_failure_is_reported_and_ends_one_connection(void) {
	in_a_task(one_fails);
}

static aw_status addresses_in_use(void *ud) {
	(void)ud;
	aw_server *server = start(echo, NULL, NULL), *second = NULL;
	char port[8];
	snprintf(port, sizeof port, "%d", aw_server_port(server, 0));
	EXPECT_INT(aw_start_server(echo, NULL, NULL, "127.0.0.1", port, NULL, &second), -EADDRINUSE);
	EXPECT(strstr(aw_error_message(aw_caught()), "attempting to bind on address 127.0.0.1 port") != NULL);
	end(server);
	aw_stream *stream = NULL;
	EXPECT_INT(aw_open_connection("127.0.0.1", port, NULL, &stream), -ECONNREFUSED);
	EXPECT(strstr(aw_error_message(aw_caught()), "Connect call failed (127.0.0.1 port") != NULL);
	EXPECT_INT(aw_open_connection("no-such-host.invalid", "1", NULL, &stream), AW_EGAIERROR);
	return 0;
}

static void failures_name_the_address(void) {
	in_a_task(addresses_in_use);
}

/* The stream has failed and is closed; the task still borrows it. */
static aw_status stay_after_the_end(aw_stream *stream, void *ud) {
	(void)ud;
	char byte;
	EXPECT(aw_stream_read(stream, &byte, 1) < 0);
	for (int i = 0; i < 20; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_write(stream, "x", 1), -ECONNRESET);
	EXPECT_STR(aw_stream_kind(stream), "tcp");
	EXPECT_INT(aw_stream_abort(stream), 0);
	return 0;
}

static aw_status uses_a_closed_stream(void *ud) {
	(void)ud;
	aw_server *server = start(stay_after_the_end, NULL, NULL);
	aw_stream *client = connect_to(server);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_stream_abort(client), 0);
	aw_stream_unref(client);
	while (aw_server_connections(server)) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	end(server);
	return 0;
}

static void a_task_may_use_a_stream_that_is_closed(void) {
	in_a_task(uses_a_closed_stream);
}

/* --- limits --- */

static aw_status at_most_two(void *ud) {
	(void)ud;
	aw_server_options options = {.size = sizeof options, .max_connections = 2};
	aw_server *server = start(echo, NULL, &options);
	aw_stream *first = connect_to(server), *second = connect_to(server), *third = connect_to(server);
	expect_echo(first, "1");
	expect_echo(second, "2");
	EXPECT_INT(aw_stream_write(third, "3", 1), 0);
	for (int i = 0; i < 20; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_server_connections(server), 2);
	EXPECT_INT(aw_stream_bytes_read(third), 0);
	finish(first);
	char byte = 0;
	EXPECT_INT(aw_stream_read(third, &byte, 1), 1);
	EXPECT_INT(byte, '3');
	finish(second);
	finish(third);
	end(server);
	return 0;
}

static void a_limit_of_connections_is_kept(void) {
	in_a_task(at_most_two);
}

static aw_status without_descriptors(void *ud) {
	(void)ud;
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), note_report, NULL, NULL), 0);
	trace_reset();
	/* The limit comes first: io_uring accepts with the one that a server has begun with. */
	struct rlimit before, now;
	int next = dup(STDIN_FILENO);
	close(next);
	getrlimit(RLIMIT_NOFILE, &before);
	now = before;
	now.rlim_cur = (rlim_t)next + 48;
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &now), 0);
	aw_server *server = start(echo, NULL, NULL);
	aw_stream *first = connect_to(server);
	expect_echo(first, "1");
	/* A socket that connects, and no descriptor for the other end. */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_port = htons((uint16_t)aw_server_port(server, 0)),
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fill[64], filled = 0;
	while (filled < 64 && (fill[filled] = dup(fd)) >= 0) filled++;
	EXPECT_INT(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	for (int i = 0; i < 100; i++) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_server_connections(server), 1);
	EXPECT_STR(trace,
	           "a server cannot accept connections for want of resources; 1 are open :EMFILE"); /* once */
	while (filled) close(fill[--filled]);
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 3000 && aw_server_connections(server) < 2; i++)
		EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_server_connections(server), 2);
	close(fd);
	finish(first);
	end(server);
	return 0;
}

static void a_server_survives_without_descriptors(void) {
	/* valgrind accepts the connection, finds that its number is too high, and closes it. */
	const char *preloaded = getenv("LD_PRELOAD");
	if (preloaded && strstr(preloaded, "vgpreload")) return;
	in_a_task(without_descriptors);
}

/* --- ending --- */

static aw_status closes_in_three_strengths(void *ud) {
	(void)ud;
	aw_server *server = start(echo, NULL, NULL);
	aw_stream *one = connect_to(server), *other = connect_to(server);
	expect_echo(one, "1");
	expect_echo(other, "2");
	EXPECT_INT(aw_server_close(server), 0);
	EXPECT(!aw_server_is_serving(server));
	EXPECT_INT(aw_server_start_serving(server), -EPIPE);
	expect_echo(one, "still open");
	finish(one);
	for (int i = 0; i < 100 && aw_server_connections(server) > 1; i++)
		EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_server_connections(server), 1);
	EXPECT_INT(aw_server_abort_clients(server), 0);
	EXPECT_INT(aw_server_wait_closed(server), 0);
	char byte;
	EXPECT_INT(aw_stream_read(other, &byte, 1), -ECONNRESET);
	finish(other);
	aw_server_unref(server);
	return 0;
}

static void closing_has_three_strengths(void) {
	in_a_task(closes_in_three_strengths);
}

static aw_status serve_forever(void *server) {
	return aw_server_serve_forever(server);
}

static aw_status serves_forever(void *ud) {
	(void)ud;
	aw_server *server = NULL;
	EXPECT_INT(aw_server_new(NULL, echo, NULL, NULL, NULL, &server), 0);
	EXPECT_INT(aw_server_start_serving(server), -EINVAL); /* it listens nowhere */
	EXPECT_INT(aw_server_listen(server, "127.0.0.1", "0"), 0);
	EXPECT(!aw_server_is_serving(server));
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(NULL, serve_forever, server, NULL, &task), 0);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT(aw_server_is_serving(server));
	EXPECT_INT(aw_server_serve_forever(server), -EBUSY);
	aw_stream *stream = connect_to(server);
	expect_echo(stream, "forever");
	finish(stream);
	aw_task_cancel(task, NULL);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	EXPECT(!aw_server_is_serving(server));
	aw_task_unref(task);
	EXPECT_INT(aw_server_wait_closed(server), 0);
	aw_server_unref(server);
	return 0;
}

static void serve_forever_closes_the_server_when_cancelled(void) {
	in_a_task(serves_forever);
}

/* As a stackful task, or as one that runs the coroutine. */
static aw_task *serve_in_a_task(aw_server *server, bool stackful) {
	aw_task *task = NULL;
	aw_coro *coro = NULL;
	if (stackful) {
		EXPECT_INT(aw_task_spawn(NULL, serve_forever, server, NULL, &task), 0);
		return task;
	}
	EXPECT_INT(aw_server_serve_forever_coro(server, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	aw_coro_unref(coro);
	return task;
}

/* The client ends, or a second cancellation comes first. */
static void leave_a_client(bool stackful, bool twice) {
	aw_server *server = NULL;
	EXPECT_INT(aw_server_new(NULL, echo, NULL, NULL, NULL, &server), 0);
	EXPECT_INT(aw_server_listen(server, "127.0.0.1", "0"), 0);
	aw_task *task = serve_in_a_task(server, stackful);
	EXPECT_INT(aw_sleep(0), 0);
	aw_stream *stream = connect_to(server);
	expect_echo(stream, "hello");
	aw_task_cancel(task, "first");
	for (int i = 0; i < 10; i++) EXPECT_INT(aw_sleep(0), 0);
	EXPECT(!aw_server_is_serving(server));
	EXPECT(!aw_future_done(aw_task_future(task)));
	EXPECT_INT(aw_server_serve_forever(server), -EBUSY);
	expect_echo(stream, "still here");
	if (twice)
		aw_task_cancel(task, "second");
	else
		aw_stream_close(stream);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	EXPECT_STR(aw_error_message(aw_caught()), twice ? "second" : "first");
	EXPECT_INT(aw_server_connections(server), twice ? 1 : 0);
	finish(stream);
	EXPECT_INT(aw_server_wait_closed(server), 0);
	aw_task_unref(task);
	aw_server_unref(server);
}

static aw_status leaves_clients(void *ud) {
	(void)ud;
	for (int way = 0; way < 4; way++) leave_a_client(way & 1, way & 2);
	return 0;
}

static void a_cancelled_serve_forever_waits_for_the_clients(void) {
	in_a_task(leaves_clients);
}

/* The loop ends while the cancelled task still waits. */
static aw_status leaves_at_the_end(void *ud) {
	aw_server *server = NULL;
	aw_stream *stream = NULL;
	aw_task *task = serve_in_a_task(server = start(echo, NULL, NULL), ud != NULL);
	EXPECT_INT(aw_sleep(0), 0);
	stream = connect_to(server);
	expect_echo(stream, "hello");
	aw_task_cancel(task, NULL);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT(!aw_future_done(aw_task_future(task)));
	aw_stream_close(stream);
	aw_stream_unref(stream);
	aw_task_unref(task);
	aw_server_unref(server);
	return 0;
}

static void a_loop_may_end_while_serve_forever_waits_for_clients(void) {
	for (int stackful = 0; stackful < 2; stackful++) {
		EXPECT_INT(aw_run(NULL, leaves_at_the_end, stackful ? "" : NULL, NULL, NULL), 0);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
}

static aw_status left_running(void *ud) {
	(void)ud;
	aw_server *server = start(echo, NULL, NULL);
	aw_stream *stream = connect_to(server);
	expect_echo(stream, "x");
	aw_stream_abort(stream);
	aw_stream_unref(stream);
	aw_server_unref(server);
	return 0;
}

static void a_server_that_is_left_ends_with_the_loop(void) {
	in_a_task(left_running);
}

/* --- clients --- */

static aw_status open_any(void *ud) {
	aw_stream *stream = NULL;
	aw_status status = aw_open_connection("127.0.0.1", ud, NULL, &stream);
	if (status == 0) aw_stream_close(stream);
	aw_stream_unref(stream);
	return status;
}

static aw_status cancels_connects(void *ud) {
	(void)ud;
	char port[8];
	aw_server *server = start(echo, NULL, NULL);
	snprintf(port, sizeof port, "%d", aw_server_port(server, 0));
	for (int turns = 0; turns < 6; turns++) {
		aw_task *task = NULL;
		EXPECT_INT(aw_task_spawn(NULL, open_any, port, NULL, &task), 0);
		for (int i = 0; i < turns; i++) EXPECT_INT(aw_sleep(0), 0);
		aw_task_cancel(task, NULL);
		aw_status status = aw_await(aw_task_future(task), NULL);
		EXPECT(status == AW_ECANCELLED || status == 0);
		aw_task_unref(task);
	}
	end(server);
	return 0;
}

static void a_cancelled_connect_leaves_no_connection(void) {
	in_a_task(cancels_connects);
}

static aw_status tries_all_addresses(void *ud) {
	(void)ud;
	aw_server *server = start(echo, NULL, NULL);
	char port[8];
	aw_stream *stream = NULL;
	snprintf(port, sizeof port, "%d", aw_server_port(server, 0));
	/* "localhost" may have an address of each family; the server listens on one. */
	aw_connect_options options = {.size = sizeof options,
	                              .happy_eyeballs_delay_ns = 250 * AW_MILLISECOND,
	                              .timeout_ns = 60 * AW_SECOND};
	EXPECT_INT(aw_open_connection("localhost", port, &options, &stream), 0);
	expect_echo(stream, "eyeballs");
	finish(stream);
	options = (aw_connect_options){.size = sizeof options, .local_host = "127.0.0.2"};
	EXPECT_INT(aw_open_connection("127.0.0.1", port, &options, &stream), 0);
	struct sockaddr_in local;
	uint32_t length = sizeof local;
	EXPECT_INT(aw_stream_getsockname(stream, (struct sockaddr *)&local, &length), 0);
	EXPECT_INT(ntohl(local.sin_addr.s_addr), INADDR_LOOPBACK + 1);
	finish(stream);
	options.local_host = "203.0.113.7"; /* for documents: no interface has it */
	EXPECT_INT(aw_open_connection("127.0.0.1", port, &options, &stream), -EADDRNOTAVAIL);
	EXPECT(strstr(aw_error_message(aw_caught()), "(203.0.113.7 port 0)") != NULL);
	options.local_host = "::1";
	EXPECT_INT(aw_open_connection("127.0.0.1", port, &options, &stream), -EADDRNOTAVAIL);
	EXPECT(strstr(aw_error_message(aw_caught()), "(127.0.0.1 port ") != NULL);
	end(server);
	return 0;
}

static void a_client_tries_addresses_and_binds(void) {
	in_a_task(tries_all_addresses);
}

static aw_status times_out(void *ud) {
	(void)ud;
	/* A listener whose queue is full does not answer. */
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[8];
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	EXPECT_INT(bind(listener, (struct sockaddr *)&address, length), 0);
	EXPECT_INT(listen(listener, 0), 0);
	EXPECT_INT(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	for (int i = 0; i < 8; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(fill[i], (struct sockaddr *)&address, sizeof address);
	}
	char port[8];
	snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
	aw_connect_options options = {.size = sizeof options, .timeout_ns = 10 * AW_MILLISECOND};
	aw_stream *stream = NULL;
	EXPECT_INT(aw_open_connection("127.0.0.1", port, &options, &stream), AW_ETIMEOUT);
	for (int i = 0; i < 8; i++) close(fill[i]);
	close(listener);
	return 0;
}

static void a_connect_has_a_time_limit(void) {
	in_a_task(times_out);
}

CHECK_MAIN("servers", TEST(a_task_serves_each_connection), TEST(an_empty_host_means_every_interface),
           TEST(unix_sockets_by_path_and_by_name), TEST(a_full_queue_of_a_unix_socket_is_told),
           TEST(a_failure_is_reported_and_ends_one_connection), TEST(failures_name_the_address),
           TEST(a_task_may_use_a_stream_that_is_closed), TEST(a_limit_of_connections_is_kept),
           TEST(a_server_survives_without_descriptors), TEST(closing_has_three_strengths),
           TEST(serve_forever_closes_the_server_when_cancelled),
           TEST(a_cancelled_serve_forever_waits_for_the_clients),
           TEST(a_loop_may_end_while_serve_forever_waits_for_clients),
           TEST(a_server_that_is_left_ends_with_the_loop), TEST(a_cancelled_connect_leaves_no_connection),
           TEST(a_client_tries_addresses_and_binds), TEST(a_connect_has_a_time_limit))
