/* SPDX-License-Identifier: MIT */
/**
 * @file gather.h
 * gather and shield: futures made of futures.
 */
#ifndef AWAIT_GATHER_H
#define AWAIT_GATHER_H

#include <await/base.h>
#include <await/task.h>

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
AW_NODISCARD AW_API aw_status aw_gather(aw_loop *loop, aw_future *const *futures, size_t count, uint32_t flags,
                                        aw_future **out);

/**
 * Spawns a task of `fn` for each of `count` inputs, as aw_task_spawn() does with `inputs[i]` as its `ud`, and gathers them as
 * aw_gather() does. What the inputs point to must live until the tasks end: until the future is done, unless a task failed or
 * was cancelled, since the others then continue. The array itself is only read during the call.
 *
 * Returns: 0, and a new reference to the future in `out`; its value is an ::aw_results in the order of the inputs. Errors: those
 * of aw_task_spawn() and aw_gather(). Where a task can't be made, those already made are cancelled before their first step.
 *
 * asyncio: gather(*map(fn, inputs)).
 */
AW_NODISCARD AW_API aw_status aw_gather_map(aw_loop *loop, aw_task_fn fn, void *const *inputs, size_t count, uint32_t flags,
                                            aw_future **out);

/**
 * A future that follows `future`, but whose cancellation does not reach it. If `future` is done it is returned itself. A failure that
 * comes after the cancellation is reported to the exception handler. New reference. asyncio.shield.
 */
AW_NODISCARD AW_API aw_status aw_shield(aw_future *future, aw_future **out);

AW_END_DECLS

#endif
