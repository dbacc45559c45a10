/* SPDX-License-Identifier: MIT */
/*
 * The io_uring backend: one ring for each loop. `submit` fills in a submission queue entry. `flush` submits
 * the entries to the kernel, several in one system call. Entries that were not flushed are submitted by the
 * next `wait`, in the system call that waits, or at once if a host polls the ring (fd).
 *
 * The kernel resolves a descriptor when it takes the entry and holds the file from then on. No entry for one
 * of the program's descriptors may therefore be in the queue while the program runs, since the number may be
 * reused. The same applies to everything that would use the number again later:
 *
 * - Operations that the kernel does not perform itself go to readiness.c, whose epoll set the ring polls:
 *   each poll of a descriptor of the program, since it must neither hold the file nor report it once its
 *   number is closed (the ring itself polls what the core keeps open: AW_OP_POLL_HELD_OPEN); a write to a
 *   pipe, which raises SIGPIPE without RWF_NOSIGNAL (Linux 6.18); and whatever the kernel fails with EAGAIN
 *   or lacks memory for. This is decided before `flush` returns.
 * - A later result that only means "try again" (the submitting thread has ended, a connection died in the
 *   queue) is retried only if another epoll set, `files`, proves that the number still refers to the same
 *   file. Otherwise it is the final result.
 * - An entry that is cancelled before the kernel has taken it becomes a no-op.
 * - The owner keeps the descriptors of splices and of operations on files open, so these may be tried again at
 *   any time. Those on files never go to readiness.c: what the ring can't take, the core does.
 * - A close is a plain system call, made once nothing in the ring holds the file, so that the file is closed
 *   when the close completes.
 *
 * AW_OP_RECV_MULTISHOT is one entry that stays in the kernel and takes a buffer from pool.c for each arrival.
 * Whatever ends it early (the buffers, the thread that submitted it, an old kernel) is -ENOBUFS: the core reads
 * by itself for a while. AW_OP_ACCEPT_MULTISHOT is such an entry, too. The descriptors that it brings wait here for
 * their delivery; while that room is full, completions stay in the ring.
 *
 * The number of operations in flight is not limited: queueing those beyond the completion queue would let
 * idle ones block the one they wait for. The kernel keeps completions that overflow (NODROP), and `wait`
 * reports one for which it had no memory as EBADR.
 */
#include <await/backend.h>
#include <errno.h>
#include <liburing.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "entry.h"
#include "pool.h"
#include "readiness.h"
#include "ring.h"

/* Tests set another value to simulate a kernel without the flag. */
#ifndef URING_NOSIGNAL
#define URING_NOSIGNAL 0x00000100
#endif

enum {
	ENTRIES = 256,
	BUCKETS = 1024,
	BATCH = 64,
	ACCEPTED_MAX = 64,
	REAPED_AT_ONCE = ENTRIES * RING_COMPLETIONS_PER_ENTRY,
	LONGEST = 365 * 24 * 3600, /* seconds of one wait: the kernel adds them to its clock */
	TRIES = 8,                 /* of an interrupted call: a filter may return EINTR forever */
	COUNT_MAX = 0x7ffff000     /* the kernel's limit for a count */
};

/* The longest wait while wakes fail, so that a lost wake is noticed. */
#define SLEEP_WITHOUT_WAKE (50 * AW_MILLISECOND)

/* The kind of completion, in the low bits of user_data; operations are aligned. */
enum tag { TAG_OP = 0, TAG_WAKE = 1, TAG_NOBODY = 2, TAG_READY = 3, TAG_MASK = 3 };

/*
 * An operation's state: the low bits of backend_data[0]. The bits above hold the number of its entry. Values
 * below the first flag belong to operations in readiness.c.
 */
enum op_state {
	OP_IN_RING = 1 << 4, /* in the kernel or the submission queue */
	OP_CLOSING = 1 << 5, /* a close that waits for the other operations on its descriptor */
	OP_DONE = 1 << 6,    /* has its result, awaits delivery */
	OP_POLLS = 1 << 7,   /* a connect in progress, polled for */
	OP_CANCELLED = 1 << 8,
	OP_CANCEL_UNSENT = 1 << 9,        /* the cancel has not been submitted yet */
	OP_NEEDS_SIGPIPE_GUARD = 1 << 10, /* a write without RWF_NOSIGNAL */
	OP_AS_SEND = 1 << 11,             /* a write to a socket, done as a send */
	OP_KNOWN = 1 << 12,               /* `files` can tell whether the number still is its file's */
	OP_REFUSAL = 1 << 13,             /* one of a count of how often the kernel has withdrawn it */
	OP_REFUSALS = 3 << 13
};
enum { OP_STATES = 0xffff, OP_ENTRY_SHIFT = 16 };

/* A FIFO linked by backend_data[1]. An operation is on at most one of the two lists. */
typedef struct op_list {
	aw_op *first, *last;
} op_list;

/* A connection that was accepted. */
typedef struct acceptance {
	aw_op *op;
	int fd;
} acceptance;

struct aw_backend_state {
	const aw_backend_core *core;
	struct io_uring ring;
	readiness ready;         /* operations that the ring can't do; the ring polls its set */
	aw_op *buckets[BUCKETS]; /* the operations in the ring, by descriptor, linked by backend_link */
	op_list closing, done;
	uint64_t opcodes;                  /* those of entry.h that the kernel has */
	pool pool;                         /* what the receives that last take their buffers from */
	aw_buffer *arrived, *arrived_last; /* not delivered yet */
	acceptance accepted[ACCEPTED_MAX]; /* likewise */
	size_t accepted_count;
	uint64_t entry_mask; /* of the submission queue */
	uint64_t entries;    /* taken from the submission queue so far */
	/* the first entry since the last submission: from here on the numbers still are their files' */
	uint64_t fresh;
	size_t in_ring;        /* operations */
	size_t unsent_cancels; /* cancels not submitted for lack of room */
	size_t delivered;      /* in this wait */
	uint64_t wake_value;
	int wake_fd;
	/*
	 * an epoll set that is never waited on: it distinguishes files that had the same number; -1 before first
	 * use
	 */
	int files;
	pid_t owner;
	pthread_t submitter;    /* the last thread that submitted */
	bool submitter_may_end; /* that thread may end before the process */
	bool is_moving;         /* the loop may move between threads */
	aw_status broken;       /* the error of wake_fd, which can't be armed again */
	bool lacks_multishot;   /* the kernel cannot receive into the pool */
	bool wake_armed;        /* a read of wake_fd is in the ring */
	bool wake_stopped;      /* its cancel has been submitted */
	bool woken;
	bool ready_armed; /* a poll of the set of `ready` is in the ring */
	bool ready_fired; /* and has fired */
	bool launched;    /* entries have been written since the last submission */
	bool is_polled;   /* a host polls the ring */
	bool ending;
	atomic_bool wake_refused; /* the last wake failed */
	atomic_bool wake_lost;    /* a wake failed and no wait has returned since */
};

typedef struct aw_backend_state uring;

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

static void arrived_append(uring *self, aw_buffer *buffer) {
	buffer->link = NULL;
	if (self->arrived)
		self->arrived_last->link = buffer;
	else
		self->arrived = buffer;
	self->arrived_last = buffer;
}

/* The kernel is done with the operation; queue it for delivery. */
static void finish(uring *self, aw_op *op, int64_t result) {
	if (op->kind != AW_OP_CLOSE) bucket_remove(self, op);
	op->result = result;
	op->backend_data[0] = OP_DONE;
	list_append(&self->done, op);
}

/* Before the operations that have ended: theirs is what comes last. */
static void deliver_arrived(uring *self) {
	while (self->arrived) {
		aw_buffer *buffer = self->arrived;
		self->arrived = buffer->link;
		aw_op *op = pool_at(&self->pool, buffer->id)->op;
		op->arrived = buffer;
		self->delivered++;
		self->core->complete(self->core, op);
	}
	size_t count = self->accepted_count;
	self->accepted_count = 0;
	for (size_t i = 0; i < count; i++) {
		aw_buffer connection = {.id = (uint32_t)self->accepted[i].fd};
		aw_op *op = self->accepted[i].op;
		op->arrived = &connection;
		self->delivered++;
		self->core->complete(self->core, op);
	}
}

static void deliver(uring *self) {
	op_list now = self->done;
	self->done = (op_list){NULL, NULL};
	deliver_arrived(self);
	while (now.first) {
		aw_op *op = now.first;
		now.first = list_next(op);
		self->delivered++;
		op->arrived = NULL;
		self->core->complete(self->core, op);
	}
	self->delivered += readiness_deliver(&self->ready);
}

/* --- operations that the ring does not do --- */

/* Passes an operation to readiness.c. Its number must still refer to its file. */
static void pass_to_readiness(uring *self, aw_op *op) {
	aw_status status = readiness_submit(&self->ready, op);
	if (status == 0) return;
	op->result = status;
	op->backend_data[0] = OP_DONE;
	list_append(&self->done, op);
}

/* The ring can't do it now. */
static void leave_ring(uring *self, aw_op *op) {
	if (op->kind == AW_OP_RECV_MULTISHOT) {
		finish(self, op, -ENOBUFS);
		return;
	}
	if (op->kind == AW_OP_ACCEPT_MULTISHOT) {
		finish(self, op, -EAGAIN);
		return;
	}
	bucket_remove(self, op);
	pass_to_readiness(self, op);
}

/* --- file identity --- */

static int files_add(const uring *self, int fd) {
	struct epoll_event nothing = {.events = EPOLLONESHOT};
	return epoll_ctl(self->files, EPOLL_CTL_ADD, fd, &nothing) < 0 ? -errno : 0;
}

/*
 * Records which file the number refers to. Fails for a regular file or without memory; then it is not known
 * later.
 */
static void remember(uring *self, aw_op *op) {
	if (self->files < 0) self->files = epoll_create1(EPOLL_CLOEXEC);
	if (self->files < 0) return;
	int status = files_add(self, op->fd);
	if (status == 0 || status == -EEXIST) op->backend_data[0] |= OP_KNOWN;
}

/*
 * The set has an entry for each file and number, and loses it when the file is freed. EEXIST therefore means
 * that the file is the same.
 */
static bool is_still_its_file(const uring *self, const aw_op *op) {
	if (!(op->backend_data[0] & OP_KNOWN)) return false;
	int status = files_add(self, op->fd);
	if (status == 0) (void)epoll_ctl(self->files, EPOLL_CTL_DEL, op->fd, NULL);
	return status == -EEXIST;
}

/* --- entries for the kernel --- */

static unsigned count_of(const aw_op *op) {
	return op->length < COUNT_MAX ? (unsigned)op->length : (unsigned)COUNT_MAX;
}

static bool is_write(const aw_op *op) {
	return op->kind == AW_OP_WRITE || op->kind == AW_OP_WRITEV;
}

static void fill_write(const uring *self, aw_op *op, struct io_uring_sqe *sqe) {
	if (op->backend_data[0] & OP_AS_SEND) {
		io_uring_prep_send(sqe, op->fd, op->buffer, count_of(op), MSG_NOSIGNAL);
		return;
	}
	if (op->kind == AW_OP_WRITEV)
		entry_prepare(op, sqe);
	else
		io_uring_prep_write(sqe, op->fd, op->buffer, count_of(op), (uint64_t)op->offset);
	/* An operation with an offset is not on a pipe. */
	if (op->offset >= 0 || self->ready.calls.nosignal_write == CALLS_ABSENT)
		op->backend_data[0] |= OP_NEEDS_SIGPIPE_GUARD;
	if (!(op->backend_data[0] & OP_NEEDS_SIGPIPE_GUARD)) sqe->rw_flags = URING_NOSIGNAL;
}

/* Whether the owner keeps the descriptor open, so that its number is always its file's. */
static bool is_held_open(const aw_op *op) {
	return op->kind == AW_OP_RECV_MULTISHOT || op->kind == AW_OP_ACCEPT_MULTISHOT ||
	       (op->kind == AW_OP_POLL && op->flags & AW_OP_POLL_HELD_OPEN) || entry_keeps_open(op);
}

/* A connect in progress is polled for as well. */
static unsigned poll_events(const aw_op *op) {
	return op->backend_data[0] & OP_POLLS ? POLLOUT : op->flags & 0xffff;
}

static void fill_receive(const aw_op *op, struct io_uring_sqe *sqe) {
	io_uring_prep_recv_multishot(sqe, op->fd, NULL, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	sqe->buf_group = POOL_GROUP;
}

static void fill(const uring *self, aw_op *op, struct io_uring_sqe *sqe) {
	uint32_t kind = op->backend_data[0] & OP_POLLS ? AW_OP_POLL : op->kind;
	int flags = (int)(op->flags & ~(uint32_t)MSG_DONTWAIT);
	switch (kind) {
	case AW_OP_POLL: io_uring_prep_poll_add(sqe, op->fd, poll_events(op)); break;
	case AW_OP_READ: io_uring_prep_read(sqe, op->fd, op->buffer, count_of(op), (uint64_t)op->offset); break;
	case AW_OP_WRITE:
	case AW_OP_WRITEV: fill_write(self, op, sqe); break;
	case AW_OP_RECV: io_uring_prep_recv(sqe, op->fd, op->buffer, count_of(op), flags); break;
	case AW_OP_RECV_MULTISHOT: fill_receive(op, sqe); break;
	case AW_OP_SEND: io_uring_prep_send(sqe, op->fd, op->buffer, count_of(op), flags | MSG_NOSIGNAL); break;
	case AW_OP_ACCEPT: io_uring_prep_accept(sqe, op->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); break;
	case AW_OP_ACCEPT_MULTISHOT:
		io_uring_prep_multishot_accept(sqe, op->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		break;
	case AW_OP_CONNECT: io_uring_prep_connect(sqe, op->fd, op->buffer, (socklen_t)op->length); break;
	case AW_OP_FSYNC:
		io_uring_prep_fsync(sqe, op->fd, op->flags & AW_OP_FSYNC_DATA ? IORING_FSYNC_DATASYNC : 0);
		break;
	default: entry_prepare(op, sqe); break;
	}
	sqe->user_data = (uint64_t)(uintptr_t)op;
}

/* The number of entries that the kernel has taken. */
static uint64_t entries_consumed(const uring *self) {
	return self->entries - io_uring_sq_ready(&self->ring);
}

/* The entry with this number, or the latest one in its slot. */
static struct io_uring_sqe *entry_at(const uring *self, uint64_t number) {
	return &self->ring.sq.sqes[number & self->entry_mask];
}

static uint64_t entry_of(const aw_op *op) {
	return op->backend_data[0] >> OP_ENTRY_SHIFT;
}

/* Whether this thread may end, which would cancel what it submits. */
static bool may_thread_end(uring *self) {
	if (!self->is_moving) return false;
	pthread_t here = pthread_self();
	if (!pthread_equal(here, self->submitter)) {
		self->submitter = here;
		self->submitter_may_end = syscall(SYS_gettid) != self->owner;
	}
	return self->submitter_may_end;
}

/* Records the files of the entries just taken that are in flight and whose number may be needed again. */
static void remember_fresh(uring *self) {
	bool all = may_thread_end(self);
	for (uint64_t at = self->fresh, end = entries_consumed(self); at < end; at++) {
		const struct io_uring_sqe *sqe = entry_at(self, at);
		if ((sqe->user_data & TAG_MASK) != TAG_OP) continue;
		aw_op *op = (aw_op *)(uintptr_t)sqe->user_data;
		bool is_here = op->backend_data[0] & OP_IN_RING && entry_of(op) == at &&
		               !(op->backend_data[0] & OP_KNOWN) && !is_held_open(op);
		if (is_here && (all || op->kind == AW_OP_ACCEPT || op->kind == AW_OP_CONNECT)) remember(self, op);
	}
}

/* Returns NULL if the queue is full and the kernel takes nothing now. */
static struct io_uring_sqe *entry_take(uring *self) {
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	if (!sqe) {
		(void)io_uring_submit(&self->ring);
		remember_fresh(self); /* before their slots are reused */
		sqe = io_uring_get_sqe(&self->ring);
	}
	if (sqe) self->entries++;
	return sqe;
}

static void entry_forget(struct io_uring_sqe *sqe) {
	io_uring_prep_nop(sqe);
	sqe->user_data = TAG_NOBODY;
}

/*
 * Writes an operation's entry. If the queue is full, the operation goes to readiness.c, or fails if it has
 * begun.
 */
static void launch(uring *self, aw_op *op) {
	if (!self->launched) self->fresh = self->entries;
	self->launched = true;
	struct io_uring_sqe *sqe = entry_take(self);
	if (sqe) {
		fill(self, op, sqe);
		op->backend_data[0] =
			(op->backend_data[0] & OP_STATES) | (self->entries - 1) << OP_ENTRY_SHIFT | OP_IN_RING;
		self->in_ring++;
	} else if (op->backend_data[0] & OP_POLLS) {
		finish(self, op, -ENOMEM);
	} else {
		leave_ring(self, op);
	}
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

static void arm_ready(uring *self) {
	struct io_uring_sqe *sqe = entry_take(self);
	if (!sqe) return;
	io_uring_prep_poll_add(sqe, self->ready.set, POLLIN);
	sqe->user_data = TAG_READY;
	self->ready_armed = true;
}

/* The epoll set of readiness.c must be polled, but is not. */
static bool is_ready_unseen(const uring *self) {
	return !self->ready_armed && !self->ending;
}

/* Whether entries are outstanding for lack of room in the submission queue. */
static bool is_congested(const uring *self) {
	return self->unsent_cancels || is_ready_unseen(self) ||
	       (self->ending ? self->wake_armed && !self->wake_stopped : !self->wake_armed);
}

/* Writes outstanding entries: those for our own descriptors, and those for which there was no room. */
static void launch_rest(uring *self) {
	if (!self->wake_armed && !self->ending) arm_wake(self);
	if (self->wake_armed && self->ending && !self->wake_stopped)
		self->wake_stopped = cancel_entry(self, TAG_WAKE);
	if (is_ready_unseen(self)) arm_ready(self);
	for (size_t i = 0; self->unsent_cancels && i < BUCKETS; i++)
		for (aw_op *op = self->buckets[i]; op; op = op->backend_link[0]) {
			if (!(op->backend_data[0] & OP_CANCEL_UNSENT)) continue;
			if (!cancel_entry(self, (uint64_t)(uintptr_t)op)) return;
			op->backend_data[0] &= ~(uint64_t)OP_CANCEL_UNSENT;
			self->unsent_cancels--;
		}
}

/*
 * If the write fails (a filter, or the program closed the descriptor), try readiness.c's eventfd. If that
 * fails too, the wake may be lost: waits are short from now on, and the next one returns at once.
 */
static aw_status uring_try_wake(aw_backend_state *self) {
	int saved = errno;
	aw_status status = 0;
	const uint64_t one = 1;
	ssize_t n = -1;
	for (int i = 0; i < TRIES; i++) {
		n = write(self->wake_fd, &one, sizeof one);
		if (n >= 0 || errno != EINTR) break;
	}
	bool refused = n < 0 && errno != EAGAIN; /* EAGAIN: the counter is full, which also wakes */
	if (refused) {
		status = -errno;
		atomic_store(&self->wake_lost, true);
		/* the ring's own poll retries while it is interrupted */
		if (errno != EINTR) (void)readiness_wake(&self->ready);
	}
	if (refused || atomic_load_explicit(&self->wake_refused, memory_order_relaxed))
		atomic_store(&self->wake_refused, refused);
	errno = saved;
	return status;
}

static void uring_wake(aw_backend_state *self) {
	(void)uring_try_wake(self);
}

/* --- results from the kernel --- */

/*
 * Starts a write without RWF_NOSIGNAL, depending on the kind of file. The number must still refer to its
 * file.
 */
static void launch_guarded_write(uring *self, aw_op *op) {
	struct stat st;
	mode_t type = fstat(op->fd, &st) == 0 ? st.st_mode & S_IFMT : 0;
	op->backend_data[0] |= OP_NEEDS_SIGPIPE_GUARD;
	/* These support the flag if the kernel does. */
	if (type == S_IFIFO || type == S_IFSOCK || type == S_IFREG)
		self->ready.calls.nosignal_write = CALLS_ABSENT;
	if (type == S_IFIFO || (type == S_IFSOCK && op->kind == AW_OP_WRITEV)) {
		leave_ring(self, op);
		return;
	}
	if (type == S_IFSOCK) op->backend_data[0] |= OP_AS_SEND;
	launch(self, op);
}

/* Results that only mean: try again. */
static bool is_interruption(int result) {
	/*
	 * The submitting thread has ended, or a worker was interrupted. Some old kernels leak ERESTARTSYS and
	 * similar.
	 */
	return result == -ECANCELED || result == -EINTR || (result <= -512 && result >= -516);
}

/* A connection that died in the queue. accept(2) lists these errors; the next one may succeed. */
static bool is_lost_connection(int result) {
	return result == -ECONNABORTED || result == -EPROTO || result == -ENETDOWN || result == -ENOPROTOOPT ||
	       result == -EHOSTDOWN || result == -ENONET || result == -EHOSTUNREACH || result == -ENETUNREACH;
}

/*
 * Whether an operation on files that was interrupted must end as it is: it may have begun. If it was only
 * withdrawn from its queue, as when its thread has ended, it may be tried again.
 */
static bool is_begun(const aw_op *op, int result) {
	return entry_is_of_files(op) && result != -ECANCELED;
}

/* What the kernel does on a thread of its pool. */
static bool needs_worker(const aw_op *op) {
	struct stat st;
	if (entry_keeps_open(op) || op->kind == AW_OP_FSYNC) return true;
	if (op->kind != AW_OP_READ && op->kind != AW_OP_READV && !is_write(op)) return false;
	return fstat(op->fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

/*
 * Whether the kernel has no thread for an operation, as when the limit of threads is reached. It then withdraws the
 * operation just as if the submitting thread had ended, so only its doing so again tells.
 */
static bool is_refused(aw_op *op, int result) {
	uint64_t state = op->backend_data[0];
	if (result != -ECANCELED || state & OP_CANCELLED || !needs_worker(op)) return false;
	if ((state & OP_REFUSALS) == OP_REFUSALS) return true;
	op->backend_data[0] += OP_REFUSAL;
	return false;
}

/* A connect in progress can be polled now, or has its result. */
static void connect_returned(uring *self, aw_op *op, int result) {
	int64_t outcome = result >= 0 ? calls_connected(op) : -EAGAIN;
	if (outcome != -EAGAIN) {
		finish(self, op, outcome);
		return;
	}
	op->backend_data[0] |= OP_POLLS;
	if (!(op->backend_data[0] & OP_KNOWN)) remember(self, op);
	launch(self, op);
}

static void op_returned(uring *self, aw_op *op, int result) {
	uint64_t state = op->backend_data[0];
	self->in_ring--;
	if (state & OP_CANCEL_UNSENT) self->unsent_cancels--;
	op->backend_data[0] &= ~(uint64_t)(OP_IN_RING | OP_CANCEL_UNSENT);
	if (op->kind == AW_OP_CONNECT && result == -EAGAIN) {
		/* The backlog of a Unix socket's peer is full, and no event reports when there is room. */
		finish(self, op, -ECONNREFUSED);
		return;
	}
	enum { DONE, AGAIN, WAIT, CONNECT, GUARDED } next = DONE;
	if (is_refused(op, result)) {
		result = -EAGAIN;
	} else if (is_begun(op, result)) {
		if (is_interruption(result)) result = -EINTR;
	} else if (is_interruption(result) || (op->kind == AW_OP_ACCEPT && is_lost_connection(result)))
		next = AGAIN;
	else if (result == -EAGAIN)
		next = WAIT;
	else if (op->kind == AW_OP_CONNECT &&
	         (result == -EALREADY || result == -EINPROGRESS || (state & OP_POLLS && result >= 0)))
		next = CONNECT;
	else if (is_write(op) && !(state & OP_NEEDS_SIGPIPE_GUARD) && result == -EOPNOTSUPP)
		next = GUARDED;

	if (next == DONE || state & OP_CANCELLED) {
		finish(self, op, next == DONE ? result : -ECANCELED);
	} else if (entry_of(op) < self->fresh && !is_held_open(op) && !is_still_its_file(self, op)) {
		/* The number refers to another file, or its file is not known. */
		finish(self, op, state & OP_KNOWN ? -EBADF : is_interruption(result) ? -EINTR : result);
	} else if (next == CONNECT) {
		connect_returned(self, op, result);
	} else if (next == GUARDED) {
		launch_guarded_write(self, op);
	} else if (next == WAIT) {
		leave_ring(self, op);
	} else {
		launch(self, op);
	}
}

/* The kernel has nothing left of an operation that lasts. Returns the state that it was in. */
static uint64_t note_end(uring *self, aw_op *op) {
	uint64_t state = op->backend_data[0];
	self->in_ring--;
	if (state & OP_CANCEL_UNSENT) self->unsent_cancels--;
	op->backend_data[0] &= ~(uint64_t)(OP_IN_RING | OP_CANCEL_UNSENT);
	return state;
}

/* There must be room for the descriptor. */
static void accept_returned(uring *self, aw_op *op, int result, unsigned flags) {
	if (result >= 0) self->accepted[self->accepted_count++] = (acceptance){op, result};
	if (flags & IORING_CQE_F_MORE) return;
	uint64_t state = note_end(self, op);
	bool is_stopped = result >= 0 || is_interruption(result) || is_lost_connection(result);
	if (is_stopped) result = state & OP_CANCELLED ? -ECANCELED : -EAGAIN;
	finish(self, op, result);
}

static void multishot_returned(uring *self, aw_op *op, int result, unsigned flags) {
	if (flags & IORING_CQE_F_BUFFER) {
		pool_buffer *buffer = pool_take(&self->pool, flags >> IORING_CQE_BUFFER_SHIFT);
		if (result > 0) {
			buffer->op = op;
			buffer->base.length = (uint32_t)result;
			arrived_append(self, &buffer->base);
		} else {
			pool_give(&self->pool, &buffer->base);
		}
	}
	if (flags & IORING_CQE_F_MORE) return;
	uint64_t state = note_end(self, op);
	/* Linux before 6.0. */
	if (result == -EINVAL) self->lacks_multishot = true;
	bool is_stopped = result > 0 || result == -EAGAIN || result == -EINVAL || is_interruption(result);
	if (is_stopped) result = state & OP_CANCELLED ? -ECANCELED : -ENOBUFS;
	finish(self, op, result);
}

static void wake_returned(uring *self, int result) {
	self->wake_armed = false;
	if (result >= 0)
		self->woken = true;
	else if (!is_interruption(result) && result != -EAGAIN)
		self->broken = result; /* the program has closed the descriptor */
}

/* Processes completions. Returns their number, including internal ones. */
static unsigned reap(uring *self) {
	struct io_uring_cqe *batch[BATCH];
	unsigned total = 0, count;
	do {
		count = io_uring_peek_batch_cqe(&self->ring, batch, BATCH);
		for (unsigned i = 0; i < count; i++) {
			uint64_t data = batch[i]->user_data;
			int result = batch[i]->res;
			unsigned flags = batch[i]->flags;
			/* The rest stays where it is until these have been delivered. */
			if (self->accepted_count == ACCEPTED_MAX) return total + i;
			io_uring_cq_advance(&self->ring, 1);
			if ((data & TAG_MASK) == TAG_OP) {
				aw_op *op = (aw_op *)(uintptr_t)data;
				if (op->kind == AW_OP_RECV_MULTISHOT)
					multishot_returned(self, op, result, flags);
				else if (op->kind == AW_OP_ACCEPT_MULTISHOT)
					accept_returned(self, op, result, flags);
				else
					op_returned(self, op, result);
			}
			if ((data & TAG_MASK) == TAG_WAKE) wake_returned(self, result);
			if ((data & TAG_MASK) == TAG_READY) {
				self->ready_armed = false;
				self->ready_fired = true;
			}
		}
		total += count;
	} while (count == BATCH && total < REAPED_AT_ONCE);
	return total;
}

/* Performs the closes whose file nothing in the ring holds any more. */
static void close_free(uring *self) {
	op_list now = self->closing;
	self->closing = (op_list){NULL, NULL};
	while (now.first) {
		aw_op *op = now.first;
		now.first = list_next(op);
		if (bucket_find(self, op->fd))
			list_append(&self->closing, op);
		else
			pass_to_readiness(self, op);
	}
}

/* --- submission --- */

/* The kernel lacks memory for these now; readiness.c needs none. */
static void take_back(uring *self) {
	for (uint64_t at = entries_consumed(self), end = self->entries; at < end; at++) {
		struct io_uring_sqe *sqe = entry_at(self, at);
		if ((sqe->user_data & TAG_MASK) != TAG_OP) continue;
		aw_op *op = (aw_op *)(uintptr_t)sqe->user_data;
		entry_forget(sqe);
		self->in_ring--;
		op->backend_data[0] &= ~(uint64_t)OP_IN_RING;
		if (op->backend_data[0] & OP_POLLS)
			finish(self, op, -ENOMEM);
		else
			leave_ring(self, op);
	}
}

/*
 * Submits the entries, so the kernel holds their files from now on. Processes results that are available at
 * once, since some need the number again.
 */
static void submit_entries(uring *self) {
	if (!self->launched) return;
	uint64_t end;
	int failed = 0;
	do {
		end = self->entries;
		while (entries_consumed(self) < end && failed < TRIES) {
			int status = io_uring_submit(&self->ring);
			if (status > 0) continue;
			failed++;
			if (status != -EINTR) (void)reap(self); /* the kernel may need room for completions */
		}
		if (entries_consumed(self) < end) take_back(self);
		while (reap(self) >= REAPED_AT_ONCE) continue;
		remember_fresh(self);
	} while (self->entries > end); /* some are retried */
	self->launched = false;
	self->fresh = self->entries;
}

/* For a host that polls the ring: submits everything, and makes the ring readable if a wait would return. */
static void update_poller(uring *self) {
	if (!self->is_polled) return;
	launch_rest(self);
	submit_entries(self);
	if (io_uring_sq_ready(&self->ring)) (void)io_uring_submit(&self->ring);
	if (self->done.first || self->arrived || self->accepted_count || readiness_has_done(&self->ready) ||
	    is_congested(self))
		uring_wake(self);
}

/* --- waiting --- */

/* Temporary failures to submit: no memory, unread completions, a signal. */
static bool is_passing(int status) {
	return status == -EAGAIN || status == -EBUSY || status == -EINTR;
}

/* Submits the entries and waits for completions, until `deadline` at most. */
static aw_status enter(uring *self, int64_t deadline) {
	int64_t span = deadline;
	if (deadline > 0 && deadline != INT64_MAX) span = deadline - readiness_now();
	if (is_congested(self) && span > AW_MILLISECOND) span = AW_MILLISECOND;
	if (span > SLEEP_WITHOUT_WAKE && atomic_load(&self->wake_refused)) span = SLEEP_WITHOUT_WAKE;
	if (span > LONGEST * AW_SECOND && span != INT64_MAX) span = LONGEST * AW_SECOND;
	if (span <= 0 || io_uring_cq_ready(&self->ring)) {
		unsigned flags = IO_URING_READ_ONCE(*self->ring.sq.kflags);
		if (!io_uring_sq_ready(&self->ring) && !(flags & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)))
			return 0;
		return io_uring_submit_and_get_events(&self->ring);
	}
	/* A single call, unlike liburing's waits without a limit: those continue after a signal. */
	if (span == INT64_MAX) return io_uring_submit_and_wait(&self->ring, 1);
	struct io_uring_cqe *first = NULL;
	struct __kernel_timespec limit = {.tv_sec = span / AW_SECOND, .tv_nsec = span % AW_SECOND};
	return io_uring_submit_and_wait_timeout(&self->ring, &first, 1, &limit, NULL);
}

/* Processes the events of readiness.c's epoll set. */
static aw_status collect(uring *self) {
	if (!self->ready_fired && !is_ready_unseen(self)) return 0;
	self->ready_fired = false;
	int found = readiness_collect(&self->ready, 0);
	if (found > 0 && found & READINESS_WOKEN) self->woken = true;
	return found < 0 ? found : 0;
}

/* Runs one iteration. Returns 0 to continue, 1 if a signal ended it, or a negative status. */
static aw_status run_once(uring *self, int64_t deadline) {
	launch_rest(self);
	aw_status status = self->broken ? self->broken : enter(self, deadline);
	unsigned count = reap(self);
	submit_entries(self);
	aw_status collected = collect(self);
	close_free(self);
	deliver(self);
	if (atomic_load_explicit(&self->wake_lost, memory_order_relaxed) &&
	    atomic_exchange(&self->wake_lost, false))
		self->woken = true;
	if (collected < 0) return collected;
	/* If entries were submitted, their count hides the EINTR. */
	if (status >= 0)
		return !count && !is_congested(self) && deadline > 0 &&
		       (deadline == INT64_MAX || readiness_now() < deadline);
	if (status == -EINTR) return 1;
	if (status == -EAGAIN && !count && deadline)
		(void)poll(&(struct pollfd){.fd = self->ring.ring_fd, .events = POLLIN}, 1, 1);
	return status == -ETIME || is_passing(status) ? 0 : status;
}

static aw_status uring_wait(aw_backend_state *self, int64_t deadline) {
	aw_status status;
	self->woken = false;
	self->delivered = 0;
	deliver(self);
	if (atomic_load_explicit(&self->wake_lost, memory_order_relaxed)) deadline = 0;
	do status = run_once(self, self->delivered ? 0 : deadline);
	while (status == 0 && !self->delivered && !self->woken &&
	       (deadline == INT64_MAX || (deadline > 0 && readiness_now() < deadline)));
	update_poller(self);
	return status < 0 ? status : 0;
}

static int uring_fd(aw_backend_state *self) {
	self->is_polled = true;
	update_poller(self);
	return self->ring.ring_fd;
}

/* --- operations --- */

static void cancel(uring *self, aw_op *op) {
	if (op->backend_data[0] & (OP_DONE | OP_CANCELLED | OP_CLOSING)) return;
	op->backend_data[0] |= OP_CANCELLED;
	uint64_t entry = entry_of(op);
	if (entry >= entries_consumed(self)) {
		entry_forget(entry_at(self, entry));
		self->in_ring--;
		finish(self, op, -ECANCELED);
	} else if (!cancel_entry(self, (uint64_t)(uintptr_t)op)) {
		op->backend_data[0] |= OP_CANCEL_UNSENT;
		self->unsent_cancels++;
	}
}

static void uring_cancel(aw_backend_state *self, aw_op *op) {
	if (op->backend_data[0] < OP_IN_RING)
		readiness_cancel(&self->ready, op);
	else
		cancel(self, op);
	update_poller(self);
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

static void start(uring *self, aw_op *op) {
	bucket_add(self, op);
	if (is_write(op) && op->offset < 0 && self->ready.calls.nosignal_write == CALLS_ABSENT)
		launch_guarded_write(self, op);
	else
		launch(self, op);
}

static bool has_pool(uring *self) {
	if (self->lacks_multishot || self->ending) return false;
	if (!self->pool.ring && pool_open(&self->pool, &self->ring) < 0) self->lacks_multishot = true;
	return !self->lacks_multishot;
}

static aw_status uring_submit(aw_backend_state *self, aw_op *op) {
	if (op->fd < 0 && !entry_is_of_files(op)) return op->kind < AW_OP_POLL ? -EINVAL : -EBADF;
	if (op->kind == AW_OP_CONNECT && op->length > INT_MAX) return -EINVAL;
	for (aw_op *at = self->closing.first; at; at = list_next(at))
		if (at->fd == op->fd) return -EBADF;
	aw_status status = 0;
	op->backend_data[0] = 0;
	switch (op->kind) {
	case AW_OP_POLL:
		if (op->flags & AW_OP_POLL_HELD_OPEN)
			start(self, op);
		else
			status = readiness_submit(&self->ready, op);
		break;
	case AW_OP_CLOSE: start_close(self, op); break;
	case AW_OP_RECV_MULTISHOT:
		if (has_pool(self))
			start(self, op);
		else
			status = -EOPNOTSUPP;
		break;
	case AW_OP_READ:
	case AW_OP_WRITE:
	case AW_OP_RECV:
	case AW_OP_SEND:
	case AW_OP_ACCEPT:
	case AW_OP_CONNECT:
	case AW_OP_FSYNC: start(self, op); break;
	default: /* an accept that lasts is nothing for readiness.c, which says so */
		if (entry_has(self->opcodes, op))
			start(self, op);
		else
			status = readiness_submit(&self->ready, op);
		break;
	}
	update_poller(self);
	return status;
}

static void uring_give_back(aw_backend_state *self, aw_buffer *buffer) {
	pool_give(&self->pool, buffer);
}

static void uring_flush(aw_backend_state *self) {
	submit_entries(self);
	update_poller(self);
}

/* --- opening and closing --- */

static aw_status uring_open(const aw_backend_core *core, uint32_t flags, uint64_t seed,
                            aw_backend_state **out) {
	(void)seed;
	uring *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	self->core = core;
	self->owner = getpid();
	self->files = -1;
	self->is_moving = !(flags & AW_BACKEND_SINGLE_THREAD);
	self->submitter = pthread_self();
	self->submitter_may_end = syscall(SYS_gettid) != self->owner;
	aw_status status = readiness_open(&self->ready, core);
	if (status < 0) goto fail_memory;
	self->ready.held_polls_are_new = true;
	/* Blocking, so that a read in the ring waits instead of failing with EAGAIN. */
	self->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (self->wake_fd < 0) {
		status = -errno;
		goto fail_ready;
	}
	status = ring_create(&self->ring, ENTRIES, flags);
	if (status < 0) goto fail_wake;
	if (!ring_has_features(&self->ring)) {
		status = -ENOSYS;
		goto fail_ring;
	}
	self->opcodes = entry_opcodes(&self->ring);
	self->entry_mask = io_uring_sq_space_left(&self->ring) - 1;
	/* Submit at once: a filter that forbids io_uring_enter fails here. */
	arm_wake(self);
	arm_ready(self);
	status = io_uring_submit(&self->ring);
	if (status < 0 && !is_passing(status)) goto fail_ring;
	*out = self;
	return 0;

fail_ring:
	io_uring_queue_exit(&self->ring);
fail_wake:
	close(self->wake_fd);
fail_ready:
	readiness_abandon(&self->ready);
fail_memory:
	free(self);
	return status;
}

/*
 * Ends operations that the kernel never completed because the ring is unusable (closed by the program, or
 * bound to another thread).
 */
static void finish_lost(uring *self) {
	for (size_t i = 0; i < BUCKETS; i++)
		while (self->buckets[i]) finish(self, self->buckets[i], -ECANCELED);
}

static void close_own(uring *self) {
	close(self->wake_fd);
	if (self->files >= 0) close(self->files);
	pool_free(&self->pool);
}

static void uring_close(aw_backend_state *self) {
	self->ending = true;
	self->is_polled = false;
	self->broken = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		for (aw_op *op = self->buckets[i], *next; op; op = next) {
			next = op->backend_link[0];
			cancel(self, op);
		}
	aw_status status = 0;
	while (status >= 0 && (self->in_ring || self->wake_armed)) status = run_once(self, INT64_MAX);
	/* If that failed, descriptors may still be there. */
	while (reap(self) && self->accepted_count) deliver(self);
	io_uring_queue_exit(&self->ring);
	finish_lost(self);
	close_free(self);
	deliver(self);
	readiness_close(&self->ready);
	close_own(self);
	free(self);
}

static void uring_abandon(aw_backend_state *self) {
	for (size_t i = 0; i < self->accepted_count; i++) close(self->accepted[i].fd);
	if (self->owner == getpid())
		io_uring_queue_exit(&self->ring);
	else
		close(self->ring.ring_fd); /* not mapped in a child */
	readiness_abandon(&self->ready);
	close_own(self);
	free(self);
}

static const aw_backend uring_backend = {
	.abi = AW_BACKEND_ABI,
	.size = sizeof(aw_backend),
	.name = "uring",
	.description = "Linux's completion queue, io_uring, through liburing: the fewest system calls",
	.capabilities = AW_BACKEND_HAS_FD | AW_BACKEND_COMPLETION | AW_BACKEND_MULTISHOT,
	.probe = ring_probe,
	.open = uring_open,
	.close = uring_close,
	.abandon = uring_abandon,
	.submit = uring_submit,
	.cancel = uring_cancel,
	.wait = uring_wait,
	.wake = uring_wake,
	.try_wake = uring_try_wake,
	.fd = uring_fd,
	.now = NULL,
	.flush = uring_flush,
	.give_back = uring_give_back,
};

AW_API const aw_backend *aw_backend_entry(void);

const aw_backend *aw_backend_entry(void) {
	return &uring_backend;
}
