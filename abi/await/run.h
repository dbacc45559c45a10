/* SPDX-License-Identifier: MIT */
/**
 * @file run.h
 * The front door of a program.
 */
#ifndef AWAIT_RUN_H
#define AWAIT_RUN_H

#include <await/base.h>
#include <await/task.h>

AW_BEGIN_DECLS

/**
 * Makes a loop on `backend` (as aw_loop_new()), runs `fn` in a task until it ends, cancels every task that is left, waits for them and
 * for the threads of the default executor (300 seconds at most), and closes the loop. Returns the status of `fn`; its value moves to
 * `out` (optional; otherwise it is destroyed). A leftover that fails meanwhile is reported to the exception handler. ::AW_ELOOPRUNNING
 * inside a running loop. asyncio.run.
 */
AW_NODISCARD AW_API aw_status aw_run(const char *backend, aw_task_fn fn, void *ud, aw_destroy_fn destroy, void **out);
typedef struct aw_runner aw_runner; /**< asyncio.Runner */

/** Flags of aw_runner_new(). */
enum aw_runner_flag {
	AW_RUNNER_DEFAULT = 0,
	AW_RUNNER_SIGINT = 1, /**< the first SIGINT cancels the main task, the second leaves the run at once */
	AW_RUNNER_DEBUG = 2   /**< the loop is in debug mode */
};

/** Keeps one loop for several runs; the loop is made at the first use. `backend` is copied. New reference. asyncio.Runner. */
AW_NODISCARD AW_API aw_status aw_runner_new(const char *backend, uint32_t flags, aw_runner **out);
/** Takes one more reference and returns `runner`. Any thread. */
AW_API aw_runner *aw_runner_ref(aw_runner *runner);
/** Gives one reference back; the last one closes the runner. */
AW_API void aw_runner_unref(aw_runner *runner);
/** The loop, borrowed until the runner closes. ::AW_ELOOPCLOSED after that. asyncio: Runner.get_loop. */
AW_API aw_status aw_runner_loop(aw_runner *runner, aw_loop **out);
/**
 * Runs `fn` in a task until it ends, and returns its status; its value moves to `out` (optional). Other tasks stay as they are for the next
 * run, and what `fn` bound with aw_context_set() is there for it. With ::AW_RUNNER_SIGINT, -EINTR if a SIGINT ended it. ::AW_ELOOPRUNNING inside a running loop, ::AW_ELOOPCLOSED once closed.
 * asyncio: Runner.run.
 */
AW_NODISCARD AW_API aw_status aw_runner_run(aw_runner *runner, aw_task_fn fn, void *ud, aw_destroy_fn destroy, void **out);
/** As aw_runner_run(), for a coroutine of the runner's loop (takes its own reference). */
AW_NODISCARD AW_API aw_status aw_runner_run_coro(aw_runner *runner, aw_coro *coro, void **out);
/** Cancels and awaits every task that is left, then closes the loop. Idempotent. asyncio: Runner.close. */
AW_API aw_status aw_runner_close(aw_runner *runner);

/**
 * The end of aw_run() on a loop of the caller's: cancels all tasks that are not done, in order of creation, and runs the loop until
 * they are. asyncio: runners._cancel_all_tasks.
 */
AW_NODISCARD AW_API aw_status aw_loop_cancel_all(aw_loop *loop);

AW_END_DECLS

#endif
