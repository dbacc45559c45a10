/* SPDX-License-Identifier: MIT */
/* One case, carried out by this process. */
#ifndef CONFORMANCE_CHILD_H
#define CONFORMANCE_CHILD_H

#include "case.h"

/*
 * Runs the case in a forked process, watches over it for `limit` seconds at most, and looks at what it leaves behind. The trace goes to
 * stdout, what is wrong to stderr. Returns the exit status: 0 if nothing is wrong.
 */
int child_run(const conf_case *self, double limit);

#endif
