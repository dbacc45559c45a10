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
 * Makes a loop on `backend` (as aw_loop_new()), runs `fn` in a task until it ends, cancels every task that is
 * left, waits for them and for the threads of the default executor (300 seconds at most), and closes the
 * loop. Returns the status of `fn`; its value moves to `out` (optional; otherwise it is destroyed).
 * ::AW_ELOOPRUNNING inside a running loop.
 *
 * This is a program's front door, as are aw_run_error(), aw_main() and the runner: failures that nobody takes
 * (a task that failed and that nobody awaited, a callback that returned an error, a leftover that fails) are
 * printed to stderr, unless the program sets a handler with aw_loop_set_exception_handler(), and so is the
 * reason why no loop can be made. What `fn` fails with is the caller's to tell. A loop of aw_loop_new()
 * prints in debug mode alone. asyncio.run.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_run(const char *backend, aw_task_fn fn, void *ud,
                                                 aw_destroy_fn destroy, void **out);
/**
 * As aw_run(), and gives out the error: what `fn` failed with, or why no loop could be made, which is then
 * not printed. `out_error` (optional) receives a new reference on failure, else NULL. asyncio: what
 * asyncio.run raises.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_run_error(const char *backend, aw_task_fn fn, void *ud,
                                                       aw_destroy_fn destroy, void **out,
                                                       aw_error **out_error);
/**
 * A whole main(): runs `fn` as aw_run() does and returns the exit status of the program: 0, or 1 if it
 * failed, after a line on stderr, "PROGRAM: message (NAME)", and one for each failure of a group. ::AW_ESYSTEMEXIT
 * with a message of its own is printed and gives 1, without one 0.
 *
 *     int main(void) {
 *         return aw_main(NULL, run_all, NULL, NULL);
 *     }
 *
 * Python: asyncio.run(main()) as a program's last line.
 */
AW_STACKFUL AW_API int aw_main(const char *backend, aw_task_fn fn, void *ud, aw_destroy_fn destroy);
typedef struct aw_runner aw_runner; /**< asyncio.Runner */

/** Flags of aw_runner_new(). */
enum aw_runner_flag {
	AW_RUNNER_DEFAULT = 0,
	AW_RUNNER_SIGINT = 1, /**< the first SIGINT cancels the main task, the second leaves the run at once */
	AW_RUNNER_DEBUG = 2   /**< the loop is in debug mode */
};

/**
 * Keeps one loop for several runs; the loop is made at the first use. `backend` is copied. New reference.
 * asyncio.Runner.
 */
AW_NODISCARD AW_API aw_status aw_runner_new(const char *backend, uint32_t flags, aw_runner **out);
/** Takes one more reference and returns `runner`. Any thread. */
AW_API aw_runner *aw_runner_ref(aw_runner *runner);
/** Gives one reference back; the last one closes the runner. */
AW_API void aw_runner_unref(aw_runner *runner);
/** The loop, borrowed until the runner closes. ::AW_ELOOPCLOSED after that. asyncio: Runner.get_loop. */
AW_API aw_status aw_runner_loop(aw_runner *runner, aw_loop **out);
/**
 * Runs `fn` in a task until it ends, and returns its status; its value moves to `out` (optional). Other tasks
 * stay as they are for the next run, and what `fn` bound with aw_context_set() is there for it. With
 * ::AW_RUNNER_SIGINT, -EINTR if a SIGINT ended it. ::AW_ELOOPRUNNING inside a running loop, ::AW_ELOOPCLOSED
 * once closed.
 * asyncio: Runner.run.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_runner_run(aw_runner *runner, aw_task_fn fn, void *ud,
                                                        aw_destroy_fn destroy, void **out);
/** As aw_runner_run(), for a coroutine of the runner's loop (takes its own reference). */
AW_NODISCARD AW_API aw_status aw_runner_run_coro(aw_runner *runner, aw_coro *coro, void **out);
/**
 * The error that the last run failed with, borrowed until the next run or until the runner goes; NULL after a
 * run that succeeded. Where the runner could not make its loop, its message is the reason. Python: what
 * Runner.run raises.
 */
AW_API aw_error *aw_runner_error(const aw_runner *runner);
/** Cancels and awaits every task that is left, then closes the loop. Idempotent. asyncio: Runner.close. */
AW_API aw_status aw_runner_close(aw_runner *runner);

/**
 * The end of aw_run() on a loop of the caller's: cancels all tasks that are not done, in order of creation,
 * and runs the loop until they are. asyncio: runners._cancel_all_tasks.
 */
AW_NODISCARD AW_API aw_status aw_loop_cancel_all(aw_loop *loop);

AW_END_DECLS

#endif
