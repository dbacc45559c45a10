/* SPDX-License-Identifier: MIT */
/**
 * @file base.h
 * What every other header needs: the export macros, the plain integer types, and the version.
 *
 * The following rules hold for the whole interface:
 *  - A handle is a pointer to an incomplete struct. `_new`, `_spawn` and every out-parameter described as a
 *    "new reference" give the caller one reference. `_ref` and `_unref` add and drop references and may be
 *    called by any thread. Getters return borrowed handles.
 *  - A function that can fail returns ::aw_status: 0 or a count on success, negative on error.
 *    Out-parameters are written only on success, and may be NULL where the text says "optional".
 *  - A comment in a header ends with those of the following parts that apply: `Returns`, `Errors`,
 *    `Thread`, `Cancellation` (what happens if the task or future that waits is cancelled), and `asyncio`
 *    (the corresponding name or statement in Python). `Errors` need not list ::AW_EBADHANDLE and the errors
 *    of the loop's state.
 *  - A callback is three adjacent parameters `(fn, ud, destroy)`. `destroy(ud)` runs exactly once: also
 *    after a cancel, on close, and, before the call returns, if the registration itself fails. `destroy`
 *    may be NULL.
 *  - A value is two adjacent parameters `(value, destroy)`. It moves on success. On failure the caller
 *    keeps it, except with aw_return(), which destroys it.
 *  - An `_unref` on the loop's thread may run destroys and the exception handler before it returns; on
 *    other threads they follow in a dispatch. A garbage collector that runs finalisers on the loop's thread
 *    should defer its unrefs.
 *  - Callbacks, steps and destroys run on the thread's own stack, never on that of a coroutine. They are
 *    called from the loop's dispatch; a destroy may also be called from an `_unref` or a close on the
 *    loop's thread.
 *  - Times are `int64_t` nanoseconds on the loop's monotonic clock. ::AW_FOREVER means no limit.
 *  - Unless its comment has a `Thread` part or says otherwise, a function must be called by the thread that
 *    currently drives the loop.
 *  - Where a function creates something that belongs to a loop (its name does not begin with `aw_loop_`), a
 *    NULL `loop` means the loop that runs in the calling thread; without one, the function fails with
 *    ::AW_ENOLOOP. The exceptions are aw_error_new() and aw_error_new_group(), where NULL means no loop,
 *    and functions for any thread (aw_run_coroutine_threadsafe()), which require a loop.
 *  - Functions fail with ::AW_EBADHANDLE for NULL and for foreign handles (predicates return 0, getters
 *    NULL). The same holds for a stale handle until its memory becomes another handle of the same kind,
 *    which the stale one then refers to. A stale handle is thus detected early, but not forever.
 *  - One `_unref` too many drops a reference that the library or another caller owns, and the resulting
 *    failure shows later. In debug mode the callers' references are counted separately: such an `_unref`
 *    has no effect and is reported, with the kind of the handle and where it was created. The report is
 *    made to the exception handler of the handle's loop, or to stderr if it has none or another thread
 *    runs it.
 *  - ::AW_NODISCARD marks the calls whose status says what the caller owns afterwards, or how something
 *    that it waited for ended: those that return a new reference, move an item or a value, take a lock or a
 *    permit, enter or leave a scope, run, or await. Ignoring the status loses a reference, an item, a lock,
 *    or a failure. Calls that schedule, notify, cancel, set or release are not marked: if they fail, what
 *    they were given is destroyed.
 *  - ::AW_STACKFUL marks the calls that only tasks with their own stack can make, or that only programs
 *    with such tasks need. Bindings whose tasks are steps leave them out. It expands to nothing.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_BASE_H
#define AWAIT_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(SWIG) || !(defined(__GNUC__) || defined(__clang__))
#define AW_API
#define AW_NODISCARD
#define AW_PRINTF(text, first)
#else
#define AW_API                 __attribute__((visibility("default")))
#define AW_NODISCARD           __attribute__((warn_unused_result))
/* Parameter `text` is a format as printf()'s, and its arguments begin at parameter `first` (0: a va_list). */
#define AW_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#endif

/* For readers of the headers alone. */
#define AW_STACKFUL

#ifdef __cplusplus
#define AW_BEGIN_DECLS extern "C" {
#define AW_END_DECLS   }
#else
#define AW_BEGIN_DECLS
#define AW_END_DECLS
#endif

AW_BEGIN_DECLS

/** 0 or a count on success; negative on error: an `-errno` of the system, or one of ::aw_error_code. */
typedef int32_t aw_status;

/** A truth value: 0 or 1. */
typedef int32_t aw_bool;

/**
 * Releases the user data of a callback, or a value. It runs on the loop's thread, exactly once. If a
 * destroy drops the last reference to an object whose destroy drops the next one, and so on, only the first
 * few calls nest; the others run when the outermost one has returned. Chains of any length can thus be
 * released.
 */
typedef void (*aw_destroy_fn)(void *ud);

typedef struct aw_loop aw_loop;     /**< an event loop */
typedef struct aw_handle aw_handle; /**< a scheduled callback or timer */
typedef struct aw_future aw_future; /**< the outcome of something that has not ended yet */
typedef struct aw_task aw_task;     /**< a future that drives a coroutine */
typedef struct aw_coro aw_coro;     /**< a coroutine: driven by a task, or awaited by another coroutine */
/** what one step of a coroutine receives and what it ends with; valid during the step */
typedef struct aw_resume aw_resume;
typedef struct aw_error aw_error;           /**< an immutable failure: code, message, payload */
typedef struct aw_report aw_report;         /**< what the exception handler receives; valid during the call */
typedef struct aw_results aw_results;       /**< the outcomes of several futures, in argument order */
typedef struct aw_process aw_process;       /**< a child process */
typedef struct aw_call_graph aw_call_graph; /**< who waits for a future, as captured at one time */

/** No limit, no deadline. */
#define AW_FOREVER INT64_MAX

/** @name Durations in nanoseconds */
/**@{*/
#define AW_MICROSECOND INT64_C(1000)
#define AW_MILLISECOND INT64_C(1000000)
#define AW_SECOND      INT64_C(1000000000)
/**@}*/

/** @name The version of these headers */
/**@{*/
#define AW_VERSION_MAJOR 0
#define AW_VERSION_MINOR 1
#define AW_VERSION_PATCH 0
/**
 * The version as one number, for `#if AW_VERSION >= 200` (0.2.0): `major * 10000 + minor * 100 + patch`.
 */
#define AW_VERSION (AW_VERSION_MAJOR * 10000 + AW_VERSION_MINOR * 100 + AW_VERSION_PATCH)
/**@}*/

/**
 * Returns the version of the library that runs, as static text ("0.1.0").
 *
 * Thread: any.
 */
AW_API const char *aw_version(void);

/**
 * Returns the version of the library that runs, as a number like ::AW_VERSION.
 *
 * Thread: any.
 */
AW_API int32_t aw_version_number(void);

/**
 * Returns the generation of the ABI, which is the number in the soname. A binding compares it when it loads
 * the library.
 *
 * Thread: any.
 */
AW_API int32_t aw_abi_version(void);

AW_END_DECLS

#endif
