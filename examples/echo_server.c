/* SPDX-License-Identifier: MIT */
/* An echo server: one task accepts, and one task serves each connection. usage: echo_server [HOST [PORT]] */
#include <await/easy.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Serves one connection, whose descriptor it owns. */
static aw_status echo(void *ud) {
	int fd = (int)(intptr_t)ud;
	char buffer[16 * 1024];
	aw_status count;
	while ((count = aw_sock_recv(fd, buffer, sizeof buffer)) > 0) {
		count = aw_sock_sendall(fd, buffer, (size_t)count);
		if (count < 0) break;
	}
	close(fd);
	/* A client that goes away is nothing to report. */
	return count == -ECONNRESET || count == -EPIPE ? 0 : count;
}

static aw_status serve(int listener) {
	for (;;) {
		aw_status fd = aw_sock_accept(listener, NULL, NULL);
		if (fd >= 0) {
			aw_status status = aw_task_spawn(NULL, echo, (void *)(intptr_t)fd, NULL, NULL);
			if (status < 0) close(fd);
			AW_TRY(status);
		} else if (fd == -EMFILE || fd == -ENFILE) {
			AW_TRY(aw_sleep(100 * AW_MILLISECOND)); /* until a connection has ended */
		} else if (fd != -ECONNABORTED) {
			return fd;
		}
	}
}

static aw_status open_listener(const char *host, const char *port, int *out) {
	AW_AUTO(aw_future) found = NULL;
	void *value = NULL;
	AW_TRY(aw_getaddrinfo(NULL, host, port, AF_UNSPEC, SOCK_STREAM, 0, AI_PASSIVE, &found));
	AW_TRY(aw_await(found, &value));
	const aw_addrinfo *list = value; /* borrowed from the future */
	uint32_t length = 0;
	const struct sockaddr *address = aw_addrinfo_address(list, 0, &length);
	int fd = socket(aw_addrinfo_family(list, 0), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0) return aw_raisef(-errno, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, address, length) < 0 || listen(fd, 128) < 0) {
		aw_status status = aw_raisef(errno, "cannot listen on port %s", port);
		close(fd);
		return status;
	}
	*out = fd;
	return 0;
}

static aw_status stop(aw_loop *loop, void *task) {
	(void)loop;
	aw_task_cancel(task, NULL);
	return 0;
}

static aw_status run(void *ud) {
	char **arguments = ud;
	const char *host = arguments[1] ? arguments[1] : "localhost";
	const char *port = arguments[1] && arguments[2] ? arguments[2] : "8007";
	int listener = -1;
	AW_TRY(open_listener(host, port, &listener));

	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	char name[NI_MAXHOST], number[NI_MAXSERV];
	if (getsockname(listener, (struct sockaddr *)&address, &length) == 0 &&
	    getnameinfo((struct sockaddr *)&address, length, name, sizeof name, number, sizeof number,
	                NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		printf("listening on %s port %s\n", name, number);
	fflush(stdout);

	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGINT, stop, aw_task_current(), NULL));
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGTERM, stop, aw_task_current(), NULL));
	aw_status status = serve(listener);
	close(listener);
	return status == AW_ECANCELLED ? 0 : status; /* the connections' tasks are cancelled with the loop */
}

int main(int count, char **arguments) {
	(void)count;
	return aw_main(NULL, run, arguments, NULL);
}
