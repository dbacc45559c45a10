/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* Awaited datagram endpoints: what is sent is received, whole or told to be cut, and nothing is lost. */
#include "trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Twice: debug mode counts the program's references. */
static aw_status in_a_task(aw_task_fn fn) {
	aw_status status = 0;
	for (int debug = 0; debug < 2 && status == 0; debug++) {
		EXPECT_INT(setenv("AWAIT_DEBUG", debug ? "1" : "0", 1), 0);
		trace_reset();
		status = aw_run(NULL, fn, NULL, NULL, NULL);
		EXPECT_INT(aw_debug_live_handles(), 0);
	}
	unsetenv("AWAIT_DEBUG");
	return status;
}

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
	EXPECT_INT(in_a_task(talk), 0);
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
	EXPECT_INT(in_a_task(wait_for_one), 0);
}

CHECK_MAIN("datagrams", TEST(what_is_sent_is_received), TEST(a_receive_waits))
