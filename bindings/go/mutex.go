// SPDX-License-Identifier: MIT

// Who may call the C loop: one goroutine at a time, which also gives back what the collector found.

package await

/*
#include "shim.h"
*/
import "C"

// enter takes the loop, closed or not.
func (l *Loop) enter() {
	if !l.blocking {
		l.mu.Lock()
	} else if !l.mu.TryLock() {
		// The loop's goroutine may hold it while it waits in C: bring it out.
		l.wanters.Add(1)
		if l.waiting.Load() {
			C.aw_loop_wakeup(l.c)
		}
		l.mu.Lock()
		l.wanters.Add(-1)
	}
}

// lock takes the loop, or returns false if it is closed.
func (l *Loop) lock() bool {
	l.enter()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	return true
}

// unlock gives the loop back after calls that may have made work for it, which is done at once where it can be.
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

// kick has the loop's goroutine look again.
func (l *Loop) kick() {
	l.idle.Signal()
	if l.parked {
		l.parked = false
		C.aw_loop_wakeup(l.c)
	}
}

// --- collected handles ---

// drop has a C reference given back under the mutex. Finalisers use it: C's rule is that whoever called the loop last is its thread, and
// the collector's goroutine may run on that very thread while another one calls.
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
