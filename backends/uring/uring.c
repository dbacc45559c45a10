/* SPDX-License-Identifier: MIT */
/*
 * The plug-in on io_uring: one ring a loop. `submit` only fills in an entry of the submission queue, and the next `wait` hands
 * all of them to the kernel in the system call that waits, unless somebody polls the ring (fd), which needs them there at
 * once.
 *
 * Not everything goes the straight way. A result that only says "not now" (EAGAIN, EINTR, the thread that submitted has ended)
 * is no result: the operation is given to the kernel again, or polled for and then carried out by a plain call. A write to a
 * pipe raises SIGPIPE in whatever call the thread is in, so without RWF_NOSIGNAL (Linux 6.18) pipes are written by a guarded
 * plain call. A close is a plain call as well, made once nothing in the ring holds the file, so that it is closed when the
 * close completes.
 *
 * The kernel looks up a descriptor when it takes the entry: one that is closed behind our back between submit and the next
 * wait gives EBADF, or means the file that got its number. From then on the ring holds the file itself, and the number may go.
 *
 * There is no limit on operations in flight: queueing those beyond the completion ring would let idle ones keep out the one
 * they wait for. Completions beyond it are kept by the kernel (NODROP), and one it had no memory to keep is reported by `wait`
 * as EBADR.
 */
#include <await/backend.h>
#include <errno.h>
#include <liburing.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "ring.h"

/* Another value makes a kernel without the flag, for tests. */
#ifndef URING_NOSIGNAL
#define URING_NOSIGNAL 0x00000100
#endif

enum {
	ENTRIES = 256,
	BUCKETS = 1024,
	BATCH = 64,
	LONGEST = 365 * 24 * 3600, /* seconds of one wait: the kernel adds them to its clock */
	MOST = 0x7ffff000          /* what the kernel would cut a count to anyway */
};

/* Whose completion it is, in the low bits of user_data; operations are aligned. */
enum tag { TAG_OP = 0, TAG_WAKE = 1, TAG_NOBODY = 2, TAG_MASK = 3 };

/* Where an operation is, and what is known about it: in backend_data[0]. */
enum op_state {
	OP_IN_RING = 1, /* the kernel has it, or its entry waits in the submission queue */
	OP_QUEUED = 2,  /* there was no room in the submission queue */
	OP_CLOSING = 4, /* a close that waits for the others of its descriptor */
	OP_DONE = 8,    /* has its result, to be handed back */
	OP_POLLS = 16,  /* is polled for, and then carried out by a plain call */
	OP_CANCELLED = 32,
	OP_OWED = 64,     /* the kernel has not been told of the cancel yet */
	OP_LOUD = 128,    /* a write without RWF_NOSIGNAL */
	OP_AS_SEND = 256, /* a write to a socket, sent */
	OP_PLAIN = 512    /* a write to a pipe, by plain calls alone */
};

/* In order, through backend_data[1]: an operation is in one of the three at most. */
typedef struct op_list {
	aw_op *first, *last;
} op_list;

struct aw_backend_state {
	const aw_backend_host *host;
	struct io_uring ring;
	aw_op *buckets[BUCKETS]; /* all that are neither done nor closes, by descriptor, through backend_link */
	op_list queued, closing, done;
	size_t in_ring;   /* operations */
	size_t owed;      /* cancels that found no room */
	size_t delivered; /* in this wait */
	calls calls;
	uint64_t wake_value;
	int wake_fd;
	pid_t owner;
	aw_status broken;  /* the wake can't be armed again */
	bool wake_armed;   /* a read of wake_fd is in the ring */
	bool wake_stopped; /* and its cancel */
	bool woken;
	bool eager; /* somebody polls the ring */
	bool ending;
};

typedef struct aw_backend_state uring;

static int64_t clock_now(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * AW_SECOND + now.tv_nsec;
}

/* --- lists of operations --- */

static aw_op *list_next(const aw_op *op) {
	return (aw_op *)(uintptr_t)op->backend_data[1];
}

static void list_append(op_list *list, aw_op *op) {
	op->backend_data[1] = 0;
	if (list->last)
		list->last->backend_data[1] = (uint64_t)(uintptr_t)op;
	else
		list->first = op;
	list->last = op;
}

/* Long only while the kernel refuses entries, so a walk will do. */
static void list_remove(op_list *list, aw_op *op) {
	aw_op *before = NULL;
	for (aw_op *at = list->first; at && at != op; at = list_next(at)) before = at;
	if (before)
		before->backend_data[1] = op->backend_data[1];
	else
		list->first = list_next(op);
	if (list->last == op) list->last = before;
}

static aw_op **bucket_of(uring *self, int fd) {
	return &self->buckets[(unsigned)fd % BUCKETS];
}

static void bucket_add(uring *self, aw_op *op) {
	aw_op **head = bucket_of(self, op->fd);
	op->backend_link[0] = *head;
	op->backend_link[1] = NULL;
	if (*head) (*head)->backend_link[1] = op;
	*head = op;
}

static void bucket_remove(uring *self, aw_op *op) {
	aw_op *next = op->backend_link[0], *previous = op->backend_link[1];
	if (next) next->backend_link[1] = previous;
	if (previous)
		previous->backend_link[0] = next;
	else
		*bucket_of(self, op->fd) = next;
}

static aw_op *bucket_find(uring *self, int fd) {
	aw_op *op = *bucket_of(self, fd);
	while (op && op->fd != fd) op = op->backend_link[0];
	return op;
}

/* The operation is out of the kernel's hands; the next delivery hands it back. */
static void finish(uring *self, aw_op *op, int64_t result) {
	if (op->kind != AW_OP_CLOSE) bucket_remove(self, op);
	op->result = result;
	op->backend_data[0] = OP_DONE;
	list_append(&self->done, op);
}

static void deliver(uring *self) {
	op_list now = self->done;
	self->done = (op_list){NULL, NULL};
	while (now.first) {
		aw_op *op = now.first;
		now.first = list_next(op);
		self->delivered++;
		self->host->complete(self->host, op);
	}
}

/* --- entries for the kernel --- */

static unsigned count_of(const aw_op *op) {
	return op->length < MOST ? (unsigned)op->length : (unsigned)MOST;
}

static unsigned readiness_of(const aw_op *op) {
	switch (op->kind) {
	case AW_OP_POLL: return op->flags;
	case AW_OP_WRITE:
	case AW_OP_SEND:
	case AW_OP_CONNECT: return AW_OP_POLL_OUT;
	default: return AW_OP_POLL_IN;
	}
}

static void fill_write(const uring *self, aw_op *op, struct io_uring_sqe *sqe) {
	if (op->backend_data[0] & OP_AS_SEND) {
		io_uring_prep_send(sqe, op->fd, op->buffer, count_of(op), MSG_NOSIGNAL);
		return;
	}
	io_uring_prep_write(sqe, op->fd, op->buffer, count_of(op), (uint64_t)op->offset);
	/* Where there is an offset there is no pipe. */
	if (op->offset >= 0 || self->calls.quiet_write == CALLS_ABSENT) op->backend_data[0] |= OP_LOUD;
	if (!(op->backend_data[0] & OP_LOUD)) sqe->rw_flags = URING_NOSIGNAL;
}

static void fill(const uring *self, aw_op *op, struct io_uring_sqe *sqe) {
	uint32_t kind = op->backend_data[0] & OP_POLLS ? AW_OP_POLL : op->kind;
	int flags = (int)(op->flags & ~(uint32_t)MSG_DONTWAIT);
	switch (kind) {
	case AW_OP_POLL: io_uring_prep_poll_add(sqe, op->fd, readiness_of(op)); break;
	case AW_OP_READ: io_uring_prep_read(sqe, op->fd, op->buffer, count_of(op), (uint64_t)op->offset); break;
	case AW_OP_WRITE: fill_write(self, op, sqe); break;
	case AW_OP_RECV: io_uring_prep_recv(sqe, op->fd, op->buffer, count_of(op), flags); break;
	case AW_OP_SEND: io_uring_prep_send(sqe, op->fd, op->buffer, count_of(op), flags | MSG_NOSIGNAL); break;
	case AW_OP_ACCEPT: io_uring_prep_accept(sqe, op->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); break;
	case AW_OP_CONNECT: io_uring_prep_connect(sqe, op->fd, op->buffer, (socklen_t)op->length); break;
	case AW_OP_FSYNC: io_uring_prep_fsync(sqe, op->fd, 0); break;
	default: io_uring_prep_nop(sqe); break;
	}
	sqe->user_data = (uint64_t)(uintptr_t)op;
}

/* NULL: the queue is full and the kernel takes nothing now. */
static struct io_uring_sqe *entry_take(uring *self) {
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	if (sqe) return sqe;
	(void)io_uring_submit(&self->ring);
	return io_uring_get_sqe(&self->ring);
}

/* Gives the operation to the kernel, or lets it stand in line. */
static void launch(uring *self, aw_op *op) {
	struct io_uring_sqe *sqe = self->queued.first ? NULL : entry_take(self);
	if (!sqe) {
		op->backend_data[0] |= OP_QUEUED;
		list_append(&self->queued, op);
		return;
	}
	fill(self, op, sqe);
	op->backend_data[0] |= OP_IN_RING;
	self->in_ring++;
}

static bool cancel_entry(uring *self, uint64_t user_data) {
	struct io_uring_sqe *sqe = entry_take(self);
	if (!sqe) return false;
	io_uring_prep_cancel64(sqe, user_data, 0);
	sqe->user_data = TAG_NOBODY;
	return true;
}

static void arm_wake(uring *self) {
	struct io_uring_sqe *sqe = entry_take(self);
	if (!sqe) return;
	io_uring_prep_read(sqe, self->wake_fd, &self->wake_value, sizeof self->wake_value, (uint64_t)-1);
	sqe->user_data = TAG_WAKE;
	self->wake_armed = true;
}

/* Something found no room in the submission queue. */
static bool is_congested(const uring *self) {
	return self->queued.first || self->owed || (self->ending ? self->wake_armed && !self->wake_stopped : !self->wake_armed);
}

/* Gives the kernel what found no room before. */
static void launch_rest(uring *self) {
	if (!self->wake_armed && !self->ending) arm_wake(self);
	if (self->wake_armed && self->ending && !self->wake_stopped) self->wake_stopped = cancel_entry(self, TAG_WAKE);
	for (size_t i = 0; self->owed && i < BUCKETS; i++)
		for (aw_op *op = self->buckets[i]; op; op = op->backend_link[0]) {
			if (!(op->backend_data[0] & OP_OWED)) continue;
			if (!cancel_entry(self, (uint64_t)(uintptr_t)op)) return;
			op->backend_data[0] &= ~(uint64_t)OP_OWED;
			self->owed--;
		}
	while (self->queued.first) {
		struct io_uring_sqe *sqe = entry_take(self);
		if (!sqe) return;
		aw_op *op = self->queued.first;
		list_remove(&self->queued, op);
		fill(self, op, sqe);
		op->backend_data[0] = (op->backend_data[0] & ~(uint64_t)OP_QUEUED) | OP_IN_RING;
		self->in_ring++;
	}
}

static void uring_wake(aw_backend_state *self) {
	int saved = errno;
	const uint64_t one = 1;
	ssize_t n = write(self->wake_fd, &one, sizeof one);
	(void)n; /* a full counter is a wake as well */
	errno = saved;
}

/* Whoever polls the ring finds there what a wait would do. */
static void show(uring *self) {
	if (!self->eager) return;
	launch_rest(self);
	if (io_uring_sq_ready(&self->ring)) (void)io_uring_submit(&self->ring);
	if (self->done.first || self->queued.first || self->owed) uring_wake(self);
}

/* --- results from the kernel --- */

/* A plain attempt, polled for if it is too early. */
static void attempt(uring *self, aw_op *op) {
	int64_t result = op->kind == AW_OP_CONNECT ? calls_connected(op) : calls_try(&self->calls, op);
	if (result == -EAGAIN) {
		op->backend_data[0] |= OP_POLLS;
		launch(self, op);
	} else {
		finish(self, op, result);
	}
}

/* Starts a write where the kernel has no RWF_NOSIGNAL, by the kind of file. */
static void launch_loud_write(uring *self, aw_op *op) {
	struct stat st;
	mode_t type = fstat(op->fd, &st) == 0 ? st.st_mode & S_IFMT : 0;
	op->backend_data[0] |= OP_LOUD;
	/* These know the flag if the kernel does. */
	if (type == S_IFIFO || type == S_IFSOCK || type == S_IFREG) self->calls.quiet_write = CALLS_ABSENT;
	if (type == S_IFIFO) {
		op->backend_data[0] |= OP_PLAIN;
		attempt(self, op);
		return;
	}
	if (type == S_IFSOCK) op->backend_data[0] |= OP_AS_SEND;
	launch(self, op);
}

/* The results that only say: try again. */
static bool is_interruption(int result) {
	/* The thread that submitted it has ended, or a worker was interrupted; some old kernels let ERESTARTSYS and its kin out. */
	return result == -ECANCELED || result == -EINTR || (result <= -512 && result >= -516);
}

/* A connection that died in the queue; the next one may be well. accept(2) names them. */
static bool is_lost_connection(int result) {
	return result == -ECONNABORTED || result == -EPROTO || result == -ENETDOWN || result == -ENOPROTOOPT ||
	       result == -EHOSTDOWN || result == -ENONET || result == -EHOSTUNREACH || result == -ENETUNREACH;
}

static void op_returned(uring *self, aw_op *op, int result) {
	uint64_t state = op->backend_data[0];
	self->in_ring--;
	if (state & OP_OWED) self->owed--;
	op->backend_data[0] &= ~(uint64_t)(OP_IN_RING | OP_OWED);
	if (op->kind == AW_OP_CONNECT && result == -EAGAIN) {
		/* A Unix socket whose peer has a full backlog; no poll tells when there is room. */
		finish(self, op, -ECONNREFUSED);
		return;
	}
	enum { DONE, AGAIN, POLL, ATTEMPT, LOUD } next = DONE;
	if (is_interruption(result) || (op->kind == AW_OP_ACCEPT && is_lost_connection(result)))
		next = AGAIN;
	else if (result == -EAGAIN || (op->kind == AW_OP_CONNECT && (result == -EALREADY || result == -EINPROGRESS)))
		next = POLL;
	else if (state & OP_POLLS && result >= 0)
		next = ATTEMPT;
	else if (op->kind == AW_OP_WRITE && !(state & OP_LOUD) && result == -EOPNOTSUPP)
		next = LOUD;

	if (next == DONE || state & OP_CANCELLED) {
		finish(self, op, next == DONE ? result : -ECANCELED);
	} else if (next == ATTEMPT) {
		attempt(self, op);
	} else if (next == LOUD) {
		launch_loud_write(self, op);
	} else {
		if (next == POLL) op->backend_data[0] |= OP_POLLS;
		launch(self, op);
	}
}

static void wake_returned(uring *self, int result) {
	self->wake_armed = false;
	if (result >= 0)
		self->woken = true;
	else if (!is_interruption(result) && result != -EAGAIN)
		self->broken = result; /* somebody closed the descriptor */
}

/* How many completions there were, ours and others'. */
static unsigned reap(uring *self) {
	struct io_uring_cqe *batch[BATCH];
	unsigned total = 0, count;
	do {
		count = io_uring_peek_batch_cqe(&self->ring, batch, BATCH);
		for (unsigned i = 0; i < count; i++) {
			uint64_t data = batch[i]->user_data;
			int result = batch[i]->res;
			io_uring_cq_advance(&self->ring, 1);
			if ((data & TAG_MASK) == TAG_OP) op_returned(self, (aw_op *)(uintptr_t)data, result);
			if ((data & TAG_MASK) == TAG_WAKE) wake_returned(self, result);
		}
		total += count;
	} while (count == BATCH && total < ENTRIES * RING_COMPLETIONS_PER_ENTRY);
	return total;
}

/* Closes what nothing in the ring holds any more. */
static void close_free(uring *self) {
	op_list now = self->closing;
	self->closing = (op_list){NULL, NULL};
	while (now.first) {
		aw_op *op = now.first;
		now.first = list_next(op);
		if (bucket_find(self, op->fd))
			list_append(&self->closing, op);
		else
			finish(self, op, calls_close(op->fd));
	}
}

/* --- waiting --- */

/* Why the kernel takes no entries just now: no memory, completions to be read first, a signal. */
static bool is_passing(int status) {
	return status == -EAGAIN || status == -EBUSY || status == -EINTR;
}

/* Hands over the entries and takes up completions, blocking at most until `deadline`. */
static aw_status enter(uring *self, int64_t deadline) {
	int64_t span = deadline;
	if (deadline > 0 && deadline != INT64_MAX) span = deadline - clock_now();
	if (is_congested(self) && span > AW_MILLISECOND) span = AW_MILLISECOND;
	if (span > LONGEST * AW_SECOND) span = LONGEST * AW_SECOND;
	if (span <= 0 || io_uring_cq_ready(&self->ring)) {
		unsigned flags = IO_URING_READ_ONCE(*self->ring.sq.kflags);
		if (!io_uring_sq_ready(&self->ring) && !(flags & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN))) return 0;
		return io_uring_submit_and_get_events(&self->ring);
	}
	struct io_uring_cqe *first = NULL;
	struct __kernel_timespec limit = {.tv_sec = span / AW_SECOND, .tv_nsec = span % AW_SECOND};
	/* Always with a limit, since without one the library goes on waiting after a signal. */
	return io_uring_submit_and_wait_timeout(&self->ring, &first, 1, &limit, NULL);
}

/* One round: 0 to go on, 1 if a signal ended it, or a negative status. */
static aw_status turn(uring *self, int64_t deadline) {
	launch_rest(self);
	aw_status status = self->broken ? self->broken : enter(self, deadline);
	unsigned count = reap(self);
	close_free(self);
	deliver(self);
	/* When entries were taken, their number hides the EINTR. */
	if (status >= 0) return !count && !is_congested(self) && deadline > 0 && (deadline == INT64_MAX || clock_now() < deadline);
	if (status == -EINTR) return 1;
	if (status == -EAGAIN && !count && deadline) (void)poll(&(struct pollfd){.fd = self->ring.ring_fd, .events = POLLIN}, 1, 1);
	return status == -ETIME || is_passing(status) ? 0 : status;
}

static aw_status uring_wait(aw_backend_state *self, int64_t deadline) {
	aw_status status;
	self->woken = false;
	self->delivered = 0;
	deliver(self);
	do status = turn(self, self->delivered ? 0 : deadline);
	while (status == 0 && !self->delivered && !self->woken &&
	       (deadline == INT64_MAX || (deadline > 0 && clock_now() < deadline)));
	show(self);
	return status < 0 ? status : 0;
}

static int uring_fd(aw_backend_state *self) {
	self->eager = true;
	show(self);
	return self->ring.ring_fd;
}

/* --- operations --- */

static void cancel(uring *self, aw_op *op) {
	if (op->backend_data[0] & (OP_DONE | OP_CANCELLED | OP_CLOSING)) return;
	op->backend_data[0] |= OP_CANCELLED;
	if (op->backend_data[0] & OP_QUEUED) {
		list_remove(&self->queued, op);
		finish(self, op, -ECANCELED);
	} else if (!cancel_entry(self, (uint64_t)(uintptr_t)op)) {
		op->backend_data[0] |= OP_OWED;
		self->owed++;
	}
}

static void uring_cancel(aw_backend_state *self, aw_op *op) {
	cancel(self, op);
	show(self);
}

static void start_close(uring *self, aw_op *op) {
	for (aw_op *at = *bucket_of(self, op->fd), *next; at; at = next) {
		next = at->backend_link[0];
		if (at->fd == op->fd) cancel(self, at);
	}
	op->backend_data[0] = OP_CLOSING;
	list_append(&self->closing, op);
	close_free(self);
}

static aw_status uring_submit(aw_backend_state *self, aw_op *op) {
	if (op->kind < AW_OP_POLL || op->kind > AW_OP_CLOSE) return -EINVAL;
	if (op->fd < 0) return -EBADF;
	if (op->kind == AW_OP_CONNECT && op->length > INT_MAX) return -EINVAL;
	for (aw_op *at = self->closing.first; at; at = list_next(at))
		if (at->fd == op->fd) return -EBADF;
	op->backend_data[0] = 0;
	if (op->kind == AW_OP_CLOSE) {
		start_close(self, op);
	} else {
		bucket_add(self, op);
		if (op->kind == AW_OP_WRITE && op->offset < 0 && self->calls.quiet_write == CALLS_ABSENT)
			launch_loud_write(self, op);
		else
			launch(self, op);
	}
	show(self);
	return 0;
}

/* --- opening and closing --- */

static aw_status uring_open(const aw_backend_host *host, uint32_t flags, uint64_t seed, aw_backend_state **out) {
	(void)seed;
	uring *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->host = host;
	self->owner = getpid();
	aw_status status = 0;
	/* Blocking, so that the kernel waits with the read instead of saying EAGAIN. */
	self->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (self->wake_fd < 0) {
		status = -errno;
		goto fail_memory;
	}
	status = ring_create(&self->ring, ENTRIES, flags);
	if (status < 0) goto fail_wake;
	if (!ring_has_features(&self->ring)) {
		status = -ENOSYS;
		goto fail_ring;
	}
	/* Handed over at once: a filter that forbids io_uring_enter shows here. */
	arm_wake(self);
	status = io_uring_submit(&self->ring);
	if (status < 0 && !is_passing(status)) goto fail_ring;
	*out = self;
	return 0;

fail_ring:
	io_uring_queue_exit(&self->ring);
fail_wake:
	close(self->wake_fd);
fail_memory:
	free(self);
	return status;
}

/* What the kernel never gave back: it refuses its own ring (closed behind our back, another thread's). */
static void finish_lost(uring *self) {
	for (size_t i = 0; i < BUCKETS; i++)
		while (self->buckets[i]) finish(self, self->buckets[i], -ECANCELED);
}

static void uring_close(aw_backend_state *self) {
	self->ending = true;
	self->eager = false;
	self->broken = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		for (aw_op *op = self->buckets[i], *next; op; op = next) {
			next = op->backend_link[0];
			cancel(self, op);
		}
	aw_status status = 0;
	while (status >= 0 && (self->in_ring || self->wake_armed || self->queued.first)) status = turn(self, INT64_MAX);
	io_uring_queue_exit(&self->ring);
	finish_lost(self);
	close_free(self);
	deliver(self);
	close(self->wake_fd);
	free(self);
}

static void uring_abandon(aw_backend_state *self) {
	if (self->owner == getpid())
		io_uring_queue_exit(&self->ring);
	else
		close(self->ring.ring_fd); /* not mapped in a child */
	close(self->wake_fd);
	free(self);
}

static const aw_backend uring_backend = {
	.abi = AW_BACKEND_ABI,
	.size = sizeof(aw_backend),
	.name = "uring",
	.description = "Linux's completion queue, io_uring, through liburing: the fewest system calls",
	.capabilities = AW_BACKEND_HAS_FD | AW_BACKEND_COMPLETION,
	.probe = ring_probe,
	.open = uring_open,
	.close = uring_close,
	.abandon = uring_abandon,
	.submit = uring_submit,
	.cancel = uring_cancel,
	.wait = uring_wait,
	.wake = uring_wake,
	.fd = uring_fd,
	.now = NULL,
};

AW_API const aw_backend *aw_backend_entry(void);

const aw_backend *aw_backend_entry(void) {
	return &uring_backend;
}
