/* SPDX-License-Identifier: MIT */
/**
 * @file await.hpp
 * libawait for C++17: reference-counted handles, statuses as exceptions, callables as callbacks, stackful
 * tasks; with C++20's coroutines, also `co_await` for all of these. Header-only; link with libawait. This
 * header includes all except <await/tls.hpp>, which needs libawait-tls; each concept also has its own header.
 *
 *     libawait::co<int> answer() {
 *         co_await libawait::sleep(100ms);
 *         co_return 42;
 *     }
 *     int main() { return libawait::run(answer()); }
 *
 * These rules hold throughout:
 *  - A handle (loop, future, lock, …) is a value: a copy refers to the same object. Call a function from the
 *    thread that drives the loop, unless it says "any thread". If you omit the `loop`, the one that runs in
 *    this thread is used.
 *  - A call that may wait returns an object: `future<T>`, `task<T>`, `co<T>`, or what a call such as
 *    `queue.get()` returns. Write `co_await what` in a coroutine and `await(what)` in a stackful task.
 *    Nothing happens before that, except for a future, which proceeds by itself.
 *  - A failure is an exception: `error` (a std::system_error), or `timed_out` and `group_error`, which derive
 *    from it. An exception of the program is rethrown unchanged wherever it is awaited. `cancelled` is not a
 *    std::exception, so that no handler catches it by accident, like asyncio's CancelledError.
 *  - Memory that a call borrows (bytes_view, buffer_view) has to stay until the call has ended: for one that
 *    waits, until it was awaited. Texts, addresses and options are copied.
 *  - A value is copied to each reader. If T can't be copied, it is moved to the first.
 *  - A coroutine that can't continue (its loop closes) is destroyed with everything it holds. In a stackful
 *    task, the await throws ::AW_ELOOPCLOSED.
 *  - No exception crosses a C frame. An exception from a callback is passed to the loop's exception handler;
 *    one from a comparison or a destructor ends the program.
 */
#ifndef AWAIT_AWAIT_HPP
#define AWAIT_AWAIT_HPP

#include <await/address.hpp>
#include <await/base.hpp>
#include <await/bytes.hpp>
#include <await/callbacks.hpp>
#include <await/connect.hpp>
#include <await/context.hpp>
#include <await/coro.hpp>
#include <await/datagram.hpp>
#include <await/debug.hpp>
#include <await/error.hpp>
#include <await/external.hpp>
#include <await/fd.hpp>
#include <await/file.hpp>
#include <await/future.hpp>
#include <await/gather.hpp>
#include <await/group.hpp>
#include <await/iterator.hpp>
#include <await/loop.hpp>
#include <await/names.hpp>
#include <await/operation.hpp>
#include <await/process.hpp>
#include <await/protocol.hpp>
#include <await/pty.hpp>
#include <await/queue.hpp>
#include <await/registry.hpp>
#include <await/report.hpp>
#include <await/run.hpp>
#include <await/server.hpp>
#include <await/sleep.hpp>
#include <await/socket.hpp>
#include <await/stream.hpp>
#include <await/sync.hpp>
#include <await/task.hpp>
#include <await/thread.hpp>
#include <await/time.hpp>
#include <await/timeout.hpp>
#include <await/values.hpp>
#include <await/wait.hpp>
#include <await/watch.hpp>

#endif
