/* SPDX-License-Identifier: MIT */
/*
 * Where the kernel forbids io_uring, choosing it fails with the kernel's errno and says why, and
 * "uring,epoll" falls back to the second. A seccomp filter makes the kernel forbid it, in a separate child
 * for each case.
 */
#include <await/error.h>
#include <await/loop.h>
#include <await/registry.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* From now on the call fails with that error. */
static int forbid(long number, int error) {
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* What the child found wrong, through a pipe; nothing if all is well. */
static int report_to;

__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vdprintf(report_to, format, arguments);
	va_end(arguments);
}

static void look(int error, const char *reason) {
	char text[512];
	aw_loop *loop = NULL;
	aw_status status = aw_backend_explain("uring", text, sizeof text);
	if (status != -error) wrong("explain gives %d; ", (int)status);
	if (strncmp(text, "uring: ", 7) != 0 || !strstr(text, reason)) wrong("the reason is \"%s\"; ", text);
	status = aw_loop_new("uring", &loop);
	if (status != -error || loop) wrong("aw_loop_new gives %d; ", (int)status);

	status = aw_backend_explain("uring,epoll", text, sizeof text);
	if (status != 0 || strncmp(text, "epoll: ", 7) != 0)
		wrong("the preference gives %d: \"%s\"; ", (int)status, text);
	status = aw_loop_new("uring,epoll", &loop);
	if (status != 0 || strcmp(aw_loop_backend(loop), "epoll") != 0)
		wrong("aw_loop_new of the preference gives %d; ", (int)status);
	aw_loop_unref(loop);

	aw_backend_list *list;
	if (aw_backend_list_new(&list) != 0) {
		wrong("no list; ");
		return;
	}
	for (size_t i = 0; i < aw_backend_list_count(list); i++)
		if (strcmp(aw_backend_list_name(list, i), "uring") == 0 &&
		    (aw_backend_list_status(list, i) != -error || !strstr(aw_backend_list_reason(list, i), reason)))
			wrong("the list says %d: \"%s\"; ", (int)aw_backend_list_status(list, i),
			      aw_backend_list_reason(list, i));
	aw_backend_list_unref(list);
}

/*
 * One that the probe passed, and the kernel forbids from then on: opening must say so, and leave no
 * descriptor.
 */
static void look_late(int error, const char *reason) {
	(void)reason;
	int before = dup(0);
	close(before);
	aw_loop *loop = NULL;
	aw_status status = aw_loop_new("uring", &loop);
	if (status != -error || loop) wrong("aw_loop_new gives %d; ", (int)status);
	int after = dup(0);
	if (after != before) wrong("a descriptor is left open; ");
}

static void in_child(long number, int error, void (*run)(int error, const char *reason), const char *reason) {
	char text[512];
	if (aw_backend_explain("uring", text, sizeof text) != 0) SKIP(text);
	int ends[2];
	REQUIRE(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		report_to = ends[1];
		if (forbid(number, error)) wrong("no filter: %s", strerror(errno));
		run(error, reason);
		_exit(0);
	}
	close(ends[1]);
	size_t length = 0;
	for (ssize_t n; (n = read(ends[0], text + length, sizeof text - 1 - length)) > 0;) length += (size_t)n;
	text[length] = 0;
	close(ends[0]);
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
	EXPECT_STR(text, "");
}

static void eperm_at_set_up_says_that_it_is_forbidden(void) {
	in_child(SYS_io_uring_setup, EPERM, look, "forbidden");
}

static void enosys_at_set_up_says_that_there_is_none(void) {
	in_child(SYS_io_uring_setup, ENOSYS, look, "has no io_uring");
}

static void enomem_at_set_up_names_the_limit(void) {
	in_child(SYS_io_uring_setup, ENOMEM, look, "RLIMIT_MEMLOCK");
}

static void eperm_at_first_use_says_that_it_is_forbidden(void) {
	in_child(SYS_io_uring_enter, EPERM, look, "forbidden");
}

static void a_failed_open_leaves_no_descriptor(void) {
	in_child(SYS_io_uring_setup, EPERM, look_late, NULL);
	in_child(SYS_io_uring_enter, EPERM, look_late, NULL);
	in_child(SYS_eventfd2, EMFILE, look_late, NULL);
}

CHECK_MAIN("uring_forbidden", TEST(eperm_at_set_up_says_that_it_is_forbidden),
           TEST(enosys_at_set_up_says_that_there_is_none), TEST(enomem_at_set_up_names_the_limit),
           TEST(eperm_at_first_use_says_that_it_is_forbidden), TEST(a_failed_open_leaves_no_descriptor))
