/* SPDX-License-Identifier: MIT */
/**
 * @file gather.h
 * gather and shield: futures made of futures.
 */
#ifndef AWAIT_GATHER_H
#define AWAIT_GATHER_H

#include <await/base.h>

AW_BEGIN_DECLS

/** Flags of aw_gather(). */
enum aw_gather_flag {
	AW_GATHER_DEFAULT = 0,
	AW_GATHER_RETURN_ERRORS = 1 /**< errors and cancellations are results too (return_exceptions=True) */
};

/**
 * A future that is done when all of `futures` are; its value is an ::aw_results in argument order. The first failure ends it at once and
 * the others go on. A future given twice counts twice and runs once. Of nothing: a future that is done. Cancelling it cancels every
 * child. The children are referenced as long as they are needed. New reference. Errors: ::AW_EFOREIGNLOOP, ::AW_EBADHANDLE.
 * asyncio.gather.
 */
AW_NODISCARD AW_API aw_status aw_gather(aw_loop *loop, aw_future *const *futures, size_t count, uint32_t flags, aw_future **out);

/**
 * A future that follows `future`, but whose cancellation does not reach it. If `future` is done it is returned itself. A failure that
 * comes after the cancellation is reported to the exception handler. New reference. asyncio.shield.
 */
AW_NODISCARD AW_API aw_status aw_shield(aw_future *future, aw_future **out);

AW_END_DECLS

#endif
