/* SPDX-License-Identifier: MIT */
/*
 * A thread pool and its queue. It does not depend on loops: a job is a function that runs on one of the
 * threads. The pool outlives its handle while a thread or the owner of a job holds a reference.
 */
#ifndef CORE_EXECUTOR_H
#define CORE_EXECUTOR_H

#include "error.h"
#include "object.h"

#include <await/executor.h>

typedef struct pool pool;

enum job_state { JOB_NEW, JOB_QUEUED, JOB_TAKEN, JOB_DROPPED };

/* Embedded in its owner, who keeps it until one of the two was called or executor_withdraw() gave it back. */
typedef struct job {
	struct job *next, *previous;
	void (*run)(struct job *self);  /* on a thread of the pool; what comes after is the owner's */
	void (*drop)(struct job *self); /* a shutdown took it out of the queue; on any thread */
	uint8_t state;                  /* guarded by the pool */
} job;

/* A thread of a pool. */
typedef struct worker {
	pool *pool;       /* a reference */
	aw_error *raised; /* what aw_work_raise() prepared; a reference */
	pthread_t thread;
	struct worker *next; /* in the list of ended threads */
} worker;

/* The pool behind a handle, with a new reference, or NULL with the status set. */
pool *executor_pool(const aw_executor *executor, aw_status *status);
void pool_unref(pool *self);
/*
 * Queues a job. 0, and then `run` or `drop` follows; AW_EINVALIDSTATE after a shutdown, or why no thread
 * could be started.
 */
aw_status pool_submit(pool *self, job *job);
/* Removes a queued job. Returns false if it has been started or dropped. */
bool pool_withdraw(pool *self, job *job);

#endif
