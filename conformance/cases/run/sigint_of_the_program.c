/* SPDX-License-Identifier: MIT */
/* A run leaves a SIGINT alone that the program ignores, or handles itself. */
#include "case.h"

#include <signal.h>

static volatile sig_atomic_t handled;

static void handle(int number) {
	(void)number;
	handled++;
}

static aw_status interrupt(aw_loop *loop, void *ud) {
	(void)loop;
	(void)ud;
	must(kill(getpid(), SIGINT));
	if (handled) trace("handled");
	return 0;
}

static aw_status main_coroutine(void *ud) {
	(void)ud;
	must(aw_loop_call_later(aw_loop_current(), 50 * AW_MILLISECOND, interrupt, NULL, NULL, NULL));
	must(aw_sleep(100 * AW_MILLISECOND));
	return aw_return("slept", NULL);
}

CASE(sigint_of_the_program, 0.2, CASE_REAL_TIME) {
	void (*const actions[])(int) = {SIG_IGN, handle};
	for (size_t i = 0; i < 2; i++) {
		struct sigaction now;
		aw_runner *runner = NULL;
		void *value = NULL;
		signal(SIGINT, actions[i]);
		must(aw_runner_new(NULL, AW_RUNNER_SIGINT, &runner));
		must(aw_runner_run(runner, main_coroutine, NULL, NULL, &value));
		trace("%s", (char *)value);
		must(aw_runner_close(runner));
		must(sigaction(SIGINT, NULL, &now));
		trace(now.sa_handler == actions[i] ? "True" : "False");
		aw_runner_unref(runner);
	}
	return 0;
}
