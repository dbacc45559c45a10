/* SPDX-License-Identifier: MIT */
/*
 * N08: datagrams keep their boundaries, and asyncio's order of callbacks; nobody listening is an
 * error_received, and never a connection_lost.
 */
#include "case.h"

#include <netinet/in.h>
#include <sys/socket.h>

static aw_status print_made(aw_loop *loop, void *name) {
	(void)loop;
	trace("%s scheduled when made", (const char *)name);
	return 0;
}

static aw_status print_received(aw_loop *loop, void *name) {
	(void)loop;
	trace("%s scheduled by it", (const char *)name);
	return 0;
}

static aw_status connection_made(aw_datagram *datagram, void *name) {
	(void)datagram;
	trace("%s made", (const char *)name);
	return aw_loop_call_soon(aw_loop_current(), print_made, name, NULL, NULL);
}

static aw_status datagram_received(aw_datagram *datagram, const void *data, size_t length,
                                   const struct sockaddr *address, uint32_t address_length, void *name) {
	(void)address;
	(void)address_length;
	trace("%s %.*s", (const char *)name, length ? (int)length : 5, length ? (const char *)data : "empty");
	must(aw_loop_call_soon(aw_loop_current(), print_received, name, NULL, NULL));
	if (length != 4 || memcmp(data, "last", 4) != 0) return 0;
	must(aw_datagram_close(datagram));
	trace("%s closing %s", (const char *)name, True_or_False(aw_datagram_is_closing(datagram)));
	return 0;
}

static aw_status error_received(aw_datagram *datagram, aw_status error, void *name) {
	(void)datagram;
	trace("%s %s", (const char *)name,
	      error == -ECONNREFUSED ? "ConnectionRefusedError"
	      : error == -EMSGSIZE   ? "OSError"
	                             : aw_err_name(error));
	return 0;
}

static aw_status connection_lost(aw_datagram *datagram, aw_status error, void *name) {
	(void)datagram;
	trace("%s lost %s", (const char *)name, error ? aw_err_name(error) : "None");
	return 0;
}

static const aw_datagram_protocol protocol = {.size = sizeof protocol,
                                              .connection_made = connection_made,
                                              .datagram_received = datagram_received,
                                              .error_received = error_received,
                                              .connection_lost = connection_lost};

static aw_status program(void *ud) {
	(void)ud;
	aw_datagram_options at = {.size = sizeof at, .local_host = "127.0.0.1"};
	aw_datagram *server = NULL, *client = NULL;
	must(aw_create_datagram_endpoint(&at, &protocol, "server", NULL, &server));
	trace("server is made");
	struct sockaddr_in address;
	uint32_t length = sizeof address;
	must(aw_datagram_getsockname(server, (struct sockaddr *)&address, &length));
	aw_datagram_unref(server);
	char port[8];
	snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
	aw_datagram_options to = {.size = sizeof to, .remote_host = "127.0.0.1", .remote_service = port};
	must(aw_create_datagram_endpoint(&to, &protocol, "client", NULL, &client));
	trace("client is made");
	must(aw_datagram_sendto(client, "one", 3, NULL, 0));
	must(aw_datagram_sendto(client, "two", 3, NULL, 0));
	must(aw_datagram_sendto(client, "three", 5, NULL, 0));
	trace("sent %zu", aw_datagram_write_buffer_size(client));
	must(aw_sleep(TICK));
	must(aw_datagram_sendto(client, "last", 4, NULL, 0));
	must(aw_sleep(TICK));
	must(aw_datagram_sendto(client, "x", 1, NULL, 0));
	must(aw_sleep(TICK));
	address.sin_port = htons(1);
	if (aw_datagram_sendto(client, "x", 1, (struct sockaddr *)&address, sizeof address) == -EINVAL)
		trace("ValueError");
	static const char huge[70000];
	size_t high, low;
	must(aw_datagram_sendto(client, huge, sizeof huge, NULL, 0));
	must(aw_datagram_write_buffer_limits(client, &high, &low));
	trace("%s (%zu, %zu)", True_or_False(aw_datagram_is_closing(client)), low, high);
	must(aw_datagram_close(client));
	trace("closed");
	must(aw_datagram_close(client));
	must(aw_sleep(TICK));
	aw_datagram_unref(client);
	return 0;
}

CASE(trap_N08, 0.8, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
