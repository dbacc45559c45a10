/* SPDX-License-Identifier: MIT */
/**
 * @file base.h
 * What every other header needs: the export mark, the meanings of plain integers, and the version.
 *
 * Rules that hold for the whole interface, said once:
 *  - A handle is a pointer to an incomplete struct. `_new`, `_spawn` and every out-parameter called "new
 *    reference" give the caller one reference; `_ref` and `_unref` count; getters borrow. `_ref` and `_unref`
 *    are safe from any thread.
 *  - A function that can fail returns ::aw_status: 0 or a count on success, negative on error. Out-parameters
 *    are written only on success, and may be NULL where the text says "optional".
 *  - A callback is three neighbouring parameters `(fn, ud, destroy)`. `destroy(ud)` runs exactly once, also
 *    on cancel, on close, and (before the call returns) when the registration itself fails. NULL is allowed
 *    for destroy.
 *  - A value is two neighbouring parameters `(value, destroy)`. It moves on success; on failure it stays the
 *    caller's, except with aw_return(), which destroys it.
 *  - An `_unref` on the loop's thread may run destroys and the exception handler before it returns, elsewhere
 *    they follow in a dispatch. A collector that runs finalisers on the loop's thread keeps its unrefs for
 *    later.
 *  - Callbacks, steps and destroys run on the thread's own stack, never on a coroutine's: from the loop's
 *    dispatch, or, for a destroy, from an `_unref` or close made on the loop's thread.
 *  - Times are `int64_t` nanoseconds on the loop's monotonic clock. ::AW_FOREVER stands for no limit.
 *  - Unless a function says "any thread", it is called by the one thread that drives the loop now.
 *  - Where a function makes something that belongs to a loop (it is not named `aw_loop_…`), a NULL `loop`
 *    means the one that runs in this thread, ::AW_ENOLOOP if there is none. The exceptions are aw_error_new()
 *    and aw_error_new_group(), where it means no loop, and calls for any thread (aw_run_coroutine_threadsafe()),
 *    which must name theirs.
 *  - NULL and foreign handles are answered with ::AW_EBADHANDLE (predicates answer 0, getters NULL), and so
 *    are stale ones, as long as their memory has not become another handle of the same kind: then that one is
 *    meant. So a stale handle is told in time, and not for ever.
 *  - One `_unref` too many takes a reference that is the library's or another caller's, and what goes wrong
 *    then comes later. In debug mode the callers' references are counted apart: such an `_unref` has no
 *    effect and is reported, with the kind of the handle and where it was created, to the exception handler
 *    of the handle's loop, or to stderr where there is no loop or another thread runs it.
 *  - ::AW_NODISCARD marks the calls whose status tells what the caller owns afterwards, or what became of
 *    something that it waited for: those that give a new reference, move an item or a value, take a lock or a
 *    permit, enter or leave a scope, run, or await. Ignoring it loses a reference, an item, a lock, or a
 *    failure. Calls that schedule, notify, cancel, set or release are not marked: what they were given is
 *    destroyed if they fail.
 *  - ::AW_STACKFUL marks the calls that only tasks with a stack of their own can make, or that only programs
 *    with such tasks need. Bindings whose tasks are steps leave these out. It expands to nothing.
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

/**
 * 0 or a count on success; negative on error: `-errno` for the system's, one of ::aw_error_code for
 * libawait's own.
 */
typedef int32_t aw_status;

/** A truth value: 0 or 1. */
typedef int32_t aw_bool;

/**
 * Releases what belongs to a callback or a value. Runs on the loop's thread, exactly once. Where a destroy
 * drops the last reference to an object whose destroy drops the next one, and so on, only the first few run
 * inside each other; the others run when the outermost has returned, so that chains of any length can be
 * released.
 */
typedef void (*aw_destroy_fn)(void *ud);

typedef struct aw_loop aw_loop;     /**< an event loop */
typedef struct aw_handle aw_handle; /**< a scheduled callback or timer */
typedef struct aw_future aw_future; /**< the outcome of something that has not ended yet */
typedef struct aw_task aw_task;     /**< a future that drives a coroutine */
typedef struct aw_coro aw_coro;     /**< a coroutine: what a task drives, or another coroutine awaits */
/** what one step of a coroutine receives and answers; valid during the step */
typedef struct aw_resume aw_resume;
typedef struct aw_error aw_error;     /**< an immutable failure: code, message, payload */
typedef struct aw_report aw_report;   /**< what the exception handler is told; valid during the call */
typedef struct aw_results aw_results; /**< the outcomes of several futures, in argument order */
typedef struct aw_process aw_process; /**< a child process */

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
/** As one number, for `#if AW_VERSION >= 200` (0.2.0): `major * 10000 + minor * 100 + patch`. */
#define AW_VERSION (AW_VERSION_MAJOR * 10000 + AW_VERSION_MINOR * 100 + AW_VERSION_PATCH)
/**@}*/

/** The version of the library that runs, as text ("0.1.0"). Static; any thread. */
AW_API const char *aw_version(void);

/** The version of the library that runs, as ::AW_VERSION has it for the headers. Any thread. */
AW_API int32_t aw_version_number(void);

/** The generation of the ABI: the number in the soname. A binding compares it when it loads. Any thread. */
AW_API int32_t aw_abi_version(void);

AW_END_DECLS

#endif
