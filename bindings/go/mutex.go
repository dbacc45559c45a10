// SPDX-License-Identifier: MIT

// Serialises the calls to the C loop: one goroutine at a time, which also releases what the collector found.

package await

/*
#include "shim.h"
*/
import "C"

// enter acquires the loop, closed or not.
func (l *Loop) enter() {
	if !l.blocking {
		l.mu.Lock()
	} else if !l.mu.TryLock() {
		// The loop's goroutine may hold it while it waits in C: wake it.
		l.wanters.Add(1)
		if l.waiting.Load() {
			C.aw_loop_wakeup(l.c)
		}
		l.mu.Lock()
		l.wanters.Add(-1)
	}
}

// lock acquires the loop, or returns false if it is closed.
func (l *Loop) lock() bool {
	l.enter()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	return true
}

// unlock releases the loop after calls that may have created work for it, and does that work at once if
// possible.
func (l *Loop) unlock() {
	switch {
	case l.closed:
	case l.serial:
		l.kick()
	default:
		l.drive()
	}
	l.mu.Unlock()
}

// kick makes the loop's goroutine check again.
func (l *Loop) kick() {
	l.idle.Signal()
	if l.parked {
		l.parked = false
		C.aw_loop_wakeup(l.c)
	}
}

// --- collected handles ---

// drop releases a C reference under the mutex. Finalisers use it: C considers the thread of the latest call
// to be the loop's thread, and the collector's goroutine may run on that thread while another goroutine calls
// C.
func (l *Loop) drop(unref func()) {
	l.garbageMu.Lock()
	l.garbage = append(l.garbage, unref)
	l.garbageMu.Unlock()
	if l.mu.TryLock() {
		l.sweep()
		l.mu.Unlock()
	}
}

func (l *Loop) sweep() {
	l.garbageMu.Lock()
	garbage := l.garbage
	l.garbage = nil
	l.garbageMu.Unlock()
	for _, unref := range garbage {
		unref()
	}
}
