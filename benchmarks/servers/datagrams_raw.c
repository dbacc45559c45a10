/* SPDX-License-Identifier: MIT */
/* Sends datagrams back, by recvmmsg() and sendmmsg() on a blocking socket. usage: bench-datagrams-raw SOCKET */
#define _GNU_SOURCE /* recvmmsg, sendmmsg */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { MANY = 64, LONGEST = 2048 };

int main(int argc, char **argv) {
	static char data[MANY][LONGEST];
	static struct sockaddr_in addresses[MANY];
	static struct iovec parts[MANY];
	static struct mmsghdr all[MANY];
	if (argc != 2) return 2;
	int fd = atoi(argv[1]);
	for (;;) {
		for (int i = 0; i < MANY; i++) {
			parts[i] = (struct iovec){data[i], LONGEST};
			all[i].msg_hdr = (struct msghdr){&addresses[i], sizeof addresses[i], &parts[i], 1, NULL, 0, 0};
		}
		int count = recvmmsg(fd, all, MANY, MSG_WAITFORONE, NULL), sent = 0;
		for (int i = 0; i < count; i++) parts[i].iov_len = all[i].msg_len;
		while (sent < count) {
			int more = sendmmsg(fd, all + sent, (unsigned)(count - sent), 0);
			sent += more > 0 ? more : 1; /* one that can't be sent is dropped */
		}
	}
}
