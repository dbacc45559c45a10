/* SPDX-License-Identifier: MIT */
/*
 * Accesses to the stack of a task that has ended. In debug mode, the first one aborts the program with a line
 * that names the task. Each case runs in a child, whose exit and standard error are checked.
 */
#include "trace.h"

#include "child.h"

#include <signal.h>
#include <unistd.h>

static aw_task *owner;

static aw_status writes_later(void *counter) {
	IGNORED(aw_await(aw_task_future(owner), NULL));
	++*(volatile int *)counter;
	return 0;
}

/*
 * The natural translation of `cache = Cache(); create_task(use(cache))`: the cache is a local variable, and
 * the other task outlives it.
 */
static aw_status has_the_cache(void *ud) {
	(void)ud;
	int cache = 0;
	aw_status status = aw_task_set_name(aw_task_current(), "first");
	if (status >= 0) status = aw_task_spawn(NULL, writes_later, &cache, NULL, NULL);
	return status < 0 ? status : aw_sleep(0);
}

static void use_after_the_end(uint32_t flags) {
	aw_loop *loop = NULL;
	if (aw_loop_new_with("virtual", flags, 0, &loop) < 0) _exit(1);
	if (aw_task_spawn(loop, has_the_cache, NULL, NULL, &owner) < 0) _exit(2);
	for (int i = 0; i < 8; i++)
		if (aw_loop_run_once(loop, 0) < 0) _exit(3);
}

static void in_debug_mode(void) {
	use_after_the_end(AW_LOOP_DEBUG);
}

static void the_culprit_dies_with_the_name_of_the_task(void) {
	ending e = run_child(in_debug_mode);
#ifdef __SANITIZE_ADDRESS__
	EXPECT(e.code != SURVIVED);
#else
	EXPECT_INT(e.code, -SIGSEGV);
	EXPECT(strstr(e.text, "libawait: access to the stack of a finished task: task \"first\"") != NULL);
	if (!strstr(e.text, "finished task")) printf("\n    it said: %s\n", e.text);
#endif
}

static aw_status adds(void *total) {
	volatile char frame[3000];
	for (int i = 0; i < 3000; i++) frame[i] = (char)i;
	aw_status status = aw_sleep(0);
	for (int i = 0; i < 3000; i++) *(int *)total += frame[i] == (char)i;
	return status;
}

/* Many more tasks than the first slab has stacks, in bursts, so that protected stacks are reused. */
static void closed_stacks_are_taken_again(void) {
	aw_loop *loop = NULL;
	int total = 0;
	EXPECT_INT(aw_loop_new_with("virtual", AW_LOOP_DEBUG, 0, &loop), 0);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 50; i++) EXPECT_INT(aw_task_spawn(loop, adds, &total, NULL, NULL), 0);
		loop_settle(loop);
	}
	/* Also if debug mode is turned off in between, and the size changes. */
	EXPECT_INT(aw_loop_set_debug(loop, 0), 0);
	for (int i = 0; i < 200; i++) EXPECT_INT(aw_task_spawn(loop, adds, &total, NULL, NULL), 0);
	loop_settle(loop);
	EXPECT_INT(aw_loop_set_debug(loop, 1), 0);
	EXPECT_INT(aw_loop_set_stack_size(loop, 64 * 1024), 0);
	for (int i = 0; i < 200; i++) EXPECT_INT(aw_task_spawn(loop, adds, &total, NULL, NULL), 0);
	loop_settle(loop);
	EXPECT_INT(total, 1400 * 3000);
	loop_end(loop);
}

CHECK_MAIN("finished_stack", TEST(the_culprit_dies_with_the_name_of_the_task),
           TEST(closed_stacks_are_taken_again))
