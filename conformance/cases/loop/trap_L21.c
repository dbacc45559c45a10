/* SPDX-License-Identifier: MIT */
/*
 * L21: a reader replaces the previous one; it is called in each iteration while unread data is left; reader
 * and writer are independent, and removing one tells whether there was one.
 */
#include "bare.h"

#include <sys/socket.h>

static int turns;

static aw_status called(aw_loop *loop, void *counter) {
	(void)loop;
	++*(int *)counter;
	return 0;
}

static aw_status spin(aw_loop *loop, void *ud) {
	if (++turns > 3) return aw_loop_stop(loop);
	call_soon(loop, spin, ud);
	return 0;
}

CASE(trap_L21, 0.0, CASE_ANY) {
	aw_loop *loop = new_event_loop();
	int pair[2], old_calls = 0, new_calls = 0;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	if (write(pair[1], "abc", 3) != 3) return -EIO;
	must(aw_loop_add_reader(loop, pair[0], called, &old_calls, NULL));
	must(aw_loop_add_reader(loop, pair[0], called, &new_calls, NULL));
	call_soon(loop, spin, NULL);
	must(aw_loop_run_forever(loop));
	trace("%s %s", True_or_False(old_calls > 0), True_or_False(new_calls >= 3));
	must(aw_loop_add_writer(loop, pair[0], called, &old_calls, NULL));
	aw_status first = must(aw_loop_remove_reader(loop, pair[0])),
			  second = must(aw_loop_remove_reader(loop, pair[0]));
	trace("%s %s", True_or_False(first), True_or_False(second));
	first = must(aw_loop_remove_writer(loop, pair[0]));
	second = must(aw_loop_remove_writer(loop, pair[0]));
	trace("%s %s", True_or_False(first), True_or_False(second));
	close(pair[0]);
	close(pair[1]);
	close_event_loop(loop);
	return 0;
}
