/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* Awaited datagram endpoints: what is sent is received, whole or told to be cut, and nothing is lost. */
#include "in_a_task.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void await_and_drop(aw_future *future) {
	EXPECT_INT(aw_await(future, NULL), 0);
	aw_future_unref(future);
}

static const aw_datagram_options local = {.size = sizeof local, .local_host = "127.0.0.1"};

/* An endpoint on a port that the kernel has chosen, and its address. */
static aw_datagram *open_local(struct sockaddr_in *address) {
	aw_datagram *made = NULL;
	uint32_t length = sizeof *address;
	EXPECT_INT(aw_datagram_open(&local, &made), 0);
	EXPECT_INT(aw_datagram_getsockname(made, (struct sockaddr *)address, &length), 0);
	EXPECT_INT(length, sizeof *address);
	return made;
}

static aw_datagram *open_to(const struct sockaddr_in *address) {
	char port[8];
	aw_datagram *made = NULL;
	snprintf(port, sizeof port, "%d", ntohs(address->sin_port));
	aw_datagram_options options = {
		.size = sizeof options, .remote_host = "127.0.0.1", .remote_service = port};
	EXPECT_INT(aw_datagram_open(&options, &made), 0);
	return made;
}

static void close_and_drop(aw_datagram *datagram) {
	EXPECT_INT(aw_datagram_close(datagram), 0);
	EXPECT_INT(aw_datagram_wait_closed(datagram), 0);
	aw_datagram_unref(datagram);
}

static aw_status talk(void *ud) {
	(void)ud;
	struct sockaddr_in one, from = {0};
	uint32_t length = sizeof from;
	char text[16] = "";
	aw_datagram *server = open_local(&one), *client = open_to(&one);
	EXPECT_INT(aw_datagram_send(client, "hello", 5, NULL, 0), 5);
	EXPECT_INT(aw_datagram_recv(server, text, sizeof text, (struct sockaddr *)&from, &length), 5);
	EXPECT_STR(text, "hello");
	EXPECT_INT(length, sizeof from);
	EXPECT_INT(aw_datagram_send(server, "", 0, (struct sockaddr *)&from, length), 0);
	EXPECT_INT(aw_datagram_recv(client, text, sizeof text, NULL, NULL), 0);
	close_and_drop(client);
	close_and_drop(server);
	return 0;
}

static void what_is_sent_is_received(void) {
	in_a_task(talk);
}

static aw_status receive_one(void *datagram) {
	char text[16] = "";
	aw_status status = aw_datagram_recv(datagram, text, sizeof text, NULL, NULL);
	if (status > 0)
		trace_add(text);
	else
		trace_status("recv", status);
	return status < 0 ? status : 0;
}

static aw_status wait_for_one(void *ud) {
	(void)ud;
	struct sockaddr_in one;
	aw_datagram *server = open_local(&one), *client = open_to(&one);
	for (int i = 0; i < 3; i++) {
		aw_future *reader = spawn(receive_one, server);
		EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
		EXPECT_INT(aw_datagram_send(client, "late", 4, NULL, 0), 4);
		await_and_drop(reader);
	}
	EXPECT_STR(trace, "late late late");
	close_and_drop(client);
	close_and_drop(server);
	return 0;
}

static void a_receive_waits(void) {
	in_a_task(wait_for_one);
}

static aw_status cut(void *ud) {
	(void)ud;
	struct sockaddr_in one, from = {0};
	uint32_t length = sizeof from;
	char text[8] = "";
	aw_datagram *server = open_local(&one), *client = open_to(&one);
	EXPECT_INT(aw_datagram_send(client, "too long a datagram", 19, NULL, 0), 19);
	EXPECT_INT(aw_datagram_recv(server, text, 3, (struct sockaddr *)&from, &length), -EMSGSIZE);
	EXPECT(memcmp(text, "too", 3) == 0);
	EXPECT_INT(length, sizeof from);
	aw_datagram_message message = {.size = sizeof message, .data = text, .capacity = 3};
	EXPECT_INT(aw_datagram_send(client, "too long a datagram", 19, NULL, 0), 19);
	EXPECT_INT(aw_datagram_recv_many(server, &message, 1), 1);
	EXPECT_INT(message.flags, AW_DATAGRAM_TRUNCATED);
	EXPECT_INT(message.length, 3);
	/* The next one is whole. */
	EXPECT_INT(aw_datagram_send(client, "abc", 3, NULL, 0), 3);
	EXPECT_INT(aw_datagram_recv_many(server, &message, 1), 1);
	EXPECT_INT(message.flags, 0);
	close_and_drop(client);
	close_and_drop(server);
	return 0;
}

static void a_datagram_that_was_cut_is_told(void) {
	in_a_task(cut);
}

enum { MANY = 100 };

static aw_status many(void *ud) {
	(void)ud;
	struct sockaddr_in one, from[MANY];
	static char out[MANY][16], in[MANY][16];
	aw_datagram_message messages[MANY];
	aw_datagram *server = open_local(&one), *client = open_to(&one);
	for (int i = 0; i < MANY; i++) {
		messages[i] = (aw_datagram_message){.size = sizeof *messages, .data = out[i]};
		messages[i].length = (size_t)snprintf(out[i], sizeof out[i], "number %d", i);
	}
	for (int sent = 0; sent < MANY;) {
		aw_status count = aw_datagram_send_many(client, messages + sent, (size_t)(MANY - sent));
		EXPECT(count > 0);
		if (count <= 0) return count;
		sent += count;
	}
	for (int i = 0; i < MANY; i++)
		messages[i] = (aw_datagram_message){.size = sizeof *messages,
		                                    .data = in[i],
		                                    .capacity = sizeof in[i],
		                                    .address = (struct sockaddr *)&from[i],
		                                    .address_capacity = sizeof from[i]};
	int calls = 0;
	for (int got = 0; got < MANY; calls++) {
		aw_status count = aw_datagram_recv_many(server, messages + got, (size_t)(MANY - got));
		EXPECT(count > 0);
		if (count <= 0) return count;
		got += count;
	}
	EXPECT(calls <= 10);
	for (int i = 0; i < MANY; i++) {
		EXPECT(messages[i].length == strlen(out[i]) && memcmp(in[i], out[i], messages[i].length) == 0);
		EXPECT_INT(messages[i].address_length, sizeof *from);
	}
	EXPECT_INT(aw_datagram_recv_many(server, messages, 0), 0);
	EXPECT_INT(aw_datagram_send_many(client, NULL, 0), 0);
	close_and_drop(client);
	close_and_drop(server);
	return 0;
}

static void many_are_sent_and_received_in_few_calls(void) {
	in_a_task(many);
}

static aw_status segments(void *ud) {
	bool *skipped = ud;
	struct sockaddr_in one;
	static char data[2500], in[8192];
	aw_datagram *server = open_local(&one), *client = open_to(&one);
	memset(data, 'x', sizeof data);
	aw_datagram_message message = {
		.size = sizeof message, .data = data, .length = sizeof data, .segment_size = 1000};
	aw_status status = aw_datagram_send_many(client, &message, 1);
	*skipped = status == -ENOTSUP;
	if (!*skipped) {
		EXPECT_INT(status, 1);
		EXPECT_INT(aw_datagram_recv(server, in, sizeof in, NULL, NULL), 1000);
		EXPECT_INT(aw_datagram_recv(server, in, sizeof in, NULL, NULL), 1000);
		EXPECT_INT(aw_datagram_recv(server, in, sizeof in, NULL, NULL), 500);
		message.segment_size = 1 << 16;
		EXPECT_INT(aw_datagram_send_many(client, &message, 1), -EINVAL);
		/* Received as one, with the size told. */
		aw_datagram_options options = local;
		options.flags = AW_DATAGRAM_GRO;
		aw_datagram *joined = NULL;
		uint32_t length = sizeof one;
		EXPECT_INT(aw_datagram_open(&options, &joined), 0);
		EXPECT_INT(aw_datagram_getsockname(joined, (struct sockaddr *)&one, &length), 0);
		message.segment_size = 1000;
		aw_datagram *other = open_to(&one);
		EXPECT_INT(aw_datagram_send_many(other, &message, 1), 1);
		message = (aw_datagram_message){.size = sizeof message, .data = in, .capacity = sizeof in};
		for (size_t got = 0; got < sizeof data; got += message.length) {
			EXPECT_INT(aw_datagram_recv_many(joined, &message, 1), 1);
			EXPECT_INT(message.length > 1000 ? message.segment_size : 1000, 1000);
		}
		close_and_drop(other);
		close_and_drop(joined);
	}
	close_and_drop(client);
	close_and_drop(server);
	return 0;
}

static void segments_are_told(void) {
	bool skipped = false;
	EXPECT_INT(aw_run(NULL, segments, &skipped, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
	if (skipped) SKIP("the kernel lacks UDP_SEGMENT");
}

static aw_status two_readers(void *ud) {
	(void)ud;
	struct sockaddr_in one;
	char text[8];
	aw_datagram *server = open_local(&one), *client = open_to(&one);
	aw_future *reader = spawn(receive_one, server);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_datagram_recv(server, text, sizeof text, NULL, NULL), -EBUSY);
	/* A reader that is cancelled is out of the way at once, and has lost nothing. */
	EXPECT_INT(aw_future_cancel(reader, NULL), 1);
	EXPECT_INT(aw_datagram_send(client, "abc", 3, NULL, 0), 3);
	EXPECT_INT(aw_datagram_recv(server, text, sizeof text, NULL, NULL), 3);
	EXPECT_INT(aw_await(reader, NULL), AW_ECANCELLED);
	aw_future_unref(reader);
	close_and_drop(client);
	close_and_drop(server);
	return 0;
}

static void a_second_reader_is_refused(void) {
	in_a_task(two_readers);
}

static aw_status refused(void *ud) {
	(void)ud;
	struct sockaddr_in one;
	char text[8];
	aw_datagram *server = open_local(&one), *client = open_to(&one);
	close_and_drop(server);
	EXPECT_INT(aw_datagram_send(client, "x", 1, NULL, 0), 1);
	EXPECT_INT(aw_datagram_recv(client, text, sizeof text, NULL, NULL), -ECONNREFUSED);
	/* The endpoint is as good as before. */
	EXPECT_INT(aw_datagram_send(client, "x", 1, NULL, 0), 1);
	EXPECT_INT(aw_datagram_send(client, "x", 1, NULL, 0), -ECONNREFUSED);
	close_and_drop(client);
	return 0;
}

static void nobody_listening_is_an_error_of_the_next_call(void) {
	in_a_task(refused);
}

static aw_status closed_under_a_reader(void *ud) {
	(void)ud;
	struct sockaddr_in one;
	char text[8];
	aw_datagram *server = open_local(&one);
	aw_future *reader = spawn(receive_one, server);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	int fd = aw_datagram_fd(server);
	EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	EXPECT_INT(aw_datagram_is_closing(server), 0);
	EXPECT_INT(aw_datagram_close(server), 0);
	EXPECT_INT(aw_datagram_is_closing(server), 1);
	EXPECT_INT(aw_datagram_close(server), 0);
	EXPECT_INT(aw_datagram_abort(server), 0);
	EXPECT_INT(aw_datagram_wait_closed(server), 0);
	EXPECT_INT(fcntl(fd, F_GETFD), -1);
	EXPECT_INT(aw_await(reader, NULL), AW_EINVALIDSTATE);
	aw_future_unref(reader);
	EXPECT_INT(aw_datagram_recv(server, text, sizeof text, NULL, NULL), AW_EINVALIDSTATE);
	EXPECT_INT(aw_datagram_send(server, text, 1, NULL, 0), AW_EINVALIDSTATE);
	EXPECT_INT(aw_datagram_sendto(server, text, 1, NULL, 0), AW_EINVALIDSTATE);
	EXPECT_INT(aw_datagram_fd(server), AW_EINVALIDSTATE);
	EXPECT_INT(aw_datagram_wait_closed(server), 0);
	aw_datagram_unref(server);
	/* Dropped while a task receives: the task keeps nothing alive. */
	server = open_local(&one);
	reader = spawn(receive_one, server);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_datagram_close(server), 0);
	aw_datagram_unref(server);
	EXPECT_INT(aw_await(reader, NULL), AW_EINVALIDSTATE);
	aw_future_unref(reader);
	return 0;
}

static void a_close_wakes_the_reader(void) {
	in_a_task(closed_under_a_reader);
}

static aw_status coroutines(void *ud) {
	(void)ud;
	struct sockaddr_in one;
	char text[8] = "";
	aw_coro *coro = NULL;
	void *value = NULL;
	EXPECT_INT(aw_datagram_open_coro(NULL, &local, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &value), 0);
	aw_datagram *server = aw_datagram_ref(value);
	aw_coro_unref(coro);
	uint32_t length = sizeof one;
	EXPECT_INT(aw_datagram_getsockname(server, (struct sockaddr *)&one, &length), 0);
	aw_datagram *client = open_to(&one);
	aw_task *reader = NULL;
	int64_t count = 0;
	EXPECT_INT(aw_datagram_recv_coro(server, text, sizeof text, NULL, NULL, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &reader), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_datagram_send_coro(client, "abc", 3, NULL, 0, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &value), 0);
	EXPECT_INT((intptr_t)value, 3);
	aw_coro_unref(coro);
	EXPECT_INT(aw_await_int(aw_task_future(reader), &count), 0);
	EXPECT_INT(count, 3);
	EXPECT_STR(text, "abc");
	aw_task_unref(reader);
	/* Cancelled while it waits, and never run. */
	EXPECT_INT(aw_datagram_recv_coro(server, text, sizeof text, NULL, NULL, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &reader), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT_INT(aw_task_cancel(reader, NULL), 1);
	EXPECT_INT(aw_await(aw_task_future(reader), NULL), AW_ECANCELLED);
	aw_task_unref(reader);
	aw_datagram_message message = {.size = sizeof message, .data = text, .length = 1, .capacity = 8};
	EXPECT_INT(aw_datagram_send_many_coro(client, &message, 1, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &value), 0);
	EXPECT_INT((intptr_t)value, 1);
	aw_coro_unref(coro);
	EXPECT_INT(aw_datagram_recv_many_coro(server, &message, 1, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &value), 0);
	EXPECT_INT((intptr_t)value, 1);
	aw_coro_unref(coro);
	EXPECT_INT(aw_datagram_abort(server), 0);
	EXPECT_INT(aw_datagram_wait_closed_coro(server, &coro), 0);
	EXPECT_INT(aw_await_coro(coro, &value), 0);
	aw_coro_unref(coro);
	aw_datagram_unref(server);
	close_and_drop(client);
	return 0;
}

static void each_is_a_coroutine_as_well(void) {
	in_a_task(coroutines);
}

/* --- Unix sockets --- */

typedef struct queue_case {
	aw_datagram *client;
	struct sockaddr_un to;
	uint32_t length;
	bool waits;
} queue_case;

static aw_status fill(void *ud) {
	const queue_case *self = ud;
	for (int i = 0; i < 600; i++) {
		aw_status status =
			aw_datagram_send(self->client, &i, sizeof i, (const struct sockaddr *)&self->to, self->length);
		if (status != (aw_status)sizeof i) return status < 0 ? status : -EIO;
	}
	return 0;
}

static aw_status unix_sockets(void *ud) {
	(void)ud;
	char path[64], name[64];
	snprintf(path, sizeof path, "datagrams.%d.socket", (int)getpid());
	snprintf(name, sizeof name, "@await-datagrams-%d", (int)getpid());
	const char *names[] = {path, name};
	for (int i = 0; i < 2; i++) {
		aw_datagram_options options = {.size = sizeof options, .local_path = names[i]};
		queue_case queue = {.length = sizeof queue.to};
		aw_datagram *server = NULL, *again = NULL;
		EXPECT_INT(aw_datagram_open(&options, &server), 0);
		EXPECT_INT(aw_datagram_getsockname(server, (struct sockaddr *)&queue.to, &queue.length), 0);
		EXPECT_INT(queue.to.sun_path[0], i ? 0 : 'd');
		aw_datagram_options any = {.size = sizeof any, .family = AF_UNIX};
		EXPECT_INT(aw_datagram_open(&any, &queue.client), 0);
		/* More than the receiver's queue holds: the sender waits, although its own socket is writable. */
		aw_future *sender = spawn(fill, &queue);
		for (int n = 0; n < 600; n++) {
			int got = -1;
			EXPECT_INT(aw_datagram_recv(server, &got, sizeof got, NULL, NULL), sizeof got);
			EXPECT_INT(got, n);
		}
		await_and_drop(sender);
		/* A name that is in use: a path is taken over, as asyncio does; an abstract name is not. */
		EXPECT_INT(aw_datagram_open(&options, &again), i ? -EADDRINUSE : 0);
		if (again) close_and_drop(again);
		close_and_drop(queue.client);
		close_and_drop(server);
	}
	unlink(path);
	return 0;
}

static void unix_sockets_have_paths_and_abstract_names(void) {
	in_a_task(unix_sockets);
}

static aw_status fill_for_ever(void *ud) {
	queue_case *self = ud;
	aw_datagram_options any = {.size = sizeof any, .family = AF_UNIX};
	EXPECT_INT(aw_datagram_open(&any, &self->client), 0);
	aw_status status = 0;
	for (int i = 0; status >= 0; i++) {
		self->waits = true;
		status =
			aw_datagram_send(self->client, &i, sizeof i, (const struct sockaddr *)&self->to, self->length);
	}
	aw_datagram_unref(self->client);
	return status == AW_ECANCELLED ? 0 : status;
}

static void a_full_receiver_does_not_make_the_loop_spin(void) {
	queue_case self = {.length = sizeof self.to, .to.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), turns = 0;
	EXPECT_INT(bind(server, (struct sockaddr *)&self.to, sizeof(sa_family_t)), 0);
	socklen_t length = sizeof self.to;
	EXPECT_INT(getsockname(server, (struct sockaddr *)&self.to, &length), 0);
	self.length = length;
	aw_loop *loop = loop_begin(NULL);
	aw_task *task = NULL;
	EXPECT_INT(aw_task_spawn(loop, fill_for_ever, &self, NULL, &task), 0);
	int64_t began = aw_loop_time(loop);
	while (turns < 1000 && aw_loop_time(loop) - began < 200 * AW_MILLISECOND) {
		EXPECT(aw_loop_run_once(loop, 50 * AW_MILLISECOND) >= 0);
		turns++;
	}
	EXPECT(self.waits && !aw_future_done(aw_task_future(task)));
	EXPECT(turns < 100);
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
	EXPECT_INT(aw_loop_run_until_complete(loop, aw_task_future(task), NULL), 0);
	aw_task_unref(task);
	loop_end(loop);
	close(server);
}

static aw_status send_number(void *ud) {
	const queue_case *self = ud;
	uint32_t number = self->length;
	aw_status status = aw_datagram_send(self->client, &number, sizeof number, NULL, 0);
	return status < 0 ? status : 0;
}

static aw_status behind_what_is_kept(void *ud) {
	(void)ud;
	int ends[2];
	uint32_t number = 0, got;
	queue_case self = {0};
	EXPECT_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	aw_datagram_options options = {.size = sizeof options, .flags = AW_DATAGRAM_ADOPT, .fd = ends[0]};
	EXPECT_INT(aw_datagram_open(&options, &self.client), 0);
	while (aw_datagram_write_buffer_size(self.client) < 2 * sizeof number) {
		EXPECT_INT(aw_datagram_sendto(self.client, &number, sizeof number, NULL, 0), 0);
		number++;
	}
	self.length = number;
	/* The socket has room, but what was kept comes first. */
	EXPECT_INT(recv(ends[1], &got, sizeof got, 0), sizeof got);
	EXPECT_INT(got, 0);
	aw_future *sender = spawn(send_number, &self);
	EXPECT_INT(aw_sleep(0), 0);
	for (uint32_t next = 1; next <= number;) {
		if (recv(ends[1], &got, sizeof got, MSG_DONTWAIT) < 0) {
			EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
			continue;
		}
		EXPECT_INT(got, next);
		next++;
	}
	await_and_drop(sender);
	/* Without a protocol, the call itself has the failure. */
	close(ends[1]);
	EXPECT_INT(aw_datagram_sendto(self.client, &number, sizeof number, NULL, 0), -ECONNREFUSED);
	close_and_drop(self.client);
	return 0;
}

static void a_send_waits_behind_what_is_kept(void) {
	in_a_task(behind_what_is_kept);
}

/* --- options --- */

static aw_status adopts(void *ud) {
	(void)ud;
	int ends[2], stream[2];
	char text[8] = "";
	aw_datagram *made = NULL;
	EXPECT_INT(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, stream), 0);
	aw_datagram_options options = {.size = sizeof options, .flags = AW_DATAGRAM_ADOPT, .fd = stream[0]};
	EXPECT_INT(aw_datagram_open(&options, &made), -EINVAL);
	EXPECT_STR(aw_error_message(aw_caught()), "a datagram socket was expected");
	EXPECT(fcntl(stream[0], F_GETFD) >= 0);
	close(stream[0]);
	EXPECT_INT(aw_datagram_open(&options, &made), -EBADF);
	close(stream[1]);
	options.fd = ends[0];
	EXPECT_INT(aw_datagram_open(&options, &made), 0);
	EXPECT_INT(aw_datagram_fd(made), ends[0]);
	EXPECT_INT(aw_datagram_send(made, "abc", 3, NULL, 0), 3);
	EXPECT_INT(read(ends[1], text, sizeof text), 3);
	close_and_drop(made);
	EXPECT_INT(fcntl(ends[0], F_GETFD), -1);
	close(ends[1]);
	return 0;
}

static void a_socket_is_adopted(void) {
	in_a_task(adopts);
}

static aw_status multicast(void *ud) {
	bool *skipped = ud;
	struct sockaddr_in to;
	char text[8] = "";
	aw_datagram_options options = {
		.size = sizeof options, .local_host = "0.0.0.0", .flags = AW_DATAGRAM_REUSE_ADDRESS};
	aw_datagram *one = NULL;
	uint32_t length = sizeof to;
	EXPECT_INT(aw_datagram_open(&options, &one), 0);
	EXPECT_INT(aw_datagram_getsockname(one, (struct sockaddr *)&to, &length), 0);
	EXPECT_INT(aw_datagram_join_group(one, "not an address", NULL, NULL), -EINVAL);
	EXPECT_STR(aw_error_message(aw_caught()), "not a numeric address: not an address");
	EXPECT_INT(aw_datagram_join_group(one, "239.1.2.3", NULL, "no-such-one"), -ENODEV);
	EXPECT_INT(aw_datagram_join_group(one, NULL, NULL, NULL), -EINVAL);
	EXPECT_INT(aw_datagram_set_multicast_ttl(one, 256), -EINVAL);
	EXPECT_INT(aw_datagram_set_multicast_ttl(one, 0), 0);
	EXPECT_INT(aw_datagram_set_multicast_loop(one, 1), 0);
	EXPECT_INT(aw_datagram_set_ttl(one, 5), 0);
	EXPECT_INT(aw_datagram_set_broadcast(one, 1), 0);
	EXPECT_INT(aw_datagram_set_multicast_interface(one, "lo"), 0);
	aw_status status = aw_datagram_join_group(one, "239.1.2.3", NULL, "lo");
	*skipped = status < 0;
	if (!*skipped) {
		EXPECT_INT(aw_datagram_join_group(one, "239.1.2.3", NULL, "lo"), -EADDRINUSE);
		inet_pton(AF_INET, "239.1.2.3", &to.sin_addr);
		EXPECT_INT(aw_datagram_send(one, "abc", 3, (struct sockaddr *)&to, sizeof to), 3);
		EXPECT_INT(aw_datagram_recv(one, text, sizeof text, NULL, NULL), 3);
		EXPECT_INT(aw_datagram_leave_group(one, "239.1.2.3", NULL, "1"), 0);
		EXPECT_INT(aw_datagram_leave_group(one, "239.1.2.3", NULL, "lo"), -EADDRNOTAVAIL);
		EXPECT_INT(aw_datagram_join_group(one, "239.1.2.3", "127.0.0.1", "lo"), 0);
		EXPECT_INT(aw_datagram_leave_group(one, "239.1.2.3", "127.0.0.1", "lo"), 0);
	}
	close_and_drop(one);
	return 0;
}

static void a_multicast_group_is_joined_and_left(void) {
	bool skipped = false;
	EXPECT_INT(aw_run(NULL, multicast, &skipped, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
	if (skipped) SKIP("multicast does not work here");
}

static aw_status one_remote_address(void *ud) {
	(void)ud;
	struct sockaddr_in one, two;
	char port[8], text[8];
	aw_datagram *first = open_local(&one), *second = open_local(&two), *caster = NULL;
	snprintf(port, sizeof port, "%d", ntohs(one.sin_port));
	/* With broadcast the socket is not connected, and the remote address is where datagrams go. */
	aw_datagram_options options = {.size = sizeof options,
	                               .local_host = "127.0.0.1",
	                               .remote_host = "127.0.0.1",
	                               .remote_service = port,
	                               .flags = AW_DATAGRAM_BROADCAST};
	EXPECT_INT(aw_datagram_open(&options, &caster), 0);
	uint32_t length = sizeof one;
	struct sockaddr_in peer;
	EXPECT_INT(aw_datagram_getpeername(caster, (struct sockaddr *)&peer, &length), -ENOTCONN);
	EXPECT_INT(aw_datagram_send(caster, "abc", 3, NULL, 0), 3);
	EXPECT_INT(aw_datagram_recv(first, text, sizeof text, NULL, NULL), 3);
	EXPECT_INT(aw_datagram_send(caster, "abc", 3, (struct sockaddr *)&one, sizeof one), 3);
	EXPECT_INT(aw_datagram_recv(first, text, sizeof text, NULL, NULL), 3);
	EXPECT_INT(aw_datagram_send(caster, "abc", 3, (struct sockaddr *)&two, sizeof two), -EINVAL);
	EXPECT_STR(aw_error_message(aw_caught()), "the endpoint sends to its remote address only");
	EXPECT_INT(aw_datagram_send(second, "abc", 3, NULL, 0), -EDESTADDRREQ);
	close_and_drop(caster);
	close_and_drop(first);
	close_and_drop(second);
	return 0;
}

static void a_remote_address_is_the_only_one(void) {
	in_a_task(one_remote_address);
}

static aw_status wrong_arguments(void *ud) {
	(void)ud;
	struct sockaddr_in one;
	char byte = 0;
	uint32_t length = sizeof one;
	aw_datagram *made = NULL;
	aw_datagram_options options = {0};
	EXPECT_INT(aw_datagram_open(NULL, &made), -EINVAL);
	EXPECT_INT(aw_datagram_open(&local, NULL), -EINVAL);
	EXPECT_INT(aw_datagram_open(&options, &made), -EINVAL);
	options.size = sizeof options;
	EXPECT_INT(aw_datagram_open(&options, &made), -EINVAL);
	EXPECT_STR(aw_error_message(aw_caught()), "neither an address nor a family is given");
	options.local_path = "";
	EXPECT_INT(aw_datagram_open(&options, &made), -EINVAL);
	options.local_path = "x";
	options.local_host = "127.0.0.1";
	EXPECT_INT(aw_datagram_open(&options, &made), -EINVAL);
	options = (aw_datagram_options){.size = sizeof options, .flags = 1u << 31, .family = AF_INET};
	EXPECT_INT(aw_datagram_open(&options, &made), -EINVAL);
	options = local;
	options.remote_host = "::1";
	options.remote_service = "9";
	EXPECT_INT(aw_datagram_open(&options, &made), -EAFNOSUPPORT);
	options = local;
	options.local_host = "192.0.2.1"; /* nobody's */
	EXPECT_INT(aw_datagram_open(&options, &made), -EADDRNOTAVAIL);
	EXPECT(!made);
	aw_datagram *server = open_local(&one);
	aw_datagram_message message = {.size = 1};
	EXPECT_INT(aw_datagram_recv(server, NULL, 1, NULL, NULL), -EINVAL);
	EXPECT_INT(aw_datagram_recv(server, &byte, 1, NULL, &length), -EINVAL);
	EXPECT_INT(aw_datagram_recv(server, &byte, 1, (struct sockaddr *)&one, NULL), -EINVAL);
	EXPECT_INT(aw_datagram_send(server, NULL, 1, (struct sockaddr *)&one, length), -EINVAL);
	EXPECT_INT(aw_datagram_send(server, &byte, 1, (struct sockaddr *)&one, 1), -EINVAL);
	EXPECT_INT(aw_datagram_recv_many(server, &message, 1), -EINVAL);
	EXPECT_INT(aw_datagram_recv_many(server, NULL, 1), -EINVAL);
	EXPECT_INT(aw_datagram_set_write_buffer_limits(server, 1, 2), -EINVAL);
	static char huge[70000];
	EXPECT_INT(aw_datagram_send(server, huge, sizeof huge, (struct sockaddr *)&one, length), -EMSGSIZE);
	close_and_drop(server);
	return 0;
}

static void wrong_arguments_are_refused(void) {
	in_a_task(wrong_arguments);
	aw_datagram *made = NULL;
	EXPECT_INT(aw_datagram_open(&local, &made), AW_ENOTASK);
}

static aw_status left_open(void *ud) {
	struct sockaddr_in one;
	aw_datagram *server = open_local(&one);
	aw_future *reader = spawn(receive_one, server);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	aw_datagram_unref(server);
	EXPECT_INT(aw_await(reader, NULL), AW_EINVALIDSTATE);
	aw_future_unref(reader);
	*(aw_datagram **)ud = open_local(&one); /* and one that the loop's end closes */
	return 0;
}

static aw_status note_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace_add(aw_report_message(report));
	return 0;
}

static aw_status reported(void *ud) {
	struct sockaddr_in one;
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), note_report, NULL, NULL), 0);
	aw_datagram_unref(open_local(&one));
	EXPECT_STR(trace, ud ? "a datagram endpoint was never closed" : "");
	return 0;
}

static void an_endpoint_that_is_not_closed_is_ended_with_its_last_reference(void) {
	aw_datagram *kept = NULL;
	EXPECT_INT(aw_run(NULL, left_open, &kept, NULL, NULL), 0);
	aw_datagram_unref(kept);
	EXPECT_INT(aw_debug_live_handles(), 0);
	trace_reset();
	EXPECT_INT(aw_run(NULL, reported, NULL, NULL, NULL), 0);
	setenv("AWAIT_DEBUG", "1", 1);
	EXPECT_INT(aw_run(NULL, reported, "", NULL, NULL), 0);
	unsetenv("AWAIT_DEBUG");
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status keep_open(void *out) {
	struct sockaddr_in one;
	*(aw_datagram **)out = open_local(&one);
	return receive_one(*(aw_datagram **)out);
}

static void a_loop_that_closes_closes_the_socket(void) {
	aw_loop *loop = loop_begin(NULL);
	aw_task *task = NULL;
	aw_datagram *server = NULL;
	EXPECT_INT(aw_task_spawn(loop, keep_open, &server, NULL, &task), 0);
	for (int i = 0; i < 3; i++) EXPECT(aw_loop_run_once(loop, AW_MILLISECOND) >= 0);
	int fd = aw_datagram_fd(server);
	EXPECT(fcntl(fd, F_GETFD) >= 0);
	aw_task_unref(task);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_INT(fcntl(fd, F_GETFD), -1);
	EXPECT_INT(aw_datagram_close(server), AW_ELOOPCLOSED);
	EXPECT_STR(trace, "recv:AW_ELOOPCLOSED");
	aw_loop_unref(loop);
	aw_datagram_unref(server);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("datagrams", TEST(what_is_sent_is_received), TEST(a_receive_waits),
           TEST(a_datagram_that_was_cut_is_told), TEST(many_are_sent_and_received_in_few_calls),
           TEST(segments_are_told), TEST(a_second_reader_is_refused),
           TEST(nobody_listening_is_an_error_of_the_next_call), TEST(a_close_wakes_the_reader),
           TEST(each_is_a_coroutine_as_well), TEST(unix_sockets_have_paths_and_abstract_names),
           TEST(a_full_receiver_does_not_make_the_loop_spin), TEST(a_send_waits_behind_what_is_kept),
           TEST(a_socket_is_adopted), TEST(a_multicast_group_is_joined_and_left),
           TEST(a_remote_address_is_the_only_one), TEST(wrong_arguments_are_refused),
           TEST(an_endpoint_that_is_not_closed_is_ended_with_its_last_reference),
           TEST(a_loop_that_closes_closes_the_socket))
