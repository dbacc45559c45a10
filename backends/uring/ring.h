/* SPDX-License-Identifier: MIT */
/* Making a ring, or saying why there is none. */
#ifndef URING_RING_H
#define URING_RING_H

#include <await/backend.h>
#include <liburing.h>
#include <stdbool.h>

/* How many times larger the completion ring is than the submission queue. */
enum { RING_COMPLETIONS_PER_ENTRY = 16 };

/*
 * A ring of `entries`, or of fewer where memory is short; `flags` of ::aw_backend_open_flag. A forked child
 * doesn't have it mapped.
 */
aw_status ring_create(struct io_uring *ring, unsigned entries, uint32_t flags);
/* Whether the kernel has what uring.c builds on: Linux 5.11. */
bool ring_has_features(const struct io_uring *ring);
/* The backend's probe: makes a small ring and uses it once. */
aw_status ring_probe(char *why, size_t length);

#endif
