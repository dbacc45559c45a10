/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/*
 * Many at once: ten thousand sleeping tasks, memory that stays flat from round to round, and no descriptor
 * left open.
 */
#include "trace.h"

#include <dirent.h>
#include <unistd.h>

enum { TASKS = 10000 };

static int descriptors(void) {
	int count_of = 0;
	DIR *folder = opendir("/proc/self/fd");
	if (!folder) return -1;
	while (readdir(folder)) count_of++;
	closedir(folder);
	return count_of;
}

/* Resident memory, in pages. */
static long resident(void) {
	long size = 0, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file) return -1;
	if (fscanf(file, "%ld %ld", &size, &pages) != 2) pages = -1;
	fclose(file);
	return pages;
}

static aw_status sleeps(void *counter) {
	aw_status status = aw_sleep(20 * AW_MILLISECOND);
	++*(int *)counter;
	return status;
}

static aw_status sleeps_all(void *counter) {
	for (int i = 0; i < TASKS; i++) {
		aw_status status = aw_task_spawn(NULL, sleeps, counter, NULL, NULL);
		if (status < 0) return status;
	}
	EXPECT(aw_sleep(0) >= 0);
	EXPECT_INT(aw_loop_all_tasks(aw_loop_current(), NULL, 0), TASKS + 1);
	for (int i = 0; i < 1000 && *(int *)counter < TASKS; i++) EXPECT(aw_sleep(10 * AW_MILLISECOND) >= 0);
	return 0;
}

static void ten_thousand_tasks_sleep_at_once(void) {
	/* Ignores what a backend's library opens once per process, such as libuv's signal pipe. */
	aw_loop *first = loop_begin(NULL);
	loop_end(first);
	int before = descriptors(), woken = 0;
	EXPECT_INT(aw_run(NULL, sleeps_all, &woken, NULL, NULL), 0);
	EXPECT_INT(woken, TASKS);
	EXPECT_INT(aw_debug_live_handles(), 0);
	EXPECT_INT(descriptors(), before);
}

static void memory_is_flat_from_round_to_round(void) {
	int woken = 0;
	for (int i = 0; i < 2; i++, woken = 0) EXPECT(aw_run(NULL, sleeps_all, &woken, NULL, NULL) >= 0);
	long before = resident();
	for (int i = 0; i < 4; i++, woken = 0) EXPECT(aw_run(NULL, sleeps_all, &woken, NULL, NULL) >= 0);
	long after = resident();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/* Detects a leak of thirty bytes per task; allows one megabyte of noise. */
	if (after - before >= 256) printf("\n    grown by %ld pages\n", after - before);
	EXPECT(after - before < 256);
#else
	(void)before, (void)after; /* freed memory is kept in quarantine */
#endif
}

static aw_status cancels_all(void *counter) {
	aw_task **tasks = calloc(TASKS, sizeof(aw_task *));
	if (!tasks) return -ENOMEM;
	for (int i = 0; i < TASKS; i++) EXPECT(aw_task_spawn(NULL, sleep_long, NULL, NULL, &tasks[i]) == 0);
	EXPECT(aw_sleep(0) >= 0);
	for (int i = 0; i < TASKS; i++) aw_task_cancel(tasks[i], NULL);
	EXPECT_INT(aw_loop_deadline(aw_loop_current()), AW_FOREVER);
	EXPECT(aw_sleep(0) >= 0);
	for (int i = 0; i < TASKS; i++) {
		*(int *)counter += aw_future_cancelled(aw_task_future(tasks[i]));
		aw_task_unref(tasks[i]);
	}
	free(tasks);
	return 0;
}

static void ten_thousand_tasks_are_cancelled_at_once(void) {
	int cancelled = 0;
	EXPECT_INT(aw_run(NULL, cancels_all, &cancelled, NULL, NULL), 0);
	EXPECT_INT(cancelled, TASKS);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static aw_status one(void *ud) {
	return aw_return(ud, NULL);
}

static aw_status gathers_all(void *ud) {
	aw_future **futures = calloc(TASKS, sizeof(aw_future *)), *all = NULL;
	void *results = NULL, *value = NULL;
	if (!futures) return -ENOMEM;
	for (int i = 0; i < TASKS; i++) futures[i] = spawn(one, ud);
	EXPECT_INT(aw_gather(NULL, futures, TASKS, 0, &all), 0);
	for (int i = 0; i < TASKS; i++) aw_future_unref(futures[i]);
	EXPECT_INT(aw_await(all, &results), 0);
	EXPECT_INT(aw_results_count(results), TASKS);
	EXPECT_INT(aw_results_get(results, TASKS - 1, &value), 0);
	EXPECT(value == ud);
	aw_future_unref(all);
	free(futures);
	return 0;
}

static void ten_thousand_tasks_are_gathered(void) {
	EXPECT_INT(aw_run(NULL, gathers_all, "x", NULL, NULL), 0);
	EXPECT_INT(aw_debug_live_handles(), 0);
}

static void a_loop_closed_with_ten_thousand_sleepers_leaves_nothing(void) {
	int before = descriptors();
	aw_loop *loop = loop_begin(NULL);
	for (int i = 0; i < TASKS; i++) EXPECT(aw_task_spawn(loop, sleep_long, NULL, NULL, NULL) == 0);
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	loop_end(loop);
	EXPECT_INT(descriptors(), before);
}

static void loops_come_and_go_without_a_trace(void) {
	int before = descriptors();
	for (int i = 0; i < 200; i++) {
		aw_loop *loop = loop_begin(NULL);
		int fd = -1;
		aw_loop_call_soon(loop, say, "", NULL, NULL);
		bool can_be_guest = strcmp(aw_loop_backend(loop), "virtual") != 0;
		if (i % 2) EXPECT_INT(aw_loop_guest_begin(loop, &fd), can_be_guest ? 0 : -ENOTSUP);
		loop_end(loop);
	}
	EXPECT_INT(descriptors(), before);
}

static aw_status count_to(aw_loop *loop, void *left) {
	return --*(int *)left ? aw_loop_call_soon(loop, count_to, left, NULL, NULL) : aw_loop_stop(loop);
}

static void a_hundred_thousand_iterations_need_no_memory(void) {
	aw_loop *loop = loop_begin(NULL);
	int left = 1000;
	aw_loop_call_soon(loop, count_to, &left, NULL, NULL);
	EXPECT(aw_loop_run_forever(loop) >= 0);
	long before = resident();
	left = 100000;
	aw_loop_call_soon(loop, count_to, &left, NULL, NULL);
	EXPECT_INT(aw_loop_run_forever(loop), 0);
	EXPECT_INT(left, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	EXPECT(resident() - before < 64);
#else
	(void)before;
#endif
	loop_end(loop);
}

CHECK_MAIN("scale", TEST(ten_thousand_tasks_sleep_at_once), TEST(memory_is_flat_from_round_to_round),
           TEST(ten_thousand_tasks_are_cancelled_at_once), TEST(ten_thousand_tasks_are_gathered),
           TEST(a_loop_closed_with_ten_thousand_sleepers_leaves_nothing),
           TEST(loops_come_and_go_without_a_trace), TEST(a_hundred_thousand_iterations_need_no_memory))
