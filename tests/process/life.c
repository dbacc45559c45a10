/* SPDX-License-Identifier: MIT */
/* Labels: backends threads valgrind */
/*
 * What ends a child: its last reference, close, the end of the loop; which processes are affected; and
 * children started elsewhere.
 */
#include "process.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Two processes hold stdout, and report once both have started. */
static const char *const two_who_stay = "sleep 500 & echo up; wait";

static void the_last_reference_kills_and_the_loop_collects(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *future = NULL;
	aw_process *process = start(loop, "exec sleep 500", with(PIPE(1), 0));
	EXPECT(aw_process_ref(process) == process);
	aw_process_unref(process);
	EXPECT_INT(aw_process_send_signal(process, 0), 0);
	EXPECT_INT(aw_process_wait(process, &future), 0);
	aw_process_unref(process);
	void *code = NULL;
	EXPECT_INT(aw_loop_run_until_complete(loop, future, &code), 0);
	EXPECT_INT((intptr_t)code, -SIGKILL);
	EXPECT_INT(has_child(), 0);
	aw_future_unref(future);
	loop_end(loop);
}

static void the_last_reference_ends_a_communicate_as_well(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *future = NULL;
	void *code = NULL;
	aw_process *process = start(loop, "exec sleep 500", with(PIPE(0) | PIPE(1) | PIPE(2), 0));
	EXPECT_INT(aw_process_communicate(process, "input", 5, &future), 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	aw_process_unref(process);
	EXPECT_INT(aw_loop_run_until_complete(loop, future, &code), 0);
	EXPECT_INT((intptr_t)code, -SIGKILL);
	aw_future_unref(future);
	loop_end(loop);
}

static void *drop(void *process) {
	aw_process_unref(process);
	return NULL;
}

static void the_last_reference_may_go_in_any_thread(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *future = NULL;
	pthread_t thread;
	aw_process *process = start(loop, "exec sleep 500", with(PIPE(1), 0));
	EXPECT_INT(aw_process_wait(process, &future), 0);
	EXPECT_INT(pthread_create(&thread, NULL, drop, process), 0);
	EXPECT_INT(run(loop, future), 0);
	pthread_join(thread, NULL);
	EXPECT_INT(has_child(), 0);
	loop_end(loop);
}

static void close_kills_and_the_status_can_still_be_had(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	int fd = -1, fds = count_fds();
	aw_process *process = start(loop, "echo kept; exec sleep 500", with(PIPE(0) | PIPE(1), 0));
	aw_future *closed = NULL;
	const void *data = NULL;
	size_t length = 0;
	EXPECT_INT(aw_process_wait_closed(process, &closed), 0);
	while (aw_process_output(process, 1, &data, &length) == 0 && length < 5)
		EXPECT(aw_loop_run_once(loop, -1) >= 0);
	EXPECT_INT(aw_process_close(process), 0);
	EXPECT_INT(aw_process_take_pipe(process, 0, &fd), AW_EINVALIDSTATE);
	EXPECT_INT(run(loop, closed), 0);
	EXPECT_INT(join(loop, process), -SIGKILL);
	EXPECT_INT(count_fds(), fds); /* though the handle is kept */
	EXPECT(said(process, 1, "kept\n"));
	EXPECT_INT(aw_process_close(process), 0);
	aw_process_unref(process);
	loop_end(loop);
}

/* A group: only the shell and its child hold the pipe, so its end means that both have ended. */
static void kill_reaches_the_whole_group(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	for (int way = 0; way < 4; way++) {
		int out = -1;
		aw_process *process = start(loop, two_who_stay, with(PIPE(1), AW_PROCESS_GROUP));
		EXPECT_INT(aw_process_take_pipe(process, 1, &out), 0);
		for (int i = 0; i < 3; i++) EXPECT_INT(heard(loop, out), 1);
		if (way == 0) EXPECT_INT(aw_process_kill(process), 0);
		if (way == 1) EXPECT_INT(aw_process_terminate(process), 0);
		if (way == 2) EXPECT_INT(aw_process_close(process), 0);
		if (way == 3)
			aw_process_unref(process);
		else
			EXPECT_INT(join(loop, process), way == 1 ? -SIGTERM : -SIGKILL);
		EXPECT_INT(heard(loop, out), 0);
		close(out);
		if (way != 3) aw_process_unref(process);
	}
	loop_end(loop);
}

/* After the child's end, the grandchild responds to input, so it is alive. */
static void without_a_group_only_the_child_is_reached(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	int in = -1, out = -1;
	aw_process *process = start(loop, "exec 3<&0; cat <&3 & echo up; wait", with(PIPE(0) | PIPE(1), 0));
	EXPECT_INT(aw_process_take_pipe(process, 0, &in), 0);
	EXPECT_INT(aw_process_take_pipe(process, 1, &out), 0);
	for (int i = 0; i < 3; i++) EXPECT_INT(heard(loop, out), 1);
	EXPECT_INT(aw_process_kill(process), 0);
	EXPECT_INT(join(loop, process), -SIGKILL);
	EXPECT_INT(write(in, "!", 1), 1);
	EXPECT_INT(heard(loop, out), 1);
	close(in);
	EXPECT_INT(heard(loop, out), 0);
	close(out);
	aw_process_unref(process);
	loop_end(loop);
}

static void the_end_of_the_loop_kills_and_collects(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *waits = NULL, *talks = NULL;
	int32_t code = 0;
	aw_process *held = start(loop, "exec sleep 500", NULL);
	aw_process *talking = start(loop, "sleep 500", with(PIPE(0) | PIPE(1) | PIPE(2), AW_PROCESS_GROUP));
	aw_process *dropped = start(loop, "exec sleep 500", NULL);
	aw_process *ended = start(loop, "exit 3", NULL);
	siginfo_t info;
	EXPECT_INT(waitid(P_PID, (id_t)aw_process_pid(ended), &info, WEXITED | WNOWAIT), 0);
	EXPECT_INT(aw_process_wait(held, &waits), 0);
	EXPECT_INT(aw_process_communicate(talking, "input", 5, &talks), 0);
	aw_process_unref(dropped);
	EXPECT_INT(aw_loop_close(loop), 0);
	EXPECT_INT(has_child(), 0);
	EXPECT_INT(aw_process_returncode(held, &code), 0);
	EXPECT_INT(code, -SIGKILL);
	EXPECT_INT(aw_process_returncode(ended, &code), 0);
	EXPECT_INT(code, 3);
	EXPECT(!aw_future_done(waits) && !aw_future_done(talks));
	EXPECT_INT(aw_process_kill(held), AW_ELOOPCLOSED);
	EXPECT_INT(aw_process_wait(held, &waits), AW_ELOOPCLOSED);
	aw_future_unref(waits);
	aw_future_unref(talks);
	aw_process_unref(held);
	aw_process_unref(talking);
	aw_process_unref(ended);
	loop_end(loop);
}

static void an_unused_exit_is_collected_by_the_end_of_the_loop(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "exit 0", NULL);
	siginfo_t info;
	EXPECT_INT(waitid(P_PID, (id_t)aw_process_pid(process), &info, WEXITED | WNOWAIT), 0);
	EXPECT_INT(aw_loop_wait(loop, 0) >= 0, 1); /* complete, but not dispatched */
	EXPECT_INT(aw_loop_close(loop), 0);
	int32_t code = -1;
	EXPECT_INT(aw_process_returncode(process, &code), 0);
	EXPECT_INT(code, 0);
	aw_process_unref(process);
	loop_end(loop);
}

static void a_detached_child_lives_on(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	for (int way = 0; way < 3; way++) {
		aw_process *process = start(loop, "exec sleep 500", with(0, AW_PROCESS_DETACH));
		pid_t pid = aw_process_pid(process);
		aw_future *future = NULL;
		EXPECT_INT(aw_process_wait(process, &future), 0);
		if (way == 1) EXPECT_INT(aw_process_close(process), 0);
		if (way < 2) aw_process_unref(process);
		if (way == 2) {
			EXPECT_INT(aw_loop_close(loop), 0);
			aw_process_unref(process);
		}
		IGNORED(aw_loop_run_once(loop, 0));
		EXPECT_INT(waitpid(pid, NULL, WNOHANG), 0);
		EXPECT_INT(kill(pid, SIGKILL), 0);
		if (way < 2) {
			EXPECT_INT(run(loop, future), 0);
			continue;
		}
		EXPECT_INT(waitpid(pid, NULL, 0), pid); /* nothing else reaps it */
		aw_future_unref(future);
	}
	loop_end(loop);
}

static void a_detached_child_is_collected_while_the_loop_lives(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_future *future = NULL;
	aw_process *process = start(loop, "read x; exit 8", with(PIPE(0), AW_PROCESS_DETACH));
	EXPECT_INT(aw_process_wait(process, &future), 0);
	aw_process_unref(process); /* which closes its stdin */
	void *code = NULL;
	EXPECT_INT(aw_loop_run_until_complete(loop, future, &code), 0);
	EXPECT_INT((intptr_t)code, 8);
	EXPECT_INT(has_child(), 0);
	aw_future_unref(future);
	loop_end(loop);
}

/* valgrind knows no pidfd_open. */
static int has_pidfd_open(void) {
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (fd >= 0) close(fd);
	return fd >= 0;
}

/* A forked child that lives until it is killed or its parent ends. */
static pid_t fork_one_who_stays(void) {
	fflush(stdout);
	pid_t pid = fork();
	if (pid) return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) (void)pause();
}

static void children_forked_elsewhere_can_be_adopted(void) {
	if (!has_pidfd_open()) SKIP("no pidfd_open");
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = NULL;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) _exit(12);
	EXPECT_INT(aw_process_adopt(loop, pid, -1, 0, &process), 0);
	EXPECT_INT(aw_process_pid(process), pid);
	EXPECT_INT(join(loop, process), 12);
	aw_process_unref(process);
	pid = fork_one_who_stays();
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	EXPECT_INT(aw_process_adopt(loop, pid, fd, 0, &process), 0);
	close(fd); /* it has its own */
	EXPECT_INT(aw_process_terminate(process), 0);
	EXPECT_INT(join(loop, process), -SIGTERM);
	aw_process_unref(process);
	pid = fork_one_who_stays();
	EXPECT_INT(aw_process_adopt(loop, pid, -1, 0, &process), 0);
	aw_process_unref(process); /* the last reference kills this one too */
	loop_end(loop);
}

static void what_is_no_child_is_not_adopted(void) {
	if (!has_pidfd_open()) SKIP("no pidfd_open");
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = NULL;
	pid_t gone = fork();
	if (gone == 0) _exit(0);
	EXPECT_INT(waitpid(gone, NULL, 0), gone);
	EXPECT_INT(aw_process_adopt(loop, gone, -1, 0, &process), -ESRCH);
	EXPECT_INT(aw_process_adopt(loop, getpid(), -1, 0, &process), -ECHILD);
	EXPECT_INT(aw_process_adopt(loop, 0, -1, 0, &process), -EINVAL);
	EXPECT_INT(aw_process_adopt(loop, getpid(), -2, 0, &process), -EINVAL);
	EXPECT_INT(aw_process_adopt(loop, getpid(), 0, 0, &process), -EBADF); /* no pidfd */
	EXPECT_INT(aw_process_adopt(loop, getpid(), -1, AW_PROCESS_SESSION, &process), -EINVAL);
	EXPECT(!process);
	loop_end(loop);
}

static void a_forked_copy_of_the_parent_ends_no_child(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "read x; exit 2", with(PIPE(0), 0));
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		aw_status status = aw_process_kill(process);
		aw_process_unref(process);
		_exit(status == AW_EFORKED ? 0 : 1);
	}
	int status = -1;
	EXPECT_INT(waitpid(pid, &status, 0), pid);
	EXPECT_INT(status, 0);
	EXPECT_INT(talk(loop, process), 2);
	aw_process_unref(process);
	loop_end(loop);
}

static void destroyed(void *counter) {
	++*(int *)counter;
}

static void host_data_is_destroyed_once(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	int count = 0;
	aw_process *process = start(loop, "exit 0", NULL);
	EXPECT_INT(aw_process_set_host_data(process, &count, destroyed), 0);
	EXPECT(aw_process_host_data(process) == &count);
	EXPECT_INT(join(loop, process), 0);
	aw_process_unref(process);
	EXPECT_INT(count, 1);
	EXPECT_INT(aw_process_set_host_data(NULL, &count, destroyed), AW_EBADHANDLE);
	EXPECT_INT(count, 2);
	loop_end(loop);
}

CHECK_MAIN("process_life", TEST(the_last_reference_kills_and_the_loop_collects),
           TEST(the_last_reference_ends_a_communicate_as_well), TEST(the_last_reference_may_go_in_any_thread),
           TEST(close_kills_and_the_status_can_still_be_had), TEST(kill_reaches_the_whole_group),
           TEST(without_a_group_only_the_child_is_reached), TEST(the_end_of_the_loop_kills_and_collects),
           TEST(an_unused_exit_is_collected_by_the_end_of_the_loop), TEST(a_detached_child_lives_on),
           TEST(a_detached_child_is_collected_while_the_loop_lives),
           TEST(children_forked_elsewhere_can_be_adopted), TEST(what_is_no_child_is_not_adopted),
           TEST(a_forked_copy_of_the_parent_ends_no_child), TEST(host_data_is_destroyed_once))
