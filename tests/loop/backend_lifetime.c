/* SPDX-License-Identifier: MIT */
/* Labels: backends internal threads */
/*
 * Checks the lifetime rules of <await/backend.h> directly on each backend's table: cancelling, closing,
 * reused descriptor numbers, the pollable descriptor, fork, and that no descriptor is left open. Usage:
 * test_backend_lifetime [NAME[,NAME…]]
 */
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "backend_driver.h"

/* ---- cancelling and closing ---- */

CONTRACT(a_cancelled_operation_completes_once) {
	driver_channel l = driver_pipe(O_NONBLOCK);
	char byte;
	driver_op read = driver_io(AW_OP_READ, l.in, 1, &byte, 1), watch = driver_watch(l.in, AW_POLL_IN);
	driver_start(self, &read);
	driver_start(self, &watch);
	driver_poll(self);
	driver_cancel(self, &read);
	driver_cancel(self, &read);
	EXPECT_INT(driver_finish(self, &read), -ECANCELED);
	driver_put(l.out, "a");
	EXPECT_INT(driver_finish(self, &watch), AW_POLL_IN);
	driver_poll(self);
	EXPECT_INT(self->completed, 2);
	/* No data was consumed, and the descriptor still works. */
	EXPECT_INT(driver_do(self, &read), 1);
	EXPECT_INT(byte, 'a');
	/* In the middle of a queue. */
	char bytes[3] = "";
	driver_op reads[3];
	for (int i = 0; i < 3; i++) {
		reads[i] = driver_io(AW_OP_READ, l.in, 1, &bytes[i], 1);
		driver_start(self, &reads[i]);
	}
	driver_cancel(self, &reads[1]);
	EXPECT_INT(driver_finish(self, &reads[1]), -ECANCELED);
	driver_put(l.out, "xy");
	EXPECT_INT(driver_finish(self, &reads[0]), 1);
	EXPECT_INT(driver_finish(self, &reads[2]), 1);
	EXPECT_INT(bytes[0] + bytes[2], 'x' + 'y');
	driver_drop(l);
}

CONTRACT(a_cancel_loses_no_data) {
	for (int i = 0; i < 200; i++) {
		driver_channel l = driver_pipe(O_NONBLOCK);
		char text[] = "hello", got[8] = "";
		driver_op sending = driver_io(AW_OP_WRITE, l.out, 1, text, 5),
				  taking = driver_io(AW_OP_READ, l.in, 1, got, 5);
		driver_start(self, &sending);
		if (i & 1) driver_poll(self);
		if (!sending.completions) driver_cancel(self, &sending);
		int64_t sent = driver_finish(self, &sending);
		EXPECT(sent == 5 || sent == -ECANCELED);
		EXPECT_INT(driver_readable(l.in), sent == 5);
		driver_start(self, &taking);
		if (i & 2) driver_put(l.out, "!");
		driver_cancel(self, &taking);
		int64_t taken = driver_finish(self, &taking);
		if (sent == 5) EXPECT(taken == 5 || taken == -ECANCELED);
		int have = 0;
		for (char c; read(l.in, &c, 1) == 1;) have++;
		EXPECT_INT(have + (taken > 0 ? taken : 0), (sent == 5 ? 5 : 0) + (i & 2 ? 1 : 0));
		driver_drop(l);
	}
}

CONTRACT(close_ends_what_is_in_flight) {
	driver_channel l = driver_pipe(O_NONBLOCK), other = driver_pair(0);
	char bytes[2], text[] = "x";
	driver_op read = driver_io(AW_OP_READ, l.in, 1, bytes, 1),
			  recv = driver_io(AW_OP_RECV, other.in, 0, bytes + 1, 1);
	driver_op watch = driver_watch(l.in, AW_POLL_IN), ready = driver_io(AW_OP_WRITE, other.in, 0, text, 1);
	driver_start(self, &read);
	driver_start(self, &recv);
	driver_poll(self);
	driver_start(self, &watch);
	driver_start(self, &ready);
	driver_close(self);
	EXPECT_INT(read.completions, 1);
	EXPECT_INT(read.op.result, -ECANCELED);
	EXPECT_INT(recv.completions, 1);
	EXPECT_INT(recv.op.result, -ECANCELED);
	EXPECT_INT(watch.completions, 1);
	EXPECT_INT(watch.op.result, -ECANCELED);
	EXPECT_INT(ready.completions, 1);
	EXPECT(ready.op.result == -ECANCELED || ready.op.result == 1);
	EXPECT_INT(driver_readable(other.out), ready.op.result == 1);
	driver_drop(l);
	driver_drop(other);
}

CONTRACT(closing_a_descriptor_with_a_read_under_way) {
	driver_channel l = driver_pair(SOCK_NONBLOCK);
	char byte;
	driver_op read = driver_io(AW_OP_RECV, l.in, 1, &byte, 1), end = driver_io(AW_OP_CLOSE, l.in, 0, NULL, 0);
	driver_start(self, &read);
	driver_poll(self);
	EXPECT_INT(driver_do(self, &end), 0);
	EXPECT_INT(fcntl(l.in, F_GETFD), -1);
	if (!read.completions) driver_cancel(self, &read);
	EXPECT_INT(driver_finish(self, &read), -ECANCELED);
	close(l.out);
}

/* ---- reused numbers ---- */

/* Closes `fd` behind the backend's back and puts the other file under the same number. */
static driver_channel replace(int fd, driver_channel fresh) {
	dup2(fresh.in, fd);
	close(fresh.in);
	return (driver_channel){fd, fresh.out};
}

/*
 * `looks`: the backend waits once before the number is reused. A submit and its flush are enough.
 */
static void reuse(driver *self, driver_channel old, driver_channel fresh, int kept_open, int looks) {
	char before[8] = "", after[8] = "";
	int copy = kept_open ? dup(old.in) : -1;
	driver_op stale = driver_io(AW_OP_READ, old.in, 1, before, 4),
			  next = driver_io(AW_OP_READ, old.in, 1, after, 4);
	driver_start(self, &stale);
	if (looks) driver_poll(self);
	fresh = replace(old.in, fresh);
	driver_put(fresh.out, "new");
	if (kept_open) driver_put(old.out, "old");
	/* Whatever events the old file reports, the old operation must not affect the new file. */
	driver_poll(self);
	driver_poll(self);
	EXPECT(driver_readable(fresh.in));
	EXPECT_INT(driver_do(self, &next), 3);
	EXPECT_STR(after, "new");
	/* An operation that has to wait gets the new file's events. */
	driver_start(self, &next);
	driver_poll(self);
	EXPECT_INT(next.completions, 0);
	driver_put(fresh.out, "two");
	EXPECT_INT(driver_finish(self, &next), 3);
	EXPECT_STR(after, "two");
	if (!stale.completions) driver_cancel(self, &stale);
	int64_t result = driver_finish(self, &stale);
	EXPECT(result == -EBADF || result == -ECANCELED || (kept_open && result == 3));
	if (result == 3) EXPECT_STR(before, "old");
	if (copy >= 0) close(copy);
	close(old.out);
	driver_drop(fresh);
}

CONTRACT(a_reused_number_never_gets_the_old_operation) {
	for (int kept_open = 0; kept_open < 2; kept_open++)
		for (int i = 0; i < 20; i++) {
			int looks = i & 1;
			reuse(self, driver_pair(SOCK_NONBLOCK), driver_pair(SOCK_NONBLOCK), kept_open, looks);
			reuse(self, driver_pipe(O_NONBLOCK), driver_pair(SOCK_NONBLOCK), kept_open, looks);
			reuse(self, driver_pair(SOCK_NONBLOCK), driver_pipe(O_NONBLOCK), kept_open, looks);
		}
}

CONTRACT(a_cancelled_operation_never_gets_a_reused_number) {
	for (int i = 0; i < 40; i++) {
		driver_channel old = i & 1 ? driver_pipe(O_NONBLOCK) : driver_pair(SOCK_NONBLOCK);
		char text[8] = "";
		driver_op stale =
			i & 2 ? driver_watch(old.in, AW_POLL_IN) : driver_io(AW_OP_READ, old.in, 1, text, 4);
		/* Flushed or not: once it is cancelled, its number may be closed. */
		self->holds = i & 4;
		driver_start(self, &stale);
		driver_cancel(self, &stale);
		driver_channel fresh = replace(old.in, driver_pair(SOCK_NONBLOCK));
		driver_put(fresh.out, "new");
		int64_t result = driver_finish(self, &stale);
		EXPECT(result == -ECANCELED || result == -EBADF);
		EXPECT(driver_readable(fresh.in));
		EXPECT_STR(text, "");
		close(old.out);
		driver_drop(fresh);
	}
	self->holds = 0;
}

/* The wait flushes submissions without a flush. */
CONTRACT(an_operation_without_a_flush_is_carried_out) {
	driver_channel l = driver_pair(SOCK_NONBLOCK);
	char out[] = "x", in = 0;
	driver_op recv = driver_io(AW_OP_RECV, l.in, 1, &in, 1), send = driver_io(AW_OP_SEND, l.out, 1, out, 1);
	self->holds = 1;
	driver_start(self, &recv);
	driver_start(self, &send);
	EXPECT_INT(driver_finish(self, &send), 1);
	EXPECT_INT(driver_finish(self, &recv), 1);
	EXPECT_INT(in, 'x');
	self->holds = 0;
	driver_drop(l);
}

CONTRACT(an_old_file_does_not_wake_who_waits_for_the_new_one) {
	driver_channel old = driver_pair(SOCK_NONBLOCK), fresh = driver_pair(SOCK_NONBLOCK);
	int copy = dup(old.in);
	driver_op stale = driver_watch(old.in, AW_POLL_IN), next = driver_watch(old.in, AW_POLL_IN);
	driver_start(self, &stale);
	driver_poll(self);
	fresh = replace(old.in, fresh);
	driver_start(self, &next);
	driver_poll(self);
	driver_put(old.out, "old");
	driver_poll(self);
	driver_poll(self);
	EXPECT_INT(next.completions, 0);
	driver_put(fresh.out, "new");
	EXPECT_INT(driver_finish(self, &next), AW_POLL_IN);
	if (!stale.completions) driver_cancel(self, &stale);
	(void)driver_finish(self, &stale);
	close(copy);
	close(old.out);
	driver_drop(fresh);
}

/* Files that share an inode, so that only the open file description differs. */
CONTRACT(a_reused_number_of_an_event_descriptor) {
	uint64_t before = 0, after = 0, five = 5;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), copy = dup(fd);
	driver_op stale = driver_io(AW_OP_READ, fd, 1, &before, 8),
			  next = driver_io(AW_OP_READ, fd, 1, &after, 8);
	driver_start(self, &stale);
	driver_poll(self);
	int fresh = eventfd(7, EFD_CLOEXEC | EFD_NONBLOCK);
	dup2(fresh, fd);
	EXPECT_INT(write(copy, &five, 8), 8);
	driver_poll(self);
	driver_poll(self);
	EXPECT(driver_readable(fd));
	EXPECT_INT(driver_do(self, &next), 8);
	EXPECT_INT(after, 7);
	if (!stale.completions) driver_cancel(self, &stale);
	int64_t result = driver_finish(self, &stale);
	EXPECT(result != 8 || before == 5);
	close(fresh);
	close(copy);
	close(fd);
}

CONTRACT(a_number_reused_by_a_regular_file) {
	driver_channel l = driver_pipe(O_NONBLOCK);
	char byte;
	driver_op stale = driver_io(AW_OP_READ, l.in, 1, &byte, 1), watch = driver_watch(l.in, AW_POLL_IN);
	driver_start(self, &stale);
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	dup2(file, l.in);
	close(file);
	/* Before and after the backend has noticed the change. */
	driver_poll(self);
	EXPECT_INT(driver_do(self, &watch), AW_POLL_IN);
	if (!stale.completions) driver_cancel(self, &stale);
	int64_t result = driver_finish(self, &stale);
	if (result != -EBADF && result != -ECANCELED) EXPECT_INT(result, 0);
	driver_drop(l);
}

CONTRACT(a_descriptor_closed_before_the_backend_looks) {
	driver_channel l = driver_pipe(O_NONBLOCK), twice = driver_pipe(O_NONBLOCK);
	driver_op gone = driver_watch(l.in, AW_POLL_IN), kept = driver_watch(twice.in, AW_POLL_IN);
	driver_start(self, &gone);
	driver_start(self, &kept);
	driver_drop(l);
	driver_poll(self);
	driver_put(twice.out, "x");
	EXPECT_INT(driver_finish(self, &kept), AW_POLL_IN);
	if (!gone.completions) driver_cancel(self, &gone);
	int64_t result = driver_finish(self, &gone);
	EXPECT(result == -ECANCELED || result == -EBADF || result > 0);
	driver_drop(twice);
}

/* ---- a descriptor to poll ---- */

CONTRACT(the_descriptor_is_readable_when_there_is_something) {
	if (!(self->backend->capabilities & AW_BACKEND_HAS_FD)) {
		EXPECT_INT(self->backend->fd(self->state), -1);
		return;
	}
	int fd = self->backend->fd(self->state);
	EXPECT(fd >= 0);
	driver_poll(self);
	EXPECT(!driver_readable(fd));
	self->backend->wake(self->state);
	EXPECT(driver_readable(fd));
	driver_poll(self);
	EXPECT(!driver_readable(fd));
	/* Submitted after the descriptor was obtained, and made ready without a wait in between. */
	struct pollfd p = {.fd = fd, .events = POLLIN};
	driver_channel l = driver_pipe(O_NONBLOCK);
	char byte, text[] = "x";
	for (int i = 0; i < 50; i++) {
		driver_op read = driver_io(AW_OP_READ, l.in, 1, &byte, 1);
		driver_start(self, &read);
		EXPECT(!driver_readable(fd));
		driver_put(l.out, "a");
		EXPECT_INT(poll(&p, 1, 10000), 1);
		EXPECT_INT(driver_finish(self, &read), 1);
		driver_poll(self);
		EXPECT(!driver_readable(fd));
	}
	/* An operation that is already complete, and a cancelled one. */
	driver_op write = driver_io(AW_OP_WRITE, l.out, 1, text, 1), watch = driver_watch(l.out, AW_POLL_ERR);
	driver_start(self, &write);
	EXPECT_INT(poll(&p, 1, 10000), 1);
	EXPECT_INT(driver_finish(self, &write), 1);
	driver_start(self, &watch);
	driver_poll(self);
	EXPECT(!driver_readable(fd));
	driver_cancel(self, &watch);
	EXPECT_INT(poll(&p, 1, 10000), 1);
	EXPECT_INT(driver_finish(self, &watch), -ECANCELED);
	driver_drop(l);
}

/* ---- fork, and no descriptors left ---- */

CONTRACT(abandoning_in_a_child_leaves_the_parent_working) {
	driver_channel l = driver_pair(SOCK_NONBLOCK);
	char byte = 0;
	driver_op read = driver_io(AW_OP_RECV, l.in, 1, &byte, 1);
	driver_start(self, &read);
	driver_poll(self);
	pid_t child = fork();
	if (child == 0) {
		self->backend->abandon(self->state);
		_exit(read.completions == 0 ? 0 : 1);
	}
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
	driver_poll(self);
	EXPECT_INT(read.completions, 0);
	driver_put(l.out, "p");
	EXPECT_INT(driver_finish(self, &read), 1);
	EXPECT_INT(byte, 'p');
	driver_drop(l);
}

CONTRACT(a_child_that_abandons_has_no_descriptor_left) {
	int before = driver_open_files();
	driver second;
	REQUIRE(driver_open(&second, self->backend) == 0);
	pid_t child = fork();
	if (child == 0) {
		second.backend->abandon(second.state);
		_exit(driver_open_files() == before ? 0 : 1);
	}
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
	driver_close(&second);
	EXPECT_INT(driver_open_files(), before);
}

CONTRACT(without_descriptors_open_fails_and_leaks_none) {
	int before = driver_open_files(), top = 0;
	while (fcntl(top, F_GETFD) >= 0) top++;
	/* Fills the gaps, so that a limit leaves exactly that many. */
	int filler[4096], fillers = 0, highest = 0;
	for (int fd = 0; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0) highest = fd;
	while (fillers < 4096 && (filler[fillers] = dup(STDOUT_FILENO)) >= 0 && filler[fillers] < highest)
		fillers++;
	if (fillers < 4096 && filler[fillers] >= 0) close(filler[fillers]);
	struct rlimit limit, few;
	getrlimit(RLIMIT_NOFILE, &limit);
	aw_status status = -1;
	int room = 0;
	for (; room < 16 && status != 0; room++) {
		few = (struct rlimit){(rlim_t)(highest + 1 + room), limit.rlim_max};
		setrlimit(RLIMIT_NOFILE, &few);
		driver second;
		int held = driver_open_files();
		status = driver_open(&second, self->backend);
		if (status == 0) {
			driver_close(&second);
		} else {
			EXPECT_INT(status, -EMFILE);
			EXPECT(second.state == NULL);
			char why[100] = "";
			aw_status probed = self->backend->probe(why, sizeof why);
			EXPECT(probed == -EMFILE || probed == 0);
		}
		EXPECT_INT(driver_open_files(), held);
	}
	setrlimit(RLIMIT_NOFILE, &limit);
	EXPECT_INT(status, 0);
	EXPECT(room > 1);
	for (int i = 0; i < fillers; i++) close(filler[i]);
	EXPECT_INT(driver_open_files(), before);
}

CONTRACT(a_thousand_opened_and_closed_leave_nothing) {
	int before = driver_open_files();
	for (int i = 0; i < 1000; i++) {
		driver second;
		REQUIRE(driver_open(&second, self->backend) == 0);
		driver_close(&second);
	}
	EXPECT_INT(driver_open_files(), before);
}

CONTRACT_MAIN(
	"backend_lifetime", TEST(a_cancelled_operation_completes_once), TEST(a_cancel_loses_no_data),
	TEST(close_ends_what_is_in_flight), TEST(closing_a_descriptor_with_a_read_under_way),
	TEST(a_reused_number_never_gets_the_old_operation),
	TEST(a_cancelled_operation_never_gets_a_reused_number), TEST(an_operation_without_a_flush_is_carried_out),
	TEST(an_old_file_does_not_wake_who_waits_for_the_new_one), TEST(a_reused_number_of_an_event_descriptor),
	TEST(a_number_reused_by_a_regular_file), TEST(a_descriptor_closed_before_the_backend_looks),
	TEST(the_descriptor_is_readable_when_there_is_something),
	TEST(abandoning_in_a_child_leaves_the_parent_working), TEST(a_child_that_abandons_has_no_descriptor_left),
	TEST(without_descriptors_open_fails_and_leaks_none), TEST(a_thousand_opened_and_closed_leave_nothing))
