/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/*
 * Child processes when the kernel lacks a system call, or a seccomp filter refuses it: old filters return
 * EPERM, newer ones ENOSYS. Whatever is refused, a child can be started, read from, signalled and reaped, and
 * none is left alive.
 */
#include <await/await.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "forbid.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { LIMIT = 20, PIDFD_TYPE = 3 /* P_PIDFD */, PIDFD_FLAG = 0x1000 /* CLONE_PIDFD */ };

static aw_process *start(aw_loop *loop, const char *command) {
	aw_process_options *options = NULL;
	aw_process *process = NULL;
	aw_status status = aw_process_options_new(&options);
	if (status == 0) status = aw_process_options_set_stdio(options, 1, AW_STDIO_PIPE, -1);
	if (status == 0) status = aw_subprocess_shell(loop, command, options, &process);
	aw_process_options_unref(options);
	if (status < 0) wrong("%s: %s; ", command, aw_err_name(status));
	return process;
}

/* Runs the loop until the child has ended, and compares. */
static void expect_end(aw_loop *loop, aw_future *end, int code, const char *what) {
	void *value = NULL;
	aw_status status = aw_loop_run_until_complete(loop, end, &value);
	if (status < 0 || (intptr_t)value != code)
		wrong("%s: %s, %d; ", what, aw_err_name(status), (int)(intptr_t)value);
	aw_future_unref(end);
}

static aw_future *end_of(aw_process *process) {
	aw_future *end = NULL;
	aw_status status = aw_process_wait(process, &end);
	if (status < 0) wrong("wait: %s; ", aw_err_name(status));
	return end;
}

static void expect_ok(aw_status status, const char *what) {
	if (status != 0) wrong("%s: %s; ", what, aw_err_name(status));
}

static void expect_no_child(const char *what) {
	if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) wrong("%s: a child is left; ", what);
}

static void live_and_die(void *ud) {
	const forbidden *what = ud;
	if (what && forbid(*what)) wrong("no filter: %s; ", strerror(errno));
	aw_loop *loop = NULL;
	expect_ok(aw_loop_new(NULL, &loop), "aw_loop_new");
	if (!loop) return;

	aw_process *process = start(loop, "echo heard; exit 7");
	aw_future *end = NULL;
	const void *data = NULL;
	size_t length = 0;
	expect_ok(aw_process_communicate(process, NULL, 0, &end), "communicate");
	expect_end(loop, end, 7, "an exit");
	expect_ok(aw_process_output(process, 1, &data, &length), "output");
	if (length != 6 || memcmp(data, "heard\n", 6) != 0) wrong("the output is lost; ");
	if (aw_process_kill(process) != -ESRCH) wrong("a dead one is killed; ");
	aw_process_unref(process);

	static const struct {
		int signal, end;
	} ways[] = {{SIGKILL, -SIGKILL}, {SIGTERM, -SIGTERM}, {SIGINT, -SIGINT}};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		process = start(loop, "exec sleep 500");
		end = end_of(process);
		expect_ok(aw_process_send_signal(process, 0), "signal 0");
		expect_ok(ways[i].signal == SIGKILL   ? aw_process_kill(process)
		          : ways[i].signal == SIGTERM ? aw_process_terminate(process)
		                                      : aw_process_send_signal(process, ways[i].signal),
		          "signal");
		expect_end(loop, end, ways[i].end, "a signal");
		aw_process_unref(process);
	}

	process = start(loop, "exec sleep 500");
	end = end_of(process);
	aw_process_unref(process);
	expect_end(loop, end, -SIGKILL, "the last reference");

	process = start(loop, "exec sleep 500");
	end = end_of(process);
	expect_ok(aw_process_close(process), "close");
	expect_end(loop, end, -SIGKILL, "close");
	aw_process_unref(process);
	expect_no_child("before the loop closes");

	process = start(loop, "exec sleep 500");
	expect_ok(aw_loop_close(loop), "aw_loop_close");
	expect_no_child("the loop closed");
	aw_process_unref(process);
	aw_loop_unref(loop);
}

static void each_error(forbidden what) {
	static const int errors[] = {ENOSYS, EPERM};
	for (size_t i = 0; i < 2; i++) {
		what.error = errors[i];
		forbid_in_child(live_and_die, &what, LIMIT);
	}
}

static void nothing_is_refused(void) {
	forbid_in_child(live_and_die, NULL, LIMIT);
}

static void pidfd_send_signal(void) {
	each_error((forbidden){.number = SYS_pidfd_send_signal});
}

static void pidfd_open(void) {
	each_error((forbidden){.number = SYS_pidfd_open});
}

static void clone_with_a_pidfd(void) {
	each_error((forbidden){.number = SYS_clone, .argument = 0, .mask = PIDFD_FLAG, .value = PIDFD_FLAG});
}

static void waitid_of_a_pidfd(void) {
	each_error((forbidden){.number = SYS_waitid, .argument = 0, .mask = UINT32_MAX, .value = PIDFD_TYPE});
}

static void waitid_as_a_whole(void) {
	each_error((forbidden){.number = SYS_waitid});
}

static void close_range_of_the_child(void) {
	each_error((forbidden){.number = SYS_close_range});
}

static void waiting_to_the_nanosecond(void) {
	each_error((forbidden){.number = SYS_epoll_pwait2});
}

static void reading_without_blocking(void) {
	each_error((forbidden){.number = SYS_preadv2});
	each_error((forbidden){.number = SYS_pwritev2});
}

/* A child that has changed its user can really not be killed. */
static void refuse_for_real(void *ud) {
	const forbidden *what = ud;
	if (what && forbid(*what)) wrong("no filter: %s; ", strerror(errno));
	aw_loop *loop = NULL;
	expect_ok(aw_loop_new(NULL, &loop), "aw_loop_new");
	aw_process *process = loop ? start(loop, "exec sleep 500") : NULL;
	if (!process) return;
	enum { NOBODY = 65534 };
	aw_future *end = end_of(process);
	expect_ok(setresuid(NOBODY, NOBODY, 0), "setresuid");
	aw_status status = aw_process_kill(process);
	if (status != -EPERM) wrong("kill gives %s; ", aw_err_name(status));
	expect_ok(setresuid(0, 0, 0), "setresuid");
	expect_ok(aw_process_kill(process), "kill");
	expect_end(loop, end, -SIGKILL, "a kill");
	aw_process_unref(process);
	aw_loop_unref(loop);
}

static void a_real_eperm_is_reported(void) {
	if (geteuid() != 0) SKIP("changing the user needs root");
	forbidden what = {.number = SYS_pidfd_send_signal, .error = EPERM};
	forbid_in_child(refuse_for_real, NULL, LIMIT);
	forbid_in_child(refuse_for_real, &what, LIMIT);
}

CHECK_MAIN("process_forbidden", TEST(nothing_is_refused), TEST(pidfd_send_signal), TEST(pidfd_open),
           TEST(clone_with_a_pidfd), TEST(waitid_of_a_pidfd), TEST(waitid_as_a_whole),
           TEST(close_range_of_the_child), TEST(waiting_to_the_nanosecond), TEST(reading_without_blocking),
           TEST(a_real_eperm_is_reported))
