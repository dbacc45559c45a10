/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* Socket calls: what they return, that they wait only if necessary, and a cancelled one loses no data. */
#include "in_a_task.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct pair {
	int ends[2];
} pair;

static pair pair_open(int type) {
	pair self;
	EXPECT_INT(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, self.ends), 0);
	return self;
}

static void pair_close(pair *self) {
	close(self->ends[0]);
	close(self->ends[1]);
}

static void await_and_drop(aw_future *future) {
	EXPECT_INT(aw_await(future, NULL), 0);
	aw_future_unref(future);
}

/* --- streams --- */

static aw_status send_hello(void *fd) {
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_sock_sendall(*(int *)fd, "hello", 5), 0);
	EXPECT_INT(shutdown(*(int *)fd, SHUT_WR), 0);
	return 0;
}

static aw_status receives(void *ud) {
	(void)ud;
	pair sockets = pair_open(SOCK_STREAM);
	char text[16] = "";
	aw_future *sender = spawn(send_hello, &sockets.ends[1]);
	EXPECT_INT(aw_sock_recv(sockets.ends[0], text, sizeof text), 5);
	EXPECT_STR(text, "hello");
	EXPECT_INT(aw_sock_recv(sockets.ends[0], text, sizeof text), 0);
	await_and_drop(sender);
	pair_close(&sockets);
	return 0;
}

static void what_is_sent_is_received_to_its_end(void) {
	in_a_task(receives);
}

static aw_status receives_nothing(void *ud) {
	(void)ud;
	char byte = 0;
	const int types[] = {SOCK_STREAM, SOCK_DGRAM};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		pair sockets = pair_open(types[i]);
		EXPECT_INT(aw_sock_recv(sockets.ends[0], &byte, 0), 0);
		EXPECT_INT(aw_sock_recv(sockets.ends[0], NULL, 0), 0);
		/* It takes nothing either, not even a datagram. */
		EXPECT_INT(send(sockets.ends[1], "x", 1, 0), 1);
		EXPECT_INT(aw_sock_recv(sockets.ends[0], &byte, 0), 0);
		EXPECT_INT(aw_sock_recv(sockets.ends[0], &byte, 1), 1);
		pair_close(&sockets);
	}
	return 0;
}

static void nothing_is_received_at_once(void) {
	in_a_task(receives_nothing);
}

static aw_status say_turn(void *word) {
	trace_add(word);
	return 0;
}

static aw_status ready_calls(void *ud) {
	(void)ud;
	pair sockets = pair_open(SOCK_STREAM);
	char byte;
	aw_future *other = spawn(say_turn, "other");
	EXPECT_INT(aw_sock_sendall(sockets.ends[0], "x", 1), 0);
	EXPECT_INT(aw_sock_recv(sockets.ends[1], &byte, 1), 1);
	EXPECT_STR(trace, "");
	await_and_drop(other);
	pair_close(&sockets);
	return 0;
}

static void a_call_that_is_ready_does_not_suspend(void) {
	in_a_task(ready_calls);
}

enum { MUCH = 3 << 20 };

static aw_status send_much(void *fd) {
	unsigned char *data = malloc(MUCH);
	for (int i = 0; i < MUCH; i++) data[i] = (unsigned char)(i * 7 + (i >> 9));
	EXPECT_INT(aw_sock_sendall(*(int *)fd, data, MUCH), 0);
	free(data);
	trace_add("sent");
	return 0;
}

static aw_status slow_reader(void *ud) {
	(void)ud;
	pair sockets = pair_open(SOCK_STREAM);
	aw_future *sender = spawn(send_much, &sockets.ends[1]);
	static unsigned char part[100000];
	int got = 0, wrong = 0;
	EXPECT_INT(aw_sleep(5 * AW_MILLISECOND), 0);
	EXPECT_STR(trace, ""); /* the sender waits for space */
	while (got < MUCH) {
		aw_status count = aw_sock_recv(sockets.ends[0], part, sizeof part);
		if (count <= 0) break;
		for (int i = 0; i < count; i++) wrong += part[i] != (unsigned char)((got + i) * 7 + ((got + i) >> 9));
		got += count;
	}
	EXPECT_INT(got, MUCH);
	EXPECT_INT(wrong, 0);
	await_and_drop(sender);
	pair_close(&sockets);
	return 0;
}

static void sendall_waits_for_a_slow_reader(void) {
	in_a_task(slow_reader);
}

static aw_status receive_some(void *fd) {
	char text[8];
	aw_status status = aw_sock_recv(*(int *)fd, text, sizeof text);
	trace_status("recv", status);
	return status;
}

static aw_status cancelled_receive(void *ud) {
	(void)ud;
	pair sockets = pair_open(SOCK_STREAM);
	for (int late = 0; late < 2; late++) {
		aw_future *reader = spawn(receive_some, &sockets.ends[0]);
		EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
		/* Before and after the backend has seen the data. */
		EXPECT_INT((int)write(sockets.ends[1], "abc", 3), 3);
		if (late) EXPECT_INT(aw_sleep(0), 0);
		EXPECT_INT(aw_future_cancel(reader, NULL), 1);
		EXPECT_INT(aw_await(reader, NULL), AW_ECANCELLED);
		aw_future_unref(reader);
		char text[8] = "";
		EXPECT_INT(aw_sock_recv(sockets.ends[0], text, sizeof text), 3);
		EXPECT_STR(text, "abc");
	}
	EXPECT_STR(trace, "recv:AW_ECANCELLED recv:AW_ECANCELLED");
	pair_close(&sockets);
	return 0;
}

static void a_cancelled_receive_loses_no_byte(void) {
	in_a_task(cancelled_receive);
}

static aw_status sends_to_nobody(void *ud) {
	(void)ud;
	pair sockets = pair_open(SOCK_STREAM);
	close(sockets.ends[1]);
	EXPECT_INT(aw_sock_sendall(sockets.ends[0], "x", 1),
	           -EPIPE); /* and no SIGPIPE, which would kill this program */
	close(sockets.ends[0]);
	return 0;
}

static void a_peer_that_is_gone_is_an_error_and_no_signal(void) {
	in_a_task(sends_to_nobody);
}

/* --- connections --- */

static int listener(struct sockaddr_in *address, socklen_t *length) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	*length = sizeof *address;
	EXPECT_INT(bind(fd, (struct sockaddr *)address, *length), 0);
	EXPECT_INT(listen(fd, 8), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)address, length), 0);
	return fd;
}

static int client_socket(void) {
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static aw_status connect_and_send(void *address) {
	int fd = client_socket();
	EXPECT_INT(aw_sock_connect(fd, address, sizeof(struct sockaddr_in)), 0);
	EXPECT_INT(aw_sock_sendall(fd, "hi", 2), 0);
	close(fd);
	return 0;
}

static aw_status tcp(void *ud) {
	(void)ud;
	struct sockaddr_in address, peer;
	socklen_t length, peer_length = sizeof peer;
	int server = listener(&address, &length);
	aw_future *client = spawn(connect_and_send, &address);
	int fd = aw_sock_accept(server, (struct sockaddr *)&peer, &peer_length);
	EXPECT(fd >= 0);
	EXPECT_INT(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	EXPECT_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_INT(peer_length, sizeof peer);
	EXPECT_INT(ntohl(peer.sin_addr.s_addr), INADDR_LOOPBACK);
	char text[8] = "";
	EXPECT_INT(aw_sock_recv(fd, text, sizeof text), 2);
	EXPECT_STR(text, "hi");
	EXPECT_INT(aw_sock_recv(fd, text, sizeof text), 0);
	await_and_drop(client);
	close(fd);
	close(server);
	return 0;
}

static void a_connection_is_made_and_accepted(void) {
	in_a_task(tcp);
}

static aw_status refused(void *ud) {
	(void)ud;
	struct sockaddr_in address;
	socklen_t length;
	close(listener(&address, &length));
	int fd = client_socket();
	EXPECT_INT(aw_sock_connect(fd, (struct sockaddr *)&address, length), -ECONNREFUSED);
	close(fd);
	return 0;
}

static void a_connection_may_be_refused(void) {
	in_a_task(refused);
}

static aw_status full_unix_queue(void *ud) {
	(void)ud;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), clients[4];
	/* An abstract name that the kernel chooses. */
	socklen_t length = sizeof address.sun_family;
	EXPECT_INT(bind(server, (struct sockaddr *)&address, length), 0);
	EXPECT_INT(listen(server, 0), 0);
	length = sizeof address;
	EXPECT_INT(getsockname(server, (struct sockaddr *)&address, &length), 0);
	aw_status status = 0;
	int opened = 0;
	while (opened < 4 && status == 0) {
		clients[opened] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		status = aw_sock_connect(clients[opened++], (struct sockaddr *)&address, length);
	}
	EXPECT_INT(status, -EAGAIN);
	while (opened) close(clients[--opened]);
	close(server);
	return 0;
}

static void a_full_queue_of_a_unix_listener_is_told(void) {
	in_a_task(full_unix_queue);
}

static aw_status accept_one(void *server) {
	int fd = aw_sock_accept(*(int *)server, NULL, NULL);
	if (fd >= 0) close(fd);
	return fd < 0 ? fd : 0;
}

static aw_status cancelled_accept(void *ud) {
	(void)ud;
	struct sockaddr_in address;
	socklen_t length;
	int server = listener(&address, &length);
	aw_future *acceptor = spawn(accept_one, &server);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	aw_future *client = spawn(connect_and_send, &address);
	EXPECT_INT(aw_future_cancel(acceptor, NULL), 1);
	EXPECT_INT(aw_await(acceptor, NULL), AW_ECANCELLED);
	aw_future_unref(acceptor);
	EXPECT_INT(accept_one(&server), 0);
	await_and_drop(client);
	close(server);
	return 0;
}

static void a_cancelled_accept_leaves_the_connection_to_the_next(void) {
	in_a_task(cancelled_accept);
}

/* --- datagrams --- */

static int udp_socket(struct sockaddr_in *address) {
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t length = sizeof *address;
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	EXPECT_INT(bind(fd, (struct sockaddr *)address, length), 0);
	EXPECT_INT(getsockname(fd, (struct sockaddr *)address, &length), 0);
	return fd;
}

static aw_status datagrams(void *ud) {
	(void)ud;
	struct sockaddr_in one, other, from = {0};
	int first = udp_socket(&one), second = udp_socket(&other);
	uint32_t length = sizeof from;
	char text[8] = "";
	EXPECT_INT(aw_sock_sendto(first, "data", 4, (struct sockaddr *)&other, sizeof other), 4);
	EXPECT_INT(aw_sock_recvfrom(second, text, sizeof text, (struct sockaddr *)&from, &length), 4);
	EXPECT_STR(text, "data");
	EXPECT_INT(length, sizeof from);
	EXPECT_INT(from.sin_port, one.sin_port);

	EXPECT_INT(aw_sock_sendto(first, NULL, 0, (struct sockaddr *)&other, sizeof other), 0);
	EXPECT_INT(aw_sock_recvfrom(second, text, sizeof text, NULL, NULL), 0);

	EXPECT_INT(aw_sock_sendto(first, "too long a datagram", 19, (struct sockaddr *)&other, sizeof other), 19);
	length = sizeof from;
	EXPECT_INT(aw_sock_recvfrom(second, text, 3, (struct sockaddr *)&from, &length), -EMSGSIZE);
	EXPECT(memcmp(text, "too", 3) == 0);
	EXPECT_INT(from.sin_port, one.sin_port);
	close(first);
	close(second);
	return 0;
}

static void datagrams_tell_their_sender_and_what_was_cut(void) {
	in_a_task(datagrams);
}

/* --- as coroutines --- */

static aw_status coroutines(void *ud) {
	(void)ud;
	pair sockets = pair_open(SOCK_STREAM);
	char text[8] = "";
	aw_coro *receive = NULL, *send = NULL;
	aw_task *receiver = NULL, *sender = NULL;
	int64_t count = 0;
	EXPECT_INT(aw_sock_recv_coro(NULL, sockets.ends[0], text, sizeof text, &receive), 0);
	EXPECT_INT(aw_sock_sendall_coro(NULL, sockets.ends[1], "coro", 4, &send), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, receive, &receiver), 0);
	aw_coro_unref(receive);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, send, &sender), 0);
	aw_coro_unref(send);
	EXPECT_INT(aw_await_int(aw_task_future(receiver), &count), 0);
	EXPECT_INT(count, 4);
	EXPECT_STR(text, "coro");
	EXPECT_INT(aw_await_int(aw_task_future(sender), &count), 0);
	EXPECT_INT(count, 0);
	aw_task_unref(receiver);
	aw_task_unref(sender);

	/* Cancelled while it waits; never driven; and ended by a failure. */
	EXPECT_INT(aw_sock_recv_coro(NULL, sockets.ends[0], text, sizeof text, &receive), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, receive, &receiver), 0);
	aw_coro_unref(receive);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_task_cancel(receiver, NULL), 1);
	EXPECT_INT(aw_await(aw_task_future(receiver), NULL), AW_ECANCELLED);
	aw_task_unref(receiver);
	EXPECT_INT(aw_sock_recv_coro(NULL, sockets.ends[0], text, sizeof text, &receive), 0);
	aw_coro_unref(receive);
	close(sockets.ends[0]);
	EXPECT_INT(aw_sock_sendall_coro(NULL, sockets.ends[1], "x", 1, &send), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, send, &sender), 0);
	aw_coro_unref(send);
	EXPECT_INT(aw_await(aw_task_future(sender), NULL), -EPIPE);
	aw_task_unref(sender);
	close(sockets.ends[1]);
	return 0;
}

static void each_is_a_coroutine_as_well(void) {
	in_a_task(coroutines);
}

/* --- errors --- */

static aw_status wrong_arguments(void *ud) {
	(void)ud;
	pair sockets = pair_open(SOCK_STREAM);
	int ends[2], fd = sockets.ends[0];
	char byte;
	uint32_t length = sizeof(struct sockaddr_in);
	struct sockaddr_in address = {.sin_family = AF_INET};
	aw_coro *coro = NULL;
	EXPECT_INT(aw_sock_recv(-1, &byte, 1), -EBADF);
	EXPECT_INT(aw_sock_recv(fd, NULL, 1), -EINVAL);
	EXPECT_INT(aw_sock_sendall(fd, NULL, 1), -EINVAL);
	EXPECT_INT(aw_sock_recvfrom(fd, &byte, 1, NULL, &length), -EINVAL);
	EXPECT_INT(aw_sock_recvfrom(fd, &byte, 1, (struct sockaddr *)&address, NULL), -EINVAL);
	EXPECT_INT(aw_sock_connect(fd, NULL, length), -EINVAL);
	EXPECT_INT(aw_sock_connect(fd, (struct sockaddr *)&address, 1), -EINVAL);
	EXPECT_INT(aw_sock_connect(fd, (struct sockaddr *)&address, 4096), -EINVAL);
	EXPECT_INT(aw_sock_recv_coro(NULL, fd, &byte, 1, NULL), -EINVAL);
	EXPECT_INT(aw_sock_accept_coro(NULL, -1, NULL, NULL, &coro), -EBADF);
	EXPECT_INT(aw_sock_accept(fd, NULL, NULL), -EINVAL); /* not a listening socket */
	EXPECT_INT(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	EXPECT_INT(aw_sock_recv(ends[0], &byte, 1), -ENOTSOCK);
	close(ends[0]);
	close(ends[1]);
	EXPECT_INT(fcntl(fd, F_SETFL, 0), 0);
	EXPECT_INT(aw_sock_accept(fd, NULL, NULL), -EINVAL);
	EXPECT_STR(aw_error_message(aw_caught()), "the socket must be non-blocking");
	EXPECT_INT(aw_sock_connect(fd, (struct sockaddr *)&address, length), -EINVAL);
	EXPECT_STR(aw_error_message(aw_caught()), "the socket must be non-blocking");
	pair_close(&sockets);
	EXPECT_INT(aw_sock_recv(fd, &byte, 1), -EBADF);
	return 0;
}

static void wrong_arguments_are_refused(void) {
	in_a_task(wrong_arguments);
	char byte;
	EXPECT_INT(aw_sock_recv(0, &byte, 1), AW_ENOTASK);
	EXPECT_INT(aw_sock_connect(0, NULL, 0), AW_ENOTASK);
}

static void a_loop_that_closes_ends_a_call_that_waits(void) {
	pair sockets = pair_open(SOCK_STREAM);
	aw_loop *loop = loop_begin(NULL);
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(loop, receive_some, &sockets.ends[0], NULL, &task), 0);
	for (int i = 0; i < 3; i++) EXPECT(aw_loop_run_once(loop, AW_MILLISECOND) >= 0);
	aw_task_unref(task);
	loop_end(loop);
	EXPECT_STR(trace, "recv:AW_ELOOPCLOSED");
	pair_close(&sockets);
}

CHECK_MAIN("sockets", TEST(what_is_sent_is_received_to_its_end), TEST(nothing_is_received_at_once),
           TEST(a_call_that_is_ready_does_not_suspend), TEST(sendall_waits_for_a_slow_reader),
           TEST(a_cancelled_receive_loses_no_byte), TEST(a_peer_that_is_gone_is_an_error_and_no_signal),
           TEST(a_connection_is_made_and_accepted), TEST(a_connection_may_be_refused),
           TEST(a_full_queue_of_a_unix_listener_is_told),
           TEST(a_cancelled_accept_leaves_the_connection_to_the_next),
           TEST(datagrams_tell_their_sender_and_what_was_cut), TEST(each_is_a_coroutine_as_well),
           TEST(wrong_arguments_are_refused), TEST(a_loop_that_closes_ends_a_call_that_waits))
