/* SPDX-License-Identifier: MIT */
/* wait: a watch with a deadline that finishes when enough futures are done. It cancels none. */
#include "failure.h"
#include "task.h"
#include "watch.h"

#include <await/wait.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct waiting {
	watch watch;
	alarm_clock alarm; /* has a reference while it is set or queued */
	int32_t return_when;
	size_t left;
} waiting;

static void waiting_disarm(waiting *self) {
	if (!timer_is_set(&self->alarm.timer)) return;
	loop_alarm_stop(self->watch.future.loop, &self->alarm);
	object_unref(self);
}

static aw_status waiting_fired(ready_item *item) {
	waiting *self = container_of(item, waiting, alarm.item);
	if (!loop_closing(self->watch.future.loop)) future_finish(&self->watch.future, NULL, NULL);
	object_unref(self);
	return 0;
}

static void waiting_child_done(watch *base, aw_future *child) {
	waiting *self = (waiting *)(void *)base;
	self->left--;
	bool enough = self->left == 0 || self->return_when == AW_FIRST_COMPLETED;
	if (self->return_when == AW_FIRST_EXCEPTION && child->state == FUTURE_FAILED) {
		child->unretrieved = false;
		enough = true;
	}
	if (!enough) return;
	waiting_disarm(self);
	future_finish(&base->future, NULL, NULL);
}

typedef struct wait_state {
	aw_loop *loop;
	aw_future **futures; /* references */
	size_t count;
	int64_t timeout;
	int32_t return_when;
	waiting *waiting;
} wait_state;

static void wait_destroy(void *ud) {
	wait_state *self = ud;
	if (self->waiting) {
		waiting_disarm(self->waiting);
		watch_stop(&self->waiting->watch);
		object_unref(self->waiting);
	}
	for (size_t i = 0; i < self->count; i++) object_unref(self->futures[i]);
	free(self->futures);
	free(self);
}

static aw_status wait_begin(wait_state *self, aw_resume *resume) {
	size_t distinct;
	aw_status status = watch_check(self->loop, self->futures, self->count, &distinct);
	if (status < 0) return status;
	waiting *ends = watch_create(self->loop, &watch_kind, sizeof *ends, distinct, waiting_child_done);
	if (!ends) return -ENOMEM;
	self->waiting = ends;
	ends->return_when = self->return_when;
	ends->left = distinct;
	ends->alarm.item.run = waiting_fired;
	if (self->timeout != AW_FOREVER) {
		status = loop_alarm_set(self->loop, &ends->alarm, loop_after(self->loop, self->timeout));
		if (status < 0) return status;
		object_ref(ends);
	}
	watch_add_distinct(&ends->watch, self->futures, self->count);
	return aw_resume_await(resume, &ends->watch.future);
}

static aw_status wait_step(aw_resume *resume, void *ud) {
	wait_state *self = ud;
	if (!self->waiting) return wait_begin(self, resume);
	waiting_disarm(self->waiting);
	watch_stop(&self->waiting->watch);
	if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	aw_results *results = results_new(self->loop, self->count);
	if (!results) return -ENOMEM;
	for (size_t i = 0; i < self->count; i++) results_set(results, i, self->futures[i]);
	return aw_resume_return(resume, results, value_results);
}

ENTRY(aw_wait_coro, (aw_loop *loop, aw_future *const *futures, size_t count, int32_t return_when,
                     int64_t timeout_ns, aw_coro **out),
      (loop, futures, count, return_when, timeout_ns, out)) {
	size_t distinct;
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out || !count || return_when < AW_FIRST_COMPLETED || return_when > AW_ALL_COMPLETED) return -EINVAL;
	status = watch_check(loop, futures, count, &distinct);
	if (status < 0) return status;
	aw_future **copy = calloc(count, sizeof *copy);
	if (!copy) return -ENOMEM;
	wait_state *self;
	status = coro_internal(loop, wait_step, sizeof *self, wait_destroy, &self, out);
	if (status < 0) {
		free(copy);
		return status;
	}
	for (size_t i = 0; i < count; i++) copy[i] = object_ref(futures[i]);
	*self = (wait_state){
		.loop = loop, .futures = copy, .count = count, .timeout = timeout_ns, .return_when = return_when};
	return 0;
}

/* Counts the futures that were done when the wait ended, as asyncio does, and stores which. */
static aw_status count_done(const aw_results *results, size_t count, aw_bool *out_done) {
	aw_status done = 0;
	for (size_t i = 0; i < count; i++) {
		bool is_done = results_done(results, i);
		done += is_done;
		if (out_done) out_done[i] = is_done;
	}
	return done;
}

aw_status aw_wait(aw_future *const *futures, size_t count, int32_t return_when, int64_t timeout_ns,
                  aw_bool *out_done) {
	if (!stackful_here()) return AW_ENOTASK;
	if (count > INT32_MAX) return failed(-EINVAL);
	aw_coro *coro;
	aw_status status = aw_wait_coro(NULL, futures, count, return_when, timeout_ns, &coro);
	if (status < 0) return status;
	void *results = NULL;
	status = aw_await_coro(coro, &results);
	if (status == 0) status = count_done(results, count, out_done);
	object_unref(coro);
	return status;
}
