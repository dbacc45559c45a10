/* SPDX-License-Identifier: MIT */
/**
 * @file iterator.h
 * `async for` and `async with`: iterators whose next item is awaited, and scopes whose exit is awaited on
 * every way out.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_ITERATOR_H
#define AWAIT_ITERATOR_H

#include <await/base.h>
#include <await/task.h>

AW_BEGIN_DECLS

typedef struct aw_iterator aw_iterator; /**< an asynchronous iterator */

/**
 * Returns the next item, with its destroy, or ::AW_ESTOPITERATION at the end. It runs in the stackful task
 * that calls aw_iterator_next(), and may await. Python: `__anext__`.
 */
typedef aw_status (*aw_next_fn)(void *ud, void **out, aw_destroy_fn *out_destroy);
/**
 * Creates the coroutine that returns the next item (new reference), for hosts and step coroutines. It runs
 * on the thread's own stack.
 */
typedef aw_status (*aw_next_coro_fn)(void *ud, aw_coro **out);

/**
 * Creates an iterator over the items that `fn` returns.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_iterator_new(aw_loop *loop, aw_next_fn fn, void *ud,
                                                          aw_destroy_fn destroy, aw_iterator **out);
/**
 * Creates an iterator over the items that the coroutines of `fn` return.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_iterator_new_coro(aw_loop *loop, aw_next_coro_fn fn, void *ud,
                                                   aw_destroy_fn destroy, aw_iterator **out);
/**
 * Adds a reference and returns `iterator`.
 *
 * Thread: any.
 */
AW_API aw_iterator *aw_iterator_ref(aw_iterator *iterator);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_iterator_unref(aw_iterator *iterator);
/**
 * Awaits the next item. The item moves to the caller, and its destroy to `out_destroy` (optional). Must be
 * called in a stackful task.
 *
 * Errors: ::AW_ESTOPITERATION at the end; those of the iterator's function.
 *
 * asyncio: one step of `async for`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_iterator_next(aw_iterator *iterator, void **out,
                                                           aw_destroy_fn *out_destroy);
/**
 * Creates a future of the next item, which a separate task awaits. Take the item with
 * aw_future_take_result().
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: anext().
 */
AW_NODISCARD AW_API aw_status aw_iterator_next_future(aw_iterator *iterator, aw_future **out);

/**
 * Leaves a scope whose body ended with `body`. Returns 0 to pass that status on, 1 to suppress a failure,
 * or a negative status to replace it. It may await, also if the body was cancelled. Python: `__aexit__`.
 */
typedef aw_status (*aw_exit_fn)(void *ud, aw_status body);

/**
 * Runs `enter`, and if that succeeds `body` and then, on every way out, `leave`. Each gets `ud` and runs in
 * the calling stackful task. `enter` may be NULL.
 *
 * Returns: the status with which the scope ends. If it is that of the body, the body's error object is
 * passed on with it.
 *
 * asyncio: `async with`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_with(aw_task_fn enter, aw_task_fn body, aw_exit_fn leave,
                                                  void *ud);

AW_END_DECLS

#endif
