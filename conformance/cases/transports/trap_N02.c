/* SPDX-License-Identifier: MIT */
/* N02: Unless the protocol wants otherwise, the end of the peer's direction closes the connection. */
#include "case.h"

#include <sys/socket.h>

static void lost(aw_stream *stream, void *ud, aw_status why) {
	(void)stream;
	(void)ud;
	trace("lost %s", True_or_False(why == 0));
}

static const aw_protocol protocol = {.size = sizeof protocol, .connection_lost = lost};

static aw_status program(void *ud) {
	(void)ud;
	int fds[2];
	char byte;
	aw_stream *stream = NULL;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	must(aw_stream_from_fd(NULL, fds[0], NULL, &stream));
	must(aw_stream_set_protocol(stream, &protocol, NULL, NULL));
	shutdown(fds[1], SHUT_WR);
	must(aw_sleep(TICK));
	trace("%s %d", True_or_False(aw_stream_is_closing(stream)), (int)recv(fds[1], &byte, 1, 0));
	aw_stream_unref(stream);
	close(fds[1]);
	return 0;
}

CASE(trap_N02, 0.2, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
