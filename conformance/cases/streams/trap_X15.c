/* SPDX-License-Identifier: MIT */
/* X15: A failure of the task that serves a connection is reported, and ends that connection only. */
#include "servers.h"

static aw_status serve(aw_stream *stream, void *ud) {
	(void)ud;
	const char *line = NULL;
	aw_status length = must(aw_stream_readline(stream, &line));
	if (length == 5 && memcmp(line, "fail\n", 5) == 0) return aw_raise(-EIO, "told to");
	return aw_stream_write(stream, line, (size_t)length);
}

static aw_status told(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop;
	(void)ud;
	trace("%s", aw_report_message(report));
	return 0;
}

static void ask(aw_server *server, const char *question) {
	const char *all = NULL;
	aw_stream *stream = connect_to(server);
	write_text(stream, question);
	aw_status length = must(aw_stream_readall(stream, 1000, &all));
	trace("%d %s", length, True_or_False(aw_server_is_serving(server)));
	must(aw_stream_close(stream));
	aw_stream_unref(stream);
}

static aw_status program(void *ud) {
	(void)ud;
	must(aw_loop_set_exception_handler(aw_loop_current(), told, NULL, NULL));
	aw_server *server = start_server(serve, NULL);
	ask(server, "fail\n");
	ask(server, "hello\n");
	must(aw_server_close(server));
	must(aw_server_wait_closed(server));
	aw_server_unref(server);
	return 0;
}

CASE(trap_X15, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
