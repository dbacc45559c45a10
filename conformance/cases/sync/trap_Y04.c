/* SPDX-License-Identifier: MIT */
/* Y04: what is free does not suspend: a lock, a permit, an event that is set, a queue that has an item. */
#include "bare.h"

static aw_status main_coroutine(void *ud) {
	(void)ud;
	static int item = 1;
	aw_lock *lock = NULL;
	aw_semaphore *semaphore = NULL;
	aw_event *event = NULL;
	aw_queue *queue = NULL;
	void *value = NULL;
	call_soon(aw_loop_current(), say, "tick");
	must(aw_lock_new(NULL, &lock));
	must(aw_semaphore_new(NULL, 1, &semaphore));
	must(aw_event_new(NULL, &event));
	must(aw_queue_new(NULL, 0, &queue));
	must(aw_lock_acquire(lock));
	must(aw_lock_release(lock));
	trace("lock");
	must(aw_semaphore_acquire(semaphore));
	trace("semaphore");
	must(aw_event_set(event));
	must(aw_event_wait(event));
	trace("event");
	must(aw_queue_put(queue, &item, NULL));
	must(aw_queue_get(queue, &value, NULL));
	trace("queue %d", *(int *)value);
	must(aw_sleep(0));
	aw_queue_unref(queue);
	aw_event_unref(event);
	aw_semaphore_unref(semaphore);
	aw_lock_unref(lock);
	return 0;
}

CASE(trap_Y04, 0.0, CASE_ANY) {
	return aw_run(NULL, main_coroutine, NULL, NULL, NULL);
}
