/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/*
 * The memory of a peak goes back to the kernel when the loop has not needed it for a second, in a long wait as
 * well as between short ones, and nothing else shows it. What the program needs again and again stays.
 */
#include "trace.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OTHER_ALLOCATOR "a sanitizer keeps freed memory, and has a shadow for it"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define OTHER_ALLOCATOR "a sanitizer keeps freed memory, and has a shadow for it"
#endif
#endif

enum { SLEEPERS = 10000, LEFT_STACKFUL = 200, LEFT_STEP = 100, BURSTS = 20, BURST = 3000 };

static long resident(void) {
	long pages = -1;
	FILE *file = fopen("/proc/self/statm", "r");
	if (file && fscanf(file, "%*d %ld", &pages) != 1) pages = -1;
	if (file) fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

static int64_t real_time(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * AW_SECOND + now.tv_nsec;
}

static bool is_virtual(const aw_loop *loop) {
	return strcmp(aw_loop_backend(loop), "virtual") == 0;
}

/* Why the resident memory tells nothing, or NULL. */
static const char *unmeasurable(void) {
#ifdef OTHER_ALLOCATOR
	return OTHER_ALLOCATOR;
#else
	const char *preload = getenv("LD_PRELOAD");
	if (preload && strstr(preload, "valgrind")) return "valgrind's own memory is resident, too";
	return resident() < 0 ? "there is no /proc/self/statm" : NULL;
#endif
}

static void start_stackful(aw_loop *loop) {
	EXPECT_INT(aw_task_spawn(loop, sleep_long, NULL, NULL, NULL), 0);
}

static void start_step(aw_loop *loop) {
	aw_coro *coro = NULL;
	REQUIRE(aw_sleep_coro(loop, 3600 * AW_SECOND, NULL, NULL, &coro) == 0);
	EXPECT_INT(aw_task_spawn_coro(loop, coro, NULL), 0);
	aw_coro_unref(coro);
}

/* One long wait. Under virtual time that takes no time, so many short ones there. */
static void idle_in_a_wait(aw_loop *loop) {
	if (!is_virtual(loop)) {
		EXPECT_INT(aw_loop_run_once(loop, 1300 * AW_MILLISECOND), 0);
		return;
	}
	for (int i = 0; i < 130; i++) {
		EXPECT_INT(aw_loop_run_once(loop, 10 * AW_MILLISECOND), 0);
		usleep(10000);
	}
}

static void idle_between_waits(aw_loop *loop) {
	for (int64_t end = real_time() + 1300 * AW_MILLISECOND; real_time() < end;) {
		EXPECT_INT(aw_loop_run_once(loop, AW_MILLISECOND), 0);
		if (is_virtual(loop)) usleep(1000);
	}
}

static void after_a_peak(void (*start)(aw_loop *loop), void (*idle)(aw_loop *loop), long most) {
	const char *reason = unmeasurable();
	if (reason) SKIP(reason);
#ifdef __GLIBC__
	/* Else malloc keeps more from case to case of what is freed. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
	aw_loop *loop = loop_begin(NULL);
	/* Leaves out what the first task and the first wait allocate for good. */
	start(loop);
	loop_settle(loop);
	long before = resident();
	for (int i = 0; i < SLEEPERS; i++) start(loop);
	loop_settle(loop);
	long peak = resident();
	EXPECT(peak - before > most * SLEEPERS);
	EXPECT_INT(aw_loop_cancel_all(loop), 0);
	loop_settle(loop);
	EXPECT_INT(aw_loop_deadline(loop), AW_FOREVER);
	idle(loop);
	EXPECT_INT(aw_loop_deadline(loop), AW_FOREVER);
	long left = resident() - before;
	if (left > most * SLEEPERS) printf("\n    %ld bytes are left for each\n", left / SLEEPERS);
	EXPECT(left <= most * SLEEPERS);
	loop_end(loop);
}

static void stackful_tasks_leave_little_in_a_long_wait(void) {
	after_a_peak(start_stackful, idle_in_a_wait, LEFT_STACKFUL);
}

static void step_tasks_leave_little_in_a_long_wait(void) {
	after_a_peak(start_step, idle_in_a_wait, LEFT_STEP);
}

static void step_tasks_leave_little_between_short_waits(void) {
	after_a_peak(start_step, idle_between_waits, LEFT_STEP);
}

/* Of the peak one in a hundred stays alive, on the same pages as those that end. */
static void what_is_alive_stays(void) {
	enum { KEPT = SLEEPERS / 100 };
	static aw_task *tasks[SLEEPERS];
	aw_loop *loop = loop_begin(NULL);
	for (int i = 0; i < SLEEPERS; i++) REQUIRE(aw_task_spawn(loop, sleep_long, NULL, NULL, &tasks[i]) == 0);
	loop_settle(loop);
	for (int i = 0; i < SLEEPERS; i++)
		if (i % 100) EXPECT(aw_future_cancel(aw_task_future(tasks[i]), NULL) == 1);
	loop_settle(loop);
	for (int i = 0; i < SLEEPERS; i++)
		if (i % 100) aw_task_unref(tasks[i]);
	idle_in_a_wait(loop);
	/* What was given back can be used again. */
	for (int i = 0; i < SLEEPERS; i++) start_stackful(loop);
	loop_settle(loop);
	EXPECT_INT(aw_loop_cancel_all(loop), 0);
	loop_settle(loop);
	for (int i = 0; i < KEPT; i++) {
		EXPECT(aw_future_cancelled(aw_task_future(tasks[i * 100])));
		aw_task_unref(tasks[i * 100]);
	}
	loop_end(loop);
}

static void a_stale_handle_is_refused_after_its_memory_has_gone_back(void) {
#ifdef OTHER_ALLOCATOR
	SKIP("a stale handle is a use after free for a sanitizer");
#else
	aw_loop *loop = loop_begin(NULL);
	static aw_handle *handles[SLEEPERS];
	for (int i = 0; i < SLEEPERS; i++)
		REQUIRE(aw_loop_call_later(loop, AW_SECOND, say, "never", NULL, &handles[i]) == 0);
	for (int i = 0; i < SLEEPERS; i++) {
		EXPECT_INT(aw_handle_cancel(handles[i]), 0);
		aw_handle_unref(handles[i]);
	}
	EXPECT(aw_loop_run_once(loop, 0) >= 0);
	idle_in_a_wait(loop);
	for (int i = 0; i < SLEEPERS; i += 100) EXPECT_INT(aw_handle_cancel(handles[i]), AW_EBADHANDLE);
	loop_end(loop);
#endif
}

static long page_faults(void) {
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Longer than a second altogether, so that a trim falls in between. */
static void what_is_needed_again_and_again_stays(void) {
	const char *reason = unmeasurable();
	if (reason) SKIP(reason);
	aw_loop *loop = loop_begin(NULL);
	long after_first = 0;
	for (int burst = 0; burst < BURSTS; burst++) {
		if (burst == 2) after_first = page_faults();
		for (int i = 0; i < BURST; i++) {
			aw_coro *coro = NULL;
			REQUIRE(aw_sleep_coro(loop, 0, NULL, NULL, &coro) == 0);
			REQUIRE(aw_task_spawn_coro(loop, coro, NULL) == 0);
			aw_coro_unref(coro);
		}
		loop_settle(loop);
		EXPECT_INT(aw_loop_run_once(loop, 100 * AW_MILLISECOND), 0);
		if (is_virtual(loop)) usleep(100000);
	}
	/* A burst has about 300 pages. */
	long faults = page_faults() - after_first;
	if (faults > 100) printf("\n    %ld page faults\n", faults);
	EXPECT(faults <= 100);
	loop_end(loop);
}

CHECK_MAIN("memory_after_peak", TEST(stackful_tasks_leave_little_in_a_long_wait),
           TEST(step_tasks_leave_little_in_a_long_wait), TEST(step_tasks_leave_little_between_short_waits),
           TEST(what_is_alive_stays), TEST(a_stale_handle_is_refused_after_its_memory_has_gone_back),
           TEST(what_is_needed_again_and_again_stays))
