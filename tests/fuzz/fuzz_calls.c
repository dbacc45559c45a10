/* SPDX-License-Identifier: MIT */
/*
 * Public calls in any order, on a few handles that tasks, callbacks and the main program share. The same
 * input bytes decide what each of these does next. No call crashes or returns a status that it does not
 * document; at the end no handle and no value is left.
 */
#include "bytes.h"

#include <await/await.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { EACH = 4, NESTED_MAX = 3, TASKS_MAX = 200, RUN_LIMIT = 100 };

static struct world {
	bytes in;
	aw_loop *loop;
	aw_future *futures[EACH]; /* the last belongs to another loop */
	aw_task *tasks[EACH];
	aw_coro *coro;
	aw_lock *lock;
	aw_event *event;
	aw_condition *condition;
	aw_semaphore *semaphore;
	aw_barrier *barrier;
	aw_queue *queues[2];
	aw_timeout *timeouts[2];
	aw_taskgroup *group;
	aw_handle *handle;
	int nested, spawned, values;
	bool closed;
} self;

static int devnull;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc, (void)argv;
	devnull = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return devnull < 0;
}

static void act(void);
static aw_status body(void *ud);

/* --- statuses --- */

static bool is_one(aw_status status, const aw_status *of, size_t count) {
	for (size_t i = 0; i < count; i++)
		if (status == of[i]) return true;
	return false;
}

#define ONE_OF(call, ...)                                                                                 \
	do {                                                                                                  \
		const aw_status of_[] = {__VA_ARGS__};                                                            \
		aw_status status_ = (call);                                                                       \
		if (!is_one(status_, of_, sizeof of_ / sizeof *of_)) {                                            \
			fprintf(stderr, "%s:%d: %s gives %s (%d)\n", __FILE__, __LINE__, #call, aw_err_name(status_), \
			        status_);                                                                             \
			abort();                                                                                      \
		}                                                                                                 \
	} while (0)

/* How one of our futures may end, and a wait for it. */
#define OUTCOMES                                                                                            \
	0, -EIO, AW_EUSER, AW_ECANCELLED, AW_ETIMEOUT, AW_EGROUP, AW_EQUEUESHUTDOWN, AW_EBROKENBARRIER, -EPERM, \
		AW_ELOOPCLOSED
/* Additional errors of a call that awaits. */
#define REFUSALS AW_ENOTASK, AW_EFOREIGNLOOP, AW_ESELFAWAIT, AW_EREUSED
#define CLOSED   AW_ELOOPCLOSED

/* --- values --- */

static void value_destroy(void *value) {
	self.values--;
	free(value);
}

static void *value_new(void) {
	self.values++;
	return malloc(1);
}

static void value_given(void *value, aw_destroy_fn destroy) {
	if (destroy) destroy(value);
}

/* --- actors --- */

static void act_some(void) {
	for (unsigned count = bytes_below(&self.in, 4); count && self.in.left; count--) act();
}

static aw_status some_status(void) {
	static const aw_status all[] = {0, 0, -EIO, AW_EUSER, AW_ECANCELLED};
	return all[bytes_below(&self.in, sizeof all / sizeof *all)];
}

static aw_status callback(aw_loop *loop, void *ud) {
	(void)ud;
	HOLDS(loop == self.loop);
	act_some();
	return some_status();
}

static aw_status done(aw_future *future, void *ud) {
	(void)ud;
	HOLDS(aw_future_done(future));
	act_some();
	return 0;
}

static aw_status report(aw_loop *loop, const aw_report *of, void *ud) {
	(void)loop, (void)ud;
	HOLDS(aw_report_message(of));
	return 0;
}

static aw_status body(void *ud) {
	(void)ud;
	for (unsigned count = bytes_below(&self.in, 16); count && self.in.left; count--) act();
	aw_status status = some_status();
	if (bytes_below(&self.in, 4) == 0) return aw_return(value_new(), value_destroy);
	if (bytes_below(&self.in, 4) == 0) return status < 0 ? aw_raise(status, "raised") : aw_return_int(7);
	return status;
}

/* --- futures --- */

static aw_future *some_future(void) {
	unsigned which = bytes_below(&self.in, EACH * 2);
	aw_future *future = which < EACH ? self.futures[which] : NULL;
	if (which >= EACH && self.tasks[which - EACH]) future = aw_task_future(self.tasks[which - EACH]);
	return future;
}

static void future_set(aw_future *future) {
	static const aw_status codes[] = {-EIO, AW_EUSER};
	void *value;
	bool was_done = aw_future_done(future);
	aw_status status = 0;
	switch (bytes_below(&self.in, 6)) {
	case 0: status = aw_future_set_result_int(future, 5); break;
	case 1:
		value = value_new();
		status = aw_future_set_result(future, value, value_destroy);
		if (status < 0) value_destroy(value);
		break;
	case 2: status = aw_future_fail(future, codes[bytes_below(&self.in, 2)], "failed"); break;
	case 3: status = aw_future_failf(future, EIO, "failed %d times", 2); break;
	case 4: {
		aw_future *other = some_future();
		status = aw_future_copy(other, future);
		ONE_OF(status, 0, AW_EBADHANDLE, AW_EINVALIDSTATE, -EPERM, AW_EFOREIGNLOOP, CLOSED);
		return;
	}
	default:
		status = aw_future_cancel(future, bytes_u8(&self.in) % 2 ? "enough" : NULL);
		if (!future) SAME(status, AW_EBADHANDLE);
		ONE_OF(status, 0, 1, AW_EBADHANDLE, CLOSED);
		if (status == 1) HOLDS(!was_done); /* 0 also for a gather whose children are all done */
		return;
	}
	if (!future) SAME(status, AW_EBADHANDLE);
	ONE_OF(status, 0, AW_EINVALIDSTATE, -EPERM, AW_EBADHANDLE, CLOSED);
	if (status == 0) HOLDS(!was_done && aw_future_done(future));
	if (status == AW_EINVALIDSTATE) HOLDS(was_done);
}

static void future_look(aw_future *future) {
	void *value = NULL;
	int64_t number;
	aw_error *error = NULL;
	aw_destroy_fn destroy = NULL;
	bool is_done = aw_future_done(future), is_cancelled = aw_future_cancelled(future);
	HOLDS(is_done || !is_cancelled);
	(void)aw_future_value_kind(future);
	aw_status status;
	switch (bytes_below(&self.in, 4)) {
	case 0: status = aw_future_result(future, &value); break;
	case 1:
		status = aw_future_result_int(future, &number);
		if (status == -EINVAL) return; /* another kind of value */
		break;
	case 2:
		status = aw_future_take_result(future, &value, &destroy);
		if (status >= 0 && destroy == value_destroy) value_given(value, destroy);
		/* Any other value that may be taken is a reference, which its destroy function releases. */
		if (status >= 0 && destroy && destroy != value_destroy) destroy(value);
		break;
	default:
		status = aw_future_error(future, &error);
		ONE_OF(status, 0, AW_ECANCELLED, AW_EINVALIDSTATE, AW_EBADHANDLE);
		HOLDS(!error || status == 0 || status == AW_ECANCELLED);
		(void)aw_error_message(error);
		if (future && !is_done) SAME(status, AW_EINVALIDSTATE);
		return;
	}
	ONE_OF(status, OUTCOMES, AW_EINVALIDSTATE, AW_EBADHANDLE);
	HOLDS(future || status == AW_EBADHANDLE);
	if (future && !is_done) SAME(status, AW_EINVALIDSTATE);
	if (is_cancelled) SAME(status, AW_ECANCELLED);
}

static void future_make(void) {
	aw_future **slot = &self.futures[bytes_below(&self.in, EACH - 1)], *made = NULL, *of[3];
	aw_status status = 0;
	switch (bytes_below(&self.in, 4)) {
	case 0: status = aw_shield(some_future(), &made); break;
	case 1: {
		unsigned count = bytes_below(&self.in, 4);
		for (unsigned i = 0; i < count; i++) of[i] = some_future();
		status = aw_gather(self.loop, of, count, bytes_below(&self.in, 3), &made);
		break;
	}
	case 2: status = aw_task_spawn_future(self.loop, body, NULL, NULL, &made); break;
	default: status = aw_future_new(self.loop, &made);
	}
	ONE_OF(status, 0, AW_EBADHANDLE, AW_EFOREIGNLOOP, -EINVAL, CLOSED);
	HOLDS(!made == (status < 0));
	if (!made) return;
	aw_future_unref(*slot);
	*slot = made;
}

/* --- tasks --- */

static void task_make(void) {
	aw_task **slot = &self.tasks[bytes_below(&self.in, EACH)], *made = NULL;
	if (self.spawned++ >= TASKS_MAX) return;
	aw_status status;
	switch (bytes_below(&self.in, 5)) {
	case 0: status = aw_task_spawn_eager(self.loop, body, NULL, NULL, &made); break;
	case 1: status = aw_task_spawn_named(self.loop, "named", body, NULL, NULL, &made); break;
	case 2: status = aw_task_spawn_coro(self.loop, self.coro, &made); break;
	case 3: status = aw_taskgroup_spawn(self.group, body, NULL, NULL, &made); break;
	default: status = aw_task_spawn(self.loop, body, NULL, NULL, &made);
	}
	ONE_OF(status, 0, AW_EREUSED, AW_EFOREIGNLOOP, AW_EBADHANDLE, AW_EINVALIDSTATE, CLOSED);
	HOLDS(!made == (status < 0));
	if (!made) return;
	aw_task_unref(*slot);
	*slot = made;
}

static void task_ask(void) {
	aw_task *task = self.tasks[bytes_below(&self.in, EACH)];
	aw_status count;
	switch (bytes_below(&self.in, 5)) {
	case 0:
	case 1: ONE_OF(aw_task_cancel(task, NULL), 0, 1, AW_EBADHANDLE, CLOSED); break;
	case 2:
		count = aw_task_cancelling(task);
		ONE_OF(aw_task_uncancel(task), count > 0 ? count - 1 : 0, AW_EBADHANDLE, CLOSED);
		break;
	case 3: ONE_OF(aw_task_set_name(task, "new"), 0, AW_EBADHANDLE, CLOSED); break;
	default: (void)aw_task_name(task);
	}
}

static void coro_make(void) {
	aw_coro *made = NULL;
	void *value = NULL;
	aw_status status;
	switch (bytes_below(&self.in, 6)) {
	case 0:
		value = value_new();
		status = aw_sleep_coro(self.loop, AW_SECOND, value, value_destroy, &made);
		break;
	case 1: status = aw_lock_acquire_coro(self.lock, &made); break;
	case 2: status = aw_event_wait_coro(self.event, &made); break;
	case 3:
		value = value_new();
		status = aw_queue_put_coro(self.queues[0], value, value_destroy, &made);
		break;
	case 4: status = aw_queue_get_coro(self.queues[0], &made); break;
	default: status = aw_wait_for_coro(some_future(), AW_SECOND, &made);
	}
	ONE_OF(status, 0, AW_EBADHANDLE, AW_EFOREIGNLOOP, CLOSED);
	HOLDS(!made == (status < 0));
	if (value && !made) value_destroy(value);
	if (!made) return;
	aw_coro_unref(self.coro);
	self.coro = made;
}

/* --- objects that tasks share --- */

static void lock_call(void) {
	bool was = aw_lock_locked(self.lock);
	aw_status status;
	if (bytes_below(&self.in, 2)) {
		status = aw_lock_try_acquire(self.lock);
		ONE_OF(status, 0, -EAGAIN, CLOSED);
		if (status == 0) HOLDS(!was && aw_lock_locked(self.lock));
		if (was) HOLDS(status != 0);
	} else {
		status = aw_lock_release(self.lock);
		ONE_OF(status, 0, -EPERM, CLOSED);
		if (status == 0) HOLDS(was && !aw_lock_locked(self.lock));
	}
}

static void event_call(void) {
	aw_status status;
	if (bytes_below(&self.in, 2)) {
		status = aw_event_set(self.event);
		if (status == 0) HOLDS(aw_event_is_set(self.event));
	} else {
		status = aw_event_clear(self.event);
		if (status == 0) HOLDS(!aw_event_is_set(self.event));
	}
	ONE_OF(status, 0, CLOSED);
}

static void queue_call(void) {
	aw_queue *queue = self.queues[bytes_below(&self.in, 2)];
	aw_destroy_fn destroy = NULL;
	void *item = NULL;
	size_t count = aw_queue_qsize(queue);
	HOLDS(!aw_queue_empty(queue) == (count > 0));
	HOLDS(aw_queue_maxsize(queue) <= 0 || count <= (size_t)aw_queue_maxsize(queue));
	aw_status status;
	switch (bytes_below(&self.in, 6)) {
	case 0:
	case 1:
		item = value_new();
		status = aw_queue_put_nowait(queue, item, value_destroy);
		ONE_OF(status, 0, AW_EQUEUEFULL, AW_EQUEUESHUTDOWN, CLOSED);
		if (status < 0) value_destroy(item);
		if (status == 0) SAME(aw_queue_qsize(queue), count + 1);
		break;
	case 2:
		status = aw_queue_get_nowait(queue, &item, &destroy);
		ONE_OF(status, 0, AW_EQUEUEEMPTY, AW_EQUEUESHUTDOWN, CLOSED);
		if (status == 0) HOLDS(destroy == value_destroy && count);
		if (status == 0) value_given(item, destroy);
		break;
	case 3: ONE_OF(aw_queue_task_done(queue), 0, -EINVAL, CLOSED); break;
	case 4:
		if (bytes_u8(&self.in) % 8 == 0) ONE_OF(aw_queue_shutdown(queue, bytes_u8(&self.in) & 1), 0, CLOSED);
		break;
	default: (void)aw_queue_full(queue);
	}
}

static void other_call(void) {
	switch (bytes_below(&self.in, 6)) {
	case 0: ONE_OF(aw_semaphore_try_acquire(self.semaphore), 0, -EAGAIN, CLOSED); break;
	case 1: ONE_OF(aw_semaphore_release(self.semaphore), 0, -EINVAL, CLOSED); break;
	case 2: ONE_OF(aw_condition_notify(self.condition, bytes_below(&self.in, 3)), 0, -EPERM, CLOSED); break;
	case 3: ONE_OF(aw_condition_notify_all(self.condition), 0, -EPERM, CLOSED); break;
	case 4: HOLDS(aw_barrier_n_waiting(self.barrier) <= 2); break;
	default: HOLDS(aw_semaphore_value(self.semaphore) <= 2);
	}
}

/* --- scopes --- */

static void timeout_call(void) {
	aw_timeout **slot = &self.timeouts[bytes_below(&self.in, 2)], *made = NULL;
	int64_t when = aw_loop_time(self.loop) + (int64_t)(int8_t)bytes_u8(&self.in) * AW_MILLISECOND;
	aw_status how = some_status();
	switch (bytes_below(&self.in, 4)) {
	case 0:
		ONE_OF(aw_timeout_new_at(self.loop, when, &made), 0, CLOSED);
		if (made) aw_timeout_unref(*slot);
		if (made) *slot = made;
		break;
	case 1: ONE_OF(aw_timeout_enter(*slot), 0, AW_EINVALIDSTATE, AW_ENOTASK, AW_EBADHANDLE, CLOSED); break;
	case 2:
		ONE_OF(aw_timeout_exit(*slot, how), how, AW_ETIMEOUT, AW_EINVALIDSTATE, AW_ENOTASK, AW_EBADHANDLE,
		       CLOSED);
		break;
	default: ONE_OF(aw_timeout_reschedule(*slot, when), 0, AW_EINVALIDSTATE, AW_EBADHANDLE, CLOSED);
	}
}

static void group_call(void) {
	aw_taskgroup *made = NULL, *group = self.group;
	aw_status status;
	switch (bytes_below(&self.in, 4)) {
	case 0:
		ONE_OF(aw_taskgroup_new(self.loop, &made), 0, CLOSED);
		if (made) aw_taskgroup_unref(self.group);
		if (made) self.group = made;
		break;
	case 1: ONE_OF(aw_taskgroup_enter(group), 0, AW_EINVALIDSTATE, AW_ENOTASK, AW_EBADHANDLE, CLOSED); break;
	default:
		aw_taskgroup_ref(group);
		status = aw_taskgroup_exit(group, 0, NULL);
		ONE_OF(status, OUTCOMES, AW_EINVALIDSTATE, REFUSALS, AW_EBADHANDLE);
		aw_taskgroup_unref(group);
	}
}

/* --- suspending calls, which only stackful tasks may make --- */

static void wait_for_several(void) {
	aw_future *of[3];
	aw_bool which[3];
	unsigned count = bytes_below(&self.in, 4);
	for (unsigned i = 0; i < count; i++) of[i] = aw_future_ref(some_future());
	ONE_OF(aw_wait(of, count, (int32_t)bytes_below(&self.in, 4), AW_SECOND, which), 0, 1, 2, 3, -EINVAL,
	       AW_ECANCELLED, AW_EBADHANDLE, REFUSALS, CLOSED);
	for (unsigned i = 0; i < count; i++) aw_future_unref(of[i]);
}

static void await_future(unsigned how) {
	aw_future *future = aw_future_ref(some_future());
	int64_t limit = (int64_t)bytes_below(&self.in, 8) * AW_MILLISECOND;
	void *value = NULL;
	aw_status status = how == 0   ? aw_await(future, &value)
	                   : how == 1 ? aw_wait_for(future, limit, &value)
	                   : how == 2 ? aw_await_shielded(future, &value)
	                              : aw_wait_for_shielded(future, limit, &value);
	ONE_OF(status, OUTCOMES, REFUSALS, AW_EBADHANDLE);
	if (!aw_task_current()) ONE_OF(status, AW_ENOTASK, AW_EBADHANDLE, CLOSED, AW_EFOREIGNLOOP);
	if (status == -EIO || status == AW_EUSER) HOLDS(aw_future_done(future) && aw_caught());
	aw_future_unref(future);
}

static void await_queue(void) {
	aw_queue *queue = aw_queue_ref(self.queues[bytes_below(&self.in, 2)]);
	aw_destroy_fn destroy = NULL;
	void *item = NULL;
	aw_status status;
	switch (bytes_below(&self.in, 3)) {
	case 0:
		item = value_new();
		status = aw_queue_put(queue, item, value_destroy);
		if (status < 0) value_destroy(item);
		break;
	case 1:
		status = aw_queue_get(queue, &item, &destroy);
		if (status >= 0) value_given(item, destroy);
		break;
	default: status = aw_queue_join(queue);
	}
	ONE_OF(status, 0, AW_ECANCELLED, AW_EQUEUESHUTDOWN, AW_ENOTASK, CLOSED);
	aw_queue_unref(queue);
}

static void await_something(void) {
	aw_coro *coro;
	aw_status status;
	switch (bytes_below(&self.in, 12)) {
	case 0:
	case 1:
	case 2:
	case 3: await_future(bytes_below(&self.in, 4)); break;
	case 4: await_queue(); break;
	case 5: wait_for_several(); break;
	case 6:
		status = aw_sleep((int64_t)bytes_below(&self.in, 8) * AW_MILLISECOND);
		ONE_OF(status, 0, AW_ECANCELLED, AW_ENOTASK, CLOSED);
		break;
	case 7: ONE_OF(aw_lock_acquire(self.lock), 0, AW_ECANCELLED, AW_ENOTASK, CLOSED); break;
	case 8: ONE_OF(aw_event_wait(self.event), 0, 1, AW_ECANCELLED, AW_ENOTASK, CLOSED); break;
	case 9:
		status = bytes_below(&self.in, 2) ? aw_semaphore_acquire(self.semaphore)
		                                  : aw_condition_wait(self.condition);
		ONE_OF(status, 0, AW_ECANCELLED, AW_ENOTASK, -EPERM, CLOSED);
		break;
	case 10:
		status = bytes_below(&self.in, 4) ? aw_barrier_wait(self.barrier) : aw_barrier_reset(self.barrier);
		ONE_OF(status, 0, 1, AW_ECANCELLED, AW_ENOTASK, AW_EBROKENBARRIER, CLOSED);
		break;
	default:
		if (bytes_below(&self.in, 2) && self.nested < NESTED_MAX) {
			self.nested++;
			ONE_OF(aw_timeout_run((int64_t)bytes_below(&self.in, 8) * AW_MILLISECOND, body, NULL), OUTCOMES,
			       AW_ENOTASK);
			self.nested--;
			break;
		}
		coro = aw_coro_ref(self.coro);
		ONE_OF(aw_await_coro(coro, NULL), OUTCOMES, REFUSALS, AW_EBADHANDLE);
		aw_coro_unref(coro);
	}
}

/* --- the loop --- */

static aw_status stop(aw_loop *loop, void *ud) {
	(void)ud;
	return aw_loop_stop(loop);
}

static void run(void) {
	aw_future *future;
	aw_handle *guard = NULL;
	aw_status status;
	bool inside = aw_loop_current() != NULL;
	switch (bytes_below(&self.in, 4)) {
	case 0:
	case 1:
		status = aw_loop_run_once(self.loop, bytes_below(&self.in, 2) ? AW_SECOND : 0);
		HOLDS(status >= 0 || status == AW_ELOOPRUNNING || status == CLOSED || status == -EBUSY);
		HOLDS(status < 0 || !inside);
		break;
	case 2:
		future = aw_future_ref(some_future());
		if (!inside) (void)aw_loop_call_later(self.loop, AW_SECOND, stop, NULL, NULL, &guard);
		ONE_OF(aw_loop_run_until_complete(self.loop, future, NULL), OUTCOMES, AW_ESTOPPED, AW_ELOOPRUNNING,
		       AW_EBADHANDLE, AW_EFOREIGNLOOP);
		aw_handle_cancel(guard);
		aw_handle_unref(guard);
		aw_future_unref(future);
		break;
	default: ONE_OF(aw_loop_stop(self.loop), 0, CLOSED);
	}
}

static void loop_call(void) {
	aw_handle *made = NULL;
	aw_task *some[2];
	aw_status count;
	switch (bytes_below(&self.in, 8)) {
	case 0: ONE_OF(aw_loop_call_soon(self.loop, callback, NULL, NULL, &made), 0, CLOSED); break;
	case 1:
		ONE_OF(aw_loop_call_later(self.loop, (int64_t)bytes_u8(&self.in) * AW_MILLISECOND, callback, NULL,
		                          NULL, &made),
		       0, CLOSED);
		break;
	case 2:
		/* The value of a callback is destroyed in any case. */
		ONE_OF(aw_loop_call_soon_threadsafe(self.loop, callback, value_new(), value_destroy), 0, CLOSED);
		break;
	case 3: ONE_OF(aw_handle_cancel(self.handle), 0, AW_EBADHANDLE, CLOSED); break;
	case 4: ONE_OF(aw_loop_wakeup(self.loop), 0, CLOSED); break;
	case 5:
		ONE_OF(
			aw_loop_print_tasks(self.loop, devnull, bytes_below(&self.in, 2) ? AW_PRINT_TEXT : AW_PRINT_JSON),
			0, CLOSED);
		break;
	case 6:
		count = aw_loop_all_tasks(self.loop, some, 2);
		HOLDS(count >= 0 || count == CLOSED);
		for (aw_status i = 0; i < count && i < 2; i++) aw_task_unref(some[i]);
		break;
	default: (void)aw_loop_set_debug(self.loop, bytes_u8(&self.in) & 1);
	}
	if (!made) return;
	aw_handle_unref(self.handle);
	self.handle = made;
}

static void drop(void) {
	unsigned which = bytes_below(&self.in, EACH - 1);
	switch (bytes_below(&self.in, 4)) {
	case 0: aw_future_unref(self.futures[which]), self.futures[which] = NULL; break;
	case 1: aw_task_unref(self.tasks[which]), self.tasks[which] = NULL; break;
	case 2: aw_coro_unref(self.coro), self.coro = NULL; break;
	default: aw_handle_unref(self.handle), self.handle = NULL;
	}
}

static void act(void) {
	aw_future *future;
	switch (bytes_below(&self.in, 24)) {
	case 0:
	case 1: future_make(); break;
	case 2:
	case 3: future_set(some_future()); break;
	case 4: future_look(some_future()); break;
	case 5:
		ONE_OF(aw_future_add_done_callback(some_future(), done, NULL, NULL), 0, AW_EBADHANDLE, CLOSED);
		break;
	case 6:
		future = some_future();
		HOLDS(aw_future_remove_done_callback(future, done, NULL) >= 0 || !future || self.closed);
		break;
	case 7:
	case 8:
	case 9: task_make(); break;
	case 10: task_ask(); break;
	case 11: coro_make(); break;
	case 12: lock_call(); break;
	case 13: event_call(); break;
	case 14: queue_call(); break;
	case 15: other_call(); break;
	case 16: timeout_call(); break;
	case 17: group_call(); break;
	case 18: loop_call(); break;
	case 19: run(); break;
	case 20: drop(); break;
	default: await_something();
	}
}

/* --- all --- */

static void world_open(unsigned how, aw_loop *other) {
	SAME(aw_loop_new_with("virtual", how & 1 ? AW_LOOP_DEBUG : 0, 0, &self.loop), 0);
	SAME(aw_loop_set_exception_handler(self.loop, report, NULL, NULL), 0);
	SAME(aw_loop_set_stack_size(self.loop, 128 << 10), 0);
	SAME(aw_future_new(other, &self.futures[EACH - 1]), 0);
	SAME(aw_lock_new(self.loop, &self.lock), 0);
	SAME(aw_event_new(self.loop, &self.event), 0);
	SAME(aw_condition_new(self.loop, how & 2 ? self.lock : NULL, &self.condition), 0);
	SAME(aw_semaphore_new_bounded(self.loop, 2, &self.semaphore), 0);
	SAME(aw_barrier_new(self.loop, 2, &self.barrier), 0);
	SAME(aw_queue_new(self.loop, 2, &self.queues[0]), 0);
	SAME(aw_queue_new_lifo(self.loop, 0, &self.queues[1]), 0);
}

static void world_drop(void) {
	for (int i = 0; i < EACH; i++) {
		aw_future_unref(self.futures[i]);
		aw_task_unref(self.tasks[i]);
	}
	for (int i = 0; i < 2; i++) {
		aw_queue_unref(self.queues[i]);
		aw_timeout_unref(self.timeouts[i]);
	}
	aw_coro_unref(self.coro);
	aw_lock_unref(self.lock);
	aw_event_unref(self.event);
	aw_condition_unref(self.condition);
	aw_semaphore_unref(self.semaphore);
	aw_barrier_unref(self.barrier);
	aw_taskgroup_unref(self.group);
	aw_handle_unref(self.handle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	aw_loop *other;
	self = (struct world){.in = {data, size}};
	unsigned how = bytes_u8(&self.in);
	SAME(aw_loop_new("virtual", &other), 0);
	world_open(how, other);
	/* Leaves some bytes for the code that runs while the loop closes. */
	size_t tail = (how & 24) == 16 ? size / 4 : 0;
	while (self.in.left > tail) act();
	for (int i = 0; how & 4 && i < RUN_LIMIT; i++) HOLDS(aw_loop_run_once(self.loop, AW_SECOND) >= -EAGAIN);
	self.closed = true;
	if (how & 8) {
		/* The last reference closes it. */
		world_drop();
		aw_loop_unref(self.loop);
	} else {
		SAME(aw_loop_close(self.loop), 0);
		world_drop();
		aw_loop_unref(self.loop);
	}
	aw_loop_close(other);
	aw_loop_unref(other);
	SAME(self.values, 0);
	SAME(aw_debug_live_handles(), 0);
	return 0;
}
