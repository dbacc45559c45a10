/* SPDX-License-Identifier: MIT */
/**
 * @file taskgroup.h
 * Task groups: tasks that end before the block that started them does.
 */
#ifndef AWAIT_TASKGROUP_H
#define AWAIT_TASKGROUP_H

#include <await/base.h>
#include <await/task.h>

AW_BEGIN_DECLS

typedef struct aw_taskgroup aw_taskgroup; /**< asyncio.TaskGroup */

/** A group that has not been entered. New reference. asyncio.TaskGroup. */
AW_NODISCARD AW_API aw_status aw_taskgroup_new(aw_loop *loop, aw_taskgroup **out);
/** Takes one more reference and returns `group`. Any thread. */
AW_API aw_taskgroup *aw_taskgroup_ref(aw_taskgroup *group);
/** Gives one reference back. Any thread. */
AW_API void aw_taskgroup_unref(aw_taskgroup *group);
/**
 * Enters the group in the current task, its parent. ::AW_EINVALIDSTATE if entered before, ::AW_ENOTASK.
 * TaskGroup.__aenter__.
 */
AW_NODISCARD AW_API aw_status aw_taskgroup_enter(aw_taskgroup *group);
/**
 * Starts a stackful task in the group. ::AW_EINVALIDSTATE before the group is entered, once it is shutting
 * down, and when it is finished. `out` is optional: new reference. asyncio: TaskGroup.create_task.
 */
AW_STACKFUL AW_API aw_status aw_taskgroup_spawn(aw_taskgroup *group, aw_task_fn fn, void *ud,
                                                aw_destroy_fn destroy, aw_task **out);
/**
 * Starts a coroutine object in the group (takes its own reference); errors as above. asyncio:
 * TaskGroup.create_task.
 */
AW_API aw_status aw_taskgroup_spawn_coro(aw_taskgroup *group, aw_coro *coro, aw_task **out);
/**
 * Takes a task of the same loop into the group that was made elsewhere, by a factory of the host's or eagerly
 * (takes its own reference). From then on it is as one started here, also if it is done. ::AW_EFOREIGNLOOP,
 * -EINVAL for the group's own parent; errors as above, and the task goes on by itself. asyncio:
 * TaskGroup.create_task with a task factory.
 */
AW_API aw_status aw_taskgroup_add(aw_taskgroup *group, aw_task *task);
/**
 * Cancels what is left in the group: its tasks, and its parent where that has not left the block. No task can
 * join any more. The end of the group then waits for them as always, and returns 0, not ::AW_ECANCELLED,
 * unless a task failed or somebody else cancelled the parent too. It makes a group a set of tasks that are
 * cancelled and awaited when it goes: call it last in the block, and aw_taskgroup_exit() after it. Cancelling
 * a group again, or one that is finished, does nothing.
 *
 * Errors: ::AW_EBADHANDLE, ::AW_ELOOPCLOSED; ::AW_EINVALIDSTATE before the group is entered. Python:
 * TaskGroup.cancel, as of 3.15.
 */
AW_API aw_status aw_taskgroup_cancel(aw_taskgroup *group);
/**
 * Leaves the group: waits for all its tasks. `body` is how the block ended (0 or negative), `error` its error
 * object (optional; in a stackful task aw_caught() stands for it). If the body or a task failed, the others
 * are cancelled and waited for, and the failures come as one error of ::AW_EGROUP (aw_caught()); a mere
 * cancellation of the parent comes as ::AW_ECANCELLED. TaskGroup.__aexit__.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_taskgroup_exit(aw_taskgroup *group, aw_status body,
                                                            aw_error *error);
/** aw_taskgroup_exit() as a coroutine. New reference. */
AW_NODISCARD AW_API aw_status aw_taskgroup_exit_coro(aw_taskgroup *group, aw_status body, aw_error *error,
                                                     aw_coro **out);

/** @name Errors of several errors (ExceptionGroup) */
/**@{*/
/** An error of ::AW_EGROUP made of `count` errors (each referenced). New reference. ExceptionGroup. */
AW_NODISCARD AW_API aw_status aw_error_new_group(aw_loop *loop, const char *message, aw_error *const *errors,
                                                 size_t count, aw_error **out);
/** How many errors it is made of; 0 for a plain one. Any thread. */
AW_API size_t aw_error_count(const aw_error *error);
/** One of them, borrowed, or NULL beyond the end. Any thread. */
AW_API aw_error *aw_error_get(const aw_error *error, size_t index);
/**@}*/

AW_END_DECLS

#endif
