/* SPDX-License-Identifier: MIT */
/* Labels: backends threads real-time */
/* Several loops, each in its thread, that share a port: the kernel spreads the connections over them. */
#include "trace.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOPS = 3, CLIENTS = 300 };

typedef struct member {
	pthread_t thread;
	char name; /* that each of its connections gets */
	char port[8];
	int result;
	_Atomic(aw_loop *) loop; /* once it serves */
	aw_server *server;
	int served;
} member;

static aw_status tell_name(aw_stream *stream, void *ud) {
	member *self = ud;
	self->served++;
	return aw_stream_write(stream, &self->name, 1);
}

static aw_status serve(void *ud) {
	member *self = ud;
	const aw_server_options options = {.size = sizeof options, .flags = AW_SERVER_REUSE_PORT};
	aw_status status =
		aw_start_server(tell_name, self, NULL, "127.0.0.1", self->port, &options, &self->server);
	if (status < 0) return status;
	snprintf(self->port, sizeof self->port, "%d", aw_server_port(self->server, 0));
	atomic_store(&self->loop, aw_loop_current());
	status = aw_server_serve_forever(self->server);
	if (status == 0) status = aw_server_wait_closed(self->server);
	aw_server_unref(self->server);
	return status;
}

static void *run_loop(void *ud) {
	member *self = ud;
	self->result = aw_run(NULL, serve, self, NULL, NULL);
	return NULL;
}

static aw_status close_it(aw_loop *loop, void *ud) {
	(void)loop;
	return aw_server_close(((member *)ud)->server);
}

static void start(member *self, char name, const char *port) {
	*self = (member){.name = name};
	snprintf(self->port, sizeof self->port, "%s", port);
	EXPECT_INT(pthread_create(&self->thread, NULL, run_loop, self), 0);
	for (int i = 0; i < 10000 && !atomic_load(&self->loop); i++) usleep(1000);
	EXPECT(atomic_load(&self->loop) != NULL);
}

static void stop(member *self) {
	EXPECT_INT(aw_loop_call_soon_threadsafe(atomic_load(&self->loop), close_it, self, NULL), 0);
	pthread_join(self->thread, NULL);
	EXPECT_INT(self->result, 0);
}

/* A client without a loop; returns the name of the loop that it was served by. */
static char ask(const char *port) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	address.sin_port = htons((uint16_t)atoi(port));
	char name = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	EXPECT_INT(read(fd, &name, 1), 1);
	close(fd);
	return name;
}

static void each_loop_gets_a_part_of_the_connections(void) {
	member members[LOOPS];
	start(&members[0], 'a', "0");
	for (int i = 1; i < LOOPS; i++) {
		start(&members[i], (char)('a' + i), members[0].port);
		EXPECT_STR(members[i].port, members[0].port);
	}
	int counts[LOOPS] = {0};
	for (int i = 0; i < CLIENTS; i++) {
		char name = ask(members[0].port);
		EXPECT(name >= 'a' && name < 'a' + LOOPS);
		if (name >= 'a' && name < 'a' + LOOPS) counts[name - 'a']++;
	}
	for (int i = 0; i < LOOPS; i++) EXPECT(counts[i] > CLIENTS / LOOPS / 4);
	/* One less: the others serve its part. */
	stop(&members[0]);
	EXPECT_INT(members[0].served, counts[0]);
	for (int i = 0; i < CLIENTS; i++) EXPECT(ask(members[1].port) != 'a');
	for (int i = 1; i < LOOPS; i++) stop(&members[i]);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("shared_port", TEST(each_loop_gets_a_part_of_the_connections))
