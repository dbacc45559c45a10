// SPDX-License-Identifier: MIT

// Package ctasks is a C library on libawait, for the tests of the Go package: tests can't use cgo themselves.
package ctasks

/*
#cgo pkg-config: libawait
#include <await/await.h>
#include <stdlib.h>

typedef struct job {
	aw_future *future;
	aw_queue *queue;
	int64_t delay;
} job;

static void job_free(void *ud) {
	job *self = ud;
	aw_future_unref(self->future);
	aw_queue_unref(self->queue);
	free(self);
}

// Awaits the future, and returns its value plus one; a failure is passed on unchanged.
static aw_status follow(void *ud) {
	job *self = ud;
	void *value = NULL;
	aw_status status = aw_await(self->future, &value);
	return status < 0 ? status : aw_return((void *)((intptr_t)value + 1), NULL);
}

static aw_status nap(void *ud) {
	return aw_sleep(((job *)ud)->delay);
}

// Takes one item out and puts it in again.
static aw_status turn_over(void *ud) {
	job *self = ud;
	void *item = NULL;
	aw_destroy_fn destroy = NULL;
	aw_status status = aw_queue_get(self->queue, &item, &destroy);
	if (status < 0) return status;
	status = aw_queue_put(self->queue, item, destroy);
	if (status < 0 && destroy) destroy(item);
	return status;
}

static aw_task *spawn(aw_loop *loop, aw_task_fn fn, aw_future *future, aw_queue *queue, int64_t delay) {
	job *self = calloc(1, sizeof *self);
	aw_task *task = NULL;
	if (!self) return NULL;
	self->future = future;
	self->queue = aw_queue_ref(queue);
	self->delay = delay;
	return aw_task_spawn(loop, fn, self, job_free, &task) < 0 ? NULL : task;
}

static aw_future *ctasks_follow(void *loop, void *future) { return aw_task_future(spawn(loop, follow, future, NULL, 0)); }
static aw_future *ctasks_nap(void *loop, int64_t delay) { return aw_task_future(spawn(loop, nap, NULL, NULL, delay)); }
static aw_future *ctasks_turn_over(void *loop, void *queue) {
	return aw_task_future(spawn(loop, turn_over, NULL, queue, 0));
}

static aw_status count_up(void *ud, void **out, aw_destroy_fn *out_destroy) {
	int64_t *next = ud;
	*out_destroy = NULL;
	if (*next > 3) return AW_ESTOPITERATION;
	aw_status status = aw_sleep(AW_MILLISECOND);
	if (status >= 0) *out = (void *)(intptr_t)(*next)++;
	return status;
}

static aw_iterator *ctasks_count(void *loop) {
	int64_t *next = calloc(1, sizeof *next);
	aw_iterator *out = NULL;
	if (!next || aw_iterator_new(loop, count_up, next, free, &out) < 0) return NULL;
	*next = 1;
	return out;
}
*/
import "C"

import (
	"time"
	"unsafe"
)

// Follow starts a stackful C task that awaits future (it takes over the reference), and returns the task as a
// future.
func Follow(loop, future unsafe.Pointer) unsafe.Pointer {
	return unsafe.Pointer(C.ctasks_follow(loop, future))
}

// Nap starts a C task that sleeps.
func Nap(loop unsafe.Pointer, d time.Duration) unsafe.Pointer {
	return unsafe.Pointer(C.ctasks_nap(loop, C.int64_t(d)))
}

// TurnOver starts a C task that gets an item of the queue and puts it back.
func TurnOver(loop, queue unsafe.Pointer) unsafe.Pointer {
	return unsafe.Pointer(C.ctasks_turn_over(loop, queue))
}

// Count creates an iterator over 1, 2, 3.
func Count(loop unsafe.Pointer) unsafe.Pointer { return unsafe.Pointer(C.ctasks_count(loop)) }

// Cancel cancels a future.
func Cancel(future unsafe.Pointer) { C.aw_future_cancel((*C.aw_future)(future), nil) }

// Release drops a reference to a future.
func Release(future unsafe.Pointer) { C.aw_future_unref((*C.aw_future)(future)) }

// ReleaseIterator drops a reference to an iterator.
func ReleaseIterator(it unsafe.Pointer) { C.aw_iterator_unref((*C.aw_iterator)(it)) }
