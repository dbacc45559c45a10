/* SPDX-License-Identifier: MIT */
/* Labels: backends */
/*
 * Where no thread can be started, neither by the library nor by the kernel for it, a call on files fails and does
 * not wait for ever; later, when there can be, it works. A child has that limit, as a user whom it concerns.
 */
#include "check.h"

#include <await/await.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, CANNOT = 100 };

static bool set_limit(rlim_t limit) {
	struct rlimit limits;
	if (getrlimit(RLIMIT_NPROC, &limits) < 0) return false;
	limits.rlim_cur = limit == RLIM_INFINITY ? limits.rlim_max : limit;
	return setrlimit(RLIMIT_NPROC, &limits) == 0;
}

static aw_status stats(void *ud) {
	(void)ud;
	aw_file_info info = {.size = sizeof info};
	int wrong = 0;
	for (int i = 0; i < 2; i++) wrong |= aw_path_stat("/", 0, &info) != -EAGAIN;
	wrong |= aw_path_stat("/", 0, NULL) != -EINVAL ? 2 : 0;
	if (!set_limit(RLIM_INFINITY)) return CANNOT;
	if (aw_path_stat("/", 0, &info) != 0 || info.kind != AW_FILE_KIND_DIRECTORY) wrong |= 4;
	return aw_return_int(wrong);
}

static int run_limited(void) {
	void *wrong = NULL;
	alarm(20);
	if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return CANNOT;
	if (!set_limit(0)) return CANNOT;
	if (aw_run(NULL, stats, NULL, NULL, &wrong) < 0) return 50;
	return (int)(intptr_t)wrong;
}

static void a_call_fails_where_no_thread_can_be_started(void) {
	aw_loop *loop = NULL;
	REQUIRE(aw_loop_new(NULL, &loop) == 0); /* the child may not be allowed to read the plug-in */
	aw_loop_unref(loop);
	pid_t child = fork();
	if (child == 0) _exit(run_limited());
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	if (status == CANNOT << 8) SKIP("no limit of threads");
	EXPECT_INT(status, 0);
}

CHECK_MAIN("files_without_threads", TEST(a_call_fails_where_no_thread_can_be_started))
