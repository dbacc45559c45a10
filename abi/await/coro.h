/* SPDX-License-Identifier: MIT */
/**
 * @file coro.h
 * The coroutine: a step function that runs until it finishes, fails, or names what it awaits.
 *
 * It is the one interface behind C's stackful and stackless coroutines and behind every host language's own.
 * A coroutine does nothing until a task drives it (aw_task_spawn_coro()) or another coroutine awaits it
 * (aw_resume_delegate(), aw_await_coro()), and runs once.
 */
#ifndef AWAIT_CORO_H
#define AWAIT_CORO_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * One step. It looks at what was sent (aw_resume_status(), aw_resume_value(), aw_resume_error()) and ends
 * with exactly one of aw_resume_return(), aw_resume_raise(), aw_resume_await(), aw_resume_delegate() and
 * aw_resume_yield(), whose status it returns. A bare 0 returns NULL from the coroutine; a bare negative
 * status raises it. ::AW_ESYSTEMEXIT also leaves the loop's run.
 */
typedef aw_status (*aw_step_fn)(aw_resume *resume, void *ud);

/**
 * Makes a coroutine; `destroy(ud)` runs when it has ended or can't run any more. New reference. A call of an
 * `async def`.
 */
AW_NODISCARD AW_API aw_status aw_coro_new(aw_loop *loop, aw_step_fn fn, void *ud, aw_destroy_fn destroy,
                                          aw_coro **out);
/** Takes one more reference and returns `coro`. Any thread. */
AW_API aw_coro *aw_coro_ref(aw_coro *coro);
/** Gives one reference back. Any thread. */
AW_API void aw_coro_unref(aw_coro *coro);

/** @name What was sent */
/**@{*/
/**
 * 0 at the start or when what was awaited gave a value; else the status to be raised here (::AW_ECANCELLED
 * for a cancellation).
 */
AW_API aw_status aw_resume_status(const aw_resume *resume);
/** The value of what was awaited, borrowed until the step ends. */
AW_API void *aw_resume_value(const aw_resume *resume);
/** Which of ::aw_value_kind that value is. */
AW_API int32_t aw_resume_value_kind(const aw_resume *resume);
/** The error to be raised here, borrowed until the step ends, or NULL. */
AW_API aw_error *aw_resume_error(const aw_resume *resume);
/** The task that drives this coroutine, borrowed. */
AW_API aw_task *aw_resume_task(const aw_resume *resume);
/**@}*/

/** @name What the step answers: each returns the status that the step returns in turn */
/**@{*/
/**
 * Ends with a value, which the task or the awaiting coroutine then owns. On failure it stays the caller's.
 */
AW_NODISCARD AW_API aw_status aw_resume_return(aw_resume *resume, void *value, aw_destroy_fn destroy);
/** Ends with an error (takes its own reference). */
AW_API aw_status aw_resume_raise(aw_resume *resume, aw_error *error);
/** Awaits a future (takes its own reference). One that is done does not suspend the task. */
AW_API aw_status aw_resume_await(aw_resume *resume, aw_future *future);
/** Awaits another coroutine, which runs in the same task. */
AW_API aw_status aw_resume_delegate(aw_resume *resume, aw_coro *coro);
/** Lets the others run for one iteration: `await asyncio.sleep(0)`. */
AW_API aw_status aw_resume_yield(aw_resume *resume);
/**@}*/

AW_END_DECLS

#endif
