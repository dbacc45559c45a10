/* SPDX-License-Identifier: MIT */
/* With hardly a descriptor left, looking for a backend or making a loop answers; it ends no program. Each count is tried in a child. */
#include <await/await.h>
#include <await/registry.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { MOST_LEFT = 16 };

/* Leaves `left` descriptors free. */
static void use_up(int left) {
	int lowest = dup(0);
	close(lowest);
	struct rlimit limit = {.rlim_cur = (rlim_t)(lowest + left), .rlim_max = (rlim_t)(lowest + left)};
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0) _exit(9);
}

static void list(void) {
	aw_backend_list *all;
	if (aw_backend_list_new(&all) == 0) aw_backend_list_unref(all);
}

static void make(void) {
	aw_loop *loop;
	if (aw_loop_new("uv,epoll", &loop) == 0) aw_loop_unref(loop);
	if (aw_loop_new(NULL, &loop) == 0) aw_loop_unref(loop);
}

static void ends_well(void (*what)(void)) {
	for (int left = 0; left < MOST_LEFT; left++) {
		pid_t child = fork();
		REQUIRE(child >= 0);
		if (child == 0) {
			use_up(left);
			what();
			_exit(0);
		}
		int status = -1;
		EXPECT_INT(waitpid(child, &status, 0), child);
		EXPECT_INT(status, 0);
	}
}

static void listing_backends_answers(void) {
	ends_well(list);
}

static void making_a_loop_answers(void) {
	ends_well(make);
}

CHECK_MAIN("few_descriptors", CASE(listing_backends_answers), CASE(making_a_loop_answers))
