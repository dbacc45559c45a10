/* SPDX-License-Identifier: MIT */
/*
 * The handle of a child process. Separate from the child: dropping the user's last reference kills the child,
 * and the loop still reaps it.
 */
#include "process_handle.h"

#include "failure.h"
#include "os.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

struct aw_process {
	object base;
	child *child;
	host_slot host_slot;
};

static void process_release(object *base) {
	aw_process *self = (aw_process *)base;
	host_slot host = self->host_slot;
	child_shut(self->child);
	object_unref(self->child);
	object_free(base);
	object_destroy_user(host.destroy, host.data);
}

static const object_class process_class = {
	.name = "process", .size = sizeof(aw_process), .release = process_release};

static bool process_is(const aw_process *process) {
	return object_is(process, &process_class);
}

aw_status process_check(const aw_process *process) {
	return process_is(process) ? loop_check(process->child->loop) : AW_EBADHANDLE;
}

/* Creates a handle with a child that is not started. */
static aw_process *process_new(aw_loop *loop, uint32_t flags) {
	aw_process *self = object_new(&loop->domain, &process_class);
	if (!self) return NULL;
	self->child = child_new(loop, flags);
	if (self->child) return self;
	object_free(&self->base);
	return NULL;
}

/* --- start --- */

static aw_status check_arguments(const char *const *argv, size_t count, const void *out) {
	if (!argv || !count || !out) return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (!argv[i]) return -EINVAL;
	return 0;
}

/* An errno alone does not distinguish a missing program from a missing directory. */
static aw_status start_failed(aw_status status, const process_made *made, const char *program,
                              const char *directory) {
	if (made->stage == OS_CHANGING_DIRECTORY)
		return failed_saying(status, "cannot change to directory: %s: %s", directory, aw_strerror(status));
	if (made->stage != OS_EXECUTING) return failed(status);
	/* ENOTDIR: an entry of PATH is not a directory */
	bool nowhere = status == -ENOENT || (status == -ENOTDIR && !strchr(program, '/'));
	if (nowhere && !made->exists) return failed_saying(status, "no such program: %s", program);
	return failed_saying(status, "cannot run %s: %s", program,
	                     status == -ENOENT ? "its interpreter is missing" : aw_strerror(status));
}

aw_status process_check_start(aw_loop **loop, const char *const *argv, size_t count,
                              const aw_process_options *options, const void *out) {
	aw_status status = loop_resolve(loop);
	if (status == 0) status = check_arguments(argv, count, out);
	return status == 0 ? process_options_check(process_options_resolve(options)) : status;
}

aw_status process_start(aw_loop *loop, const char *const *argv, size_t count,
                        const aw_process_options *options, const void *origin, aw_process **out) {
	/* Allocate before starting the child, so that nothing can fail for lack of memory after. */
	aw_process *self = process_new(loop, options->flags);
	if (!self) return failed(-ENOMEM);
	process_made made;
	aw_status status = process_make(argv, count, options, &made);
	if (status < 0) {
		object_unref(self);
		return start_failed(status, &made, argv[0], options->cwd);
	}
	status = child_begin(self->child, &made, false);
	if (status < 0) {
		object_unref(self);
		return failed(status);
	}
	*out = object_hand_out(self, origin);
	return 0;
}

static aw_status start(aw_loop *loop, const char *const *argv, size_t count,
                       const aw_process_options *options, const void *origin, aw_process **out) {
	aw_status status = process_check_start(&loop, argv, count, options, out);
	if (status < 0) return failed(status);
	return process_start(loop, argv, count, process_options_resolve(options), origin, out);
}

child *process_child(const aw_process *process) {
	return process->child;
}

aw_status aw_subprocess_exec(aw_loop *loop, const char *const *argv, size_t count,
                             const aw_process_options *options, aw_process **out) {
	return start(loop, argv, count, options, CALLER, out);
}

aw_status aw_subprocess_shell(aw_loop *loop, const char *command, const aw_process_options *options,
                              aw_process **out) {
	const char *argv[] = {"/bin/sh", "-c", command};
	return start(loop, argv, sizeof argv / sizeof *argv, options, CALLER, out);
}

ENTRY(aw_process_adopt, (aw_loop *loop, int32_t pid, int pidfd, uint32_t flags, aw_process **out),
      (loop, pid, pidfd, flags, out)) {
	aw_status status = loop_resolve(&loop);
	if (status < 0) return status;
	if (!out || pid <= 0 || pidfd < -1 || flags & ~(uint32_t)(AW_PROCESS_GROUP | AW_PROCESS_DETACH))
		return -EINVAL;
	aw_process *self = process_new(loop, flags);
	if (!self) return -ENOMEM;
	process_made made = {.pid = pid, .process = -1, .pipes = {-1, -1, -1}};
	status = pidfd < 0 ? os_process_open(pid, &made.process) : os_duplicate(pidfd, &made.process);
	/* one that has exited can still be reaped */
	if (status == 0) status = os_process_has_ended(made.process, pid);
	if (status < 0)
		os_close(&made.process);
	else
		status = child_begin(self->child, &made, true);
	if (status < 0) {
		object_unref(self);
		return status;
	}
	*out = object_hand_out(self, CALLER);
	return 0;
}

/* --- queries --- */

REFERENCES(aw_process, process_is(self))

int32_t aw_process_pid(const aw_process *process) {
	return process_is(process) ? process->child->pid : AW_EBADHANDLE;
}

ENTRY(aw_process_returncode, (const aw_process *process, int32_t *out), (process, out)) {
	if (!process_is(process)) return AW_EBADHANDLE;
	if (!out) return -EINVAL;
	if (!process->child->has_ended) return AW_EINVALIDSTATE;
	*out = process->child->code;
	return 0;
}

/* --- wait --- */

static aw_status process_await(aw_process *process, enum awaits what, const void *origin, aw_future **out) {
	aw_status status = process_check(process);
	if (status < 0) return status;
	return out ? child_await(process->child, what, origin, out) : -EINVAL;
}

ENTRY(aw_process_wait, (aw_process *process, aw_future **out), (process, out)) {
	return process_await(process, AWAITS_EXIT, CALLER, out);
}

ENTRY(aw_process_wait_closed, (aw_process *process, aw_future **out), (process, out)) {
	return process_await(process, AWAITS_OUTPUT, CALLER, out);
}

ENTRY(aw_process_communicate, (aw_process *process, const void *input, size_t length, aw_future **out),
      (process, input, length, out)) {
	aw_status status = process_check(process);
	if (status < 0) return status;
	if (!out || (length && !input)) return -EINVAL;
	if (child_is_awaited(process->child, AWAITS_ALL)) return AW_EINVALIDSTATE;
	status = length ? child_give_input(process->child, input, length) : 0;
	if (status < 0) return status;
	status = child_await(process->child, AWAITS_ALL, CALLER, out);
	if (status < 0 && length) child_take_input_back(process->child);
	return status;
}

/* --- streams --- */

ENTRY(aw_process_output, (const aw_process *process, int stream, const void **out_data, size_t *out_length),
      (process, stream, out_data, out_length)) {
	if (!process_is(process)) return AW_EBADHANDLE;
	if (stream < 1 || stream >= STDIO_STREAMS || !out_data || !out_length) return -EINVAL;
	const child_pipe *pipe = &process->child->pipes[stream];
	if (!pipe->existed) return AW_EINVALIDSTATE;
	*out_data = pipe->buffer.data ? pipe->buffer.data : (const void *)"";
	*out_length = pipe->length;
	return 0;
}

const char *aw_process_text(const aw_process *process, int stream) {
	if (!process_is(process) || stream < 1 || stream >= STDIO_STREAMS) return NULL;
	const child_pipe *pipe = &process->child->pipes[stream];
	if (!pipe->existed || pipe->taken || pipe->fd >= 0 || pipe->busy) return NULL;
	if (!pipe->buffer.data) return "";
	/* The read that returned end of file left room for the NUL; a pipe that was closed may have none. */
	if (pipe->length == pipe->buffer.capacity) return NULL;
	pipe->buffer.data[pipe->length] = 0;
	return (const char *)pipe->buffer.data;
}

ENTRY(aw_process_take_pipe, (aw_process *process, int stream, int *out_fd), (process, stream, out_fd)) {
	aw_status status = process_check(process);
	if (status < 0) return status;
	if (stream < 0 || stream >= STDIO_STREAMS || !out_fd) return -EINVAL;
	return child_take_pipe(process->child, stream, out_fd);
}

/* --- signals --- */

ENTRY(aw_process_send_signal, (aw_process *process, int signal), (process, signal)) {
	aw_status status = process_check(process);
	return status < 0 ? status : child_signal(process->child, signal);
}

ENTRY(aw_process_terminate, (aw_process *process), (process)) {
	return aw_process_send_signal(process, SIGTERM);
}

ENTRY(aw_process_kill, (aw_process *process), (process)) {
	return aw_process_send_signal(process, SIGKILL);
}

ENTRY(aw_process_close, (aw_process *process), (process)) {
	aw_status status = process_check(process);
	if (status == 0) child_shut(process->child);
	return status;
}

ENTRY(aw_process_set_host_data, (aw_process *process, void *data, aw_destroy_fn destroy), (process, data,
                                 destroy)) {
	if (!process_is(process)) {
		object_destroy_user(destroy, data);
		return AW_EBADHANDLE;
	}
	host_slot_set(&process->host_slot, data, destroy);
	return 0;
}

void *aw_process_host_data(const aw_process *process) {
	return process_is(process) ? process->host_slot.data : NULL;
}
