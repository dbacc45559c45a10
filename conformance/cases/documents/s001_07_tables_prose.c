/* SPDX-License-Identifier: MIT */
/* What can be asked of futures, tasks and loops; callbacks removed; the order of now, soon, later and at. */
#include "case.h"

typedef struct sleeper {
	aw_frame frame;
	aw_coro *sleep;
} sleeper;

static char r[] = "r";

static aw_status co(aw_resume *resume, void *ud) {
	sleeper *self = ud;
	AW_BEGIN(&self->frame);
	must(aw_sleep_coro(NULL, AW_SECOND / 10, NULL, NULL, &self->sleep));
	AW_AWAIT_CORO(&self->frame, resume, self->sleep);
	AW_END(&self->frame);
	aw_coro_unref(self->sleep);
	return aw_resume_return(resume, r, NULL);
}

static aw_status callback(aw_future *future, void *ud) {
	void *value = NULL;
	(void)ud;
	must(aw_future_result(future, &value));
	trace("callback %s", (char *)value);
	return 0;
}

static const char *out[4];
static size_t out_count;

static aw_status append(aw_loop *loop, void *ud) {
	(void)loop;
	out[out_count++] = ud;
	return 0;
}

static aw_status main_coroutine(void *ud) {
	static char soon[] = "soon", later[] = "later 0.1", at[] = "at 0.2";
	aw_loop *loop = aw_loop_current();
	*(aw_loop **)ud = aw_loop_ref(loop);
	sleeper state = {0};
	aw_coro *c = NULL;
	aw_task *t = NULL;
	must(aw_coro_new(loop, co, &state, NULL, &c));
	must(aw_task_spawn_coro(loop, c, &t));
	aw_future *task = aw_task_future(t), *f = create_future();
	/* A coroutine is not a future; a task is a future; a plain future is not a task. */
	bool is_coroutine = aw_task_coro(t) == c, task_is_future = aw_future_task(task) == t,
		 plain_is_task = aw_future_task(f) != NULL;
	trace("%s %s False %s %s", True_or_False(is_coroutine), True_or_False(is_coroutine),
	      True_or_False(task_is_future), True_or_False(!plain_is_task));
	trace("%s %s %s", True_or_False(aw_future_loop(task) == loop), True_or_False(aw_loop_is_running(loop)),
	      True_or_False(aw_loop_is_closed(loop)));
	must(aw_future_add_done_callback(task, callback, NULL, NULL));
	must(aw_future_add_done_callback(task, callback, NULL, NULL));
	trace("removed %d", must(aw_future_remove_done_callback(task, callback, NULL)));
	must(aw_future_add_done_callback(task, callback, NULL, NULL));
	void *value = NULL;
	must(aw_await(task, &value));
	trace("%s", (char *)value);

	int64_t base = aw_loop_time(loop);
	must(aw_loop_call_at(loop, base + AW_SECOND / 5, append, at, NULL, NULL));
	must(aw_loop_call_later(loop, AW_SECOND / 10, append, later, NULL, NULL));
	must(aw_loop_call_soon(loop, append, soon, NULL, NULL));
	out[out_count++] = "now";
	must(aw_sleep(3 * AW_SECOND / 10));
	trace("['%s', '%s', '%s', '%s']", out[0], out[1], out[2], out[3]);

	must(aw_future_cancel(f, NULL));
	trace("%s", True_or_False(aw_future_cancelled(f)));
	aw_future_unref(f);
	aw_task_unref(t);
	aw_coro_unref(c);
	return 0;
}

CASE(s001_07_tables_prose, 0.4, CASE_ANY) {
	aw_loop *loop = NULL;
	aw_status status = aw_run(NULL, main_coroutine, &loop, NULL, NULL);
	trace("%s %s", True_or_False(aw_loop_is_running(loop)), True_or_False(aw_loop_is_closed(loop)));
	aw_loop_unref(loop);
	return status;
}
