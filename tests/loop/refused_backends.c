/* SPDX-License-Identifier: MIT */
/*
 * A backend whose library aborts when its first calls fail: neither a query of its usability nor the choice
 * of the next backend kills the process.
 */
#include <await/loop.h>
#include <await/registry.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "forbid.h"

static void look(void) {
	aw_backend_list *list = NULL;
	if (aw_backend_list_new(&list) == 0) {
		for (size_t i = 0; i < aw_backend_list_count(list); i++) (void)aw_backend_list_status(list, i);
		aw_backend_list_unref(list);
	}
}

static aw_status open_one(const char *names) {
	aw_loop *loop = NULL;
	aw_status status = aw_loop_new(names, &loop);
	if (status < 0) return status;
	/* Does not wait: it is only driven once. */
	if (aw_loop_run_once(loop, 0) < 0) wrong("%s does not run; ", names);
	aw_loop_close(loop);
	aw_loop_unref(loop);
	return 0;
}

static int open_files(int end) {
	int count = 0;
	for (int fd = 0; fd < end; fd++) count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static const char *const choices[] = {"uv", "ev", "uring", "epoll", "uv,epoll", "ev,epoll", "uring,epoll"};
enum { CHOICES = sizeof choices / sizeof *choices };

static void with_few(void *ud) {
	int room = *(int *)ud, next = fcntl(0, F_DUPFD_CLOEXEC, 0);
	/* Loaded before, so that the limit affects the library and not its loading. */
	look();
	close(next);
	struct rlimit few = {(rlim_t)(next + room), (rlim_t)(next + room)};
	if (setrlimit(RLIMIT_NOFILE, &few)) wrong("setrlimit; ");
	int before = open_files(next + room);
	look();
	for (int i = 0; i < CHOICES; i++) (void)open_one(choices[i]);
	/* libuv keeps one pipe for the whole process; nothing else is left. */
	int left = open_files(next + room) - before;
	if (left != 0 && left != 2) wrong("%d descriptors are lost; ", left);
	(void)open_one("uv");
	if (open_files(next + room) - before != left) wrong("one more is lost; ");
}

static void few_descriptors_end_no_program(void) {
	for (int room = 0; room <= 14; room++) forbid_in_child(with_few, &room, 50);
}

static void without(void *ud) {
	if (forbid(*(forbidden *)ud)) wrong("the filter; ");
	look();
	for (int i = 0; i < CHOICES; i++) {
		aw_status status = open_one(choices[i]);
		if (status < 0 && strstr(choices[i], ",epoll") && ((forbidden *)ud)->number == SYS_pipe2)
			wrong("%s: %d; ", choices[i], status);
	}
}

static void a_refused_call_ends_no_program(void) {
	forbidden calls[] = {
		{.number = SYS_pipe2, .error = EMFILE},     {.number = SYS_pipe2, .error = EPERM},
		{.number = SYS_eventfd2, .error = EMFILE},  {.number = SYS_epoll_create1, .error = ENFILE},
		{.number = SYS_epoll_ctl, .error = ENOSPC},
	};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) forbid_in_child(without, &calls[i], 50);
}

CHECK_MAIN("refused_backends", TEST(few_descriptors_end_no_program), TEST(a_refused_call_ends_no_program))
