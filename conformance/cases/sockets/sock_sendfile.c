/* SPDX-License-Identifier: MIT */
/*
 * sock_sendfile: how much is sent, and where the file's position is afterwards; a peer that is gone is an
 * error.
 */
#include "case.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>

static int ends[2], file;

static int position(void) {
	return (int)lseek(file, 0, SEEK_CUR);
}

static void send_part(int64_t offset, int64_t count) {
	int64_t sent = 0;
	char text[101] = "-";
	must(aw_sock_sendfile(ends[0], file, offset, count, 0, &sent));
	if (sent) text[must(aw_sock_recv(ends[1], text, 100))] = 0;
	trace("%d %s %d", (int)sent, text, position());
}

static aw_status program(void *ud) {
	(void)ud;
	file = memfd_create("file", MFD_CLOEXEC);
	must((aw_status)write(file, "0123456789", 10));
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
	lseek(file, 7, SEEK_SET);
	send_part(0, -1);
	send_part(3, 4);
	send_part(8, 100);
	send_part(10, -1);
	send_part(20, 5);
	close(ends[1]);
	if (aw_sock_sendfile(ends[0], file, 2, -1, 0, NULL) == -EPIPE) trace("broken pipe %d", position());
	int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (aw_sock_sendfile(ends[0], file, -1, -1, 0, NULL) == -EINVAL) trace("refused");
	if (aw_sock_sendfile(datagrams, file, 0, -1, 0, NULL) == -EINVAL) trace("refused");
	close(datagrams);
	close(ends[0]);
	close(file);
	return 0;
}

CASE(sock_sendfile, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
