/* SPDX-License-Identifier: MIT */
/*
 * A pipe that is watched in both ways, by a future and by a callback, and a signal as an ordinary callback.
 */
#define _GNU_SOURCE /* pipe2 */
#include <await/await.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

typedef struct listener {
	int fd;
	aw_future *end;
} listener;

/* Called in each iteration in which the pipe is readable. Reads until nothing is left. */
static aw_status on_readable(aw_loop *loop, void *ud) {
	listener *self = ud;
	char buffer[64];
	ssize_t n;
	while ((n = read(self->fd, buffer, sizeof buffer)) > 0) printf("read: %.*s\n", (int)n, buffer);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
	aw_loop_remove_reader(loop, self->fd);
	return aw_future_set_result(self->end, NULL, NULL);
}

/* Runs in the loop, not in signal context: any call is allowed here. */
static aw_status on_signal(aw_loop *loop, void *ud) {
	int fd = *(int *)ud;
	printf("SIGUSR1\n");
	aw_loop_remove_signal_handler(loop, SIGUSR1);
	return close(fd) ? -errno : 0; /* the reader sees the end of the file */
}

static aw_status run_all(void *ud) {
	(void)ud;
	aw_loop *loop = aw_loop_current();
	int pipes[2];
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK)) return -errno;

	/* Once: a future, whose value says which events hold. */
	aw_future *writable = NULL;
	void *events = NULL;
	aw_status status = aw_fd_wait(loop, pipes[1], AW_POLL_OUT, &writable);
	if (status >= 0) status = aw_await(writable, &events);
	if (status >= 0) printf("writable: %s\n", (intptr_t)events & AW_POLL_OUT ? "yes" : "no");
	aw_future_unref(writable);

	/* Repeatedly: a callback. */
	listener self = {.fd = pipes[0]};
	if (status >= 0) status = aw_future_new(loop, &self.end);
	if (status >= 0) status = aw_loop_add_reader(loop, pipes[0], on_readable, &self, NULL);
	if (status >= 0) status = aw_loop_add_signal_handler(loop, SIGUSR1, on_signal, &pipes[1], NULL);
	if (status >= 0 && write(pipes[1], "hello", 5) != 5) status = -errno;
	if (status >= 0) status = aw_sleep(10 * AW_MILLISECOND);
	if (status >= 0 && kill(getpid(), SIGUSR1)) status = -errno;
	if (status >= 0) status = aw_await(self.end, NULL);
	if (status >= 0) printf("end of file\n");

	aw_future_unref(self.end);
	if (status < 0) { /* the callbacks point into this stack */
		aw_loop_remove_reader(loop, pipes[0]);
		aw_loop_remove_signal_handler(loop, SIGUSR1);
	}
	close(pipes[0]);
	return status;
}

int main(void) {
	aw_status status = aw_run(NULL, run_all, NULL, NULL, NULL);
	if (status < 0) fprintf(stderr, "%s: %s\n", aw_err_name(status), aw_strerror(status));
	return status < 0;
}
