/* SPDX-License-Identifier: MIT */
/* Labels: backends valgrind */
/* How a child's exit is reported: codes, signals, several waiters, and a status reaped elsewhere. */
#include "process.h"

#include <sys/wait.h>

static void the_exit_code_is_the_return_code(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "exit 3", NULL);
	REQUIRE(process);
	EXPECT(aw_process_pid(process) > 1);
	EXPECT_INT(join(loop, process), 3);
	aw_process_unref(process);
	process = start(loop, "exit 255", NULL);
	EXPECT_INT(join(loop, process), 255);
	aw_process_unref(process);
	loop_end(loop);
}

static void it_is_unknown_until_the_loop_has_collected_it(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "exit 0", NULL);
	REQUIRE(process);
	int32_t code = 77;
	siginfo_t info;
	EXPECT_INT(waitid(P_PID, (id_t)aw_process_pid(process), &info, WEXITED | WNOWAIT), 0);
	EXPECT_INT(aw_process_returncode(process, &code), AW_EINVALIDSTATE);
	EXPECT_INT(code, 77);
	EXPECT_INT(join(loop, process), 0);
	aw_process_unref(process);
	loop_end(loop);
}

static void a_signal_is_told_as_a_negative_number(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "kill -9 $$", NULL);
	EXPECT_INT(join(loop, process), -SIGKILL);
	aw_process_unref(process);
	process = start(loop, "exec sleep 500", NULL);
	EXPECT_INT(aw_process_terminate(process), 0);
	EXPECT_INT(join(loop, process), -SIGTERM);
	aw_process_unref(process);
	process = start(loop, "exec sleep 500", NULL);
	EXPECT_INT(aw_process_kill(process), 0);
	EXPECT_INT(join(loop, process), -SIGKILL);
	aw_process_unref(process);
	process = start(loop, "exec sleep 500", NULL);
	EXPECT_INT(aw_process_send_signal(process, 9999), -EINVAL);
	EXPECT_INT(aw_process_send_signal(process, SIGSTOP), 0);
	/* Once it has stopped, the next signal stays pending; before that, it could kill the child first. */
	siginfo_t stopped;
	EXPECT_INT(waitid(P_PID, (id_t)aw_process_pid(process), &stopped, WSTOPPED | WNOWAIT), 0);
	EXPECT_INT(aw_process_send_signal(process, SIGUSR1), 0);
	EXPECT_INT(aw_process_send_signal(process, SIGCONT), 0);
	EXPECT_INT(join(loop, process), -SIGUSR1);
	aw_process_unref(process);
	loop_end(loop);
}

static void a_child_that_has_ended_is_not_signalled(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "exit 0", NULL);
	REQUIRE(process);
	siginfo_t info;
	EXPECT_INT(waitid(P_PID, (id_t)aw_process_pid(process), &info, WEXITED | WNOWAIT), 0);
	EXPECT_INT(aw_process_terminate(process), -ESRCH);
	EXPECT_INT(join(loop, process), 0);
	EXPECT_INT(aw_process_terminate(process), -ESRCH);
	EXPECT_INT(aw_process_kill(process), -ESRCH);
	EXPECT_INT(aw_process_send_signal(process, 0), -ESRCH);
	aw_process_unref(process);
	loop_end(loop);
}

static void several_may_wait_and_later_ones_find_it_done(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "exit 5", NULL);
	REQUIRE(process);
	aw_future *first = NULL, *second = NULL, *third = NULL;
	void *value = NULL;
	EXPECT_INT(aw_process_wait(process, &first), 0);
	EXPECT_INT(aw_process_wait(process, &second), 0);
	EXPECT(first != second);
	EXPECT_INT(aw_loop_run_until_complete(loop, first, &value), 0);
	EXPECT_INT((intptr_t)value, 5);
	EXPECT_INT(aw_future_result(second, &value), 0);
	EXPECT_INT((intptr_t)value, 5);
	EXPECT_INT(aw_process_wait(process, &third), 0);
	EXPECT(aw_future_done(third));
	aw_future_unref(first);
	aw_future_unref(second);
	aw_future_unref(third);
	aw_process_unref(process);
	loop_end(loop);
}

static void cancelling_a_wait_leaves_the_child_alone(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "read x; exit 4", with(PIPE(0), 0));
	REQUIRE(process);
	aw_future *cancelled = NULL, *other = NULL;
	EXPECT_INT(aw_process_wait(process, &cancelled), 0);
	EXPECT_INT(aw_process_wait(process, &other), 0);
	EXPECT_INT(aw_future_cancel(cancelled, NULL), 1);
	EXPECT_INT(aw_future_cancel(cancelled, NULL), 0);
	EXPECT(aw_future_cancelled(cancelled));
	EXPECT_INT(aw_process_send_signal(process, 0), 0);
	EXPECT_INT(talk(loop, process), 4);
	EXPECT(aw_future_done(other));
	aw_future_unref(cancelled);
	aw_future_unref(other);
	aw_process_unref(process);
	loop_end(loop);
}

static aw_status note(aw_future *future, void *ud) {
	void *value = NULL;
	aw_status status = aw_future_result(future, &value);
	*(int *)ud = status < 0 ? status : (int)(intptr_t)value;
	return aw_loop_stop(aw_future_loop(future));
}

static void a_wait_that_only_a_callback_knows_is_finished(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	int seen = -1;
	aw_future *future = NULL;
	aw_process *process = start(loop, "exit 6", NULL);
	EXPECT_INT(aw_process_wait(process, &future), 0);
	EXPECT_INT(aw_future_add_done_callback(future, note, &seen, NULL), 0);
	aw_future_unref(future);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	EXPECT_INT(seen, 6);
	aw_process_unref(process);
	loop_end(loop);
}

static void a_status_that_somebody_took_is_255(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	aw_process *process = start(loop, "exit 7", NULL);
	REQUIRE(process);
	int status = 0;
	EXPECT_INT(waitpid(aw_process_pid(process), &status, 0), aw_process_pid(process));
	EXPECT_INT(aw_process_terminate(process), -ESRCH);
	EXPECT_INT(join(loop, process), 255);
	aw_process_unref(process);
	loop_end(loop);
}

static void an_ignored_sigchld_gives_255_and_no_hang(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	signal(SIGCHLD, SIG_IGN);
	aw_process *process = start(loop, "exit 7", NULL);
	EXPECT_INT(join(loop, process), 255);
	aw_process_unref(process);
	const char *missing[] = {"/nowhere/at/all"};
	EXPECT_INT(aw_subprocess_exec(loop, missing, 1, NULL, &process), -ENOENT);
	signal(SIGCHLD, SIG_DFL);
	loop_end(loop);
}

static void no_handler_of_sigchld_is_taken(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	struct sigaction before, after;
	EXPECT_INT(sigaction(SIGCHLD, NULL, &before), 0);
	aw_process *process = start(loop, "exit 0", NULL);
	EXPECT_INT(sigaction(SIGCHLD, NULL, &after), 0);
	EXPECT(before.sa_handler == after.sa_handler && before.sa_flags == after.sa_flags);
	EXPECT_INT(join(loop, process), 0);
	EXPECT_INT(sigaction(SIGCHLD, NULL, &after), 0);
	EXPECT(before.sa_handler == after.sa_handler && before.sa_flags == after.sa_flags);
	aw_process_unref(process);
	loop_end(loop);
}

static void children_of_others_are_left_to_them(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	pid_t other = fork();
	if (other == 0) _exit(9);
	aw_process *process = start(loop, "exit 0", NULL);
	EXPECT_INT(join(loop, process), 0);
	int status = 0;
	EXPECT_INT(waitpid(other, &status, 0), other);
	EXPECT_INT(WEXITSTATUS(status), 9);
	aw_process_unref(process);
	loop_end(loop);
}

CHECK_MAIN("process_exit", TEST(the_exit_code_is_the_return_code),
           TEST(it_is_unknown_until_the_loop_has_collected_it), TEST(a_signal_is_told_as_a_negative_number),
           TEST(a_child_that_has_ended_is_not_signalled), TEST(several_may_wait_and_later_ones_find_it_done),
           TEST(cancelling_a_wait_leaves_the_child_alone),
           TEST(a_wait_that_only_a_callback_knows_is_finished), TEST(a_status_that_somebody_took_is_255),
           TEST(an_ignored_sigchld_gives_255_and_no_hang), TEST(no_handler_of_sigchld_is_taken),
           TEST(children_of_others_are_left_to_them))
