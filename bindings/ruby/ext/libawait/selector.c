/* SPDX-License-Identifier: MIT */
/*
 * The waits of the fiber scheduler. A strand is one scheduled fiber together with the fibers that it resumes.
 * It waits for one thing at a time, an operation of the completion queue or an unblock, optionally with a
 * limit. In a task, the same calls await futures, so that a cancellation ends them. No Ruby code runs while
 * completions are drained; afterwards the ready strands are entered in order.
 */
#include "selector.h"

#include "fibers.h"
#include "transfer.h"

#include <errno.h>
#include <ruby/io.h>
#include <ruby/io/buffer.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHUNKS = 24, CHUNK_FIRST = 64, DRAINED = 128 };

enum state {
	STRAND_FREE,
	STRAND_RUNS,  /* or is being started */
	STRAND_WAITS, /* for its operation, its time limit, or an unblock */
	STRAND_READY, /* in the ready ring */
	STRAND_ENDED, /* but an operation is still in flight */
	ALARM
};

struct strand {
	VALUE own;       /* the scheduled fiber; nil for a single wait of an unscheduled one */
	VALUE fiber;     /* the waiting fiber: the scheduled one, or one it resumed */
	VALUE exception; /* to be raised where it waits; or the alarm's */
	strand *next_free;
	strand *target; /* of an alarm */
	uint32_t index, generation, in_flight;
	int32_t state, fd, status;
	bool operation, timer, timed_out;
	int64_t value;
};

typedef struct message {
	VALUE fiber, exception; /* nil: an unblock */
} message;

typedef struct selector {
	VALUE loop_object;
	VALUE blocked; /* fiber => the index of its strand, or the future its task awaits */
	VALUE failed;  /* the exceptions of scheduled fibers */
	aw_loop *loop;
	strand *chunks[CHUNKS];
	strand *free;
	strand **ready; /* a ring */
	size_t ready_room, ready_first, ready_count;
	size_t live; /* scheduled fibers that have not ended */
	message *messages;
	size_t messages_room, messages_count;
	bool more; /* completions are left from the last drain */
	aw_completion drained[DRAINED];
} selector;

static VALUE io_error;

/* --- strands: in chunks that never move, with consecutive indexes --- */

static size_t chunk_size(int chunk) {
	return (size_t)CHUNK_FIRST << chunk;
}

static strand *strand_at(const selector *self, uint32_t index) {
	size_t at = index;
	for (int chunk = 0; chunk < CHUNKS && self->chunks[chunk]; at -= chunk_size(chunk++))
		if (at < chunk_size(chunk)) return &self->chunks[chunk][at];
	return NULL;
}

static void strands_each(selector *self, void (*see)(selector *self, strand *at, void *arg), void *arg) {
	for (int chunk = 0; chunk < CHUNKS && self->chunks[chunk]; chunk++)
		for (size_t i = 0; i < chunk_size(chunk); i++)
			if (self->chunks[chunk][i].state != STRAND_FREE) see(self, &self->chunks[chunk][i], arg);
}

static void strands_grow(selector *self) {
	int chunk = 0;
	uint32_t first = 0;
	while (chunk < CHUNKS && self->chunks[chunk]) first += (uint32_t)chunk_size(chunk++);
	strand *made = chunk < CHUNKS ? calloc(chunk_size(chunk), sizeof *made) : NULL;
	if (!made) rb_memerror();
	for (size_t i = chunk_size(chunk); i-- > 0;) {
		made[i].index = first + (uint32_t)i;
		made[i].own = made[i].fiber = made[i].exception = Qnil;
		made[i].next_free = self->free;
		self->free = &made[i];
	}
	self->chunks[chunk] = made;
}

static strand *strand_new(selector *self, enum state state) {
	if (!self->free) strands_grow(self);
	strand *made = self->free;
	self->free = made->next_free;
	made->state = (int32_t)state;
	made->fd = -1;
	return made;
}

static void strand_end(selector *self, strand *at) {
	at->own = at->fiber = at->exception = Qnil;
	at->generation++;
	at->state = at->in_flight ? STRAND_ENDED : STRAND_FREE;
	if (at->state == STRAND_ENDED) return;
	at->next_free = self->free;
	self->free = at;
}

/* --- the object --- */

static void strand_mark(selector *self, strand *at, void *unused) {
	(void)self;
	(void)unused;
	rb_gc_mark(at->own);
	rb_gc_mark(at->fiber);
	rb_gc_mark(at->exception);
}

static void selector_mark(void *ptr) {
	selector *self = ptr;
	rb_gc_mark(self->loop_object);
	rb_gc_mark(self->blocked);
	rb_gc_mark(self->failed);
	strands_each(self, strand_mark, NULL);
	for (size_t i = 0; i < self->messages_count; i++) {
		rb_gc_mark(self->messages[i].fiber);
		rb_gc_mark(self->messages[i].exception);
	}
}

static void selector_free(void *ptr) {
	selector *self = ptr;
	for (int chunk = 0; chunk < CHUNKS; chunk++) free(self->chunks[chunk]);
	free(self->ready);
	free(self->messages);
	free(self);
}

static const rb_data_type_t selector_type = {.wrap_struct_name = "Libawait::Selector",
                                             .function = {.dmark = selector_mark, .dfree = selector_free}};

static selector *selector_of(VALUE object) {
	selector *self = rb_check_typeddata(object, &selector_type);
	if (!self->loop) rb_raise(rb_eTypeError, "a selector without a loop");
	return self;
}

static VALUE selector_alloc(VALUE class) {
	selector *self;
	VALUE object = TypedData_Make_Struct(class, selector, &selector_type, self);
	self->loop_object = self->blocked = self->failed = Qnil;
	return object;
}

static VALUE selector_initialize(VALUE object, VALUE loop) {
	selector *self = rb_check_typeddata(object, &selector_type);
	self->loop = glue_loop(loop);
	self->loop_object = loop;
	self->failed = rb_ary_new();
	self->blocked = rb_funcall(rb_hash_new(), rb_intern("compare_by_identity"), 0);
	return object;
}

/* --- resuming --- */

static void ready_push(selector *self, strand *at) {
	if (self->ready_count == self->ready_room) {
		size_t room = self->ready_room ? self->ready_room * 2 : 64;
		strand **ring = malloc(room * sizeof *ring);
		if (!ring) rb_memerror();
		for (size_t i = 0; i < self->ready_count; i++)
			ring[i] = self->ready[(self->ready_first + i) % self->ready_room];
		free(self->ready);
		self->ready = ring;
		self->ready_room = room;
		self->ready_first = 0;
	}
	at->state = STRAND_READY;
	self->ready[(self->ready_first + self->ready_count++) % self->ready_room] = at;
}

static uint64_t token_of(const strand *at, bool timer) {
	return (uint64_t)at->generation << 32 | (uint64_t)at->index << 1 | timer;
}

/*
 * Ends a wait early by cancelling its operation; the strand resumes when the cancellation completes, so that
 * nothing is in flight by then.
 */
static void strand_interrupt(selector *self, strand *at) {
	if (at->state != STRAND_WAITS) return;
	if (at->operation)
		(void)aw_loop_cancel_token(self->loop, token_of(at, false));
	else
		ready_push(self, at);
}

static void alarm_rings(selector *self, strand *at) {
	strand *target = at->target;
	VALUE exception = at->exception;
	if (NIL_P(exception) || !target) return;
	at->exception = Qnil;
	if (!NIL_P(target->exception)) return;
	target->exception = exception;
	strand_interrupt(self, target);
}

static void complete(selector *self, const aw_completion *completion) {
	strand *at = strand_at(self, (uint32_t)completion->token >> 1);
	uint32_t generation = (uint32_t)(completion->token >> 32);
	if (!at || at->in_flight == 0) return;
	at->in_flight--;
	if (at->state == STRAND_ENDED) {
		strand_end(self, at);
	} else if (at->state == ALARM) {
		at->timer = false;
		alarm_rings(self, at);
	} else if (at->state == STRAND_WAITS && generation == at->generation) {
		if (completion->token & 1) {
			at->timer = false;
			at->timed_out = true;
			strand_interrupt(self, at);
		} else {
			at->operation = false;
			at->status = completion->status;
			at->value = completion->value;
			ready_push(self, at);
		}
	}
}

static void find_waiting(selector *self, strand *at, void *arg) {
	void **search = arg;
	(void)self;
	if (at->state != ALARM && at->fiber == *(VALUE *)search[0]) search[1] = at;
}

static void take_message(selector *self, message one) {
	void *search[] = {&one.fiber, NULL};
	if (!NIL_P(one.exception)) {
		strands_each(self, find_waiting, search);
		strand *at = search[1];
		if (!at) return;
		at->exception = one.exception;
		strand_interrupt(self, at);
		return;
	}
	VALUE who = rb_hash_lookup(self->blocked, one.fiber);
	if (FIXNUM_P(who)) {
		strand *at = strand_at(self, FIX2UINT(who));
		if (at) strand_interrupt(self, at);
	} else if (!NIL_P(who)) {
		aw_status told = aw_future_set_result(glue_future(who), NULL, NULL);
		(void)told; /* fails if it is done already, which is harmless */
	}
}

static void take_messages(selector *self) {
	for (size_t i = 0; i < self->messages_count; i++) take_message(self, self->messages[i]);
	self->messages_count = 0;
}

static void message_push(selector *self, message one) {
	if (self->messages_count == self->messages_room) {
		size_t room = self->messages_room ? self->messages_room * 2 : 16;
		message *grown = realloc(self->messages, room * sizeof *grown);
		if (!grown) rb_memerror();
		self->messages = grown;
		self->messages_room = room;
	}
	self->messages[self->messages_count++] = one;
	(void)aw_loop_wakeup(self->loop);
}

/* One iteration: waits, dispatches, and resumes the ready strands. Returns how many there were. */
static size_t turn(selector *self, int64_t timeout) {
	take_messages(self);
	glue_check(glue_wait(self->loop, self->ready_count || self->more ? 0 : timeout));
	glue_release_now();
	aw_status count = aw_loop_drain(self->loop, self->drained, DRAINED, 0);
	self->more = count == DRAINED;
	for (aw_status i = 0; i < count; i++) complete(self, &self->drained[i]);
	glue_check(count == -EAGAIN ? 0 : count);
	take_messages(self);
	size_t ready = self->ready_count;
	fibers *here = fibers_here();
	for (size_t i = 0; i < ready && self->ready_count; i++) { /* a forked child has none left */
		strand *at = self->ready[self->ready_first];
		self->ready_first = (self->ready_first + 1) % self->ready_room;
		self->ready_count--;
		at->state = STRAND_RUNS;
		if (NIL_P(at->own))
			rb_fiber_resume(at->fiber, 0, NULL);
		else
			fibers_enter(here, at->fiber, NULL, at);
	}
	return ready;
}

static VALUE selector_turn(VALUE object, VALUE timeout) {
	return SIZET2NUM(turn(selector_of(object), NUM2LL(timeout)));
}

/*
 * Iterates until the loop is stopped or, without `for_stop`, until no scheduled fiber is left. Returns false
 * if a fiber failed before that.
 */
static VALUE selector_turns(VALUE object, VALUE for_stop) {
	selector *self = selector_of(object);
	bool done;
	do {
		turn(self, -1);
		done = RTEST(for_stop) ? aw_loop_take_stop(self->loop) : self->live == 0;
	} while (!done && RARRAY_LEN(self->failed) == 0);
	return done ? Qtrue : Qfalse;
}

/* --- scheduled fibers --- */

static VALUE call_block(VALUE block) {
	return rb_proc_call_kw(block, rb_ary_new(), 0);
}

static VALUE strand_body(RB_BLOCK_CALL_FUNC_ARGLIST(unused, pair)) {
	(void)unused, (void)argc, (void)argv, (void)blockarg;
	fibers *here = fibers_here();
	selector *self = selector_of(rb_ary_entry(pair, 0));
	strand *at = here->at.strand;
	int failed = 0;
	here->entered = Qnil;
	rb_protect(call_block, rb_ary_entry(pair, 1), &failed);
	VALUE exception = failed ? glue_caught(failed) : Qnil;
	if (self->live) self->live--;
	strand_end(self, at);
	if (failed && NIL_P(exception)) rb_jump_tag(failed); /* the thread ends */
	if (failed) rb_ary_push(self->failed, exception);
	fibers_end(here);
	return Qnil;
}

/* Starts a fiber that runs the block, immediately and until it first waits. */
static VALUE selector_start(VALUE object) {
	selector *self = selector_of(object);
	rb_need_block();
	VALUE pair = rb_assoc_new(object, rb_block_proc());
	VALUE fiber = rb_block_call(rb_path2class("Fiber"), rb_intern("new"), 0, NULL, strand_body, pair);
	strand *at = strand_new(self, STRAND_RUNS);
	at->own = at->fiber = fiber;
	self->live++;
	fibers_enter(fibers_here(), fiber, NULL, at);
	return fiber;
}

/* --- waiting --- */

typedef struct wait {
	selector *self;
	strand *at;
	steps *task;
	aw_submission *operation; /* NULL: waits for an unblock */
	int64_t timeout;          /* negative: no limit */
	aw_future *future;
	aw_coro *coro;
	VALUE fiber, exception;
	bool ended; /* before the limit */
	int32_t status;
	int64_t value;
} wait;

static void strand_interrupted(void *arg, VALUE exception) {
	wait *waits = arg;
	waits->at->exception = exception;
	strand_interrupt(waits->self, waits->at);
}

static void strand_submit(selector *self, strand *at, const aw_submission *operation, int64_t timeout) {
	aw_submission both[2];
	size_t count = 0;
	if (operation) {
		both[count] = *operation;
		both[count++].token = token_of(at, false);
	}
	if (timeout >= 0) {
		uint64_t token = token_of(at, true);
		both[count++] = (aw_submission){
			.size = sizeof *both, .kind = AW_OP_SLEEP, .token = token, .fd = -1, .offset = timeout};
	}
	aw_status taken = count ? aw_loop_submit(self->loop, both, count) : 0;
	glue_check(taken);
	at->in_flight += (uint32_t)taken;
	at->operation = operation != NULL;
	at->timer = timeout >= 0;
	if ((size_t)taken == count) return;
	/* The limit could not be set, so don't wait. */
	(void)aw_loop_cancel_token(self->loop, token_of(at, false));
	at->generation++;
	glue_check(-ENOMEM);
}

static VALUE strand_wait(VALUE arg) {
	wait *waits = (wait *)arg;
	selector *self = waits->self;
	strand *at = waits->at;
	if (!NIL_P(at->exception)) return Qnil; /* it is raised instead */
	at->generation++;
	at->timed_out = false;
	at->status = 0;
	strand_submit(self, at, waits->operation, waits->timeout);
	at->fd = waits->operation ? waits->operation->fd : -1;
	at->state = STRAND_WAITS;
	at->fiber = waits->fiber;
	if (NIL_P(at->own)) {
		while (at->state != STRAND_RUNS) rb_fiber_yield(0, NULL);
	} else {
		fibers_leave(fibers_here(), strand_interrupted, waits);
	}
	return Qnil;
}

static VALUE strand_waited(VALUE arg) {
	wait *waits = (wait *)arg;
	strand *at = waits->at;
	if (at->timer || at->operation) (void)aw_loop_cancel_token(waits->self->loop, token_of(at, at->timer));
	at->timer = at->operation = false;
	at->state = STRAND_RUNS;
	at->fd = -1;
	waits->value = at->value;
	waits->status = at->timed_out ? 0 : at->status;
	waits->exception = at->exception;
	at->exception = Qnil;
	waits->ended = !at->timed_out || (waits->operation && at->status >= 0);
	return Qnil;
}

static VALUE task_wait(VALUE arg) {
	wait *waits = (wait *)arg;
	aw_status status = steps_wait(waits->task, waits->coro ? NULL : waits->future, waits->coro);
	waits->ended = status != AW_ETIMEOUT;
	if (status >= 0 && waits->future) waits->value = (intptr_t)steps_value(waits->task);
	return Qnil;
}

static VALUE task_waited(VALUE arg) {
	wait *waits = (wait *)arg;
	if (waits->coro) aw_coro_unref(waits->coro);
	if (waits->future) aw_future_unref(waits->future);
	return Qnil;
}

static void wait_in_task(wait *waits) {
	aw_loop *loop = waits->self->loop;
	const aw_submission *operation = waits->operation;
	if (!operation)
		glue_check(aw_future_new(loop, &waits->future));
	else if (operation->kind == AW_OP_POLL)
		glue_check(aw_fd_wait(loop, operation->fd, operation->flags, &waits->future));
	else
		glue_check(aw_sleep_coro(loop, operation->offset, NULL, NULL, &waits->coro));
	if (!operation) rb_hash_aset(waits->self->blocked, waits->fiber, wrap_aw_future(waits->future));
	if (waits->timeout >= 0) {
		aw_status status = aw_wait_for_coro(waits->future, waits->timeout, &waits->coro);
		if (status < 0) aw_future_unref(waits->future);
		glue_check(status);
	}
	rb_ensure(task_wait, (VALUE)waits, task_waited, (VALUE)waits);
}

static VALUE passing_end(VALUE arg) {
	wait *waits = (wait *)arg;
	strand_waited(arg);
	waits->self->live--;
	strand_end(waits->self, waits->at);
	return Qnil;
}

static void wait_check(const wait *waits) {
	if (RTEST(waits->exception)) rb_exc_raise(waits->exception);
	glue_check(waits->status);
}

/*
 * Suspends the running fiber until the operation completes, an unblock (`operation` NULL), or the limit.
 * Returns true unless the limit expired.
 */
static bool wait_for(selector *self, aw_submission *operation, int64_t timeout, int64_t *value) {
	fibers *here = fibers_here();
	wait waits = {.self = self,
	              .at = here->at.strand,
	              .task = here->at.task,
	              .operation = operation,
	              .timeout = timeout,
	              .fiber = rb_fiber_current(),
	              .exception = Qnil};
	if (waits.task) {
		wait_in_task(&waits);
	} else if (waits.at) {
		if (!operation) rb_hash_aset(self->blocked, waits.fiber, UINT2NUM(waits.at->index));
		rb_ensure(strand_wait, (VALUE)&waits, strand_waited, (VALUE)&waits);
	} else {
		/* An unscheduled fiber of the program: it yields to the fiber that resumed it. */
		waits.at = strand_new(self, STRAND_RUNS);
		self->live++;
		if (!operation) rb_hash_aset(self->blocked, waits.fiber, UINT2NUM(waits.at->index));
		rb_ensure(strand_wait, (VALUE)&waits, passing_end, (VALUE)&waits);
	}
	wait_check(&waits);
	if (value) *value = waits.value;
	return waits.ended;
}

static int64_t timeout_of(VALUE nanoseconds) {
	return NIL_P(nanoseconds) ? -1 : NUM2LL(nanoseconds);
}

static VALUE selector_sleep(VALUE object, VALUE nanoseconds) {
	int64_t duration = NUM2LL(nanoseconds);
	aw_submission sleeps = {
		.size = sizeof sleeps, .kind = AW_OP_SLEEP, .fd = -1, .offset = duration < 0 ? 0 : duration};
	wait_for(selector_of(object), &sleeps, -1, NULL);
	return Qtrue;
}

/* Returns the mask of ready events; false on timeout. */
static VALUE selector_wait_io(VALUE object, VALUE fd, VALUE events, VALUE nanoseconds) {
	uint32_t wanted = NUM2UINT(events) & (AW_POLL_IN | AW_POLL_OUT);
	aw_submission polls = {
		.size = sizeof polls, .kind = AW_OP_POLL, .fd = NUM2INT(fd), .flags = wanted, .offset = -1};
	int64_t holds = 0;
	if (!wait_for(selector_of(object), &polls, timeout_of(nanoseconds), &holds)) return Qfalse;
	/* After an error or a hang-up, a read or a write reports the details. */
	uint32_t found = (uint32_t)holds & (AW_POLL_ERR | AW_POLL_HUP) ? wanted : (uint32_t)holds & wanted;
	return UINT2NUM(found);
}

static VALUE block_wait(VALUE arg) {
	wait *waits = (wait *)arg;
	waits->ended = wait_for(waits->self, NULL, waits->timeout, NULL);
	return Qnil;
}

static VALUE block_ended(VALUE arg) {
	wait *waits = (wait *)arg;
	rb_hash_delete(waits->self->blocked, waits->fiber);
	return Qnil;
}

/* Waits for unblock(fiber), which another thread may have called already; false on timeout. */
static VALUE selector_block(VALUE object, VALUE nanoseconds) {
	wait waits = {
		.self = selector_of(object), .timeout = timeout_of(nanoseconds), .fiber = rb_fiber_current()};
	message *messages = waits.self->messages;
	for (size_t i = 0; i < waits.self->messages_count; i++) {
		if (messages[i].fiber != waits.fiber || !NIL_P(messages[i].exception)) continue;
		MEMMOVE(&messages[i], &messages[i + 1], message, waits.self->messages_count - i - 1);
		waits.self->messages_count--;
		return Qtrue;
	}
	rb_ensure(block_wait, (VALUE)&waits, block_ended, (VALUE)&waits);
	return waits.ended ? Qtrue : Qfalse;
}

/* May be called from any thread that holds the VM lock. */
static VALUE selector_unblock(VALUE object, VALUE fiber) {
	message_push(selector_of(object), (message){fiber, Qnil});
	return Qnil;
}

/* Raises where the fiber waits, in the next iteration. From any thread that holds the VM lock. */
static VALUE selector_interrupt(VALUE object, VALUE fiber, VALUE exception) {
	message_push(selector_of(object), (message){fiber, exception});
	return Qnil;
}

static VALUE selector_await(VALUE object, VALUE awaitable) {
	selector *self = selector_of(object);
	fibers *here = fibers_here();
	aw_submission awaits = {.size = sizeof awaits,
	                        .kind = AW_OP_FUTURE,
	                        .fd = -1,
	                        .buffer = glue_future(awaitable),
	                        .offset = -1};
	strand *at = here->at.strand;
	if (!at) glue_check(AW_ENOTASK);
	wait waits = {.self = self,
	              .at = at,
	              .operation = &awaits,
	              .timeout = -1,
	              .fiber = rb_fiber_current(),
	              .exception = Qnil};
	rb_ensure(strand_wait, (VALUE)&waits, strand_waited, (VALUE)&waits);
	if (RTEST(waits.exception)) rb_exc_raise(waits.exception);
	RB_GC_GUARD(awaitable);
	return Qnil; /* the caller takes the outcome from the future */
}

/* --- alarms --- */

/*
 * Raises the exception in the running strand after the given time, unless the alarm is turned off. Returns
 * the alarm's number; nil outside a strand.
 */
static VALUE selector_alarm(VALUE object, VALUE nanoseconds, VALUE exception) {
	selector *self = selector_of(object);
	strand *target = fibers_here()->at.strand;
	if (!target) return Qnil;
	strand *at = strand_new(self, ALARM);
	at->generation++;
	at->target = target;
	at->exception = exception;
	aw_submission rings = {.size = sizeof rings,
	                       .kind = AW_OP_SLEEP,
	                       .token = token_of(at, true),
	                       .fd = -1,
	                       .offset = NUM2LL(nanoseconds)};
	aw_status taken = aw_loop_submit(self->loop, &rings, 1);
	if (taken < 1) strand_end(self, at);
	glue_check(taken);
	at->in_flight++;
	at->timer = true;
	return UINT2NUM(at->index);
}

/* Turns an alarm off, even if it has fired but its exception was not raised yet. */
static VALUE selector_alarm_off(VALUE object, VALUE number, VALUE exception) {
	selector *self = selector_of(object);
	strand *at = strand_at(self, NUM2UINT(number));
	if (!at || at->state != ALARM) return Qnil;
	strand *target = at->target;
	if (target && target->exception == exception) target->exception = Qnil;
	if (at->timer) (void)aw_loop_cancel_token(self->loop, token_of(at, true));
	strand_end(self, at);
	return Qnil;
}

/* --- buffers --- */

/*
 * Waits until at least `length` bytes are read or written; with 0, transfers what is possible at once.
 * Returns the number of bytes, or a negative errno if there were none.
 */
static VALUE transfer_buffer(VALUE object, int fd, VALUE buffer, size_t length, size_t offset,
                             int64_t position, bool writes) {
	void *base;
	size_t size, done = 0;
	if (writes)
		rb_io_buffer_get_bytes_for_reading(buffer, (const void **)&base, &size);
	else
		rb_io_buffer_get_bytes_for_writing(buffer, &base, &size);
	if (offset > size || length > size - offset) rb_raise(rb_eArgError, "the buffer is too small");
	for (;;) {
		transfer now = {fd, writes, (char *)base + offset + done, size - offset - done, position, 0};
		if (position >= 0) now.position += (int64_t)done;
		ssize_t result = now.size ? transfer_now(&now) : 0;
		if (result == -EINTR) continue;
		if (result == -EAGAIN && length > 0) {
			selector_wait_io(object, INT2NUM(fd), INT2FIX(writes ? AW_POLL_OUT : AW_POLL_IN), Qnil);
			continue;
		}
		if (result < 0) return done ? SIZET2NUM(done) : SSIZET2NUM(result);
		done += (size_t)result;
		if (result == 0 || done >= length) return SIZET2NUM(done);
	}
}

static VALUE selector_read(VALUE object, VALUE fd, VALUE buffer, VALUE length, VALUE offset, VALUE position) {
	int64_t at = NIL_P(position) ? -1 : NUM2LL(position);
	return transfer_buffer(object, NUM2INT(fd), buffer, NUM2SIZET(length), NUM2SIZET(offset), at, false);
}

static VALUE selector_write(VALUE object, VALUE fd, VALUE buffer, VALUE length, VALUE offset,
                            VALUE position) {
	int64_t at = NIL_P(position) ? -1 : NUM2LL(position);
	return transfer_buffer(object, NUM2INT(fd), buffer, NUM2SIZET(length), NUM2SIZET(offset), at, true);
}

/* --- processes --- */

static VALUE wait_pidfd(VALUE arg) {
	VALUE *pair = (VALUE *)arg;
	return selector_wait_io(pair[0], pair[1], INT2FIX(AW_POLL_IN), Qnil);
}

static VALUE close_pidfd(VALUE arg) {
	close(NUM2INT(((VALUE *)arg)[1]));
	return Qnil;
}

/*
 * Waits until the child has ended, without reaping it. Returns false if the pid does not exist or a pidfd
 * can't be opened.
 */
static VALUE selector_wait_pid(VALUE object, VALUE pid) {
	int fd = (int)syscall(SYS_pidfd_open, NUM2PIDT(pid), 0);
	if (fd < 0) return Qfalse;
	VALUE pair[] = {object, INT2NUM(fd)};
	rb_ensure(wait_pidfd, (VALUE)pair, close_pidfd, (VALUE)pair);
	return Qtrue;
}

/* --- queries of the scheduler --- */

static VALUE selector_live(VALUE object) {
	return SIZET2NUM(selector_of(object)->live);
}

static void count_waiting(selector *self, strand *at, void *arg) {
	size_t *count = arg;
	(void)self;
	if (at->state == STRAND_WAITS || at->state == STRAND_READY) ++*count;
}

static VALUE selector_waiting(VALUE object) {
	size_t count = 0;
	strands_each(selector_of(object), count_waiting, &count);
	return SIZET2NUM(count);
}

static VALUE selector_failed(VALUE object) {
	return selector_of(object)->failed;
}

static void interrupt_one(selector *self, strand *at, void *arg) {
	if (at->state != STRAND_WAITS && at->state != STRAND_READY) return;
	at->exception = *(VALUE *)arg;
	strand_interrupt(self, at);
}

/* Raises the exception in every waiting fiber. */
static VALUE selector_interrupt_all(VALUE object, VALUE exception) {
	strands_each(selector_of(object), interrupt_one, &exception);
	return Qnil;
}

static void close_one(selector *self, strand *at, void *arg) {
	if (at->state != STRAND_WAITS || at->fd < 0 || at->fd != *(int *)arg) return;
	at->exception = rb_exc_new_cstr(io_error, "stream closed in another fiber");
	strand_interrupt(self, at);
}

/* The descriptor is about to be closed: raises in the fibers that wait for it. */
static VALUE selector_forget_io(VALUE object, VALUE fd) {
	int closes = NUM2INT(fd);
	strands_each(selector_of(object), close_one, &closes);
	return Qnil;
}

static void drop_one(selector *self, strand *at, void *current) {
	at->in_flight = 0;
	if (at != current) strand_end(self, at);
}

/* In a forked child, only the running fiber still exists. */
static VALUE selector_forked(VALUE object) {
	selector *self = selector_of(object);
	self->ready_count = self->messages_count = self->live = 0;
	strands_each(self, drop_one, fibers_here()->at.strand);
	return Qnil;
}

/* The kind of the running fiber: :task, :fiber, or nil if libawait does not run it. */
static VALUE fibers_kind(VALUE module) {
	(void)module;
	const fibers *here = fibers_here();
	if (here->at.task) return ID2SYM(rb_intern("task"));
	return here->at.strand ? ID2SYM(rb_intern("fiber")) : Qnil;
}

/* Awaits in a task; a scheduled fiber awaits through its scheduler. */
static VALUE fibers_await(VALUE module, VALUE awaitable) {
	const fibers *here = fibers_here();
	if (here->at.task) return steps_await(here->at.task, awaitable);
	if (!here->at.strand) glue_check(AW_ENOTASK);
	return rb_funcall(module, rb_intern("await_in_fiber"), 1, awaitable);
}

void selector_init(VALUE module) {
	VALUE class = rb_define_class_under(module, "Selector", rb_cObject);
	io_error = rb_eIOError;
	rb_define_alloc_func(class, selector_alloc);
	rb_define_method(class, "initialize", selector_initialize, 1);
	rb_define_method(class, "turn", selector_turn, 1);
	rb_define_method(class, "turns", selector_turns, 1);
	rb_define_method(class, "start", selector_start, 0);
	rb_define_method(class, "sleep", selector_sleep, 1);
	rb_define_method(class, "wait_io", selector_wait_io, 3);
	rb_define_method(class, "block", selector_block, 1);
	rb_define_method(class, "unblock", selector_unblock, 1);
	rb_define_method(class, "interrupt", selector_interrupt, 2);
	rb_define_method(class, "await", selector_await, 1);
	rb_define_method(class, "alarm", selector_alarm, 2);
	rb_define_method(class, "alarm_off", selector_alarm_off, 2);
	rb_define_method(class, "read", selector_read, 5);
	rb_define_method(class, "write", selector_write, 5);
	rb_define_method(class, "wait_pid", selector_wait_pid, 1);
	rb_define_method(class, "live", selector_live, 0);
	rb_define_method(class, "waiting", selector_waiting, 0);
	rb_define_method(class, "failed", selector_failed, 0);
	rb_define_method(class, "interrupt_all", selector_interrupt_all, 1);
	rb_define_method(class, "forget_io", selector_forget_io, 1);
	rb_define_method(class, "forked", selector_forked, 0);
	rb_define_module_function(module, "fiber_kind", fibers_kind, 0);
	rb_define_module_function(module, "fiber_await", fibers_await, 1);
}
