/* SPDX-License-Identifier: MIT */
/* The operations that not every kernel's ring performs: which, and their entries. */
#ifndef URING_ENTRY_H
#define URING_ENTRY_H

#include <await/backend.h>
#include <liburing.h>
#include <stdbool.h>

/* Returns the operations of the kernel's ring that are used here and that it has, as bits; 0 if that can't be told. */
uint64_t entry_opcodes(struct io_uring *ring);
/* Whether a ring with these performs the operation. */
bool entry_has(uint64_t opcodes, const aw_op *op);
/* Fills an entry in, all but `user_data`, for a kind from ::AW_OP_READV on. */
void entry_prepare(const aw_op *op, struct io_uring_sqe *sqe);
/*
 * Whether the owner keeps the descriptors open until the completion, so that their numbers may be used at any
 * time; and whether the operation is one of those that readiness.c does not perform.
 */
bool entry_keeps_open(const aw_op *op);
bool entry_is_of_files(const aw_op *op);

#endif
