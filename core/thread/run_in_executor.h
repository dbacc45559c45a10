/* SPDX-License-Identifier: MIT */
/* What to_thread and run share with run_in_executor. */
#ifndef CORE_AWAIT_RUN_IN_EXECUTOR_H
#define CORE_AWAIT_RUN_IN_EXECUTOR_H

#include "future.h"

#include <await/executor.h>

/*
 * aw_loop_run_in_executor(), in a copy of the current context if `in_context`. The loop was checked. `origin`
 * NULL: not handed out.
 */
aw_status executor_run(aw_loop *loop, aw_executor *executor, aw_work_fn fn, void *ud, aw_destroy_fn destroy,
                       bool in_context, const void *origin, aw_future **out);
/*
 * The end of a run: shuts the default executor down. `out` is done when its threads have ended, or NULL if
 * there is nothing to wait for.
 */
aw_status executor_finish(aw_loop *loop, int64_t limit, aw_future **out);

#endif
