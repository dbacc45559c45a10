/* SPDX-License-Identifier: MIT */
/* X11: When the peer is gone, a drain tells that the connection is lost, once the loop has seen it. */
#include "streams.h"

static aw_status program(void *ud) {
	(void)ud;
	int fds[2];
	aw_stream *stream = NULL;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	must(aw_stream_from_fd(NULL, fds[0], NULL, &stream));
	close(fds[1]);
	aw_status status = aw_stream_write(stream, "x", 1);
	if (status < 0 && status != -EPIPE) must(status);
	must(aw_sleep(TICK));
	trace("%s", True_or_False(aw_stream_is_closing(stream)));
	for (int i = 0; i < 2; i++) {
		status = aw_stream_drain(stream);
		if (status == -EPIPE || status == -ECONNRESET) trace("lost");
	}
	must(aw_stream_close(stream));
	must(aw_stream_wait_closed(stream, -1));
	aw_stream_unref(stream);
	return 0;
}

CASE(trap_X11, 0.2, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
