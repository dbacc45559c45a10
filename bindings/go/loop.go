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
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Option says how a loop is made.
type Option func(*options)

type options struct {
	backend string
	seed    uint64
	debug   bool
	serial  bool
}

// WithBackend names the backend ("epoll", "uring", "uv", "ev", "virtual"), a plug-in's path, or a list of these in order of
// preference. Without it the environment's AWAIT_BACKEND decides, else it is epoll.
func WithBackend(name string) Option { return func(o *options) { o.backend = name } }

// WithSeed is the seed of the virtual backend's order.
func WithSeed(seed uint64) Option { return func(o *options) { o.seed = seed } }

// WithDebug switches debug mode on, as AWAIT_DEBUG=1 does.
func WithDebug() Option { return func(o *options) { o.debug = true } }

// WithSerialTasks has the loop's tasks run one at a time, in the loop's order, as asyncio's do: between two awaits a task has the loop's
// data to itself, and two runs are alike. A task's context is then for its own goroutine: others that it starts by `go` use
// Loop.Attach of it. Without it tasks are ordinary goroutines, which run in parallel. The virtual backend
// implies it, since its clock may move only when every task waits.
func WithSerialTasks() Option { return func(o *options) { o.serial = true } }

// Loop is an event loop. It runs from New until Close: there is nothing to start. It is a guest of Go's network poller, so no thread is
// blocked while it waits; where the backend can't be a guest (virtual), one goroutine blocks a thread.
//
// All methods may be called by any goroutine.
type Loop struct {
	// mu is held by whoever calls the C loop. C's rule is that calls don't overlap; which thread makes them doesn't matter.
	mu       sync.Mutex
	c        *C.aw_loop
	shim     *C.awgo_loop
	events   []C.awgo_event
	file     *os.File // the guest descriptor
	conn     syscall.RawConn
	backend  string
	serial   bool
	blocking bool // no guest: the loop's goroutine waits in C
	closed   bool
	parked   bool          // the loop's goroutine waits for the descriptor, or in C
	done     chan struct{} // closed by Close
	stopped  chan struct{} // closed when the loop's goroutine has ended

	wanters atomic.Int32 // who wait for mu while the loop's goroutine waits in C
	waiting atomic.Bool

	slots []slot // guarded by mu
	free  []uint32

	// Of a loop with serial tasks, guarded by mu.
	running int        // tasks that run now
	held    int        // blocking functions under way, for which the clock waits
	idle    sync.Cond  // running fell, or inbox grew
	inbox   []delivery // what the loop's goroutine hands out next
	first   *waiter    // the tasks' waits, in order
	last    *waiter

	callsMu sync.Mutex
	calls   []func()
	calling bool

	garbageMu sync.Mutex
	garbage   []func()

	tasksMu   sync.Mutex
	firstTask *Task // in order of creation
	lastTask  *Task
	tasks     int
	taskCount uint64 // how many there ever were

	// Guarded by mu: what C may call back for, by number.
	callbacks map[uint64]*Handle
	cancels   map[uint64]func()
	numbers   uint64

	handler atomic.Value // func(Report)
}

// New makes a loop, which runs at once. Close it when it is no longer needed.
// Errors: ErrNoBackend, and the system's. asyncio.new_event_loop.
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

// noBackend says why, which the status alone does not.
func noBackend(name *C.char, status C.aw_status) error {
	var text [512]C.char
	C.aw_backend_explain(name, &text[0], C.size_t(len(text)))
	return &Error{Status: int(status), Message: C.GoString(&text[0])}
}

// begin becomes a guest of Go's poller, if the backend can.
func (l *Loop) begin() error {
	var fd C.int
	switch status := C.aw_loop_guest_begin(l.c, &fd); {
	case status == C.AW_ENOTSUP:
		l.blocking, l.serial = true, true
	case status < 0:
		return statusError(C.int32_t(status))
	default:
		// A descriptor of our own, which os.File may close; the poller takes only what is non-blocking.
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

// Version returns the version of the libawait that runs.
func Version() string { return C.GoString(C.aw_version()) }

// VersionNumber returns it as major*10000 + minor*100 + patch.
func VersionNumber() int { return int(C.aw_version_number()) }

// Backend returns the name of the backend that drives the loop.
func (l *Loop) Backend() string { return l.backend }

// Time returns the loop's clock: monotonic, and on the virtual backend the clock that jumps. asyncio: loop.time.
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

// IsClosed tells whether the loop was closed. asyncio: loop.is_closed.
func (l *Loop) IsClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Debug tells whether debug mode is on. asyncio: loop.get_debug.
func (l *Loop) Debug() bool {
	if !l.lock() {
		return false
	}
	defer l.mu.Unlock()
	return C.aw_loop_debug(l.c) != 0
}

// SetDebug switches debug mode. asyncio: loop.set_debug.
func (l *Loop) SetDebug(on bool) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.mu.Unlock()
	return statusError(C.int32_t(C.aw_loop_set_debug(l.c, cbool(on))))
}

// SetSlowCallbackDuration is how long a C callback or step may last before debug mode reports it. asyncio: loop.slow_callback_duration.
func (l *Loop) SetSlowCallbackDuration(d time.Duration) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.mu.Unlock()
	return statusError(C.int32_t(C.aw_loop_set_slow_callback_duration(l.c, C.int64_t(d))))
}

// Do calls fn with the C loop (an aw_loop *), while nobody else uses it: the way to call a C library that is built on libawait. fn
// must not call this package, but for the Pointer of a future and FromC. Returns ErrLoopClosed without calling it.
func (l *Loop) Do(fn func(loop unsafe.Pointer)) error {
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.unlock()
	fn(unsafe.Pointer(l.c))
	return nil
}

// Close closes the loop at once: what is awaited fails with ErrLoopClosed, tasks are cancelled but not waited for, child processes
// are killed. Idempotent. See Shutdown for the gentle way. asyncio: loop.close.
func (l *Loop) Close() error {
	if !l.lock() {
		return nil
	}
	l.closed = true
	l.sweep()
	// Freed by its last C object, which may outlive the loop's handle.
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

// Shutdown cancels every task there is, waits until these have ended, and closes the loop: what asyncio.run does at its end. If ctx is
// done first, the loop is closed all the same and ctx.Err() returned. A task or a callback of the loop must not call it.
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

// --- the mutex ---

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

// --- driving ---

// drive takes turns until nothing more ends.
func (l *Loop) drive() {
	for l.turn(0) > 0 {
	}
}

// turn takes one, and hands out what ended. Negative: nothing at all happened.
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

// serve drives a loop with parallel tasks, when nobody who submits does. It is parked in Go's poller.
func (l *Loop) serve() {
	defer close(l.stopped)
	l.conn.Read(func(uintptr) bool {
		if !l.lock() {
			return true
		}
		// The poller tells of an edge once: only "nothing at all" permits to wait for the next.
		for l.turn(0) >= 0 {
		}
		l.mu.Unlock()
		return false
	})
}

// serveSerial drives a loop with serial tasks: it hands out one thing at a time, and waits until every task waits again.
func (l *Loop) serveSerial() {
	defer close(l.stopped)
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed {
		switch {
		case l.running > 0:
			l.idle.Wait()
		case len(l.inbox) > 0:
			// What comes in meanwhile belongs to the next iteration, behind a turn.
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

// park waits until there is something to do.
func (l *Loop) park() {
	if !l.blocking {
		l.parked = true
		l.mu.Unlock()
		looked := false
		l.conn.Read(func(uintptr) bool {
			// An edge between the look before and this one would be lost: look once more, then wait.
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

// --- slots: who waits under which token ---

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

// handle hands one event on.
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

// fail ends everything that is awaited. The C loop is closed, and holds no buffer any more.
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

func cbool(b bool) C.aw_bool {
	if b {
		return 1
	}
	return 0
}

// SetStackSize sets the size of the stacks of C tasks spawned from now on, in bytes; Go's tasks have none.
func (l *Loop) SetStackSize(size int) error {
	return l.make(func() C.aw_status { return C.aw_loop_set_stack_size(l.c, C.size_t(size)) })
}
