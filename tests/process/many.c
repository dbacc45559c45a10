/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/* Many children: all at once, and one after another; none is lost, and nothing grows. */
#include "process.h"

/* A sanitizer delays the reuse of freed memory, so resident memory is not meaningful. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { AT_ONCE = 200, AFTER_EACH_OTHER = 10000 };

static void two_hundred_at_once_are_all_collected(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	static aw_process *processes[AT_ONCE];
	static aw_future *futures[AT_ONCE];
	int hold[2];
	REQUIRE(pipe2(hold, O_CLOEXEC) == 0);
	for (int i = 0; i < AT_ONCE; i++) {
		char command[64];
		snprintf(command, sizeof command, "read x; echo %d; exit %d", i, i % 256);
		aw_process_options *options = with(PIPE(1), 0);
		REQUIRE(aw_process_options_set_stdio(options, 0, AW_STDIO_FD, hold[0]) == 0);
		processes[i] = start(loop, command, options);
		REQUIRE(processes[i]);
		EXPECT_INT(aw_process_communicate(processes[i], NULL, 0, &futures[i]), 0);
	}
	EXPECT_INT(aw_loop_run_once(loop, 0) >= 0, 1);
	close(hold[0]);
	close(hold[1]); /* lets all of them end */
	for (int i = 0; i < AT_ONCE; i++) {
		char text[16];
		int32_t code = -1;
		snprintf(text, sizeof text, "%d\n", i);
		EXPECT_INT(run(loop, futures[i]), 0);
		EXPECT_INT(aw_process_returncode(processes[i], &code), 0);
		EXPECT_INT(code, i % 256);
		EXPECT(said(processes[i], 1, text));
		aw_process_unref(processes[i]);
	}
	loop_end(loop);
}

static long resident_kib(void) {
	long pages[2] = {0, 0};
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file || fscanf(file, "%ld %ld", &pages[0], &pages[1]) != 2) pages[1] = 0;
	if (file) fclose(file);
	return pages[1] * (sysconf(_SC_PAGESIZE) / 1024);
}

static void ten_thousand_one_after_another_leave_nothing(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	const char *argv[] = {"/bin/true"};
	aw_process_options *options = with(PIPE(0) | PIPE(1) | PIPE(2), 0);
	long resident = 0;
	int wrong = 0, fds = 0;
	for (int i = 0; i < AFTER_EACH_OTHER && !wrong; i++) {
		aw_process *process = NULL;
		wrong += aw_subprocess_exec(loop, argv, 1, options, &process) != 0 || talk(loop, process) != 0;
		aw_process_unref(process);
		if (i == AFTER_EACH_OTHER / 10) {
			resident = resident_kib();
			fds = count_fds();
		}
	}
	EXPECT_INT(wrong, 0);
	EXPECT_INT(count_fds(), fds);
	long more = resident_kib() - resident;
	if (!SANITIZED && more >= 512) printf("\n    %ld KiB more\n", more);
	EXPECT(SANITIZED || more < 512);
	aw_process_options_unref(options);
	loop_end(loop);
}

static void children_dropped_at_once_are_all_collected(void) {
	aw_loop *loop = loop_begin();
	REQUIRE(loop);
	for (int i = 0; i < AT_ONCE; i++) aw_process_unref(start(loop, "exec sleep 500", NULL));
	aw_process *last = start(loop, "exit 0", NULL);
	EXPECT_INT(join(loop, last), 0);
	aw_process_unref(last);
	for (int i = 0; i < 100000 && has_child(); i++) EXPECT(aw_loop_run_once(loop, AW_MILLISECOND) >= 0);
	loop_end(loop);
}

CHECK_MAIN("process_many", TEST(two_hundred_at_once_are_all_collected),
           TEST(children_dropped_at_once_are_all_collected),
           TEST(ten_thousand_one_after_another_leave_nothing))
