/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* Datagram endpoints with callbacks: their order is asyncio's, and what does not fit is kept and counted. */
#include "in_a_task.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct peer {
	const char *name;
	bool echoes, closes_when_made, fails;
	int received;
} peer;

static void say_event(const peer *self, const char *event) {
	char text[64];
	snprintf(text, sizeof text, "%s%s", self->name, event);
	trace_add(text);
}

static aw_status on_made(aw_datagram *datagram, void *ud) {
	const peer *self = ud;
	say_event(self, "made");
	EXPECT_INT(aw_loop_call_soon(aw_loop_current(), say, "soon", NULL, NULL), 0);
	if (self->closes_when_made) EXPECT_INT(aw_datagram_close(datagram), 0);
	return self->fails ? -EIO : 0;
}

static aw_status on_received(aw_datagram *datagram, const void *data, size_t length,
                             const struct sockaddr *address, uint32_t address_length, void *ud) {
	peer *self = ud;
	char text[64];
	self->received++;
	snprintf(text, sizeof text, "%.*s", (int)length, (const char *)data);
	say_event(self, text);
	if (self->echoes) EXPECT_INT(aw_datagram_sendto(datagram, data, length, address, address_length), 0);
	return self->fails ? -EIO : 0;
}

static aw_status on_error(aw_datagram *datagram, aw_status error, void *ud) {
	(void)datagram;
	say_event(ud, "");
	trace_status("error", error);
	return 0;
}

static aw_status on_lost(aw_datagram *datagram, aw_status error, void *ud) {
	EXPECT_INT(aw_datagram_is_closing(datagram), 1);
	say_event(ud, "");
	trace_status("lost", error);
	return 0;
}

static aw_status on_pause(aw_datagram *datagram, void *ud) {
	(void)datagram;
	say_event(ud, "pause");
	return 0;
}

static aw_status on_resume(aw_datagram *datagram, void *ud) {
	(void)datagram;
	say_event(ud, "resume");
	return 0;
}

static const aw_datagram_protocol protocol = {sizeof protocol, 0,       on_made,  on_received,
                                              on_error,        on_lost, on_pause, on_resume};

static void say_peer_destroyed(void *ud) {
	say_event(ud, "destroyed");
}

static aw_datagram *make(peer *self, const aw_datagram_options *options) {
	aw_datagram *made = NULL;
	EXPECT_INT(aw_create_datagram_endpoint(options, &protocol, self, say_peer_destroyed, &made), 0);
	return made;
}

static const aw_datagram_options local = {.size = sizeof local, .local_host = "127.0.0.1"};

static aw_datagram *connect_to(peer *self, const aw_datagram *server) {
	char port[8];
	struct sockaddr_in address;
	uint32_t length = sizeof address;
	EXPECT_INT(aw_datagram_getsockname(server, (struct sockaddr *)&address, &length), 0);
	snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
	aw_datagram_options options = {
		.size = sizeof options, .remote_host = "127.0.0.1", .remote_service = port};
	return make(self, &options);
}

static void close_and_drop(aw_datagram *datagram) {
	EXPECT_INT(aw_datagram_close(datagram), 0);
	EXPECT_INT(aw_datagram_wait_closed(datagram), 0);
	aw_datagram_unref(datagram);
}

static aw_status echo(void *ud) {
	(void)ud;
	peer server = {.name = "s-", .echoes = true}, client = {.name = "c-"};
	aw_datagram *one = make(&server, &local), *two = connect_to(&client, one);
	EXPECT_STR(trace, "s-made soon c-made soon");
	trace_reset();
	EXPECT_INT(aw_datagram_sendto(two, "1", 1, NULL, 0), 0);
	EXPECT_INT(aw_datagram_sendto(two, "", 0, NULL, 0), 0);
	EXPECT_INT(aw_datagram_write_buffer_size(two), 0);
	while (client.received < 2) EXPECT_INT(aw_sleep(0), 0);
	EXPECT(strstr(trace, "s-1") && strstr(trace, "c-1") && strstr(trace, "c- ") == NULL);
	char byte;
	EXPECT_INT(aw_datagram_recv(one, &byte, 1, NULL, NULL), AW_EINVALIDSTATE);
	EXPECT_STR(aw_error_message(aw_caught()), "the endpoint's datagrams go to its protocol");
	trace_reset();
	EXPECT_INT(aw_datagram_close(two), 0);
	EXPECT_STR(trace, ""); /* never inside close() */
	EXPECT_INT(aw_datagram_wait_closed(two), 0);
	EXPECT_STR(trace, "c- lost:AW_OK c-destroyed");
	aw_datagram_unref(two);
	close_and_drop(one);
	return 0;
}

static void datagrams_go_to_the_protocol(void) {
	in_a_task(echo);
}

/* What a callback schedules runs before the next datagram. */
typedef struct burst {
	int received, scheduled, most_behind;
} burst;

static aw_status note_scheduled(aw_loop *loop, void *ud) {
	(void)loop;
	burst *self = ud;
	if (self->received - self->scheduled > self->most_behind)
		self->most_behind = self->received - self->scheduled;
	self->scheduled = self->received;
	return 0;
}

static aw_status count_datagram(aw_datagram *datagram, const void *data, size_t length,
                                const struct sockaddr *address, uint32_t address_length, void *ud) {
	(void)datagram;
	(void)data;
	(void)length;
	(void)address;
	(void)address_length;
	((burst *)ud)->received++;
	return aw_loop_call_soon(aw_loop_current(), note_scheduled, ud, NULL, NULL);
}

static aw_status bursts(void *ud) {
	(void)ud;
	static const aw_datagram_protocol counting = {.size = sizeof counting,
	                                              .datagram_received = count_datagram};
	for (uint32_t most = 0; most <= 8; most += 4) {
		burst all = {0};
		aw_datagram_options options = local;
		options.max_per_iteration = most;
		aw_datagram *server = NULL;
		EXPECT_INT(aw_create_datagram_endpoint(&options, &counting, &all, NULL, &server), 0);
		peer sender = {.name = "c-"};
		aw_datagram *client = connect_to(&sender, server);
		for (int i = 0; i < 20; i++) EXPECT_INT(aw_datagram_sendto(client, "x", 1, NULL, 0), 0);
		while (all.scheduled < 20) EXPECT_INT(aw_sleep(0), 0);
		EXPECT_INT(all.most_behind, most ? (int)most : 1);
		close_and_drop(client);
		close_and_drop(server);
	}
	return 0;
}

static void datagrams_per_iteration_are_limited(void) {
	in_a_task(bursts);
}

static aw_status errors(void *ud) {
	(void)ud;
	peer server = {.name = "s-"}, client = {.name = "c-"};
	aw_datagram *one = make(&server, &local), *two = connect_to(&client, one);
	close_and_drop(one);
	trace_reset();
	EXPECT_INT(aw_datagram_sendto(two, "x", 1, NULL, 0), 0);
	while (!*trace) EXPECT_INT(aw_sleep(0), 0);
	EXPECT_STR(trace, "c- error:ECONNREFUSED");
	trace_reset();
	/* An error at once is reported inside the call, as asyncio does. */
	static char huge[70000];
	EXPECT_INT(aw_datagram_sendto(two, huge, sizeof huge, NULL, 0), 0);
	EXPECT_STR(trace, "c- error:EMSGSIZE");
	EXPECT_INT(aw_datagram_is_closing(two), 0);
	close_and_drop(two);
	return 0;
}

static void errors_go_to_error_received(void) {
	in_a_task(errors);
}

static aw_status too_long(void *ud) {
	(void)ud;
	peer server = {.name = "s-"}, client = {.name = "c-"};
	aw_datagram_options options = local;
	options.max_datagram_size = 4;
	aw_datagram *one = make(&server, &options), *two = connect_to(&client, one);
	trace_reset();
	EXPECT_INT(aw_datagram_sendto(two, "too long", 8, NULL, 0), 0);
	EXPECT_INT(aw_datagram_sendto(two, "next", 4, NULL, 0), 0);
	while (!server.received) EXPECT_INT(aw_sleep(0), 0);
	EXPECT_STR(trace, "s- error:EMSGSIZE s-next");
	close_and_drop(two);
	close_and_drop(one);
	return 0;
}

static void a_datagram_that_was_cut_is_an_error(void) {
	in_a_task(too_long);
}

/* A Unix socket that nobody reads fills up. */
static aw_status water(void *ud) {
	(void)ud;
	int ends[2];
	peer one = {.name = ""};
	EXPECT_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	aw_datagram_options options = {.size = sizeof options, .flags = AW_DATAGRAM_ADOPT, .fd = ends[0]};
	aw_datagram *made = make(&one, &options);
	size_t high = 0, low = 0;
	EXPECT_INT(aw_datagram_write_buffer_limits(made, &high, &low), 0);
	EXPECT_INT(high, 64 << 10);
	EXPECT_INT(low, 16 << 10);
	EXPECT_INT(aw_datagram_set_write_buffer_limits(made, 1000, 200), 0);
	trace_reset();
	static char data[100];
	int sent = 0;
	while (aw_datagram_write_buffer_size(made) <= 1000) {
		EXPECT_STR(trace, "");
		data[0] = (char)sent++;
		EXPECT_INT(aw_datagram_sendto(made, data, sizeof data, NULL, 0), 0);
	}
	EXPECT_STR(trace, "pause");
	EXPECT_INT(aw_datagram_sendto(made, data, sizeof data, NULL, 0), 0);
	sent++;
	EXPECT_STR(trace, "pause");
	/* Closing sends the rest first. */
	EXPECT_INT(aw_datagram_close(made), 0);
	EXPECT_INT(aw_datagram_sendto(made, data, 1, NULL, 0), AW_EINVALIDSTATE);
	int got = 0, wrong = 0;
	while (got < sent) {
		ssize_t count = recv(ends[1], data, sizeof data, MSG_DONTWAIT);
		if (count < 0) {
			EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
			continue;
		}
		wrong += count != sizeof data || (got < sent - 1 && data[0] != (char)got);
		got++;
	}
	EXPECT_INT(wrong, 0);
	EXPECT_INT(aw_datagram_wait_closed(made), 0);
	EXPECT_STR(trace, "pause resume  lost:AW_OK destroyed");
	aw_datagram_unref(made);
	close(ends[1]);
	return 0;
}

static void what_does_not_fit_is_kept_between_water_marks(void) {
	in_a_task(water);
}

static aw_status aborts(void *ud) {
	(void)ud;
	int ends[2];
	peer one = {.name = ""};
	static char data[1000];
	EXPECT_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	aw_datagram_options options = {.size = sizeof options, .flags = AW_DATAGRAM_ADOPT, .fd = ends[0]};
	aw_datagram *made = make(&one, &options);
	while (aw_datagram_write_buffer_size(made) < 5000)
		EXPECT_INT(aw_datagram_sendto(made, data, sizeof data, NULL, 0), 0);
	EXPECT_INT(aw_datagram_close(made), 0);
	EXPECT_INT(aw_sleep(AW_MILLISECOND), 0);
	EXPECT(fcntl(ends[0], F_GETFD) >= 0);
	EXPECT_INT(aw_datagram_abort(made), 0);
	EXPECT_INT(aw_datagram_write_buffer_size(made), 0);
	EXPECT_INT(aw_datagram_wait_closed(made), 0);
	EXPECT_INT(fcntl(ends[0], F_GETFD), -1);
	aw_datagram_unref(made);
	close(ends[1]);
	return 0;
}

static void an_abort_drops_what_is_kept(void) {
	in_a_task(aborts);
}

static aw_status error_and_soon(aw_datagram *datagram, aw_status error, void *ud) {
	(void)datagram;
	(void)ud;
	trace_status("error", error);
	return aw_loop_call_soon(aw_loop_current(), say, "soon", NULL, NULL);
}

static aw_status kept_for_nobody(void *ud) {
	(void)ud;
	static const aw_datagram_protocol errors_only = {.size = sizeof errors_only,
	                                                 .error_received = error_and_soon};
	int ends[2];
	EXPECT_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	aw_datagram_options options = {.size = sizeof options, .flags = AW_DATAGRAM_ADOPT, .fd = ends[0]};
	aw_datagram *made = NULL;
	EXPECT_INT(aw_create_datagram_endpoint(&options, &errors_only, NULL, NULL, &made), 0);
	while (aw_datagram_write_buffer_size(made) < 2) EXPECT_INT(aw_datagram_sendto(made, "x", 1, NULL, 0), 0);
	/* The peer goes away: each datagram fails, in an iteration by itself. */
	close(ends[1]);
	while (aw_datagram_write_buffer_size(made)) EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_STR(trace, "error:ECONNREFUSED soon error:ENOTCONN soon");
	close_and_drop(made);
	return 0;
}

static void each_failure_of_what_was_kept_is_reported(void) {
	in_a_task(kept_for_nobody);
}

static aw_status note_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace_add(aw_report_message(report));
	return 0;
}

static aw_status failures(void *ud) {
	(void)ud;
	peer server = {.name = "s-", .fails = true}, client = {.name = "c-"};
	EXPECT_INT(aw_loop_set_exception_handler(aw_loop_current(), note_report, NULL, NULL), 0);
	aw_datagram *one = make(&server, &local), *two = connect_to(&client, one);
	EXPECT_INT(aw_datagram_sendto(two, "x", 1, NULL, 0), 0);
	while (!server.received) EXPECT_INT(aw_sleep(0), 0);
	EXPECT_STR(trace, "s-made Exception in callback soon c-made soon s-x Exception in callback");
	EXPECT_INT(aw_datagram_is_closing(one), 0);
	close_and_drop(one);
	close_and_drop(two);
	return 0;
}

static void a_failed_callback_is_reported_and_the_endpoint_lives(void) {
	in_a_task(failures);
}

static aw_status early_ends(void *ud) {
	(void)ud;
	peer one = {.name = "a-", .closes_when_made = true}, two = {.name = "b-"}, three = {.name = "c-"};
	aw_datagram *made = make(&one, &local);
	EXPECT_INT(aw_datagram_wait_closed(made), 0);
	aw_datagram_unref(made);
	EXPECT_STR(trace, "a-made soon a- lost:AW_OK a-destroyed");
	trace_reset();
	/* A table that is too short, and an address that is nobody's: the data are destroyed. */
	aw_datagram_protocol shorter = protocol;
	shorter.size = 8;
	EXPECT_INT(aw_create_datagram_endpoint(&local, &shorter, &two, say_peer_destroyed, NULL), -EINVAL);
	EXPECT_INT(aw_create_datagram_endpoint(&local, NULL, &two, say_peer_destroyed, NULL), -EINVAL);
	aw_datagram_options options = local;
	options.local_host = "192.0.2.1";
	EXPECT_INT(aw_create_datagram_endpoint(&options, &protocol, &two, say_peer_destroyed, NULL),
	           -EADDRNOTAVAIL);
	EXPECT_STR(trace, "b-destroyed b-destroyed b-destroyed");
	trace_reset();
	/* Cancelled before connection_made has run: the endpoint is closed. */
	aw_coro *coro = NULL;
	aw_task *task = NULL;
	EXPECT_INT(aw_create_datagram_endpoint_coro(NULL, &local, &protocol, &three, say_peer_destroyed, &coro),
	           0);
	EXPECT_INT(aw_task_spawn_coro(NULL, coro, &task), 0);
	aw_coro_unref(coro);
	EXPECT_INT(aw_sleep(0), 0);
	EXPECT_INT(aw_task_cancel(task, NULL), 1);
	EXPECT_INT(aw_await(aw_task_future(task), NULL), AW_ECANCELLED);
	aw_task_unref(task);
	for (int i = 0; i < 5; i++) EXPECT_INT(aw_sleep(0), 0);
	EXPECT(strstr(trace, "lost:AW_OK") && strstr(trace, "c-destroyed"));
	return 0;
}

static void an_endpoint_may_end_early(void) {
	in_a_task(early_ends);
}

static aw_status leave_open(void *ud) {
	/* Without a reference it stays open, and the end of the loop closes it without a call. */
	EXPECT_INT(aw_create_datagram_endpoint(&local, &protocol, ud, say_peer_destroyed, NULL), 0);
	for (int i = 0; i < 3; i++) EXPECT_INT(aw_sleep(0), 0);
	return 0;
}

static void the_loop_keeps_an_endpoint_and_ends_it(void) {
	static peer one = {.name = ""};
	trace_reset();
	EXPECT_INT(aw_run(NULL, leave_open, &one, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
	EXPECT_STR(trace, "made soon destroyed");
}

CHECK_MAIN("datagram_protocols", TEST(datagrams_go_to_the_protocol),
           TEST(datagrams_per_iteration_are_limited), TEST(errors_go_to_error_received),
           TEST(a_datagram_that_was_cut_is_an_error), TEST(what_does_not_fit_is_kept_between_water_marks),
           TEST(an_abort_drops_what_is_kept), TEST(each_failure_of_what_was_kept_is_reported),
           TEST(a_failed_callback_is_reported_and_the_endpoint_lives), TEST(an_endpoint_may_end_early),
           TEST(the_loop_keeps_an_endpoint_and_ends_it))
