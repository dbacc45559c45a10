/* SPDX-License-Identifier: MIT */
/* Writes that must not raise SIGPIPE, by calls that have no flag against it. */
#ifndef CORE_NO_SIGPIPE_H
#define CORE_NO_SIGPIPE_H

#include <await/base.h>
#include <signal.h>
#include <stdbool.h>

typedef struct no_sigpipe {
	sigset_t before;
	bool was_pending;
} no_sigpipe;

/* Blocks the signal in this thread. */
no_sigpipe no_sigpipe_begin(void);
/* Consumes the signal that a write has raised, which failed with -EPIPE, but not one that was pending before. */
void no_sigpipe_end(const no_sigpipe *self, aw_status status);

#endif
