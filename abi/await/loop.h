/* SPDX-License-Identifier: MIT */
/**
 * @file loop.h
 * The event loop: running it, scheduling callbacks, waiting and dispatching apart, being a guest of another
 * loop.
 */
#ifndef AWAIT_LOOP_H
#define AWAIT_LOOP_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * A plain callback. 0 means well; a negative status is reported to the exception handler and the loop goes
 * on, except ::AW_ESYSTEMEXIT, which leaves the running `aw_loop_run_*` at once with the rest of the batch still
 * queued. A positive one means nothing, and is reported in debug mode: it may be an errno that lacks its
 * minus.
 */
typedef aw_status (*aw_callback_fn)(aw_loop *loop, void *ud);

/**
 * Told about failures nobody else sees. `report` is valid during the call. Return a negative status if it
 * failed itself.
 */
typedef aw_status (*aw_exception_fn)(aw_loop *loop, const aw_report *report, void *ud);

/** @name Life */
/**@{*/
/**
 * Makes a loop on a backend. `backend` is a name, the full path of a plug-in, or a list of these in order of
 * preference ("uring,epoll"); NULL takes `AWAIT_BACKEND`, else "epoll". What can't be had is an error:
 * aw_backend_explain() tells why. A plug-in that another user could have put there is refused with -EPERM.
 * Gives a new reference.
 * Errors: ::AW_ENOBACKEND, ::AW_EBACKENDABI, -EPERM, -ENOSYS, -EMFILE, -ENOMEM. Any thread.
 * asyncio.new_event_loop.
 */
AW_NODISCARD AW_API aw_status aw_loop_new(const char *backend, aw_loop **out);
/**
 * As aw_loop_new(), with `flags` of ::aw_loop_flag and `seed` for the virtual backend's order. Any thread.
 */
AW_NODISCARD AW_API aw_status aw_loop_new_with(const char *backend, uint32_t flags, uint64_t seed,
                                               aw_loop **out);

/** Flags of aw_loop_new_with(). */
enum aw_loop_flag {
	AW_LOOP_DEFAULT = 0,
	/** one thread alone ever drives it: lets io_uring use SINGLE_ISSUER and DEFER_TASKRUN */
	AW_LOOP_SINGLE_THREAD = 1,
	AW_LOOP_DEBUG = 2 /**< debug mode from the start */
};

/** Takes one more reference and returns `loop`. Any thread. */
AW_API aw_loop *aw_loop_ref(aw_loop *loop);
/**
 * Gives one reference back; the last one closes the loop if that was not done. Any thread, but see
 * aw_loop_close().
 */
AW_API void aw_loop_unref(aw_loop *loop);
/**
 * Closes the loop: unstarted work is dropped, stackful tasks that still live are resumed once with
 * ::AW_ELOOPCLOSED so that they unwind, children are killed and reaped (unless detached), every destroy runs.
 * Handles that outlive it answer ::AW_ELOOPCLOSED. Idempotent. Refused with ::AW_ELOOPRUNNING while it runs.
 * asyncio: loop.close.
 */
AW_API aw_status aw_loop_close(aw_loop *loop);
/**
 * In a forked child: closes this process's copies of the loop's descriptors and frees what is its own,
 * without touching the parent's kernel objects and without running any callback. The only call a child may
 * make on an inherited loop.
 */
AW_API aw_status aw_loop_abandon(aw_loop *loop);
/** 1 while the loop runs, in whichever thread. asyncio: loop.is_running. */
AW_API aw_bool aw_loop_is_running(const aw_loop *loop);
/** 1 if aw_loop_close() was called. asyncio: loop.is_closed. */
AW_API aw_bool aw_loop_is_closed(const aw_loop *loop);
/** The name of the backend that drives it, alive as long as the loop. */
AW_API const char *aw_loop_backend(const aw_loop *loop);
/** The loop that runs in this thread, borrowed, or NULL. Any thread. asyncio.get_running_loop. */
AW_API aw_loop *aw_loop_current(void);
/** One pointer for the host, e.g. its wrapper object. The old one is destroyed. */
AW_API aw_status aw_loop_set_host_data(aw_loop *loop, void *data, aw_destroy_fn destroy);
/** What aw_loop_set_host_data() stored, or NULL. */
AW_API void *aw_loop_host_data(const aw_loop *loop);
/**@}*/

/** @name Running */
/**@{*/
/** Runs until aw_loop_stop(). Returns 0, or ::AW_ESYSTEMEXIT. asyncio: loop.run_forever. */
AW_NODISCARD AW_API aw_status aw_loop_run_forever(aw_loop *loop);
/**
 * Runs until `future` is done and returns its status; `out` (optional) receives its value, borrowed from the
 * future. ::AW_ESTOPPED if the loop was stopped first: the future is as it was, and the loop can be run
 * again.
 * asyncio: loop.run_until_complete.
 */
AW_NODISCARD AW_API aw_status aw_loop_run_until_complete(aw_loop *loop, aw_future *future, void **out);
/**
 * One wait of `timeout_ns` at most (negative: no limit) and one dispatch. Returns the number of callbacks
 * run.
 */
AW_NODISCARD AW_API aw_status aw_loop_run_once(aw_loop *loop, int64_t timeout_ns);
/**
 * Lets the current batch end, then leaves the run. Before a run: the run makes one iteration. asyncio:
 * loop.stop.
 */
AW_API aw_status aw_loop_stop(aw_loop *loop);
/**
 * 1 if aw_loop_stop() was called since the last run or take; takes it back. For hosts that run by wait and
 * dispatch.
 */
AW_API aw_bool aw_loop_take_stop(aw_loop *loop);
/** The loop's clock, in nanoseconds. asyncio: loop.time. */
AW_API int64_t aw_loop_time(const aw_loop *loop);
/**@}*/

/** @name Wait and dispatch: the two halves of an iteration, for hosts that hold a lock */
/**@{*/
/**
 * Waits for something to dispatch, `timeout_ns` at most (negative: no limit; 0: looks only). Never calls out.
 * Returns 1 when there is something, 0 when the time passed, a signal arrived or aw_loop_wakeup() was called.
 * Only aw_loop_wakeup(), aw_loop_call_soon_threadsafe() and `_ref`/`_unref` may be called by other threads
 * meanwhile. If one of them drops the last reference, the loop is closed before the call returns.
 */
AW_NODISCARD AW_API aw_status aw_loop_wait(aw_loop *loop, int64_t timeout_ns);
/**
 * Runs what is ready, once: what was queued, then completions, then timers due. Never blocks. Returns the
 * number of callbacks run, ::AW_ESYSTEMEXIT, or -EBUSY from inside a callback.
 */
AW_NODISCARD AW_API aw_status aw_loop_dispatch(aw_loop *loop);
/** 1 if aw_loop_wait() would return at once. */
AW_API aw_bool aw_loop_pending(const aw_loop *loop);
/** When the next timer is due, or ::AW_FOREVER. */
AW_API int64_t aw_loop_deadline(const aw_loop *loop);
/** Makes a wait return. Any thread, and from a signal handler. Coalesces. */
AW_API aw_status aw_loop_wakeup(aw_loop *loop);
/**
 * Becomes a guest: `out_fd` (owned by the loop) is readable whenever a dispatch would do something, also for
 * edge-triggered pollers. The host polls it and calls aw_loop_dispatch() until that returns -EAGAIN ("nothing
 * at all"); 0 means that something happened but ran no callback. -EBUSY if it is one already, -ENOTSUP under
 * virtual time.
 */
AW_NODISCARD AW_API aw_status aw_loop_guest_begin(aw_loop *loop, int *out_fd);
/** Ends guest mode; the descriptor is closed. */
AW_API aw_status aw_loop_guest_end(aw_loop *loop);
/**@}*/

/** @name Scheduling callbacks. `out` is optional and receives a new reference. */
/**@{*/
/** Runs `fn` in the next iteration, in order of the calls. asyncio: loop.call_soon. */
AW_API aw_status aw_loop_call_soon(aw_loop *loop, aw_callback_fn fn, void *ud, aw_destroy_fn destroy,
                                   aw_handle **out);
/**
 * Runs `fn` after `delay_ns`, never earlier; 0 and less mean the next iteration's timers. asyncio:
 * loop.call_later.
 */
AW_API aw_status aw_loop_call_later(aw_loop *loop, int64_t delay_ns, aw_callback_fn fn, void *ud,
                                    aw_destroy_fn destroy, aw_handle **out);
/** Runs `fn` at `when_ns` of aw_loop_time(); equal times in order of the calls. asyncio: loop.call_at. */
AW_API aw_status aw_loop_call_at(aw_loop *loop, int64_t when_ns, aw_callback_fn fn, void *ud,
                                 aw_destroy_fn destroy, aw_handle **out);
/** aw_loop_call_soon() from any thread; wakes the loop. asyncio: loop.call_soon_threadsafe. */
AW_API aw_status aw_loop_call_soon_threadsafe(aw_loop *loop, aw_callback_fn fn, void *ud,
                                              aw_destroy_fn destroy);
/**
 * As aw_loop_call_soon_threadsafe(), with a copy of the `size` bytes at `data` as the `ud` of `fn`, aligned
 * for any type: for the progress that a thread reports. The copy is freed after `fn` has run, or when it
 * can't run any more. For 0 bytes `ud` is NULL.
 *
 * Errors: those of aw_loop_call_soon_threadsafe(); -EINVAL for bytes without `data`. Thread: any. asyncio:
 * loop.call_soon_threadsafe.
 */
AW_API aw_status aw_loop_call_soon_threadsafe_copy(aw_loop *loop, aw_callback_fn fn, const void *data,
                                                   size_t size);

/** Takes one more reference and returns `handle`. Any thread. */
AW_API aw_handle *aw_handle_ref(aw_handle *handle);
/** Gives one reference back; the callback stays scheduled. Any thread. */
AW_API void aw_handle_unref(aw_handle *handle);
/**
 * Prevents the callback; its destroy runs in the next dispatch. No effect once it ran. asyncio:
 * Handle.cancel.
 */
AW_API aw_status aw_handle_cancel(aw_handle *handle);
/** 1 once aw_handle_cancel() was called, even if it came too late. asyncio: Handle.cancelled. */
AW_API aw_bool aw_handle_cancelled(const aw_handle *handle);
/**
 * The deadline of a timer, kept after it fired or was cancelled; 0 for a plain callback. asyncio:
 * TimerHandle.when.
 */
AW_API int64_t aw_handle_when(const aw_handle *handle);
/**@}*/

/** @name Failures nobody else sees, and debug mode */
/**@{*/
/**
 * Sets what is told about them; `fn` NULL sets the default, which prints to stderr in debug mode and on the
 * loop of a program's front door (aw_run() and its kin), and nothing otherwise.
 * asyncio: loop.set_exception_handler.
 */
AW_API aw_status aw_loop_set_exception_handler(aw_loop *loop, aw_exception_fn fn, void *ud,
                                               aw_destroy_fn destroy);
/**
 * Reports a failure of the caller's own. `error` and `future` are optional. Errors: ::AW_EBADHANDLE if one of
 * them is neither NULL nor alive. asyncio: loop.call_exception_handler.
 */
AW_API aw_status aw_loop_call_exception_handler(aw_loop *loop, const char *message, aw_error *error,
                                                aw_future *future);
/** What happened, in asyncio's words ("Task exception was never retrieved"). */
AW_API const char *aw_report_message(const aw_report *report);
/** The failure, borrowed, or NULL. */
AW_API aw_error *aw_report_error(const aw_report *report);
/** The future or task concerned, borrowed, or NULL. */
AW_API aw_future *aw_report_future(const aw_report *report);
/** The handle concerned, borrowed, or NULL. */
AW_API aw_handle *aw_report_handle(const aw_report *report);
/** Switches debug mode on or off. `AWAIT_DEBUG=1` sets it when the loop is made. asyncio: loop.set_debug. */
AW_API aw_status aw_loop_set_debug(aw_loop *loop, aw_bool on);
/** 1 if debug mode is on. asyncio: loop.get_debug. */
AW_API aw_bool aw_loop_debug(const aw_loop *loop);
/**
 * In debug mode a callback or step that lasts this long is reported to the exception handler, with the task
 * or handle concerned. 100 ms by default. asyncio: loop.slow_callback_duration.
 */
AW_API aw_status aw_loop_set_slow_callback_duration(aw_loop *loop, int64_t duration_ns);
/**
 * Where what the report is about was created, as text ("program(function+0x1f)"), or NULL. In debug mode, and
 * on the loop of a program's front door.
 */
AW_API const char *aw_report_origin(const aw_report *report);
/**@}*/

AW_END_DECLS

#endif
