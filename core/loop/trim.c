/* SPDX-License-Identifier: MIT */
#include "trim.h"

#include <time.h>

/* How long the memory must have been free, and how much longer than the last trim that took. */
#define TRIM_AFTER AW_SECOND
enum { TRIM_SHARE = 100 };

/* Real time, also where the backend has its own: a virtual second takes no time. */
static int64_t trim_now(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * AW_SECOND + now.tv_nsec;
}

void trim_poll_spare(aw_loop *loop) {
	int64_t now = trim_now();
	if (!loop->trim_at) {
		int64_t after = loop->trim_cost * TRIM_SHARE;
		loop->trim_at = now + (after > TRIM_AFTER ? after : TRIM_AFTER);
	}
	if (now < loop->trim_at) return;
	slab_trim(&loop->domain.slabs);
	stack_pool_trim(&loop->stacks);
	timers_trim(&loop->timers);
	loop->trim_at = 0;
	loop->trim_cost = trim_now() - now;
}
