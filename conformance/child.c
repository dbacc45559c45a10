/* SPDX-License-Identifier: MIT */
/*
 * One case and its watcher. The case runs in its own process. Its parent adopts whatever that process
 * orphans, so that a grandchild left behind is detected, and kills all of them when the time is up. It is
 * plain POSIX, so that the watcher does not depend on what it watches.
 */
#include "child.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

/* A case is written so that this long a delay, in seconds, changes nothing. */
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

/* --- inside: the case, and what it may not leave --- */

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

/* What the library underneath a backend allocates once per process is not a leak of the case. */
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

/* --- outside: the watcher --- */

static double seconds_now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The signals the watcher waits for: a child's end, and a request to end. */
static void watched_signals(sigset_t *set) {
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

/* Until a watched signal arrives or the clock reaches `until`. False if all is to end. */
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
 * Reaps what has ended. Returns how many children there still are: none, or some. `status` gets that of
 * `pid`, which becomes 0.
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

/*
 * How long a process has waited for a core so far, in seconds; also of one that has ended and is not reaped.
 */
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

/* Kills each child of this process, and says what it was. */
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

/* A second's grace for what was killed a moment ago; then everything goes. */
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
		exit(inside(self));
	}
	int status = 0;
	double delay = 0;
	while (reap(&pid, &status) && pid && rest(until)) delay = delay_of(pid);
	if (pid) {
		complain("not over after %.1f seconds", limit);
		kill(pid, SIGKILL);
		while (pid && reap(&pid, &status)) rest(seconds_now() + 0.1);
	} else if (WIFSIGNALED(status)) {
		complain("ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	}
	sweep();
	return (complaints || status ? CHILD_BAD : CHILD_GOOD) | (delay > DELAY_MAX ? CHILD_STARVED : 0);
}
