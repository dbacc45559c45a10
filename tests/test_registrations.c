/* SPDX-License-Identifier: MIT */
/* What a wait for a descriptor costs: one epoll_ctl at most, since the registration is kept. Counted by a call of this program's own. */
#include <await/await.h>
#include <await/fd.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static atomic_int calls;

int epoll_ctl(int set, int what, int fd, struct epoll_event *event) {
	atomic_fetch_add(&calls, 1);
	return (int)syscall(SYS_epoll_ctl, set, what, fd, event);
}

enum { TIMES = 200, SOME = 16 }; /* some: what opening a loop takes */

typedef struct waiting {
	int ends[2], count;
} waiting;

static aw_status waits(void *ud) {
	waiting *self = ud;
	char byte;
	for (int i = 0; i < TIMES; i++) {
		aw_future *ready;
		aw_status status = aw_fd_wait(NULL, self->ends[0], AW_POLL_IN, &ready);
		if (status < 0) return status;
		if (write(self->ends[1], "x", 1) != 1) return -1;
		status = aw_await(ready, NULL);
		aw_future_unref(ready);
		if (status < 0) return status;
		if (read(self->ends[0], &byte, 1) != 1) return -1;
	}
	return 0;
}

static void a_wait_costs_one_call(void) {
	waiting self = {0};
	REQUIRE(pipe(self.ends) == 0);
	atomic_store(&calls, 0);
	EXPECT_INT(aw_run(NULL, waits, &self, NULL, NULL), 0);
	EXPECT(atomic_load(&calls) <= TIMES + SOME);
	close(self.ends[0]);
	close(self.ends[1]);
}

static aw_status served(aw_loop *loop, void *ud) {
	waiting *self = ud;
	char byte;
	EXPECT_INT(read(self->ends[0], &byte, 1), 1);
	if (++self->count == TIMES) return aw_loop_stop(loop);
	EXPECT_INT(write(self->ends[1], "x", 1), 1);
	return 0;
}

static void an_event_of_a_reader_costs_one_call(void) {
	waiting self = {0};
	aw_loop *loop;
	REQUIRE(pipe(self.ends) == 0);
	REQUIRE(aw_loop_new(NULL, &loop) == 0);
	atomic_store(&calls, 0);
	EXPECT_INT(aw_loop_add_reader(loop, self.ends[0], served, &self, NULL), 0);
	EXPECT_INT(write(self.ends[1], "x", 1), 1);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	EXPECT_INT(self.count, TIMES);
	EXPECT(atomic_load(&calls) <= TIMES + SOME);
	aw_loop_close(loop);
	aw_loop_unref(loop);
	close(self.ends[0]);
	close(self.ends[1]);
}

CHECK_MAIN("registrations", CASE(a_wait_costs_one_call), CASE(an_event_of_a_reader_costs_one_call))
