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

/**
 * @name The call graph
 *
 * Where aw_loop_print_tasks() shows what each task awaits, the call graph of a future shows who waits for it:
 * the tasks that await it, then those that await these, and so on. Futures between two tasks, such as that of
 * aw_gather(), are left out. The entries are numbered from the future itself, each followed by those that
 * wait for it, one level below.
 */
/**@{*/
/**
 * Captures the call graph of `future`, or of the running task if `future` is NULL. `limit` is the most frames
 * to keep of each task: the innermost, or the outermost `-limit` if it is negative; 0 keeps none, and
 * INT32_MAX keeps all that can be had. `depth` counts from where the running task's own frames are kept: 1
 * starts with the caller of this function, 2 with the caller's caller.
 *
 * A frame is a place in the code as aw_loop_print_tasks() prints it: of a suspended stackful task the calls
 * that it is in, at most 64 of them, and of other coroutines their step functions. A stackful task with less
 * than 12 KiB of stack left, or that has not started, has the function that it runs.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: ::AW_ENOTASK if `future` is NULL and no task runs; ::AW_EBADHANDLE; -EINVAL if `depth` is negative;
 * -ENOMEM.
 *
 * asyncio: capture_call_graph.
 */
AW_NODISCARD AW_API aw_status aw_capture_call_graph(aw_future *future, int32_t depth, int32_t limit,
                                                    aw_call_graph **out);
/**
 * Writes the call graph of `future` as text to `text`, which has room for `size` bytes and always gets a NUL,
 * unless `size` is 0. The lines have asyncio's form. `depth` and `limit` are those of
 * aw_capture_call_graph().
 *
 * Returns: the length of the whole text, which was cut if that is not less than `size`.
 *
 * Errors: those of aw_capture_call_graph(); -EINVAL if `text` is NULL and `size` is not 0; -EOVERFLOW.
 *
 * asyncio: format_call_graph.
 */
AW_API aw_status aw_format_call_graph(aw_future *future, int32_t depth, int32_t limit, char *text,
                                      size_t size);
/**
 * Adds a reference and returns `graph`.
 *
 * Thread: any.
 */
AW_API aw_call_graph *aw_call_graph_ref(aw_call_graph *graph);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_call_graph_unref(aw_call_graph *graph);
/** Returns the number of entries. */
AW_API size_t aw_call_graph_count(const aw_call_graph *graph);
/**
 * Returns the future of an entry, borrowed. aw_future_task() tells whether it is a task.
 *
 * asyncio: FutureCallGraph.future.
 */
AW_API aw_future *aw_call_graph_future(const aw_call_graph *graph, size_t index);
/**
 * Returns the level of an entry: 0 for the first one. Those that wait for an entry follow it, one level
 * below.
 *
 * asyncio: FutureCallGraph.awaited_by.
 */
AW_API size_t aw_call_graph_level(const aw_call_graph *graph, size_t index);
/**
 * Returns 1 if an earlier entry is of the same task: what waits for it, and its frames, are found there; else
 * 0.
 */
AW_API aw_bool aw_call_graph_repeated(const aw_call_graph *graph, size_t index);
/**
 * Returns the number of frames of an entry.
 *
 * asyncio: FutureCallGraph.call_stack.
 */
AW_API size_t aw_call_graph_frame_count(const aw_call_graph *graph, size_t index);
/**
 * Returns a frame of an entry as text, borrowed: the innermost is number 0.
 *
 * asyncio: FrameCallGraphEntry.
 */
AW_API const char *aw_call_graph_frame(const aw_call_graph *graph, size_t index, size_t frame);
/**
 * Returns the whole graph as the text of aw_format_call_graph(), borrowed; NULL if out of memory. It names
 * the tasks as they are called when it is first asked for.
 *
 * asyncio: format_call_graph.
 */
AW_API const char *aw_call_graph_text(aw_call_graph *graph);
/**@}*/

AW_END_DECLS

#endif
