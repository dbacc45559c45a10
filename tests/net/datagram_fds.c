/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* Datagrams of Unix sockets that carry descriptors. */
#include "in_a_task.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct endpoints {
	aw_datagram *left, *right;
} endpoints;

static aw_datagram *adopt(int fd) {
	aw_datagram_options options = {.size = sizeof options, .flags = AW_DATAGRAM_ADOPT, .fd = fd};
	aw_datagram *made = NULL;
	EXPECT_INT(aw_datagram_open(&options, &made), 0);
	return made;
}

static endpoints open_both(void) {
	int fds[2];
	EXPECT_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
	return (endpoints){adopt(fds[0]), adopt(fds[1])};
}

static void close_and_drop(aw_datagram *datagram) {
	EXPECT_INT(aw_datagram_close(datagram), 0);
	EXPECT_INT(aw_datagram_wait_closed(datagram), 0);
	aw_datagram_unref(datagram);
}

static void close_both(endpoints both) {
	close_and_drop(both.left);
	close_and_drop(both.right);
}

/* Files that can be told apart: pipes, by the byte that waits in each. */
static int marked(char mark) {
	int fds[2];
	EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
	EXPECT_INT(write(fds[1], &mark, 1), 1);
	close(fds[1]);
	return fds[0];
}

/* Its mark; it is closed. */
static char mark_of(int fd) {
	char mark = 0;
	EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_INT(read(fd, &mark, 1), 1);
	close(fd);
	return mark;
}

static aw_datagram_message message_of(const char *text, int *fds, const char *marks) {
	size_t count = strlen(marks);
	for (size_t i = 0; i < count; i++) fds[i] = marked(marks[i]);
	return (aw_datagram_message){.size = sizeof(aw_datagram_message),
	                             .data = (void *)(uintptr_t)text,
	                             .length = strlen(text),
	                             .fds = fds,
	                             .fd_count = (uint32_t)count};
}

static void send_marked(aw_datagram *datagram, const char *text, const char *marks) {
	int fds[8];
	aw_datagram_message message = message_of(text, fds, marks);
	EXPECT_INT(aw_datagram_send_many(datagram, &message, 1), 1);
	for (size_t i = 0; i < strlen(marks); i++) close(fds[i]);
}

typedef struct room {
	char text[16];
	int fds[8];
	aw_datagram_message message;
} room;

static void room_init(room *self, size_t length, uint32_t fds) {
	*self = (room){.message = {.size = sizeof self->message}};
	self->message.data = self->text;
	self->message.capacity = length;
	self->message.fds = self->fds;
	self->message.fd_capacity = fds;
	self->message.fd_count = 99;
}

static void expect_room(room *self, const char *text, const char *marks, uint32_t flags) {
	char got[9] = "";
	EXPECT_INT(self->message.length, strlen(text));
	EXPECT(!memcmp(self->text, text, strlen(text)));
	EXPECT_INT(self->message.fd_count, strlen(marks));
	for (uint32_t i = 0; i < self->message.fd_count && i < 8; i++) got[i] = mark_of(self->fds[i]);
	EXPECT_STR(got, marks);
	EXPECT_INT(self->message.flags, flags);
}

static void expect_recv(aw_datagram *datagram, size_t length, uint32_t fds, const char *text,
                        const char *marks, uint32_t flags) {
	room self;
	room_init(&self, length, fds);
	EXPECT_INT(aw_datagram_recv_many(datagram, &self.message, 1), 1);
	expect_room(&self, text, marks, flags);
}

static aw_status carries(void *ud) {
	(void)ud;
	endpoints both = open_both();
	send_marked(both.left, "one", "a");
	send_marked(both.left, "two", "bcd");
	send_marked(both.left, "three", "");
	send_marked(both.left, "", "e");
	expect_recv(both.right, 16, 8, "one", "a", 0);
	expect_recv(both.right, 16, 8, "two", "bcd", 0);
	expect_recv(both.right, 16, 8, "three", "", 0);
	expect_recv(both.right, 16, 8, "", "e", 0);
	close_both(both);
	return 0;
}

static void datagrams_carry_descriptors(void) {
	in_a_task(carries);
}

/* Descriptors without room are closed. */
static aw_status cuts(void *ud) {
	(void)ud;
	endpoints both = open_both();
	char text[8] = "";
	for (int i = 0; i < 5; i++) send_marked(both.left, "text", "abc");
	expect_recv(both.right, 16, 2, "text", "ab", AW_DATAGRAM_FDS_TRUNCATED);
	expect_recv(both.right, 3, 8, "tex", "abc", AW_DATAGRAM_TRUNCATED);
	expect_recv(both.right, 3, 1, "tex", "a", AW_DATAGRAM_TRUNCATED | AW_DATAGRAM_FDS_TRUNCATED);
	expect_recv(both.right, 16, 0, "text", "", 0);
	EXPECT_INT(aw_datagram_recv(both.right, text, sizeof text, NULL, NULL), 4);
	EXPECT_STR(text, "text");
	/* Never received. */
	send_marked(both.left, "text", "abc");
	close_both(both);
	return 0;
}

static void what_does_not_fit_is_closed(void) {
	in_a_task(cuts);
}

static aw_status batches(void *ud) {
	(void)ud;
	endpoints both = open_both();
	int fds[2][8];
	room rooms[4];
	aw_datagram_message messages[4], got[4];
	messages[0] = message_of("0", fds[0], "");
	messages[1] = message_of("1", fds[0], "");
	messages[2] = message_of("2", fds[0], "ab");
	messages[3] = message_of("3", fds[1], "");
	size_t sent = 0;
	while (sent < 4) {
		aw_status count = aw_datagram_send_many(both.left, messages + sent, 4 - sent);
		EXPECT_INT(count, sent == 0 ? 2 : 1);
		if (count < 0) break;
		sent += (size_t)count;
	}
	for (int i = 0; i < 2; i++) close(fds[0][i]);
	for (uint32_t i = 0; i < 4; i++) {
		room_init(&rooms[i], 16, i == 2 ? 8 : 0);
		got[i] = rooms[i].message;
	}
	EXPECT_INT(aw_datagram_recv_many(both.right, got, 4), 2);
	EXPECT_INT(got[0].fd_count, 0);
	EXPECT_INT(aw_datagram_recv_many(both.right, got + 2, 2), 1);
	EXPECT_INT(aw_datagram_recv_many(both.right, got + 3, 1), 1);
	for (int i = 0; i < 4; i++) {
		char text[2] = {(char)('0' + i), 0};
		rooms[i].message = got[i];
		expect_room(&rooms[i], text, i == 2 ? "ab" : "", 0);
	}
	close_both(both);
	return 0;
}

static void a_batch_ends_before_a_message_with_descriptors(void) {
	in_a_task(batches);
}

static aw_status receive_one(void *ud) {
	expect_recv(ud, 16, 8, "late", "a", 0);
	return 0;
}

static aw_status waits(void *ud) {
	(void)ud;
	endpoints both = open_both();
	aw_future *reader = spawn(receive_one, both.right);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	send_marked(both.left, "late", "a");
	EXPECT_INT(aw_await(reader, NULL), 0);
	aw_future_unref(reader);
	/* A sender waits for room too, and nothing is sent twice. */
	int fds[8];
	aw_datagram_message message = message_of("x", fds, "a");
	size_t sent = 0;
	while (send(aw_datagram_fd(both.left), "y", 1, MSG_DONTWAIT) == 1) sent++;
	aw_task *task = NULL;
	aw_coro *coro = NULL;
	EXPECT_INT(aw_datagram_send_many_coro(both.left, &message, 1, &coro), 0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT(!aw_future_done(aw_task_future(task)));
	for (size_t i = 0; i < sent; i++) expect_recv(both.right, 16, 8, "y", "", 0);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), 0);
	expect_recv(both.right, 16, 8, "x", "a", 0);
	close(fds[0]);
	aw_coro_unref(coro);
	aw_task_unref(task);
	close_both(both);
	return 0;
}

static void calls_wait(void) {
	in_a_task(waits);
}

/* The kernel delivers as many as the process may open. */
static aw_status runs_out(void *ud) {
	(void)ud;
	endpoints both = open_both();
	send_marked(both.left, "text", "abc");
	struct rlimit limit, low;
	EXPECT_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
	int next = dup(0);
	close(next);
	low = (struct rlimit){.rlim_cur = (rlim_t)next + 1, .rlim_max = limit.rlim_max};
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &low), 0);
	room self;
	room_init(&self, 16, 8);
	EXPECT_INT(aw_datagram_recv_many(both.right, &self.message, 1), 1);
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect_room(&self, "text", "a", AW_DATAGRAM_FDS_TRUNCATED);
	close_both(both);
	return 0;
}

static void those_that_cannot_be_opened_are_told(void) {
	in_a_task(runs_out);
}

static aw_status refuses(void *ud) {
	(void)ud;
	endpoints both = open_both();
	int fds[254] = {0}, bad = 1000;
	aw_datagram_message message = message_of("text", fds, "");
	message.fd_count = 254;
	EXPECT_INT(aw_datagram_send_many(both.left, &message, 1), -EINVAL);
	message.fd_count = 1;
	message.fds = NULL;
	EXPECT_INT(aw_datagram_send_many(both.left, &message, 1), -EINVAL);
	message.fds = &bad;
	EXPECT_INT(aw_datagram_send_many(both.left, &message, 1), -EBADF);
	message.fd_capacity = 1;
	message.fds = NULL;
	EXPECT_INT(aw_datagram_recv_many(both.right, &message, 1), -EINVAL);
	close_both(both);
	aw_datagram_options options = {.size = sizeof options, .local_host = "127.0.0.1"};
	struct sockaddr_in address;
	uint32_t length = sizeof address;
	aw_datagram *udp = NULL;
	EXPECT_INT(aw_datagram_open(&options, &udp), 0);
	EXPECT_INT(aw_datagram_getsockname(udp, (struct sockaddr *)&address, &length), 0);
	message.fds = fds;
	message.address = (struct sockaddr *)&address;
	message.address_length = length;
	/* Where the kernel would drop them silently. */
	EXPECT_INT(aw_datagram_send_many(udp, &message, 1), -EOPNOTSUPP);
	EXPECT_INT(aw_datagram_recv_many(udp, &message, 1), -EOPNOTSUPP);
	close_and_drop(udp);
	return 0;
}

static void what_is_refused(void) {
	in_a_task(refuses);
}

CHECK_MAIN("datagrams with descriptors", TEST(datagrams_carry_descriptors), TEST(what_does_not_fit_is_closed),
           TEST(a_batch_ends_before_a_message_with_descriptors), TEST(calls_wait),
           TEST(those_that_cannot_be_opened_are_told), TEST(what_is_refused))
