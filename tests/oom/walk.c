/* SPDX-License-Identifier: MIT */
/*
 * Fails each allocation of each scenario in turn, once alone and once with all later ones, each in a separate
 * process. There must be no crash, no hang, and no leak of handles, descriptors, children or memory; and the
 * program succeeds or gets an error.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail_alloc.h"
#include "scenarios.h"

#define SECONDS    20
#define MAX_PIECES 4096
#define MAX_SHOWN  6

/* The findings of a child, in shared memory. */
typedef struct outcome {
	long count, refused;
	aw_status status;
	int64_t handles;
	int fds;
	size_t pieces;
	fail_place first, leaked;
	bool has_children, finished;
} outcome;

static outcome *seen;
static const char *only;

static int count_fds(void) {
	int count = 0;
	DIR *folder = opendir("/proc/self/fd");
	if (!folder) return -1;
	while (readdir(folder)) count++;
	closedir(folder);
	return count;
}

/* One that runs or was not reaped. */
static bool has_children(void) {
	siginfo_t info;
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void note_leak(const fail_place *where, void *ud) {
	(void)ud;
	seen->leaked = *where;
}

/* In the child, which hangs: leaves the place, and dies of the signal. */
static void on_alarm(int number) {
	seen->first = *fail_first();
	signal(number, SIG_DFL);
	raise(number);
}

/* In the child. */
static void live_through(const scenario *what, const char *backend, long nth, bool sticky) {
	signal(SIGALRM, on_alarm);
	alarm(SECONDS);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDERR_FILENO);
		close(null);
	}
	int fds = count_fds();
	fail_arm(nth, sticky);
	seen->status = what->run(backend);
	fail_disarm();
	seen->count = fail_count();
	seen->refused = fail_refused();
	seen->first = *fail_first();
	seen->handles = aw_debug_live_handles();
	seen->fds = count_fds() - fds;
	seen->has_children = has_children();
	seen->pieces = fail_live(note_leak, NULL);
	seen->finished = true;
	_exit(0);
}

static void print_place(const char *title, const fail_place *where) {
	char command[2048];
	printf("    %s\n", title);
	fflush(stdout);
	for (int i = 2; i < where->count; i++) { /* the allocator's own frames come first */
		Dl_info info;
		if (!dladdr(where->frames[i], &info) || !info.dli_fname || !strstr(info.dli_fname, "libawait"))
			continue;
		unsigned long offset = (unsigned long)where->frames[i] - (unsigned long)info.dli_fbase - 1;
		snprintf(command, sizeof command, "addr2line -fps -e '%s' 0x%lx 2>/dev/null || echo '%s+0x%lx'",
		         info.dli_fname, offset, info.dli_fname, offset);
		printf("      ");
		fflush(stdout);
		if (system(command) != 0) printf("%s+0x%lx\n", info.dli_fname, offset);
	}
}

/* Returns the problem, or NULL. `clean` is the outcome of the run without a failure. */
static const char *verdict(int status, const outcome *clean) {
	if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGALRM ? "it hangs" : strsignal(WTERMSIG(status));
	if (!seen->finished) return "it exited";
	if (seen->handles) return "handles are left";
	if (seen->has_children) return "children are left";
	/* Not without a failure: libuv keeps a pipe for the process. */
	if (clean && seen->fds > clean->fds) return "descriptors are left";
	if (seen->status == WENT_WRONG) return "no call reported an error, but something did not happen";
	if (clean && seen->pieces > clean->pieces) return "memory is left";
	return NULL;
}

static int run_child(const scenario *what, const char *backend, long nth, bool sticky) {
	int status = 0;
	*seen = (outcome){.finished = false};
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) live_through(what, backend, nth, sticky);
	if (pid < 0) exit(2);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
	return status;
}

typedef struct tally {
	long points, told, absorbed, failed;
} tally;

static void walk(const scenario *what, const char *backend, bool sticky, tally *sum) {
	int status = run_child(what, backend, 0, false);
	const char *wrong = verdict(status, NULL);
	if (wrong || seen->status < 0) {
		printf("%s on %s, without a failure: %s\n", what->name, backend,
		       wrong ? wrong : aw_err_name(seen->status));
		sum->failed++;
		return;
	}
	outcome clean = *seen;
	int shown = 0;
	for (long nth = 1;; nth++) {
		status = run_child(what, backend, nth, sticky);
		if (seen->finished && !seen->refused) break;
		sum->points++;
		wrong = verdict(status, &clean);
		if (!wrong) {
			if (seen->status < 0)
				sum->told++;
			else
				sum->absorbed++;
			continue;
		}
		sum->failed++;
		if (shown++ >= MAX_SHOWN) continue;
		printf("%s on %s, request %ld%s: %s (status %s, handles %lld, descriptors %d, pieces %zu of %zu)\n",
		       what->name, backend, nth, sticky ? " and on" : "", wrong, aw_err_name(seen->status),
		       (long long)seen->handles, seen->fds, seen->pieces, clean.pieces);
		if (seen->first.count) print_place("refused:", &seen->first);
		if (seen->pieces > clean.pieces) print_place("left, among others:", &seen->leaked);
	}
}

int main(int argc, char **argv) {
	tally sum = {0};
	const char *backends[] = {"epoll", "uring", "uv", "ev", "virtual"};
	size_t count = sizeof backends / sizeof *backends;
	if (argc > 1) {
		backends[0] = argv[1];
		count = 1;
	}
	if (argc > 2) only = argv[2];
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED) return 2;
	fail_arm(0, false); /* triggers its one-time initialisation */
	fail_disarm();
	for (size_t b = 0; b < count; b++) {
		char why[256];
		if (aw_backend_explain(backends[b], why, sizeof why) < 0) {
			printf("skipped: %s: %s\n", backends[b], why);
			continue;
		}
		for (size_t i = 0; i < scenario_count; i++) {
			if (only && strcmp(only, scenarios[i].name) != 0) continue;
			walk(&scenarios[i], backends[b], false, &sum);
			walk(&scenarios[i], backends[b], true, &sum);
		}
		printf("%s: %ld points so far\n", backends[b], sum.points);
	}
	printf("%ld points: %ld ended in an error that was told, %ld were absorbed\n", sum.points, sum.told,
	       sum.absorbed);
	printf("%ld passed, %ld failed\n", sum.told + sum.absorbed, sum.failed);
	return sum.failed ? 1 : 0;
}
