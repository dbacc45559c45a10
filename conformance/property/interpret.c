/* SPDX-License-Identifier: MIT */
/*
 * Runs the programs of generate.py on libawait with the virtual backend, and prints their traces, as
 * interpret.py does on asyncio. The argument selects how bodies run: "stackful", "step", or "mixed", where
 * both kinds alternate and call each other.
 */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static aw_status machine_step(aw_resume *resume, void *ud);

/* --- stackful tasks --- */

static aw_error *caught_as(aw_status status) {
	aw_error *error = status < 0 ? aw_caught() : NULL;
	return error && aw_error_status(error) == status ? error : NULL;
}

static void run_here(machine *self);

/* Calls a body in this task: directly, or as a step coroutine. */
static void call(machine *self, int body) {
	machine *callee = machine_new(self->task_id, body);
	trace(self->task_id, 0, "start");
	if (here.flavour != FLAVOUR_MIXED) {
		run_here(callee);
		machine_answer(self, callee->status, callee->value, callee->error);
		machine_free(callee);
		return;
	}
	aw_coro *coro;
	void *value = NULL;
	aw_status status = aw_coro_new(here.loop, machine_step, callee, machine_free, &coro);
	if (status >= 0) {
		status = aw_await_coro(coro, &value);
		aw_coro_unref(coro);
	}
	machine_answer(self, status, value, caught_as(status));
}

static aw_status wait_here(machine *self, void **value) {
	wish *of = &self->wish;
	aw_status status;
	switch (of->kind) {
	case WISH_SLEEP: return aw_sleep(of->ns);
	case WISH_YIELD: return aw_sleep(0);
	case WISH_FUTURE: return aw_await(of->futures[0], value);
	case WISH_WAIT_FOR: return aw_wait_for(of->futures[0], of->ns, value);
	case WISH_WAIT: return aw_wait(of->futures, of->count, of->when, of->ns, of->done);
	case WISH_LOCK: return aw_lock_acquire(of->object);
	case WISH_EVENT: return aw_event_wait(of->object);
	case WISH_SEMAPHORE: return aw_semaphore_acquire(of->object);
	case WISH_CONDITION: return aw_condition_wait(of->object);
	case WISH_PUT: return aw_queue_put(of->object, of->item, NULL);
	case WISH_GET: return aw_queue_get(of->object, value, NULL);
	case WISH_JOIN: return aw_queue_join(of->object);
	case WISH_BARRIER:
		status = aw_barrier_wait(of->object);
		*value = (void *)(intptr_t)status;
		return status;
	case WISH_BARRIER_RESET: return aw_barrier_reset(of->object);
	case WISH_BARRIER_ABORT: return aw_barrier_abort(of->object);
	case WISH_GROUP_END: return aw_taskgroup_exit(of->object, of->status, self->error);
	default: return -EINVAL;
	}
}

static void run_here(machine *self) {
	while (machine_advance(self)) {
		void *value = NULL;
		if (self->wish.kind == WISH_CALL) {
			call(self, self->wish.body);
			continue;
		}
		aw_status status = wait_here(self, &value);
		machine_answer(self, status, value, caught_as(status));
	}
}

static aw_status stackful_body(void *ud) {
	machine *self = ud;
	trace(self->task_id, 0, "start");
	run_here(self);
	if (self->status < 0) return self->error ? aw_raise_error(self->error) : self->status;
	return aw_return(self->value, NULL);
}

/* --- step coroutines --- */

/* The coroutine that performs the wish. */
static aw_status wish_coro(machine *self, aw_coro **out) {
	wish *of = &self->wish;
	switch (of->kind) {
	case WISH_SLEEP: return aw_sleep_coro(here.loop, of->ns, NULL, NULL, out);
	case WISH_WAIT_FOR: return aw_wait_for_coro(of->futures[0], of->ns, out);
	case WISH_WAIT: return aw_wait_coro(here.loop, of->futures, of->count, of->when, of->ns, out);
	case WISH_LOCK: return aw_lock_acquire_coro(of->object, out);
	case WISH_EVENT: return aw_event_wait_coro(of->object, out);
	case WISH_SEMAPHORE: return aw_semaphore_acquire_coro(of->object, out);
	case WISH_CONDITION: return aw_condition_wait_coro(of->object, out);
	case WISH_PUT: return aw_queue_put_coro(of->object, of->item, NULL, out);
	case WISH_GET: return aw_queue_get_coro(of->object, out);
	case WISH_JOIN: return aw_queue_join_coro(of->object, out);
	case WISH_BARRIER: return aw_barrier_wait_coro(of->object, out);
	case WISH_BARRIER_RESET: return aw_barrier_reset_coro(of->object, out);
	case WISH_BARRIER_ABORT: return aw_barrier_abort_coro(of->object, out);
	case WISH_GROUP_END: return aw_taskgroup_exit_coro(of->object, of->status, self->error, out);
	case WISH_CALL:
		trace(self->task_id, 0, "start");
		return aw_coro_new(here.loop, machine_step, machine_new(self->task_id, of->body), machine_free, out);
	default: return -EINVAL;
	}
}

static aw_status answer_for(machine *self, aw_resume *resume) {
	if (self->wish.kind == WISH_YIELD) return aw_resume_yield(resume);
	if (self->wish.kind == WISH_FUTURE) return aw_resume_await(resume, self->wish.futures[0]);
	aw_coro *coro;
	aw_status status = wish_coro(self, &coro);
	if (status < 0) return status;
	status = aw_resume_delegate(resume, coro);
	aw_coro_unref(coro);
	return status;
}

static void mark_done(wish *of, const aw_results *results) {
	for (size_t i = 0; i < of->count; i++)
		of->done[i] = aw_results_get(results, i, NULL) != AW_EINVALIDSTATE || aw_results_error(results, i);
}

static aw_status machine_step(aw_resume *resume, void *ud) {
	machine *self = ud;
	if (self->at) {
		aw_status status = aw_resume_status(resume);
		if (self->wish.kind == WISH_WAIT && status >= 0) mark_done(&self->wish, aw_resume_value(resume));
		machine_answer(self, status, aw_resume_value(resume), aw_resume_error(resume));
	}
	while (machine_advance(self)) {
		aw_status status = answer_for(self, resume);
		if (status >= 0) return status;
		machine_answer(self, status, NULL, NULL);
	}
	if (self->status < 0) return self->error ? aw_resume_raise(resume, self->error) : self->status;
	return aw_resume_return(resume, self->value, NULL);
}

static aw_status task_step(aw_resume *resume, void *ud) {
	machine *self = ud;
	if (!self->at) trace(self->task_id, 0, "start");
	return machine_step(resume, ud);
}

/* --- tasks and programs --- */

aw_status task_start(int number, bool eager, aw_taskgroup *group, aw_task **out) {
	int task_id = here.started++;
	machine *self = machine_new(task_id, number);
	if (here.flavour == FLAVOUR_STACKFUL || (here.flavour == FLAVOUR_MIXED && task_id % 2 == 0)) {
		if (group) return aw_taskgroup_spawn(group, stackful_body, self, machine_free, out);
		return (eager ? aw_task_spawn_eager : aw_task_spawn)(here.loop, stackful_body, self, machine_free,
		                                                     out);
	}
	aw_coro *coro;
	aw_status status = aw_coro_new(here.loop, task_step, self, machine_free, &coro);
	if (status < 0) return status;
	if (group)
		status = aw_taskgroup_spawn_coro(group, coro, out);
	else
		status = (eager ? aw_task_spawn_coro_eager : aw_task_spawn_coro)(here.loop, coro, out);
	aw_coro_unref(coro);
	return status;
}

static int usage(void) {
	fprintf(stderr, "usage: interpret stackful|step|mixed < PROGRAMS\n");
	return 2;
}

int main(int argc, char **argv) {
	static const char *const flavours[] = {"stackful", "step", "mixed"};
	int flavour = 0;
	while (argc == 2 && flavour < 3 && strcmp(argv[1], flavours[flavour]) != 0) flavour++;
	if (argc != 2 || flavour == 3) return usage();
	program read = {0};
	while (program_read(&read, stdin)) {
		printf("program %lu\n", read.seed);
		fflush(stdout); /* so that a crash is attributed to this program */
		if (!world_open(&read, (enum flavour)flavour, stdout)) {
			fprintf(stderr, "program %lu could not be started\n", read.seed);
			return 2;
		}
		aw_status status = aw_loop_run_forever(here.loop);
		if (status < 0) printf("run: %s\n", aw_err_name(status));
		/* A leak makes the trace differ. */
		if (!world_close())
			printf("leak: %lld handles\n", (long long)(aw_debug_live_handles() - here.handles));
	}
	program_free(&read);
	return 0;
}
