/* SPDX-License-Identifier: MIT */
/* Runs one case, supervised by this process. */
#ifndef CONFORMANCE_CHILD_H
#define CONFORMANCE_CHILD_H

#include "case.h"

/* The exit status of a child, as bits. */
enum child_exit {
	CHILD_GOOD = 0,
	CHILD_BAD = 1,
	CHILD_STARVED = 4 /* it was runnable but had no core, so its timing is not conclusive */
};

/*
 * Runs the case in a forked process for at most `limit` seconds, and checks what it leaves behind. The trace
 * goes to stdout, errors go to stderr. Returns the exit status.
 */
int child_run(const conf_case *self, double limit);

#endif
