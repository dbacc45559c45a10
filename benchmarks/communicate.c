/* SPDX-License-Identifier: MIT */
/*
 * 1 MiB through cat: a child is started, given all of it, read to its end, and awaited. libawait on every
 * backend, compared with posix_spawn and a loop of poll(2), and with libuv.
 */
#define _GNU_SOURCE /* pipe2 */
#include "bench.h"

#include <await/await.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef BENCH_UV
#include <uv.h>
#endif

enum { CHILDREN = 20, SIZE = 1 << 20, PIECE = 64 * 1024 };

static const char *const command[] = {"/bin/cat"};
static char *arguments[] = {"/bin/cat", NULL};
extern char **environ;
static char input[SIZE];

static void expect_all(const char *what, int code, const char *output, size_t length) {
	bench_check(what, code == 0 && length == SIZE && memcmp(input, output, SIZE) == 0 ? 0 : -EIO);
}

/* What is read, in memory that grows, as a program would do that does not know the length. */
typedef struct output {
	char *data;
	size_t length, capacity;
} output;

static void reserve(output *self) {
	if (self->capacity - self->length >= PIECE) return;
	self->capacity = self->capacity ? self->capacity * 2 : PIECE;
	self->data = realloc(self->data, self->capacity);
	bench_check("realloc", self->data ? 0 : -ENOMEM);
}

/* --- libawait --- */

typedef struct job {
	aw_loop *loop;
	size_t count;
} job;

static aw_status run_children(void *ud) {
	const job *self = ud;
	aw_process_options *options;
	aw_status status = aw_process_options_new(&options);
	/* Its errors go where the program's go, as with the others. */
	if (status >= 0)
		status = aw_process_options_set_streams(options, AW_STDIO_PIPE, AW_STDIO_PIPE, AW_STDIO_INHERIT);
	for (size_t i = 0; i < self->count && status >= 0; i++) {
		aw_process *process;
		const void *data = NULL;
		size_t length = 0;
		int32_t code = -1;
		status = aw_subprocess_run(command, 1, options, input, SIZE, &process);
		if (status < 0) break;
		status = aw_process_output(process, 1, &data, &length);
		if (status >= 0) status = aw_process_returncode(process, &code);
		expect_all("libawait", code, data, length);
		aw_process_unref(process);
	}
	aw_process_options_unref(options);
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

static pid_t spawn_cat(int *to, int *from) {
	int in[2], out[2];
	pid_t pid;
	posix_spawn_file_actions_t actions;
	bench_check("pipe2", pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ? -errno : 0);
	bench_check("actions", -posix_spawn_file_actions_init(&actions));
	bench_check("actions", -posix_spawn_file_actions_adddup2(&actions, in[0], 0));
	bench_check("actions", -posix_spawn_file_actions_adddup2(&actions, out[1], 1));
	bench_check("posix_spawn", -posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environ));
	posix_spawn_file_actions_destroy(&actions);
	(void)close(in[0]);
	(void)close(out[1]);
	*to = in[1];
	*from = out[0];
	(void)fcntl(*to, F_SETFL, O_NONBLOCK);
	(void)fcntl(*from, F_SETFL, O_NONBLOCK);
	return pid;
}

static void communicate_raw(void *ud, size_t count) {
	(void)ud;
	for (size_t i = 0; i < count; i++) {
		output out = {0};
		size_t given = 0;
		struct pollfd ends[2] = {{.events = POLLIN}, {.events = POLLOUT}};
		pid_t pid = spawn_cat(&ends[1].fd, &ends[0].fd);
		for (ssize_t length = 1; length;) {
			if (poll(ends, 2, -1) < 0) bench_check("poll", errno == EINTR ? 0 : -errno);
			if (ends[1].revents) {
				length = write(ends[1].fd, input + given, SIZE - given);
				bench_check("write", length < 0 && errno != EAGAIN ? -errno : 0);
				if (length > 0) given += (size_t)length;
				if (given == SIZE) {
					(void)close(ends[1].fd);
					ends[1].fd = -1;
				}
				length = 1;
			}
			if (ends[0].revents) {
				reserve(&out);
				length = read(ends[0].fd, out.data + out.length, out.capacity - out.length);
				bench_check("read", length < 0 && errno != EAGAIN ? -errno : 0);
				if (length > 0) out.length += (size_t)length;
			}
		}
		(void)close(ends[0].fd);
		int status = 0;
		while (waitpid(pid, &status, 0) < 0) bench_check("waitpid", errno == EINTR ? 0 : -errno);
		expect_all("posix_spawn", status, out.data, out.length);
		free(out.data);
	}
}

/* --- libuv --- */

#ifdef BENCH_UV
static uv_loop_t libuv_loop;

static void libuv_exited(uv_process_t *process, int64_t status, int signal) {
	bench_check("libuv", status || signal ? -EIO : 0);
	uv_close((uv_handle_t *)process, NULL);
}

static void libuv_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
	output *self = handle->data;
	(void)suggested;
	reserve(self);
	*out = uv_buf_init(self->data + self->length, (unsigned)(self->capacity - self->length));
}

static void libuv_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
	output *self = stream->data;
	(void)buffer;
	if (length < 0) {
		bench_check("libuv", length == UV_EOF ? 0 : length);
		uv_close((uv_handle_t *)stream, NULL);
		return;
	}
	self->length += (size_t)length;
}

static void libuv_written(uv_write_t *write, int status) {
	bench_check("uv_write", status);
	uv_close((uv_handle_t *)write->handle, NULL);
}

static void communicate_uv(void *ud, size_t count) {
	(void)ud;
	for (size_t i = 0; i < count; i++) {
		output out = {0};
		uv_pipe_t to, from;
		uv_process_t process;
		uv_write_t write;
		uv_buf_t all = uv_buf_init(input, SIZE);
		bench_check("uv_pipe_init", uv_pipe_init(&libuv_loop, &to, 0));
		bench_check("uv_pipe_init", uv_pipe_init(&libuv_loop, &from, 0));
		from.data = &out;
		uv_stdio_container_t stdio[3] = {
			{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&to},
			{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&from},
			{.flags = UV_INHERIT_FD, .data.fd = 2}};
		uv_process_options_t options = {.exit_cb = libuv_exited,
		                                .file = arguments[0],
		                                .args = arguments,
		                                .stdio = stdio,
		                                .stdio_count = 3};
		bench_check("uv_spawn", uv_spawn(&libuv_loop, &process, &options));
		bench_check("uv_read_start", uv_read_start((uv_stream_t *)&from, libuv_alloc, libuv_read));
		bench_check("uv_write", uv_write(&write, (uv_stream_t *)&to, &all, 1, libuv_written));
		(void)uv_run(&libuv_loop, UV_RUN_DEFAULT);
		expect_all("libuv", 0, out.data, out.length);
		free(out.data);
	}
}
#endif

int main(int argc, char **argv) {
	bench_init(argc, argv, 9);
	for (size_t i = 0; i < SIZE; i++) input[i] = (char)(i * 31);
	bench_backend backends[BENCH_BACKENDS];
	size_t count = bench_backends_open(backends), n = 0;
	bench_variant variants[BENCH_BACKENDS + 2];
	for (size_t i = 0; i < count; i++)
		variants[n++] = (bench_variant){backends[i].variant, ours, backends[i].loop, CHILDREN};
	variants[n++] = (bench_variant){"posix_spawn, poll and waitpid", communicate_raw, NULL, 0};
#ifdef BENCH_UV
	bench_check("uv_loop_init", uv_loop_init(&libuv_loop));
	variants[n++] = (bench_variant){"libuv: uv_spawn", communicate_uv, NULL, 0};
#endif
	bench_run("1 MiB through cat", variants, n);
	bench_backends_close(backends, count);
	return 0;
}
