/* SPDX-License-Identifier: MIT */
/*
 * A write without SIGPIPE, for system calls that have no flag like MSG_NOSIGNAL: the signal is blocked for the
 * thread meanwhile, and the one that the call raised is consumed, but not one that was pending before.
 */
#ifndef BACKENDS_SIGPIPE_H
#define BACKENDS_SIGPIPE_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

typedef struct sigpipe_guard {
	sigset_t before;
	bool had_one;
} sigpipe_guard;

static inline sigset_t sigpipe_set(void) {
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return set;
}

static inline void sigpipe_block(sigpipe_guard *self) {
	sigset_t set = sigpipe_set(), pending;
	pthread_sigmask(SIG_BLOCK, &set, &self->before);
	/* It can be pending only if it was blocked. */
	self->had_one = sigismember(&self->before, SIGPIPE) == 1 && sigpending(&pending) == 0 &&
	                sigismember(&pending, SIGPIPE) == 1;
}

/* `raised`: the call has failed with EPIPE. Leaves errno alone. */
static inline void sigpipe_restore(const sigpipe_guard *self, bool raised) {
	int saved = errno;
	if (raised && !self->had_one) {
		const sigset_t set = sigpipe_set();
		const struct timespec at_once = {0, 0};
		while (sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR) continue;
	}
	pthread_sigmask(SIG_SETMASK, &self->before, NULL);
	errno = saved;
}

#endif
