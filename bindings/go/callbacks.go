// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Handle is a scheduled callback.
type Handle struct {
	l         *Loop
	fn        func()
	c         *C.aw_handle
	number    uint64
	when      time.Duration
	cancelled atomic.Bool
}

// CallSoon calls fn in the next iteration, in order of the calls. fn runs on a goroutine of the loop, one
// callback at a time, and must not block. A panic in it is reported to the exception handler. asyncio:
// loop.call_soon, loop.call_soon_threadsafe.
func (l *Loop) CallSoon(fn func()) (*Handle, error) {
	return l.schedule(fn, func(number C.uint64_t, out **C.aw_handle) C.int32_t {
		return C.awgo_call_soon(l.shim, number, out)
	})
}

// CallLater calls fn after d on the loop's clock, never earlier. asyncio: loop.call_later.
func (l *Loop) CallLater(d time.Duration, fn func()) (*Handle, error) {
	return l.schedule(fn, func(number C.uint64_t, out **C.aw_handle) C.int32_t {
		return C.awgo_call_later(l.shim, C.int64_t(d), number, out)
	})
}

// CallAt calls fn at a time on the loop's clock, Loop.Time. asyncio: loop.call_at.
func (l *Loop) CallAt(when time.Duration, fn func()) (*Handle, error) {
	return l.schedule(fn, func(number C.uint64_t, out **C.aw_handle) C.int32_t {
		return C.awgo_call_at(l.shim, C.int64_t(when), number, out)
	})
}

func (l *Loop) schedule(fn func(), call func(C.uint64_t, **C.aw_handle) C.int32_t) (*Handle, error) {
	if !l.lock() {
		return nil, ErrLoopClosed
	}
	defer l.unlock()
	h := l.newHandle(fn)
	var c *C.aw_handle
	if status := call(C.uint64_t(h.number), &c); status < 0 {
		return nil, statusError(status)
	}
	h.c = c
	h.when = time.Duration(C.aw_handle_when(h.c))
	return h, nil
}

func (l *Loop) newHandle(fn func()) *Handle {
	l.numbers++
	h := &Handle{l: l, fn: fn, number: l.numbers}
	l.callbacks[h.number] = h
	return h
}

// callDue posts a callback; under the mutex.
func (l *Loop) callDue(number uint64, times int, last bool) {
	h := l.callbacks[number]
	if h != nil {
		for ; times > 0; times-- {
			l.post(h.run)
		}
	}
	if last {
		l.callFreed(number)
	}
}

func (l *Loop) callFreed(number uint64) {
	if h := l.callbacks[number]; h != nil {
		delete(l.callbacks, number)
		C.aw_handle_unref(h.c)
		h.c = nil
	}
}

func (h *Handle) run() {
	if h.cancelled.Load() {
		return
	}
	h.l.guard(h.fn)
}

// guard runs a callback and reports a panic in it.
func (l *Loop) guard(fn func()) {
	defer func() {
		if what := recover(); what != nil {
			l.tell(Report{Message: "Exception in callback", Err: &PanicError{Value: what}})
		}
	}()
	fn()
}

// Cancel prevents the callback; it has no effect once the callback has run. asyncio: Handle.cancel.
func (h *Handle) Cancel() {
	h.cancelled.Store(true)
	if h.l.lock() {
		if h.c != nil {
			C.aw_handle_cancel(h.c)
		}
		h.l.unlock()
	}
}

// Cancelled reports whether Cancel was called, even if it came too late. asyncio: Handle.cancelled.
func (h *Handle) Cancelled() bool { return h.cancelled.Load() }

// When returns a timer's deadline on the loop's clock; 0 for CallSoon. asyncio: TimerHandle.when.
func (h *Handle) When() time.Duration { return h.when }

// OnSignal calls fn for each delivery of sig, in the same way as CallSoon. It replaces an earlier callback.
// The process gets a handler for the signal; RemoveSignal restores the one that os/signal had installed.
// asyncio: loop.add_signal_handler.
func (l *Loop) OnSignal(sig syscall.Signal, fn func()) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.unlock()
	h := l.newHandle(fn)
	return statusError(C.awgo_on_signal(l.shim, C.int(sig), C.uint64_t(h.number)))
}

// RemoveSignal removes the callback for sig and reports whether there was one. asyncio:
// loop.remove_signal_handler.
func (l *Loop) RemoveSignal(sig syscall.Signal) bool {
	if !l.lock() {
		return false
	}
	defer l.unlock()
	return C.aw_loop_remove_signal_handler(l.c, C.int(sig)) > 0
}

// Report is the argument of the exception handler.
type Report struct {
	Message string // what happened, in asyncio's words, with the task's name
	Err     error  // the failure, or nil
}

// SetExceptionHandler sets the function that is called for unretrieved failures, on a goroutine of the loop.
// nil sets the default, which prints to stderr in debug mode, and always prints a panic. asyncio:
// loop.set_exception_handler.
func (l *Loop) SetExceptionHandler(fn func(Report)) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.unlock()
	l.handler.Store(fn)
	number := C.uint64_t(0)
	if fn != nil {
		number = 1
	}
	return statusError(C.awgo_on_exception(l.shim, number))
}

// ReportException reports a failure of the caller to the exception handler. asyncio:
// loop.call_exception_handler.
func (l *Loop) ReportException(message string, err error) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.unlock()
	var failed *C.aw_error
	if err != nil {
		failed = l.toC(err)
		defer C.aw_error_unref(failed)
	}
	text := C.CString(message)
	defer C.free(unsafe.Pointer(text))
	return statusError(C.int32_t(C.aw_loop_call_exception_handler(l.c, text, failed, nil)))
}

func (l *Loop) tell(report Report) {
	if fn, _ := l.handler.Load().(func(Report)); fn != nil {
		defer func() {
			if what := recover(); what != nil {
				fmt.Fprintf(os.Stderr, "Unhandled error in exception handler: %v\n", what)
			}
		}()
		fn(report)
		return
	}
	panicked, ok := report.Err.(*PanicError)
	if ok || l.Debug() {
		fmt.Fprintf(os.Stderr, "%s: %v\n", report.Message, report.Err)
	}
	if ok {
		os.Stderr.Write(panicked.Stack)
	}
}
