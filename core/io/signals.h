/* SPDX-License-Identifier: MIT */
/* The loop's signal handlers. */
#ifndef CORE_SIGNALS_H
#define CORE_SIGNALS_H

#include "loop.h"

/* The loop closed: what it still watches is given up. */
/* For a loop that has `signals`. Whether a signal may come without its doorbell: no sleep is long then. */
bool signals_refused(const aw_loop *loop);
/* After a wait: queues the watches of signals that came without it. */
void signals_look_for_lost(aw_loop *loop);
void signals_free(aw_loop *loop);

#endif
