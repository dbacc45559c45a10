/* SPDX-License-Identifier: MIT */
/* L15: an exception handler that fails does not end the loop; the default handler is called. */
#include "bare.h"

static aw_status fail(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	return -EINVAL;
}

static aw_status handler(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)report;
	(void)ud;
	trace("handler");
	return -EINVAL;
}

/* The default handler prints, in debug mode. Runs the loop and tells whether it printed what it should. */
static bool run_and_listen(aw_loop *loop) {
	char text[1024];
	int pipe_fds[2], before = dup(2);
	must(pipe(pipe_fds));
	must(dup2(pipe_fds[1], 2));
	aw_status status = aw_loop_run_forever(loop);
	fflush(stderr);
	must(dup2(before, 2));
	close(before);
	close(pipe_fds[1]);
	must(status);
	ssize_t length = read(pipe_fds[0], text, sizeof text - 1);
	close(pipe_fds[0]);
	text[length < 0 ? 0 : length] = 0;
	return strstr(text, "Unhandled error in exception handler") != NULL;
}

CASE(trap_L15, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	must(aw_loop_set_debug(loop, 1));
	must(aw_loop_set_exception_handler(loop, handler, NULL, NULL));
	call_soon(loop, fail, NULL);
	call_soon(loop, say, "next");
	call_soon(loop, stop, NULL);
	trace("survived [%s]", True_or_False(run_and_listen(loop)));
	close_event_loop(loop);
	return 0;
}
