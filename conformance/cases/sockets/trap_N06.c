/* SPDX-License-Identifier: MIT */
/* N06: the end of a stream is an empty receive; a refused connection and a blocking socket are errors. */
#include "case.h"

#include <netinet/in.h>
#include <sys/socket.h>

static aw_status program(void *ud) {
	(void)ud;
	int ends[2];
	char text[10];
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
	close(ends[0]);
	trace("%d", must(aw_sock_recv(ends[1], text, sizeof text)));
	close(ends[1]);

	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(listener, (struct sockaddr *)&address, length));
	must(getsockname(listener, (struct sockaddr *)&address, &length));
	close(listener);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (aw_sock_connect(client, (struct sockaddr *)&address, length) == -ECONNREFUSED) trace("refused");
	close(client);

	int blocking = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (aw_sock_connect(blocking, (struct sockaddr *)&address, length) == -EINVAL)
		trace("%s", aw_error_message(aw_caught()));
	close(blocking);
	return 0;
}

CASE(trap_N06, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
