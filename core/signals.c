/* SPDX-License-Identifier: MIT */
/*
 * Signals. The handler counts the delivery and rings the doorbell, an eventfd, of every loop that watches the signal. The doorbell is never the
 * message: a loop compares counts, so a bell that rings in vain (in a forked child, say, which shares it) does nothing.
 */
#include "signals.h"

#include "context.h"
#include "failure.h"
#include "report.h"

#include <await/signals.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SIGNALS = 65, LOOPS_MOST = 64 };

/* Written by the handler. */
static _Atomic uint32_t counts[SIGNALS];
/* Read by the handler: the doorbells, plus one so that zero means none, and which signals each wants. */
static _Atomic int doorbells[LOOPS_MOST];
static _Atomic uint64_t wanted[LOOPS_MOST];
/* Rings that were refused: each loop then looks at the counts in its next iteration, and doesn't sleep for long meanwhile. */
static _Atomic uint32_t unheard;
/* Guarded by threads_mutex: what the host had, and how many loops watch. */
static struct sigaction before[SIGNALS];
static unsigned watching[SIGNALS];

static void on_signal(int number) {
	int saved = errno;
	atomic_fetch_add(&counts[number], 1);
	for (size_t i = 0; i < LOOPS_MOST; i++) {
		int fd = atomic_load(&doorbells[i]) - 1;
		uint64_t one = 1;
		if (fd < 0 || !(atomic_load(&wanted[i]) >> (number - 1) & 1)) continue;
		/* EAGAIN: it has been rung more often than it can count. */
		if (write(fd, &one, sizeof one) < 0 && errno != EAGAIN) atomic_fetch_add(&unheard, 1);
	}
	errno = saved;
}

typedef struct signal_watch {
	ready_item item;
	struct signals *owner;
	aw_callback_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	binding *context;
	uint32_t seen, due;
	bool queued, removed;
} signal_watch;

struct signals {
	operation operation; /* the poll of the doorbell, while it is in flight */
	aw_loop *loop;
	size_t place; /* in `doorbells` */
	int bell;
	bool polling, freed;
	bool is_refused;      /* the bell can't be polled for now: `retry` is set, or queued */
	bool retrying;
	int64_t delay;        /* before the next attempt */
	alarm_clock retry;
	uint32_t seen_unheard;
	size_t used;
	signal_watch *watches[SIGNALS];
};

/* Frees it once neither the backend nor the ready queue has a part of it. */
static void signals_drop(struct signals *self) {
	if (self->polling || self->retrying) return;
	close(self->bell);
	free(self);
}

static void watch_free(signal_watch *self) {
	object_destroy_user(self->destroy, self->ud);
	context_drop(self->context);
	free(self);
}

static aw_status watch_run(ready_item *item) {
	signal_watch *self = container_of(item, signal_watch, item);
	aw_loop *loop = self->owner->loop;
	aw_status status = 0;
	while (self->due && !self->removed && !loop_closing(loop) && status != AW_EEXIT) {
		self->due--;
		binding *outer = context_swap(self->context);
		status = self->fn(loop, self->ud);
		self->context = context_swap(outer);
		if (status != 0 && status != AW_EEXIT) report_callback(loop, status, NULL);
	}
	self->queued = false;
	if (self->removed) watch_free(self);
	return status == AW_EEXIT ? AW_EEXIT : 0;
}

/* Queues the watches of the signals that have come. */
static void collect(struct signals *self) {
	for (int number = 1; number < SIGNALS; number++) {
		signal_watch *watch = self->watches[number];
		if (!watch) continue;
		uint32_t count = atomic_load(&counts[number]);
		watch->due += count - watch->seen;
		watch->seen = count;
		if (!watch->due || watch->queued) continue;
		watch->queued = true;
		loop_push(self->loop, &watch->item);
	}
}

void signals_look(struct signals *self) {
	uint32_t now = atomic_load_explicit(&unheard, memory_order_relaxed);
	if (now == self->seen_unheard) return;
	self->seen_unheard = now;
	atomic_store(&self->loop->deaf, true); /* the next ring may be refused as well */
	collect(self);
}

static aw_status signals_poll(struct signals *self);

/* The bell can't be polled: says so once, and tries again after a while that doubles from a millisecond to a second. */
static void poll_later(struct signals *self, aw_status status) {
	if (!self->is_refused) report_status(self->loop, "signals can't be watched for now", status, NULL, NULL);
	self->delay = self->is_refused ? self->delay * 2 : AW_MILLISECOND;
	if (self->delay > AW_SECOND) self->delay = AW_SECOND;
	self->is_refused = true;
	if (self->retrying) return;
	self->retrying = true;
	/* Without memory for the timer: in the next iteration. */
	if (loop_alarm_set(self->loop, &self->retry, loop_after(self->loop, self->delay)) < 0) loop_push(self->loop, &self->retry.item);
}

static aw_status retry_run(ready_item *item) {
	struct signals *self = container_of(item, struct signals, retry.item);
	self->retrying = false;
	if (self->freed) {
		signals_drop(self);
		return 0;
	}
	if (loop_closing(self->loop) || !self->used) return 0;
	collect(self);
	aw_status status = signals_poll(self);
	if (status < 0) poll_later(self, status);
	return 0;
}

static void bell_rang(operation *ended) {
	struct signals *self = container_of(ended, struct signals, operation);
	uint64_t rings;
	aw_status status = ended->op.result < 0 ? (aw_status)ended->op.result : 0;
	self->polling = false;
	if (self->freed) {
		signals_drop(self);
		return;
	}
	(void)!read(self->bell, &rings, sizeof rings);
	collect(self);
	if (!self->used || loop_closing(self->loop)) return;
	if (status == 0 || status == -ECANCELED) status = signals_poll(self);
	if (status < 0) poll_later(self, status);
}

static aw_status signals_poll(struct signals *self) {
	if (self->polling) return 0;
	self->operation.op = (aw_op){.kind = AW_OP_POLL, .fd = self->bell, .flags = AW_OP_POLL_IN, .nonblocking = 1};
	self->operation.done = bell_rang;
	aw_status status = loop_submit(self->loop, &self->operation);
	self->polling = status == 0;
	if (self->polling) self->is_refused = false;
	return status;
}

/* The loop's own, made at its first signal. */
static struct signals *signals_of(aw_loop *loop, aw_status *status) {
	struct signals *self = loop->signals;
	if (self) return self;
	*status = -ENOMEM;
	self = calloc(1, sizeof *self);
	if (!self) return NULL;
	self->loop = loop;
	self->retry.item.run = retry_run;
	self->seen_unheard = atomic_load(&unheard);
	self->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (self->bell < 0) {
		*status = -errno;
		free(self);
		return NULL;
	}
	for (self->place = 0; self->place < LOOPS_MOST; self->place++) {
		int none = 0;
		if (atomic_compare_exchange_strong(&doorbells[self->place], &none, self->bell + 1)) break;
	}
	if (self->place == LOOPS_MOST) {
		*status = -EAGAIN;
		close(self->bell);
		free(self);
		return NULL;
	}
	return loop->signals = self;
}

static aw_status handler_install(int number) {
	struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
	sigfillset(&ours.sa_mask);
	pthread_mutex_lock(&threads_mutex);
	struct sigaction now;
	aw_status status = sigaction(number, NULL, &now) < 0 ? -errno : 0;
	/* Also for a signal that is watched already: the host may have set a handler of its own since. */
	if (status == 0 && now.sa_handler != on_signal && sigaction(number, &ours, &before[number]) < 0) status = -errno;
	if (status == 0) watching[number]++;
	pthread_mutex_unlock(&threads_mutex);
	return status;
}

static void handler_remove(int number) {
	pthread_mutex_lock(&threads_mutex);
	struct sigaction now;
	/* Only if it is still ours: a host that has installed its own since keeps it. */
	if (--watching[number] == 0 && sigaction(number, NULL, &now) == 0 && now.sa_handler == on_signal)
		sigaction(number, &before[number], NULL);
	pthread_mutex_unlock(&threads_mutex);
}

static aw_status add_handler(aw_loop *loop, int signal, aw_callback_fn fn, void *ud, aw_destroy_fn destroy) {
	aw_status status = loop_check(loop);
	if (status == 0 && (!fn || signal < 1 || signal >= SIGNALS || signal == SIGKILL || signal == SIGSTOP)) status = -EINVAL;
	struct signals *self = status < 0 ? NULL : signals_of(loop, &status);
	signal_watch *watch = self ? calloc(1, sizeof *watch) : NULL;
	if (self && !watch) status = -ENOMEM;
	/* First, so that where it fails the handler of before stays. */
	if (watch) status = signals_poll(self);
	if (watch && status == 0) {
		aw_loop_remove_signal_handler(loop, signal);
		status = loop_check(loop); /* the destroy of the one before may have closed it */
		if (status == 0) status = signals_poll(self);
		if (status == 0) status = handler_install(signal);
		if (status < 0 && loop->signals == self && !self->used) loop_cancel(loop, &self->operation);
	}
	if (!watch || status < 0) {
		free(watch);
		object_destroy_user(destroy, ud);
		return status;
	}
	*watch = (signal_watch){.item.run = watch_run, .owner = self, .fn = fn, .ud = ud, .destroy = destroy, .context = context_capture(),
	                        .seen = atomic_load(&counts[signal])};
	self->watches[signal] = watch;
	self->used++;
	atomic_fetch_or(&wanted[self->place], UINT64_C(1) << (signal - 1));
	return 0;
}

ENTRY(aw_loop_add_signal_handler, (aw_loop *loop, int signal, aw_callback_fn fn, void *ud, aw_destroy_fn destroy),
      (loop, signal, fn, ud, destroy)) {
	bool is_loop = loop_is(loop);
	if (is_loop) object_ref(loop); /* a destroy may drop the last reference */
	aw_status status = add_handler(loop, signal, fn, ud, destroy);
	if (is_loop) object_unref(loop);
	return status;
}

static void watch_remove(struct signals *self, int number) {
	signal_watch *watch = self->watches[number];
	handler_remove(number);
	atomic_fetch_and(&wanted[self->place], ~(UINT64_C(1) << (number - 1)));
	self->watches[number] = NULL;
	self->used--;
	watch->removed = true;
	if (!watch->queued) watch_free(watch);
}

ENTRY(aw_loop_remove_signal_handler, (aw_loop *loop, int signal), (loop, signal)) {
	aw_status status = loop_check(loop);
	if (status < 0) return status;
	if (signal < 1 || signal >= SIGNALS) return -EINVAL;
	struct signals *self = loop->signals;
	if (!self || !self->watches[signal]) return 0;
	object_ref(loop); /* the destroy may drop the last reference, or close it */
	watch_remove(self, signal);
	/* A bell nobody waits for must not keep a virtual clock from jumping. */
	if (loop->signals == self && !self->used) loop_cancel(loop, &self->operation);
	object_unref(loop);
	return 1;
}

void signals_free(aw_loop *loop) {
	struct signals *self = loop->signals;
	if (!self) return;
	loop->signals = NULL;
	for (int number = 1; number < SIGNALS; number++)
		if (self->watches[number]) watch_remove(self, number);
	atomic_store(&wanted[self->place], 0); /* as whoever takes the place next expects it */
	atomic_store(&doorbells[self->place], 0);
	self->freed = true;
	if (self->retrying && timer_is_set(&self->retry.timer)) {
		loop_alarm_stop(loop, &self->retry);
		self->retrying = false;
	}
	signals_drop(self); /* now, or when its operation ends, which the closing of the backend brings about */
}
