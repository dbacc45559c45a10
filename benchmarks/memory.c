/* SPDX-License-Identifier: MIT */
/*
 * The memory of a sleeping task: how much the process's resident memory and page tables grow with 10,000 of
 * them. Each kind runs in a separate process. spawn.go does the same with goroutines.
 */
#include "bench.h"

#include <await/await.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASKS = 10000 };

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

static void measure(const char *variant, void (*spawn)(aw_loop *loop)) {
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
	for (int i = 0; i < TASKS; i++) spawn(loop);
	for (int i = 0; i < 3; i++) bench_check("run", aw_loop_run_once(loop, 0));
	bench_sample("memory of a sleeping task, bytes", variant, (resident() - before) / TASKS);
	aw_loop_unref(loop);
	exit(0);
}

int main(int argc, char **argv) {
	bench_init(argc, argv, 1);
	measure("libawait, stackful", spawn_stackful);
	measure("libawait, step (aw_sleep_coro)", spawn_coro);
	measure("libawait, no task: aw_loop_call_later", spawn_timer);
	return 0;
}
