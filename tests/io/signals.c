/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* Signals as callbacks, and the program's previous handlers. */
#include "trace.h"

#include <signal.h>
#include <unistd.h>

static aw_status two(void *ud) {
	(void)ud;
	aw_loop *loop = aw_loop_current();
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, "first", say_destroyed), 0);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR1, say, "usr1", NULL), 0);
	EXPECT_STR(trace, "~first");
	kill(getpid(), SIGUSR1);
	trace_add("after kill");
	for (int i = 0; i < 1000 && !strstr(trace, "usr1"); i++) EXPECT(aw_sleep(AW_MILLISECOND) >= 0);
	EXPECT_STR(trace, "~first after kill usr1");
	EXPECT_INT(aw_loop_remove_signal_handler(loop, SIGUSR1), 1);
	EXPECT_INT(aw_loop_remove_signal_handler(loop, SIGUSR1), 0);
	return 0;
}

static void a_signal_runs_an_ordinary_callback_and_adding_again_replaces(void) {
	trace_reset();
	EXPECT_INT(aw_run(NULL, two, NULL, NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void of_the_host(int number) {
	(void)number;
}

static void the_handler_of_the_host_is_put_back(void) {
	struct sigaction mine = {.sa_handler = of_the_host}, now;
	sigaction(SIGUSR2, &mine, NULL);
	aw_loop *loop = loop_begin(NULL), *second = NULL;
	EXPECT_INT(aw_loop_new(NULL, &second), 0);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGUSR2, say, "a", NULL), 0);
	EXPECT_INT(aw_loop_add_signal_handler(second, SIGUSR2, say, "b", NULL), 0);
	sigaction(SIGUSR2, NULL, &now);
	EXPECT(now.sa_handler != of_the_host);
	raise(SIGUSR2);
	for (int i = 0; i < 10 && !strstr(trace, "a"); i++) EXPECT(aw_loop_run_once(loop, AW_SECOND) >= 0);
	for (int i = 0; i < 10 && !strstr(trace, "b"); i++) EXPECT(aw_loop_run_once(second, AW_SECOND) >= 0);
	EXPECT_STR(trace, "a b");
	aw_loop_unref(second); /* closing stops its watches */
	sigaction(SIGUSR2, NULL, &now);
	EXPECT(now.sa_handler != of_the_host);
	EXPECT_INT(aw_loop_remove_signal_handler(loop, SIGUSR2), 1);
	sigaction(SIGUSR2, NULL, &now);
	EXPECT(now.sa_handler == of_the_host);
	loop_end(loop);
	signal(SIGUSR2, SIG_DFL);
}

static void a_second_loop_watches_although_the_host_took_the_signal_meanwhile(void) {
	struct sigaction old, hosts = {.sa_handler = of_the_host}, now;
	sigaction(SIGUSR1, &hosts, &old);
	aw_loop *first = loop_begin(NULL), *second = NULL;
	EXPECT_INT(aw_loop_new(NULL, &second), 0);
	EXPECT_INT(aw_loop_add_signal_handler(first, SIGUSR1, say, "first", NULL), 0);
	sigaction(SIGUSR1, &hosts, NULL);
	EXPECT_INT(aw_loop_add_signal_handler(second, SIGUSR1, say, "second", NULL), 0);
	kill(getpid(), SIGUSR1);
	for (int i = 0; i < 3; i++) EXPECT(aw_loop_run_once(first, 10 * AW_MILLISECOND) >= 0);
	for (int i = 0; i < 3; i++) EXPECT(aw_loop_run_once(second, 10 * AW_MILLISECOND) >= 0);
	EXPECT_STR(trace, "first second");
	aw_loop_unref(second);
	EXPECT_INT(aw_loop_remove_signal_handler(first, SIGUSR1), 1);
	sigaction(SIGUSR1, NULL, &now);
	EXPECT(now.sa_handler == of_the_host);
	sigaction(SIGUSR1, &old, NULL);
	loop_end(first);
}

static void what_cannot_be_caught_is_refused(void) {
	aw_loop *loop = loop_begin(NULL);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGKILL, say, "x", say_destroyed), -EINVAL);
	EXPECT_STR(trace, "~x");
	EXPECT_INT(aw_loop_add_signal_handler(loop, 0, say, NULL, NULL), -EINVAL);
	EXPECT_INT(aw_loop_add_signal_handler(loop, 65, say, NULL, NULL), -EINVAL);
	loop_end(loop);
}

static aw_status interrupted_body(void *ud) {
	(void)ud;
	raise(SIGINT);
	aw_status status = aw_sleep(3600 * AW_SECOND);
	trace_status("body", status);
	return status;
}

static aw_status swallowing_body(void *ud) {
	interrupted_body(ud);
	return aw_return("value", NULL);
}

static void a_runner_turns_ctrl_c_into_a_cancellation(void) {
	aw_runner *runner;
	void *value = NULL;
	signal(SIGINT, SIG_DFL); /* a shell starts what runs in the background with the signal ignored */
	trace_reset();
	EXPECT_INT(aw_runner_new(NULL, AW_RUNNER_SIGINT, &runner), 0);
	EXPECT_INT(aw_runner_run(runner, interrupted_body, NULL, NULL, NULL), -EINTR);
	EXPECT_INT(aw_runner_run(runner, swallowing_body, NULL, NULL, &value), 0);
	EXPECT_STR(value, "value");
	EXPECT_STR(trace, "body:AW_ECANCELLED body:AW_ECANCELLED");
	aw_runner_unref(runner);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

/* --- a SIGINT that is the program's --- */

static volatile sig_atomic_t handled;

static void count_handled(int number) {
	(void)number;
	handled++;
}

static aw_status count_in_loop(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	trace_add("callback");
	return 0;
}

static aw_status uninterrupted_body(void *ud) {
	(void)ud;
	raise(SIGINT);
	aw_status status = aw_sleep(AW_MILLISECOND);
	trace_status("body", status);
	return status;
}

static aw_status interrupted_run(aw_runner *runner) {
	trace_reset();
	return aw_runner_run(runner, uninterrupted_body, NULL, NULL, NULL);
}

static void a_runner_leaves_the_programs_sigint_alone(void) {
	struct sigaction now;
	aw_runner *runner;
	aw_loop *loop, *other;
	EXPECT_INT(aw_runner_new(NULL, AW_RUNNER_SIGINT, &runner), 0);

	signal(SIGINT, SIG_IGN);
	EXPECT_INT(interrupted_run(runner), 0);
	EXPECT_STR(trace, "body:AW_OK");
	EXPECT(sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == SIG_IGN);

	signal(SIGINT, count_handled);
	EXPECT_INT(interrupted_run(runner), 0);
	EXPECT_STR(trace, "body:AW_OK");
	EXPECT_INT(handled, 1);
	EXPECT(sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == count_handled);

	/* One in the loop of the runner, which stays. */
	signal(SIGINT, SIG_DFL);
	REQUIRE(aw_runner_loop(runner, &loop) == 0);
	EXPECT_INT(aw_loop_add_signal_handler(loop, SIGINT, count_in_loop, NULL, NULL), 0);
	EXPECT_INT(interrupted_run(runner), 0);
	EXPECT_STR(trace, "callback body:AW_OK");
	EXPECT_INT(aw_loop_remove_signal_handler(loop, SIGINT), 1);

	/* A handler of another loop does not count. */
	REQUIRE(aw_loop_new(NULL, &other) == 0);
	EXPECT_INT(aw_loop_add_signal_handler(other, SIGINT, count_in_loop, NULL, NULL), 0);
	EXPECT_INT(interrupted_run(runner), -EINTR);
	EXPECT_STR(trace, "body:AW_ECANCELLED");
	EXPECT_INT(aw_loop_close(other), 0);
	aw_loop_unref(other);
	EXPECT(sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == SIG_DFL);

	aw_runner_unref(runner);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

CHECK_MAIN("signals", TEST(a_signal_runs_an_ordinary_callback_and_adding_again_replaces),
           TEST(the_handler_of_the_host_is_put_back),
           TEST(a_second_loop_watches_although_the_host_took_the_signal_meanwhile),
           TEST(what_cannot_be_caught_is_refused), TEST(a_runner_turns_ctrl_c_into_a_cancellation),
           TEST(a_runner_leaves_the_programs_sigint_alone))
