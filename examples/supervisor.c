/* SPDX-License-Identifier: MIT */
/* A supervisor: restarts children, shows their output. usage: supervisor [-g SECONDS] NAME=COMMAND… */
#include <await/easy.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_PAUSE   (100 * AW_MILLISECOND) /* before a restart; doubles each time */
#define LONGEST_PAUSE (10 * AW_SECOND)
#define LONG_RUN      (10 * AW_SECOND) /* after which the pause is short again */

typedef struct service {
	const char *name, *command;
	int64_t pause;
	aw_process *process; /* the child that runs; borrowed */
	int output;          /* its pipe */
} service;

static int64_t grace = 5 * AW_SECOND; /* between SIGTERM and SIGKILL */

/* --- output, line by line --- */

static void print_line(const char *name, const char *line, size_t length) {
	printf("%s | %.*s\n", name, (int)length, line);
	if (fflush(stdout) == 0) return;
	perror("supervisor: a line is lost");
	clearerr(stdout);
}

/* Prints the complete lines, and moves the rest to the front. A line that fills the buffer is cut. */
static size_t print_lines(const char *name, char *text, size_t used, size_t size) {
	char *line = text, *end;
	while ((end = memchr(line, '\n', used - (size_t)(line - text)))) {
		print_line(name, line, (size_t)(end - line));
		line = end + 1;
	}
	size_t rest = used - (size_t)(line - text);
	memmove(text, line, rest);
	if (rest < size) return rest;
	print_line(name, text, rest);
	return 0;
}

/* Reads the pipe, which is non-blocking, to its end. */
static aw_status read_output(const service *self) {
	char text[4096];
	size_t used = 0;
	for (;;) {
		ssize_t count = read(self->output, text + used, sizeof text - used);
		if (count > 0) {
			used = print_lines(self->name, text, used + (size_t)count, sizeof text);
		} else if (count < 0 && errno == EAGAIN) {
			AW_AUTO(aw_future) readable = NULL;
			AW_TRY(aw_fd_wait(NULL, self->output, AW_POLL_IN, &readable));
			AW_TRY(aw_await(readable, NULL));
		} else if (count == 0) {
			break;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	if (used) print_line(self->name, text, used);
	return 0;
}

/* A child whose output is not read would wait for ever once the pipe is full: it is started again instead. */
static aw_status show_output(void *ud) {
	const service *self = ud;
	aw_status status = read_output(self);
	if (status >= 0 || status == AW_ECANCELLED) return status;
	fprintf(stderr, "supervisor: cannot read the output of %s: %s\n", self->name, aw_strerror(status));
	(void)aw_process_terminate(self->process);
	return status;
}

/* --- one child --- */

/* Asks the child's group to end, and ends it if that takes too long. */
static aw_status stop_child(aw_process *process) {
	AW_AUTO(aw_future) ended = NULL;
	AW_AUTO(aw_future) killed = NULL;
	(void)aw_process_terminate(process); /* it may have ended just now */
	AW_TRY(aw_process_wait(process, &ended));
	aw_status status = aw_wait_for(ended, grace, NULL);
	if (status != AW_ETIMEOUT) return status;
	(void)aw_process_kill(process);
	AW_TRY(aw_process_wait(process, &killed));
	return aw_await(killed, NULL);
}

static aw_status wait_for_end(aw_process *process, aw_future *output, int64_t *out_code) {
	AW_AUTO(aw_future) ended = NULL;
	AW_TRY(aw_process_wait(process, &ended));
	aw_status status = aw_await_int(ended, out_code);
	if (status == AW_ECANCELLED) AW_TRY(stop_child(process));
	/* A grandchild may have the pipe for longer. What went wrong with the output has been told. */
	aw_status shown = aw_wait_for(output, AW_SECOND, NULL);
	return status == 0 && shown == AW_ECANCELLED ? shown : status;
}

/* Runs the command once, to its end, and tells the child's exit status. */
static aw_status run_child(service *self, int64_t *out_code) {
	AW_AUTO(aw_process_options) options = NULL;
	AW_AUTO(aw_process) process = NULL;
	AW_AUTO(aw_task) output = NULL;
	AW_TRY(aw_process_options_new(&options));
	AW_TRY(aw_process_options_set_flags(options, AW_PROCESS_GROUP));
	AW_TRY(aw_process_options_set_streams(options, AW_STDIO_NULL, AW_STDIO_PIPE, AW_STDIO_STDOUT));
	AW_TRY(aw_subprocess_shell(NULL, self->command, options, &process));
	AW_TRY(aw_process_take_pipe(process, 1, &self->output));
	self->process = process;
	aw_status status = aw_task_spawn(NULL, show_output, self, NULL, &output);
	if (status == 0) {
		status = wait_for_end(process, aw_task_future(output), out_code);
		aw_task_cancel(output, NULL); /* done already, unless the wait has failed */
		aw_status shown = aw_await(aw_task_future(output), NULL);
		(void)shown; /* the child's end is what counts */
	}
	close(self->output);
	return status;
}

/* --- all of them --- */

static aw_status supervise(void *ud) {
	service *self = ud;
	self->pause = FIRST_PAUSE;
	for (;;) {
		int64_t code = 0, begin = aw_loop_time(aw_loop_current());
		AW_TRY(run_child(self, &code));
		if (aw_loop_time(aw_loop_current()) - begin >= LONG_RUN) self->pause = FIRST_PAUSE;
		printf("supervisor: %s ended with %d, next start in %d ms\n", self->name, (int)code,
		       (int)(self->pause / AW_MILLISECOND));
		fflush(stdout);
		AW_TRY(aw_sleep(self->pause));
		self->pause = self->pause * 2 < LONGEST_PAUSE ? self->pause * 2 : LONGEST_PAUSE;
	}
}

static aw_status stop(aw_loop *loop, void *task) {
	(void)loop;
	aw_task_cancel(task, NULL);
	return 0;
}

static aw_status spawn_all(aw_taskgroup *group, char **arguments, service *services) {
	for (; *arguments; arguments++, services++) {
		char *equals = strchr(*arguments, '=');
		if (!equals) return aw_raisef(AW_EINVAL, "no NAME=COMMAND: %s", *arguments);
		*equals = 0;
		*services = (service){.name = *arguments, .command = equals + 1};
		AW_TRY(aw_taskgroup_spawn(group, supervise, services, NULL, NULL));
	}
	return 0;
}

static aw_status run(void *ud) {
	char **arguments = ud;
	AW_AUTO(aw_taskgroup) group = NULL;
	size_t count = 0;
	while (arguments[count]) count++;
	service *services = calloc(count + 1, sizeof *services);
	if (!services) return aw_raise(AW_ENOMEM, NULL);
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGTERM, stop, aw_task_current(), NULL));
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGINT, stop, aw_task_current(), NULL));
	AW_TRY(aw_taskgroup_new(NULL, &group));
	AW_TRY(aw_taskgroup_enter(group));
	aw_status status = spawn_all(group, arguments, services);
	/* Cancelled by a signal, the group cancels its tasks, and waits until each has stopped its child. */
	status = aw_taskgroup_exit(group, status, status < 0 ? aw_caught() : NULL);
	free(services);
	if (status != AW_ECANCELLED) return status;
	printf("supervisor: all have ended\n");
	return 0;
}

int main(int count, char **arguments) {
	char **services = arguments + 1;
	if (count > 3 && strcmp(arguments[1], "-g") == 0) {
		grace = (int64_t)(atof(arguments[2]) * AW_SECOND);
		services += 2;
	}
	if (count > 1) return aw_main(NULL, run, services, NULL);
	fprintf(stderr, "usage: supervisor [-g SECONDS] NAME=COMMAND…\n");
	return 2;
}
