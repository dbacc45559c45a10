/* SPDX-License-Identifier: MIT */
/*
 * Gives memory that a peak has left back to the kernel: free objects, free stacks, and the timers' arrays.
 *
 * A loop that has much free memory when it polls sets it aside, and uses it only when nothing else is free. At
 * a poll a second later, or in the middle of a wait, what is still aside is given back. So a program that needs
 * its memory again and again keeps it.
 */
#ifndef CORE_TRIM_H
#define CORE_TRIM_H

#include "loop.h"

/* Free ones that do no harm, and another for each so many in use. */
enum { TRIM_SLOTS_KEPT = 2048, TRIM_STACKS_KEPT = 64, TRIM_PART = 8 };

/* The rest of trim_poll(). */
__attribute__((cold)) void trim_poll_spare(aw_loop *loop, bool has_spare);

/* Called in each poll. */
static inline void trim_poll(aw_loop *loop) {
	const slab_cache *slabs = &loop->domain.slabs;
	const stack_pool *stacks = &loop->stacks;
	bool has_spare = domain_free_slots(&loop->domain) > TRIM_SLOTS_KEPT + slabs->slots / TRIM_PART ||
	                 stacks->hot_count > TRIM_STACKS_KEPT + stacks->live_count / TRIM_PART;
	if (__builtin_expect(has_spare || loop->trim_at, 0)) trim_poll_spare(loop, has_spare);
}

/* Returns when a wait until `deadline` has to end for a trim. */
static inline int64_t trim_bound(const aw_loop *loop, int64_t deadline) {
	if (__builtin_expect(!loop->trim_at, 1)) return deadline;
	/* The short wait would advance a clock of the backend's own. */
	if (loop->backend->capabilities & AW_BACKEND_OWN_CLOCK) return deadline;
	return loop->trim_at < deadline ? loop->trim_at : deadline;
}

#endif
