/* SPDX-License-Identifier: MIT */
/*
 * Sends datagrams back, by recvmmsg() and sendmmsg(). On a blocking socket it can wait for nothing else; with
 * epoll it waits as a loop has to.
 *
 * usage: bench-datagrams-raw blocking|epoll SOCKET
 */
#define _GNU_SOURCE /* recvmmsg, sendmmsg */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { MANY = 64, LONGEST = 2048 };

static char data[MANY][LONGEST];
static struct sockaddr_in addresses[MANY];
static struct iovec parts[MANY];
static struct mmsghdr all[MANY];

static void echo(int fd, int flags) {
	for (int i = 0; i < MANY; i++) {
		parts[i] = (struct iovec){data[i], LONGEST};
		all[i].msg_hdr = (struct msghdr){&addresses[i], sizeof addresses[i], &parts[i], 1, NULL, 0, 0};
	}
	int count = recvmmsg(fd, all, MANY, flags, NULL), sent = 0;
	for (int i = 0; i < count; i++) parts[i].iov_len = all[i].msg_len;
	while (sent < count) {
		int more = sendmmsg(fd, all + sent, (unsigned)(count - sent), 0);
		sent += more > 0 ? more : 1; /* one that can't be sent is dropped */
	}
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	int fd = atoi(argv[2]);
	if (strcmp(argv[1], "epoll") != 0) {
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		for (;;) echo(fd, MSG_WAITFORONE);
	}
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) return 1;
	for (;;)
		if (epoll_wait(epoll, &event, 1, -1) > 0) echo(fd, MSG_DONTWAIT);
}
