/* SPDX-License-Identifier: MIT */
/*
 * Which calls that wait on a stream continue after its end, in which order, and how many iterations of the loop after
 * close() or abort().
 */
#include "streams.h"

static int turn, began;

static aw_status tick(aw_loop *loop, void *ud) {
	turn++;
	return aw_loop_call_soon(loop, tick, ud, NULL, NULL);
}

static void some_turns(void) {
	for (int i = 0; i < 5; i++) must(aw_sleep(0));
}

static void report(const char *word) {
	trace("  %s %d", word, turn - began);
}

static aw_status wait_closed(void *stream) {
	must(aw_stream_wait_closed(stream, AW_FOREVER));
	report("closed");
	return 0;
}

static aw_status read_one(void *stream) {
	char byte;
	must(aw_stream_read(stream, &byte, 1));
	report("read");
	return 0;
}

static aw_status drain(void *stream) {
	aw_status status = aw_stream_drain(stream);
	if (status < 0 && status != -ECONNRESET) return status;
	report("drained");
	return 0;
}

static aw_stream *open_one(int *out_right) {
	int fds[2], size = 4096;
	aw_stream *stream = NULL;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	must(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
	must(aw_stream_from_fd(NULL, fds[0], NULL, &stream));
	*out_right = fds[1];
	return stream;
}

static void end_one(aw_stream *stream, int right) {
	aw_stream_unref(stream);
	close(right);
}

static void either_way(aw_status (*how)(aw_stream *stream)) {
	int right;
	aw_stream *stream = open_one(&right);
	aw_task *tasks[] = {create_task(wait_closed, stream), create_task(read_one, stream)};
	some_turns();
	began = turn;
	must(how(stream));
	wait_tasks(tasks, 2);
	drop_tasks(tasks, 2);
	end_one(stream, right);
}

static aw_status program(void *ud) {
	static char bytes[1 << 16];
	int right;
	(void)ud;
	must(aw_loop_call_soon(aw_loop_current(), tick, NULL, NULL, NULL));
	trace("- close");
	either_way(aw_stream_close);
	trace("- abort");
	either_way(aw_stream_abort);

	trace("- abort, with bytes to send");
	aw_stream *stream = open_one(&right);
	must(aw_stream_set_write_buffer_limits(stream, 0, -1));
	must(aw_stream_write(stream, bytes, sizeof bytes));
	aw_task *tasks[] = {create_task(drain, stream), create_task(wait_closed, stream),
	                    create_task(read_one, stream)};
	some_turns();
	began = turn;
	must(aw_stream_abort(stream));
	wait_tasks(tasks, 3);
	drop_tasks(tasks, 3);
	end_one(stream, right);

	trace("- wait_closed at once");
	stream = open_one(&right);
	began = turn;
	must(aw_stream_close(stream));
	must(aw_stream_wait_closed(stream, AW_FOREVER));
	report("closed");
	end_one(stream, right);
	return 0;
}

CASE(closing_wakeups, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
