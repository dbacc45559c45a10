/* SPDX-License-Identifier: MIT */
/* N05: a call on a socket that is ready does not suspend; a receive that was cancelled takes no data. */
#include "case.h"

#include <sys/socket.h>

typedef struct receiver {
	int fd;
	char text[16];
} receiver;

static aw_status receive(void *ud) {
	receiver *self = ud;
	aw_status count = aw_sock_recv(self->fd, self->text, sizeof self->text - 1);
	self->text[count > 0 ? count : 0] = 0;
	return count < 0 ? count : 0;
}

static aw_status count_turn(aw_loop *loop, void *turns) {
	(void)loop;
	++*(int *)turns;
	return 0;
}

static aw_status program(void *ud) {
	(void)ud;
	int ends[2], turns = 0;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
	receiver self = {.fd = ends[1]};
	must(aw_loop_call_soon(aw_loop_current(), count_turn, &turns, NULL, NULL));
	must(aw_sock_sendall(ends[0], "hi", 2));
	must(receive(&self));
	trace("%s %d", self.text, turns);
	aw_task *task = create_task(receive, &self);
	must(aw_sleep(TICK));
	trace("%s %d", True_or_False(aw_future_done(aw_task_future(task))), turns);
	must(aw_task_cancel(task, NULL));
	must((aw_status)write(ends[0], "later", 5));
	if (await_task(task, NULL) == AW_ECANCELLED) trace("cancelled");
	aw_task_unref(task);
	must(receive(&self));
	trace("%s", self.text);
	task = create_task(receive, &self);
	must(aw_sleep(0));
	must((aw_status)write(ends[0], "woken", 5));
	must(await_task(task, NULL));
	trace("%s", self.text);
	aw_task_unref(task);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

CASE(trap_N05, 0.2, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
