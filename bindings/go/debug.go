// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"os"
	"unsafe"
)

// LiveHandles returns how many C objects are alive in this process, for tests that check for leaks.
func LiveHandles() int { return int(C.aw_debug_live_handles()) }

// PrintTasks writes the tree of the loop's tasks to file, each with what it awaits; json selects the format.
// python -m asyncio pstree.
func (l *Loop) PrintTasks(file *os.File, json bool) error {
	tasks := l.liveTasks()
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.unlock()
	for _, t := range tasks {
		// Tasks that C has not seen get a C twin first.
		if c, err := t.future.handle(); err == nil {
			C.aw_future_unref(c)
		}
	}
	format := C.int32_t(C.AW_PRINT_TEXT)
	if json {
		format = C.AW_PRINT_JSON
	}
	return statusError(C.int32_t(C.aw_loop_print_tasks(l.c, C.int(file.Fd()), format)))
}

// Backend describes a backend that was found.
type Backend struct {
	Name        string
	Description string
	Class       string // "A": no abort, leak or hang under any single fault; "B": the same, except for what the underlying library does
	Origin      string // the plug-in's file, or "built in"
	Err         error  // why it is not usable here, or nil
}

// Backends lists the backends that were found.
func Backends() ([]Backend, error) {
	var list *C.aw_backend_list
	if status := C.aw_backend_list_new(&list); status < 0 {
		return nil, statusError(C.int32_t(status))
	}
	defer C.aw_backend_list_unref(list)
	backends := make([]Backend, C.aw_backend_list_count(list))
	for i := range backends {
		at := C.size_t(i)
		b := Backend{
			Name:        C.GoString(C.aw_backend_list_name(list, at)),
			Description: C.GoString(C.aw_backend_list_description(list, at)),
			Class:       C.GoString(C.aw_backend_list_class(list, at)),
			Origin:      C.GoString(C.aw_backend_list_origin(list, at)),
		}
		if status := C.aw_backend_list_status(list, at); status < 0 {
			b.Err = &Error{Status: int(status), Message: C.GoString(C.aw_backend_list_reason(list, at))}
		}
		backends[i] = b
	}
	return backends, nil
}

// ExplainBackend describes what New with WithBackend(name) would do: which backend it would use, or why none
// in the list can be used.
func ExplainBackend(name string) (string, error) {
	text := (*C.char)(C.calloc(1, 4096))
	defer C.free(unsafe.Pointer(text))
	var c *C.char
	if name != "" {
		c = C.CString(name)
		defer C.free(unsafe.Pointer(c))
	}
	status := C.aw_backend_explain(c, text, 4096)
	return C.GoString(text), statusError(C.int32_t(status))
}
