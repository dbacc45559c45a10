// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// Queue passes items between goroutines, and between goroutines and C tasks of the same loop. The queue owns
// an item from a successful Put until a successful Get. A call that ctx ends has neither put nor taken an
// item. asyncio.Queue.
type Queue[T any] struct {
	l *Loop
	c *C.aw_queue
}

// NewQueue creates a queue of at most maxsize items; 0 or less means no limit. asyncio.Queue.
func NewQueue[T any](ctx context.Context, maxsize int) (*Queue[T], error) {
	return newQueue[T](ctx, func(l *Loop, out **C.aw_queue) C.aw_status { return C.aw_queue_new(l.c, C.int64_t(maxsize), out) })
}

// NewLifoQueue creates a queue that returns the newest item first. asyncio.LifoQueue.
func NewLifoQueue[T any](ctx context.Context, maxsize int) (*Queue[T], error) {
	return newQueue[T](ctx, func(l *Loop, out **C.aw_queue) C.aw_status { return C.aw_queue_new_lifo(l.c, C.int64_t(maxsize), out) })
}

// NewPriorityQueue creates a queue that returns the least item first, and equal items in the order of the
// puts. less is called inside Put and Get, and must not call this package. asyncio.PriorityQueue.
func NewPriorityQueue[T any](ctx context.Context, maxsize int, less func(a, b T) bool) (*Queue[T], error) {
	return newQueue[T](ctx, func(l *Loop, out **C.aw_queue) C.aw_status {
		order := keep(func(a, b any) bool { return less(a.(T), b.(T)) })
		// If this fails, its destroy has run.
		return C.aw_status(C.awgo_queue_new_priority(l.c, C.int64_t(maxsize), order, out))
	})
}

func newQueue[T any](ctx context.Context, call func(*Loop, **C.aw_queue) C.aw_status) (*Queue[T], error) {
	var c *C.aw_queue
	l, err := makeOn(ctx, func(l *Loop) C.aw_status { return call(l, &c) })
	if err != nil {
		return nil, err
	}
	q := &Queue[T]{l, c}
	runtime.SetFinalizer(q, func(*Queue[T]) { l.drop(func() { C.aw_queue_unref(c) }) })
	return q, nil
}

// turned delivers what a put or a get made ready.
func (l *Loop) turned(count C.int32_t) {
	if l.serial {
		l.kick()
		return
	}
	l.process(count)
	if count >= C.AWGO_FULL {
		l.drive()
	}
}

func (l *Loop) turns() C.int32_t {
	if l.serial {
		return 0
	}
	return 1
}

// Put puts an item; it waits while the queue is full. Fails with ErrQueueShutDown. asyncio: Queue.put.
func (q *Queue[T]) Put(ctx context.Context, item T) error {
	defer runtime.KeepAlive(q)
	if err := contextErr(ctx); err != nil {
		return err
	}
	place := keep(item)
	status := q.put(place)
	if status == C.AW_EQUEUEFULL {
		taken := false
		r := q.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status {
			status := C.aw_status(C.awgo_queue_put_coro(q.c, place, out))
			taken = status >= 0
			return status
		})
		if !taken {
			release(place)
		}
		return r.err
	}
	if status < 0 {
		release(place)
	}
	return statusError(status)
}

// PutNowait puts an item without waiting, or fails with ErrQueueFull or ErrQueueShutDown. asyncio:
// Queue.put_nowait.
func (q *Queue[T]) PutNowait(item T) error {
	defer runtime.KeepAlive(q)
	place := keep(item)
	status := q.put(place)
	if status < 0 {
		release(place)
	}
	return statusError(status)
}

func (q *Queue[T]) put(place C.uintptr_t) C.int32_t {
	l := q.l
	if !l.lock() {
		return C.AW_ELOOPCLOSED
	}
	defer l.mu.Unlock()
	var turned C.int32_t
	status := C.awgo_queue_put(l.shim, q.c, place, l.turns(), &turned)
	l.turned(turned)
	return status
}

// Get gets an item; it waits while the queue is empty. Fails with ErrQueueShutDown once the queue is shut
// down and empty. asyncio: Queue.get.
func (q *Queue[T]) Get(ctx context.Context) (T, error) {
	defer runtime.KeepAlive(q)
	var none T
	if err := contextErr(ctx); err != nil {
		return none, err
	}
	item, status := q.get()
	if status != C.AW_EQUEUEEMPTY {
		return item, statusError(status)
	}
	r := q.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status { return C.aw_queue_get_coro(q.c, out) })
	if r.err != nil {
		return none, r.err
	}
	return q.item(C.uintptr_t(r.value))
}

// GetNowait gets an item without waiting, or fails with ErrQueueEmpty or ErrQueueShutDown. asyncio:
// Queue.get_nowait.
func (q *Queue[T]) GetNowait() (T, error) {
	defer runtime.KeepAlive(q)
	item, status := q.get()
	return item, statusError(status)
}

func (q *Queue[T]) get() (item T, status C.int32_t) {
	l := q.l
	if !l.lock() {
		return item, C.AW_ELOOPCLOSED
	}
	var place C.uintptr_t
	var turned C.int32_t
	status = C.awgo_queue_get(l.shim, q.c, l.turns(), &place, &turned)
	l.turned(turned)
	l.mu.Unlock()
	if status >= 0 {
		item, _ = q.item(place)
	}
	return item, status
}

// item converts a value from C. A value put by a C task is not a T; it is returned as T's zero value with
// EINVAL.
func (q *Queue[T]) item(place C.uintptr_t) (item T, err error) {
	if !isKept(place) {
		return item, &Error{Status: C.AW_EINVAL, Message: "the item in the queue is not Go's"}
	}
	item, _ = release(place).(T)
	return item, nil
}

// TaskDone marks an item that was taken as processed. EINVAL if called too often. asyncio: Queue.task_done.
func (q *Queue[T]) TaskDone() error {
	defer runtime.KeepAlive(q)
	return q.l.then(func() C.aw_status { return C.aw_queue_task_done(q.c) })
}

// Join waits until every item has been processed. asyncio: Queue.join.
func (q *Queue[T]) Join(ctx context.Context) error {
	defer runtime.KeepAlive(q)
	return q.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status { return C.aw_queue_join_coro(q.c, out) }).err
}

// Shutdown makes puts fail, and gets fail once the queue is empty. It wakes all waiters. immediate also drops
// the remaining items. asyncio: Queue.shutdown.
func (q *Queue[T]) Shutdown(immediate bool) error {
	defer runtime.KeepAlive(q)
	return q.l.then(func() C.aw_status { return C.aw_queue_shutdown(q.c, cbool(immediate)) })
}

// Len returns the number of items. asyncio: Queue.qsize.
func (q *Queue[T]) Len() int {
	defer runtime.KeepAlive(q)
	return ask(q.l, func() int { return int(C.aw_queue_qsize(q.c)) })
}

// Cap returns the maximum number of items; 0 or less means no limit. asyncio: Queue.maxsize.
func (q *Queue[T]) Cap() int {
	defer runtime.KeepAlive(q)
	return ask(q.l, func() int { return int(C.aw_queue_maxsize(q.c)) })
}

// Empty reports whether the queue is empty. asyncio: Queue.empty.
func (q *Queue[T]) Empty() bool {
	defer runtime.KeepAlive(q)
	return ask(q.l, func() bool { return C.aw_queue_empty(q.c) != 0 })
}

// Full reports whether the queue is full. asyncio: Queue.full.
func (q *Queue[T]) Full() bool {
	defer runtime.KeepAlive(q)
	return ask(q.l, func() bool { return C.aw_queue_full(q.c) != 0 })
}

// Pointer returns the C queue (an aw_queue *), which q keeps alive, for C tasks that use it.
func (q *Queue[T]) Pointer() unsafe.Pointer { return unsafe.Pointer(q.c) }
