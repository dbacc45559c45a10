// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
*/
import "C"

import (
	"context"
	"sync"
	"syscall"
	"unsafe"
)

// These functions work on the program's own descriptors, through the backend. Bytes pass through C memory,
// which belongs to the operation until it has ended, even after a cancellation, so a call returns only then.
// A read or receive that completes at the same moment as ctx ends returns its bytes.

// buffers keeps a few C buffers of each power of two for later operations.
var buffers struct {
	sync.Mutex
	kept [17][]unsafe.Pointer
}

const buffersKept = 32

type buffer struct {
	at   unsafe.Pointer
	size int // the power of two
}

func newBuffer(length int) buffer {
	size := 6
	for 1<<size < length {
		size++
	}
	if size < len(buffers.kept) {
		buffers.Lock()
		defer buffers.Unlock()
		if n := len(buffers.kept[size]); n > 0 {
			at := buffers.kept[size][n-1]
			buffers.kept[size] = buffers.kept[size][:n-1]
			return buffer{at, size}
		}
	}
	return buffer{C.malloc(C.size_t(1) << size), size}
}

func (b buffer) free() {
	if b.size < len(buffers.kept) {
		buffers.Lock()
		defer buffers.Unlock()
		if len(buffers.kept[b.size]) < buffersKept {
			buffers.kept[b.size] = append(buffers.kept[b.size], b.at)
			return
		}
	}
	C.free(b.at)
}

func (b buffer) bytes(n int) []byte { return unsafe.Slice((*byte)(b.at), n) }

// operate submits one operation and waits until it ends.
func operate(ctx context.Context, request C.awgo_request) (int, error) {
	l, err := loopFor(ctx)
	if err != nil {
		return 0, err
	}
	if err := contextErr(ctx); err != nil {
		return 0, err
	}
	w, err := l.newWaiter(ctx)
	if err != nil {
		return 0, err
	}
	w.request = request
	r := l.await(w)
	return int(r.value), r.err
}

func in(ctx context.Context, kind C.uint32_t, fd int, p []byte, flags int, offset int64) (int, error) {
	b := newBuffer(len(p))
	defer b.free()
	n, err := operate(ctx, C.awgo_request{kind: kind, fd: C.int32_t(fd), object: C.uintptr_t(uintptr(b.at)),
		length: C.uint64_t(len(p)), flags: C.uint32_t(flags), offset: C.int64_t(offset)})
	copy(p, b.bytes(n))
	return n, err
}

func out(ctx context.Context, kind C.uint32_t, fd int, p []byte, flags int, offset int64) (int, error) {
	b := newBuffer(len(p))
	defer b.free()
	copy(b.bytes(len(p)), p)
	return operate(ctx, C.awgo_request{kind: kind, fd: C.int32_t(fd), object: C.uintptr_t(uintptr(b.at)),
		length: C.uint64_t(len(p)), flags: C.uint32_t(flags), offset: C.int64_t(offset)})
}

// Read reads from fd into p, at the file's position. It returns 0 at the end of the file.
func Read(ctx context.Context, fd int, p []byte) (int, error) {
	return in(ctx, C.AW_OP_READ, fd, p, 0, -1)
}

// ReadAt is Read at an offset.
func ReadAt(ctx context.Context, fd int, p []byte, offset int64) (int, error) {
	return in(ctx, C.AW_OP_READ, fd, p, 0, offset)
}

// Write writes p to fd; it may write only a part.
func Write(ctx context.Context, fd int, p []byte) (int, error) {
	return out(ctx, C.AW_OP_WRITE, fd, p, 0, -1)
}

// WriteAt is Write at an offset.
func WriteAt(ctx context.Context, fd int, p []byte, offset int64) (int, error) {
	return out(ctx, C.AW_OP_WRITE, fd, p, 0, offset)
}

// Recv receives from a socket, with flags of recv(2). asyncio: loop.sock_recv.
func Recv(ctx context.Context, fd int, p []byte, flags int) (int, error) {
	return in(ctx, C.AW_OP_RECV, fd, p, flags, 0)
}

// Send sends to a socket, without SIGPIPE; it may send only a part.
func Send(ctx context.Context, fd int, p []byte, flags int) (int, error) {
	return out(ctx, C.AW_OP_SEND, fd, p, flags, 0)
}

// SendAll sends all of p. asyncio: loop.sock_sendall.
func SendAll(ctx context.Context, fd int, p []byte) error {
	for len(p) > 0 {
		n, err := Send(ctx, fd, p, 0)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Accept waits for a connection, and returns its descriptor, which is close-on-exec. asyncio: loop.sock_accept.
func Accept(ctx context.Context, fd int) (int, error) {
	return operate(ctx, C.awgo_request{kind: C.AW_OP_ACCEPT, fd: C.int32_t(fd)})
}

// Connect connects a socket. It fails with EAFNOSUPPORT if the address is not IPv4, IPv6 or Unix. asyncio:
// loop.sock_connect.
func Connect(ctx context.Context, fd int, to syscall.Sockaddr) error {
	b := newBuffer(int(C.sizeof_struct_sockaddr_storage))
	defer b.free()
	C.memset(b.at, 0, C.sizeof_struct_sockaddr_storage)
	length := 0
	port := func(port int) C.in_port_t {
		big := [2]byte{byte(port >> 8), byte(port)}
		return *(*C.in_port_t)(unsafe.Pointer(&big))
	}
	switch a := to.(type) {
	case *syscall.SockaddrInet4:
		raw := (*C.struct_sockaddr_in)(b.at)
		raw.sin_family, raw.sin_port = C.AF_INET, port(a.Port)
		*(*[4]byte)(unsafe.Pointer(&raw.sin_addr)) = a.Addr
		length = C.sizeof_struct_sockaddr_in
	case *syscall.SockaddrInet6:
		raw := (*C.struct_sockaddr_in6)(b.at)
		raw.sin6_family, raw.sin6_port, raw.sin6_scope_id = C.AF_INET6, port(a.Port), C.uint32_t(a.ZoneId)
		*(*[16]byte)(unsafe.Pointer(&raw.sin6_addr)) = a.Addr
		length = C.sizeof_struct_sockaddr_in6
	case *syscall.SockaddrUnix:
		raw := (*C.struct_sockaddr_un)(b.at)
		raw.sun_family = C.AF_UNIX
		path := unsafe.Slice((*byte)(unsafe.Pointer(&raw.sun_path)), len(raw.sun_path))
		if len(a.Name) >= len(path) {
			return &Error{Status: -int(syscall.ENAMETOOLONG)}
		}
		copy(path, a.Name)
		length = int(unsafe.Offsetof(raw.sun_path)) + len(a.Name)
		switch {
		case len(a.Name) > 0 && a.Name[0] == '@':
			path[0] = 0 // abstract
		default:
			length++
		}
	default:
		return &Error{Status: -int(syscall.EAFNOSUPPORT)}
	}
	_, err := operate(ctx, C.awgo_request{kind: C.AW_OP_CONNECT, fd: C.int32_t(fd), object: C.uintptr_t(uintptr(b.at)),
		length: C.uint64_t(length)})
	return err
}

// Fsync is fsync(2).
func Fsync(ctx context.Context, fd int) error {
	_, err := operate(ctx, C.awgo_request{kind: C.AW_OP_FSYNC, fd: C.int32_t(fd)})
	return err
}

// CloseFd closes fd through the loop.
func CloseFd(ctx context.Context, fd int) error {
	_, err := operate(ctx, C.awgo_request{kind: C.AW_OP_CLOSE, fd: C.int32_t(fd)})
	return err
}

// Events are what Poll waits for.
type Events uint32

// What Poll waits for.
const (
	PollIn  Events = C.AW_POLL_IN
	PollOut Events = C.AW_POLL_OUT
	PollErr Events = C.AW_POLL_ERR
	PollHup Events = C.AW_POLL_HUP
)

// Poll waits until one of events holds for fd, and returns the events that hold. Call it in a loop to replace
// asyncio's add_reader.
func Poll(ctx context.Context, fd int, events Events) (Events, error) {
	n, err := operate(ctx, C.awgo_request{kind: C.AW_OP_POLL, fd: C.int32_t(fd), flags: C.uint32_t(events)})
	return Events(n), err
}

// FdReady is Poll as a future, for Gather and Wait. Cancelling it consumes nothing.
func FdReady(ctx context.Context, fd int, events Events) *Future[Events] {
	l, err := loopFor(ctx)
	if err != nil {
		return failed[Events](nil, err)
	}
	if !l.lock() {
		return failed[Events](l, ErrLoopClosed)
	}
	defer l.unlock()
	var c *C.aw_future
	if status := C.aw_fd_wait(l.c, C.int(fd), C.uint32_t(events), &c); status < 0 {
		return failed[Events](l, statusError(C.int32_t(status)))
	}
	return bear(l, c, func(raw uintptr) (Events, error) { return Events(raw), nil })
}
