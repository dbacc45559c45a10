// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// array is a C array of futures, with a reference to each.
type array struct {
	at *[1 << 20]*C.aw_future
	n  int
}

func (l *Loop) newArray(futures int, each func(i int) *core) (a array, err error) {
	a.at = (*[1 << 20]*C.aw_future)(C.calloc(C.size_t(futures)+1, C.size_t(unsafe.Sizeof(uintptr(0)))))
	for ; a.n < futures; a.n++ {
		f := each(a.n)
		if f.l != l {
			err = ErrForeignLoop
			if f.l == nil {
				err = f.err
			}
		} else {
			a.at[a.n], err = f.handle()
		}
		if err != nil {
			a.free()
			return a, err
		}
	}
	return a, nil
}

func (a *array) first() **C.aw_future { return &a.at[0] }

func (a *array) free() {
	for i := 0; i < a.n; i++ {
		C.aw_future_unref(a.at[i])
	}
	C.free(unsafe.Pointer(a.at))
}

// Result is an outcome as a value.
type Result[T any] struct {
	Value T
	Err   error
}

// Gather creates a future of the values of all futures, in order. The first failure ends it at once, and the
// others continue. Cancelling it cancels every one. asyncio.gather.
func Gather[T any](ctx context.Context, futures ...*Future[T]) *Future[[]T] {
	return gather(ctx, C.AW_GATHER_DEFAULT, futures, func() ([]T, error) {
		values := make([]T, len(futures))
		for i, f := range futures {
			var err error
			if values[i], err = f.Result(); err != nil {
				return nil, err
			}
		}
		return values, nil
	})
}

// GatherResults creates a future of the outcomes of all futures, including failures and cancellations.
// asyncio.gather(return_exceptions=True).
func GatherResults[T any](ctx context.Context, futures ...*Future[T]) *Future[[]Result[T]] {
	return gather(ctx, C.AW_GATHER_RETURN_ERRORS, futures, func() ([]Result[T], error) {
		results := make([]Result[T], len(futures))
		for i, f := range futures {
			results[i].Value, results[i].Err = f.Result()
		}
		return results, nil
	})
}

func failed[T any](l *Loop, err error) *Future[T] {
	f := &Future[T]{}
	f.l, f.settled, f.err = l, true, err
	return f
}

func gather[T, R any](ctx context.Context, flags C.uint32_t, futures []*Future[T], results func() (R, error)) *Future[R] {
	l, err := loopFor(ctx)
	if err != nil {
		return failed[R](nil, err)
	}
	if !l.lock() {
		return failed[R](l, ErrLoopClosed)
	}
	defer l.unlock()
	children, err := l.newArray(len(futures), func(i int) *core { return &futures[i].core })
	if err != nil {
		return failed[R](l, err)
	}
	defer children.free()
	var all *C.aw_future
	if status := C.aw_gather(l.c, children.first(), C.size_t(children.n), flags, &all); status < 0 {
		return failed[R](l, statusError(C.int32_t(status)))
	}
	return bear(l, all, func(uintptr) (R, error) { return results() })
}

// Shield creates a future that follows f and does not pass a cancellation on to it. asyncio.shield.
func Shield[T any](f *Future[T]) *Future[T] {
	l := f.l
	if f.IsDone() {
		return f
	}
	if !l.lock() {
		return failed[T](l, ErrLoopClosed)
	}
	defer l.unlock()
	inner, err := f.handle()
	if err != nil {
		return failed[T](l, err)
	}
	defer C.aw_future_unref(inner)
	var outer *C.aw_future
	if status := C.aw_shield(inner, &outer); status < 0 {
		return failed[T](l, statusError(C.int32_t(status)))
	}
	return bear(l, outer, func(uintptr) (T, error) { return f.Result() })
}

// WaitFor awaits f for at most d. Then it cancels f and waits for it, and returns context.DeadlineExceeded,
// unless f ends with a value or another error despite the cancellation. asyncio.wait_for.
func WaitFor[T any](ctx context.Context, f *Future[T], d time.Duration) (T, error) {
	limited, cancel := WithTimeout(f.attach(ctx), d)
	defer cancel()
	return f.Await(limited)
}

// attach gives a context without a loop the future's loop.
func (f *core) attach(ctx context.Context) context.Context {
	if l, _ := from(ctx); l == nil && f.l != nil {
		return f.l.Attach(ctx)
	}
	return ctx
}

// When says when Wait returns.
type When int

// When Wait returns.
const (
	FirstCompleted When = C.AW_FIRST_COMPLETED // any end counts: value, error, cancellation
	FirstException When = C.AW_FIRST_EXCEPTION // the first failure; cancellations don't count
	AllCompleted   When = C.AW_ALL_COMPLETED
)

// Forever means no timeout.
const Forever time.Duration = 1<<63 - 1

// Wait waits until enough of futures are done, or until limit has passed. It cancels nothing, even if ctx
// ends it, and a timeout is not an error. done and pending are in the order of futures. Fails with EINVAL if
// there are none. asyncio.wait.
func Wait[F Awaitable](ctx context.Context, when When, limit time.Duration, futures ...F) (done, pending []F, err error) {
	l, err := loopFor(ctx)
	if err != nil {
		return nil, nil, err
	}
	r := l.awaitCoro(ctx, func(out **C.aw_coro) (status C.aw_status) {
		var all array
		if all, err = l.newArray(len(futures), func(i int) *core { return futures[i].base() }); err != nil {
			return C.AW_EFOREIGNLOOP
		}
		defer all.free()
		return C.aw_wait_coro(l.c, all.first(), C.size_t(all.n), C.int32_t(when), C.int64_t(limit), out)
	})
	if err == nil {
		err = r.err
	}
	if err != nil {
		return nil, nil, err
	}
	// The outcome of the C task.
	outcomes := (*C.aw_results)(place(r.value))
	defer l.drop(func() { C.aw_results_unref(outcomes) })
	l.enter()
	defer l.mu.Unlock()
	for i, f := range futures {
		if C.aw_results_get(outcomes, C.size_t(i), nil) != C.AW_EINVALIDSTATE {
			done = append(done, f)
		} else {
			pending = append(pending, f)
		}
	}
	return done, pending, nil
}

// place is the address that C returned as a number.
func place(number int64) unsafe.Pointer {
	raw := uintptr(number)
	return *(*unsafe.Pointer)(unsafe.Pointer(&raw))
}

// Completed yields futures in the order in which they are done.
type Completed[F Awaitable] struct {
	l       *Loop
	c       *C.aw_as_completed
	futures map[*C.aw_future]F
	all     array
}

// AsCompleted creates the iterator; limit counts from now. asyncio.as_completed.
func AsCompleted[F Awaitable](ctx context.Context, limit time.Duration, futures ...F) (*Completed[F], error) {
	l, err := loopFor(ctx)
	if err != nil {
		return nil, err
	}
	if !l.lock() {
		return nil, ErrLoopClosed
	}
	defer l.unlock()
	it := &Completed[F]{l: l, futures: map[*C.aw_future]F{}}
	if it.all, err = l.newArray(len(futures), func(i int) *core { return futures[i].base() }); err != nil {
		return nil, err
	}
	for i, f := range futures {
		it.futures[it.all.at[i]] = f
	}
	status := C.aw_as_completed_new(l.c, it.all.first(), C.size_t(it.all.n), C.int64_t(limit), &it.c)
	if status < 0 {
		it.all.free()
		return nil, statusError(C.int32_t(status))
	}
	runtime.SetFinalizer(it, (*Completed[F]).Close)
	return it, nil
}

// Next waits for the next future that is done. Once the limit has passed, it returns context.DeadlineExceeded
// for each remaining future. At the end it returns ErrStopIteration, which is io.EOF. If ctx ends a Next,
// nothing is lost.
func (it *Completed[F]) Next(ctx context.Context) (F, error) {
	var none F
	if it.c == nil {
		return none, ErrStopIteration
	}
	r := it.l.awaitCoro(ctx, func(out **C.aw_coro) C.aw_status { return C.aw_as_completed_next_coro(it.c, out) })
	if r.err != nil {
		if r.status == C.AW_ESTOPITERATION {
			it.Close()
		}
		return none, r.err
	}
	c := (*C.aw_future)(place(r.value))
	f := it.futures[c]
	it.l.drop(func() { C.aw_future_unref(c) })
	return f, nil
}

// Close releases the futures before the end; they continue.
func (it *Completed[F]) Close() {
	c, all := it.c, it.all
	if c == nil {
		return
	}
	it.c = nil
	it.l.drop(func() {
		C.aw_as_completed_unref(c)
		all.free()
	})
}
