/* SPDX-License-Identifier: MIT */
/* Labels: backends real-time system-calls */
/* A reader that goes away while sendfile(2) is at work: the call has sent a part, and has raised SIGPIPE nonetheless. */
#include "trace.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PART = 1000 };

static int calls;

/* Replaces the C library's. */
ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
	char part[PART];
	calls++;
	if (count > PART) count = PART;
	ssize_t got = pread(in, part, count, *offset);
	if (got <= 0) return got;
	*offset += got;
	got = send(out, part, (size_t)got, MSG_NOSIGNAL | MSG_DONTWAIT);
	pthread_kill(pthread_self(), SIGPIPE);
	return got;
}

static aw_status sends_a_file(void *ud) {
	(void)ud;
	static const char data[PART * 3];
	int ends[2], file = memfd_create("file", MFD_CLOEXEC);
	EXPECT_INT(pwrite(file, data, sizeof data, 0), sizeof data);
	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	int64_t sent = 0;
	EXPECT_INT(aw_sock_sendfile(ends[0], file, 0, -1, 0, &sent), 0);
	EXPECT_INT(sent, PART * 3);
	EXPECT(calls >= 3);
	aw_stream *stream;
	EXPECT_INT(aw_stream_from_fd(NULL, ends[0], NULL, &stream), 0);
	calls = 0;
	uint64_t taken = 0;
	EXPECT_INT(aw_stream_sendfile(stream, file, 0, -1, &taken), 0);
	EXPECT_INT(taken, PART * 3);
	EXPECT(calls >= 3);
	aw_stream_close(stream);
	aw_stream_unref(stream);
	close(ends[1]);
	close(file);
	return 0;
}

/* The signal would end the program. */
static void a_part_that_was_sent_with_the_signal_is_no_end(void) {
	EXPECT_INT(aw_run(NULL, sends_a_file, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("broken_midway", TEST(a_part_that_was_sent_with_the_signal_is_no_end))
