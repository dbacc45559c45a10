// SPDX-License-Identifier: MIT

//go:build libawait_raw

// Package raw is what SWIG makes of the headers for Go. This file is put beside it when it has been made.
package raw

import (
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"unsafe"
)

// As op.h and completion.h have them.
const (
	operationSleep  = 1
	operationFuture = 11
)

type submission struct {
	size, kind uint32
	token      uint64
	fd         int32
	flags      uint32
	buffer     uintptr
	length     uint64
	offset     int64
	second     unsafe.Pointer
	secondFd   int32
	reserved   uint32
}

type completion struct {
	token    uint64
	status   int32
	reserved uint32
	value    int64
}

// memory is not Go's, so that C may keep and write it.
type memory struct {
	pointer     uintptr
	submissions [2]submission
	completions [4]completion
}

func newMemory(t *testing.T) (*memory, func(field unsafe.Pointer) uintptr) {
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(page) })
	return (*memory)(unsafe.Pointer(&page[0])), func(field unsafe.Pointer) uintptr { return uintptr(field) }
}

func check(t *testing.T, what string, status int) {
	t.Helper()
	if status < 0 {
		t.Fatalf("%s: %s: %s", what, Aw_err_name(status), Aw_strerror(status))
	}
}

func TestALoopSubmitsAndDrains(t *testing.T) {
	before := Aw_debug_live_handles()
	m, at := newMemory(t)
	check(t, "new", Aw_loop_new("epoll", at(unsafe.Pointer(&m.pointer))))
	loop := m.pointer
	check(t, "future", Aw_future_new(loop, at(unsafe.Pointer(&m.pointer))))
	future := m.pointer
	m.submissions[0] = submission{size: uint32(unsafe.Sizeof(submission{})), kind: operationSleep, token: 7, offset: 1000000}
	m.submissions[1] = submission{size: uint32(unsafe.Sizeof(submission{})), kind: operationFuture, token: 8, buffer: future}
	if n := Aw_loop_submit(loop, at(unsafe.Pointer(&m.submissions)), 2); n != 2 {
		t.Fatalf("%d taken", n)
	}
	check(t, "fail", Aw_future_fail(future, int(AW_EQUEUEEMPTY), "nothing there"))
	seen := map[uint64]int32{}
	for len(seen) < 2 {
		n := Aw_loop_drain(loop, at(unsafe.Pointer(&m.completions)), 4, -1)
		check(t, "drain", n)
		for _, c := range m.completions[:n] {
			seen[c.token] = c.status
		}
	}
	if seen[7] != 0 || seen[8] != int32(AW_EQUEUEEMPTY) {
		t.Errorf("%v", seen)
	}
	Aw_future_unref(future)
	check(t, "close", Aw_loop_close(loop))
	Aw_loop_unref(loop)
	if left := Aw_debug_live_handles() - before; left != 0 {
		t.Errorf("%d handles are left", left)
	}
}

func TestErrorsHaveTexts(t *testing.T) {
	if Aw_strerror(-2) != "No such file or directory" || Aw_err_name(-2) != "ENOENT" {
		t.Error(Aw_strerror(-2), Aw_err_name(-2))
	}
	if Aw_err_name(int(AW_ECANCELLED)) != "AW_ECANCELLED" || Aw_version() == "" || FOREVER != 1<<63-1 {
		t.Error("the constants are not those of the headers")
	}
	m, at := newMemory(t)
	if status := Aw_loop_new("nosuch", at(unsafe.Pointer(&m.pointer))); status != int(AW_ENOBACKEND) {
		t.Error(status)
	}
}

// Every function of the headers is here, or left out for every language with a reason.
func TestCoverage(t *testing.T) {
	source := os.Getenv("AWAIT_TEST_SOURCE")
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	names := func(pattern, text string) map[string]bool {
		found := map[string]bool{}
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found[match[1]] = true
		}
		return found
	}
	made := names(`(?m)^func A(w_\w+)\(`, read("libawait.go"))
	leftOut := names(`(?m)^%ignore a(w_\w+);`, read(filepath.Join(source, "bindings", "swig", "left_out.i")))
	headers, err := filepath.Glob(filepath.Join(source, "abi", "await", "*.h"))
	if err != nil || len(headers) == 0 {
		t.Fatal("no headers: ", err)
	}
	count := 0
	for _, header := range headers {
		if filepath.Base(header) == "backend.h" {
			continue
		}
		text := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(read(header), "")
		for name := range names(`(?m)^AW_STACKFUL\s+(?:AW_\w+(?:\([^)]*\))?\s+)*AW_API\b[^;()]*?\ba(w_\w+)\s*\(`, text) {
			leftOut[name] = true
		}
		for name := range names(`\bAW_API\b[^;()]*?\ba(w_\w+)\s*\(`, text) {
			count++
			if made[name] == leftOut[name] {
				t.Errorf("a%s: wrapped %v, left out %v", name, made[name], leftOut[name])
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d functions found", count)
	}
}
