// SPDX-License-Identifier: MIT

// The goroutine that drives a loop.

package await

/*
#include "shim.h"
*/
import "C"

import "runtime"

// drive runs iterations until no more operations end.
func (l *Loop) drive() {
	for l.turn(0) > 0 {
	}
}

// turn runs one iteration, and delivers the operations that ended. Negative if nothing happened.
func (l *Loop) turn(timeout C.int64_t) C.int32_t {
	l.sweep()
	count := C.awgo_turn(l.shim, timeout)
	l.process(count)
	return count
}

func (l *Loop) process(count C.int32_t) {
	for i := C.int32_t(0); i < count; i++ {
		l.handle(&l.events[i])
	}
}

// serve drives a loop with parallel tasks when no submitting goroutine does. It is parked in Go's poller.
func (l *Loop) serve() {
	defer close(l.stopped)
	l.conn.Read(func(uintptr) bool {
		if !l.lock() {
			return true
		}
		// The poller reports an edge once: only a turn in which nothing happened permits waiting for the
		// next.
		for l.turn(0) >= 0 {
		}
		l.mu.Unlock()
		return false
	})
}

// serveSerial drives a loop with serial tasks: it delivers one thing at a time, and waits until every task is
// waiting again.
func (l *Loop) serveSerial() {
	defer close(l.stopped)
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed {
		switch {
		case l.running > 0:
			l.idle.Wait()
		case len(l.inbox) > 0:
			// What arrives meanwhile belongs to the next iteration, after a turn.
			batch := l.inbox
			l.inbox = nil
			for len(batch) > 0 && !l.closed {
				l.hand(&batch[0])
				batch = batch[1:]
				for l.running > 0 && !l.closed {
					l.idle.Wait()
				}
			}
			if l.closed {
				l.flush(batch)
			} else {
				l.turn(0)
			}
		case l.turn(0) >= 0 || len(l.inbox) > 0 || l.cancelEnded():
		default:
			l.park()
		}
	}
}

// park waits until there is work.
func (l *Loop) park() {
	if !l.blocking {
		l.parked = true
		l.mu.Unlock()
		looked := false
		l.conn.Read(func(uintptr) bool {
			// An edge between the previous check and this one would be lost: check once more, then wait.
			if looked {
				return true
			}
			looked = true
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.closed || !l.parked || l.turn(0) >= 0 || len(l.inbox) > 0
		})
		l.mu.Lock()
		l.parked = false
		return
	}
	if l.held > 0 {
		// A blocking function runs, and the clock must not jump over it.
		l.idle.Wait()
		return
	}
	l.waiting.Store(true)
	if l.wanters.Load() == 0 {
		l.turn(-1)
	}
	l.waiting.Store(false)
	for l.wanters.Load() > 0 && !l.closed {
		l.mu.Unlock()
		runtime.Gosched()
		l.mu.Lock()
	}
}
