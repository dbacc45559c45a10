/* SPDX-License-Identifier: MIT */
/* One case, carried out by this process. */
#ifndef CONFORMANCE_CHILD_H
#define CONFORMANCE_CHILD_H

#include "case.h"

/* The exit status of a child, as bits. */
enum child_exit {
	CHILD_GOOD = 0,
	CHILD_BAD = 1,
	CHILD_STARVED = 4 /* it was ready to run, and others had the cores: its times say nothing */
};

/*
 * Runs the case in a forked process, watches over it for `limit` seconds at most, and looks at what it leaves
 * behind. The trace goes to stdout, what is wrong to stderr. Returns the exit status.
 */
int child_run(const conf_case *self, double limit);

#endif
