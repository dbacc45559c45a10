/* SPDX-License-Identifier: MIT */
/*
 * Signals. The handler counts the delivery and writes to the eventfd (the doorbell) of every loop that
 * watches the signal. The loop compares counts, so that a spurious wake-up does nothing, such as one from a
 * forked child that shares the eventfd.
 */
#include "signals.h"

#include "context.h"
#include "failure.h"
#include "report.h"

#include <await/signals.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SIGNALS = 65, LOOPS_MAX = 64 };

static const int64_t retry_first = 5 * AW_MILLISECOND, retry_last = AW_SECOND;

/* Written by the handler. */
static _Atomic uint32_t counts[SIGNALS];
/* Read by the handler: descriptor + 1 of each doorbell (0: free), and the set of signals it wants. */
static _Atomic int doorbells[LOOPS_MAX];
static _Atomic uint64_t wanted[LOOPS_MAX];
/* Written by the handler: it could not write to the doorbell, and the loop has not checked since. */
static atomic_bool refused[LOOPS_MAX], lost[LOOPS_MAX];
/* Guarded by threads_mutex: the program's former handler, and how many loops watch. */
static struct sigaction before[SIGNALS];
static unsigned watching[SIGNALS];

/* Set with F_SETSIG to recognize a doorbell: another file that reuses the number does not have this value. */
enum { OUR_MARK = 62 };

static bool is_ours(int fd) {
	return fcntl(fd, F_GETSIG) == OUR_MARK;
}

static int bell_new(void) {
	int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bell < 0) return -errno;
	if (fcntl(bell, F_SETSIG, OUR_MARK) == 0) return bell;
	aw_status status = -errno;
	close(bell);
	return status;
}

static void bell_free(int bell) {
	if (is_ours(bell)) close(bell);
}

/* If the program closed the doorbell, the write must not hit a file that reuses its number. */
static bool ring(int fd) {
	const uint64_t one = 1;
	if (!is_ours(fd)) return false;
	ssize_t n;
	do n = write(fd, &one, sizeof one);
	while (n < 0 && errno == EINTR);
	return n >= 0 || errno == EAGAIN; /* a full counter wakes the loop, too */
}

static void on_signal(int number) {
	int saved = errno;
	atomic_fetch_add(&counts[number], 1);
	for (size_t i = 0; i < LOOPS_MAX; i++) {
		int fd = atomic_load(&doorbells[i]) - 1;
		if (fd < 0 || !(atomic_load(&wanted[i]) >> (number - 1) & 1)) continue;
		bool rang = ring(fd);
		if (!rang) atomic_store(&lost[i], true);
		atomic_store(&refused[i], !rang);
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
	closer closer;
	operation operation; /* the poll of the doorbell */
	aw_loop *loop;
	size_t place; /* index in `doorbells` */
	int bell;
	bool polling, freed;
	alarm_clock retry; /* polls again after `delay` */
	bool retrying;     /* `retry` is set or queued */
	int64_t delay;     /* 0: the last poll was accepted */
	size_t used;
	signal_watch *watches[SIGNALS];
};

static void watch_free(signal_watch *self) {
	object_destroy_user(self->destroy, self->ud);
	context_drop(self->context);
	free(self);
}

static aw_status watch_run(ready_item *item) {
	signal_watch *self = container_of(item, signal_watch, item);
	aw_loop *loop = self->owner->loop;
	aw_status status = 0;
	while (self->due && !self->removed && !loop_closing(loop) && status != AW_ESYSTEMEXIT) {
		self->due--;
		binding *outer = context_swap(self->context);
		status = self->fn(loop, self->ud);
		self->context = context_swap(outer);
		if (status != 0 && status != AW_ESYSTEMEXIT) report_callback(loop, status, NULL);
	}
	self->queued = false;
	if (self->removed) watch_free(self);
	return status == AW_ESYSTEMEXIT ? AW_ESYSTEMEXIT : 0;
}

/* Queues the watches whose signals have arrived. */
static void signals_look(struct signals *self) {
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

static void signals_keep_polling(struct signals *self);

static void bell_rang(operation *ended) {
	struct signals *self = container_of(ended, struct signals, operation);
	uint64_t rings;
	self->polling = false;
	if (self->freed) {
		bell_free(self->bell);
		free(self);
		return;
	}
	if (is_ours(self->bell)) (void)!read(self->bell, &rings, sizeof rings);
	signals_look(self);
	if (self->used && !loop_closing(self->loop)) signals_keep_polling(self);
}

static aw_status signals_poll(struct signals *self) {
	if (self->polling) return 0;
	self->operation.op = (aw_op){.kind = AW_OP_POLL, .fd = self->bell, .flags = AW_POLL_IN, .nonblocking = 1};
	self->operation.done = bell_rang;
	aw_status status = loop_submit(self->loop, &self->operation);
	self->polling = status == 0;
	return status;
}

/* A watch that was accepted must not stop silently: reports a refused poll, and retries with backoff. */
static void signals_keep_polling(struct signals *self) {
	aw_status status = signals_poll(self);
	if (status == 0) {
		self->delay = 0;
		return;
	}
	bool is_first = self->delay == 0;
	self->delay = is_first ? retry_first : self->delay < retry_last ? self->delay * 2 : retry_last;
	if (self->retrying) return;
	self->retrying = true;
	/* Without memory for a timer, retry in the next iteration. */
	if (loop_alarm_set(self->loop, &self->retry, loop_after(self->loop, self->delay)) < 0)
		loop_push(self->loop, &self->retry.item);
	if (is_first) report_status(self->loop, "signals can't be watched; trying again", status, NULL, NULL);
}

static aw_status retry_run(ready_item *item) {
	struct signals *self = container_of(item, struct signals, retry.item);
	self->retrying = false;
	if (self->used && !loop_closing(self->loop)) signals_keep_polling(self);
	return 0;
}

/* The last watch was removed: an idle doorbell or timer must not keep a virtual clock from jumping. */
static void signals_rest(struct signals *self) {
	loop_cancel(self->loop, &self->operation);
	if (!timer_is_set(&self->retry.timer)) return;
	loop_alarm_stop(self->loop, &self->retry);
	self->retrying = false;
}

static bool may_miss_wakeup(const aw_loop *loop) {
	return atomic_load_explicit(&refused[loop->signals->place], memory_order_relaxed);
}

/*
 * Replaces a doorbell that the program closed. Cancels the poll of the old one; its completion polls the new
 * one.
 */
static void bell_replace(struct signals *self) {
	if (is_ours(self->bell)) return;
	int fresh = bell_new();
	if (fresh < 0) return;
	self->bell = fresh;
	atomic_store(&doorbells[self->place], fresh + 1);
	atomic_store(&refused[self->place], false);
	loop_cancel(self->loop, &self->operation);
}

static void look_for_lost(aw_loop *loop) {
	struct signals *self = loop->signals;
	if (!atomic_load_explicit(&lost[self->place], memory_order_relaxed) ||
	    !atomic_exchange(&lost[self->place], false))
		return;
	bell_replace(self);
	signals_look(self);
}

static const event_source signal_source = {.may_miss_wakeup = may_miss_wakeup, .poll = look_for_lost};

static void signals_close(closer *base);

/* Returns the signal state of the loop, created on first use. */
static struct signals *signals_of(aw_loop *loop, aw_status *status) {
	struct signals *self = loop->signals;
	if (self) return self;
	*status = -ENOMEM;
	self = calloc(1, sizeof *self);
	if (!self) return NULL;
	self->loop = loop;
	self->retry.item.run = retry_run;
	self->bell = bell_new();
	if (self->bell < 0) {
		*status = self->bell;
		free(self);
		return NULL;
	}
	for (self->place = 0; self->place < LOOPS_MAX; self->place++) {
		int none = 0;
		if (atomic_compare_exchange_strong(&doorbells[self->place], &none, self->bell + 1)) break;
	}
	if (self->place == LOOPS_MAX) {
		*status = -EAGAIN;
		close(self->bell);
		free(self);
		return NULL;
	}
	atomic_store(&refused[self->place], false);
	atomic_store(&lost[self->place], false);
	self->closer = (closer){.phase = CLOSE_SIGNALS, .close = signals_close};
	loop_add_closer(loop, &self->closer);
	loop->event_source = &signal_source;
	return loop->signals = self;
}

static aw_status handler_install(int number) {
	struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
	sigfillset(&ours.sa_mask);
	pthread_mutex_lock(&threads_mutex);
	struct sigaction now;
	aw_status status = sigaction(number, NULL, &now) < 0 ? -errno : 0;
	/* Even if the signal is watched already: the program may have replaced the handler since. */
	if (status == 0 && now.sa_handler != on_signal && sigaction(number, &ours, &before[number]) < 0)
		status = -errno;
	if (status == 0) watching[number]++;
	pthread_mutex_unlock(&threads_mutex);
	return status;
}

static void handler_remove(int number) {
	pthread_mutex_lock(&threads_mutex);
	struct sigaction now;
	/* Only if it is still ours: the program may have installed another handler since. */
	if (--watching[number] == 0 && sigaction(number, NULL, &now) == 0 && now.sa_handler == on_signal)
		sigaction(number, &before[number], NULL);
	pthread_mutex_unlock(&threads_mutex);
}

bool signal_is_default(const aw_loop *loop, int number) {
	if (loop->signals && loop->signals->watches[number]) return false;
	struct sigaction now;
	pthread_mutex_lock(&threads_mutex);
	bool is_known = sigaction(number, NULL, &now) == 0;
	if (is_known && now.sa_handler == on_signal) now = before[number];
	pthread_mutex_unlock(&threads_mutex);
	return is_known && now.sa_handler == SIG_DFL;
}

static aw_status add_handler(aw_loop *loop, int signal, aw_callback_fn fn, void *ud, aw_destroy_fn destroy) {
	aw_status status = loop_check(loop);
	if (status == 0 && (!fn || signal < 1 || signal >= SIGNALS || signal == SIGKILL || signal == SIGSTOP))
		status = -EINVAL;
	struct signals *self = status < 0 ? NULL : signals_of(loop, &status);
	signal_watch *watch = self ? calloc(1, sizeof *watch) : NULL;
	if (self && !watch) status = -ENOMEM;
	/* Before removing the old watch: a failure must leave that in place. */
	if (watch) status = signals_poll(self);
	if (watch && status == 0) {
		aw_loop_remove_signal_handler(loop, signal);
		status = loop_check(loop); /* the old watch's destroy may have closed it */
		if (status == 0) status = handler_install(signal);
	}
	if (!watch || status < 0) {
		free(watch);
		if (self && loop->signals == self && !self->used) signals_rest(self);
		object_destroy_user(destroy, ud);
		return status;
	}
	*watch = (signal_watch){.item.run = watch_run,
	                        .owner = self,
	                        .fn = fn,
	                        .ud = ud,
	                        .destroy = destroy,
	                        .context = context_capture(),
	                        .seen = atomic_load(&counts[signal])};
	self->watches[signal] = watch;
	self->used++;
	atomic_fetch_or(&wanted[self->place], UINT64_C(1) << (signal - 1));
	return 0;
}

ENTRY(aw_loop_add_signal_handler, (aw_loop *loop, int signal, aw_callback_fn fn, void *ud,
                                   aw_destroy_fn destroy),
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
	object_ref(loop); /* the destroy may drop the last reference or close the loop */
	watch_remove(self, signal);
	if (loop->signals == self && !self->used) signals_rest(self);
	object_unref(loop);
	return 1;
}

/* The loop is closing: removes the remaining watches. */
static void signals_close(closer *base) {
	struct signals *self = container_of(base, struct signals, closer);
	self->loop->event_source = NULL;
	self->loop->signals = NULL;
	for (int number = 1; number < SIGNALS; number++)
		if (self->watches[number]) watch_remove(self, number);
	atomic_store(&wanted[self->place], 0); /* the next owner of the slot expects 0 */
	atomic_store(&doorbells[self->place], 0);
	loop_alarm_stop(self->loop, &self->retry);
	self->freed = true;
	if (self->polling) return; /* its operation completes when the backend is closed */
	bell_free(self->bell);
	free(self);
}
