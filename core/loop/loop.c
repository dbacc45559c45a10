/* SPDX-License-Identifier: MIT */
/*
 * The loop. One iteration is a wait, which collects completions, and a dispatch, which runs everything that
 * was ready, the completions and the due timers, in this order and once each. All ordering is decided here; a
 * backend only waits.
 */
#include "loop.h"

#include "failure.h"
#include "guest.h"
#include "handle.h"
#include "overflow.h"
#include "registry.h"
#include "report.h"
#include "stackful.h"
#include "tally.h"
#include "trim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <time.h>

/* --- checks --- */

static void loop_handle_release(object *base);

const object_class loop_class = {.name = "loop", .size = sizeof(aw_loop), .release = loop_handle_release};
/* The handle has been freed, but objects that outlive it still point here. */
static const object_class loop_gone_class = {.name = "freed loop", .size = sizeof(aw_loop), .release = NULL};

bool loop_is(const aw_loop *loop) {
	return object_is(loop, &loop_class);
}

aw_status loop_check_unusual(aw_loop *loop) {
	if (!loop_is(loop)) return object_is(loop, &loop_gone_class) ? AW_ELOOPCLOSED : AW_EBADHANDLE;
	if (loop->fork_generation != *threads_fork_word) return AW_EFORKED;
	if (loop->state != LOOP_OPEN) return AW_ELOOPCLOSED;
	uintptr_t self = thread_self();
	uintptr_t driver = atomic_load_explicit(&loop->driver, memory_order_relaxed);
	if (driver && driver != self) return AW_EWRONGTHREAD;
	/*
	 * A loop is not bound to a thread; its calls must only be serialized. The caller's thread becomes its
	 * home.
	 */
	atomic_store_explicit(&loop->domain.home, self, memory_order_release);
	atomic_store_explicit(&loop->checked_for, self, memory_order_relaxed);
	return 0;
}

aw_status loop_resolve(aw_loop **loop) {
	if (!*loop) *loop = thread_here()->loop;
	return *loop ? loop_check(*loop) : AW_ENOLOOP;
}

int64_t loop_now(const aw_loop *loop) {
	if (loop->backend->capabilities & AW_BACKEND_OWN_CLOCK) return loop->backend->now(loop->backend_state);
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * AW_SECOND + now.tv_nsec;
}

/* The stack protector, which the time's structure asks for, is a fifth of it. */
#ifdef __has_attribute
#if __has_attribute(no_stack_protector)
__attribute__((no_stack_protector))
#endif
#endif
int64_t
loop_after(const aw_loop *loop, int64_t delay) {
	int64_t when;
	/* A negative delay sorts before timers that are due now, as in asyncio. */
	bool is_too_late = __builtin_add_overflow(loop_now(loop), delay, &when);
	return __builtin_expect(is_too_late, 0) ? AW_FOREVER : when;
}

/* --- interface for the core --- */

static void take_posted(aw_loop *loop);

void loop_push_unusual(aw_loop *loop, ready_item *item) {
	/* Items that other threads posted earlier run first, as in asyncio's single queue. */
	if (loop->state == LOOP_OPEN) take_posted(loop);
	ready_push(&loop->ready, item);
	if (loop->guest && !loop->dispatching) guest_work(loop->guest);
}

void loop_flush_later(aw_loop *loop, ready_item *item) {
	ready_push(&loop->flushes, item);
	if (loop->guest && !loop->dispatching) guest_work(loop->guest);
}

aw_status loop_alarm_set_as_guest(aw_loop *loop, alarm_clock *alarm, int64_t when) {
	if (!timers_set(&loop->timers, &alarm->timer, when)) return -ENOMEM;
	if (!loop->dispatching) guest_deadline(loop->guest, timers_deadline(&loop->timers));
	return 0;
}

static aw_status operation_run(ready_item *item) {
	operation *self = container_of(item, operation, item);
	aw_loop *loop = self->loop;
	self->is_due = false;
	self->done(self);
	if (!loop->leaving) return 0;
	loop->leaving = false;
	return AW_ESYSTEMEXIT;
}

static void backend_complete(const aw_backend_core *core, aw_op *op) {
	aw_loop *loop = core->data;
	operation *self = container_of(op, operation, op);
	if (op->arrived) {
		self->arrived(self, op->arrived);
	} else {
		self->in_flight = false;
		loop->in_flight--;
	}
	if (self->is_due) return;
	self->is_due = true;
	ready_push(&loop->completed, &self->item);
}

aw_status loop_submit_batched(aw_loop *loop, operation *what) {
	what->loop = loop;
	what->item.run = operation_run;
	if (loop->state == LOOP_CLOSED) return AW_ELOOPCLOSED;
	if (loop->guest) guest_pause(loop->guest);
	what->in_flight = true;
	loop->in_flight++;
	aw_status status = loop->backend->submit(loop->backend_state, &what->op);
	if (status < 0) {
		what->in_flight = false;
		loop->in_flight--;
	}
	if (loop->guest) guest_resume(loop->guest);
	return status;
}

/* Whether the table has this function: a plug-in built for an older version has a shorter table. */
#define TABLE_HAS(backend, function) \
	((backend)->size >= offsetof(aw_backend, function) + sizeof(backend)->function && (backend)->function)

void loop_flush(aw_loop *loop) {
	if (loop->state == LOOP_CLOSED || !TABLE_HAS(loop->backend, flush)) return;
	if (loop->guest) guest_pause(loop->guest);
	loop->backend->flush(loop->backend_state);
	if (loop->guest) guest_resume(loop->guest);
}

aw_status loop_submit(aw_loop *loop, operation *what) {
	aw_status status = loop_submit_batched(loop, what);
	if (status == 0) loop_flush(loop);
	return status;
}

void loop_cancel(aw_loop *loop, operation *what) {
	if (loop->guest) guest_pause(loop->guest);
	if (what->in_flight) loop->backend->cancel(loop->backend_state, &what->op);
	if (loop->guest) guest_resume(loop->guest);
}

bool loop_has_multishot(const aw_loop *loop) {
	return loop->backend->capabilities & AW_BACKEND_MULTISHOT && TABLE_HAS(loop->backend, give_back);
}

void loop_give_back(aw_loop *loop, aw_buffer *buffer) {
	if (loop->state != LOOP_OPEN) return;
	if (loop->guest) guest_pause(loop->guest);
	loop->backend->give_back(loop->backend_state, buffer);
	if (loop->guest) guest_resume(loop->guest);
}

void loop_add_closer(aw_loop *loop, closer *what) {
	list_prepend(&loop->closers[what->phase], what);
}

/* Accepts a closer that is not registered. */
void loop_remove_closer(aw_loop *loop, closer *what) {
	if (!what->next && !what->previous && loop->closers[what->phase].first != what) return;
	list_remove(&loop->closers[what->phase], what);
	what->next = what->previous = NULL;
}

/* --- creation --- */

static_assert(sizeof(aw_loop) <= SLAB_LARGEST, "a loop lies in a slab, so that its stale handle can be told");

aw_status loop_wake_backend(aw_loop *loop) {
	const aw_backend *backend = loop->backend;
	if (TABLE_HAS(backend, try_wake)) return backend->try_wake(loop->backend_state);
	backend->wake(loop->backend_state);
	return 0;
}

/*
 * After a failed wake, the next call tries again, and until one succeeds the loop polls periodically. Set the
 * flags before changing the state back, so that a caller that relied on this wake is covered by one or the other.
 *
 * All accesses are sequentially consistent. A waker changes its list first and then the state; the loop changes
 * the state first and then takes the lists. So either the loop finds the change, or the waker finds that the loop
 * waits.
 */
void loop_wake(aw_loop *loop) {
	if (atomic_load(&loop->wake_state) == WAKE_PENDING) return;
	/* Until one succeeds, call for each, so that a loop whose wakes fail learns that before it sleeps. */
	bool proven = atomic_load_explicit(&loop->wake_proven, memory_order_relaxed);
	if (!proven) atomic_store(&loop->wake_unread, true);
	if (atomic_exchange(&loop->wake_state, WAKE_PENDING) != WAKE_NEEDED && proven) return;
	bool refused = loop_wake_backend(loop) < 0;
	if (proven == refused) atomic_store_explicit(&loop->wake_proven, !refused, memory_order_relaxed);
	if (refused) {
		atomic_store(&loop->wake_lost, true);
		atomic_store(&loop->wake_refused, true);
		atomic_store(&loop->wake_state, WAKE_NEEDED);
	} else if (atomic_load_explicit(&loop->wake_refused, memory_order_relaxed)) {
		atomic_store(&loop->wake_refused, false);
	}
}

bool loop_expect_wake(aw_loop *loop) {
	return atomic_exchange(&loop->wake_state, WAKE_NEEDED) == WAKE_PENDING;
}

/* Called with the domain pinned, so the loop can't be closed meanwhile. */
static void domain_wake(domain *self) {
	aw_loop *loop = container_of(self, aw_loop, domain);
	if (loop->state == LOOP_OPEN) loop_wake(loop);
}

static void domain_gone(domain *self) {
	aw_loop *loop = container_of(self, aw_loop, domain);
	loop->base.class = NULL;
	slab_give(NULL, loop, sizeof *loop);
}

/* Only on the loop's thread, because it calls the handler. */
static bool domain_report(domain *self, const char *message, const void *origin) {
	aw_loop *loop = container_of(self, aw_loop, domain);
	if (loop->state != LOOP_OPEN || atomic_load(&self->home) != thread_self()) return false;
	report_at(loop, message, NULL, origin);
	return true;
}

static bool debug_asked(void) {
	const char *text = getauxval(AT_SECURE) ? NULL : getenv("AWAIT_DEBUG");
	return text && *text && !(text[0] == '0' && !text[1]);
}

void loop_begin_debug(aw_loop *self) {
	if (self->debug) tally_begin();
	self->observes_calls = self->debug;
	self->stacks.is_closing = self->debug;
}

static aw_status loop_open(aw_loop *self, const char *backend, uint32_t flags, uint64_t seed) {
	aw_status status = registry_resolve(backend, &self->backend, NULL, 0);
	if (status < 0) return status;
	self->fork_generation = threads_fork_generation();
	if (!self->fork_generation) return -ENOMEM;
	stackful_watch_forks();
	status = stack_pool_init(&self->stacks, 256 * 1024);
	if (status < 0) return status;
	self->backend_core =
		(aw_backend_core){.size = sizeof self->backend_core, .complete = backend_complete, .data = self};
	uint32_t open_flags = flags & AW_LOOP_SINGLE_THREAD ? AW_BACKEND_SINGLE_THREAD : 0;
	status = self->backend->open(&self->backend_core, open_flags, seed, &self->backend_state);
	if (status < 0) stack_pool_destroy(&self->stacks);
	return status;
}

static aw_status loop_create(const char *backend, uint32_t flags, uint64_t seed, const void *origin,
                             aw_loop **out) {
	if (!out || flags & ~(uint32_t)(AW_LOOP_SINGLE_THREAD | AW_LOOP_DEBUG)) return -EINVAL;
	aw_loop *self = slab_take(NULL, sizeof *self);
	if (!self) return -ENOMEM;
	aw_status status = loop_open(self, backend, flags, seed);
	if (status < 0) {
		slab_give(NULL, self, sizeof *self);
		return status;
	}
	domain_open(&self->domain, thread_self(), domain_wake, domain_gone);
	self->base.class = &loop_class;
	self->base.domain = &domain_none;
	atomic_store(&self->base.refs, 1);
	self->slow_callback = 100 * AW_MILLISECOND;
	self->debug = flags & AW_LOOP_DEBUG || debug_asked();
	self->domain.report = domain_report;
	loop_begin_debug(self);
	if (self->debug) overflow_report_install();
	atomic_fetch_add(&domain_none.live, 1);
	object_count(&self->base);
	*out = object_hand_out(self, origin);
	return 0;
}

ENTRY(aw_loop_new_with, (const char *backend, uint32_t flags, uint64_t seed, aw_loop **out),
      (backend, flags, seed, out)) {
	return loop_create(backend, flags, seed, CALLER, out);
}

ENTRY(aw_loop_new, (const char *backend, aw_loop **out), (backend, out)) {
	return loop_create(backend, AW_LOOP_DEFAULT, 0, CALLER, out);
}

/* --- closing --- */

static void take_due(aw_loop *loop, int64_t now) {
	for (timer *due; (due = timers_take_due(&loop->timers, now));)
		ready_push(&loop->ready, &container_of(due, alarm_clock, timer)->item);
}

void loop_drain(aw_loop *loop) {
	ready_append(&loop->ready, &loop->flushes);
	for (ready_item *item; (item = ready_take(&loop->ready));) item->run(item);
}

static void close_phase_run(aw_loop *loop, close_phase phase) {
	while (loop->closers[phase].first) {
		closer *first = loop->closers[phase].first;
		loop_remove_closer(loop, first);
		first->close(first);
		loop_drain(loop);
	}
}

/* Ends everything that is alive, starting with whatever can still call into the rest. */
static void loop_shut(aw_loop *loop) {
	loop->state = LOOP_CLOSING;
	loop->observes_calls = true;
	atomic_store_explicit(&loop->checked_for, 0, memory_order_relaxed);
	guest_end(loop);
	take_posted(loop);
	loop_drain(loop);
	close_phase_run(loop, CLOSE_TASKS);
	take_due(loop, INT64_MAX);
	loop_drain(loop);
	close_phase_run(loop, CLOSE_WORK);
	close_phase_run(loop, CLOSE_SIGNALS);
	handle_close_posted(loop); /* after this no thread wakes the backend */
	loop->backend->close(loop->backend_state);
	ready_append(&loop->ready, &loop->completed);
	loop_drain(loop);
	close_phase_run(loop, CLOSE_TABLES);
	timers_free(&loop->timers);
}

static void loop_close(void *arg) {
	aw_loop *loop = arg;
	thread *here = thread_here();
	aw_loop *outer = here->loop;
	domain *outer_domain = here->domain;
	releases outer_releases = object_releases_enter(here);
	here->loop = loop;
	here->domain = &loop->domain;
	loop->dispatching = true; /* callbacks from here must not run the loop */
	loop_shut(loop);
	loop->dispatching = false;
	here->loop = outer;
	here->domain = outer_domain;
	callback_slot handler = loop->exception;
	loop->exception = (callback_slot){0};
	object_destroy_user(handler.destroy, handler.ud);
	host_slot_set(&loop->host_slot, NULL, NULL);
	domain_sweep(&loop->domain);
	loop->state = LOOP_CLOSED;
	stack_pool_destroy(&loop->stacks);
	object_releases_leave(here, outer_releases);
}

ENTRY(aw_loop_close, (aw_loop *loop), (loop)) {
	if (!loop_is(loop)) return AW_EBADHANDLE;
	if (loop->state != LOOP_OPEN) return 0;
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (loop->running || loop->dispatching) return AW_ELOOPRUNNING;
	object_ref(loop); /* a destroy function may drop the last reference */
	call_on_thread_stack(loop_close, loop);
	object_unref(loop);
	return 0;
}

static void loop_handle_release(object *base) {
	aw_loop *self = (aw_loop *)base;
	if (self->state == LOOP_OPEN) {
		/* Closing runs user code. If that takes a reference, the handle lives on as a closed loop's. */
		if (aw_loop_close(self) < 0) aw_loop_abandon(self);
		if (object_was_kept(base)) return;
	}
	base->class = &loop_gone_class;
	atomic_fetch_sub(&domain_none.live, 1);
	domain_close(&self->domain); /* may free this memory, now or with the last object */
}

ENTRY(aw_loop_abandon, (aw_loop *loop), (loop)) {
	if (!loop_is(loop)) return AW_EBADHANDLE;
	if (loop->state != LOOP_OPEN) return 0;
	if ((loop->running || loop->dispatching) && loop->fork_generation == *threads_fork_word)
		return AW_ELOOPRUNNING;
	/*
	 * No callbacks, no destroy functions, and no system calls on what the parent shares. The memory they
	 * would free is leaked.
	 */
	loop->backend->abandon(loop->backend_state);
	guest_abandon(loop);
	loop->state = LOOP_CLOSED;
	loop->observes_calls = true;
	atomic_store_explicit(&loop->checked_for, 0, memory_order_relaxed);
	loop->ready.head = NULL; /* if the child was forked during dispatch, that ends with the current item */
	if (thread_here()->loop == loop) {
		/* The child treats the current stack, perhaps a coroutine's, as its thread's own. */
		thread_here()->loop = NULL;
		thread_here()->domain = NULL;
		thread_here()->flow = NULL;
	}
	return 0;
}

REFERENCES(aw_loop, loop_is(self))

/* --- an iteration --- */

/* The posted list is newest first. */
static void take_posted(aw_loop *loop) {
	if (!atomic_load_explicit(&loop->posted, memory_order_relaxed)) return;
	handle_take_posted(loop, atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire));
}

static bool wake_is_pending(const aw_loop *loop) {
	return atomic_load(&loop->wake_state) == WAKE_PENDING;
}

static bool has_work(const aw_loop *loop) {
	return loop->ready.head || loop->completed.head || loop->flushes.head || loop->stopping ||
	       atomic_load_explicit(&loop->posted, memory_order_acquire);
}

/* The time at which a wait ends at the latest, if no timer is due before. */
static int64_t wait_limit(const aw_loop *loop, int64_t timeout) {
	if (timeout == 0 || has_work(loop)) return 0;
	return timeout > 0 && timeout != AW_FOREVER ? loop_after(loop, timeout) : AW_FOREVER;
}

/* A failed wake makes the next wait return at once. */
static bool take_lost_wake(aw_loop *loop) {
	return atomic_load_explicit(&loop->wake_lost, memory_order_relaxed) &&
	       atomic_exchange(&loop->wake_lost, false);
}

/* Whether a wakeup or a signal may come without ending the wait. */
static bool may_miss_wakeup(const aw_loop *loop) {
	return atomic_load_explicit(&loop->wake_refused, memory_order_relaxed) ||
	       (loop->event_source && loop->event_source->may_miss_wakeup(loop));
}

/*
 * Waits in the backend. While wakes fail, waits in short intervals and polls in between. With the backend's
 * own clock, only while operations are in flight: otherwise the short wait would advance the clock. Also ends the
 * wait once to give back memory.
 */
static aw_status backend_wait(aw_loop *loop, int64_t deadline) {
	const aw_backend *backend = loop->backend;
	for (;;) {
		if (take_lost_wake(loop)) deadline = 0;
		bool bounded = deadline > 0 && may_miss_wakeup(loop) &&
		               (loop->in_flight || !(backend->capabilities & AW_BACKEND_OWN_CLOCK));
		int64_t bound = trim_bound(loop, bounded ? loop_after(loop, SLEEP_WITHOUT_WAKE) : deadline);
		if (bound >= deadline) return backend->wait(loop->backend_state, deadline);
		aw_status status = backend->wait(loop->backend_state, bound);
		if (loop->event_source) loop->event_source->poll(loop);
		if (status < 0 || has_work(loop) || wake_is_pending(loop) || loop_now(loop) < bound) return status;
		trim_poll(loop);
	}
}

/* Waits until the limit or the first timer. */
static aw_status wait_for_timers(aw_loop *loop, int64_t limit) {
	for (;;) {
		int64_t bound = timers_bound(&loop->timers);
		if (bound >= limit) return backend_wait(loop, limit);
		aw_status status = backend_wait(loop, bound);
		/* The timer may have been cancelled or put off. */
		if (status < 0 || has_work(loop) || wake_is_pending(loop) || loop_now(loop) < bound ||
		    timers_deadline(&loop->timers) <= bound)
			return status;
	}
}

/* Collects completions. Makes no callbacks. */
static aw_status loop_poll(aw_loop *loop, int64_t limit) {
	loop->polled = true;
	trim_poll(loop);
	uint32_t state = WAKE_NOT_NEEDED;
	bool waits = limit && (atomic_compare_exchange_strong(&loop->wake_state, &state, WAKE_NEEDED) ||
	                       state == WAKE_NEEDED);
	/*
	 * If no I/O is in flight and callbacks are ready, the loop does not poll: tasks that only yield to each
	 * other make no system calls. A guest polls anyway, to drain the wakeup that made its descriptor
	 * readable.
	 */
	bool unread = atomic_load_explicit(&loop->wake_unread, memory_order_relaxed);
	bool idle = !waits && !loop->in_flight && !loop->guest && !unread;
	if (unread) atomic_store(&loop->wake_unread, false);
	aw_status status = idle ? 0 : wait_for_timers(loop, waits ? limit : 0);
	if (loop->event_source) loop->event_source->poll(loop);
	/* Change the state before taking the lists: a thread that posts afterwards wakes the loop again. */
	uint32_t next = loop->guest ? WAKE_NEEDED : WAKE_NOT_NEEDED;
	loop->was_woken = atomic_load_explicit(&loop->wake_state, memory_order_relaxed) != next &&
	                  atomic_exchange(&loop->wake_state, next) == WAKE_PENDING;
	return status < 0 ? status : 0;
}

/* Apart from its caller, which needs no stack protector without the structure of the time. */
static __attribute__((noinline)) void take_due_now(aw_loop *loop) {
	take_due(loop, loop_now(loop));
}

/* Runs one batch. Returns the number of items run, or AW_ESYSTEMEXIT. */
static aw_status run_batch(aw_loop *loop) {
	if (!loop->ready.head) return 0;
	const ready_item *last = loop->ready.tail;
	int64_t count = 0;
	/* Not empty before the last item, unless a forked child has abandoned the loop. */
	for (ready_item *item; (item = ready_take(&loop->ready));) {
		count++;
		__builtin_prefetch(loop->ready.head); /* its owner lies anywhere */
		if (__builtin_expect(item->run(item) == AW_ESYSTEMEXIT, 0)) return AW_ESYSTEMEXIT;
		if (item == last) break;
	}
	return count < INT32_MAX ? (aw_status)count : INT32_MAX;
}

static inline __attribute__((always_inline)) aw_status dispatch_outside_release(aw_loop *loop, thread *here) {
	aw_loop *outer = here->loop;
	domain *outer_domain = here->domain;
	here->loop = loop;
	here->domain = &loop->domain;
	loop->dispatching = true;
	if (domain_has_dead(&loop->domain)) domain_sweep(&loop->domain);
	aw_status status = loop->polled ? 0 : loop_poll(loop, 0);
	loop->polled = false;
	take_posted(loop);
	ready_append(&loop->ready, &loop->completed);
	if (loop->timers.count) take_due_now(loop);
	loop->iteration++;
	if (status == 0) status = run_batch(loop);
	for (ready_item *item; (item = ready_take(&loop->flushes));) item->run(item);
	loop->dispatching = false;
	here->loop = outer;
	here->domain = outer_domain;
	return status;
}

/* A destroy function runs the loop. */
__attribute__((cold, noinline)) static aw_status dispatch_in_release(aw_loop *loop) {
	thread *here = thread_here();
	releases outer = object_releases_enter(here);
	aw_status status = dispatch_outside_release(loop, here);
	object_releases_leave(here, outer);
	return status;
}

static aw_status loop_dispatch(aw_loop *loop) {
	thread *here = thread_here();
	if (__builtin_expect(here->releases.depth != 0, 0)) return dispatch_in_release(loop);
	return dispatch_outside_release(loop, here);
}

/* Enters wait or dispatch. Returns 0 or the reason why it can't. */
static aw_status drive_begin(aw_loop *loop) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (loop->dispatching) return -EBUSY;
	if (thread_here()->loop && thread_here()->loop != loop) return AW_ELOOPRUNNING;
	atomic_store_explicit(&loop->driver, thread_self(), memory_order_relaxed);
	return 0;
}

static void drive_end(aw_loop *loop) {
	if (!loop->running) atomic_store_explicit(&loop->driver, 0, memory_order_relaxed);
}

ENTRY(aw_loop_wait, (aw_loop *loop, int64_t timeout_ns), (loop, timeout_ns)) {
	aw_status status = drive_begin(loop);
	if (status < 0) return status;
	object_ref(loop); /* another thread may drop the last reference */
	if (loop->guest) guest_pause(loop->guest);
	status = loop_poll(loop, wait_limit(loop, timeout_ns < 0 ? AW_FOREVER : timeout_ns));
	if (loop->guest) guest_resume(loop->guest);
	if (status == 0) status = aw_loop_pending(loop);
	drive_end(loop);
	object_unref(loop);
	return status;
}

ENTRY(aw_loop_dispatch, (aw_loop *loop), (loop)) {
	aw_status status = drive_begin(loop);
	if (status < 0) return status;
	object_ref(loop); /* a callback may drop the last reference */
	status = loop->guest ? guest_dispatch(loop->guest, loop_dispatch) : loop_dispatch(loop);
	drive_end(loop);
	object_unref(loop);
	return status;
}

/* Finding the first timer may put the heap right. */
static int64_t deadline_of(const aw_loop *loop) {
	return timers_deadline(&((aw_loop *)(uintptr_t)loop)->timers);
}

aw_bool aw_loop_pending(const aw_loop *loop) {
	if (!loop_is(loop) || loop->state != LOOP_OPEN) return 0;
	if (loop->guest) guest_pause(loop->guest); /* a helper thread may be completing operations */
	bool pending = has_work(loop) || (loop->timers.count && deadline_of(loop) <= loop_now(loop));
	if (loop->guest) guest_resume(loop->guest);
	return pending;
}

int64_t aw_loop_deadline(const aw_loop *loop) {
	return loop_is(loop) ? deadline_of(loop) : AW_FOREVER;
}

ENTRY(aw_loop_wakeup, (aw_loop *loop), (loop)) {
	if (!loop_is(loop)) return AW_EBADHANDLE;
	domain_pin(&loop->domain);
	aw_status status = loop->fork_generation != *threads_fork_word ? AW_EFORKED
	                   : loop->state != LOOP_OPEN                  ? AW_ELOOPCLOSED
	                                                               : 0;
	if (status == 0) loop_wake(loop);
	domain_unpin(&loop->domain);
	return status;
}

/* --- running --- */

/* The usual case in which loop_poll() does nothing: callbacks are ready, and nothing can arrive in a wait. */
static inline bool needs_no_poll(const aw_loop *loop) {
	uintptr_t sources = (uintptr_t)loop->guest | (uintptr_t)loop->event_source | loop->in_flight;
	return loop->ready.head && !sources && !atomic_load_explicit(&loop->wake_unread, memory_order_relaxed) &&
	       atomic_load_explicit(&loop->wake_state, memory_order_relaxed) == WAKE_NOT_NEEDED;
}

static aw_status iterate(aw_loop *loop, int64_t timeout) {
	/* A callback may have forked, and the child must not use its parent's loop. */
	if (loop->fork_generation != *threads_fork_word) return AW_EFORKED;
	if (needs_no_poll(loop)) {
		loop->polled = true;
		loop->was_woken = false;
		return loop_dispatch(loop);
	}
	aw_status status = loop_poll(loop, wait_limit(loop, timeout));
	return status < 0 ? status : loop_dispatch(loop);
}

aw_status loop_run_begin(aw_loop *loop) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (loop->running || loop->dispatching || thread_here()->loop) return AW_ELOOPRUNNING;
	if (loop->guest) return -EBUSY;
	loop->running = true;
	object_ref(loop);
	return drive_begin(loop);
}

void loop_run_end(aw_loop *loop) {
	loop->running = false;
	loop->stopping = false;
	drive_end(loop);
	object_unref(loop);
}

aw_status loop_run(aw_loop *loop) {
	aw_status status;
	do status = iterate(loop, AW_FOREVER);
	while (status >= 0 && !loop->stopping);
	return status < 0 ? status : 0;
}

ENTRY(aw_loop_run_forever, (aw_loop *loop), (loop)) {
	aw_status status = loop_run_begin(loop);
	if (status < 0) return status;
	status = loop_run(loop);
	loop_run_end(loop);
	return status;
}

ENTRY(aw_loop_run_once, (aw_loop *loop, int64_t timeout_ns), (loop, timeout_ns)) {
	aw_status status = loop_run_begin(loop);
	if (status < 0) return status;
	status = iterate(loop, timeout_ns < 0 ? AW_FOREVER : timeout_ns);
	loop_run_end(loop);
	return status;
}

ENTRY(aw_loop_stop, (aw_loop *loop), (loop)) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	loop->stopping = true;
	if (loop->guest && !loop->dispatching) guest_work(loop->guest);
	return 0;
}

aw_bool aw_loop_take_stop(aw_loop *loop) {
	if (loop_check(loop) < 0 || !loop->stopping) return 0;
	loop->stopping = false;
	return 1;
}

/* --- queries --- */

int64_t aw_loop_time(const aw_loop *loop) {
	return loop_is(loop) && loop->state == LOOP_OPEN ? loop_now(loop) : 0;
}

aw_bool aw_loop_is_running(const aw_loop *loop) {
	return loop_is(loop) && (loop->running || loop->dispatching);
}

aw_bool aw_loop_is_closed(const aw_loop *loop) {
	return loop_is(loop) && loop->state == LOOP_CLOSED;
}

const char *aw_loop_backend(const aw_loop *loop) {
	return loop_is(loop) ? loop->backend->name : NULL;
}

aw_loop *aw_loop_current(void) {
	return thread_here()->loop;
}

ENTRY(aw_loop_set_host_data, (aw_loop *loop, void *data, aw_destroy_fn destroy), (loop, data, destroy)) {
	aw_status status = loop_check(loop);
	if (status < 0)
		object_destroy_user(destroy, data);
	else
		host_slot_set(&loop->host_slot, data, destroy);
	return status;
}

void *aw_loop_host_data(const aw_loop *loop) {
	return loop_is(loop) ? loop->host_slot.data : NULL;
}
