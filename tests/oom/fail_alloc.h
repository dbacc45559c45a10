/* SPDX-License-Identifier: MIT */
/*
 * An allocator in front of the C library's, which can refuse the Nth request that libawait's own code makes,
 * or that and all later ones. It also knows what of those requests is not given back. Part of the program:
 * its symbols come before the C library's.
 */
#ifndef OOM_FAIL_ALLOC_H
#define OOM_FAIL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#define FAIL_FRAMES 12

/* What was refused first: the calls that led there, innermost first. */
typedef struct fail_place {
	void *frames[FAIL_FRAMES];
	int count;
} fail_place;

/*
 * From now on requests are counted; the `nth` (from 1; 0: none) is refused, and those behind it if `sticky`.
 */
void fail_arm(long nth, bool sticky);
/* Nothing is refused or counted any more. */
void fail_disarm(void);
/* How many requests there were since it was armed. */
long fail_count(void);
/* How many were refused. */
long fail_refused(void);
/* Of the first that was refused. */
const fail_place *fail_first(void);
/* Calls back for each piece that was asked for since then and is still there; returns how many. */
size_t fail_live(void (*fn)(const fail_place *where, void *ud), void *ud);

#endif
