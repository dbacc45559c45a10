/* SPDX-License-Identifier: MIT */
/*
 * R11: a signal's callback is an ordinary one, in an iteration of the loop; a later one replaces it, and
 * removing tells whether there was one. R12: SIGKILL and a number out of range are refused.
 */
#include "bare.h"

#include <signal.h>

static aw_status main_coroutine(void *ud) {
	(void)ud;
	aw_loop *loop = aw_loop_current();
	must(aw_loop_add_signal_handler(loop, SIGUSR1, say, "replaced", NULL));
	must(aw_loop_add_signal_handler(loop, SIGUSR1, say, "usr1", NULL));
	must(kill(getpid(), SIGUSR1));
	trace("after kill");
	must(aw_sleep(100 * AW_MILLISECOND));
	aw_status first = must(aw_loop_remove_signal_handler(loop, SIGUSR1));
	aw_status again = must(aw_loop_remove_signal_handler(loop, SIGUSR1));
	trace("%s %s", True_or_False(first), True_or_False(again));
	struct sigaction action;
	must(sigaction(SIGUSR1, NULL, &action));
	trace("%s", True_or_False(action.sa_handler == SIG_DFL));
	if (aw_loop_add_signal_handler(loop, SIGKILL, say, "never", NULL) == -EINVAL) trace("refused");
	if (aw_loop_add_signal_handler(loop, 12345, say, "never", NULL) == -EINVAL) trace("refused");
	return 0;
}

CASE(trap_R11_R12, 0.1, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
