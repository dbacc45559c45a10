/* SPDX-License-Identifier: MIT */
/*
 * An allocator that wraps the C library's, and can refuse the Nth request made by libawait's code, or that
 * and all later ones. It also tracks which of these allocations are not freed. It is linked into the program,
 * so its symbols take precedence over the C library's.
 */
#ifndef OOM_FAIL_ALLOC_H
#define OOM_FAIL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#define FAIL_FRAMES 12

/* The call stack of the first refused request, innermost call first. */
typedef struct fail_place {
	void *frames[FAIL_FRAMES];
	int count;
} fail_place;

/*
 * Starts counting requests. Refuses the `nth` (from 1; 0: none), and all later ones if `sticky`.
 */
void fail_arm(long nth, bool sticky);
/* Stops refusing and counting. */
void fail_disarm(void);
/* The number of requests since it was armed. */
long fail_count(void);
/* The number of refused requests. */
long fail_refused(void);
/* The call stack of the first refused request. */
const fail_place *fail_first(void);
/* Calls back for each allocation made since then that is still live; returns how many there are. */
size_t fail_live(void (*fn)(const fail_place *where, void *ud), void *ud);

#endif
