// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"runtime"
	"sync"
	"unsafe"
)

// Awaitable is a *Future of any type.
type Awaitable interface {
	// Done is closed when the future is done.
	Done() <-chan struct{}
	// Err returns the future's error; nil while it is pending, or if it has a value.
	Err() error
	// Cancel requests cancellation; see Future.Cancel.
	Cancel() bool
	base() *core
}

// Future is an outcome that may not be known yet: pending, then a value, an error, or cancelled. A task is a
// future whose outcome comes from a goroutine. Any goroutine may call its methods. asyncio.Future.
type Future[T any] struct {
	core
	value T
}

// core is the common part of all futures. Its C twin is created when C has to see the future, and released
// when the future is done. Until then, a task costs a goroutine and no call into C.
type core struct {
	l        *Loop
	task     *Task // or nil
	mu       sync.Mutex
	settled  bool
	err      error
	done     chan struct{} // created on demand
	one      *waiter       // the first listener, if that is a goroutine
	others   []listener    // after it, in order
	c        *C.aw_future  // a reference
	born     bool          // created by C, which alone settles it
	raw      uintptr       // the value that C sees
	reported *failure
}

func (f *core) base() *core { return f }

// listener is notified of the end: a waiting goroutine, or a callback.
type listener struct {
	waiter *waiter
	call   func()
}

// NewFuture creates a pending future. Settle it with SetResult or SetError. asyncio: loop.create_future.
func NewFuture[T any](ctx context.Context) *Future[T] {
	f := &Future[T]{}
	if f.l, _ = from(ctx); f.l == nil {
		f.settled, f.err = true, ErrNoLoop
	}
	return f
}

// Await waits until the future is done, and returns its outcome. If ctx is done first, Await cancels the
// future and still waits for it; it may return a value nevertheless. To avoid the cancellation, await a
// Shield; to only watch the future, use Done.
//
// Errors: the future's error; ctx.Err() if ctx cancelled it; ErrForeignLoop in a task of another loop.
// Python: await.
func (f *Future[T]) Await(ctx context.Context) (T, error) {
	if err := f.wait(ctx); err != nil {
		var none T
		return none, err
	}
	value, err := f.Result()
	if err != nil {
		err = asContext(ctx, err)
	}
	return value, err
}

// Result returns the outcome, or ErrInvalidState while the future is pending. asyncio: Future.result.
func (f *Future[T]) Result() (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.settled {
		var none T
		return none, ErrInvalidState
	}
	f.looked()
	return f.value, f.err
}

// SetResult settles the future with a value. It fails with ErrInvalidState if the future is done, and with
// os.ErrPermission for a task or a future that C settles. asyncio: Future.set_result.
func (f *Future[T]) SetResult(value T) error {
	if f.task != nil || f.born {
		return &Error{Status: C.AW_EPERM}
	}
	return f.finish(value, nil, false)
}

// SetError settles the future with an error. It fails like SetResult. asyncio: Future.set_exception.
func (f *Future[T]) SetError(err error) error {
	if f.task != nil || f.born {
		return &Error{Status: C.AW_EPERM}
	}
	var none T
	return f.finish(none, err, false)
}

func (f *Future[T]) finish(value T, err error, held bool) error {
	f.mu.Lock()
	if f.settled {
		f.mu.Unlock()
		return ErrInvalidState
	}
	f.value = value
	if err == nil {
		f.raw = rawOf(any(value))
	}
	f.settle(err, held) // unlocks
	return nil
}

// rawOf returns the value that C sees: pointers and integers unchanged.
func rawOf(value any) uintptr {
	switch v := value.(type) {
	case unsafe.Pointer:
		return uintptr(v)
	case int:
		return uintptr(v)
	case uintptr:
		return v
	}
	return 0
}

// settle ends the future and notifies its listeners. The caller holds f.mu, which settle releases; `held`
// says whether the caller also holds the loop's mutex.
func (f *core) settle(err error, held bool) {
	f.settled, f.err = true, err
	one, others, c := f.one, f.others, f.c
	f.one, f.others, f.c = nil, nil, nil
	if f.done != nil {
		close(f.done)
	}
	if err != nil && !isCancellation(err) {
		f.reported = watchFailure(f.l, f.task, err)
	}
	f.mu.Unlock()
	l := f.l
	if l == nil {
		return
	}
	// Parallel tasks that C has not seen need no lock.
	if c != nil || l.serial && (one != nil || len(others) > 0) {
		if !held {
			l.enter()
			defer l.unlock()
		}
	}
	if c != nil {
		f.settleC(c, err)
	}
	if one != nil {
		l.deliver(one, result{})
	}
	for _, other := range others {
		if other.waiter != nil {
			l.deliver(other.waiter, result{})
		} else {
			l.post(other.call)
		}
	}
}

// settleC ends the C twin and releases it.
func (f *core) settleC(c *C.aw_future, err error) {
	switch {
	case f.born:
	case f.task != nil && f.task.c != nil:
		failed := f.l.toC(err)
		C.awgo_goroutine_end(f.task.c, statusOf(err), failed, C.uintptr_t(f.raw))
		C.aw_error_unref(failed)
		f.task.c = nil
		delete(f.l.cancels, f.task.number)
	default:
		f.settlePlain(c, err)
	}
	C.aw_future_unref(c)
}

func (f *core) settlePlain(c *C.aw_future, err error) {
	switch failed := f.l.toC(err); {
	case err == nil:
		C.awgo_set_result(c, C.uintptr_t(f.raw))
	case isCancellation(err):
		C.aw_error_unref(failed)
		C.aw_future_cancel(c, nil)
	case failed != nil:
		C.aw_future_set_error(c, failed)
		C.aw_error_unref(failed)
	default:
		C.aw_future_fail(c, C.aw_status(statusOf(err)), nil)
	}
}

// wait waits until it is done. It fails only if the wait can't begin, or if the loop is closed meanwhile.
func (f *core) wait(ctx context.Context) error {
	f.mu.Lock()
	settled := f.settled
	f.mu.Unlock()
	if settled {
		return nil
	}
	l := f.l
	if _, self := from(ctx); self != nil && self == f.task {
		return &Error{Status: C.AW_ESELFAWAIT}
	}
	w, err := l.newWaiter(ctx)
	if err != nil {
		return err
	}
	w.future = f
	if f.task == nil && !f.born {
		w.closed = l.done
	}
	f.mu.Lock()
	if f.settled {
		f.mu.Unlock()
		w.recycle()
		return nil
	}
	if f.one == nil && len(f.others) == 0 {
		f.one = w
	} else {
		f.others = append(f.others, listener{waiter: w})
	}
	f.mu.Unlock()
	if l.serial && l.lock() {
		l.suspend(w)
		l.mu.Unlock()
	}
	return l.wait(w).err
}

// abandon ends a wait whose loop was closed.
func (f *core) abandon(w *waiter) result {
	f.mu.Lock()
	found := f.one == w
	if found {
		f.one = nil
	}
	for i, other := range f.others {
		if other.waiter == w {
			f.others = append(f.others[:i:i], f.others[i+1:]...)
			found = true
			break
		}
	}
	f.mu.Unlock()
	if !found {
		return <-w.ch
	}
	return result{status: C.AW_ELOOPCLOSED, err: ErrLoopClosed}
}

// Done returns a channel that is closed when the future is done.
func (f *core) Done() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done == nil {
		f.done = make(chan struct{})
		if f.settled {
			close(f.done)
		}
	}
	return f.done
}

// IsDone reports whether the future is done. asyncio: Future.done.
func (f *core) IsDone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settled
}

// Cancelled reports whether the future was cancelled. asyncio: Future.cancelled.
func (f *core) Cancelled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settled && f.err != nil && isCancellation(f.err)
}

// Err returns the error: nil while the future is pending, or if it has a value. asyncio: Future.exception.
func (f *core) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.settled {
		return nil
	}
	f.looked()
	return f.err
}

// Task returns the future's task, or nil if it is not a task.
func (f *core) Task() *Task { return f.task }

// Loop returns the future's loop. asyncio: Future.get_loop.
func (f *core) Loop() *Loop { return f.l }

// Cancel requests cancellation. A plain future is cancelled at once. For a task, the context is cancelled,
// and the function decides what it returns. A future that C created behaves as C defines. Returns false if
// the future is done. asyncio: Future.cancel.
func (f *core) Cancel() bool {
	if f.IsDone() {
		return false
	}
	l := f.l
	if !l.lock() {
		if f.task != nil {
			f.task.stop()
		}
		return false
	}
	defer l.unlock()
	return f.cancelHeld()
}

func (f *core) cancelHeld() bool {
	f.mu.Lock()
	switch {
	case f.settled:
		f.mu.Unlock()
		return false
	case f.born:
		c := f.c
		f.mu.Unlock()
		return C.aw_future_cancel(c, nil) > 0
	case f.task != nil:
		f.mu.Unlock()
		f.task.cancelHeld()
	default:
		f.settle(ErrCancelled, true)
	}
	return true
}

// OnDone calls fn when the future is done, or soon if it already is, on a goroutine of the loop. With serial
// tasks, callbacks and waits run in the order in which they were added. fn must not block. asyncio:
// Future.add_done_callback.
func (f *core) OnDone(fn func()) {
	f.mu.Lock()
	if !f.settled {
		f.others = append(f.others, listener{call: func() { f.l.guard(fn) }})
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	if f.l == nil {
		go fn()
	} else if f.l.lock() {
		f.l.post(func() { f.l.guard(fn) })
		f.l.unlock()
	}
}

// --- the C twin ---

// Pointer returns the C future (an aw_future *) as a new reference. The C library that gets it must release
// it with aw_future_unref. C sees the value if it is an int, a uintptr or an unsafe.Pointer, else NULL; it
// sees a failure with its code and message, or as AW_EHOST. Call it inside Loop.Do.
func (f *core) Pointer() (unsafe.Pointer, error) {
	c, err := f.handle()
	return unsafe.Pointer(c), err
}

// handle returns a new reference to the C twin. Call it under the loop's mutex.
func (f *core) handle() (*C.aw_future, error) {
	if f.l == nil {
		return nil, f.err
	}
	f.mu.Lock()
	if f.c != nil {
		defer f.mu.Unlock()
		return C.aw_future_ref(f.c), nil
	}
	pending := !f.settled
	f.mu.Unlock()
	if pending && f.task != nil {
		return f.taskHandle()
	}
	var c *C.aw_future
	if status := C.aw_future_new(f.l.c, &c); status < 0 {
		return nil, statusError(C.int32_t(status))
	}
	if !pending {
		f.settlePlain(c, f.err)
		return c, nil
	}
	// C may cancel it: then the Go future is cancelled too.
	err := f.l.watch(c, func(r result) {
		f.mu.Lock()
		if r.status < 0 && !f.settled {
			f.settle(r.err, true)
		} else {
			f.mu.Unlock()
		}
	})
	if err != nil {
		C.aw_future_unref(c)
		return nil, err
	}
	f.show(c)
	return c, nil
}

// show makes c the twin, or ends c if the future is already done.
func (f *core) show(c *C.aw_future) {
	C.aw_future_ref(c)
	f.mu.Lock()
	if settled := f.settled; settled {
		f.mu.Unlock()
		f.settleC(c, f.err)
		return
	}
	f.c = c
	f.mu.Unlock()
}

// watch calls then when c is done. Call it under the loop's mutex.
func (l *Loop) watch(c *C.aw_future, then func(result)) error {
	token := l.take(nil, then)
	request := C.awgo_request{token: C.uint64_t(token), kind: C.AWGO_LOOK}
	C.aw_future_ref(c)
	request.object = C.uintptr_t(uintptr(unsafe.Pointer(c)))
	if status := C.awgo_start(l.shim, &request); status < 0 {
		l.give(token)
		return statusError(status)
	}
	return nil
}

// bear creates the Go future for a C future that C settles, and takes over the reference. Call it under the
// loop's mutex.
func bear[T any](l *Loop, c *C.aw_future, value func(raw uintptr) (T, error)) *Future[T] {
	f := &Future[T]{}
	f.l, f.c, f.born = l, c, true
	err := l.watch(c, func(r result) {
		var v T
		if r.err == nil {
			v, r.err = value(uintptr(r.value))
		}
		f.finish(v, r.err, true)
	})
	if err != nil {
		var none T
		f.finish(none, err, true)
	}
	return f
}

// FromC creates a future from a C future (an aw_future *, to which it takes its own reference). value
// converts the C value, which C keeps, to the Go value. Call it inside Loop.Do.
func FromC[T any](l *Loop, future unsafe.Pointer, value func(raw unsafe.Pointer) (T, error)) *Future[T] {
	c := C.aw_future_ref((*C.aw_future)(future))
	return bear(l, c, func(raw uintptr) (T, error) { return value(*(*unsafe.Pointer)(unsafe.Pointer(&raw))) })
}

// --- unretrieved failures ---

// failure is reported when the last reference to its future is dropped, unless it was retrieved.
type failure struct {
	l    *Loop
	name string
	err  error
}

func watchFailure(l *Loop, t *Task, err error) *failure {
	f := &failure{l: l, err: err}
	if t != nil {
		f.name = t.Name()
	}
	if l == nil {
		return nil
	}
	runtime.SetFinalizer(f, (*failure).report)
	return f
}

func (f *failure) report() {
	what := "Future exception was never retrieved"
	if f.name != "" {
		what = "Task exception was never retrieved: " + f.name
	}
	go f.l.tell(Report{Message: what, Err: f.err})
}

// looked records that the failure was retrieved. The caller holds f.mu.
func (f *core) looked() {
	if f.reported != nil {
		runtime.SetFinalizer(f.reported, nil)
		f.reported = nil
	}
}
