// SPDX-License-Identifier: MIT

// Which goroutine waits for which operation in flight, and how outcomes are delivered.

package await

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import "unsafe"

type slot struct {
	waiter     *waiter
	then       func(result) // instead of a waiter; under the mutex
	generation uint32
}

// result is how an operation ended.
type result struct {
	status C.int32_t
	value  int64
	err    error
}

func (l *Loop) take(w *waiter, then func(result)) uint64 {
	var at uint32
	if n := len(l.free); n > 0 {
		at = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		at = uint32(len(l.slots))
		l.slots = append(l.slots, slot{})
	}
	s := &l.slots[at]
	s.waiter, s.then = w, then
	s.generation++
	return uint64(s.generation)<<32 | uint64(at)
}

func (l *Loop) holds(token uint64) bool {
	at := uint32(token)
	return int(at) < len(l.slots) && l.slots[at].generation == uint32(token>>32) &&
		(l.slots[at].waiter != nil || l.slots[at].then != nil)
}

func (l *Loop) give(token uint64) (w *waiter, then func(result)) {
	s := &l.slots[uint32(token)]
	w, then = s.waiter, s.then
	s.waiter, s.then = nil, nil
	l.free = append(l.free, uint32(token))
	return w, then
}

// handle delivers one event.
func (l *Loop) handle(e *C.awgo_event) {
	token := uint64(e.token)
	switch e.kind {
	case C.AWGO_ENDED:
		r := result{status: e.status, value: int64(e.value)}
		if e.status < 0 {
			r.err = fromC(e.error, e.status)
			C.aw_error_unref(e.error)
		}
		if w, then := l.give(token); w != nil {
			l.deliver(w, r)
		} else if then != nil {
			then(r)
		}
	case C.AWGO_CALL:
		l.callDue(token, int(e.value), e.status != 0)
	case C.AWGO_FREED:
		l.callFreed(token)
	case C.AWGO_CANCEL:
		if cancel := l.cancels[token]; cancel != nil {
			cancel()
		}
	case C.AWGO_REPORT:
		report := Report{Message: C.GoString(e.text)}
		if e.error != nil {
			report.Err = fromC(e.error, C.aw_error_status(e.error))
		}
		C.free(unsafe.Pointer(e.text))
		C.aw_error_unref(e.error)
		l.post(func() { l.tell(report) })
	}
}

// fail ends every wait. The C loop is closed, and does not hold a buffer any more.
func (l *Loop) fail(err error) {
	for i := range l.slots {
		s := &l.slots[i]
		if s.waiter == nil && s.then == nil {
			continue
		}
		if w, then := l.give(uint64(i)); w != nil {
			w.ch <- result{status: C.AW_ELOOPCLOSED, err: err}
		} else {
			then(result{status: C.AW_ELOOPCLOSED, err: err})
		}
	}
	l.flush(l.inbox)
	l.inbox = nil
}
