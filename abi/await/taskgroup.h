/* SPDX-License-Identifier: MIT */
/**
 * @file taskgroup.h
 * Task groups: tasks that end before the block that started them ends.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_TASKGROUP_H
#define AWAIT_TASKGROUP_H

#include <await/base.h>
#include <await/task.h>

AW_BEGIN_DECLS

typedef struct aw_taskgroup aw_taskgroup; /**< a scope whose tasks end with it (asyncio.TaskGroup) */

/**
 * Creates a group that has not been entered.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: TaskGroup.
 */
AW_NODISCARD AW_API aw_status aw_taskgroup_new(aw_loop *loop, aw_taskgroup **out);
/**
 * Adds a reference and returns `group`.
 *
 * Thread: any.
 */
AW_API aw_taskgroup *aw_taskgroup_ref(aw_taskgroup *group);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_taskgroup_unref(aw_taskgroup *group);
/**
 * Enters the group in the current task, which becomes its parent.
 *
 * Errors: ::AW_EINVALIDSTATE if the group was entered before; ::AW_ENOTASK.
 *
 * asyncio: TaskGroup.__aenter__.
 */
AW_NODISCARD AW_API aw_status aw_taskgroup_enter(aw_taskgroup *group);
/**
 * Starts a stackful task in the group.
 *
 * Returns: 0, and a new reference in `out` (optional).
 *
 * Errors: ::AW_EINVALIDSTATE before the group is entered, while it shuts down, and once it is finished.
 *
 * asyncio: TaskGroup.create_task.
 */
AW_STACKFUL AW_API aw_status aw_taskgroup_spawn(aw_taskgroup *group, aw_task_fn fn, void *ud,
                                                aw_destroy_fn destroy, aw_task **out);
/**
 * Starts a task in the group that drives a coroutine object, to which it adds its own reference.
 *
 * Returns: 0, and a new reference in `out` (optional).
 *
 * Errors: those of aw_taskgroup_spawn().
 *
 * asyncio: TaskGroup.create_task.
 */
AW_API aw_status aw_taskgroup_spawn_coro(aw_taskgroup *group, aw_coro *coro, aw_task **out);
/**
 * Adds an existing task of the same loop to the group, for tasks that a factory of the host created or that
 * were spawned eagerly. Adds its own reference to the task. From then on the task is treated as one that
 * was started in the group, even if it is done. On failure the task continues outside the group.
 *
 * Errors: those of aw_taskgroup_spawn(); ::AW_EFOREIGNLOOP; -EINVAL for the parent of the group.
 *
 * asyncio: TaskGroup.create_task with a task factory.
 */
AW_API aw_status aw_taskgroup_add(aw_taskgroup *group, aw_task *task);
/**
 * Cancels the group: its tasks, and its parent if that has not left the block. No task can join the group
 * after that. aw_taskgroup_exit() waits for the tasks as always and returns 0, not ::AW_ECANCELLED, unless
 * a task failed or another caller cancelled the parent as well. To use a group as a set of tasks that are
 * cancelled and awaited at the end, call this function last in the block, followed by aw_taskgroup_exit().
 * Cancelling a group again, or one that is finished, does nothing.
 *
 * Errors: ::AW_EBADHANDLE; ::AW_ELOOPCLOSED; ::AW_EINVALIDSTATE before the group is entered.
 *
 * asyncio: TaskGroup.cancel, as of Python 3.15.
 */
AW_API aw_status aw_taskgroup_cancel(aw_taskgroup *group);
/**
 * Leaves the group and waits for all its tasks. `body` is the status with which the block ended (0 or
 * negative), and `error` is its error object (optional; in a stackful task NULL means that of aw_caught()).
 * If the body or a task failed, the other tasks are cancelled and awaited.
 *
 * Errors: ::AW_EGROUP if the body or a task failed: one error that holds all failures (aw_caught());
 * ::AW_ECANCELLED if only the parent was cancelled.
 *
 * asyncio: TaskGroup.__aexit__.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_taskgroup_exit(aw_taskgroup *group, aw_status body,
                                                            aw_error *error);
/**
 * Creates a coroutine that leaves the group as aw_taskgroup_exit() does.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: TaskGroup.__aexit__.
 */
AW_NODISCARD AW_API aw_status aw_taskgroup_exit_coro(aw_taskgroup *group, aw_status body, aw_error *error,
                                                     aw_coro **out);

/** @name Errors that consist of several errors (ExceptionGroup) */
/**@{*/
/**
 * Creates an error of ::AW_EGROUP that consists of `count` errors, and adds its own reference to each of
 * them. A NULL `loop` means no loop, as in aw_error_new().
 *
 * Returns: 0, and a new reference in `out`.
 *
 * asyncio: ExceptionGroup.
 */
AW_NODISCARD AW_API aw_status aw_error_new_group(aw_loop *loop, const char *message, aw_error *const *errors,
                                                 size_t count, aw_error **out);
/**
 * Returns the number of errors that a group consists of; 0 for a plain error.
 *
 * Thread: any.
 */
AW_API size_t aw_error_count(const aw_error *error);
/**
 * Returns the error at `index` of a group, borrowed, or NULL beyond the end.
 *
 * Thread: any.
 */
AW_API aw_error *aw_error_get(const aw_error *error, size_t index);
/**@}*/

AW_END_DECLS

#endif
