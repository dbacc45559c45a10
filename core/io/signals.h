/* SPDX-License-Identifier: MIT */
/* What the runner asks before it handles a signal. */
#ifndef CORE_SIGNALS_H
#define CORE_SIGNALS_H

#include "loop.h"

#include <stdbool.h>

/*
 * Whether the signal has its default action: the program neither ignores it nor handles it. Handlers of other loops
 * do not count.
 */
bool signal_is_default(const aw_loop *loop, int number);

#endif
