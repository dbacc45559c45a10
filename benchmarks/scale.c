/* SPDX-License-Identifier: MIT */
/*
 * Very many sleeping tasks: how long it takes to start them, to cancel and join them all, and how much memory
 * each needs. `scale [step|stackful] [COUNT]`; without arguments a million step tasks, then a hundred
 * thousand stackful ones.
 */
#include <await/await.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void check(const char *what, aw_status status) {
	if (status >= 0) return;
	fprintf(stderr, "scale: %s: %s\n", what, aw_strerror(status));
	exit(1);
}

static int64_t now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * AW_SECOND + time.tv_nsec;
}

/* Resident memory and page tables, in bytes. */
static int64_t memory(void) {
	char line[256];
	int64_t sum = 0, value;
	FILE *file = fopen("/proc/self/status", "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "VmRSS: %" SCNd64, &value) == 1 || sscanf(line, "VmPTE: %" SCNd64, &value) == 1)
			sum += value * 1024;
	if (file) fclose(file);
	return sum;
}

static aw_status sleep_long(void *ud) {
	(void)ud;
	return aw_sleep(3600 * AW_SECOND);
}

static void spawn(aw_loop *loop, int stackful) {
	aw_coro *coro;
	if (stackful) {
		check("aw_task_spawn", aw_task_spawn(loop, sleep_long, NULL, NULL, NULL));
		return;
	}
	check("aw_sleep_coro", aw_sleep_coro(loop, 3600 * AW_SECOND, NULL, NULL, &coro));
	check("aw_task_spawn_coro", aw_task_spawn_coro(loop, coro, NULL));
	aw_coro_unref(coro);
}

static void measure(int stackful, int64_t count) {
	aw_loop *loop;
	check("aw_loop_new", aw_loop_new(NULL, &loop));
	int64_t before = memory(), began = now();
	for (int64_t i = 0; i < count; i++) spawn(loop, stackful);
	check("aw_loop_run_once", aw_loop_run_once(loop, 0));
	int64_t started = now(), held = memory() - before;
	check("aw_loop_cancel_all", aw_loop_cancel_all(loop));
	int64_t ended = now();
	printf("%" PRId64 " %s tasks: %" PRId64 " bytes each; started in %" PRId64 " ms (%" PRId64
	       " ns each), cancelled and joined in %" PRId64 " ms (%" PRId64 " ns each)\n",
	       count, stackful ? "stackful" : "step", held / count, (started - began) / AW_MILLISECOND,
	       (started - began) / count, (ended - started) / AW_MILLISECOND, (ended - started) / count);
	aw_loop_unref(loop);
	if (aw_debug_live_handles())
		fprintf(stderr, "scale: %" PRId64 " handles are left\n", aw_debug_live_handles());
}

/* Runs in a separate process, so that one kind does not reuse the other's memory. */
static void measure_apart(int stackful, int64_t count) {
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		measure(stackful, count);
		fflush(stdout);
		_exit(0);
	}
	int status = 1;
	if (child < 0 || waitpid(child, &status, 0) < 0 || status) fprintf(stderr, "scale: failed\n");
}

int main(int argc, char **argv) {
	if (argc > 1) {
		measure(strcmp(argv[1], "stackful") == 0, argc > 2 ? atoll(argv[2]) : 100000);
		return 0;
	}
	measure_apart(0, 1000000);
	measure_apart(1, 100000);
	return 0;
}
