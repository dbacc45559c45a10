/* SPDX-License-Identifier: MIT */
/*
 * A thread pool and its queue, independent of loops: a job is a function to run on one of the threads. The
 * pool outlives its handle while a thread or the owner of a job has a reference.
 */
#ifndef CORE_EXECUTOR_H
#define CORE_EXECUTOR_H

#include "error.h"
#include "object.h"

#include <await/executor.h>

typedef struct pool pool;

enum job_state { JOB_NEW, JOB_QUEUED, JOB_TAKEN, JOB_DROPPED };

/* Embedded in its owner; must stay valid until `run` or `drop` is called or pool_withdraw() returns true. */
typedef struct job {
	struct job *next, *previous;
	void (*run)(struct job *self);  /* on a thread of the pool; the owner may free the job in it */
	void (*drop)(struct job *self); /* removed from the queue by a shutdown; on any thread */
	uint8_t state;                  /* guarded by the pool */
} job;

/* A thread of a pool. */
typedef struct worker {
	pool *pool;       /* a reference */
	aw_error *raised; /* set by aw_work_raise(); a reference */
	pthread_t thread;
	_Atomic uint32_t wake; /* an enum of executor.c; the word on which it sleeps */
	struct worker *next;   /* in the list of idle threads, or of exited ones */
} worker;

/* Returns the pool of a handle, which keeps it alive, or NULL with the status set. */
pool *executor_pool(const aw_executor *executor, aw_status *status);
pool *pool_ref(pool *self);
void pool_unref(pool *self);
/*
 * Queues a job: if this returns 0, `run` or `drop` follows. Fails with AW_EINVALIDSTATE after a shutdown, or
 * if no thread could be started.
 */
aw_status pool_submit(pool *self, job *job);
/* Takes a job back from the queue; false if it was started or dropped. */
bool pool_withdraw(pool *self, job *job);

#endif
