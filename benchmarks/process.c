/* SPDX-License-Identifier: MIT */
/*
 * /bin/true spawned and awaited, from a parent of 1 MiB and one of 1 GiB in pages of 4 KiB: libawait on every
 * backend, compared with posix_spawn and waitpid, with a pidfd and without, libuv, and fork, whose cost grows
 * with the parent.
 */
#include "bench.h"

#include <await/await.h>
#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef BENCH_UV
#include <uv.h>
#endif

enum { CHILDREN = 200, SLOW_CHILDREN = 20, PAGE = 4096 };

static const char *const command[] = {"/bin/true"};
static char *arguments[] = {"/bin/true", NULL};
extern char **environ;

static void expect_success(const char *what, int code) {
	bench_check(what, code == 0 ? 0 : -5);
}

/* --- libawait --- */

typedef struct job {
	aw_loop *loop;
	size_t count;
} job;

static aw_status run_children(void *ud) {
	const job *self = ud;
	aw_status status = 0;
	for (size_t i = 0; i < self->count && status >= 0; i++) {
		aw_process *process;
		aw_future *ended;
		void *code = NULL;
		status = aw_subprocess_exec(NULL, command, 1, NULL, &process);
		if (status < 0) return status;
		status = aw_process_wait(process, &ended);
		if (status >= 0) status = aw_await(ended, &code);
		expect_success("libawait", (int)(intptr_t)code);
		if (status >= 0) aw_future_unref(ended);
		aw_process_unref(process);
	}
	return status;
}

static void ours(void *ud, size_t count) {
	job self = {ud, count};
	aw_task *task;
	bench_check("aw_task_spawn", aw_task_spawn(self.loop, run_children, &self, NULL, &task));
	bench_check("run", aw_loop_run_until_complete(self.loop, aw_task_future(task), NULL));
	aw_task_unref(task);
}

/* --- the C library --- */

static void reap(const char *what, pid_t pid) {
	int status = 0;
	while (waitpid(pid, &status, 0) < 0) bench_check(what, errno == EINTR ? 0 : -errno);
	expect_success(what, status);
}

static void spawn_raw(void *ud, size_t count) {
	(void)ud;
	for (size_t i = 0; i < count; i++) {
		pid_t pid;
		bench_check("posix_spawn", -posix_spawn(&pid, arguments[0], NULL, NULL, arguments, environ));
		reap("posix_spawn", pid);
	}
}

/* As a loop has to wait, beside other events. */
static void spawn_pidfd(void *ud, size_t count) {
	(void)ud;
	for (size_t i = 0; i < count; i++) {
		pid_t pid;
		bench_check("posix_spawn", -posix_spawn(&pid, arguments[0], NULL, NULL, arguments, environ));
		int fd = (int)syscall(SYS_pidfd_open, pid, 0);
		bench_check("pidfd_open", fd < 0 ? -errno : 0);
		struct pollfd exit = {.fd = fd, .events = POLLIN};
		while (poll(&exit, 1, -1) < 0) bench_check("poll", errno == EINTR ? 0 : -errno);
		reap("pidfd", pid);
		(void)close(fd);
	}
}

static void fork_raw(void *ud, size_t count) {
	(void)ud;
	for (size_t i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			(void)execve(arguments[0], arguments, environ);
			_exit(127);
		}
		bench_check("fork", pid < 0 ? -errno : 0);
		reap("fork", pid);
	}
}

/* --- libuv --- */

#ifdef BENCH_UV
static uv_loop_t libuv_loop;

static void libuv_exited(uv_process_t *process, int64_t status, int signal) {
	expect_success("libuv", (int)status + signal);
	uv_close((uv_handle_t *)process, NULL);
}

static void spawn_uv(void *ud, size_t count) {
	(void)ud;
	uv_stdio_container_t stdio[3];
	for (int i = 0; i < 3; i++) stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = i};
	uv_process_options_t options = {
		.exit_cb = libuv_exited, .file = arguments[0], .args = arguments, .stdio = stdio, .stdio_count = 3};
	for (size_t i = 0; i < count; i++) {
		uv_process_t process;
		bench_check("uv_spawn", uv_spawn(&libuv_loop, &process, &options));
		(void)uv_run(&libuv_loop, UV_RUN_DEFAULT);
	}
}
#endif

/* --- --- */

/* Touched, so that every page has an entry, which a fork would copy. */
static void *grow(size_t bytes) {
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) return NULL;
	(void)madvise(memory, bytes, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < bytes; at += PAGE) ((volatile char *)memory)[at] = 1;
	return memory;
}

int main(int argc, char **argv) {
	bench_init(argc, argv, 9);
	bench_backend backends[BENCH_BACKENDS];
	size_t count = bench_backends_open(backends), n = 0;
	bench_variant variants[BENCH_BACKENDS + 4];
	for (size_t i = 0; i < count; i++)
		variants[n++] = (bench_variant){backends[i].variant, ours, backends[i].loop, CHILDREN};
	variants[n++] = (bench_variant){"posix_spawn and waitpid", spawn_raw, NULL, 0};
	variants[n++] = (bench_variant){"posix_spawn, pidfd and waitpid", spawn_pidfd, NULL, 0};
#ifdef BENCH_UV
	bench_check("uv_loop_init", uv_loop_init(&libuv_loop));
	variants[n++] = (bench_variant){"libuv: uv_spawn", spawn_uv, NULL, SLOW_CHILDREN};
#endif
	variants[n++] = (bench_variant){"fork, exec and waitpid", fork_raw, NULL, SLOW_CHILDREN};
	static const struct {
		const char *workload;
		size_t bytes;
	} parents[] = {
		{"/bin/true, from a parent of 1 MiB", (size_t)1 << 20},
		{"/bin/true, from a parent of 1 GiB", (size_t)1 << 30},
	};
	for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
		void *memory = grow(parents[i].bytes);
		if (!memory) {
			fprintf(stderr, "%s: left out: no memory\n", parents[i].workload);
			continue;
		}
		bench_run(parents[i].workload, variants, n);
		(void)munmap(memory, parents[i].bytes);
	}
	bench_backends_close(backends, count);
	return 0;
}
