// SPDX-License-Identifier: MIT

package await

/*
#cgo pkg-config: libawait
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Loop is an event loop. It runs from New until Close; you need not start it. It is a guest in Go's network
// poller, so no thread is blocked while it waits. If the backend can't be a guest (virtual), one goroutine
// blocks a thread.
//
// Any goroutine may call its methods.
type Loop struct {
	// mu is held by the goroutine that calls the C loop. C requires that calls don't overlap; any thread may
	// make them.
	mu       sync.Mutex
	c        *C.aw_loop
	shim     *C.awgo_loop
	events   []C.awgo_event
	file     *os.File // the guest descriptor
	conn     syscall.RawConn
	backend  string
	serial   bool
	blocking bool // not a guest: the loop's goroutine waits in C
	closed   bool
	parked   bool          // the loop's goroutine waits for the descriptor, or in C
	done     chan struct{} // closed by Close
	stopped  chan struct{} // closed when the loop's goroutine has ended

	wanters atomic.Int32 // goroutines that wait for mu while the loop's goroutine waits in C
	waiting atomic.Bool

	slots []slot // guarded by mu
	free  []uint32

	// For a loop with serial tasks, guarded by mu.
	running int                   // tasks that run now
	held    int                   // running blocking functions, for which the clock waits
	idle    sync.Cond             // running fell, or inbox grew
	inbox   []delivery            // what the loop's goroutine delivers next
	waits   list[waiter, *waiter] // of the tasks, in order

	callsMu sync.Mutex
	calls   []func()
	calling bool

	garbageMu sync.Mutex
	garbage   []func()

	tasksMu   sync.Mutex
	taskList  list[Task, *Task] // in order of creation
	tasks     int
	taskCount uint64 // how many were ever created

	// Guarded by mu: the objects that C refers to by number.
	callbacks map[uint64]*Handle
	cancels   map[uint64]func()
	numbers   uint64

	handler atomic.Value // func(Report)
}

// New creates a loop, which runs at once. Close it when you don't need it any more. Errors: ErrNoBackend, and
// system errors. asyncio.new_event_loop.
func New(opts ...Option) (*Loop, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if C.aw_abi_version() != 0 {
		return nil, fmt.Errorf("await: libawait %s has another ABI than this package", Version())
	}
	var name *C.char
	if o.backend != "" {
		name = C.CString(o.backend)
		defer C.free(unsafe.Pointer(name))
	}
	flags := C.uint32_t(C.AW_LOOP_DEFAULT)
	if o.debug {
		flags |= C.AW_LOOP_DEBUG
	}
	l := &Loop{serial: o.serial, stopped: make(chan struct{}), done: make(chan struct{}),
		callbacks: map[uint64]*Handle{}, cancels: map[uint64]func(){}}
	l.idle.L = &l.mu
	if status := C.aw_loop_new_with(name, flags, C.uint64_t(o.seed), &l.c); status < 0 {
		return nil, noBackend(name, status)
	}
	if err := l.begin(); err != nil {
		C.aw_loop_unref(l.c)
		return nil, err
	}
	dispatches := C.int(16)
	if l.serial {
		dispatches = 1
	}
	if l.shim = C.awgo_loop_new(l.c, dispatches); l.shim == nil {
		if l.file != nil {
			l.file.Close()
		}
		C.aw_loop_unref(l.c)
		return nil, statusError(C.AW_ENOMEM)
	}
	l.events = unsafe.Slice(C.awgo_events(l.shim), C.AWGO_EVENTS)
	l.backend = C.GoString(C.aw_loop_backend(l.c))
	if l.serial {
		go l.serveSerial()
	} else {
		go l.serve()
	}
	return l, nil
}

// noBackend returns an error with the reason, which the status alone doesn't give.
func noBackend(name *C.char, status C.aw_status) error {
	var text [512]C.char
	C.aw_backend_explain(name, &text[0], C.size_t(len(text)))
	return &Error{Status: int(status), Message: C.GoString(&text[0])}
}

// begin makes the loop a guest in Go's poller, if the backend supports that.
func (l *Loop) begin() error {
	var fd C.int
	switch status := C.aw_loop_guest_begin(l.c, &fd); {
	case status == C.AW_ENOTSUP:
		l.blocking, l.serial = true, true
	case status < 0:
		return statusError(C.int32_t(status))
	default:
		// A duplicate that os.File may close; the poller accepts only non-blocking descriptors.
		own, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
		if errno != 0 {
			return errno
		}
		if err := syscall.SetNonblock(int(own), true); err != nil {
			syscall.Close(int(own))
			return err
		}
		l.file = os.NewFile(own, "libawait")
		var err error
		if l.conn, err = l.file.SyscallConn(); err != nil {
			return err
		}
	}
	return nil
}

// Backend returns the name of the backend that drives the loop.
func (l *Loop) Backend() string { return l.backend }

// Time returns the time of the loop's clock, which is monotonic; on the virtual backend it jumps. asyncio:
// loop.time.
func (l *Loop) Time() time.Duration {
	if !l.lock() {
		return 0
	}
	defer l.mu.Unlock()
	return time.Duration(C.aw_loop_time(l.c))
}

// Deadline returns when the next timer is due on the loop's clock, and whether there is one.
func (l *Loop) Deadline() (time.Duration, bool) {
	if !l.lock() {
		return 0, false
	}
	defer l.mu.Unlock()
	when := C.aw_loop_deadline(l.c)
	return time.Duration(when), when != C.AW_FOREVER
}

// IsClosed reports whether the loop is closed. asyncio: loop.is_closed.
func (l *Loop) IsClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Debug reports whether debug mode is on. asyncio: loop.get_debug.
func (l *Loop) Debug() bool {
	if !l.lock() {
		return false
	}
	defer l.mu.Unlock()
	return C.aw_loop_debug(l.c) != 0
}

// SetDebug switches debug mode on or off. asyncio: loop.set_debug.
func (l *Loop) SetDebug(on bool) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.mu.Unlock()
	return statusError(C.int32_t(C.aw_loop_set_debug(l.c, cbool(on))))
}

// SetSlowCallbackDuration sets how long a C callback or step may take before debug mode reports it. asyncio:
// loop.slow_callback_duration.
func (l *Loop) SetSlowCallbackDuration(d time.Duration) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.mu.Unlock()
	return statusError(C.int32_t(C.aw_loop_set_slow_callback_duration(l.c, C.int64_t(d))))
}

// Do calls fn with the C loop (an aw_loop *), while nobody else uses it. Use it to call a C library that is
// built on libawait. fn must not call this package, except FromC and the Pointer of a future. Returns
// ErrLoopClosed without calling fn.
func (l *Loop) Do(fn func(loop unsafe.Pointer)) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.unlock()
	fn(unsafe.Pointer(l.c))
	return nil
}

// Close closes the loop at once: waits fail with ErrLoopClosed, tasks are cancelled but not awaited, and
// child processes are killed. Idempotent. Shutdown closes it gracefully. asyncio: loop.close.
func (l *Loop) Close() error {
	if !l.lock() {
		return nil
	}
	l.closed = true
	l.sweep()
	// Freed with its last C object, which may outlive the loop's handle.
	C.aw_loop_close(l.c)
	l.fail(ErrLoopClosed)
	C.awgo_loop_free(l.shim)
	l.shim = nil
	C.aw_loop_unref(l.c)
	for _, h := range l.callbacks {
		C.aw_handle_unref(h.c)
		h.c = nil
	}
	l.callbacks, l.cancels = nil, nil
	l.idle.Broadcast()
	close(l.done)
	l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
	}
	for _, t := range l.liveTasks() {
		t.stop()
	}
	return nil
}

// Shutdown cancels every task, waits until the tasks have ended, and closes the loop, as asyncio.run does at
// its end. If ctx is done first, the loop is closed nevertheless and ctx.Err() is returned. A task or a
// callback of the loop must not call it.
func (l *Loop) Shutdown(ctx context.Context) error {
	defer func() {
		l.Close()
		<-l.stopped
	}()
	tasks := l.liveTasks()
	for _, t := range tasks {
		t.Cancel()
	}
	for _, t := range tasks {
		select {
		case <-t.Done():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// SetStackSize sets the stack size of future C tasks, in bytes. It doesn't affect Go tasks.
func (l *Loop) SetStackSize(size int) error {
	return l.make(func() C.aw_status { return C.aw_loop_set_stack_size(l.c, C.size_t(size)) })
}

func cbool(b bool) C.aw_bool {
	if b {
		return 1
	}
	return 0
}
