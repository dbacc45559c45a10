// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// Iterator yields the items of a C iterator.
type Iterator[T any] struct {
	l     *Loop
	c     *C.aw_iterator
	value func(raw unsafe.Pointer) (T, error)
}

// IteratorFromC creates one from an aw_iterator *, to which it takes its own reference. value converts an
// item to a Go value and frees the item, which it owns. Call it inside Loop.Do.
func IteratorFromC[T any](l *Loop, iterator unsafe.Pointer, value func(raw unsafe.Pointer) (T, error)) *Iterator[T] {
	c := C.aw_iterator_ref((*C.aw_iterator)(iterator))
	it := &Iterator[T]{l, c, value}
	runtime.SetFinalizer(it, func(*Iterator[T]) { l.drop(func() { C.aw_iterator_unref(c) }) })
	return it
}

// Next returns the next item, or ErrStopIteration, which is io.EOF, at the end. Python: anext().
func (it *Iterator[T]) Next(ctx context.Context) (T, error) {
	defer runtime.KeepAlive(it)
	var none T
	if err := contextErr(ctx); err != nil {
		return none, err
	}
	w, err := it.l.newWaiter(ctx)
	if err != nil {
		return none, err
	}
	if !it.l.lock() {
		w.recycle()
		return none, ErrLoopClosed
	}
	var c *C.aw_future
	if status := C.aw_iterator_next_future(it.c, &c); status < 0 {
		it.l.mu.Unlock()
		w.recycle()
		return none, statusError(C.int32_t(status))
	}
	w.request = C.awgo_request{kind: C.AWGO_TAKE, object: C.uintptr_t(uintptr(unsafe.Pointer(c)))}
	r := it.l.awaitHeld(w)
	if r.err != nil {
		return none, r.err
	}
	return it.value(place(r.value))
}
