/* SPDX-License-Identifier: MIT */
/* Writes that must not raise SIGPIPE, by calls that have no flag against it. */
#ifndef CORE_NO_SIGPIPE_H
#define CORE_NO_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct no_sigpipe {
	sigset_t before;
	bool was_pending;
} no_sigpipe;

/* Blocks the signal in this thread. */
no_sigpipe no_sigpipe_begin(void);
/*
 * Consumes the signal that a write of `size` bytes has raised, but not one that was pending before. One that has written
 * a part may also have raised it: the reader went away meanwhile. `result`: the bytes written, or -errno.
 */
void no_sigpipe_end(const no_sigpipe *self, int64_t result, size_t size);

#endif
