/* SPDX-License-Identifier: MIT */
/**
 * @file gather.h
 * gather and shield: futures that combine other futures.
 *
 * Since 0.1.0, unless an entry says otherwise.
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
 * Creates a future that is done when all of `futures` are. Its value is an ::aw_results in argument order.
 * The first failure completes it at once, and the other futures continue. A future that is passed twice
 * counts twice and runs once. With no futures, the result is a future that is done. References to `futures`
 * are held for as long as they are needed.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: ::AW_EFOREIGNLOOP; ::AW_EBADHANDLE.
 *
 * Cancellation: cancelling the new future cancels every one of `futures`.
 *
 * asyncio: gather.
 */
AW_NODISCARD AW_API aw_status aw_gather(aw_loop *loop, aw_future *const *futures, size_t count,
                                        uint32_t flags, aw_future **out);

/**
 * Creates a task that runs `fn` for each of `count` inputs, as aw_task_spawn() does with `inputs[i]` as its
 * `ud`, and gathers the tasks as aw_gather() does. The data that the inputs point to must live until the
 * tasks end: that is until the future is done, except where a task failed or was cancelled, because the
 * other tasks then continue. The array itself is read only during the call.
 *
 * Returns: 0, and a new reference to the future in `out`. Its value is an ::aw_results in the order of the
 * inputs.
 *
 * Errors: those of aw_task_spawn() and aw_gather(). If a task cannot be created, the tasks created so far
 * are cancelled before their first step.
 *
 * asyncio: gather(*map(fn, inputs)).
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_gather_map(aw_loop *loop, aw_task_fn fn, void *const *inputs,
                                                        size_t count, uint32_t flags, aw_future **out);
/**
 * Creates and gathers tasks as aw_gather_map() does, with a separate function for each input: the tasks run
 * `fns[i](inputs[i])`.
 *
 * Returns: 0, and a new reference to the future in `out`.
 *
 * Errors: those of aw_gather_map().
 *
 * asyncio: gather(f(x), g(y)).
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_gather_each(aw_loop *loop, const aw_task_fn *fns,
                                                         void *const *inputs, size_t count, uint32_t flags,
                                                         aw_future **out);
/**
 * Gathers as aw_gather_map() does, and awaits the result in the calling stackful task. If a task fails, the
 * call returns and the other tasks continue; the data that the inputs point to must then outlive the
 * caller.
 *
 * Returns: 0, and in `out` (optional) a new reference to the results in the order of the inputs; or the
 * first failure.
 *
 * Errors: ::AW_ENOTASK; those of aw_gather_map() and aw_await().
 *
 * Cancellation: cancels every task and waits for them.
 *
 * asyncio: `await gather(*map(fn, inputs))`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_gather_run(aw_task_fn fn, void *const *inputs, size_t count,
                                                        uint32_t flags, aw_results **out);
/**
 * Gathers as aw_gather_each() does, and awaits the result as aw_gather_run() does.
 *
 * Returns: as aw_gather_run().
 *
 * Errors: those of aw_gather_run().
 *
 * Cancellation: as aw_gather_run().
 *
 * asyncio: `await gather(f(x), g(y))`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_gather_run_each(const aw_task_fn *fns, void *const *inputs,
                                                             size_t count, uint32_t flags, aw_results **out);

/**
 * Creates a future that follows `future`, but does not pass a cancellation on to it. If `future` is done,
 * it is returned itself. If `future` fails after the cancellation, the failure is reported to the exception
 * handler.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: shield.
 */
AW_NODISCARD AW_API aw_status aw_shield(aw_future *future, aw_future **out);

AW_END_DECLS

#endif
