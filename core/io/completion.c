/* SPDX-License-Identifier: MIT */
/*
 * The completion queue. An entry is one operation, from submit to drain: a hash table by token has those in
 * flight, a list those that are done. Every operation completes through the ready queue, so that a drain
 * returns outcomes in the order in which callbacks would have run.
 */
#include "failure.h"
#include "future.h"
#include "loop_executor.h"
#include "os.h"
#include "plain_call.h"
#include "run_in_executor.h"

#include <await/completion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

typedef struct entry {
	union {
		struct {
			operation operation;
			future_waiter thread; /* where the backend does not perform it */
		};
		alarm_clock alarm;    /* SLEEP and NOP */
		future_waiter waiter; /* FUTURE */
	};
	aw_loop *loop;
	aw_future *future;             /* of FUTURE, or of the thread; a reference */
	struct entry *next, *previous; /* in a hash chain, or (`next` only) in the list of completed ones */
	uint64_t token;
	int64_t value;
	aw_status status;
	uint32_t kind;
	bool cancelled, done, on_thread;
} entry;

struct completion_queue {
	closer closer;
	aw_loop *loop;
	entry **table; /* chains by token */
	size_t buckets, in_flight;
	entry *done, *done_last;
};

static size_t bucket_of(const completion_queue *self, uint64_t token) {
	return (size_t)((token * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (self->buckets - 1);
}

static void table_insert(completion_queue *self, entry *what) {
	entry **bucket = &self->table[bucket_of(self, what->token)];
	what->previous = NULL;
	what->next = *bucket;
	if (*bucket) (*bucket)->previous = what;
	*bucket = what;
}

static void table_remove(completion_queue *self, entry *what) {
	if (what->next) what->next->previous = what->previous;
	if (what->previous)
		what->previous->next = what->next;
	else
		self->table[bucket_of(self, what->token)] = what->next;
}

static bool table_grow(completion_queue *self) {
	size_t old_count = self->buckets;
	entry **old = self->table, **table = calloc(old_count * 2, sizeof(entry *));
	if (!table) return false;
	self->table = table;
	self->buckets = old_count * 2;
	for (size_t i = 0; i < old_count; i++)
		for (entry *at = old[i], *next; at; at = next) {
			next = at->next;
			table_insert(self, at);
		}
	free(old);
	return true;
}

static void queue_close(closer *base);

static completion_queue *queue_of(aw_loop *loop) {
	completion_queue *self = loop->completions;
	if (!self) {
		self = calloc(1, sizeof *self);
		if (!self) return NULL;
		self->buckets = 64;
		self->table = calloc(self->buckets, sizeof(entry *));
		if (!self->table) {
			free(self);
			return NULL;
		}
		self->loop = loop;
		self->closer = (closer){.phase = CLOSE_TABLES, .close = queue_close};
		loop_add_closer(loop, &self->closer);
		loop->completions = self;
	}
	/* May fail: without growth the chains only get longer. */
	if (self->in_flight >= self->buckets) (void)table_grow(self);
	return self;
}

static void entry_free(entry *self) {
	if (self->future) object_unref(self->future);
	slab_give(&self->loop->domain.slabs, self, sizeof *self);
}

/* An outcome that nobody will take: a descriptor that it brought has no other owner. */
static void entry_drop(entry *self) {
	if ((self->kind == AW_OP_ACCEPT || self->kind == AW_OP_OPENAT) && self->status == 0) {
		int fd = (int)self->value;
		os_close(&fd);
	}
	entry_free(self);
}

static void entry_done(entry *self, aw_status status, int64_t value) {
	completion_queue *queue = self->loop->completions;
	table_remove(queue, self);
	queue->in_flight--;
	self->done = true;
	self->status = status;
	self->value = value;
	self->next = NULL;
	if (queue->done)
		queue->done_last->next = self;
	else
		queue->done = self;
	queue->done_last = self;
}

static void entry_returned(entry *self, int64_t result) {
	entry_done(self,
	           result == -ECANCELED ? AW_ECANCELLED
	           : result < 0         ? (aw_status)result
	                                : 0,
	           result < 0 ? 0 : result);
}

/* --- on a thread: what the backend does not perform --- */

static aw_status thread_run(void *ud, void **out, aw_destroy_fn *out_destroy) {
	entry *self = ud;
	(void)out;
	(void)out_destroy;
	self->operation.op.result = plain_call(&self->operation.op);
	return 0;
}

/* Also of one that was withdrawn before a thread took it. */
static aw_status thread_returned(ready_item *item) {
	entry *self = container_of(item, entry, thread.item);
	future_waiter_end(&self->thread);
	entry_returned(self, self->operation.op.result);
	return 0;
}

static aw_status thread_start(entry *self) {
	aw_executor *executor;
	aw_loop *loop = self->loop;
	aw_status status = loop_executor_of(loop, &loop->files, LOOP_FILE_THREADS, true, &executor);
	self->operation.op.result = -ECANCELED;
	if (status == 0) status = executor_run_whole(loop, executor, thread_run, self, &self->future);
	if (status < 0) return status;
	self->on_thread = true;
	self->thread.item.run = thread_returned;
	future_wait(self->future, &self->thread);
	return 0;
}

static void operation_done(operation *ended) {
	entry *self = container_of(ended, entry, operation);
	int64_t result = ended->op.result;
	if (result == -EOPNOTSUPP && plain_call_is(ended->op.kind) && !loop_closing(self->loop)) {
		result = self->cancelled ? -ECANCELED : thread_start(self);
		if (result == 0) return;
	}
	entry_returned(self, result);
}

static aw_status alarm_run(ready_item *item) {
	entry *self = container_of(item, entry, alarm.item);
	entry_done(self, self->cancelled ? AW_ECANCELLED : 0, 0);
	return 0;
}

static aw_status waiter_run(ready_item *item) {
	entry *self = container_of(item, entry, waiter.item);
	void *value = NULL;
	aw_status status = AW_ECANCELLED;
	if (!self->cancelled && self->waiter.future) status = future_outcome(self->future, &value, NULL);
	future_waiter_end(&self->waiter);
	entry_done(self, status, status < 0 ? 0 : (int64_t)(intptr_t)value);
	return 0;
}

/* --- submit --- */

static bool has_offset(uint32_t kind) {
	return kind == AW_OP_READ || kind == AW_OP_WRITE || kind == AW_OP_READV || kind == AW_OP_WRITEV ||
	       kind == AW_OP_SPLICE;
}

static aw_status submit_io(entry *self, const aw_submission *from) {
	aw_op *op = &self->operation.op;
	*op = (aw_op){.kind = from->kind,
	              .fd = from->fd,
	              .flags = from->flags,
	              .buffer = from->buffer,
	              .length = from->length,
	              .offset = from->offset,
	              .second = from->second,
	              .second_fd = from->second_fd};
	/* Backends take any that is negative for the position. */
	if (from->offset < -1 && has_offset(from->kind)) return -EINVAL;
	if (from->kind == AW_OP_FSYNC && from->flags & ~(uint32_t)AW_OP_FSYNC_DATA) return -EINVAL;
	if (from->kind == AW_OP_READ || from->kind == AW_OP_WRITE) op->flags = 0;
	/* overrides whatever the program left in this field */
	if (from->kind == AW_OP_POLL) {
		op->offset = AW_OP_POLL_ONCE;
		op->flags &= ~(uint32_t)AW_OP_POLL_HELD_OPEN; /* the program may close it at any time */
	}
	if (from->kind == AW_OP_SEND) op->flags |= MSG_NOSIGNAL;
	self->operation.done = operation_done;
	/* Flushed at the end of the array. */
	aw_status status = loop_submit_batched(self->loop, &self->operation);
	return status == -EOPNOTSUPP && plain_call_is(op->kind) ? thread_start(self) : status;
}

static aw_status submit_future(entry *self, aw_future *future) {
	aw_status status = future_check(future, self->loop);
	if (status < 0) return status;
	self->future = object_ref(future);
	self->waiter.item.run = waiter_run;
	future_wait(future, &self->waiter);
	return 0;
}

static aw_status entry_start(entry *self, const aw_submission *from) {
	switch (from->kind) {
	case AW_OP_NOP:
		self->alarm.item.run = alarm_run;
		loop_push(self->loop, &self->alarm.item);
		return 0;
	case AW_OP_SLEEP:
		self->alarm.item.run = alarm_run;
		if (from->offset > 0)
			return loop_alarm_set(self->loop, &self->alarm, loop_after(self->loop, from->offset));
		loop_push(self->loop, &self->alarm.item);
		return 0;
	case AW_OP_FUTURE: return submit_future(self, from->buffer);
	default: return from->kind > AW_OP_WAITID ? -EINVAL : submit_io(self, from);
	}
}

static aw_status submit_one(aw_loop *loop, const aw_submission *from) {
	if (from->size < sizeof *from) return -EINVAL;
	completion_queue *queue = queue_of(loop);
	entry *self = queue ? slab_take(&loop->domain.slabs, sizeof *self) : NULL;
	if (!self) return -ENOMEM;
	self->loop = loop;
	self->kind = from->kind;
	self->token = from->token;
	aw_status status = entry_start(self, from);
	if (status < 0) {
		entry_free(self);
		return status;
	}
	table_insert(queue, self);
	queue->in_flight++;
	return 0;
}

ENTRY(aw_loop_submit, (aw_loop *loop, const aw_submission *submissions, size_t count), (loop, submissions,
                       count)) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (count > INT32_MAX || (count && !submissions)) return -EINVAL;
	size_t taken = 0;
	while (taken < count && (status = submit_one(loop, &submissions[taken])) == 0) taken++;
	if (taken) loop_flush(loop);
	return taken || status == 0 ? (aw_status)taken : status;
}

/* --- cancel --- */

static void entry_cancel(entry *self) {
	aw_loop *loop = self->loop;
	if (self->cancelled) return;
	self->cancelled = true;
	switch (self->kind) {
	case AW_OP_NOP: break; /* completes in the next iteration anyway */
	case AW_OP_SLEEP:
		if (!timer_is_set(&self->alarm.timer)) break;
		loop_alarm_stop(loop, &self->alarm);
		loop_push(loop, &self->alarm.item);
		break;
	case AW_OP_FUTURE:
		/* Stops waiting; the future itself is not cancelled. */
		if (future_unwait(self->future, &self->waiter)) loop_push(loop, &self->waiter.item);
		break;
	default:
		if (self->on_thread)
			aw_future_cancel(self->future, NULL);
		else
			loop_cancel(loop, &self->operation);
	}
}

ENTRY(aw_loop_cancel_token, (aw_loop *loop, uint64_t token), (loop, token)) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	completion_queue *queue = loop->completions;
	if (!queue) return 0;
	aw_status found = 0;
	for (entry *at = queue->table[bucket_of(queue, token)]; at; at = at->next) {
		if (at->token != token) continue;
		entry_cancel(at);
		found++;
	}
	return found;
}

/* --- drain --- */

static aw_status take_done(completion_queue *queue, aw_completion *out, size_t max) {
	aw_status count = 0;
	for (entry *at; (size_t)count < max && queue && (at = queue->done); count++) {
		queue->done = at->next;
		out[count] = (aw_completion){.token = at->token, .status = at->status, .value = at->value};
		entry_free(at);
	}
	return count;
}

static aw_status drain(aw_loop *loop, aw_completion *out, size_t max, int64_t timeout_ns) {
	aw_status status, count = take_done(loop->completions, out, max);
	if (count) return count;
	int64_t limit = timeout_ns < 0 ? AW_FOREVER : loop_after(loop, timeout_ns);
	if (!aw_loop_pending(loop)) {
		status = aw_loop_wait(loop, timeout_ns);
		if (status < 0) return status;
	}
	bool woken = loop->was_woken;
	status = aw_loop_dispatch(loop);
	if (status < 0 && status != -EAGAIN) return status;
	count = take_done(loop->completions, out, max);
	if (count) return count;
	bool something = status > 0 || woken || loop->was_woken || loop_now(loop) < limit;
	return something ? 0 : -EAGAIN;
}

ENTRY(aw_loop_drain, (aw_loop *loop, aw_completion *out, size_t max, int64_t timeout_ns),
      (loop, out, max, timeout_ns)) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (!out || !max || max > INT32_MAX) return -EINVAL;
	object_ref(loop); /* a callback may drop the last reference */
	status = drain(loop, out, max, timeout_ns);
	object_unref(loop);
	return status;
}

/* The loop is closed, and every operation has completed. */
static void queue_close(closer *base) {
	completion_queue *queue = container_of(base, completion_queue, closer);
	aw_loop *loop = queue->loop;
	/* What the backend doesn't hold ends here: sleeps, and waits for futures. */
	for (size_t i = 0; i < queue->buckets; i++)
		for (entry *at; (at = queue->table[i]);) {
			if (at->kind == AW_OP_FUTURE) future_unwait(at->future, &at->waiter);
			if (at->kind == AW_OP_SLEEP) loop_alarm_stop(loop, &at->alarm);
			if (at->on_thread) { /* it has been joined */
				future_unwait(at->future, &at->thread);
				entry_returned(at, at->operation.op.result);
			} else {
				entry_done(at, AW_ELOOPCLOSED, 0);
			}
		}
	for (entry *at; (at = queue->done);) {
		queue->done = at->next;
		entry_drop(at);
	}
	loop->completions = NULL;
	free(queue->table);
	free(queue);
}
