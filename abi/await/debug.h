/* SPDX-License-Identifier: MIT */
/**
 * @file debug.h
 * Inspecting the library and its tasks at run time.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_DEBUG_H
#define AWAIT_DEBUG_H

#include <await/base.h>

AW_BEGIN_DECLS

/**
 * Returns the number of handles of any kind that are alive in this process.
 *
 * Thread: any.
 */
AW_API int64_t aw_debug_live_handles(void);
/**
 * Frees the memory that the library keeps for reuse. Call it before the program ends, for leak checkers
 * that list reachable memory. The library can be used again afterwards. The memory of stale handles is
 * freed as well, so later uses of them are not detected. Plug-ins stay loaded.
 *
 * Errors: -EBUSY while any handle is alive, and nothing is freed then.
 *
 * Thread: any, while no other thread is in a call of the library.
 */
AW_API aw_status aw_debug_free_caches(void);
/**
 * Installs a SIGSEGV handler on an alternate stack of the calling thread. The handler names the task whose
 * stack overflowed or, in debug mode, the finished task whose stack was accessed, and then calls the
 * previous handler. Call this function once in the process for the handler, and once in each thread for its
 * stack. `AWAIT_DEBUG=1` has the same effect.
 *
 * Thread: any.
 */
AW_API aw_status aw_debug_report_overflow(void);

/** The format of aw_loop_print_tasks(). */
enum aw_print_format {
	AW_PRINT_TEXT = 0,
	AW_PRINT_JSON = 1,
	AW_PRINT_BACKTRACE = 2, /**< may be added to either: a backtrace of each suspended stackful task */
};

/**
 * Writes the tree of the loop's tasks to `fd`, each task once. A task is below the task that awaits it, or
 * below the parent of its task group; tasks that nobody awaits are at the top. Each line gives the name of
 * the task and what it awaits: which lock and who holds it, or which queue, event, task, descriptor or
 * process. In debug mode it also gives for how long, and where the task was created. A tree deeper than 64
 * levels continues at the top with the words "awaited by".
 *
 * `format` is ::AW_PRINT_TEXT or ::AW_PRINT_JSON, to which ::AW_PRINT_BACKTRACE may be added. In JSON a
 * task is an object with `name`, `awaits`, `awaited` (the tasks below it) and, where they apply,
 * `awaited_by`, `which`, `held_by`, `for_ns`, `cancelling`, `origin` and `stack`. A backtrace starts at the
 * call into the library and names exported functions (link programs with -rdynamic); pass the offset of
 * other functions to `addr2line`. A backtrace is omitted if the task has less than 12 KiB of stack left.
 *
 * Errors: the errno of a failed write to `fd`; -ENOMEM.
 *
 * asyncio: python -m asyncio pstree.
 */
AW_API aw_status aw_loop_print_tasks(aw_loop *loop, int fd, int32_t format);
/**
 * Makes a signal print the loop's tasks, with their backtraces, to standard error. `kill -USR1 PID` then
 * shows what a program that seems to hang waits for. The loop prints in its next iteration: a task that
 * never awaits is not interrupted, so use a debugger for that. aw_loop_remove_signal_handler() removes the
 * handler.
 *
 * Errors: those of aw_loop_add_signal_handler().
 */
AW_API aw_status aw_loop_add_debug_signal(aw_loop *loop, int signal_number);

AW_END_DECLS

#endif
