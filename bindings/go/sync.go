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

// Objects in this file belong to one loop, and any goroutine may use them. If ctx ends a wait, the wait
// returns ctx.Err() after the loop has acknowledged it. A lock or a permit that arrives at the same moment is
// not lost: the call then succeeds. They are as fair as asyncio's.

// awaitCoro runs a C coroutine until it ends; make is called under the mutex.
func (l *Loop) awaitCoro(ctx context.Context, make func(out **C.aw_coro) C.aw_status) result {
	if err := contextErr(ctx); err != nil {
		return result{status: C.AW_ECANCELLED, err: err}
	}
	w, err := l.newWaiter(ctx)
	if err != nil {
		return result{status: C.AW_EFOREIGNLOOP, err: err}
	}
	if !l.lock() {
		w.recycle()
		return result{status: C.AW_ELOOPCLOSED, err: ErrLoopClosed}
	}
	var coro *C.aw_coro
	if status := make(&coro); status < 0 {
		l.mu.Unlock()
		w.recycle()
		return result{status: C.int32_t(status), err: statusError(C.int32_t(status))}
	}
	w.request = C.awgo_request{kind: C.AWGO_CORO, object: C.uintptr_t(uintptr(unsafe.Pointer(coro)))}
	return l.awaitHeld(w)
}

// then calls C under the mutex and runs what that made ready.
func (l *Loop) then(call func() C.aw_status) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.unlock()
	return statusError(C.int32_t(call()))
}

// ask calls C under the mutex.
func ask[T any](l *Loop, call func() T) (answer T) {
	if !l.lock() {
		return answer
	}
	defer l.mu.Unlock()
	return call()
}

// make calls a C constructor under the mutex.
func (l *Loop) make(call func() C.aw_status) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.mu.Unlock()
	return statusError(C.int32_t(call()))
}

// loopFor returns the loop of a context, for constructors.
func loopFor(ctx context.Context) (*Loop, error) {
	if l, _ := from(ctx); l != nil {
		return l, nil
	}
	return nil, ErrNoLoop
}

// Lock is a mutual exclusion lock, first come first served. asyncio.Lock.
type Lock struct {
	l *Loop
	c *C.aw_lock
}

// makeOn makes an object on the loop of ctx, which it returns.
func makeOn(ctx context.Context, call func(l *Loop) C.aw_status) (*Loop, error) {
	l, err := loopFor(ctx)
	if err != nil {
		return nil, err
	}
	return l, l.make(func() C.aw_status { return call(l) })
}

// NewLock creates an unlocked lock. asyncio.Lock.
func NewLock(ctx context.Context) (*Lock, error) {
	var c *C.aw_lock
	l, err := makeOn(ctx, func(l *Loop) C.aw_status { return C.aw_lock_new(l.c, &c) })
	if err != nil {
		return nil, err
	}
	return newLock(l, c), nil
}

func newLock(l *Loop, c *C.aw_lock) *Lock {
	k := &Lock{l, c}
	runtime.SetFinalizer(k, func(*Lock) { l.drop(func() { C.aw_lock_unref(c) }) })
	return k
}

// Acquire acquires the lock, and waits for it if necessary. asyncio: Lock.acquire.
func (k *Lock) Acquire(ctx context.Context) error {
	defer runtime.KeepAlive(k)
	if err := contextErr(ctx); err != nil {
		return err
	}
	if k.TryAcquire() {
		return nil
	}
	return k.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status { return C.aw_lock_acquire_coro(k.c, out) }).err
}

// TryAcquire acquires the lock if that needs no wait.
func (k *Lock) TryAcquire() bool {
	defer runtime.KeepAlive(k)
	if !k.l.lock() {
		return false
	}
	defer k.l.mu.Unlock()
	return C.aw_lock_try_acquire(k.c) >= 0
}

// Release releases the lock and wakes the first waiter. os.ErrPermission if it is not held. asyncio:
// Lock.release.
func (k *Lock) Release() error {
	defer runtime.KeepAlive(k)
	return k.l.then(func() C.aw_status { return C.aw_lock_release(k.c) })
}

// Locked reports whether the lock is held. asyncio: Lock.locked.
func (k *Lock) Locked() bool {
	defer runtime.KeepAlive(k)
	return ask(k.l, func() bool { return C.aw_lock_locked(k.c) != 0 })
}

// Event is a flag that can be waited for. asyncio.Event.
type Event struct {
	l *Loop
	c *C.aw_event
}

// NewEvent creates an event that is not set. asyncio.Event.
func NewEvent(ctx context.Context) (*Event, error) {
	var c *C.aw_event
	l, err := makeOn(ctx, func(l *Loop) C.aw_status { return C.aw_event_new(l.c, &c) })
	if err != nil {
		return nil, err
	}
	e := &Event{l, c}
	runtime.SetFinalizer(e, func(*Event) { l.drop(func() { C.aw_event_unref(c) }) })
	return e, nil
}

// Wait waits until the event is set. asyncio: Event.wait.
func (e *Event) Wait(ctx context.Context) error {
	defer runtime.KeepAlive(e)
	if err := contextErr(ctx); err != nil {
		return err
	}
	if e.IsSet() {
		return nil
	}
	return e.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status { return C.aw_event_wait_coro(e.c, out) }).err
}

// Set sets the event and wakes all waiters. asyncio: Event.set.
func (e *Event) Set() error {
	defer runtime.KeepAlive(e)
	return e.l.then(func() C.aw_status { return C.aw_event_set(e.c) })
}

// Clear resets the event. asyncio: Event.clear.
func (e *Event) Clear() error {
	defer runtime.KeepAlive(e)
	return e.l.then(func() C.aw_status { return C.aw_event_clear(e.c) })
}

// IsSet reports whether the event is set. asyncio: Event.is_set.
func (e *Event) IsSet() bool {
	defer runtime.KeepAlive(e)
	return ask(e.l, func() bool { return C.aw_event_is_set(e.c) != 0 })
}

// Condition lets tasks that hold a lock wait for changes that others make under it. asyncio.Condition.
type Condition struct {
	l    *Loop
	c    *C.aw_condition
	lock *Lock
}

// NewCondition creates a condition on lock, or with its own lock if that is nil. asyncio.Condition.
func NewCondition(ctx context.Context, lock *Lock) (*Condition, error) {
	l, err := loopFor(ctx)
	if err != nil {
		return nil, err
	}
	var on *C.aw_lock
	if lock != nil {
		on = lock.c
	}
	var c *C.aw_condition
	err = l.make(func() C.aw_status {
		status := C.aw_condition_new(l.c, on, &c)
		if status >= 0 && lock == nil {
			lock = newLock(l, C.aw_lock_ref(C.aw_condition_lock(c)))
		}
		return status
	})
	if err != nil {
		return nil, err
	}
	cond := &Condition{l, c, lock}
	runtime.SetFinalizer(cond, func(*Condition) { l.drop(func() { C.aw_condition_unref(c) }) })
	return cond, nil
}

// Lock returns the condition's lock.
func (c *Condition) Lock() *Lock { return c.lock }

// Wait releases the lock, waits for a notification, and acquires the lock again, even if ctx ended the wait:
// the caller always holds it. Spurious wake-ups are possible. os.ErrPermission if the lock is not held.
// asyncio: Condition.wait.
func (c *Condition) Wait(ctx context.Context) error {
	defer runtime.KeepAlive(c)
	return c.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status { return C.aw_condition_wait_coro(c.c, out) }).err
}

// WaitFor waits until predicate, called with the lock held, is true. asyncio: Condition.wait_for.
func (c *Condition) WaitFor(ctx context.Context, predicate func() bool) error {
	for !predicate() {
		if err := c.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Notify wakes the first n waiters. asyncio: Condition.notify.
func (c *Condition) Notify(n int) error {
	defer runtime.KeepAlive(c)
	return c.l.then(func() C.aw_status { return C.aw_condition_notify(c.c, C.size_t(n)) })
}

// NotifyAll wakes all waiters. asyncio: Condition.notify_all.
func (c *Condition) NotifyAll() error {
	defer runtime.KeepAlive(c)
	return c.l.then(func() C.aw_status { return C.aw_condition_notify_all(c.c) })
}

// Semaphore holds a number of permits. asyncio.Semaphore.
type Semaphore struct {
	l *Loop
	c *C.aw_semaphore
}

// NewSemaphore creates a semaphore with n permits. asyncio.Semaphore.
func NewSemaphore(ctx context.Context, n int) (*Semaphore, error) {
	return newSemaphore(ctx, func(l *Loop, out **C.aw_semaphore) C.aw_status { return C.aw_semaphore_new(l.c, C.int64_t(n), out) })
}

// NewBoundedSemaphore creates a semaphore that refuses to hold more than n permits. asyncio.BoundedSemaphore.
func NewBoundedSemaphore(ctx context.Context, n int) (*Semaphore, error) {
	return newSemaphore(ctx, func(l *Loop, out **C.aw_semaphore) C.aw_status {
		return C.aw_semaphore_new_bounded(l.c, C.int64_t(n), out)
	})
}

func newSemaphore(ctx context.Context, call func(*Loop, **C.aw_semaphore) C.aw_status) (*Semaphore, error) {
	var c *C.aw_semaphore
	l, err := makeOn(ctx, func(l *Loop) C.aw_status { return call(l, &c) })
	if err != nil {
		return nil, err
	}
	s := &Semaphore{l, c}
	runtime.SetFinalizer(s, func(*Semaphore) { l.drop(func() { C.aw_semaphore_unref(c) }) })
	return s, nil
}

// Acquire acquires a permit, and waits for one if necessary; newcomers never overtake. asyncio:
// Semaphore.acquire.
func (s *Semaphore) Acquire(ctx context.Context) error {
	defer runtime.KeepAlive(s)
	if err := contextErr(ctx); err != nil {
		return err
	}
	if s.TryAcquire() {
		return nil
	}
	return s.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status { return C.aw_semaphore_acquire_coro(s.c, out) }).err
}

// TryAcquire acquires a permit if that needs no wait.
func (s *Semaphore) TryAcquire() bool {
	defer runtime.KeepAlive(s)
	return ask(s.l, func() bool { return C.aw_semaphore_try_acquire(s.c) >= 0 })
}

// Release releases a permit. EINVAL if a bounded semaphore would hold too many. asyncio: Semaphore.release.
func (s *Semaphore) Release() error {
	defer runtime.KeepAlive(s)
	return s.l.then(func() C.aw_status { return C.aw_semaphore_release(s.c) })
}

// Locked reports whether an Acquire would wait. asyncio: Semaphore.locked.
func (s *Semaphore) Locked() bool {
	defer runtime.KeepAlive(s)
	return ask(s.l, func() bool { return C.aw_semaphore_locked(s.c) != 0 })
}

// Value returns how many permits are free.
func (s *Semaphore) Value() int {
	defer runtime.KeepAlive(s)
	return ask(s.l, func() int { return int(C.aw_semaphore_value(s.c)) })
}

// Barrier makes a number of tasks wait for each other. asyncio.Barrier.
type Barrier struct {
	l *Loop
	c *C.aw_barrier
}

// NewBarrier creates a barrier for n parties. asyncio.Barrier.
func NewBarrier(ctx context.Context, n int) (*Barrier, error) {
	var c *C.aw_barrier
	l, err := makeOn(ctx, func(l *Loop) C.aw_status { return C.aw_barrier_new(l.c, C.int32_t(n), &c) })
	if err != nil {
		return nil, err
	}
	b := &Barrier{l, c}
	runtime.SetFinalizer(b, func(*Barrier) { l.drop(func() { C.aw_barrier_unref(c) }) })
	return b, nil
}

// Wait waits for all parties and returns the order of arrival, from 0. ErrBrokenBarrier if the barrier is or
// becomes broken. A wait that ctx ends leaves without breaking the barrier. asyncio: Barrier.wait.
func (b *Barrier) Wait(ctx context.Context) (int, error) {
	defer runtime.KeepAlive(b)
	r := b.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status { return C.aw_barrier_wait_coro(b.c, out) })
	return int(r.value), r.err
}

// Reset fails the current waiters, and leaves the barrier usable. asyncio: Barrier.reset.
func (b *Barrier) Reset(ctx context.Context) error {
	defer runtime.KeepAlive(b)
	return b.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status { return C.aw_barrier_reset_coro(b.c, out) }).err
}

// Abort breaks the barrier until it is reset. asyncio: Barrier.abort.
func (b *Barrier) Abort(ctx context.Context) error {
	defer runtime.KeepAlive(b)
	return b.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status { return C.aw_barrier_abort_coro(b.c, out) }).err
}

// Parties returns the number of parties. asyncio: Barrier.parties.
func (b *Barrier) Parties() int {
	defer runtime.KeepAlive(b)
	return ask(b.l, func() int { return int(C.aw_barrier_parties(b.c)) })
}

// Waiting returns the number of waiters. asyncio: Barrier.n_waiting.
func (b *Barrier) Waiting() int {
	defer runtime.KeepAlive(b)
	return ask(b.l, func() int { return int(C.aw_barrier_n_waiting(b.c)) })
}

// Broken reports whether the barrier is broken. asyncio: Barrier.broken.
func (b *Barrier) Broken() bool {
	defer runtime.KeepAlive(b)
	return ask(b.l, func() bool { return C.aw_barrier_broken(b.c) != 0 })
}
