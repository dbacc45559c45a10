/* SPDX-License-Identifier: MIT */
/*
 * An operation is tried first and waits only if it must, in the queue of its side of its descriptor; what has ended stands in one
 * list until a wait hands it back. The program may close a descriptor under an operation, and the number may be another file's by
 * then. The kernel's set knows files apart: each new waiter re-arms its number, where "not registered" tells that the file is a new
 * one, and before an event's operations touch the file, the set is asked whether it still is the one the event was for.
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

enum { BLOCK = 256, BATCH = 128 };

/* Where an operation in flight stands, in its backend_data[0]: one of enum readiness_side, or: */
enum { DONE = READINESS_SIDES, NOWHERE };

static const uint64_t alarm_tag = UINT64_MAX;

/* epoll's events are poll's, so a poll operation's flags need no translation. */
_Static_assert(EPOLLIN == (int)AW_OP_POLL_IN && EPOLLOUT == (int)AW_OP_POLL_OUT, "poll flags");
_Static_assert(EPOLLERR == (int)AW_OP_POLL_ERR && EPOLLHUP == (int)AW_OP_POLL_HUP, "poll flags");
static const uint32_t poll_mask = 0xffff; /* above it are epoll's own flags */

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
	size_t block = (size_t)fd / BLOCK;
	if (fd < 0 || block >= self->block_count || !self->blocks[block]) return NULL;
	return &self->blocks[block][fd % BLOCK];
}

/* The entry of a number, made if need be. A number that is no open file's must not make the table grow. */
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
		self->blocks[block] = calloc(BLOCK, sizeof *self->blocks[block]);
		if (!self->blocks[block]) return -ENOMEM;
		entry = &self->blocks[block][fd % BLOCK];
	}
	*out = entry;
	return 0;
}

static bool entry_is_idle(const readiness_entry *entry) {
	return !entry->waiting[READINESS_READ].first && !entry->waiting[READINESS_WRITE].first &&
	       !entry->waiting[READINESS_POLL].first;
}

/* ---- ending operations ---- */

static void finish(readiness *self, aw_op *op, int64_t result) {
	op->result = result;
	op->backend_data[0] = DONE;
	bool is_first = !self->done.first;
	queue_push(&self->done, op);
	if (is_first && self->is_guest) readiness_wake(self);
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

/* Ends all that waits here, but for one. */
static void end_all(readiness *self, readiness_entry *entry, int64_t result, const aw_op *but) {
	for (size_t side = 0; side < READINESS_SIDES; side++)
		for (aw_op *op = entry->waiting[side].first, *next; op; op = next) {
			next = op->backend_link[0];
			if (op != but) leave_and_finish(self, entry, op, result);
		}
}

/* The number is another file's, or nobody's: what waited for the old file waits in vain. */
static void forget_file(readiness *self, readiness_entry *entry, const aw_op *newcomer) {
	entry->generation++;
	entry->known = entry->armed = false;
	end_all(self, entry, -EBADF, newcomer);
}

/* ---- the set ---- */

static struct epoll_event wish(const readiness_entry *entry, int fd) {
	struct epoll_event event = {.events = EPOLLONESHOT, .data.u64 = (uint64_t)entry->generation << 32 | (uint32_t)fd};
	if (entry->waiting[READINESS_READ].first) event.events |= EPOLLIN;
	if (entry->waiting[READINESS_WRITE].first) event.events |= EPOLLOUT;
	for (const aw_op *op = entry->waiting[READINESS_POLL].first; op; op = op->backend_link[0])
		event.events |= op->flags & poll_mask;
	return event;
}

/* Has the set tell of what the entry waits for. `newcomer` is known to wait for the file as it is now; the others may be older. */
static int arm(readiness *self, readiness_entry *entry, int fd, const aw_op *newcomer) {
	struct epoll_event event = wish(entry, fd);
	if (entry->known) {
		if (epoll_ctl(self->set, EPOLL_CTL_MOD, fd, &event) == 0) {
			entry->armed = true;
			return 0;
		}
		int error = errno;
		if (error != ENOENT && error != EBADF && error != EPERM) return -error;
		forget_file(self, entry, newcomer);
		if (error != ENOENT) return -error;
		if (!newcomer) return 0;
		event = wish(entry, fd);
	}
	if (epoll_ctl(self->set, EPOLL_CTL_ADD, fd, &event) < 0) {
		/* EEXIST: a file that was away, kept open elsewhere, has got its old number back. */
		if (errno != EEXIST || epoll_ctl(self->set, EPOLL_CTL_MOD, fd, &event) < 0) return -errno;
	}
	entry->known = entry->armed = true;
	return 0;
}

/* Whether the number still is the file that the set knows by it. Adding it again tells, and changes nothing if so. */
static bool is_same_file(const readiness *self, int fd) {
	struct epoll_event nothing = {.events = EPOLLONESHOT, .data.u64 = (uint32_t)fd};
	if (epoll_ctl(self->set, EPOLL_CTL_ADD, fd, &nothing) < 0) return errno == EEXIST;
	(void)epoll_ctl(self->set, EPOLL_CTL_DEL, fd, NULL);
	return false;
}

/* Carries out what waits on one side, in order, until one has to go on waiting. */
static void advance(readiness *self, readiness_entry *entry, enum readiness_side side) {
	for (aw_op *op; (op = entry->waiting[side].first);) {
		int64_t result = op->kind == AW_OP_CONNECT ? calls_connected(op) : calls_try(&self->calls, op);
		if (result == -EAGAIN) return;
		leave_and_finish(self, entry, op, result);
	}
}

static void on_event(readiness *self, const struct epoll_event *event) {
	int fd = (int)(uint32_t)event->data.u64;
	readiness_entry *entry = entry_find(self, fd);
	if (!entry || entry->generation != (uint32_t)(event->data.u64 >> 32)) return;
	entry->armed = false;
	if (entry_is_idle(entry)) return; /* cancelled meanwhile */
	if (!is_same_file(self, fd)) {
		forget_file(self, entry, NULL);
		return;
	}
	/* A hang-up or an error wakes both sides; the call itself tells which it was. */
	if (event->events & ~(uint32_t)EPOLLOUT) advance(self, entry, READINESS_READ);
	if (event->events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) advance(self, entry, READINESS_WRITE);
	for (aw_op *op = entry->waiting[READINESS_POLL].first, *next; op; op = next) {
		next = op->backend_link[0];
		uint32_t ready = event->events & ((op->flags & poll_mask) | EPOLLERR | EPOLLHUP);
		if (ready) leave_and_finish(self, entry, op, ready);
	}
	if (entry_is_idle(entry)) return;
	int status = arm(self, entry, fd, NULL);
	if (status < 0) end_all(self, entry, status, NULL);
}

/* ---- submitting ---- */

static aw_status wait_on(readiness *self, readiness_entry *entry, aw_op *op, enum readiness_side side) {
	queue_push(&entry->waiting[side], op);
	op->backend_data[0] = side;
	self->in_flight++;
	int status = arm(self, entry, op->fd, op);
	if (status == 0) return 0;
	leave(self, entry, op);
	/* EPERM: a regular file or the like, which has no readiness to wait for and so is always ready. */
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
	aw_status status = entry_at(self, op->fd, &entry);
	if (entry) return wait_on(self, entry, op, side);
	if (status == -ENOMEM) return status;
	finish(self, op, status);
	return 0;
}

static aw_status submit_connect(readiness *self, aw_op *op) {
	/* The place to wait is made first: once it has begun, it must not fail for want of memory. */
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
	/* It must not overtake those that wait. */
	int64_t result = entry && entry->waiting[side].first ? -EAGAIN : calls_try(&self->calls, op);
	if (result == -EAGAIN) return submit_waiting(self, op, side);
	finish(self, op, result);
	return 0;
}

static void submit_close(readiness *self, aw_op *op) {
	readiness_entry *entry = entry_find(self, op->fd);
	if (entry) {
		if (entry->armed) (void)epoll_ctl(self->set, EPOLL_CTL_DEL, op->fd, NULL);
		entry->generation++;
		entry->known = entry->armed = false;
		end_all(self, entry, -ECANCELED, NULL);
	}
	finish(self, op, calls_close(op->fd));
}

aw_status readiness_submit(readiness *self, aw_op *op) {
	if (self->is_closing) return -ECANCELED;
	op->backend_data[0] = NOWHERE;
	switch (op->kind) {
	case AW_OP_POLL: return submit_waiting(self, op, READINESS_POLL);
	case AW_OP_READ:
	case AW_OP_RECV:
	case AW_OP_ACCEPT: return submit_transfer(self, op, READINESS_READ);
	case AW_OP_WRITE:
	case AW_OP_SEND: return submit_transfer(self, op, READINESS_WRITE);
	case AW_OP_CONNECT: return submit_connect(self, op);
	case AW_OP_FSYNC:
		/* The disk knows no readiness, so this one does hold up the loop. */
		finish(self, op, calls_now(op));
		return 0;
	case AW_OP_CLOSE: submit_close(self, op); return 0;
	default: return -EINVAL;
	}
}

void readiness_cancel(readiness *self, aw_op *op) {
	readiness_entry *entry = entry_find(self, op->fd);
	/* One that is done keeps its result. The set is left as it is: an event too many is ignored. */
	if (entry && op->backend_data[0] < READINESS_SIDES) leave_and_finish(self, entry, op, -ECANCELED);
}

/* ---- waiting ---- */

void readiness_wake(readiness *self) {
	if (atomic_exchange(&self->rung, true)) return;
	int saved = errno;
	const uint64_t one = 1;
	ssize_t n;
	do n = write(self->alarm, &one, sizeof one);
	while (n < 0 && errno == EINTR);
	errno = saved;
}

/* Emptied first, so that who finds it still rung in between is served by the wait that is returning. */
static void hush(readiness *self) {
	uint64_t count;
	while (read(self->alarm, &count, sizeof count) < 0 && errno == EINTR) continue;
	atomic_exchange(&self->rung, false);
}

int readiness_fd(readiness *self) {
	self->is_guest = true;
	if (self->done.first) readiness_wake(self);
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
		if (events[i].data.u64 != alarm_tag) {
			on_event(self, &events[i]);
			continue;
		}
		hush(self);
		found |= READINESS_WOKEN;
	}
	return found;
}

bool readiness_has_done(const readiness *self) {
	return self->done.first;
}

bool readiness_deliver(readiness *self) {
	/* What is added meanwhile is for the next time. */
	readiness_queue batch = self->done;
	self->done = (readiness_queue){0};
	bool any = batch.first;
	for (aw_op *op; (op = batch.first);) {
		queue_remove(&batch, op);
		op->backend_data[0] = NOWHERE;
		self->host->complete(self->host, op);
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

aw_status readiness_open(readiness *self, const aw_backend_host *host) {
	*self = (readiness){.host = host, .set = -1, .alarm = -1, .has_precise_wait = true};
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = alarm_tag};
	self->set = epoll_create1(EPOLL_CLOEXEC);
	if (self->set < 0) goto fail;
	self->alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (self->alarm < 0) goto fail;
	if (epoll_ctl(self->set, EPOLL_CTL_ADD, self->alarm, &event) < 0) goto fail;
	return 0;
fail:;
	aw_status status = -errno;
	readiness_abandon(self);
	return status;
}

void readiness_close(readiness *self) {
	self->is_closing = true;
	for (size_t i = 0; i < self->block_count; i++)
		for (size_t k = 0; self->blocks[i] && k < BLOCK; k++) end_all(self, &self->blocks[i][k], -ECANCELED, NULL);
	readiness_deliver(self);
	readiness_abandon(self);
}

void readiness_abandon(readiness *self) {
	if (self->set >= 0) close(self->set);
	if (self->alarm >= 0) close(self->alarm);
	for (size_t i = 0; i < self->block_count; i++) free(self->blocks[i]);
	free(self->blocks);
	*self = (readiness){.set = -1, .alarm = -1};
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
