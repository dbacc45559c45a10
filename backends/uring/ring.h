/* SPDX-License-Identifier: MIT */
/* Creates a ring, or explains why there is none. */
#ifndef URING_RING_H
#define URING_RING_H

#include <await/backend.h>
#include <liburing.h>
#include <stdbool.h>

/* The size of the completion queue relative to the submission queue. */
enum { RING_COMPLETIONS_PER_ENTRY = 16 };

/*
 * Creates a ring with `entries` entries, or fewer if memory is short; `flags` of ::aw_backend_open_flag. It
 * is not mapped in a forked child.
 */
aw_status ring_create(struct io_uring *ring, unsigned entries, uint32_t flags);
/* Whether the kernel has the features that uring.c needs: Linux 5.11. */
bool ring_has_features(const struct io_uring *ring);
/* The backend's probe: creates a small ring and uses it once. */
aw_status ring_probe(char *why, size_t length);

#endif
