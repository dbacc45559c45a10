/* SPDX-License-Identifier: MIT */
/* A blocking call on a separate thread, and a thread of the program that reports to the loop. */
#include <await/await.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

typedef struct request {
	int fd;
	char text[16];
} request;

/* Runs on a thread of the executor: it may block, and must not touch the loop. */
static aw_status read_blocking(void *ud, void **out, aw_destroy_fn *out_destroy) {
	request *self = ud;
	ssize_t n = read(self->fd, self->text, sizeof self->text - 1);
	if (n < 0) return aw_work_raise(-errno, "the pipe can't be read");
	self->text[n] = 0;
	*out = self->text;
	*out_destroy = NULL; /* the text is part of the request, which the caller owns */
	return 0;
}

static aw_status read_in_thread(void *ud) {
	void *text = NULL;
	/* suspends this task, not the loop */
	aw_status status = aw_to_thread(read_blocking, ud, NULL, &text, NULL);
	if (status < 0)
		printf("thread: %s\n", aw_error_message(aw_caught()));
	else
		printf("thread: %s\n", (char *)text);
	return status;
}

static aw_status while_it_blocks(int pipes[2]) {
	request wanted = {.fd = pipes[0]};
	aw_task *reader = NULL;
	aw_status status = aw_task_spawn(NULL, read_in_thread, &wanted, NULL, &reader);
	for (int i = 1; i <= 3 && status >= 0; i++) {
		status = aw_sleep(10 * AW_MILLISECOND);
		printf("the loop continues: %d\n", i);
	}
	if (write(pipes[1], "unblocked", 9) != 9) status = -errno;
	close(pipes[1]);
	aw_status ended = reader ? aw_await(aw_task_future(reader), NULL) : 0;
	aw_task_unref(reader);
	return status < 0 ? status : ended;
}

/* ---- a thread of the program ---- */

typedef struct sensor {
	aw_loop *loop;
	aw_event *ready;
} sensor;

/* In the loop's thread. */
static aw_status on_reading(aw_loop *loop, void *ud) {
	(void)loop;
	printf("the sensor reports\n");
	return aw_event_set(ud);
}

/* Not in the loop's thread: only a threadsafe call may be made here. */
static void *sense(void *arg) {
	sensor *self = arg;
	aw_loop_call_soon_threadsafe(self->loop, on_reading, self->ready, NULL);
	return NULL;
}

static aw_status run_all(void *ud) {
	int *pipes = ud;
	aw_status status = while_it_blocks(pipes);
	sensor self = {.loop = aw_loop_current()};
	pthread_t thread;
	if (status >= 0) status = aw_event_new(self.loop, &self.ready);
	if (status < 0) return status;
	status = -pthread_create(&thread, NULL, sense, &self);
	if (status == 0) {
		status = aw_event_wait(self.ready);
		pthread_join(thread, NULL);
	}
	aw_event_unref(self.ready);
	return status;
}

int main(void) {
	int pipes[2];
	if (pipe(pipes)) return 1;
	aw_status status = aw_run(NULL, run_all, pipes, NULL, NULL);
	close(pipes[0]);
	if (status < 0) fprintf(stderr, "%s: %s\n", aw_err_name(status), aw_strerror(status));
	return status < 0;
}
