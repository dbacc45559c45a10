/* SPDX-License-Identifier: MIT */
/**
 * @file easy.h
 * Opt-in shorthand for C: calls that return their failure to the caller, and handles whose reference is
 * dropped at the end of their scope.
 *
 * <await/await.h> does not include this header. It adds nothing to the library: everything in it is inline,
 * and a program that includes it calls the same functions. It needs the cleanup attribute of GCC and Clang,
 * and works in C11 and C++17 and later.
 *
 *     static aw_status greet(void *ud) {
 *         AW_AUTO(aw_queue) names = ud;
 *         AW_AUTO(aw_future) said = NULL;
 *         AW_TRY(aw_task_spawn_future(NULL, say, names, NULL, &said));
 *         AW_TRY(aw_await(said, NULL));
 *         return 0;
 *     }
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_EASY_H
#define AWAIT_EASY_H

#include <await/await.h>

#if !defined(__GNUC__) && !defined(__clang__)
#error "await/easy.h needs the cleanup attribute of GCC or Clang"
#endif

/**
 * Evaluates a call and returns its status from the enclosing function if that is negative. aw_caught()
 * still returns the error, so a failure propagates with its message.
 *
 * asyncio: a call whose exception is not caught here.
 */
#define AW_TRY(call)                                   \
	do {                                               \
		aw_status aw_try_status_ = (call);             \
		if (aw_try_status_ < 0) return aw_try_status_; \
	} while (0)

/**
 * Awaits `future`, drops the caller's reference to it, and moves its value to `variable`, which is a
 * pointer of any type: AW_TRY() of aw_await_take().
 *
 * asyncio: `variable = await future`.
 */
#define AW_TRY_TAKE(future, variable)                                     \
	do {                                                                  \
		void *aw_try_value_ = NULL;                                       \
		AW_TRY(aw_await_take((future), &aw_try_value_, NULL));            \
		(variable) = (__extension__(__typeof__(variable)) aw_try_value_); \
	} while (0)

/**
 * Declares a pointer to a handle, whose reference is dropped at the end of the scope, on every way out:
 * `AW_AUTO(aw_task) task = NULL;`. The pointer must be initialised; nothing is dropped if it is NULL. It
 * corresponds to a local variable in Python and to std::unique_ptr in C++.
 */
#define AW_AUTO(handle) __attribute__((__cleanup__(handle##_unref_at))) handle *

/**
 * Defines main(). The block that follows is the body of the main task, so that a program needs no call of
 * aw_run() or its variants. A failure is printed and makes the exit status 1, as in aw_main().
 *
 *     AW_MAIN() {
 *         AW_TRY(aw_sleep(1 * AW_SECOND));
 *         return 0;
 *     }
 *
 * asyncio: run(main()).
 */
#define AW_MAIN()                                       \
	static aw_status aw_easy_main(void *aw_easy_ud);    \
	int main(void) {                                    \
		return aw_main(NULL, aw_easy_main, NULL, NULL); \
	}                                                   \
	static aw_status aw_easy_main(__attribute__((__unused__)) void *aw_easy_ud)

/**
 * Returns the handle in `variable` and sets `variable` to NULL, which moves a reference out of an AW_AUTO()
 * variable. It corresponds to std::move in C++.
 */
#define AW_STEAL(variable)                            \
	(__extension__({                                  \
		__typeof__(variable) aw_stolen_ = (variable); \
		(variable) = NULL;                            \
		aw_stolen_;                                   \
	}))

/* One for each kind of handle: a test compares the list with the headers. */
#define AW_EASY_UNREF(handle)                           \
	static inline void handle##_unref_at(handle **at) { \
		handle##_unref(*at);                            \
	}
AW_EASY_UNREF(aw_addrinfo)
AW_EASY_UNREF(aw_as_completed)
AW_EASY_UNREF(aw_backend_list)
AW_EASY_UNREF(aw_barrier)
AW_EASY_UNREF(aw_call_graph)
AW_EASY_UNREF(aw_concurrent_future)
AW_EASY_UNREF(aw_condition)
AW_EASY_UNREF(aw_coro)
AW_EASY_UNREF(aw_datagram)
AW_EASY_UNREF(aw_error)
AW_EASY_UNREF(aw_event)
AW_EASY_UNREF(aw_executor)
AW_EASY_UNREF(aw_file)
AW_EASY_UNREF(aw_future)
AW_EASY_UNREF(aw_handle)
AW_EASY_UNREF(aw_interrupt)
AW_EASY_UNREF(aw_iterator)
AW_EASY_UNREF(aw_lock)
AW_EASY_UNREF(aw_loop)
AW_EASY_UNREF(aw_nameinfo)
AW_EASY_UNREF(aw_operation)
AW_EASY_UNREF(aw_pipeline)
AW_EASY_UNREF(aw_process)
AW_EASY_UNREF(aw_process_options)
AW_EASY_UNREF(aw_queue)
AW_EASY_UNREF(aw_results)
AW_EASY_UNREF(aw_runner)
AW_EASY_UNREF(aw_semaphore)
AW_EASY_UNREF(aw_server)
AW_EASY_UNREF(aw_stream)
AW_EASY_UNREF(aw_task)
AW_EASY_UNREF(aw_taskgroup)
AW_EASY_UNREF(aw_timeout)
AW_EASY_UNREF(aw_watch)
#undef AW_EASY_UNREF

#endif
