/* SPDX-License-Identifier: MIT */
/*
 * run_in_executor: a future whose outcome comes from a thread of an executor. The work is embedded in the
 * future, so that posting its completion to the loop needs no memory and fails only if the loop is gone.
 *
 * While a thread runs a work, the loop's thread touches only the future in it.
 */
#include "run_in_executor.h"

#include "context.h"
#include "executor.h"
#include "failure.h"
#include "handle.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* --- thread state of a loop --- */

struct loop_threads {
	closer closer;
	aw_loop *loop;
	aw_executor *executor; /* the default executor, a reference; NULL until first used */
	bool refused;          /* after shutdown_default_executor */
	bool closed;
	/* Keeps a virtual clock from jumping while a thread works: its backend sees an operation in flight. */
	operation hold;
	int hold_fd;
	bool held;
	size_t works; /* submitted, and not completed here */
	/* A reference, which all works on this pool share. Replaced only while `works` is 0. */
	pool *pool;
};

static void threads_free(struct loop_threads *self) {
	pool_unref(self->pool);
	if (self->hold_fd >= 0) close(self->hold_fd);
	free(self);
}

static aw_status hold_submit(struct loop_threads *self) {
	self->hold.op = (aw_op){.kind = AW_OP_POLL, .fd = self->hold_fd, .flags = AW_POLL_IN};
	aw_status status = loop_submit(self->loop, &self->hold);
	self->held = status == 0;
	return status;
}

static void hold_done(operation *ended) {
	struct loop_threads *self = container_of(ended, struct loop_threads, hold);
	self->held = false;
	if (self->closed)
		threads_free(self);
	else if (self->works)
		(void)hold_submit(self); /* new work arrived while the cancel was in flight */
}

static aw_status hold_begin(struct loop_threads *self) {
	self->works++;
	if (!(self->loop->backend->capabilities & AW_BACKEND_OWN_CLOCK) || self->held) return 0;
	if (self->hold_fd < 0) self->hold_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	aw_status status = self->hold_fd < 0 ? -errno : hold_submit(self);
	if (status < 0) self->works--;
	return status;
}

static void hold_end(struct loop_threads *self) {
	if (self && --self->works == 0 && self->held) loop_cancel(self->loop, &self->hold);
}

static void threads_close(closer *base) {
	struct loop_threads *self = container_of(base, struct loop_threads, closer);
	self->loop->threads = NULL;
	self->closed = true;
	/* This loop's queued works are dropped already; those of a loop that shares the executor continue. */
	aw_executor_shutdown(self->executor, false);
	aw_executor_unref(self->executor);
	if (self->held)
		loop_cancel(self->loop, &self->hold);
	else
		threads_free(self);
}

/* Returns the thread state of the loop, created on first use; NULL if out of memory. */
static struct loop_threads *threads_of(aw_loop *loop) {
	if (loop->threads) return loop->threads;
	struct loop_threads *self = calloc(1, sizeof *self);
	if (!self) return NULL;
	*self = (struct loop_threads){
		.closer.close = threads_close, .loop = loop, .hold.done = hold_done, .hold_fd = -1};
	loop_add_closer(loop, &self->closer);
	loop->threads = self;
	return self;
}

aw_status thread_work_begin(aw_loop *loop) {
	if (!(loop->backend->capabilities & AW_BACKEND_OWN_CLOCK)) return 0;
	struct loop_threads *threads = threads_of(loop);
	return threads ? hold_begin(threads) : -ENOMEM;
}

void thread_work_end(aw_loop *loop) {
	if (loop->backend->capabilities & AW_BACKEND_OWN_CLOCK) hold_end(loop->threads);
}

/* --- work --- */

typedef struct work {
	aw_future future;
	job job;
	pool *pool;            /* from the submit to the completion; NULL: it can't be withdrawn */
	ready_item completion; /* posted to the loop when it has run or was dropped */
	closer closer;
	aw_work_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	binding *context; /* in which it runs; a reference */
	aw_status status;
	void *value;
	aw_destroy_fn value_destroy;
	aw_error *error;  /* a reference */
	bool owns_pool;   /* `pool` is a reference; otherwise it is that of the loop */
	bool whole;       /* a cancel waits until the function has returned */
	aw_error *reason; /* of a cancel that waits; a reference */
	_Atomic uint8_t progress;
} work;

/* Whether the function of a whole work has returned, and whether a thread is blocked until then. */
enum { PROGRESS_NONE, PROGRESS_AWAITED, PROGRESS_RETURNED };

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t returned;
} settling = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER};

/* Takes the work back from the queue; false if it was started or dropped. */
static bool work_withdraw(work *self) {
	return self->pool && pool_withdraw(self->pool, &self->job);
}

static void work_leave_pool(work *self) {
	if (self->owns_pool) pool_unref(self->pool);
	self->owns_pool = false;
	self->pool = NULL;
}

/* Destroys what the work still owns. */
__attribute__((noinline)) static void work_clear_parts(work *self) {
	aw_destroy_fn value_destroy = self->value_destroy, destroy = self->destroy;
	void *value = self->value, *ud = self->ud;
	aw_error *error = self->error, *reason = self->reason;
	binding *context = self->context;
	self->value_destroy = self->destroy = NULL;
	self->value = self->ud = NULL;
	self->error = self->reason = NULL;
	self->context = NULL;
	object_destroy_user(value_destroy, value);
	object_destroy_user(destroy, ud);
	aw_error_unref(error);
	aw_error_unref(reason);
	context_drop(context);
}

static inline void work_clear(work *self) {
	if ((uintptr_t)self->value_destroy | (uintptr_t)self->destroy | (uintptr_t)self->error |
	    (uintptr_t)self->reason | (uintptr_t)self->context)
		work_clear_parts(self);
}

static void work_settle(work *self) {
	aw_future *future = &self->future;
	if (self->reason) {
		future_set_cancelled(future, self->reason);
	} else if (self->job.state == JOB_DROPPED || self->status == AW_ECANCELLED) {
		future_set_cancelled(future, self->error ? self->error : error_of(AW_ECANCELLED));
	} else if (self->status < 0) {
		aw_error *error = self->error ? aw_error_ref(self->error)
		                              : error_with_message(&future->loop->domain, self->status, NULL);
		future_fail(future, error);
		aw_error_unref(error);
	} else {
		void *value = self->value;
		aw_destroy_fn destroy = self->value_destroy;
		self->value = NULL;
		self->value_destroy = NULL;
		future_finish(future, value, destroy); /* destroys the value if the future was cancelled meanwhile */
	}
}

/* Nothing is left to be released. */
static const future_kind completed_kind = {.what = "executor"};

/* On the loop's thread, after the work has run or was dropped. */
static aw_status work_completed(ready_item *item) {
	work *self = container_of(item, work, completion);
	aw_loop *loop = self->future.loop;
	loop_remove_closer(loop, &self->closer);
	work_leave_pool(self);
	hold_end(loop->threads);
	if (!loop_closing(loop)) work_settle(self);
	work_clear(self);
	if (future_is_done(&self->future)) self->future.kind = &completed_kind;
	object_unref(self);
	return 0;
}

/*
 * On any thread. A closed loop still takes posted items until its last reference is dropped; after that the
 * work is released here.
 */
static void work_post(work *self) {
	if (!handle_post(self->future.loop, &self->completion)) object_unref(self);
}

static void work_returned(work *self) {
	if (atomic_exchange(&self->progress, PROGRESS_RETURNED) != PROGRESS_AWAITED) return;
	pthread_mutex_lock(&settling.mutex);
	pthread_cond_broadcast(&settling.returned);
	pthread_mutex_unlock(&settling.mutex);
}

static void work_run(job *base) {
	work *self = container_of(base, work, job);
	worker *here = thread_here()->worker;
	binding *outer = context_swap(self->context);
	self->status = self->fn(self->ud, &self->value, &self->value_destroy);
	self->context = context_swap(outer);
	if (here->raised && here->raised->status == self->status) {
		self->error = here->raised;
		here->raised = NULL;
	}
	if (self->whole) work_returned(self);
	work_post(self);
}

static void work_drop(job *base) {
	work_post(container_of(base, work, job));
}

static bool work_cancel(aw_future *future, aw_error *reason) {
	work *self = (work *)(void *)future;
	bool withdrawn = work_withdraw(self);
	if (self->whole && !withdrawn) {
		if (!self->reason) self->reason = aw_error_ref(reason);
		return true;
	}
	future_set_cancelled(future, reason);
	if (withdrawn) loop_push(future->loop, &self->completion); /* so that destroys run from dispatch */
	return true;
}

/*
 * The loop is closing: withdraws a work that has not started. One that runs finds the loop closed when it
 * completes.
 */
static void work_close(closer *base) {
	work *self = container_of(base, work, closer);
	bool withdrawn = work_withdraw(self);
	work_leave_pool(self); /* a work that runs may outlive the reference of the loop */
	if (withdrawn) work_completed(&self->completion);
}

static void work_release(aw_future *future) {
	work_clear((work *)(void *)future);
}

static void work_describe(const aw_future *future, future_description *out) {
	place_of_function((const void *)(uintptr_t)((const work *)(const void *)future)->fn, out->text,
	                  sizeof out->text);
}

static const future_kind work_kind = {
	.cancel = work_cancel, .release = work_release, .what = "executor", .describe = work_describe};

/* --- starting work --- */

/* Returns the pool to run on, which the executor keeps alive. */
static aw_status pool_find(struct loop_threads *threads, aw_executor *executor, pool **out) {
	aw_status status = 0;
	if (!executor) {
		if (threads->refused) return AW_EINVALIDSTATE;
		if (!threads->executor) status = aw_executor_new(0, &threads->executor);
		if (status < 0) return status;
		executor = threads->executor;
	}
	*out = executor_pool(executor, &status);
	return status;
}

static void work_join_pool(work *self, struct loop_threads *threads, pool *to) {
	if (to != threads->pool && threads->works == 0) {
		pool_unref(threads->pool);
		threads->pool = pool_ref(to);
	}
	self->owns_pool = to != threads->pool;
	self->pool = self->owns_pool ? pool_ref(to) : to;
}

/* Submits `self`, complete except for its pool. Takes ownership of the callback only on success. */
static inline __attribute__((always_inline)) aw_status work_start(work *self, struct loop_threads *threads,
                                                                  aw_executor *executor) {
	pool *to = NULL;
	aw_status status = pool_find(threads, executor, &to);
	if (status < 0) return status;
	work_join_pool(self, threads, to);
	status = hold_begin(threads);
	if (status < 0) {
		work_leave_pool(self);
		return status;
	}
	/* The second reference is the thread's. Nobody else has seen the work. */
	atomic_store_explicit(&self->future.base.refs, 2, memory_order_relaxed);
	loop_add_closer(threads->loop, &self->closer);
	status = pool_submit(self->pool, &self->job);
	if (status == 0) return 0;
	loop_remove_closer(threads->loop, &self->closer);
	work_leave_pool(self);
	hold_end(threads);
	object_unref(self);
	return status;
}

/* Returns a work without a reference elsewhere, or NULL; then the callback is destroyed. */
static inline __attribute__((always_inline)) work *work_new(aw_loop *loop, struct loop_threads *threads,
                                                            aw_work_fn fn, void *ud, aw_destroy_fn destroy,
                                                            const void *origin) {
	work *self = threads ? object_new_short(&loop->domain, &future_class, sizeof *self) : NULL;
	if (!self && threads) self = object_new_sized(&loop->domain, &future_class, sizeof *self);
	if (!self) {
		object_destroy_user(destroy, ud);
		return NULL;
	}
	/* Each field, since the memory may not be cleared. */
	future_init(&self->future, loop, &work_kind, origin);
	self->job.run = work_run;
	self->job.drop = work_drop;
	self->job.state = JOB_NEW;
	self->pool = NULL;
	self->completion.run = work_completed;
	self->closer.phase = CLOSE_WORK;
	self->closer.close = work_close;
	self->fn = fn;
	self->ud = ud;
	self->destroy = destroy;
	self->context = NULL;
	self->status = 0;
	self->value = NULL;
	self->value_destroy = NULL;
	self->error = self->reason = NULL;
	self->owns_pool = self->whole = false;
	atomic_store_explicit(&self->progress, PROGRESS_NONE, memory_order_relaxed);
	return self;
}

aw_status executor_run(aw_loop *loop, aw_executor *executor, aw_work_fn fn, void *ud, aw_destroy_fn destroy,
                       bool in_context, const void *origin, aw_future **out) {
	struct loop_threads *threads = threads_of(loop);
	work *self = work_new(loop, threads, fn, ud, destroy, origin);
	if (!self) return -ENOMEM;
	self->context = in_context ? context_capture() : NULL;
	aw_status status = work_start(self, threads, executor);
	if (status == 0 && out)
		*out = origin ? object_hand_out(self, origin) : &self->future;
	else
		object_unref(self); /* destroys the callback on failure */
	return status;
}

aw_status executor_run_whole(aw_loop *loop, aw_executor *executor, aw_work_fn fn, void *ud, aw_future **out) {
	struct loop_threads *threads = threads_of(loop);
	work *self = work_new(loop, threads, fn, ud, NULL, NULL);
	if (!self) return -ENOMEM;
	self->whole = true;
	aw_status status = work_start(self, threads, executor);
	if (status == 0)
		*out = &self->future;
	else
		object_unref(self);
	return status;
}

void executor_settle(aw_future *future) {
	work *self = (work *)(void *)future;
	if (work_withdraw(self)) {
		work_completed(&self->completion);
		return;
	}
	if (self->job.state == JOB_DROPPED) return; /* by a shutdown of its executor, on this thread */
	pthread_mutex_lock(&settling.mutex);
	uint8_t none = PROGRESS_NONE;
	atomic_compare_exchange_strong(&self->progress, &none, PROGRESS_AWAITED);
	while (atomic_load(&self->progress) != PROGRESS_RETURNED)
		pthread_cond_wait(&settling.returned, &settling.mutex);
	pthread_mutex_unlock(&settling.mutex);
}

ENTRY(aw_loop_run_in_executor, (aw_loop *loop, aw_executor *executor, aw_work_fn fn, void *ud,
                                aw_destroy_fn destroy, aw_future **out),
      (loop, executor, fn, ud, destroy, out)) {
	aw_status status = loop_resolve(&loop);
	if (status == 0 && !fn) status = -EINVAL;
	if (status == 0) return executor_run(loop, executor, fn, ud, destroy, false, CALLER, out);
	object_destroy_user(destroy, ud);
	return status;
}

/* --- the default executor --- */

ENTRY(aw_loop_set_default_executor, (aw_loop *loop, aw_executor *executor), (loop, executor)) {
	aw_status status = loop_resolve(&loop);
	if (status == 0) (void)executor_pool(executor, &status);
	if (status < 0) return status;
	struct loop_threads *threads = threads_of(loop);
	if (!threads) return -ENOMEM;
	aw_executor *old = threads->executor;
	threads->executor = aw_executor_ref(executor);
	aw_executor_unref(old);
	return 0;
}

/* A helper thread joins the workers: they may need the running loop in order to finish. */
typedef struct joining {
	aw_executor *executor, *helper; /* references */
	int64_t limit;
} joining;

static aw_status joining_run(void *ud, void **out, aw_destroy_fn *out_destroy) {
	(void)out;
	(void)out_destroy;
	const joining *self = ud;
	return aw_executor_shutdown_wait(self->executor, self->limit);
}

static void joining_destroy(void *ud) {
	joining *self = ud;
	/*
	 * Returns soon: the helper is idle. Without a loop this runs on the helper itself, which then just exits.
	 */
	aw_status status = self->helper ? aw_executor_shutdown_wait(self->helper, AW_FOREVER) : 0;
	(void)status; /* -EDEADLK in that case */
	aw_executor_unref(self->helper);
	aw_executor_unref(self->executor);
	free(self);
}

static aw_status joining_start(aw_loop *loop, aw_executor *executor, int64_t limit, const void *origin,
                               aw_future **out) {
	joining *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->executor = aw_executor_ref(executor);
	self->limit = limit;
	aw_status status = aw_executor_new(1, &self->helper);
	if (status < 0) {
		joining_destroy(self);
		return status;
	}
	return executor_run(loop, self->helper, joining_run, self, joining_destroy, false, origin, out);
}

ENTRY(aw_loop_shutdown_default_executor, (aw_loop *loop, int64_t timeout_ns, aw_future **out),
      (loop, timeout_ns, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out) return -EINVAL;
	struct loop_threads *threads = threads_of(loop);
	if (!threads) return -ENOMEM;
	threads->refused = true;
	if (threads->executor) {
		aw_executor_shutdown(threads->executor, false);
		return joining_start(loop, threads->executor, timeout_ns, CALLER, out);
	}
	status = aw_future_new(loop, out);
	if (status == 0) future_finish(*out, NULL, NULL);
	return status;
}

aw_status executor_finish(aw_loop *loop, int64_t limit, aw_future **out) {
	*out = NULL;
	aw_status status = loop_check(loop);
	if (status < 0 || !loop->threads || !loop->threads->executor) return status;
	status = aw_loop_shutdown_default_executor(loop, limit, out);
	/* Join here if no helper thread could be started. */
	return status < 0 ? aw_executor_shutdown_wait(loop->threads->executor, limit) : 0;
}
