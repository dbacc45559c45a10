// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"sync"
)

// waiter is one goroutine's wait. The channel has room for its single delivery, so that the delivery never
// blocks.
type waiter struct {
	ch        chan result
	ctx       context.Context
	task      *Task // of a loop with serial tasks
	request   C.awgo_request
	token     uint64          // of a C operation, else
	future    *core           // the awaited Go future
	closed    <-chan struct{} // the loop's, if nothing else would end the wait
	cancelled bool
	listed    bool
	handed    bool
	links[waiter]
}

// delivery is what the loop's goroutine delivers: a result, a task's start, or a callback.
type delivery struct {
	waiter *waiter
	result result
	start  func()
	task   *Task
	call   func()
}

var waiters = sync.Pool{New: func() any { return &waiter{ch: make(chan result, 1)} }}

func (l *Loop) newWaiter(ctx context.Context) (*waiter, error) {
	there, task := from(ctx)
	if task != nil && there != l {
		return nil, ErrForeignLoop
	}
	w := waiters.Get().(*waiter)
	w.ctx = ctx
	if l.serial {
		w.task = task
	}
	return w, nil
}

func (w *waiter) recycle() {
	w.ctx, w.task, w.future, w.closed, w.links = nil, nil, nil, nil, links[waiter]{}
	w.token, w.cancelled, w.listed, w.handed = 0, false, false, false
	waiters.Put(w)
}

// await starts the request in w and waits for its end. If ctx is done first, it cancels the request and still
// waits. Until then C owns what the request refers to.
func (l *Loop) await(w *waiter) result {
	if !l.lock() {
		w.recycle()
		return result{status: C.AW_ELOOPCLOSED, err: ErrLoopClosed}
	}
	return l.awaitHeld(w)
}

// awaitHeld is await with the loop's mutex held, which it releases.
func (l *Loop) awaitHeld(w *waiter) result {
	l.sweep()
	w.token = l.take(w, nil)
	w.request.token = C.uint64_t(w.token)
	w.request.turn = 1
	if l.serial {
		w.request.turn = 0
	}
	count := C.awgo_start(l.shim, &w.request)
	if count < 0 {
		l.give(w.token)
		l.mu.Unlock()
		w.recycle()
		return result{status: count, err: statusError(count)}
	}
	l.process(count)
	if count >= C.AWGO_FULL {
		l.drive()
	}
	if l.serial {
		l.suspend(w)
	}
	l.mu.Unlock()
	return l.wait(w)
}

// wait waits for a waiter whose request is in progress.
func (l *Loop) wait(w *waiter) result {
	var r result
	if done := w.ctx.Done(); done == nil && w.closed == nil {
		r = <-w.ch
	} else {
		select {
		case r = <-w.ch:
		case <-w.closed:
			r = w.future.abandon(w)
		case <-done:
			if l.lock() {
				l.cancelWaiter(w)
				l.unlock()
			}
			select {
			case r = <-w.ch:
			case <-w.closed:
				r = w.future.abandon(w)
			}
		}
		// A cancellation that was delivered is the context's.
		if r.status == C.AW_ECANCELLED {
			if err := contextErr(w.ctx); err != nil {
				r.err = err
			}
		}
	}
	w.recycle()
	return r
}

func (l *Loop) cancelWaiter(w *waiter) {
	if w.cancelled {
		return
	}
	w.cancelled = true
	if w.future != nil {
		w.future.cancelHeld()
	} else if w.token != 0 && l.holds(w.token) {
		C.awgo_cancel(l.shim, C.uint64_t(w.token))
	}
}

// contextErr is ctx.Err(), or the error of a timeout on the loop's clock, of which derived contexts may not
// have been notified yet.
func contextErr(ctx context.Context) error {
	if limit, ok := ctx.Value(limitKey{}).(*limit); ok {
		if err := limit.Err(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// asContext turns a cancellation that ctx requested into ctx's error.
func asContext(ctx context.Context, err error) error {
	if err != nil && errors.Is(err, context.Canceled) {
		if own := contextErr(ctx); own != nil {
			return own
		}
	}
	return err
}

// --- serial tasks; all under the mutex ---

// suspend records that the task of w waits.
func (l *Loop) suspend(w *waiter) {
	if w.task == nil {
		l.kick()
		return
	}
	// It may have ended already, if several goroutines use one task's context.
	if w.handed {
		return
	}
	w.task.waits = w
	w.listed = true
	l.waits.add(w)
	l.rest(w.task)
}

func (l *Loop) rest(t *Task) {
	if t.runs {
		t.runs = false
		l.running--
	}
	l.kick()
}

func (l *Loop) unlist(w *waiter) {
	if !w.listed {
		return
	}
	w.listed = false
	if w.task.waits == w {
		w.task.waits = nil
	}
	l.waits.remove(w)
}

// deliver ends a wait.
func (l *Loop) deliver(w *waiter, r result) {
	if w.task == nil || l.closed {
		w.ch <- r
		return
	}
	l.inbox = append(l.inbox, delivery{waiter: w, result: r})
	l.kick()
}

// hand delivers one thing.
func (l *Loop) hand(d *delivery) {
	switch {
	case d.waiter != nil:
		w := d.waiter
		l.wake(w.task)
		l.unlist(w)
		w.handed = true
		w.ch <- d.result
	case d.start != nil:
		l.wake(d.task)
		go d.start()
	default:
		l.mu.Unlock()
		d.call()
		l.mu.Lock()
	}
}

func (l *Loop) wake(t *Task) {
	if !t.runs {
		t.runs = true
		l.running++
	}
}

// flush delivers without order: the loop is closed.
func (l *Loop) flush(rest []delivery) {
	for i := range rest {
		if d := &rest[i]; d.waiter != nil {
			d.waiter.ch <- d.result
		} else if d.start != nil {
			go d.start()
		}
	}
}

// cancelEnded cancels the waits whose context has ended, in order; it returns whether there were any. It
// makes a run on the virtual clock deterministic: the clock does not advance before a cancellation has been
// delivered.
func (l *Loop) cancelEnded() bool {
	any := false
	for w := l.waits.first; w != nil; w = w.next {
		if !w.cancelled && contextErr(w.ctx) != nil {
			l.cancelWaiter(w)
			any = true
		}
	}
	return any
}

// --- callbacks: on the loop's goroutine where tasks are serial, else on one that lives as long as there are any ---

func (l *Loop) post(fn func()) {
	if l.serial {
		l.inbox = append(l.inbox, delivery{call: fn})
		l.kick()
		return
	}
	l.callsMu.Lock()
	defer l.callsMu.Unlock()
	l.calls = append(l.calls, fn)
	if !l.calling {
		l.calling = true
		go l.runCalls()
	}
}

func (l *Loop) runCalls() {
	for {
		l.callsMu.Lock()
		calls := l.calls
		l.calls = nil
		if len(calls) == 0 {
			l.calling = false
			l.callsMu.Unlock()
			return
		}
		l.callsMu.Unlock()
		for _, fn := range calls {
			fn()
		}
	}
}
