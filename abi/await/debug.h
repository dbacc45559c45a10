/* SPDX-License-Identifier: MIT */
/**
 * @file debug.h
 * Looking at the library from outside.
 */
#ifndef AWAIT_DEBUG_H
#define AWAIT_DEBUG_H

#include <await/base.h>

AW_BEGIN_DECLS

/** How many handles of any kind are alive in this process. Any thread. */
AW_API int64_t aw_debug_live_handles(void);
/**
 * Frees the memory that the library keeps for use again: call it before the program ends, for leak checkers
 * that list what is still reachable. The library can be used again afterwards. What belonged to a stale
 * handle is freed too, so these are no longer answered. A loaded plug-in stays.
 *
 * Returns 0, or -EBUSY while any handle is alive: then nothing is freed.
 * Thread: no other thread may be in a call of the library.
 */
AW_API aw_status aw_debug_free_caches(void);
/**
 * Installs a SIGSEGV handler on an alternate stack of the calling thread, which names the task whose stack
 * overflowed, or (in debug mode) the finished task whose stack was accessed, and then hands over to the
 * handler found before. Once per process for the handler, once per thread for its stack. `AWAIT_DEBUG=1` does
 * it too.
 */
AW_API aw_status aw_debug_report_overflow(void);

/** What aw_loop_print_tasks() writes. */
enum aw_print_format {
	AW_PRINT_TEXT = 0,
	AW_PRINT_JSON = 1,
	AW_PRINT_BACKTRACE = 2, /**< may be added to either: each suspended stackful task with its backtrace */
};

/**
 * Writes the tree of the loop's tasks to `fd`, each task once. A task is below the task that awaits it, or
 * below the parent of its task group; those that nobody awaits are at the top. Each line gives the task's
 * name, what it awaits (which lock and who holds it, which queue, event, task, descriptor or process), and in
 * debug mode for how long and where it was created. Below 64 levels a tree continues at the top with the
 * words "awaited by".
 *
 * `format` is ::AW_PRINT_TEXT or ::AW_PRINT_JSON, to which ::AW_PRINT_BACKTRACE may be added. In JSON a task
 * is an object with `name`, `awaits`, `awaited` (the tasks below it) and, where they apply, `awaited_by`,
 * `which`, `held_by`, `for_ns`, `cancelling`, `origin` and `stack`. A backtrace starts at the call into the
 * library, and names exported functions (link programs with -rdynamic); `addr2line` takes the offset of the
 * others. It is left out if the task has less than 12 KiB of stack left.
 *
 * Errors: -errno if the descriptor takes no more, -ENOMEM.
 * asyncio: python -m asyncio pstree.
 */
AW_API aw_status aw_loop_print_tasks(aw_loop *loop, int fd, int32_t format);
/**
 * From now on the signal prints the loop's tasks with their backtraces to standard error, as `kill -USR1 PID`
 * would ask of a program that seems to hang. The loop prints in its next iteration: a task that never awaits
 * is not interrupted, a debugger shows that one. aw_loop_remove_signal_handler() undoes it.
 *
 * Errors: as aw_loop_add_signal_handler().
 */
AW_API aw_status aw_loop_add_debug_signal(aw_loop *loop, int signal_number);

AW_END_DECLS

#endif
