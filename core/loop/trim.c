/* SPDX-License-Identifier: MIT */
#include "trim.h"

#include <time.h>

/* How long the memory is aside; and by what factor that is longer than the last trim took. */
#define TRIM_AFTER AW_SECOND
enum { TRIM_SHARE = 100 };

/* Real time, also where the backend has its own: a virtual second takes no time. */
static int64_t trim_now(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * AW_SECOND + now.tv_nsec;
}

void trim_poll_spare(aw_loop *loop, bool has_spare) {
	int64_t now = trim_now();
	if (loop->trim_at) {
		if (now < loop->trim_at) return;
		slab_trim(&loop->domain.slabs);
		stack_pool_trim(&loop->stacks);
		timers_trim(&loop->timers);
		loop->trim_at = 0;
		loop->trim_cost = trim_now() - now;
		return; /* the next poll looks again */
	}
	if (!has_spare) return;
	int64_t after = loop->trim_cost * TRIM_SHARE;
	loop->trim_at = now + (after > TRIM_AFTER ? after : TRIM_AFTER);
	slab_set_aside(&loop->domain.slabs);
	stack_pool_set_aside(&loop->stacks);
}
