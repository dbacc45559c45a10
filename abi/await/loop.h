/* SPDX-License-Identifier: MIT */
/**
 * @file loop.h
 * The event loop: creating and running it, scheduling callbacks, waiting and dispatching separately, and
 * running as a guest of another loop.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_LOOP_H
#define AWAIT_LOOP_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * A plain callback. Returns 0 on success. A negative status is reported to the exception handler and the
 * loop continues, except for ::AW_ESYSTEMEXIT, which leaves the running `aw_loop_run_*` call at once and
 * keeps the rest of the batch queued. A positive status has no meaning and is reported in debug mode: it
 * may be an errno that lacks its minus sign.
 */
typedef aw_status (*aw_callback_fn)(aw_loop *loop, void *ud);

/**
 * Receives unhandled failures: those that no caller sees. `report` is valid during the call. Returns 0, or
 * a negative status if the handler itself failed.
 */
typedef aw_status (*aw_exception_fn)(aw_loop *loop, const aw_report *report, void *ud);

/** @name Creation and lifetime */
/**@{*/
/**
 * Creates a loop on a backend. `backend` is a name, the full path of a plug-in, or a comma-separated list
 * of these in order of preference ("uring,epoll"). NULL selects `AWAIT_BACKEND`, or "epoll" if that is not
 * set. A backend that cannot be used is an error; aw_backend_explain() gives the reason.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: ::AW_ENOBACKEND; ::AW_EBACKENDABI; -EPERM for a plug-in that another user could have put there;
 * -ENOSYS; -EMFILE; -ENOMEM.
 *
 * Thread: any.
 *
 * asyncio: new_event_loop.
 */
AW_NODISCARD AW_API aw_status aw_loop_new(const char *backend, aw_loop **out);
/**
 * Creates a loop as aw_loop_new() does, with `flags` of ::aw_loop_flag and with `seed` for the order of the
 * virtual backend.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of aw_loop_new().
 *
 * Thread: any.
 */
AW_NODISCARD AW_API aw_status aw_loop_new_with(const char *backend, uint32_t flags, uint64_t seed,
                                               aw_loop **out);

/** Flags of aw_loop_new_with(). */
enum aw_loop_flag {
	AW_LOOP_DEFAULT = 0,
	/** one thread drives the loop for its whole life: lets io_uring use SINGLE_ISSUER and DEFER_TASKRUN */
	AW_LOOP_SINGLE_THREAD = 1,
	AW_LOOP_DEBUG = 2 /**< debug mode from the start */
};

/**
 * Adds a reference and returns `loop`.
 *
 * Thread: any.
 */
AW_API aw_loop *aw_loop_ref(aw_loop *loop);
/**
 * Drops a reference. Dropping the last one closes the loop if it is still open.
 *
 * Thread: any; for the last reference, see aw_loop_close().
 */
AW_API void aw_loop_unref(aw_loop *loop);
/**
 * Closes the loop. Work that has not started is dropped. Stackful tasks that are still alive are resumed
 * once with ::AW_ELOOPCLOSED so that they unwind. Children are killed and reaped, unless they are detached.
 * Every destroy runs. Calls on handles that outlive the loop fail with ::AW_ELOOPCLOSED. Closing a closed
 * loop does nothing.
 *
 * Errors: ::AW_ELOOPRUNNING while the loop runs.
 *
 * asyncio: loop.close.
 */
AW_API aw_status aw_loop_close(aw_loop *loop);
/**
 * Releases an inherited loop in a forked child: closes this process's copies of the loop's descriptors and
 * frees the loop's memory, without touching the parent's kernel objects and without running any callback.
 * It is the only call that a child may make on an inherited loop.
 */
AW_API aw_status aw_loop_abandon(aw_loop *loop);
/**
 * Returns 1 while the loop runs, in any thread, else 0.
 *
 * asyncio: loop.is_running.
 */
AW_API aw_bool aw_loop_is_running(const aw_loop *loop);
/**
 * Returns 1 once aw_loop_close() was called, else 0.
 *
 * asyncio: loop.is_closed.
 */
AW_API aw_bool aw_loop_is_closed(const aw_loop *loop);
/** Returns the name of the loop's backend, valid as long as the loop lives. */
AW_API const char *aw_loop_backend(const aw_loop *loop);
/**
 * Returns the loop that runs in the calling thread, borrowed, or NULL if none runs.
 *
 * Thread: any.
 *
 * asyncio: get_running_loop.
 */
AW_API aw_loop *aw_loop_current(void);
/** Stores one pointer for the host, for example its wrapper object. Destroys the pointer stored before. */
AW_API aw_status aw_loop_set_host_data(aw_loop *loop, void *data, aw_destroy_fn destroy);
/** Returns the pointer that aw_loop_set_host_data() stored, or NULL. */
AW_API void *aw_loop_host_data(const aw_loop *loop);
/**@}*/

/** @name Running */
/**@{*/
/**
 * Runs the loop until aw_loop_stop() is called.
 *
 * Returns: 0, or ::AW_ESYSTEMEXIT.
 *
 * asyncio: loop.run_forever.
 */
AW_NODISCARD AW_API aw_status aw_loop_run_forever(aw_loop *loop);
/**
 * Runs the loop until `future` is done and returns the status of the future. `out` (optional) receives its
 * value, borrowed from the future.
 *
 * Errors: those of the future; ::AW_ESTOPPED if the loop was stopped first, which leaves the future
 * unchanged, and the loop can run again.
 *
 * asyncio: loop.run_until_complete.
 */
AW_NODISCARD AW_API aw_status aw_loop_run_until_complete(aw_loop *loop, aw_future *future, void **out);
/**
 * Waits once, for at most `timeout_ns` (negative: no limit), and dispatches once.
 *
 * Returns: the number of callbacks run.
 */
AW_NODISCARD AW_API aw_status aw_loop_run_once(aw_loop *loop, int64_t timeout_ns);
/**
 * Leaves the run once the current batch has ended. If the loop does not run, its next run makes one
 * iteration.
 *
 * asyncio: loop.stop.
 */
AW_API aw_status aw_loop_stop(aw_loop *loop);
/**
 * Returns 1 if aw_loop_stop() was called since the last run or since the last call of this function, and
 * clears that request. For hosts that run the loop by aw_loop_wait() and aw_loop_dispatch().
 */
AW_API aw_bool aw_loop_take_stop(aw_loop *loop);
/**
 * Returns the time of the loop's clock, in nanoseconds.
 *
 * asyncio: loop.time.
 */
AW_API int64_t aw_loop_time(const aw_loop *loop);
/**@}*/

/** @name Wait and dispatch: the two halves of an iteration, for hosts that hold a lock */
/**@{*/
/**
 * Waits until there is something to dispatch, for at most `timeout_ns` (negative: no limit; 0: does not
 * block). Never runs a callback. Meanwhile other threads may only call aw_loop_wakeup(),
 * aw_loop_call_soon_threadsafe(), and `_ref` and `_unref` functions. If one of them drops the last
 * reference, the loop is closed before aw_loop_wait() returns.
 *
 * Returns: 1 if there is something to dispatch; 0 if the time passed, a signal arrived, or aw_loop_wakeup()
 * was called.
 */
AW_NODISCARD AW_API aw_status aw_loop_wait(aw_loop *loop, int64_t timeout_ns);
/**
 * Runs what is ready, once: the queued callbacks, then completions, then the timers that are due. Never
 * blocks.
 *
 * Returns: the number of callbacks run.
 *
 * Errors: ::AW_ESYSTEMEXIT if a callback asked to leave; -EBUSY inside a callback; -EAGAIN in guest mode if
 * there was nothing to do.
 */
AW_NODISCARD AW_API aw_status aw_loop_dispatch(aw_loop *loop);
/** Returns 1 if aw_loop_wait() would return at once, else 0. */
AW_API aw_bool aw_loop_pending(const aw_loop *loop);
/** Returns the time at which the next timer is due, or ::AW_FOREVER if there is none. */
AW_API int64_t aw_loop_deadline(const aw_loop *loop);
/**
 * Makes the current or the next wait return. Several calls before that wait count as one. May be called in
 * a signal handler.
 *
 * Thread: any.
 */
AW_API aw_status aw_loop_wakeup(aw_loop *loop);
/**
 * Enters guest mode, in which the loop runs inside another loop. `out_fd` receives a descriptor, owned by
 * the loop, that is readable whenever a dispatch would do something, for edge-triggered pollers too. The
 * host polls it and calls aw_loop_dispatch() until that returns -EAGAIN, which means that there was nothing
 * to do. A dispatch that returns 0 did something but ran no callback.
 *
 * Errors: -EBUSY if the loop is a guest already; -ENOTSUP under virtual time.
 */
AW_NODISCARD AW_API aw_status aw_loop_guest_begin(aw_loop *loop, int *out_fd);
/** Leaves guest mode and closes the descriptor. */
AW_API aw_status aw_loop_guest_end(aw_loop *loop);
/**@}*/

/**
 * @name Scheduling callbacks
 *
 * Where a function has an `out`, it is optional and receives a new reference.
 */
/**@{*/
/**
 * Schedules `fn` for the next iteration. Callbacks run in the order of the calls.
 *
 * asyncio: loop.call_soon.
 */
AW_API aw_status aw_loop_call_soon(aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy,
                                   aw_handle **out);
/**
 * Schedules `fn` to run once `delay_ns` has passed, never earlier. 0 or less means with the timers of the
 * next iteration.
 *
 * asyncio: loop.call_later.
 */
AW_API aw_status aw_loop_call_later(aw_loop *loop, int64_t delay_ns, aw_callback_fn fn, void *ud,
                                    aw_destroy_fn destroy, aw_handle **out);
/**
 * Schedules `fn` for the time `when_ns` of aw_loop_time(). Callbacks with equal times run in the order of
 * the calls.
 *
 * asyncio: loop.call_at.
 */
AW_API aw_status aw_loop_call_at(aw_loop *loop, int64_t when_ns, aw_callback_fn fn, void *ud,
                                 aw_destroy_fn destroy, aw_handle **out);
/**
 * Schedules `fn` as aw_loop_call_soon() does, from any thread, and wakes the loop.
 *
 * Thread: any.
 *
 * asyncio: loop.call_soon_threadsafe.
 */
AW_API aw_status aw_loop_call_soon_threadsafe(aw_loop *loop, aw_callback_fn fn, void *ud,
                                              aw_destroy_fn destroy);
/**
 * Schedules `fn` as aw_loop_call_soon_threadsafe() does and passes it a copy of the `size` bytes at `data`
 * as its `ud`, aligned for any type. Use it to report progress from a thread. The copy is freed after `fn`
 * has run, or once `fn` can no longer run. If `size` is 0, `ud` is NULL.
 *
 * Errors: those of aw_loop_call_soon_threadsafe(); -EINVAL if `data` is NULL and `size` is not 0.
 *
 * Thread: any.
 *
 * asyncio: loop.call_soon_threadsafe.
 */
AW_API aw_status aw_loop_call_soon_threadsafe_copy(aw_loop *loop, aw_callback_fn fn, const void *data,
                                                   size_t size);

/**
 * Creates a callback that the program keeps and schedules again and again, with aw_handle_call_soon() and
 * aw_handle_call_at(). Scheduling it allocates nothing. It runs in a copy of the context in which it was
 * created. `destroy` is called when the last reference is dropped.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_handle_new(aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy,
                                            aw_handle **out);
/**
 * Schedules a callback of aw_handle_new() for the next iteration, in place of any time that was set. If it is
 * queued already, it keeps its place and runs once. The callback itself may call this.
 *
 * Errors: ::AW_EINVALIDSTATE if `handle` is not of aw_handle_new().
 */
AW_API aw_status aw_handle_call_soon(aw_handle *handle);
/**
 * Schedules a callback of aw_handle_new() for the time `when_ns` of aw_loop_time(), or moves it there if it is
 * scheduled. To put a limit off, as with each byte that arrives, takes a few instructions. The pending
 * callback of an aw_loop_call_later() or aw_loop_call_at() can be moved as well.
 *
 * Errors: ::AW_EINVALIDSTATE if `handle` is neither.
 */
AW_API aw_status aw_handle_call_at(aw_handle *handle, int64_t when_ns);
/**
 * Adds a reference and returns `handle`.
 *
 * Thread: any.
 */
AW_API aw_handle *aw_handle_ref(aw_handle *handle);
/**
 * Drops a reference. The callback stays scheduled.
 *
 * Thread: any.
 */
AW_API void aw_handle_unref(aw_handle *handle);
/**
 * Cancels the callback; its destroy runs in the next dispatch. Has no effect once the callback has run. A
 * callback of aw_handle_new() can be scheduled again, and its destroy does not run.
 *
 * asyncio: Handle.cancel.
 */
AW_API aw_status aw_handle_cancel(aw_handle *handle);
/**
 * Returns 1 once aw_handle_cancel() was called, even if that was too late, until the callback is scheduled
 * again; else 0.
 *
 * asyncio: Handle.cancelled.
 */
AW_API aw_bool aw_handle_cancelled(const aw_handle *handle);
/**
 * Returns the deadline of a timer, also after it fired or was cancelled; 0 for a plain callback.
 *
 * asyncio: TimerHandle.when.
 */
AW_API int64_t aw_handle_when(const aw_handle *handle);
/**
 * Retrieves the value bound to `key` in the context of the callback, borrowed: what aw_context_get() gives
 * inside the callback.
 *
 * Errors: -ENOENT if `key` is not bound; ::AW_EINVALIDSTATE once the callback has run or was skipped.
 *
 * asyncio: Handle.get_context.
 */
AW_API aw_status aw_handle_context_get(const aw_handle *handle, const void *key, void **out);
/**@}*/

/** @name Unhandled failures and debug mode */
/**@{*/
/**
 * Sets the exception handler, which receives the failures that no caller sees. If `fn` is NULL, restores
 * the default handler, which prints to stderr in debug mode and on the loop of a program's entry point
 * (aw_run() and its variants), and otherwise does nothing.
 *
 * asyncio: loop.set_exception_handler.
 */
AW_API aw_status aw_loop_set_exception_handler(aw_loop *loop, aw_exception_fn fn, void *ud,
                                               aw_destroy_fn destroy);
/**
 * Returns the exception handler, or NULL for the default one. Its `ud` goes to `out_ud` (optional).
 *
 * asyncio: loop.get_exception_handler.
 */
AW_API aw_exception_fn aw_loop_get_exception_handler(const aw_loop *loop, void **out_ud);
/**
 * Prints a report to stderr, as the default exception handler does where it prints. An exception handler calls
 * it for the reports that it does not handle itself.
 *
 * Returns: 0.
 *
 * Errors: ::AW_EBADHANDLE.
 *
 * asyncio: loop.default_exception_handler.
 */
AW_API aw_status aw_loop_default_exception_handler(aw_loop *loop, const aw_report *report);
/**
 * Reports a failure to the exception handler on behalf of the caller. `error` and `future` are optional.
 *
 * Errors: ::AW_EBADHANDLE if `error` or `future` is neither NULL nor alive.
 *
 * asyncio: loop.call_exception_handler.
 */
AW_API aw_status aw_loop_call_exception_handler(aw_loop *loop, const char *message, aw_error *error,
                                                aw_future *future);
/** Returns a description of what happened, in asyncio's words ("Task exception was never retrieved"). */
AW_API const char *aw_report_message(const aw_report *report);
/** Returns the error that is reported, borrowed, or NULL. */
AW_API aw_error *aw_report_error(const aw_report *report);
/** Returns the future or task concerned, borrowed, or NULL. */
AW_API aw_future *aw_report_future(const aw_report *report);
/** Returns the handle concerned, borrowed, or NULL. */
AW_API aw_handle *aw_report_handle(const aw_report *report);
/**
 * Switches debug mode on or off. With `AWAIT_DEBUG=1`, a new loop is in debug mode.
 *
 * asyncio: loop.set_debug.
 */
AW_API aw_status aw_loop_set_debug(aw_loop *loop, aw_bool on);
/**
 * Returns 1 if debug mode is on, else 0.
 *
 * asyncio: loop.get_debug.
 */
AW_API aw_bool aw_loop_debug(const aw_loop *loop);
/**
 * Sets the duration from which debug mode treats a callback or step as slow. Such a callback or step is
 * reported to the exception handler, with the task or handle concerned. The default is 100 ms.
 *
 * asyncio: loop.slow_callback_duration.
 */
AW_API aw_status aw_loop_set_slow_callback_duration(aw_loop *loop, int64_t duration_ns);
/**
 * Returns where the object of the report was created, as text ("program(function+0x1f)"), or NULL.
 * Available in debug mode and on the loop of a program's entry point.
 */
AW_API const char *aw_report_origin(const aw_report *report);
/**@}*/

AW_END_DECLS

#endif
