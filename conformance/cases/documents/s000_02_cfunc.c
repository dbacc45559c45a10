/* SPDX-License-Identifier: MIT */
/* A coroutine does nothing until it is run. */
#include "case.h"

/* What `async def` makes in Python is in C a step function and its state. */
typedef struct cfunc {
	aw_frame frame;
	aw_coro *sleep;
} cfunc;

static aw_status cfunc_step(aw_resume *resume, void *ud) {
	cfunc *self = ud;
	AW_BEGIN(&self->frame);
	trace("hello");
	must(aw_sleep_coro(NULL, AW_SECOND, NULL, NULL, &self->sleep));
	AW_AWAIT_CORO(&self->frame, resume, self->sleep);
	trace("world");
	AW_END(&self->frame);
	aw_coro_unref(self->sleep);
	return aw_resume_return(resume, NULL, NULL);
}

CASE(s000_02_cfunc, 1.0, CASE_ANY) {
	cfunc state = {0};
	aw_runner *runner = NULL;
	aw_loop *loop = NULL;
	aw_coro *c = NULL;
	must(aw_runner_new(NULL, AW_RUNNER_DEFAULT, &runner));
	must(aw_runner_loop(runner, &loop));
	must(aw_coro_new(loop, cfunc_step, &state, NULL, &c));
	trace("coroutine %s True True", True_or_False(c != NULL));
	trace("nothing ran yet");
	must(aw_runner_run_coro(runner, c, NULL));
	aw_coro_unref(c);
	aw_runner_unref(runner);
	return 0;
}
