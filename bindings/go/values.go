// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
*/
import "C"

import (
	"sync"
	"unsafe"
)

// C refers to a Go value by a number: the value's index in this table, with a tag that no address in a
// process has, so that a C value is never mistaken for a Go value. A table with a free list, since a map
// costs a hash and an allocation for each value.
var values struct {
	sync.Mutex
	kept []any
	free []uint32
}

const (
	valueTag  = uint64(0xA3A1) << 48
	valueMask = uint64(0xFFFF) << 48
)

// The tag requires 64-bit addresses.
var _ [unsafe.Sizeof(uintptr(0)) - 8]struct{}

func keep(value any) C.uintptr_t {
	values.Lock()
	defer values.Unlock()
	if n := len(values.free); n > 0 {
		at := values.free[n-1]
		values.free = values.free[:n-1]
		values.kept[at] = value
		return C.uintptr_t(valueTag | uint64(at))
	}
	values.kept = append(values.kept, value)
	return C.uintptr_t(valueTag | uint64(len(values.kept)-1))
}

func isKept(place C.uintptr_t) bool { return uint64(place)&valueMask == valueTag }

func kept(place C.uintptr_t) any {
	values.Lock()
	defer values.Unlock()
	return values.kept[uint32(place)]
}

func release(place C.uintptr_t) any {
	values.Lock()
	defer values.Unlock()
	value := values.kept[uint32(place)]
	values.kept[uint32(place)] = nil
	values.free = append(values.free, uint32(place))
	return value
}

//export awgoValueFreed
func awgoValueFreed(place C.uintptr_t) { release(place) }

//export awgoCompare
func awgoCompare(a, b, order C.uintptr_t) C.int32_t {
	less := kept(order).(func(a, b any) bool)
	x, y := kept(a), kept(b)
	switch {
	case less(x, y):
		return -1
	case less(y, x):
		return 1
	}
	return 0
}
