/* SPDX-License-Identifier: MIT */
/* The loop's signal handlers. */
#ifndef CORE_SIGNALS_H
#define CORE_SIGNALS_H

#include "loop.h"

/* A ring of the doorbell was refused: looks whether a signal has come. Called once an iteration. */
void signals_look(struct signals *self);
/* The loop closed: what it still watches is given up. */
void signals_free(aw_loop *loop);

#endif
