// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// Error is a failure that libawait reports. For a system error, Unwrap returns the [syscall.Errno], so that
// errors.Is(err, os.ErrNotExist) and errors.As work. For libawait's errors, errors.Is compares with the Err…
// variables. In addition,
//
//	a cancellation is context.Canceled,
//	a timeout is context.DeadlineExceeded and os.ErrDeadlineExceeded,
//	the end of an iterator is io.EOF.
type Error struct {
	Status  int    // negative: -errno, or a libawait code
	Message string // what happened, or "" if the code says it all
}

// libawait's errors, for errors.Is.
var (
	ErrCancelled     = &Error{Status: C.AW_ECANCELLED}     // asyncio.CancelledError; also context.Canceled
	ErrTimeout       = &Error{Status: C.AW_ETIMEOUT}       // TimeoutError; also context.DeadlineExceeded
	ErrPending       = &Error{Status: C.AW_EPENDING}       // a blocking wait timed out; also context.DeadlineExceeded
	ErrInvalidState  = &Error{Status: C.AW_EINVALIDSTATE}  // asyncio.InvalidStateError
	ErrQueueFull     = &Error{Status: C.AW_EQUEUEFULL}     // asyncio.QueueFull
	ErrQueueEmpty    = &Error{Status: C.AW_EQUEUEEMPTY}    // asyncio.QueueEmpty
	ErrQueueShutDown = &Error{Status: C.AW_EQUEUESHUTDOWN} // asyncio.QueueShutDown
	ErrBrokenBarrier = &Error{Status: C.AW_EBROKENBARRIER} // asyncio.BrokenBarrierError
	ErrStopIteration = &Error{Status: C.AW_ESTOPITERATION} // StopAsyncIteration; also io.EOF
	ErrLoopClosed    = &Error{Status: C.AW_ELOOPCLOSED}    // the loop is closed
	ErrBadHandle     = &Error{Status: C.AW_EBADHANDLE}     // nil, stale, or of another kind
	ErrForeignLoop   = &Error{Status: C.AW_EFOREIGNLOOP}   // the awaited object belongs to another loop
	ErrNoBackend     = &Error{Status: C.AW_ENOBACKEND}     // no such backend, or none is usable
	ErrNoLoop        = &Error{Status: C.AW_ENOLOOP}        // the context carries no loop: use Run, or Loop.Attach
)

// Error returns the message, or else the code's text.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = C.GoString(C.aw_strerror(C.aw_status(e.Status)))
	}
	return "await: " + text
}

// Name returns the code's name: "AW_ECANCELLED", "ENOENT".
func (e *Error) Name() string { return C.GoString(C.aw_err_name(C.aw_status(e.Status))) }

// Unwrap returns the syscall.Errno of a system error.
func (e *Error) Unwrap() error {
	if e.Status > C.AW_ECANCELLED && e.Status < 0 {
		return syscall.Errno(-e.Status)
	}
	return nil
}

// Is compares by code, and matches the standard library's errors for some codes.
func (e *Error) Is(target error) bool {
	if other, ok := target.(*Error); ok {
		return other.Status == e.Status && (other.Message == "" || other.Message == e.Message)
	}
	switch e.Status {
	case C.AW_ECANCELLED:
		return target == context.Canceled
	case C.AW_ETIMEOUT, C.AW_EPENDING:
		return target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded
	case C.AW_ESTOPITERATION:
		return target == io.EOF
	}
	return false
}

// Timeout reports whether it is a timeout, as in net.Error.
func (e *Error) Timeout() bool {
	return e.Status == C.AW_ETIMEOUT || e.Status == C.AW_EPENDING || e.Status == -int(syscall.ETIMEDOUT) || e.Status == -int(syscall.EAGAIN)
}

// GroupError holds several failures, as the outcome of a task group (ExceptionGroup). errors.Is and errors.As
// examine each.
type GroupError struct {
	Message string
	Errors  []error // in the order in which they happened
}

// Error lists them all.
func (e *GroupError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "await: %s (%d)", e.Message, len(e.Errors))
	for _, err := range e.Errors {
		text.WriteString("; ")
		text.WriteString(err.Error())
	}
	return text.String()
}

// Is reports whether one of them is target.
func (e *GroupError) Is(target error) bool {
	for _, err := range e.Errors {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// As finds the first of them that matches target.
func (e *GroupError) As(target any) bool {
	for _, err := range e.Errors {
		if errors.As(err, target) {
			return true
		}
	}
	return false
}

// PanicError is the error of a task that panicked.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // where
}

// Error names the value; the stack is in Stack.
func (e *PanicError) Error() string { return fmt.Sprintf("await: panic in a task: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

func statusError(status C.int32_t) error {
	if status >= 0 {
		return nil
	}
	return &Error{Status: int(status)}
}

func isCancellation(err error) bool { return errors.Is(err, context.Canceled) }

// fromC converts a C error, which stays with the caller, to a Go error. An error that Go gave to C is
// returned unchanged.
func fromC(from *C.aw_error, status C.int32_t) error {
	if from == nil {
		return statusError(status)
	}
	if place := C.uintptr_t(uintptr(C.aw_error_payload(from))); isKept(place) {
		if err, ok := kept(place).(error); ok {
			return err
		}
	}
	text := C.GoString(C.aw_error_message(from))
	if count := int(C.aw_error_count(from)); count > 0 {
		group := &GroupError{Message: text, Errors: make([]error, count)}
		for i := range group.Errors {
			part := C.aw_error_get(from, C.size_t(i))
			group.Errors[i] = fromC(part, C.aw_error_status(part))
		}
		return group
	}
	code := C.aw_error_status(from)
	if text == C.GoString(C.aw_strerror(code)) {
		text = ""
	}
	return &Error{Status: int(code), Message: text}
}

// statusOf returns the code that C sees for a Go error.
func statusOf(err error) C.int32_t {
	var ours *Error
	var errno syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrPending):
		return C.AW_EPENDING
	case errors.Is(err, context.DeadlineExceeded):
		return C.AW_ETIMEOUT
	case errors.As(err, new(*GroupError)):
		return C.AW_EHOST
	case isCancellation(err):
		return C.AW_ECANCELLED
	case errors.As(err, &ours):
		return C.int32_t(ours.Status)
	case errors.As(err, &errno) && errno != 0:
		return -C.int32_t(errno)
	}
	return C.AW_EHOST
}

// toC converts a Go error to a C error that carries it as payload: a new reference, or nil. Call it under the
// loop's mutex.
func (l *Loop) toC(err error) *C.aw_error {
	if err == nil {
		return nil
	}
	text := C.CString(err.Error())
	defer C.free(unsafe.Pointer(text))
	var out *C.aw_error
	place := keep(err)
	if C.awgo_error_new(l.c, statusOf(err), text, place, &out) < 0 {
		release(place)
	}
	return out
}
