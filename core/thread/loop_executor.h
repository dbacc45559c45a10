/* SPDX-License-Identifier: MIT */
/*
 * Executors that a loop reserves for one purpose, so that blocking calls of one kind never wait behind those
 * of another.
 */
#ifndef CORE_AWAIT_LOOP_EXECUTOR_H
#define CORE_AWAIT_LOOP_EXECUTOR_H

#include "loop.h"

#include <await/executor.h>

typedef struct loop_executor loop_executor;

/* The threads of the executor for files, in the loop's `files`. */
enum { LOOP_FILE_THREADS = 8 };

/*
 * Stores the executor in `slot`, a member of the loop, borrowed. It is created on first use, with at most
 * `threads` threads, and shut down when the loop closes. With `joins`, the close waits for the threads: for
 * functions that are over by then.
 */
aw_status loop_executor_of(aw_loop *loop, loop_executor **slot, int32_t threads, bool joins,
                           aw_executor **out);

#endif
