/* SPDX-License-Identifier: MIT */
/*
 * Tasks that a task spawns and joins, and tasks that yield to each other: stackful ones and step coroutines.
 * The peers are separate programs (peers/).
 */
#include "bench.h"

#include <await/await.h>

enum { BATCH = 1000, TASKS = 200 * BATCH };

typedef enum kind { STACKFUL, EAGER, STEP } kind;

typedef struct job {
	aw_loop *loop;
	kind kind;
	size_t count, batch;
} job;

static aw_status nothing(void *ud) {
	(void)ud;
	return 0;
}

static aw_status nothing_step(aw_resume *resume, void *ud) {
	(void)ud;
	return aw_resume_return(resume, NULL, NULL);
}

static aw_task *spawn(const job *self) {
	aw_task *task;
	if (self->kind == STEP) {
		aw_coro *coro;
		bench_check("aw_coro_new", aw_coro_new(self->loop, nothing_step, NULL, NULL, &coro));
		bench_check("aw_task_spawn_coro", aw_task_spawn_coro(self->loop, coro, &task));
		aw_coro_unref(coro);
	} else if (self->kind == EAGER) {
		bench_check("aw_task_spawn_eager", aw_task_spawn_eager(self->loop, nothing, NULL, NULL, &task));
	} else {
		bench_check("aw_task_spawn", aw_task_spawn(self->loop, nothing, NULL, NULL, &task));
	}
	return task;
}

static aw_status spawner(void *ud) {
	job *self = ud;
	aw_task *tasks[BATCH];
	for (size_t done = 0; done < self->count; done += self->batch) {
		for (size_t i = 0; i < self->batch; i++) tasks[i] = spawn(self);
		for (size_t i = 0; i < self->batch; i++) {
			aw_status status = aw_await(aw_task_future(tasks[i]), NULL);
			aw_task_unref(tasks[i]);
			if (status < 0) return status;
		}
	}
	return 0;
}

static void run(void *ud, size_t count) {
	job *self = ud;
	aw_task *task;
	self->count = count;
	bench_check("aw_task_spawn", aw_task_spawn(self->loop, spawner, self, NULL, &task));
	bench_check("run", aw_loop_run_until_complete(self->loop, aw_task_future(task), NULL));
	aw_task_unref(task);
}

/* --- two tasks that only yield --- */

typedef struct turns {
	aw_loop *loop;
	size_t left;
} turns;

static aw_status give_turns(void *ud) {
	turns *self = ud;
	aw_status status = 0;
	while (status == 0 && self->left) {
		self->left--;
		status = aw_sleep(0);
	}
	return status;
}

static void yield_stackful(void *ud, size_t count) {
	turns self = {ud, count};
	aw_task *tasks[2];
	for (int i = 0; i < 2; i++)
		bench_check("aw_task_spawn", aw_task_spawn(self.loop, give_turns, &self, NULL, &tasks[i]));
	for (int i = 0; i < 2; i++) {
		bench_check("run", aw_loop_run_until_complete(self.loop, aw_task_future(tasks[i]), NULL));
		aw_task_unref(tasks[i]);
	}
}

static aw_status give_turns_step(aw_resume *resume, void *ud) {
	turns *self = ud;
	if (!self->left) return aw_resume_return(resume, NULL, NULL);
	self->left--;
	return aw_resume_yield(resume);
}

static void yield_step(void *ud, size_t count) {
	turns self = {ud, count};
	aw_task *tasks[2];
	for (int i = 0; i < 2; i++) {
		aw_coro *coro;
		bench_check("aw_coro_new", aw_coro_new(self.loop, give_turns_step, &self, NULL, &coro));
		bench_check("aw_task_spawn_coro", aw_task_spawn_coro(self.loop, coro, &tasks[i]));
		aw_coro_unref(coro);
	}
	for (int i = 0; i < 2; i++) {
		bench_check("run", aw_loop_run_until_complete(self.loop, aw_task_future(tasks[i]), NULL));
		aw_task_unref(tasks[i]);
	}
}

int main(int argc, char **argv) {
	bench_init(argc, argv, 15);
	aw_loop *loop;
	bench_check("aw_loop_new", aw_loop_new("epoll", &loop));
	job one[] = {{loop, STACKFUL, 0, 1}, {loop, STEP, 0, 1}, {loop, EAGER, 0, 1}};
	job many[] = {{loop, STACKFUL, 0, BATCH}, {loop, STEP, 0, BATCH}, {loop, EAGER, 0, BATCH}};
	const bench_variant ones[] = {
		{"libawait, stackful", run, &one[0], TASKS},
		{"libawait, step", run, &one[1], 0},
		{"libawait, stackful, eager", run, &one[2], 0},
	};
	const bench_variant batches[] = {
		{"libawait, stackful", run, &many[0], TASKS},
		{"libawait, step", run, &many[1], 0},
		{"libawait, stackful, eager", run, &many[2], 0},
	};
	bench_run("a task spawned and joined, one by one", ones, sizeof ones / sizeof *ones);
	bench_run("a task spawned and joined, 1,000 at once", batches, sizeof batches / sizeof *batches);
	const bench_variant yields[] = {
		{"libawait, stackful: aw_sleep(0)", yield_stackful, loop, TASKS},
		{"libawait, step: aw_resume_yield", yield_step, loop, 0},
	};
	bench_run("a task's turn given away", yields, sizeof yields / sizeof *yields);
	aw_loop_unref(loop);
	return 0;
}
