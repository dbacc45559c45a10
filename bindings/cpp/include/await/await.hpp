/* SPDX-License-Identifier: MIT */
/**
 * @file await.hpp
 * libawait for C++17: handles that count their references, statuses as exceptions, callables as callbacks,
 * stackful tasks; and with C++20's coroutines `co_await` of all of it. Headers only; link with libawait. This
 * one includes all; each concept also has one of its own.
 *
 *     libawait::co<int> answer() {
 *         co_await libawait::sleep(100ms);
 *         co_return 42;
 *     }
 *     int main() { return libawait::run(answer()); }
 *
 * Rules that hold for all of it, said once:
 *  - A handle (loop, future, lock, …) is a value: a copy refers to the same object. Unless a function says
 *    "any thread", it is called by the thread that drives the loop. A `loop` that is left out is the one that
 *    runs in this thread.
 *  - What may wait is an object: `future<T>`, `task<T>`, `co<T>`, or what a call such as `queue.get()` gives.
 *    A coroutine writes `co_await what`, a stackful task `await(what)`. But for a future, which goes on by
 *    itself, nothing happens before that.
 *  - A failure is an exception: `error` (a std::system_error), of it `timed_out` and `group_error`; an
 *    exception of the program's own comes out of whatever awaits it as itself. `cancelled` is no
 *    std::exception, so that only who means it catches it, as asyncio's CancelledError.
 *  - A value is what T is: it is copied to each who asks for it, or, if T can't be copied, moved to the
 *    first.
 *  - A coroutine that can't go on (its loop closes) is destroyed, and what it holds with it. A stackful task
 *    gets ::AW_ELOOPCLOSED thrown.
 *  - No exception crosses a frame of C's. One that a callback throws goes to the loop's exception handler;
 *    out of a comparison or a destructor it ends the program.
 */
#ifndef AWAIT_AWAIT_HPP
#define AWAIT_AWAIT_HPP

#include <await/base.hpp>
#include <await/callbacks.hpp>
#include <await/context.hpp>
#include <await/coro.hpp>
#include <await/debug.hpp>
#include <await/error.hpp>
#include <await/fd.hpp>
#include <await/future.hpp>
#include <await/gather.hpp>
#include <await/group.hpp>
#include <await/iterator.hpp>
#include <await/loop.hpp>
#include <await/operation.hpp>
#include <await/process.hpp>
#include <await/queue.hpp>
#include <await/registry.hpp>
#include <await/report.hpp>
#include <await/run.hpp>
#include <await/sleep.hpp>
#include <await/sync.hpp>
#include <await/task.hpp>
#include <await/thread.hpp>
#include <await/time.hpp>
#include <await/timeout.hpp>
#include <await/values.hpp>
#include <await/wait.hpp>

#endif
