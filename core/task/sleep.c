/* SPDX-License-Identifier: MIT */
/* sleep: a future finished by a timer. A delay of zero or less yields for one iteration, without a timer. */
#include "failure.h"
#include "task.h"

#include <errno.h>
#include <stdlib.h>

/* The future and its timer, in one allocation. */
typedef struct sleeper {
	aw_future future;
	alarm_clock alarm;
} sleeper;

static aw_status sleeper_fired(ready_item *item) {
	sleeper *self = container_of(item, sleeper, alarm.item);
	if (!loop_closing(self->future.loop)) future_finish(&self->future, NULL, NULL);
	object_unref(self); /* the timer's */
	return 0;
}

/* Stops the timer at once, rather than let cancelled sleeps accumulate in the heap. */
static bool sleeper_cancel(aw_future *future, aw_error *reason) {
	sleeper *self = (sleeper *)(void *)future;
	if (timer_is_set(&self->alarm.timer)) {
		loop_alarm_stop(future->loop, &self->alarm);
		object_unref(self);
	}
	future_set_cancelled(future, reason);
	return true;
}

static void sleeper_release(aw_future *future) {
	loop_alarm_stop(future->loop, &((sleeper *)(void *)future)->alarm);
}

static const future_kind sleeper_kind = {
	.cancel = sleeper_cancel, .release = sleeper_release, .what = "sleep"};

/* Returns a new reference to a future that finishes after `delay`. */
static aw_status sleeper_new(aw_loop *loop, int64_t delay, aw_future **out) {
	sleeper *self = future_create(loop, &future_class, &sleeper_kind, sizeof *self);
	if (!self) return -ENOMEM;
	self->alarm.item.run = sleeper_fired;
	aw_status status = loop_alarm_set(loop, &self->alarm, loop_after(loop, delay));
	if (status < 0) {
		object_unref(self);
		return status;
	}
	*out = object_ref(self);
	return 0;
}

typedef struct sleep_state {
	int64_t delay;
	void *value;
	aw_destroy_fn destroy;
	bool slept;
} sleep_state;

static aw_status sleep_step(aw_resume *resume, void *ud) {
	sleep_state *self = ud;
	aw_status status = aw_resume_status(resume);
	if (status < 0) return aw_resume_raise(resume, aw_resume_error(resume));
	if (self->slept) {
		void *value = self->value;
		aw_destroy_fn destroy = self->destroy;
		self->value = NULL;
		self->destroy = NULL;
		return aw_resume_return(resume, value, destroy);
	}
	self->slept = true;
	if (self->delay <= 0) return aw_resume_yield(resume);
	aw_future *future;
	status = sleeper_new(aw_future_loop(aw_task_future(aw_resume_task(resume))), self->delay, &future);
	if (status < 0) return status;
	status = aw_resume_await(resume, future);
	object_unref(future);
	return status;
}

static void sleep_destroy(void *ud) {
	sleep_state *self = ud;
	if (self->destroy) self->destroy(self->value);
	free(self);
}

ENTRY(aw_sleep_coro, (aw_loop *loop, int64_t delay_ns, void *value, aw_destroy_fn destroy, aw_coro **out),
      (loop, delay_ns, value, destroy, out)) {
	sleep_state *state;
	aw_status status = coro_internal(loop, sleep_step, sizeof *state, sleep_destroy, &state, out);
	if (status < 0) return status;
	*state = (sleep_state){delay_ns, value, destroy, false};
	return 0;
}

static aw_status __attribute__((noinline)) sleep_for(stackful *self, int64_t delay) {
	aw_future *future;
	aw_status status = sleeper_new(self->resume.task->future.loop, delay, &future);
	if (status < 0) return failed(status);
	status = aw_await(future, NULL);
	object_unref(future);
	return status;
}

aw_status aw_sleep(int64_t delay_ns) {
	stackful *self = stackful_current();
	if (!self) return AW_ENOTASK;
	return delay_ns <= 0 ? task_yield(self) : sleep_for(self, delay_ns);
}
