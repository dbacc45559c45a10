/* SPDX-License-Identifier: MIT */
/* An echo server on libevent's bufferevents. usage: bench-echo-event LISTENER */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>

static void received(struct bufferevent *self, void *ud) {
	(void)ud;
	bufferevent_write_buffer(self, bufferevent_get_input(self)); /* moves it, without a copy */
}

static void ended(struct bufferevent *self, short what, void *ud) {
	(void)what, (void)ud;
	bufferevent_free(self);
}

static void open_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                            int length, void *ud) {
	(void)address, (void)length, (void)ud;
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	struct bufferevent *self =
		bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!self) abort();
	bufferevent_setcb(self, received, NULL, ended, NULL);
	bufferevent_enable(self, EV_READ | EV_WRITE);
}

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	signal(SIGPIPE, SIG_IGN); /* a client may be gone */
	struct event_base *base = event_base_new();
	evutil_socket_t fd = atoi(argv[1]);
	if (!base || evutil_make_socket_nonblocking(fd) < 0) return 1;
	if (!evconnlistener_new(base, open_connection, NULL, 0, 0, fd)) return 1;
	return event_base_dispatch(base);
}
