/* SPDX-License-Identifier: MIT */
/**
 * @file error.h
 * Error codes with their texts, and the error object, which corresponds to a Python exception.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_ERROR_H
#define AWAIT_ERROR_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * libawait's own codes, each less than every `-errno`. Values never change and are never reused. The codes
 * from ::AW_EUSER down to ::AW_EUSER_LAST are for programs: libawait will never use them.
 */
enum aw_error_code {
	AW_OK = 0,
	AW_ECANCELLED = -5001,     /**< the operation was cancelled (CancelledError) */
	AW_ETIMEOUT = -5002,       /**< the time limit passed (TimeoutError) */
	AW_EINVALIDSTATE = -5003,  /**< the object is not in the state that the call needs (InvalidStateError) */
	AW_EQUEUEFULL = -5004,     /**< the queue is full (QueueFull) */
	AW_EQUEUEEMPTY = -5005,    /**< the queue is empty (QueueEmpty) */
	AW_EQUEUESHUTDOWN = -5006, /**< the queue was shut down (QueueShutDown) */
	AW_EBROKENBARRIER = -5007, /**< the barrier is broken (BrokenBarrierError) */
	AW_EINCOMPLETE = -5008,    /**< the stream ended early (IncompleteReadError) */
	AW_ELIMIT = -5009,         /**< the separator lies beyond the limit (LimitOverrunError) */
	AW_ESTOPITERATION = -5010, /**< the iterator is at its end (StopAsyncIteration) */
	AW_EWRONGTHREAD = -5011,   /**< another thread drives this loop */
	AW_ELOOPCLOSED = -5012,    /**< the loop is closed */
	AW_EFORKED = -5013,        /**< the loop is the parent's; only aw_loop_abandon() is allowed */
	AW_EBADHANDLE = -5014,     /**< the handle is NULL, stale, or of another kind */
	AW_ENOTASK = -5015,        /**< only a stackful task may make this call */
	AW_EFOREIGNLOOP = -5016,   /**< the future belongs to another loop */
	AW_ESELFAWAIT = -5017,     /**< a task cannot await itself */
	AW_ELOOPRUNNING = -5018,   /**< a loop runs in this thread already, or this loop does */
	AW_ESTOPPED = -5019,       /**< the loop was stopped before the future was done */
	AW_ENOBACKEND = -5020,     /**< no backend has that name, or none of the list is usable */
	AW_EBACKENDABI = -5021,    /**< the plug-in was built for another version of the backend interface */
	AW_EHOST = -5022,          /**< the host language failed; the payload holds its exception */
	AW_EGROUP = -5023,         /**< several failures (ExceptionGroup) */
	AW_EREUSED = -5024,        /**< the coroutine runs already, or has run */
	AW_ENOLOOP = -5025,        /**< no loop runs in this thread */
	AW_ESYSTEMEXIT = -5026,    /**< leave the loop at once: a callback or step may return it (SystemExit) */
	AW_EPENDING = -5027,       /**< the time limit of a blocking wait passed (TimeoutError) */
	AW_EGAIERROR = -5028,      /**< a name can't be looked up */
	AW_ETLS = -5029,           /**< TLS failed, by the peer's fault or by a setting */
	AW_ECERTIFICATE = -5030,   /**< the peer's certificate was refused */
	AW_ETRUNCATED = -5031,     /**< the connection ended without TLS's closing message */
	AW_EUSER = -20000, /**< the first code for programs; AW_EUSER - 1 is the next (aw_error_register()) */
	AW_EUSER_LAST = -29999, /**< the last code for programs */
	/* The system's, for callers without an errno.h. */
	AW_EPERM = -1,
	AW_ENOENT = -2,
	AW_ESRCH = -3,
	AW_EAGAIN = -11,
	AW_ENOMEM = -12,
	AW_EBUSY = -16,
	AW_EINVAL = -22,
	AW_ENOTSUP = -95
};

/**
 * Returns a sentence that explains a status: for an `-errno`, the C library's text. It is static and never
 * NULL.
 *
 * Thread: any.
 */
AW_API const char *aw_strerror(aw_status status);

/**
 * Returns the name of a status ("AW_ECANCELLED", "ENOENT"). It is static and never NULL.
 *
 * Thread: any.
 */
AW_API const char *aw_err_name(aw_status status);

/**
 * Registers a name and a text for one of the program's own codes. aw_err_name(), aw_strerror() and every
 * report use them from then on. Both are copied and stay until the process ends; `text` is optional.
 * Registering a code again with the same name and text does nothing.
 *
 * Errors: -EINVAL if the code is not between ::AW_EUSER and ::AW_EUSER_LAST or the name is NULL or empty;
 * -EEXIST if the code has another name or text; -ENOMEM.
 *
 * Thread: any.
 *
 * asyncio: a class derived from Exception.
 */
AW_API aw_status aw_error_register(aw_status code, const char *name, const char *text);

/**
 * Creates an error. `code` must not be 0; an errno without its minus sign (`EIO`) is taken as its negative.
 * `message` is copied; NULL means the text of the code. `destroy(payload)` runs when the last reference is
 * dropped, on the thread of `loop`. On failure the caller keeps the payload.
 *
 * Only here and in aw_error_new_group(), a NULL `loop` means no loop. The destroy then runs on the thread
 * that drops the last reference, and any thread may create the error.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: the creation of an exception object.
 */
AW_NODISCARD AW_API aw_status aw_error_new(aw_loop *loop, aw_status code, const char *message, void *payload,
                                           aw_destroy_fn destroy, aw_error **out);
/**
 * Adds a reference and returns `error`, which may be NULL.
 *
 * Thread: any.
 */
AW_API aw_error *aw_error_ref(aw_error *error);
/**
 * Drops a reference. `error` may be NULL.
 *
 * Thread: any.
 */
AW_API void aw_error_unref(aw_error *error);
/**
 * Returns the code of the error; 0 for NULL.
 *
 * Thread: any.
 */
AW_API aw_status aw_error_status(const aw_error *error);
/**
 * Returns the message, never NULL and valid as long as `error` lives.
 *
 * Thread: any.
 */
AW_API const char *aw_error_message(const aw_error *error);
/** Returns the payload, borrowed, or NULL. */
AW_API void *aw_error_payload(const aw_error *error);

AW_END_DECLS

#endif
