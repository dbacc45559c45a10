/* SPDX-License-Identifier: MIT */
/*
 * One case and its supervisor. The case runs in a separate process. The supervisor is a subreaper, so that it
 * detects orphaned grandchildren, and kills all of them at the time limit. It is plain POSIX, so that it does
 * not depend on the library under test.
 */
#include "child.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

/* Seconds of delay that must not change the outcome of a case. */
#define DELAY_MAX 0.03

static int complaints;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...) {
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	complaints++;
}

/* --- the case, and leak checks --- */

enum { FDS_MAX = 1024 };

static bool fd_is_open(int fd) {
	char path[64], target[8];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof target) >= 0;
}

static void fds_remember(bool *open) {
	for (int fd = 0; fd < FDS_MAX; fd++) open[fd] = fd_is_open(fd);
}

static void fds_compare(const bool *before) {
	for (int fd = 0; fd < FDS_MAX; fd++) {
		if (before[fd] || !fd_is_open(fd)) continue;
		char path[64], target[256];
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t length = readlink(path, target, sizeof target - 1);
		target[length < 0 ? 0 : length] = 0;
		complain("descriptor %d is left open: %s", fd, target);
	}
}

/* One-time allocations of a backend's library are not leaks of the case. */
static void warm_up(void) {
	aw_loop *loop = NULL;
	must(aw_loop_new(NULL, &loop));
	must(aw_loop_close(loop));
	aw_loop_unref(loop);
}

static int inside(const conf_case *self) {
	static bool before[FDS_MAX];
	setvbuf(stdout, NULL, _IOLBF, 0);
	warm_up();
	fds_remember(before);
	aw_status status = self->run();
	fflush(stdout);
	if (status < 0) complain("the case ended with %s: %s", aw_err_name(status), aw_strerror(status));
	if (aw_debug_live_handles() != 0) complain("%lld handles are left", (long long)aw_debug_live_handles());
	fds_compare(before);
	if (waitpid(-1, NULL, WNOHANG) >= 0) complain("a child was not waited for");
	return complaints ? CHILD_BAD : CHILD_GOOD;
}

/* --- the supervisor --- */

static double seconds_now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The signals the supervisor waits for: SIGCHLD, and requests to terminate. */
static void watched_signals(sigset_t *set) {
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

/* Waits for one of these signals, or until `until`. False if the supervisor must terminate. */
static bool rest(double until) {
	sigset_t set;
	watched_signals(&set);
	double left = until - seconds_now();
	if (left <= 0) return false;
	struct timespec t = {.tv_sec = (time_t)left, .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
	int signal = sigtimedwait(&set, NULL, &t);
	return signal == SIGCHLD || (signal < 0 && errno == EINTR);
}

/*
 * Reaps exited children. Returns whether any children remain. If `pid` was reaped, stores its status in
 * `status` and sets it to 0.
 */
static bool reap(pid_t *pid, int *status) {
	for (;;) {
		int ended;
		pid_t one = waitpid(-1, &ended, WNOHANG);
		if (one < 0 && errno == EINTR) continue;
		if (one <= 0) return one == 0;
		if (one != *pid) continue;
		*status = ended;
		*pid = 0;
	}
}

/* Seconds that a process has spent runnable but not running. Works for a zombie, too. */
static double delay_of(pid_t pid) {
	char path[64];
	double ran = 0, waited = 0;
	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file) return 0;
	bool good = fscanf(file, "%lf %lf", &ran, &waited) == 2;
	fclose(file);
	return good ? waited * 1e-9 : 0;
}

/* Kills each child of this process, and reports it. */
static void kill_children(bool aloud) {
	DIR *proc = opendir("/proc");
	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		char path[300], text[256];
		int pid = atoi(entry->d_name), parent = 0;
		if (pid <= 0) continue;
		snprintf(path, sizeof path, "/proc/%d/stat", pid);
		FILE *file = fopen(path, "re");
		if (!file) continue;
		size_t length = fread(text, 1, sizeof text - 1, file);
		fclose(file);
		text[length] = 0;
		char *name_end = strrchr(text, ')');
		if (!name_end || sscanf(name_end, ") %*c %d", &parent) != 1 || parent != getpid()) continue;
		name_end[1] = 0;
		if (aloud) complain("a process is left behind: %s", text);
		kill(pid, SIGKILL);
	}
	if (proc) closedir(proc);
}

/* Allow a second for processes just killed to exit; then kill all that remain. */
static void sweep(void) {
	double until = seconds_now() + 1;
	pid_t none = 0;
	while (reap(&none, NULL) && rest(until)) {
	}
	for (int round = 0; reap(&none, NULL) && round < 100; round++) {
		kill_children(round == 0);
		rest(seconds_now() + 0.1);
	}
}

int child_run(const conf_case *self, double limit) {
	sigset_t set, before;
	watched_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	double until = seconds_now() + limit;
	pid_t watcher = getpid(), pid = fork();
	if (pid < 0) return complain("fork: %s", strerror(errno)), CHILD_BAD;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != watcher) _exit(CHILD_BAD);
		sigprocmask(SIG_SETMASK, &before, NULL);
		signal(SIGINT, SIG_DFL); /* a shell starts what runs in the background with the signal ignored */
		exit(inside(self));
	}
	int status = 0;
	double delay = 0;
	while (reap(&pid, &status) && pid && rest(until)) delay = delay_of(pid);
	if (pid) {
		complain("timed out after %.1f seconds", limit);
		kill(pid, SIGKILL);
		while (pid && reap(&pid, &status)) rest(seconds_now() + 0.1);
	} else if (WIFSIGNALED(status)) {
		complain("ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	}
	sweep();
	return (complaints || status ? CHILD_BAD : CHILD_GOOD) | (delay > DELAY_MAX ? CHILD_STARVED : 0);
}
