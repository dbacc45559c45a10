/* SPDX-License-Identifier: MIT */
/* Interrupts. Nothing here takes a lock, because signal handlers may call aw_interrupt_raise(). */
#include "interrupt.h"

#include "failure.h"
#include "os.h"

#include <await/error.h>
#include <errno.h>

static void interrupt_release(object *base) {
	aw_interrupt *self = (aw_interrupt *)base;
	os_close(&self->wakeup);
	object_free(base);
}

static const object_class interrupt_class = {
	.name = "interrupt", .size = sizeof(aw_interrupt), .release = interrupt_release};

aw_status interrupt_check(const aw_interrupt *interrupt) {
	if (!interrupt) return 0;
	if (!object_is(interrupt, &interrupt_class)) return AW_EBADHANDLE;
	return interrupt->fork_generation == *threads_fork_word ? 0 : AW_EFORKED;
}

void interrupt_wake(aw_interrupt *self) {
	atomic_fetch_add(&self->word, INTERRUPT_WAKE);
	if (self->wakeup < 0)
		os_word_wake(&self->word);
	else
		os_event_set(self->wakeup);
}

aw_status interrupt_wait(aw_interrupt *self, uint32_t seen, int64_t deadline) {
	if (self->fd < 0) return os_word_wait(&self->word, seen, deadline);
	if (atomic_exchange(&self->is_used, true)) return -EBUSY;
	const int fds[] = {self->fd, self->wakeup};
	/* A wake since the caller read the word has left the eventfd readable. */
	aw_status status = os_wait_readable(fds, deadline);
	if (status == 1) os_event_clear(self->wakeup);
	atomic_store(&self->is_used, false);
	return status == 0 ? -EINTR : status == 1 ? 0 : status;
}

/* --- public --- */

ENTRY(aw_interrupt_new, (int fd, aw_interrupt **out), (fd, out)) {
	if (!out || fd < -1) return -EINVAL;
	uint32_t generation = threads_fork_generation();
	aw_interrupt *self = generation ? object_new(&domain_none, &interrupt_class) : NULL;
	if (!self) return -ENOMEM;
	self->fork_generation = generation;
	self->fd = fd;
	self->wakeup = -1;
	aw_status status = 0;
	if (fd >= 0) {
		const int looked[] = {fd, -1};
		if (os_wait_readable(looked, 0) == -EBADF) status = -EBADF;
		if (status == 0) status = os_event(&self->wakeup);
	}
	if (status < 0)
		object_unref(self);
	else
		*out = object_hand_out(self, CALLER);
	return status;
}

REFERENCES(aw_interrupt, object_is(self, &interrupt_class))

/* Records no failure, because it may run in a signal handler. */
aw_status aw_interrupt_raise(aw_interrupt *interrupt) {
	if (!interrupt) return AW_EBADHANDLE;
	aw_status status = interrupt_check(interrupt);
	if (status < 0) return status;
	atomic_fetch_or(&interrupt->word, INTERRUPT_RAISED);
	interrupt_wake(interrupt);
	return 0;
}

ENTRY(aw_interrupt_clear, (aw_interrupt *interrupt), (interrupt)) {
	if (!interrupt) return AW_EBADHANDLE;
	aw_status status = interrupt_check(interrupt);
	if (status == 0) atomic_fetch_and(&interrupt->word, ~(uint32_t)INTERRUPT_RAISED);
	return status;
}

aw_bool aw_interrupt_is_raised(const aw_interrupt *interrupt) {
	if (!interrupt || interrupt_check(interrupt) < 0) return false;
	return (atomic_load(&interrupt->word) & INTERRUPT_RAISED) != 0;
}
