/* SPDX-License-Identifier: MIT */
/*
 * A complete backend on poll(2), for docs/writing-a-backend.md, written for clarity and not for speed. Each
 * waiting operation has a duplicate of its descriptor, so that a number that is closed and reused can't refer
 * it to another file.
 */
#define _GNU_SOURCE /* accept4 */
#include <await/backend.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

AW_API const aw_backend *aw_backend_entry(void);

/* What we keep in an operation: backend_link[0] is the next one, backend_data as below. */
enum { DATA_FD, DATA_STATE };
enum state { WAITING, DONE };

struct aw_backend_state {
	const aw_backend_core *core;
	int bell;             /* an eventfd: wake rings it */
	aw_op *first, **last; /* in flight, in order of submission */
	size_t count;
	/* room for the bell and each operation; grows in submit, so that wait allocates nothing */
	struct pollfd *polled;
	size_t room;
};

/* ---- small things ---- */

static int64_t outcome(int64_t n) {
	return n >= 0 ? n : -errno;
}

static int64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * AW_SECOND + t.tv_nsec;
}

static int own_fd(const aw_op *op) {
	return (int)(int64_t)op->backend_data[DATA_FD];
}

static void finish(aw_op *op, int64_t result) {
	op->result = result;
	op->backend_data[DATA_STATE] = DONE;
}

static short events_of(const aw_op *op) {
	switch (op->kind) {
	/* errors and hang-ups show unasked */
	case AW_OP_POLL: return (short)(op->flags & (AW_POLL_IN | AW_POLL_OUT));
	case AW_OP_READ:
	case AW_OP_RECV:
	case AW_OP_ACCEPT: return POLLIN;
	default: return POLLOUT;
	}
}

/* ---- carrying one out: -EAGAIN if it would have to wait ---- */

/* The descriptor may be a blocking one, and another operation may just have taken what poll saw. */
static bool is_still_ready(int fd, short events) {
	struct pollfd p = {.fd = fd, .events = events};
	return poll(&p, 1, 0) == 1;
}

/* A write that leaves no SIGPIPE behind, except one that was there before. */
static int64_t write_quietly(int fd, const void *buffer, size_t length, int64_t offset) {
	sigset_t set, before, pending;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	bool had_one = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
	int64_t n = outcome(offset < 0 ? write(fd, buffer, length) : pwrite(fd, buffer, length, offset));
	if (n == -EPIPE && !had_one) sigtimedwait(&set, NULL, &(struct timespec){0, 0});
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

/* A connect in its own time, also on a blocking socket. */
static int64_t try_connect(const aw_op *op) {
	int fd = own_fd(op), flags = fcntl(fd, F_GETFL);
	if (op->length > INT_MAX) return -EINVAL;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK)) return -errno;
	int64_t result = outcome(connect(fd, op->buffer, (socklen_t)op->length));
	fcntl(fd, F_SETFL, flags);
	return result;
}

static int64_t carry_out(const aw_op *op) {
	int fd = own_fd(op);
	size_t length = op->length < INT_MAX ? (size_t)op->length : INT_MAX;
	if (!op->nonblocking && !is_still_ready(fd, events_of(op))) return -EAGAIN;
	switch (op->kind) {
	case AW_OP_READ:
		return outcome(op->offset < 0 ? read(fd, op->buffer, length)
		                              : pread(fd, op->buffer, length, op->offset));
	case AW_OP_RECV: return outcome(recv(fd, op->buffer, length, (int)op->flags | MSG_DONTWAIT));
	case AW_OP_SEND:
		return outcome(send(fd, op->buffer, length, (int)op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
	case AW_OP_ACCEPT: return outcome(accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
	case AW_OP_WRITE: {
		int64_t n = outcome(send(fd, op->buffer, length, MSG_DONTWAIT | MSG_NOSIGNAL));
		if (n != -ENOTSOCK) return n;
		/* A blocking pipe that is writable has room for PIPE_BUF bytes, and may block for more. */
		return write_quietly(fd, op->buffer, op->nonblocking || length < PIPE_BUF ? length : PIPE_BUF,
		                     op->offset);
	}
	default: { /* AW_OP_CONNECT, begun in submit: the second call tells how the first one ended */
		int64_t n = try_connect(op);
		return n == -EALREADY || n == -EINPROGRESS ? -EAGAIN : n;
	}
	}
}

/* ---- the table ---- */

static aw_status poll_probe(char *why, size_t length) {
	if (length) *why = 0;
	return 0;
}

static aw_status poll_open(const aw_backend_core *core, uint32_t flags, uint64_t seed,
                           aw_backend_state **out) {
	(void)flags, (void)seed;
	aw_backend_state *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->core = core;
	self->last = &self->first;
	self->room = 16;
	self->polled = calloc(self->room, sizeof *self->polled);
	self->bell = self->polled ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	if (self->bell < 0) {
		aw_status status = self->polled ? -errno : -ENOMEM;
		free(self->polled);
		free(self);
		return status;
	}
	*out = self;
	return 0;
}

/* Takes the operation at `link` out of the list and hands it back. */
static void hand_back(aw_backend_state *self, aw_op **link) {
	aw_op *op = *link;
	*link = op->backend_link[0];
	if (!*link) self->last = link;
	self->count--;
	if (own_fd(op) >= 0) close(own_fd(op));
	self->core->complete(self->core, op); /* from here on it is not ours */
}

static void poll_abandon(aw_backend_state *self) {
	for (aw_op *op = self->first; op; op = op->backend_link[0])
		if (own_fd(op) >= 0) close(own_fd(op));
	close(self->bell);
	free(self->polled);
	free(self);
}

static void poll_close(aw_backend_state *self) {
	while (self->first) {
		if (self->first->backend_data[DATA_STATE] == WAITING) finish(self->first, -ECANCELED);
		hand_back(self, &self->first);
	}
	poll_abandon(self);
}

static aw_status poll_submit(aw_backend_state *self, aw_op *op) {
	if (op->kind > AW_OP_FUTURE) return -EOPNOTSUPP; /* the core performs it, or tells the program */
	if (op->kind < AW_OP_POLL || op->kind > AW_OP_CLOSE) return -EINVAL;
	if (self->count + 2 > self->room) {
		struct pollfd *more = realloc(self->polled, 2 * self->room * sizeof *more);
		if (!more) return -ENOMEM;
		self->polled = more;
		self->room *= 2;
	}
	op->backend_data[DATA_STATE] = WAITING;
	op->backend_data[DATA_FD] = (uint64_t)-1;
	if (op->kind == AW_OP_CLOSE) {
		finish(op, close(op->fd) && errno != EINTR ? -errno : 0);
	} else if (op->kind == AW_OP_FSYNC) {
		finish(op, outcome(fsync(op->fd)));
	} else {
		int fd = fcntl(op->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0) return -errno;
		op->backend_data[DATA_FD] = (uint64_t)fd;
		int64_t begun = op->kind == AW_OP_CONNECT ? try_connect(op) : -EINPROGRESS;
		if (begun != -EINPROGRESS) finish(op, begun);
	}
	op->backend_link[0] = NULL;
	*self->last = op;
	self->last = (aw_op **)&op->backend_link[0];
	self->count++;
	return 0;
}

static void poll_cancel(aw_backend_state *self, aw_op *op) {
	(void)self;
	if (op->backend_data[DATA_STATE] == WAITING) finish(op, -ECANCELED);
}

/* Sets `polled` up; whether something is done already. */
static bool prepare(aw_backend_state *self) {
	bool any = false;
	struct pollfd *p = self->polled;
	*p++ = (struct pollfd){.fd = self->bell, .events = POLLIN};
	for (aw_op *op = self->first; op; op = op->backend_link[0]) {
		bool is_done = op->backend_data[DATA_STATE] == DONE;
		*p++ = (struct pollfd){.fd = is_done ? -1 : own_fd(op), .events = events_of(op)};
		any |= is_done;
	}
	return any;
}

/* Carries out what has become possible and hands back what is done; whether there was anything. */
static bool collect(aw_backend_state *self) {
	bool any = false;
	const struct pollfd *p = self->polled;
	uint64_t rings;
	if (p->revents) any = read(self->bell, &rings, sizeof rings) > 0;
	for (aw_op **link = &self->first; *link;) {
		aw_op *op = *link;
		short ready = (++p)->revents;
		if (ready && op->kind == AW_OP_POLL)
			finish(op, ready);
		else if (ready) {
			int64_t result = carry_out(op);
			if (result != -EAGAIN && result != -EINTR) finish(op, result);
		}
		if (op->backend_data[DATA_STATE] == WAITING) {
			link = (aw_op **)&op->backend_link[0];
			continue;
		}
		hand_back(self, link);
		any = true;
	}
	return any;
}

static aw_status poll_wait(aw_backend_state *self, int64_t deadline) {
	for (;;) {
		int64_t left = prepare(self) ? 0 : deadline - (deadline > 0 && deadline < INT64_MAX ? now_ns() : 0);
		if (left < 0) left = 0;
		struct timespec limit = {(time_t)(left / AW_SECOND), (long)(left % AW_SECOND)};
		int n = ppoll(self->polled, self->count + 1, left == INT64_MAX ? NULL : &limit, NULL);
		if (n < 0) return errno == EINTR ? 0 : -errno;
		if (collect(self) || left == 0) return 0;
	}
}

/* eventfd's write may be called by any thread and by a signal handler; a counter that is full has rung. */
static void poll_wake(aw_backend_state *self) {
	int before = errno;
	if (write(self->bell, &(uint64_t){1}, sizeof(uint64_t)) < 0) errno = before;
}

/*
 * poll(2) has no descriptor that tells of others; a loop that is a guest on this backend gets a thread that
 * polls for it.
 */
static int poll_fd(aw_backend_state *self) {
	(void)self;
	return -1;
}

static const aw_backend table = {
	.abi = AW_BACKEND_ABI,
	.size = sizeof(aw_backend),
	.name = "poll",
	.description = "poll(2); an example",
	.probe = poll_probe,
	.open = poll_open,
	.close = poll_close,
	.abandon = poll_abandon,
	.submit = poll_submit,
	.cancel = poll_cancel,
	.wait = poll_wait,
	.wake = poll_wake,
	.fd = poll_fd,
};

const aw_backend *aw_backend_entry(void) {
	return &table;
}
