/* SPDX-License-Identifier: MIT */
/**
 * @file operation.h
 * Operations of other libraries, made awaitable: the library is given an operation when it starts to work, and
 * finishes it from whichever thread it likes; tasks await its future.
 *
 * A cancellation only asks: the operation's cancel function is called, and whoever awaits the future returns
 * when the operation has been finished, so that the library does not use any more what the task owns. If it
 * finishes with a value all the same, the cancellation came too late and the await returns the value, as that
 * of a task does which ends normally after it was cancelled.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_OPERATION_H
#define AWAIT_OPERATION_H

#include <await/base.h>

AW_BEGIN_DECLS

/** Something that another library does, from its start until the library finishes it. */
typedef struct aw_operation aw_operation;

/**
 * Asks the library to end an operation soon. It is called on the loop's thread, at most once, after the
 * future was cancelled or while the loop closes, unless the operation was finished before; another thread
 * may finish the operation meanwhile. It may finish the operation itself, or leave that to the library.
 */
typedef void (*aw_operation_cancel_fn)(aw_operation *operation, void *ud);

/**
 * Creates an operation and its future. `cancel` may be NULL for what cannot be cancelled: the await then
 * ends with the operation. `destroy` is called once with `ud` when the operation has been finished, so that
 * `ud` can own the memory that the library works on: on the loop's thread, or on the thread that finishes
 * the operation after the loop was closed.
 *
 * The loop does not wait for the operation when it closes, and the tasks are ended. Memory that the library
 * still uses then must belong to `ud`, or `cancel` must wait until the library does not use it any more.
 *
 * Returns: 0, and a new reference in `out`. On failure `destroy` was called.
 *
 * Errors: -EINVAL; -ENOMEM.
 */
AW_NODISCARD AW_API aw_status aw_operation_new(aw_loop *loop, aw_operation_cancel_fn cancel, void *ud,
                                               aw_destroy_fn destroy, aw_operation **out);
/**
 * Adds a reference and returns `operation`.
 *
 * Thread: any.
 */
AW_API aw_operation *aw_operation_ref(aw_operation *operation);
/**
 * Drops a reference. If the last one is dropped before the operation was finished, its future fails with
 * -EOWNERDEAD.
 *
 * Thread: any.
 */
AW_API void aw_operation_unref(aw_operation *operation);
/**
 * Retrieves the future of the operation. Dropping it does not end the operation.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL.
 *
 * Cancellation: cancelling the future calls the cancel function from the loop; the future stays pending
 * until the operation is finished.
 */
AW_NODISCARD AW_API aw_status aw_operation_future(aw_operation *operation, aw_future **out);
/**
 * Returns 1 once the future was cancelled or the loop has begun to close, else 0: for a library that looks
 * between two steps.
 *
 * Thread: any.
 */
AW_API aw_bool aw_operation_cancelled(const aw_operation *operation);
/**
 * Finishes the operation with a value, which `destroy` (may be NULL) releases later, on the loop's thread.
 * On the loop's thread, in a task or callback, the future is done at once; from elsewhere the loop is woken.
 * The value is taken in every case: on failure, and after the loop was closed, it is destroyed in this call.
 *
 * Errors: ::AW_EINVALIDSTATE if the operation was finished before; ::AW_ELOOPCLOSED after the loop was
 * closed, which needs no reaction: the operation counts as finished; ::AW_EFORKED.
 *
 * Thread: any.
 *
 * asyncio: loop.call_soon_threadsafe(future.set_result, value).
 */
AW_API aw_status aw_operation_finish(aw_operation *operation, void *value, aw_destroy_fn destroy);
/**
 * Finishes the operation with an integer, an ::AW_VALUE_INTEGER, as aw_operation_finish() does.
 *
 * Errors: those of aw_operation_finish(); -EOVERFLOW if a pointer cannot hold the value, and the operation is
 * not finished then.
 *
 * Thread: any.
 */
AW_API aw_status aw_operation_finish_int(aw_operation *operation, int64_t value);
/**
 * Finishes the operation with a failure, as aw_operation_finish() does with a value. `code` is a status or an
 * errno with either sign; `message` may be NULL and is copied. With ::AW_ECANCELLED the future is cancelled:
 * the outcome for a library that has followed its cancel function.
 *
 * Errors: those of aw_operation_finish(); -EINVAL if `code` is 0.
 *
 * Thread: any.
 *
 * asyncio: loop.call_soon_threadsafe(future.set_exception, error).
 */
AW_API aw_status aw_operation_fail(aw_operation *operation, aw_status code, const char *message);

AW_END_DECLS

#endif
