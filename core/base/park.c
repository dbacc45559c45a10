/* SPDX-License-Identifier: MIT */
/*
 * A thread blocks on its own futex word, or on the word of its interrupt. A waker changes the word before it
 * wakes, so a wake between checking the condition and the system call is not lost. Wakers hold the mutex, so
 * a woken thread can't leave the stack frame with its waiter before the waker is done with it.
 */
#include "park.h"

#include "os.h"

#include <await/error.h>
#include <errno.h>
#include <time.h>

struct park_waiter {
	park_waiter *next, *previous;
	aw_interrupt *interrupt;
	_Atomic uint32_t word; /* without an interrupt */
};

park_limit park_limit_after(int64_t timeout_ns) {
	park_limit self = {.deadline = INT64_MAX};
	if (timeout_ns < 0 || timeout_ns == AW_FOREVER) return self;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now); /* setting the wall clock must not extend a timeout */
	if (__builtin_add_overflow((int64_t)now.tv_sec * AW_SECOND + now.tv_nsec, timeout_ns, &self.deadline))
		self.deadline = INT64_MAX;
	return self;
}

aw_status park_wait(park *self, pthread_mutex_t *mutex, const park_limit *limit) {
	park_waiter here = {.interrupt = limit->interrupt};
	uint32_t seen = limit->interrupt ? atomic_load(&limit->interrupt->word) : 0;
	if (limit->interrupt && seen & INTERRUPT_RAISED) return -EINTR;
	list_prepend(&self->waiting, &here);
	pthread_mutex_unlock(mutex);
	aw_status status = limit->interrupt ? interrupt_wait(limit->interrupt, seen, limit->deadline)
	                                    : os_word_wait(&here.word, seen, limit->deadline);
	pthread_mutex_lock(mutex);
	list_remove(&self->waiting, &here);
	if (status == -ETIMEDOUT) return AW_EPENDING;
	return status == -EINTR && !limit->signals ? 0 : status;
}

void park_wake(park *self) {
	for (park_waiter *here = self->waiting.first; here; here = here->next) {
		if (here->interrupt) {
			interrupt_wake(here->interrupt);
		} else {
			atomic_store(&here->word, INTERRUPT_WAKE);
			os_word_wake(&here->word);
		}
	}
}
