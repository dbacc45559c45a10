/* SPDX-License-Identifier: MIT */
/*
 * Streams over descriptors that are not sockets (included by kinds.h): a pipe, two pipes that a table of functions
 * joins into one stream, and a pseudo-terminal.
 */
#include <await/pty.h>
#include <stdlib.h>
#include <termios.h>

/* --- one pipe --- */

static inline ends open_pipe(const aw_stream_options *options) {
	int fds[2];
	EXPECT_INT(pipe2(fds, O_CLOEXEC), 0);
	return ends_of_fds((int[]){fds[1], fds[0]}, options);
}

/* --- two pipes --- */

typedef struct joint joint;

/* One direction: a task waits until the pipe is ready, as long as that is wanted. */
typedef struct joint_side {
	joint *joint;
	aw_stream *pipe;
	uint32_t event;
	bool is_wanted;
	aw_task *task; /* a reference, or NULL */
} joint_side;

struct joint {
	aw_stream *stream; /* above, borrowed */
	joint_side in, out;
	bool is_closed, is_released;
	int holders; /* the stream above, and the tasks */
};

static inline void joint_drop(void *ud) {
	joint *self = ud;
	if (--self->holders == 0) free(self);
}

static inline aw_status joint_read(void *ud, void *buffer, size_t length) {
	return aw_stream_try_read(((joint *)ud)->in.pipe, buffer, length);
}

static inline aw_status joint_write(void *ud, const struct iovec *parts, size_t count) {
	joint *self = ud;
	aw_status total = 0;
	for (size_t i = 0; i < count; i++) {
		if (!parts[i].iov_len) continue;
		aw_status taken = aw_stream_try_write(self->out.pipe, parts[i].iov_base, parts[i].iov_len);
		if (taken < 0) return total ? total : taken;
		total += taken;
		if ((size_t)taken < parts[i].iov_len) break;
	}
	return total;
}

/* The loop may be closing. */
static inline void joint_expect(aw_status status) {
	EXPECT(status == 0 || status == AW_ELOOPCLOSED);
}

static inline aw_status joint_wait(void *ud) {
	joint_side *self = ud;
	while (self->is_wanted) {
		aw_status events = aw_stream_wait_ready(self->pipe, self->event);
		if (events == AW_ECANCELLED || self->joint->is_released) return 0;
		if (!self->is_wanted) break;
		self->is_wanted = false;
		/* After a failure of the pipe, the read or the write tells which. */
		joint_expect(aw_stream_ready(self->joint->stream, self->event));
		if (self->joint->is_released) return 0;
	}
	aw_task_unref(self->task);
	self->task = NULL;
	return 0;
}

static inline void joint_task_ends(void *ud) {
	joint_drop(((joint_side *)ud)->joint);
}

static inline aw_status joint_want(joint_side *self) {
	self->is_wanted = true;
	if (self->task) return 0;
	self->joint->holders++;
	return aw_task_spawn(NULL, joint_wait, self, joint_task_ends, &self->task);
}

static inline aw_status joint_watch(void *ud, uint32_t events) {
	joint *self = ud;
	if (!events) self->in.is_wanted = self->out.is_wanted = false;
	aw_status status = events & AW_POLL_IN ? joint_want(&self->in) : 0;
	return status == 0 && events & AW_POLL_OUT ? joint_want(&self->out) : status;
}

/* A pipe ends when the last who could write has closed it. */
static inline aw_status joint_shutdown(void *ud) {
	return aw_stream_close(((joint *)ud)->out.pipe);
}

static inline aw_status joint_close(void *ud, aw_bool aborting) {
	joint *self = ud;
	self->is_closed = true;
	if (aborting) {
		joint_expect(aw_stream_abort(self->in.pipe));
		return aw_stream_abort(self->out.pipe);
	}
	joint_expect(aw_stream_close(self->in.pipe));
	return aw_stream_close(self->out.pipe);
}

static inline void joint_side_end(joint_side *self) {
	self->is_wanted = false;
	if (self->task) {
		aw_task_cancel(self->task, NULL);
		aw_task_unref(self->task);
		self->task = NULL;
	}
	aw_stream_unref(self->pipe);
}

static inline void joint_release(void *ud) {
	joint *self = ud;
	self->is_released = true;
	if (!self->is_closed) joint_close(self, 1);
	joint_side_end(&self->in);
	joint_side_end(&self->out);
	joint_drop(self);
}

static inline aw_stream *join_pipes(int in, int out, const aw_stream_options *options) {
	static const aw_stream_methods methods = {.size = sizeof methods,
	                                          .name = "pipes",
	                                          .read = joint_read,
	                                          .write = joint_write,
	                                          .watch = joint_watch,
	                                          .shutdown_write = joint_shutdown,
	                                          .close = joint_close,
	                                          .release = joint_release};
	static const aw_stream_options lazy = {.size = sizeof lazy, .flags = AW_STREAM_NO_READ_AHEAD};
	joint *self = malloc(sizeof *self);
	*self = (joint){.in = {.joint = self, .event = AW_POLL_IN},
	                .out = {.joint = self, .event = AW_POLL_OUT},
	                .holders = 1};
	EXPECT_INT(aw_stream_from_fd(NULL, in, &lazy, &self->in.pipe), 0);
	EXPECT_INT(aw_stream_from_fd(NULL, out, &lazy, &self->out.pipe), 0);
	EXPECT_INT(aw_stream_new(NULL, &methods, self, options, &self->stream), 0);
	return self->stream;
}

static inline ends open_pipes(const aw_stream_options *options) {
	int there[2], back[2];
	EXPECT_INT(pipe2(there, O_CLOEXEC), 0);
	EXPECT_INT(pipe2(back, O_CLOEXEC), 0);
	return (ends){join_pipes(back[0], there[1], options), join_pipes(there[0], back[1], options)};
}

/* --- a pseudo-terminal --- */

/*
 * The terminal is the left one, which the checks close while bytes are in flight: the kernel delivers what the
 * terminal has written before its end, but throws away what the master has.
 */
static inline ends open_pty(const aw_stream_options *options) {
	int master = -1, terminal = -1;
	struct termios mode;
	EXPECT_INT(aw_pty_open(0, 0, &master, &terminal), 0);
	EXPECT_INT(tcgetattr(terminal, &mode), 0);
	cfmakeraw(&mode);
	EXPECT_INT(tcsetattr(terminal, TCSANOW, &mode), 0);
	return ends_of_fds((int[]){terminal, master}, options);
}

#ifndef STREAM_KINDS_ELSEWHERE
static const stream_kind stream_kinds[] = {{"pipe", open_pipe, HAS_NO_WAY_BACK | HAS_NO_HALF_CLOSE},
                                           {"two pipes", open_pipes, 0},
                                           {"pty", open_pty, HAS_NO_HALF_CLOSE | IS_SLOW}};
#endif
