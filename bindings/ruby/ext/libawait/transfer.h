/* SPDX-License-Identifier: MIT */
/* Reads and writes without blocking the thread, whatever the descriptor's flags. */
#ifndef RUBY_TRANSFER_H
#define RUBY_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct transfer {
	int fd;
	bool writes;
	void *base;
	size_t size;
	int64_t position; /* negative: the descriptor's own */
	ssize_t result;
} transfer;

/* The number of bytes, or a negative errno: -EAGAIN if it would block. */
ssize_t transfer_now(transfer *self);

#endif
