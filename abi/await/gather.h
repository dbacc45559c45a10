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
 * A future that is done when all of `futures` are; its value is an ::aw_results in argument order. The first
 * failure ends it at once and the others go on. A future given twice counts twice and runs once. Of nothing:
 * a future that is done. Cancelling it cancels every child. The children are referenced as long as they are
 * needed. New reference. Errors: ::AW_EFOREIGNLOOP, ::AW_EBADHANDLE. asyncio.gather.
 */
AW_NODISCARD AW_API aw_status aw_gather(aw_loop *loop, aw_future *const *futures, size_t count,
                                        uint32_t flags, aw_future **out);

/**
 * Spawns a task of `fn` for each of `count` inputs, as aw_task_spawn() does with `inputs[i]` as its `ud`, and
 * gathers them as aw_gather() does. What the inputs point to must live until the tasks end: until the future
 * is done, unless a task failed or was cancelled, since the others then continue. The array itself is only
 * read during the call.
 *
 * Returns: 0, and a new reference to the future in `out`; its value is an ::aw_results in the order of the
 * inputs. Errors: those of aw_task_spawn() and aw_gather(). Where a task can't be made, those already made
 * are cancelled before their first step.
 *
 * asyncio: gather(*map(fn, inputs)).
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_gather_map(aw_loop *loop, aw_task_fn fn, void *const *inputs,
                                                        size_t count, uint32_t flags, aw_future **out);
/**
 * As aw_gather_map(), with a function of its own for each input: the tasks run `fns[i](inputs[i])`.
 *
 * Returns: 0, and a new reference to the future in `out`. Errors: as aw_gather_map(). asyncio: gather(f(x),
 * g(y)).
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_gather_each(aw_loop *loop, const aw_task_fn *fns,
                                                         void *const *inputs, size_t count, uint32_t flags,
                                                         aw_future **out);
/**
 * aw_gather_map(), awaited by the stackful task that calls. Where a task fails, the call returns and the
 * others continue: what the inputs point to must then outlive the caller.
 *
 * Returns: 0, and in `out` (optional) a new reference to the results in the order of the inputs; or the first
 * failure. Errors: ::AW_ENOTASK; those of aw_gather_map() and aw_await(). Cancellation: cancels every task,
 * and waits for them.
 *
 * asyncio: `await gather(*map(fn, inputs))`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_gather_run(aw_task_fn fn, void *const *inputs, size_t count,
                                                        uint32_t flags, aw_results **out);
/** aw_gather_each(), awaited as by aw_gather_run(). asyncio: `await gather(f(x), g(y))`. */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_gather_run_each(const aw_task_fn *fns, void *const *inputs,
                                                             size_t count, uint32_t flags, aw_results **out);

/**
 * A future that follows `future`, but whose cancellation does not reach it. If `future` is done it is
 * returned itself. A failure that comes after the cancellation is reported to the exception handler. New
 * reference. asyncio.shield.
 */
AW_NODISCARD AW_API aw_status aw_shield(aw_future *future, aw_future **out);

AW_END_DECLS

#endif
