/* SPDX-License-Identifier: MIT */
/* sleep: a future finished by a timer. A delay of zero or less yields for one iteration, without a timer. */
#include "failure.h"
#include "task.h"

/* The future and its timer: on the stack of a stackful task, or in the coroutine. */
typedef struct sleeper {
	aw_future future; /* borrowed by the task */
	alarm_clock alarm;
} sleeper;

/* The task can't have left its wait: what ends that is queued behind this item. */
static aw_status sleeper_fired(ready_item *item) {
	sleeper *self = container_of(item, sleeper, alarm.item);
	if (!loop_closing(self->future.loop)) future_finish(&self->future, NULL, NULL);
	return 0;
}

/* Stops the timer at once, rather than let cancelled sleeps accumulate in the heap. */
static bool sleeper_cancel(aw_future *future, aw_error *reason) {
	loop_alarm_stop(future->loop, &container_of(future, sleeper, future)->alarm);
	future_set_cancelled(future, reason);
	return true;
}

static const future_kind sleeper_kind = {.cancel = sleeper_cancel, .what = "sleep"};

static aw_status sleeper_begin(sleeper *self, aw_loop *loop, int64_t delay) {
	future_borrowed(&self->future, loop, &sleeper_kind);
	self->alarm = (alarm_clock){.item.run = sleeper_fired};
	return loop_alarm_set(loop, &self->alarm, loop_after(loop, delay));
}

static void sleeper_end(sleeper *self) {
	loop_alarm_stop(self->future.loop, &self->alarm); /* in a closing loop it is still set */
	future_borrowed_end(&self->future);
}

typedef struct sleep_coro {
	aw_coro coro;
	int64_t delay;
	void *value;
	aw_destroy_fn destroy;
	sleeper sleeper; /* set up by the first step, unless the delay is 0 */
} sleep_coro;

static aw_status sleep_step(aw_resume *resume, void *ud) {
	sleep_coro *self = ud;
	if (resume->status < 0) return aw_resume_raise(resume, resume->error);
	if (self->delay < 0) {
		void *value = self->value;
		aw_destroy_fn destroy = self->destroy;
		self->value = NULL;
		self->destroy = NULL;
		return aw_resume_return(resume, value, destroy);
	}
	int64_t delay = self->delay;
	self->delay = -1; /* it has slept */
	if (!delay) return aw_resume_yield(resume);
	aw_status status = sleeper_begin(&self->sleeper, resume->task->future.loop, delay);
	if (status == 0) resume_await_borrowed(resume, &self->sleeper.future);
	return status;
}

static void sleep_destroy(void *ud) {
	sleep_coro *self = ud;
	if (self->sleeper.future.loop) sleeper_end(&self->sleeper);
	if (self->destroy) self->destroy(self->value);
}

ENTRY(aw_sleep_coro, (aw_loop *loop, int64_t delay_ns, void *value, aw_destroy_fn destroy, aw_coro **out),
      (loop, delay_ns, value, destroy, out)) {
	sleep_coro *self;
	aw_status status = coro_whole(loop, sleep_step, sizeof *self, sleep_destroy, CALLER, out);
	if (status < 0) return status;
	self = container_of(*out, sleep_coro, coro);
	self->delay = delay_ns > 0 ? delay_ns : 0;
	self->value = value;
	self->destroy = destroy;
	return 0;
}

static aw_status __attribute__((noinline)) sleep_for(stackful *self, int64_t delay) {
	sleeper wait;
	aw_status status = sleeper_begin(&wait, self->resume.task->future.loop, delay);
	if (status < 0) return failed(status);
	status = task_await_borrowed(self, &wait.future);
	sleeper_end(&wait);
	return status;
}

aw_status aw_sleep(int64_t delay_ns) {
	stackful *self = stackful_current();
	if (!self) return AW_ENOTASK;
	if (delay_ns > 0) return sleep_for(self, delay_ns);
	self->resume.answer = RESUME_YIELD;
	stackful_suspend_inline(self);
	return task_resumed(self);
}
