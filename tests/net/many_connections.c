/* SPDX-License-Identifier: MIT */
/* Labels: backends real-time seconds=180 */
/* 10,000 connections open at once, each answered, and the memory that an idle one takes besides the kernel's. */
#include "check.h"

#include <await/await.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTIONS = 10000, OTHER_DESCRIPTORS = 100 };

/* The bars are 1 KiB and 6 KiB; what a stack takes depends on the compiler, so that the latter gets a third more. */
enum { CALLBACK_MOST = 1024, STACKFUL_MOST = 6 * 1024 * 4 / 3 };

static int count, open_now;
static struct sockaddr_un address;
static socklen_t address_length;
static int to_clients[2], from_clients[2];

/* --- the clients, in a separate process --- */

static bool wait_for_word(void) {
	char word;
	return read(to_clients[0], &word, 1) == 1;
}

static void tell_server(void) {
	if (write(from_clients[1], "x", 1) != 1) _exit(2);
}

static void be_the_clients(void) {
	int *fds = calloc((size_t)count, sizeof *fds);
	char byte = 'a';
	if (!fds || !wait_for_word()) _exit(3);
	for (int i = 0; i < count; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0 || connect(fds[i], (struct sockaddr *)&address, address_length) < 0) _exit(4);
	}
	if (!wait_for_word()) _exit(5);
	for (int i = 0; i < count; i++)
		if (write(fds[i], &byte, 1) != 1) _exit(6);
	for (int i = 0; i < count; i++)
		if (read(fds[i], &byte, 1) != 1 || byte != 'a') _exit(7);
	tell_server();
	(void)wait_for_word(); /* until the server has looked */
	_exit(0);
}

/* --- the server --- */

static aw_status serve(aw_stream *stream, void *ud) {
	(void)ud;
	char byte;
	open_now++;
	while (aw_stream_read(stream, &byte, 1) == 1) EXPECT_INT(aw_stream_write(stream, &byte, 1), 0);
	open_now--;
	return 0;
}

static aw_status data_received(aw_stream *stream, void *ud, const void *data, size_t length) {
	(void)ud;
	return aw_stream_write(stream, data, length);
}

static void connection_lost(aw_stream *stream, void *ud, aw_status why) {
	(void)stream, (void)ud, (void)why;
	open_now--;
}

static const aw_protocol echo = {
	.size = sizeof echo, .data_received = data_received, .connection_lost = connection_lost};

static aw_status serve_by_callbacks(aw_stream *stream, void *ud) {
	(void)ud;
	open_now++;
	return aw_stream_set_protocol(stream, &echo, NULL, NULL);
}

static double resident(void) {
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	double sum = 0;
	long number;
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "VmRSS: %ld", &number) == 1 || sscanf(line, "VmPTE: %ld", &number) == 1)
			sum += (double)number * 1024;
	if (file) fclose(file);
	return sum;
}

typedef struct many {
	aw_client_fn fn;
	uint32_t flags;
	double most;
} many;

static void wait_until_open(int wanted) {
	while (open_now != wanted && !CU_get_number_of_failures()) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
}

static void wait_for_clients(void) {
	char word;
	while (read(from_clients[0], &word, 1) != 1) EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
}

static aw_status hold_many(void *ud) {
	const many *self = ud;
	const aw_stream_options stream = {.size = sizeof stream, .flags = AW_STREAM_NO_READ_AHEAD};
	const aw_server_options options = {
		.size = sizeof options, .flags = self->flags, .backlog = 1000, .stream = &stream};
	aw_server *server = NULL;
	EXPECT_INT(aw_start_unix_server(NULL, self->fn, NULL, NULL, address.sun_path + 1, &options, &server), 0);
	(void)resident(); /* the first call allocates its buffers */
	double before = resident();
	EXPECT_INT(write(to_clients[1], "x", 1), 1);
	wait_until_open(count);
	double each = (resident() - before) / count;
	printf("\n    %d connections, %.0f bytes each", count, each);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
	EXPECT(each <= self->most);
#endif
	EXPECT_INT(write(to_clients[1], "x", 1), 1);
	wait_for_clients();
	EXPECT_INT(open_now, count);
	EXPECT_INT(write(to_clients[1], "x", 1), 1);
	wait_until_open(0);
	EXPECT_INT(aw_server_close(server), 0);
	EXPECT_INT(aw_server_wait_closed(server), 0);
	aw_server_unref(server);
	return 0;
}

static void run_many(many self) {
	struct rlimit limit;
	EXPECT_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
	count = limit.rlim_cur < CONNECTIONS + OTHER_DESCRIPTORS ? (int)limit.rlim_cur - OTHER_DESCRIPTORS
	                                                         : CONNECTIONS;
	open_now = 0;
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "@libawait-%d", (int)getpid());
	address_length = (socklen_t)(sizeof address.sun_family + (size_t)length);
	EXPECT_INT(pipe2(to_clients, O_CLOEXEC), 0);
	EXPECT_INT(pipe2(from_clients, O_CLOEXEC | O_NONBLOCK), 0);
	fflush(stdout);
	pid_t clients = fork();
	if (clients == 0) {
		close(to_clients[1]);
		/* From "@name" to the kernel's form. */
		memmove(address.sun_path, address.sun_path + 1, (size_t)length + 1);
		address.sun_path[0] = 0;
		be_the_clients();
	}
	close(to_clients[0]);
	EXPECT_INT(aw_run(NULL, hold_many, &self, NULL, NULL), 0);
	close(to_clients[1]);
	close(from_clients[0]);
	close(from_clients[1]);
	int status = -1;
	EXPECT_INT(waitpid(clients, &status, 0), clients);
	EXPECT_INT(status, 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void with_callbacks(void) {
	run_many((many){serve_by_callbacks, AW_SERVER_CALLBACK, CALLBACK_MOST});
}

static void with_tasks(void) {
	run_many((many){serve, 0, STACKFUL_MOST});
}

CHECK_MAIN("many_connections", TEST(with_callbacks), TEST(with_tasks))
