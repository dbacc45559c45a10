/* SPDX-License-Identifier: MIT */
/*
 * The memory of a sleeping task: how much the process's resident memory and page tables grow with 10,000 of
 * them, and how much of that is left when they have been cancelled and joined. Each kind runs in a separate
 * process. The peers are separate programs (peers/). With --million: with a million, of the kinds for which that
 * fits into a few gigabytes.
 */
#include "bench.h"

#include <await/await.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASKS = 10000, MILLION = 1000000 };

static size_t tasks = TASKS;
static const char *work = "memory of a sleeping task, bytes";
static const char *left = "memory left when 10,000 sleeping tasks have gone, for each, bytes";

static aw_status sleep_long(void *ud) {
	(void)ud;
	return aw_sleep(3600 * AW_SECOND);
}

static void spawn_stackful(aw_loop *loop) {
	bench_check("aw_task_spawn", aw_task_spawn(loop, sleep_long, NULL, NULL, NULL));
}

static void spawn_coro(aw_loop *loop) {
	aw_coro *coro;
	bench_check("aw_sleep_coro", aw_sleep_coro(loop, 3600 * AW_SECOND, NULL, NULL, &coro));
	bench_check("aw_task_spawn_coro", aw_task_spawn_coro(loop, coro, NULL));
	aw_coro_unref(coro);
}

static aw_status ignore(aw_loop *loop, void *ud) {
	(void)loop, (void)ud;
	return 0;
}

static void spawn_timer(aw_loop *loop) {
	bench_check("call_later", aw_loop_call_later(loop, 3600 * AW_SECOND, ignore, NULL, NULL, NULL));
}

static double resident(void) {
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	double sum = 0;
	long number;
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "VmRSS: %ld", &number) == 1 || sscanf(line, "VmPTE: %ld", &number) == 1)
			sum += (double)number * 1024;
	if (file) fclose(file);
	return sum;
}

/* Long enough for the loop to find that it has memory to give back. */
static aw_status idle(void *ud) {
	(void)ud;
	return aw_sleep(1500 * AW_MILLISECOND);
}

/* As a user does it: the tasks are cancelled and joined while another one runs, and the loop stays, idle. */
static void cancel_all(aw_loop *loop) {
	aw_task *task;
	bench_check("cancel_all", aw_loop_cancel_all(loop));
	bench_check("aw_task_spawn", aw_task_spawn(loop, idle, NULL, NULL, &task));
	bench_check("run", aw_loop_run_until_complete(loop, aw_task_future(task), NULL));
	aw_task_unref(task);
}

static void measure(const char *variant, void (*spawn)(aw_loop *loop), bool is_task) {
	pid_t pid = fork();
	bench_check("fork", pid);
	if (pid) {
		int status = 0;
		bench_check("waitpid", waitpid(pid, &status, 0));
		bench_check(variant, status ? -5 : 0);
		return;
	}
	aw_loop *loop;
	bench_check("aw_loop_new", aw_loop_new("epoll", &loop));
	(void)resident(); /* the first call allocates its buffers */
	double before = resident();
	for (size_t i = 0; i < tasks; i++) spawn(loop);
	for (int i = 0; i < 3; i++) bench_check("run", aw_loop_run_once(loop, 0));
	bench_sample(work, variant, (resident() - before) / (double)tasks);
	if (is_task) {
		cancel_all(loop);
		bench_sample(left, variant, (resident() - before) / (double)tasks);
	}
	exit(0); /* without releasing a million handles */
}

int main(int argc, char **argv) {
	bool million = argc > 1 && strcmp(argv[1], "--million") == 0;
	bench_init(argc - million, argv + million, 1);
	if (million) {
		tasks = MILLION;
		work = "memory of a sleeping task, of 1,000,000, bytes";
		left = "memory left when 1,000,000 sleeping tasks have gone, for each, bytes";
	} else
		measure("libawait, stackful", spawn_stackful, true);
	measure("libawait, step (aw_sleep_coro)", spawn_coro, true);
	measure("libawait, no task: aw_loop_call_later", spawn_timer, false);
	return 0;
}
