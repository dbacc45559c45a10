/* SPDX-License-Identifier: MIT */
/* The part of run_in_executor that to_thread and run share. */
#ifndef CORE_AWAIT_RUN_IN_EXECUTOR_H
#define CORE_AWAIT_RUN_IN_EXECUTOR_H

#include "future.h"

#include <await/executor.h>

/*
 * aw_loop_run_in_executor() on a checked loop, in a copy of the current context if `in_context`. The future
 * is not handed out if `origin` is NULL.
 */
aw_status executor_run(aw_loop *loop, aw_executor *executor, aw_work_fn fn, void *ud, aw_destroy_fn destroy,
                       bool in_context, const void *origin, aw_future **out);
/*
 * The same for a function that uses the caller's memory, outside any context: once it runs, a cancelled future
 * is done only when the function has returned. The future is not handed out.
 */
aw_status executor_run_whole(aw_loop *loop, aw_executor *executor, aw_work_fn fn, void *ud, aw_future **out);
/*
 * For a caller that can't await such a future to its end, since the loop closes: withdraws the work, or blocks
 * until its function has returned.
 */
void executor_settle(aw_future *future);
/*
 * Shuts the default executor down at the end of a run. `out` finishes when its threads have exited; it is
 * NULL if there is nothing to wait for.
 */
aw_status executor_finish(aw_loop *loop, int64_t limit, aw_future **out);

/*
 * Bracket work of other threads: a virtual clock does not jump meanwhile. thread_work_begin() fails with
 * -ENOMEM or the errno of a descriptor.
 */
aw_status thread_work_begin(aw_loop *loop);
void thread_work_end(aw_loop *loop);

#endif
