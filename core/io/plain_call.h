/* SPDX-License-Identifier: MIT */
/* Operations on the file system as plain system calls, for backends without them. */
#ifndef CORE_IO_PLAIN_CALL_H
#define CORE_IO_PLAIN_CALL_H

#include <await/backend.h>
#include <stdbool.h>

/* Whether the operation is one of these: ::AW_OP_OPENAT to ::AW_OP_FTRUNCATE. */
bool plain_call_is(uint32_t kind);
/* Performs it, on a thread that may block. Returns what its `result` would be. */
int64_t plain_call(const aw_op *op);

#endif
