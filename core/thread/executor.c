/* SPDX-License-Identifier: MIT */
/*
 * A thread pool and its queue. A submit starts a thread if more jobs are queued than there are idle threads;
 * threads exit only after a shutdown. No callback runs with the mutex held.
 *
 * An idle thread sleeps on a word in its worker. A waker takes it off the list with the mutex held, and wakes it
 * without, so that it does not wake only to wait for the mutex. The last one to become idle is the first to be woken:
 * its caches are warm. One thread is woken at a time, and wakes the next when it runs, so that a burst of submits
 * costs one system call, not one each.
 *
 * While no thread has to be started or woken, a submit takes no mutex: it pushes the job on a list, which a thread
 * moves to the queue when it comes for a job.
 *
 * A thread that has exited is listed until it is joined. Once the handle is released nothing joins it, so it
 * detaches itself.
 */
#include "executor.h"

#include "failure.h"
#include "list.h"
#include "os.h"
#include "park.h"
#include "tsan.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct pool {
	_Atomic uint32_t refs;
	uint32_t fork_generation;
	_Atomic(job *) incoming; /* submitted without the mutex, newest first */
	/* All threads exist, and none sleeps or one is being woken. Written with the mutex held. */
	_Atomic bool saturated;
	pthread_mutex_t mutex; /* guards the fields below */
	park ended;            /* threads that wait for workers to exit */
	LIST(job) jobs;
	size_t queued;
	int32_t max, threads, idle;
	worker *sleeping; /* the idle threads that nobody wakes yet, newest first */
	bool waking;      /* an idle thread is being woken and does not run yet */
	int32_t unjoined; /* threads running, or exited and listed */
	bool shut;
	bool abandoned; /* the handle was released */
	worker *ended_list;
};

struct aw_executor {
	object base;
	pool *pool;
};

/* --- the pool --- */

static int32_t default_threads(void) {
	cpu_set_t set;
	/* The CPUs this process may use, which may be fewer than the machine has. */
	long count =
		sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
	if (count < 1) count = 1;
	return count > 28 ? 32 : (int32_t)count + 4;
}

static pool *pool_new(int32_t max) {
	uint32_t generation = threads_fork_generation();
	pool *self = generation ? calloc(1, sizeof *self) : NULL;
	if (!self) return NULL;
	atomic_store(&self->refs, 1);
	self->fork_generation = generation;
	self->max = max;
	pthread_mutex_init(&self->mutex, NULL);
	return self;
}

/* A forked child has none of the threads, and one of them may have held the mutex. */
static bool pool_is_forked(const pool *self) {
	return self->fork_generation != *threads_fork_word;
}

pool *pool_ref(pool *self) {
	atomic_fetch_add_explicit(&self->refs, 1, memory_order_relaxed);
	return self;
}

void pool_unref(pool *self) {
	if (!self || atomic_fetch_sub_explicit(&self->refs, 1, memory_order_acq_rel) != 1 || pool_is_forked(self))
		return;
	pthread_mutex_destroy(&self->mutex);
	free(self);
}

/* The sentinel in `incoming` after a shutdown. */
static job incoming_shut;

/* Moves the incoming jobs to the end of the queue, oldest first. The mutex is held. */
static void queue_receive(pool *self) {
	job *newest = atomic_load(&self->incoming), *oldest = NULL;
	if (!newest || newest == &incoming_shut) return;
	newest = atomic_exchange_explicit(&self->incoming, NULL, memory_order_acquire);
	for (job *older; newest; newest = older) {
		tsan_acquire(newest);
		older = newest->next;
		newest->next = oldest;
		oldest = newest;
	}
	for (job *newer; oldest; oldest = newer) {
		newer = oldest->next;
		list_append(&self->jobs, oldest);
		self->queued++;
	}
}

/* From here on no submit succeeds. The mutex is held. */
static void queue_shut(pool *self) {
	job *none = NULL;
	self->shut = true;
	while (!atomic_compare_exchange_strong(&self->incoming, &none, &incoming_shut) &&
	       none != &incoming_shut) {
		queue_receive(self);
		none = NULL;
	}
}

static void queue_add(pool *self, job *item) {
	item->state = JOB_QUEUED;
	list_append(&self->jobs, item);
	self->queued++;
}

static void queue_remove(pool *self, job *item, enum job_state state) {
	list_remove(&self->jobs, item);
	item->state = (uint8_t)state;
	self->queued--;
}

/* --- threads --- */

enum { WAKE_NONE, WAKE_SLEEPS, WAKE_GIVEN };

static void worker_wake(worker *self) {
	/* The thread may end at once and free `self`; the kernel only compares the address. */
	if (atomic_exchange_explicit(&self->wake, WAKE_GIVEN, memory_order_release) == WAKE_SLEEPS)
		os_word_wake(&self->wake);
}

static void worker_sleep(worker *self) {
	uint32_t none = WAKE_NONE;
	if (!atomic_compare_exchange_strong_explicit(&self->wake, &none, WAKE_SLEEPS, memory_order_acquire,
	                                             memory_order_acquire))
		return;
	while (atomic_load_explicit(&self->wake, memory_order_acquire) == WAKE_SLEEPS)
		(void)os_word_wait(&self->wake, WAKE_SLEEPS, INT64_MAX);
}

/*
 * After a change of what it depends on; the mutex is held. A submit pushes its job first and then reads this. Who
 * sets it to false does that first and then receives the incoming jobs. So one of the two sees the other.
 */
static void pool_update_saturated(pool *self) {
	atomic_store(&self->saturated, self->threads == self->max && (!self->sleeping || self->waking));
}

/* Returns an idle thread to be woken for the queued jobs, or NULL. The mutex is held. */
static worker *next_to_wake(pool *self) {
	worker *next = self->waking || !self->jobs.first ? NULL : self->sleeping;
	if (!next) return NULL;
	self->sleeping = next->next;
	self->waking = true;
	pool_update_saturated(self);
	return next;
}

/*
 * Unlocks the mutex and wakes. An idle thread must be woken only once the mutex is free, which it needs first.
 */
static void unlock_and_wake(pool *self, worker *next) {
	pthread_mutex_unlock(&self->mutex);
	if (next) worker_wake(next);
}

/* Waits for the next job; NULL if this thread must exit. The mutex is held, and released with a job. */
static job *worker_take(worker *self) {
	pool *owner = self->pool;
	queue_receive(owner);
	while (!owner->jobs.first && !owner->shut) {
		self->next = owner->sleeping;
		owner->sleeping = self;
		pool_update_saturated(owner);
		queue_receive(owner);
		if (owner->jobs.first) {
			owner->sleeping = self->next;
			pool_update_saturated(owner);
			break;
		}
		owner->idle++;
		atomic_store_explicit(&self->wake, WAKE_NONE, memory_order_relaxed);
		pthread_mutex_unlock(&owner->mutex);
		worker_sleep(self);
		pthread_mutex_lock(&owner->mutex);
		owner->idle--;
		owner->waking = false;
		pool_update_saturated(owner);
		queue_receive(owner);
	}
	job *next = owner->jobs.first;
	if (!next) return NULL;
	queue_remove(owner, next, JOB_TAKEN);
	unlock_and_wake(owner, next_to_wake(owner));
	return next;
}

/* The mutex is held. */
static void worker_end(worker *self) {
	pool *owner = self->pool;
	owner->threads--;
	if (owner->abandoned) {
		owner->unjoined--;
		pthread_detach(pthread_self());
		free(self);
	} else {
		self->next = owner->ended_list;
		owner->ended_list = self; /* may be joined and freed from here on */
	}
	park_wake(&owner->ended);
}

static void *worker_main(void *arg) {
	worker *self = arg;
	pool *owner = self->pool;
	pthread_setname_np(pthread_self(), "aw-worker");
	thread_here()->worker = self;
	pthread_mutex_lock(&owner->mutex);
	for (job *next; (next = worker_take(self));) {
		next->run(next);
		aw_error_unref(self->raised);
		self->raised = NULL;
		pthread_mutex_lock(&owner->mutex);
	}
	thread_here()->worker = NULL;
	worker_end(self);
	pthread_mutex_unlock(&owner->mutex);
	pool_unref(owner);
	return NULL;
}

/* Workers block process signals, but faults must still reach the program's handler. */
static void signals_for_workers(sigset_t *out) {
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	sigfillset(out);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(out, faults[i]);
}

/* The mutex is held, so the new thread sees itself counted. */
static aw_status worker_start(pool *owner) {
	sigset_t blocked, old;
	worker *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->pool = pool_ref(owner);
	signals_for_workers(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &old);
	int error = pthread_create(&self->thread, NULL, worker_main, self);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error) {
		pool_unref(owner);
		free(self);
		return -error;
	}
	owner->threads++;
	owner->unjoined++;
	pool_update_saturated(owner);
	return 0;
}

/* --- jobs --- */

/* Submits without the mutex; false if that is not possible, and then nothing has happened. */
static bool submit_incoming(pool *self, job *item) {
	if (!atomic_load_explicit(&self->saturated, memory_order_relaxed)) return false;
	job *first = atomic_load_explicit(&self->incoming, memory_order_relaxed);
	do {
		if (first == &incoming_shut) return false;
		item->state = JOB_QUEUED;
		item->next = first;
		tsan_release(item);
	} while (!atomic_compare_exchange_weak(&self->incoming, &first, item));
	if (atomic_load(&self->saturated)) return true;
	/* A thread has become idle meanwhile, and may not have seen the job. */
	pthread_mutex_lock(&self->mutex);
	queue_receive(self);
	unlock_and_wake(self, next_to_wake(self));
	return true;
}

aw_status pool_submit(pool *self, job *item) {
	aw_status status = 0;
	worker *next = NULL;
	if (pool_is_forked(self)) return AW_EFORKED;
	if (submit_incoming(self, item)) return 0;
	pthread_mutex_lock(&self->mutex);
	if (self->shut) {
		item->state = JOB_NEW;
		pthread_mutex_unlock(&self->mutex);
		return AW_EINVALIDSTATE;
	}
	queue_receive(self);
	queue_add(self, item);
	/* Each queued job already claims an idle thread. */
	if (self->queued > (size_t)self->idle && self->threads < self->max) status = worker_start(self);
	if (status < 0 && self->threads > 0) status = 0; /* an existing thread will run it */
	if (status < 0)
		queue_remove(self, item, JOB_NEW);
	else
		next = next_to_wake(self);
	unlock_and_wake(self, next);
	return status;
}

bool pool_withdraw(pool *self, job *item) {
	if (pool_is_forked(self)) return false;
	pthread_mutex_lock(&self->mutex);
	bool queued = item->state == JOB_QUEUED;
	if (queued) {
		queue_receive(self); /* it may be among them */
		queue_remove(self, item, JOB_DROPPED);
	}
	pthread_mutex_unlock(&self->mutex);
	return queued;
}

static void pool_shut(pool *self, bool cancel_pending) {
	job *dropped = NULL, **end = &dropped;
	pthread_mutex_lock(&self->mutex);
	queue_shut(self);
	while (cancel_pending && self->jobs.first) {
		job *next = self->jobs.first;
		queue_remove(self, next, JOB_DROPPED);
		*end = next;
		end = &next->next;
	}
	worker *sleeping = self->sleeping;
	self->sleeping = NULL;
	/* With the mutex held: none of them can end meanwhile. */
	for (worker *next; sleeping; sleeping = next) {
		next = sleeping->next;
		worker_wake(sleeping);
	}
	pthread_mutex_unlock(&self->mutex);
	for (job *next; (next = dropped);) {
		dropped = next->next;
		next->drop(next);
	}
}

/* --- the handle --- */

static void join_all(worker *list) {
	for (worker *next; list; list = next) {
		next = list->next;
		pthread_join(list->thread, NULL); /* it has exited or is about to */
		free(list);
	}
}

static void executor_release(object *base) {
	pool *inner = ((aw_executor *)base)->pool;
	object_free(base);
	if (pool_is_forked(inner)) return;
	pthread_mutex_lock(&inner->mutex);
	worker *ended = inner->ended_list;
	inner->ended_list = NULL;
	inner->abandoned = true;
	pthread_mutex_unlock(&inner->mutex);
	pool_shut(inner, false);
	join_all(ended);
	pool_unref(inner);
}

static const object_class executor_class = {
	.name = "executor", .size = sizeof(aw_executor), .release = executor_release};

/* Returns 0 if the handle can be used. */
static aw_status executor_check(const aw_executor *executor) {
	if (!object_is(executor, &executor_class)) return AW_EBADHANDLE;
	return pool_is_forked(executor->pool) ? AW_EFORKED : 0;
}

pool *executor_pool(const aw_executor *executor, aw_status *status) {
	*status = executor_check(executor);
	return *status < 0 ? NULL : executor->pool;
}

ENTRY(aw_executor_new, (int32_t max_threads, aw_executor **out), (max_threads, out)) {
	if (!out || max_threads < 0) return -EINVAL;
	pool *inner = pool_new(max_threads ? max_threads : default_threads());
	if (!inner) return -ENOMEM;
	aw_executor *self = object_new(&domain_none, &executor_class);
	if (!self) {
		pool_unref(inner);
		return -ENOMEM;
	}
	self->pool = inner;
	*out = object_hand_out(self, CALLER);
	return 0;
}

REFERENCES(aw_executor, object_is(self, &executor_class))

ENTRY(aw_executor_shutdown, (aw_executor *executor, aw_bool cancel_pending), (executor, cancel_pending)) {
	aw_status status = executor_check(executor);
	if (status == 0) pool_shut(executor->pool, cancel_pending != 0);
	return status;
}

/* Joins the threads as they exit. */
static aw_status pool_join(pool *self, const park_limit *limit) {
	aw_status status = 0;
	pthread_mutex_lock(&self->mutex);
	while (self->unjoined && status == 0) {
		worker *ended = self->ended_list;
		if (!ended) {
			status = park_wait(&self->ended, &self->mutex, limit);
			if (self->ended_list || !self->unjoined) status = 0;
			continue;
		}
		self->ended_list = ended->next;
		ended->next = NULL;
		pthread_mutex_unlock(&self->mutex);
		join_all(ended);
		pthread_mutex_lock(&self->mutex);
		self->unjoined--;
		park_wake(&self->ended); /* the next waiter */
	}
	pthread_mutex_unlock(&self->mutex);
	return status;
}

static aw_status shutdown_wait(aw_executor *executor, const park_limit *limit) {
	aw_status status = executor_check(executor);
	if (status < 0) return status;
	const worker *here = thread_here()->worker;
	object_ref(executor); /* a job may drop the last reference meanwhile */
	pool_shut(executor->pool, false);
	status = here && here->pool == executor->pool ? -EDEADLK : pool_join(executor->pool, limit);
	object_unref(executor);
	return status;
}

ENTRY(aw_executor_shutdown_wait, (aw_executor *executor, int64_t timeout_ns), (executor, timeout_ns)) {
	park_limit limit = park_limit_after(timeout_ns);
	return shutdown_wait(executor, &limit);
}

ENTRY(aw_executor_shutdown_wait_interruptible, (aw_executor *executor, int64_t timeout_ns,
                                                aw_interrupt *interrupt),
      (executor, timeout_ns, interrupt)) {
	park_limit limit = park_limit_after(timeout_ns);
	aw_status status = interrupt_check(interrupt);
	if (status < 0) return status;
	limit.signals = true;
	limit.interrupt = aw_interrupt_ref(interrupt);
	status = shutdown_wait(executor, &limit);
	aw_interrupt_unref(interrupt);
	return status;
}

size_t aw_executor_pending(const aw_executor *executor) {
	if (executor_check(executor) < 0) return 0;
	pthread_mutex_lock(&executor->pool->mutex);
	queue_receive(executor->pool);
	size_t queued = executor->pool->queued;
	pthread_mutex_unlock(&executor->pool->mutex);
	return queued;
}

int32_t aw_executor_threads(const aw_executor *executor) {
	if (executor_check(executor) < 0) return 0;
	pthread_mutex_lock(&executor->pool->mutex);
	int32_t threads = executor->pool->threads;
	pthread_mutex_unlock(&executor->pool->mutex);
	return threads;
}

int32_t aw_executor_max_threads(const aw_executor *executor) {
	return executor_check(executor) < 0 ? 0 : executor->pool->max;
}

/* --- calls from a work function --- */

static aw_status prepare(worker *self, aw_error *error) {
	aw_status status = error->status;
	aw_error_unref(self->raised);
	self->raised = error;
	return status;
}

ENTRY(aw_work_raise, (aw_status code, const char *message), (code, message)) {
	worker *self = thread_here()->worker;
	if (!self) return AW_EINVALIDSTATE;
	return code ? prepare(self, error_with_message(&domain_none, error_code(code), message)) : -EINVAL;
}

ENTRY(aw_work_vraisef, (aw_status code, const char *format, va_list arguments), (code, format, arguments)) {
	worker *self = thread_here()->worker;
	if (!self) return AW_EINVALIDSTATE;
	return code ? prepare(self, error_with_format(&domain_none, error_code(code), format, arguments))
	            : -EINVAL;
}

aw_status aw_work_raisef(aw_status code, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	aw_status status = aw_work_vraisef(code, format, arguments);
	va_end(arguments);
	return status;
}

ENTRY(aw_work_raise_error, (aw_error *error), (error)) {
	worker *self = thread_here()->worker;
	if (!self) return AW_EINVALIDSTATE;
	if (!object_is(error, &error_class)) return AW_EBADHANDLE;
	return prepare(self, aw_error_ref(error));
}
