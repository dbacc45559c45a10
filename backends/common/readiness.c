/* SPDX-License-Identifier: MIT */
/*
 * An operation is tried at once and queued only if it would block, on the queue of its direction in its
 * descriptor's entry. Finished operations are in one list until a wait delivers them. The program may close a
 * descriptor during an operation, and its number may then belong to another file. epoll identifies files, not
 * numbers: each new waiter re-arms its number, where ENOENT shows that the file is a new one, and before an
 * event's operations use the file, an epoll_ctl checks that it is still the file of the event.
 *
 * A registration is kept between waits, and each wait costs one epoll_ctl. An operation that waits once is
 * armed when it is submitted (EPOLLONESHOT). If it is a poll, its event needs no check: it is for the file
 * that the operation was submitted on, and finishing a poll does not use the file. A standing poll is armed
 * with EPOLLET, and re-arming it when its event arrives is also the check; its next submission costs nothing.
 * Level-triggered mode is never used: an event of a file whose number now belongs to another could not be
 * stopped.
 *
 * The wakeup is an eventfd that is always writable and registered for no events. A wake arms it with
 * epoll_ctl instead of writing to it: if the program closes every descriptor, a write would put eight bytes
 * into whatever file gets the number next, while epoll_ctl only fails.
 */
#include "readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 256, BATCH = 256 };

/* The queue that an operation in flight is on, in its backend_data[0]: an enum readiness_side, or: */
enum { DONE = READINESS_SIDES, NOWHERE };

static const uint64_t wakeup_tag = UINT64_MAX;
static const uint32_t wakeup_events = EPOLLOUT | EPOLLONESHOT;
/*
 * The F_SETSIG mark on our epoll set and eventfd, which send no signals. Another file with the same number
 * lacks it.
 */
enum { OUR_MARK = 61 };

/* epoll and poll use the same event bits, so a poll operation's flags need no translation. */
_Static_assert(EPOLLIN == (int)AW_POLL_IN && EPOLLOUT == (int)AW_POLL_OUT, "poll flags");
_Static_assert(EPOLLERR == (int)AW_POLL_ERR && EPOLLHUP == (int)AW_POLL_HUP, "poll flags");
static const uint32_t poll_mask = 0xffff; /* the higher bits are epoll's own flags */

/* ---- queues ---- */

static void queue_push(readiness_queue *queue, aw_op *op) {
	op->backend_link[0] = NULL;
	op->backend_link[1] = queue->last;
	if (queue->last)
		queue->last->backend_link[0] = op;
	else
		queue->first = op;
	queue->last = op;
}

static void queue_remove(readiness_queue *queue, aw_op *op) {
	aw_op *next = op->backend_link[0], *previous = op->backend_link[1];
	if (previous)
		previous->backend_link[0] = next;
	else
		queue->first = next;
	if (next)
		next->backend_link[1] = previous;
	else
		queue->last = previous;
}

/* ---- the table ---- */

static readiness_entry *entry_find(const readiness *self, int fd) {
	size_t block = (unsigned)fd / BLOCK; /* of a negative number: there are not that many */
	if (block >= self->block_count || !self->blocks[block]) return NULL;
	return &self->blocks[block][(unsigned)fd % BLOCK];
}

/*
 * Returns the entry of a descriptor number, creating it if needed. A number that is not open must not grow
 * the table.
 */
static aw_status entry_at(readiness *self, int fd, readiness_entry **out) {
	readiness_entry *entry = entry_find(self, fd);
	if (!entry) {
		if (fcntl(fd, F_GETFD) < 0) return -errno;
		size_t block = (size_t)fd / BLOCK;
		if (block >= self->block_count) {
			size_t count = self->block_count * 2 > block ? self->block_count * 2 : block + 1;
			readiness_entry **blocks = realloc(self->blocks, count * sizeof *blocks);
			if (!blocks) return -ENOMEM;
			memset(blocks + self->block_count, 0, (count - self->block_count) * sizeof *blocks);
			self->blocks = blocks;
			self->block_count = count;
		}
		/* An entry is a cache line. */
		readiness_entry *entries = aligned_alloc(64, BLOCK * sizeof *entries);
		if (!entries) return -ENOMEM;
		self->blocks[block] = memset(entries, 0, BLOCK * sizeof *entries);
		entry = &self->blocks[block][fd % BLOCK];
	}
	*out = entry;
	return 0;
}

/* Whether an event makes the waiting operations use the file. */
static bool touches_file(const readiness_entry *entry) {
	return entry->waiting[READINESS_READ].first || entry->waiting[READINESS_WRITE].first;
}

static bool entry_is_idle(const readiness_entry *entry) {
	return !touches_file(entry) && !entry->waiting[READINESS_POLL].first;
}

/* The number that an operation waits on. */
static int fd_of(const aw_op *op, uint64_t side) {
	return op->kind == AW_OP_SPLICE && side == READINESS_WRITE ? op->second_fd : op->fd;
}

/* ---- ending operations ---- */

static void finish(readiness *self, aw_op *op, int64_t result) {
	op->result = result;
	op->backend_data[0] = DONE;
	bool is_first = !self->done.first;
	queue_push(&self->done, op);
	if (is_first && self->is_guest) (void)readiness_wake(self);
}

static void leave(readiness *self, readiness_entry *entry, aw_op *op) {
	queue_remove(&entry->waiting[op->backend_data[0]], op);
	op->backend_data[0] = NOWHERE;
	self->in_flight--;
}

static void leave_and_finish(readiness *self, readiness_entry *entry, aw_op *op, int64_t result) {
	leave(self, entry, op);
	finish(self, op, result);
}

/* Finishes all waiting operations of the entry, except `but`. */
static void end_all(readiness *self, readiness_entry *entry, int64_t result, const aw_op *but) {
	for (size_t side = 0; side < READINESS_SIDES; side++)
		for (aw_op *op = entry->waiting[side].first, *next; op; op = next) {
			next = op->backend_link[0];
			if (op != but) leave_and_finish(self, entry, op, result);
		}
}

/* The number belongs to another file or none: the operations that wait for the old file fail. */
static void forget_file(readiness *self, readiness_entry *entry, const aw_op *newcomer) {
	entry->generation++;
	entry->known = entry->armed = entry->lasting = false;
	end_all(self, entry, -EBADF, newcomer);
}

/* ---- the set ---- */

static bool is_standing(const aw_op *op) {
	return op->kind == AW_OP_POLL && op->offset >= AW_OP_POLL_STANDING && op->offset <= AW_OP_POLL_EDGE;
}

static bool has_standing(const readiness_entry *entry) {
	const aw_op *op = entry->waiting[READINESS_POLL].first;
	while (op && !is_standing(op)) op = op->backend_link[0];
	return op;
}

static struct epoll_event wanted_event(const readiness_entry *entry, int fd) {
	struct epoll_event event = {.events = has_standing(entry) ? EPOLLET : EPOLLONESHOT,
	                            .data.u64 = (uint64_t)entry->generation << 32 | (uint32_t)fd};
	if (entry->waiting[READINESS_READ].first) event.events |= EPOLLIN;
	if (entry->waiting[READINESS_WRITE].first) event.events |= EPOLLOUT;
	for (const aw_op *op = entry->waiting[READINESS_POLL].first; op; op = op->backend_link[0])
		event.events |= op->flags & poll_mask;
	/* An end, and urgent data, need to be read although a read has found nothing more: see poll_result(). */
	if (event.events & EPOLLET && event.events & EPOLLIN) event.events |= EPOLLRDHUP | EPOLLPRI;
	return event;
}

static void note_armed(readiness_entry *entry, const struct epoll_event *event) {
	entry->known = entry->armed = true;
	entry->lasting = event->events & EPOLLET;
	entry->asked = event->events & poll_mask;
}

/*
 * Registers the entry's events, also those that are ready now. `newcomer` is known to refer to the current
 * file; the other operations may be older.
 */
static int arm(readiness *self, readiness_entry *entry, int fd, const aw_op *newcomer) {
	struct epoll_event event = wanted_event(entry, fd);
	if (entry->known) {
		if (epoll_ctl(self->set, EPOLL_CTL_MOD, fd, &event) == 0) {
			note_armed(entry, &event);
			return 0;
		}
		int error = errno;
		if (error != ENOENT && error != EBADF && error != EPERM) return -error;
		forget_file(self, entry, newcomer);
		if (error != ENOENT) return -error;
		if (!newcomer) return 0;
		event = wanted_event(entry, fd);
	}
	if (epoll_ctl(self->set, EPOLL_CTL_ADD, fd, &event) < 0) {
		/* EEXIST: the old file, kept open elsewhere, got its old number back. */
		if (errno != EEXIST || epoll_ctl(self->set, EPOLL_CTL_MOD, fd, &event) < 0) return -errno;
	}
	note_armed(entry, &event);
	return 0;
}

/* Disarms an edge-triggered registration on which no operation waits. */
static void disarm(readiness *self, readiness_entry *entry, int fd) {
	struct epoll_event nothing = {.events = EPOLLONESHOT,
	                              .data.u64 = (uint64_t)entry->generation << 32 | (uint32_t)fd};
	entry->lasting = false;
	if (epoll_ctl(self->set, EPOLL_CTL_MOD, fd, &nothing) < 0) forget_file(self, entry, NULL);
}

/*
 * Whether the number still refers to the registered file. Adding it again fails with EEXIST if so, without a
 * change.
 */
static bool is_same_file(const readiness *self, int fd) {
	struct epoll_event nothing = {.events = EPOLLONESHOT, .data.u64 = (uint32_t)fd};
	if (epoll_ctl(self->set, EPOLL_CTL_ADD, fd, &nothing) < 0) return errno == EEXIST;
	(void)epoll_ctl(self->set, EPOLL_CTL_DEL, fd, NULL);
	return false;
}

static aw_status submit_waiting(readiness *self, aw_op *op, enum readiness_side side);

/* A splice that would block may now have to wait for its other end. Returns whether it does. */
static bool turn_splice(readiness *self, readiness_entry *entry, aw_op *op, enum readiness_side side) {
	if (op->kind != AW_OP_SPLICE) return false;
	enum readiness_side now = calls_splice_waits_for_output(op) ? READINESS_WRITE : READINESS_READ;
	if (now == side) return false;
	leave(self, entry, op);
	aw_status status = submit_waiting(self, op, now);
	if (status < 0) finish(self, op, status);
	return true;
}

/* Performs the waiting operations of one direction, in order, until one would block. */
static void advance(readiness *self, readiness_entry *entry, enum readiness_side side) {
	for (aw_op *op; (op = entry->waiting[side].first);) {
		int64_t result = op->kind == AW_OP_CONNECT ? calls_connected(op) : calls_try(&self->calls, op);
		if (result != -EAGAIN)
			leave_and_finish(self, entry, op, result);
		else if (!turn_splice(self, entry, op, side))
			return;
	}
}

/* What a poll completes with. Its owner must not rely on edges after AW_POLL_HUP. */
static int64_t poll_result(const aw_op *op, uint32_t events) {
	uint32_t ready = events & ((op->flags & poll_mask) | EPOLLERR | EPOLLHUP);
	if (ready && events & (EPOLLRDHUP | EPOLLPRI) && op->flags & EPOLLIN) ready |= AW_POLL_HUP;
	return ready;
}

static void on_event(readiness *self, const struct epoll_event *event) {
	int fd = (int)(uint32_t)event->data.u64;
	readiness_entry *entry = entry_find(self, fd);
	if (!entry || entry->generation != (uint32_t)(event->data.u64 >> 32)) return;
	entry->armed = false;
	aw_op *only = entry->waiting[READINESS_POLL].first;
	if (only && !only->backend_link[0] && !touches_file(entry)) {
		/* The usual case; the owner arms it again. */
		int64_t ready = poll_result(only, event->events);
		if (ready) {
			leave_and_finish(self, entry, only, ready);
			return;
		}
	}
	if (entry_is_idle(entry)) { /* cancelled meanwhile */
		if (entry->lasting) disarm(self, entry, fd);
		return;
	}
	if (touches_file(entry) && !is_same_file(self, fd)) {
		forget_file(self, entry, NULL);
	}
	/* A hang-up or an error wakes both directions; the system call returns the result. */
	if (event->events & ~(uint32_t)EPOLLOUT) advance(self, entry, READINESS_READ);
	if (event->events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) advance(self, entry, READINESS_WRITE);
	for (aw_op *op = entry->waiting[READINESS_POLL].first, *next; op; op = next) {
		next = op->backend_link[0];
		int64_t ready = poll_result(op, event->events);
		if (ready) leave_and_finish(self, entry, op, ready);
	}
	if (entry->armed || entry_is_idle(entry)) return;
	int status = arm(self, entry, fd, NULL);
	if (status < 0) end_all(self, entry, status, NULL);
}

/* ---- submitting ---- */

/*
 * Whether the current registration already covers `op`. Once it has reported an event, it does so only for an
 * operation that waits for a new one.
 */
static bool is_covered(const readiness_entry *entry, const aw_op *op) {
	return entry->lasting && (entry->armed || op->offset == AW_OP_POLL_EDGE) &&
	       !((op->flags & poll_mask) & ~entry->asked);
}

static aw_status wait_on(readiness *self, readiness_entry *entry, aw_op *op, enum readiness_side side) {
	bool is_new = self->held_polls_are_new && op->flags & AW_OP_POLL_HELD_OPEN;
	bool is_again = side == READINESS_POLL && op->offset >= AW_OP_POLL_AGAIN && !is_new;
	queue_push(&entry->waiting[side], op);
	op->backend_data[0] = side;
	self->in_flight++;
	int status = 0;
	if (is_again && op->backend_data[1] != entry->generation)
		leave_and_finish(self, entry, op, -EBADF); /* its file is gone */
	else if (!is_again || !is_covered(entry, op))
		status = arm(self, entry, fd_of(op, side), is_again ? NULL : op);
	op->backend_data[1] = entry->generation;
	if (status == 0 || op->backend_data[0] != side) return 0;
	leave(self, entry, op);
	/* EPERM: a regular file or similar, which epoll does not support and which is always ready. */
	if (status == -EPERM) {
		finish(self, op, side == READINESS_POLL ? (int64_t)(op->flags & (POLLIN | POLLOUT)) : calls_now(op));
		return 0;
	}
	if (status == -EBADF) {
		finish(self, op, -EBADF);
		return 0;
	}
	return status;
}

static aw_status submit_waiting(readiness *self, aw_op *op, enum readiness_side side) {
	readiness_entry *entry = NULL;
	aw_status status = entry_at(self, fd_of(op, side), &entry);
	if (entry) return wait_on(self, entry, op, side);
	if (status == -ENOMEM) return status;
	finish(self, op, status);
	return 0;
}

static aw_status submit_connect(readiness *self, aw_op *op) {
	/* Create the entry first: once the connect has started, it must not fail for lack of memory. */
	readiness_entry *entry = NULL;
	aw_status status = entry_at(self, op->fd, &entry);
	if (status == -ENOMEM) return status;
	int64_t result = status ? status : calls_connect(op);
	if (result == -EINPROGRESS) return submit_waiting(self, op, READINESS_WRITE);
	finish(self, op, result);
	return 0;
}

static aw_status submit_transfer(readiness *self, aw_op *op, enum readiness_side side) {
	const readiness_entry *entry = entry_find(self, op->fd);
	/* Keep the order: it must not overtake waiting operations. */
	int64_t result = entry && entry->waiting[side].first ? -EAGAIN : calls_try(&self->calls, op);
	if (result == -EAGAIN) return submit_waiting(self, op, side);
	finish(self, op, result);
	return 0;
}

static aw_status submit_splice(readiness *self, aw_op *op) {
	const readiness_entry *in = entry_find(self, op->fd), *out = entry_find(self, op->second_fd);
	/* Behind those that wait for the same end. */
	if (in && in->waiting[READINESS_READ].first) return submit_waiting(self, op, READINESS_READ);
	if (out && out->waiting[READINESS_WRITE].first) return submit_waiting(self, op, READINESS_WRITE);
	int64_t result = calls_try(&self->calls, op);
	if (result == -EAGAIN)
		return submit_waiting(self, op, calls_splice_waits_for_output(op) ? READINESS_WRITE : READINESS_READ);
	finish(self, op, result);
	return 0;
}

static void submit_close(readiness *self, aw_op *op) {
	readiness_entry *entry = entry_find(self, op->fd);
	if (entry) {
		if (entry->armed || entry->lasting) (void)epoll_ctl(self->set, EPOLL_CTL_DEL, op->fd, NULL);
		entry->generation++;
		entry->known = entry->armed = entry->lasting = false;
		end_all(self, entry, -ECANCELED, NULL);
	}
	finish(self, op, calls_close(op->fd));
}

/* A poll again, of a registration that lasts: the usual case needs no system call. */
static bool submit_edge(readiness *self, aw_op *op) {
	if (op->kind != AW_OP_POLL || op->offset != AW_OP_POLL_EDGE || self->held_polls_are_new) return false;
	readiness_entry *entry = entry_find(self, op->fd);
	if (!entry || op->backend_data[1] != entry->generation || !is_covered(entry, op)) return false;
	queue_push(&entry->waiting[READINESS_POLL], op);
	op->backend_data[0] = READINESS_POLL;
	self->in_flight++;
	return true;
}

/* Apart, so that the usual case saves no registers. */
static __attribute__((noinline)) aw_status submit_any(readiness *self, aw_op *op) {
	op->backend_data[0] = NOWHERE;
	switch (op->kind) {
	case AW_OP_POLL: return submit_waiting(self, op, READINESS_POLL);
	case AW_OP_READ:
	case AW_OP_READV:
	case AW_OP_RECV:
	case AW_OP_RECVMSG:
	case AW_OP_WAITID:
	case AW_OP_ACCEPT: return submit_transfer(self, op, READINESS_READ);
	case AW_OP_WRITE:
	case AW_OP_WRITEV:
	case AW_OP_SENDMSG:
	case AW_OP_SEND: return submit_transfer(self, op, READINESS_WRITE);
	case AW_OP_SPLICE: return submit_splice(self, op);
	case AW_OP_CONNECT: return submit_connect(self, op);
	case AW_OP_SHUTDOWN:
	case AW_OP_BIND:
	case AW_OP_LISTEN:
	case AW_OP_FSYNC:
		/* The last: disk I/O has no readiness, so this blocks the loop. */
		finish(self, op, calls_now(op));
		return 0;
	case AW_OP_CLOSE: submit_close(self, op); return 0;
	case AW_OP_NOP:
	case AW_OP_SLEEP:
	case AW_OP_FUTURE: return -EINVAL;
	default: return -EOPNOTSUPP; /* the file system has no readiness: the core has threads for it */
	}
}

aw_status readiness_submit(readiness *self, aw_op *op) {
	if (self->is_closing) return -ECANCELED;
	return submit_edge(self, op) ? 0 : submit_any(self, op);
}

void readiness_cancel(readiness *self, aw_op *op) {
	readiness_entry *entry = entry_find(self, fd_of(op, op->backend_data[0]));
	/* A finished operation keeps its result. The registration stays: a spurious event is ignored. */
	if (entry && op->backend_data[0] < READINESS_SIDES) leave_and_finish(self, entry, op, -ECANCELED);
}

/* ---- waiting ---- */

static bool is_ours(int fd) {
	return fcntl(fd, F_GETSIG) == OUR_MARK;
}

/* Creates a marked eventfd, or returns -1. */
static int wakeup_new(void) {
	int wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wakeup < 0 || fcntl(wakeup, F_SETSIG, OUR_MARK) == 0) return wakeup;
	int error = errno;
	close(wakeup);
	errno = error;
	return -1;
}

/*
 * The program has closed the eventfd, but not the epoll set: replace it. The old number is not ours to
 * close.
 */
static aw_status wakeup_replace(readiness *self, int lost) {
	if (!is_ours(self->set)) return -EBADF;
	struct epoll_event arming = {.events = wakeup_events, .data.u64 = wakeup_tag};
	int fresh = wakeup_new();
	if (fresh < 0) return -errno;
	aw_status status = epoll_ctl(self->set, EPOLL_CTL_ADD, fresh, &arming) < 0 ? -errno : 0;
	if (status == 0 && atomic_compare_exchange_strong(&self->wakeup, &lost, fresh)) return 0;
	close(fresh); /* another thread may have replaced it first; its eventfd is armed */
	return status;
}

aw_status readiness_wake(readiness *self) {
	if (atomic_exchange(&self->signalled, true)) return 0;
	int saved = errno, wakeup = atomic_load(&self->wakeup);
	struct epoll_event arming = {.events = wakeup_events, .data.u64 = wakeup_tag};
	aw_status status = epoll_ctl(self->set, EPOLL_CTL_MOD, wakeup, &arming) < 0 ? -errno : 0;
	if (status == -EBADF || status == -ENOENT || status == -EPERM) {
		aw_status replaced = wakeup_replace(self, wakeup);
		if (replaced == 0) status = 0;
	}
	/* The wake failed, so the next one must try again. */
	if (status < 0) atomic_store(&self->signalled, false);
	errno = saved;
	return status;
}

int readiness_fd(readiness *self) {
	self->is_guest = true;
	if (self->done.first) (void)readiness_wake(self);
	return self->set;
}

static int wait_for_events(readiness *self, struct epoll_event *events, int64_t span) {
	if (self->has_precise_wait && span > 0) {
		struct timespec timeout = {(time_t)(span / AW_SECOND), (long)(span % AW_SECOND)};
		int n = epoll_pwait2(self->set, events, BATCH, span == INT64_MAX ? NULL : &timeout, NULL);
		if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return n;
		self->has_precise_wait = false;
	}
	int milliseconds = -1;
	if (span < INT_MAX * AW_MILLISECOND)
		milliseconds = (int)((span + AW_MILLISECOND - 1) / AW_MILLISECOND);
	else if (span != INT64_MAX)
		milliseconds = INT_MAX;
	return epoll_wait(self->set, events, BATCH, milliseconds);
}

int readiness_collect(readiness *self, int64_t span) {
	struct epoll_event events[BATCH];
	int found = 0, count = wait_for_events(self, events, span);
	if (count < 0) return errno == EINTR ? READINESS_INTERRUPTED : -errno;
	for (int i = 0; i < count; i++) {
		if (events[i].data.u64 != wakeup_tag) {
			on_event(self, &events[i]);
			continue;
		}
		/*
		 * EPOLLONESHOT has disarmed it. A waker that still sees the flag set is covered by the wait now
		 * returning.
		 */
		atomic_exchange(&self->signalled, false);
		found |= READINESS_WOKEN;
	}
	return found;
}

bool readiness_has_done(const readiness *self) {
	return self->done.first;
}

bool readiness_deliver(readiness *self) {
	/* Operations that finish meanwhile are delivered next time. */
	readiness_queue batch = self->done;
	self->done = (readiness_queue){0};
	bool any = batch.first;
	for (aw_op *op = batch.first, *next; op; op = next) {
		next = op->backend_link[0];
		op->backend_data[0] = NOWHERE;
		self->core->complete(self->core, op);
	}
	return any;
}

aw_status readiness_wait(readiness *self, int64_t deadline) {
	for (;;) {
		int found = readiness_collect(self, readiness_has_done(self) ? 0 : readiness_left(deadline));
		if (readiness_deliver(self) || found) return found < 0 ? found : 0;
		if (readiness_left(deadline) == 0) return 0;
	}
}

int64_t readiness_now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * AW_SECOND + t.tv_nsec;
}

int64_t readiness_left(int64_t deadline) {
	if (deadline == INT64_MAX) return INT64_MAX;
	if (deadline <= 0) return 0;
	int64_t now = readiness_now();
	return deadline > now ? deadline - now : 0;
}

/* ---- opening and closing ---- */

aw_status readiness_open(readiness *self, const aw_backend_core *core) {
	*self = (readiness){.core = core, .set = -1, .wakeup = -1, .has_precise_wait = true};
	struct epoll_event disarmed = {.events = EPOLLONESHOT, .data.u64 = wakeup_tag};
	self->set = epoll_create1(EPOLL_CLOEXEC);
	if (self->set < 0 || fcntl(self->set, F_SETSIG, OUR_MARK) < 0) goto fail;
	self->wakeup = wakeup_new();
	if (self->wakeup < 0) goto fail;
	if (epoll_ctl(self->set, EPOLL_CTL_ADD, self->wakeup, &disarmed) < 0) goto fail;
	return 0;
fail:;
	aw_status status = -errno;
	if (self->set >= 0) close(self->set);
	if (self->wakeup >= 0) close(self->wakeup);
	*self = (readiness){.set = -1, .wakeup = -1};
	return status;
}

void readiness_close(readiness *self) {
	self->is_closing = true;
	for (size_t i = 0; i < self->block_count; i++)
		for (size_t k = 0; self->blocks[i] && k < BLOCK; k++)
			end_all(self, &self->blocks[i][k], -ECANCELED, NULL);
	readiness_deliver(self);
	readiness_abandon(self);
}

void readiness_abandon(readiness *self) {
	int wakeup = atomic_load(&self->wakeup);
	/* Don't close a number that the program has closed and reused. */
	if (self->set >= 0 && is_ours(self->set)) close(self->set);
	if (wakeup >= 0 && is_ours(wakeup)) close(wakeup);
	for (size_t i = 0; i < self->block_count; i++) free(self->blocks[i]);
	free(self->blocks);
	*self = (readiness){.set = -1, .wakeup = -1};
}

aw_status readiness_explain(aw_status status, const char *what, char *why, size_t length) {
	char text[80];
	if (why && length) snprintf(why, length, "%s: %s", what, strerror_r(-status, text, sizeof text));
	return status;
}

aw_status readiness_probe(char *why, size_t length) {
	readiness trial;
	aw_status status = readiness_open(&trial, NULL);
	if (status < 0) return readiness_explain(status, "epoll", why, length);
	readiness_abandon(&trial);
	return 0;
}
