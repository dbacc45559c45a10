/* SPDX-License-Identifier: MIT */
/* Runs a task on a new loop, and checks that it leaves nothing behind. */
#ifndef TESTS_IN_A_TASK_H
#define TESTS_IN_A_TASK_H

#include "trace.h"

#include <dirent.h>
#include <stdlib.h>

static inline int open_descriptors(void) {
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (dir && readdir(dir)) count++;
	if (dir) closedir(dir);
	return count;
}

/* Twice: debug mode counts the program's references. */
static inline void in_a_task_with(aw_task_fn fn, void *ud) {
	/* A backend's library may keep descriptors of the process from its first loop on. */
	aw_loop *first = NULL;
	EXPECT_INT(aw_loop_new(NULL, &first), 0);
	aw_loop_unref(first);
	for (int debug = 0; debug < 2; debug++) {
		EXPECT_INT(setenv("AWAIT_DEBUG", debug ? "1" : "0", 1), 0);
		trace_reset();
		int descriptors = open_descriptors();
		EXPECT_INT(aw_run(NULL, fn, ud, NULL, NULL), 0);
		EXPECT_INT(aw_debug_live_handles(), 0);
		EXPECT_INT(open_descriptors(), descriptors);
	}
	unsetenv("AWAIT_DEBUG");
}

static inline void in_a_task(aw_task_fn fn) {
	in_a_task_with(fn, NULL);
}

#endif
