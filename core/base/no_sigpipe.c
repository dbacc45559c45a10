/* SPDX-License-Identifier: MIT */
#include "no_sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

no_sigpipe no_sigpipe_begin(void) {
	no_sigpipe self = {.was_pending = false};
	sigset_t one, pending;
	sigemptyset(&one);
	sigaddset(&one, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &one, &self.before);
	/* It can be pending only if it was blocked. */
	if (sigismember(&self.before, SIGPIPE) == 1)
		self.was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
	return self;
}

void no_sigpipe_end(const no_sigpipe *self, int64_t result, size_t size) {
	bool may_be_raised = result == -EPIPE || (result >= 0 && (size_t)result < size);
	if (may_be_raised && !self->was_pending) {
		sigset_t one;
		sigemptyset(&one);
		sigaddset(&one, SIGPIPE);
		const struct timespec at_once = {0, 0};
		while (sigtimedwait(&one, NULL, &at_once) < 0 && errno == EINTR) continue;
	}
	pthread_sigmask(SIG_SETMASK, &self->before, NULL);
}
