/* SPDX-License-Identifier: MIT */
/**
 * @file coro.h
 * Coroutines: a step function that runs until it finishes, fails, or names what it awaits.
 *
 * This is the one interface behind C's stackful and stackless coroutines and behind those of every host
 * language. A coroutine does nothing until a task drives it (aw_task_spawn_coro()) or another coroutine
 * awaits it (aw_resume_delegate(), aw_await_coro()). It runs once.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_CORO_H
#define AWAIT_CORO_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * One step of a coroutine. It reads what it was resumed with (aw_resume_status(), aw_resume_value(),
 * aw_resume_error()) and ends with exactly one of aw_resume_return(), aw_resume_raise(), aw_resume_await(),
 * aw_resume_delegate() and aw_resume_yield(), whose status it returns. A plain 0 returns NULL from the
 * coroutine; a plain negative status raises it. ::AW_ESYSTEMEXIT also leaves the loop's run.
 */
typedef aw_status (*aw_step_fn)(aw_resume *resume, void *ud);

/**
 * Creates a coroutine. `destroy(ud)` runs when the coroutine has ended, or once it can no longer run.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: the call of an `async def` function.
 */
AW_NODISCARD AW_API aw_status aw_coro_new(aw_loop *loop, aw_step_fn fn, void *ud, aw_destroy_fn destroy,
                                          aw_coro **out);
/**
 * Adds a reference and returns `coro`.
 *
 * Thread: any.
 */
AW_API aw_coro *aw_coro_ref(aw_coro *coro);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_coro_unref(aw_coro *coro);

/** @name What a step is resumed with */
/**@{*/
/**
 * Returns 0 at the start and after an await that yielded a value; else the status to raise here
 * (::AW_ECANCELLED for a cancellation).
 */
AW_API aw_status aw_resume_status(const aw_resume *resume);
/** Returns the value of the await, borrowed until the step ends. */
AW_API void *aw_resume_value(const aw_resume *resume);
/** Returns the ::aw_value_kind of the value of the await. */
AW_API int32_t aw_resume_value_kind(const aw_resume *resume);
/** Returns the error to raise here, borrowed until the step ends, or NULL. */
AW_API aw_error *aw_resume_error(const aw_resume *resume);
/** Returns the task that drives this coroutine, borrowed. */
AW_API aw_task *aw_resume_task(const aw_resume *resume);
/**@}*/

/**
 * @name What a step ends with
 *
 * Each function returns the status that the step returns in turn.
 */
/**@{*/
/**
 * Ends the coroutine with a value, which the task or the awaiting coroutine then owns. On failure the
 * caller keeps the value.
 *
 * asyncio: `return value`.
 */
AW_NODISCARD AW_API aw_status aw_resume_return(aw_resume *resume, void *value, aw_destroy_fn destroy);
/**
 * Ends the coroutine with an error, to which it adds its own reference.
 *
 * asyncio: `raise error`.
 */
AW_API aw_status aw_resume_raise(aw_resume *resume, aw_error *error);
/**
 * Awaits a future, to which it adds its own reference. A future that is done already does not suspend the
 * task.
 *
 * asyncio: `await future`.
 */
AW_API aw_status aw_resume_await(aw_resume *resume, aw_future *future);
/**
 * Awaits another coroutine, which runs in the same task.
 *
 * asyncio: `await coro`.
 */
AW_API aw_status aw_resume_delegate(aw_resume *resume, aw_coro *coro);
/**
 * Suspends the task for one iteration, so that others run.
 *
 * asyncio: `await sleep(0)`.
 */
AW_API aw_status aw_resume_yield(aw_resume *resume);
/**@}*/

AW_END_DECLS

#endif
