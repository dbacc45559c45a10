/* SPDX-License-Identifier: MIT */
/**
 * @file iterator.h
 * `async for` and `async with`: iterators whose next item is awaited, and scopes whose exit is awaited on
 * every way out.
 */
#ifndef AWAIT_ITERATOR_H
#define AWAIT_ITERATOR_H

#include <await/base.h>
#include <await/task.h>

AW_BEGIN_DECLS

typedef struct aw_iterator aw_iterator; /**< an asynchronous iterator */

/**
 * Gives the next item, with its destroy, or ::AW_ESTOPITERATION at the end. Runs in the stackful task that
 * asks, and may await. Python: __anext__.
 */
typedef aw_status (*aw_next_fn)(void *ud, void **out, aw_destroy_fn *out_destroy);
/**
 * Makes the coroutine that gives the next item (new reference), for hosts and step coroutines. Runs on the
 * thread's own stack.
 */
typedef aw_status (*aw_next_coro_fn)(void *ud, aw_coro **out);

/** An iterator over what `fn` gives. New reference. */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_iterator_new(aw_loop *loop, aw_next_fn fn, void *ud,
                                                          aw_destroy_fn destroy, aw_iterator **out);
/** An iterator over what the coroutines of `fn` give. New reference. */
AW_NODISCARD AW_API aw_status aw_iterator_new_coro(aw_loop *loop, aw_next_coro_fn fn, void *ud,
                                                   aw_destroy_fn destroy, aw_iterator **out);
/** Takes one more reference and returns `iterator`. Any thread. */
AW_API aw_iterator *aw_iterator_ref(aw_iterator *iterator);
/** Gives one reference back. Any thread. */
AW_API void aw_iterator_unref(aw_iterator *iterator);
/**
 * The next item, which moves to the caller, its destroy to `out_destroy` (optional). ::AW_ESTOPITERATION at
 * the end. In a stackful task.
 * Python: one turn of `async for`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_iterator_next(aw_iterator *iterator, void **out,
                                                           aw_destroy_fn *out_destroy);
/**
 * The next item as a future, which a task of its own brings; take it out with aw_future_take_result(). New
 * reference. anext().
 */
AW_NODISCARD AW_API aw_status aw_iterator_next_future(aw_iterator *iterator, aw_future **out);

/**
 * Leaves a scope whose body ended with `body`. 0 lets that pass, 1 swallows a failure, a negative status
 * takes its place. May await, also when the body was cancelled. Python: __aexit__.
 */
typedef aw_status (*aw_exit_fn)(void *ud, aw_status body);

/**
 * Runs `enter`, and if it succeeded `body` and then, on every way out, `leave`; all with `ud`, in the
 * stackful task that calls. Returns what the scope ends with; the error object of the body is passed on with
 * its status. `enter` may be NULL. Python: `async with`.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_with(aw_task_fn enter, aw_task_fn body, aw_exit_fn leave,
                                                  void *ud);

AW_END_DECLS

#endif
