/* SPDX-License-Identifier: MIT */
/**
 * @file run.h
 * Entry points of a program: aw_run(), aw_main() and the runner.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_RUN_H
#define AWAIT_RUN_H

#include <await/base.h>
#include <await/task.h>

AW_BEGIN_DECLS

/**
 * Creates a loop on `backend` (as aw_loop_new() does), runs `fn` in a task until it ends, cancels every
 * task that is left, waits for these tasks and for the threads of the default executor (for at most 300
 * seconds), and closes the loop. The value of `fn` moves to `out` (optional); without `out` it is
 * destroyed.
 *
 * aw_run(), aw_run_error(), aw_main() and the runner are the entry points of a program. On their loops,
 * failures that no caller takes are printed to stderr, unless the program sets a handler with
 * aw_loop_set_exception_handler(): a task that failed and that nobody awaited, a callback that returned an
 * error, a task that failed while it was cancelled at the end. The reason why no loop could be created is
 * printed as well. The failure of `fn` is not printed; reporting it is up to the caller. A loop created by
 * aw_loop_new() prints only in debug mode.
 *
 * Returns: the status of `fn`.
 *
 * Errors: those of aw_loop_new(); ::AW_ELOOPRUNNING inside a running loop.
 *
 * asyncio: run.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_run(const char *backend, aw_task_fn fn, void *ud,
                                                 aw_destroy_fn destroy, void **out);
/**
 * Runs a program as aw_run() does and returns the error as well: the one with which `fn` failed, or the
 * reason why no loop could be created, which is then not printed. `out_error` (optional) receives a new
 * reference on failure, else NULL.
 *
 * Returns: the status of `fn`.
 *
 * Errors: those of aw_run().
 *
 * asyncio: run, with the exception that it raises.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_run_error(const char *backend, aw_task_fn fn, void *ud,
                                                       aw_destroy_fn destroy, void **out,
                                                       aw_error **out_error);
/**
 * Runs `fn` as aw_run() does and returns the exit status of the program, so that a whole main() is one
 * call. The exit status is 0, or 1 if `fn` failed. A failure is printed to stderr as "PROGRAM: message
 * (NAME)", with one more line for each failure of a group. ::AW_ESYSTEMEXIT with a message is printed and
 * returns 1; without a message it returns 0.
 *
 *     int main(void) {
 *         return aw_main(NULL, run_all, NULL, NULL);
 *     }
 *
 * Returns: the exit status: 0 or 1.
 *
 * asyncio: run(main()), as the last line of a program.
 */
AW_STACKFUL AW_API int aw_main(const char *backend, aw_task_fn fn, void *ud, aw_destroy_fn destroy);
typedef struct aw_runner aw_runner; /**< one loop for several runs (asyncio.Runner) */

/** Flags of aw_runner_new(). */
enum aw_runner_flag {
	AW_RUNNER_DEFAULT = 0,
	/**
	 * The first SIGINT cancels the main task, the second leaves the run at once. A run that begins while the
	 * program ignores SIGINT, as under nohup or in the background of a shell script, or has its own handler for
	 * it, leaves it alone.
	 */
	AW_RUNNER_SIGINT = 1,
	AW_RUNNER_DEBUG = 2 /**< the loop is in debug mode */
};

/**
 * Creates a runner, which keeps one loop for several runs. The loop is created when it is first used.
 * `backend` is copied.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: Runner.
 */
AW_NODISCARD AW_API aw_status aw_runner_new(const char *backend, uint32_t flags, aw_runner **out);
/**
 * Adds a reference and returns `runner`.
 *
 * Thread: any.
 */
AW_API aw_runner *aw_runner_ref(aw_runner *runner);
/** Drops a reference. Dropping the last one closes the runner. */
AW_API void aw_runner_unref(aw_runner *runner);
/**
 * Retrieves the loop of the runner. `out` receives it, borrowed until the runner closes.
 *
 * Errors: ::AW_ELOOPCLOSED once the runner is closed.
 *
 * asyncio: Runner.get_loop.
 */
AW_API aw_status aw_runner_loop(aw_runner *runner, aw_loop **out);
/**
 * Runs `fn` in a task until it ends. Its value moves to `out` (optional). Other tasks remain for the next
 * run, and so do the values that `fn` bound with aw_context_set().
 *
 * Returns: the status of `fn`.
 *
 * Errors: ::AW_ELOOPRUNNING inside a running loop; ::AW_ELOOPCLOSED once the runner is closed; -EINTR with
 * ::AW_RUNNER_SIGINT if a SIGINT ended the run.
 *
 * asyncio: Runner.run.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_runner_run(aw_runner *runner, aw_task_fn fn, void *ud,
                                                        aw_destroy_fn destroy, void **out);
/**
 * Runs a coroutine of the runner's loop as aw_runner_run() does, and adds its own reference to it.
 *
 * Returns: the status of the coroutine.
 *
 * Errors: those of aw_runner_run().
 *
 * asyncio: Runner.run.
 */
AW_NODISCARD AW_API aw_status aw_runner_run_coro(aw_runner *runner, aw_coro *coro, void **out);
/**
 * Returns the error with which the last run failed, borrowed until the next run or until the runner is
 * released; NULL after a run that succeeded. If the runner could not create its loop, the message is the
 * reason.
 *
 * asyncio: the exception that Runner.run raises.
 */
AW_API aw_error *aw_runner_error(const aw_runner *runner);
/**
 * Cancels and awaits every task that is left, then closes the loop. Closing a closed runner does nothing.
 *
 * asyncio: Runner.close.
 */
AW_API aw_status aw_runner_close(aw_runner *runner);

/**
 * Cancels all tasks of the loop that are not done, in the order of their creation, and runs the loop until
 * they are. This is the end of aw_run() for a loop that the caller created.
 *
 * asyncio: runners._cancel_all_tasks.
 */
AW_NODISCARD AW_API aw_status aw_loop_cancel_all(aw_loop *loop);

AW_END_DECLS

#endif
