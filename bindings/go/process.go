// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// Stdio says where a standard stream of a child is connected.
type Stdio struct {
	how C.int32_t
	fd  int
}

// Where a standard stream of a child is connected. The zero Stdio is Inherit.
var (
	Inherit  = Stdio{C.AW_STDIO_INHERIT, -1}
	Pipe     = Stdio{C.AW_STDIO_PIPE, -1}
	Null     = Stdio{C.AW_STDIO_NULL, -1}
	ToStdout = Stdio{C.AW_STDIO_STDOUT, -1} // for stderr: wherever stdout goes
)

// File connects a stream to the caller's descriptor, which the caller keeps.
func File(fd int) Stdio { return Stdio{C.AW_STDIO_FD, fd} }

// ProcessFlags are flags for starting a child.
type ProcessFlags uint32

// Flags for starting a child.
const (
	ProcessGroup   ProcessFlags = C.AW_PROCESS_GROUP    // starts its own process group; Kill and similar calls signal the whole group
	ProcessSession ProcessFlags = C.AW_PROCESS_SESSION  // starts its own session
	ProcessDetach  ProcessFlags = C.AW_PROCESS_DETACH   // outlives the loop
	ProcessKeepFds ProcessFlags = C.AW_PROCESS_KEEP_FDS // inherits every descriptor that is not close-on-exec
)

// ProcessOptions say how to start a child. The zero value inherits everything.
type ProcessOptions struct {
	Stdin, Stdout, Stderr Stdio
	Dir                   string   // "": the parent's
	Env                   []string // "NAME=value", the whole environment; nil: the parent's
	Flags                 ProcessFlags
	Pgid                  *int // the process group to join; 0 makes one
}

// Process is a child process, which is watched through a pidfd: the program's other children are not
// affected. A child that still runs is killed and reaped when it or its loop is closed, and when its last
// reference is dropped. asyncio.subprocess.Process.
type Process struct {
	l   *Loop
	c   *C.aw_process
	pid int
}

// strings creates a C array of C strings.
func cstrings(of []string) (at **C.char, free func()) {
	array := (*[1 << 20]*C.char)(C.calloc(C.size_t(len(of))+1, C.size_t(unsafe.Sizeof(uintptr(0)))))
	for i, s := range of {
		array[i] = C.CString(s)
	}
	return &array[0], func() {
		for i := range of {
			C.free(unsafe.Pointer(array[i]))
		}
		C.free(unsafe.Pointer(array))
	}
}

func (o *ProcessOptions) make() (options *C.aw_process_options, err error) {
	if status := C.aw_process_options_new(&options); status < 0 {
		return nil, statusError(C.int32_t(status))
	}
	check := func(status C.aw_status) {
		if err == nil {
			err = statusError(C.int32_t(status))
		}
	}
	for stream, how := range []Stdio{o.Stdin, o.Stdout, o.Stderr} {
		check(C.aw_process_options_set_stdio(options, C.int(stream), how.how, C.int(how.fd)))
	}
	if o.Dir != "" {
		dir := C.CString(o.Dir)
		defer C.free(unsafe.Pointer(dir))
		check(C.aw_process_options_set_cwd(options, dir))
	}
	if o.Env != nil {
		env, free := cstrings(o.Env)
		defer free()
		check(C.aw_process_options_set_env(options, env, C.size_t(len(o.Env))))
	}
	check(C.aw_process_options_set_flags(options, C.uint32_t(o.Flags)))
	if o.Pgid != nil {
		check(C.aw_process_options_set_group(options, C.int32_t(*o.Pgid)))
	}
	if err != nil {
		C.aw_process_options_unref(options)
	}
	return options, err
}

func newProcess(ctx context.Context, o *ProcessOptions, call func(*Loop, *C.aw_process_options, **C.aw_process) C.aw_status) (*Process, error) {
	l, err := loopFor(ctx)
	if err != nil {
		return nil, err
	}
	if err := contextErr(ctx); err != nil {
		return nil, err
	}
	if o == nil {
		o = &ProcessOptions{}
	}
	options, err := o.make()
	if err != nil {
		return nil, err
	}
	defer C.aw_process_options_unref(options)
	if !l.lock() {
		return nil, ErrLoopClosed
	}
	defer l.unlock()
	// A descriptor that another goroutine is just creating must not leak into the child.
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	var c *C.aw_process
	if status := call(l, options, &c); status < 0 {
		return nil, statusError(C.int32_t(status))
	}
	p := &Process{l, c, int(C.aw_process_pid(c))}
	runtime.SetFinalizer(p, func(*Process) { l.drop(func() { C.aw_process_unref(c) }) })
	return p, nil
}

// Exec starts argv[0], which is looked up in the child's PATH unless it contains a slash. If the exec, chdir
// or open fails, Exec returns its errno, and no child is left. options may be nil.
// asyncio.create_subprocess_exec.
func Exec(ctx context.Context, options *ProcessOptions, argv ...string) (*Process, error) {
	return newProcess(ctx, options, func(l *Loop, o *C.aw_process_options, out **C.aw_process) C.aw_status {
		args, free := cstrings(argv)
		defer free()
		return C.aw_subprocess_exec(l.c, args, C.size_t(len(argv)), o, out)
	})
}

// Shell starts /bin/sh -c command. Never with untrusted text. options may be nil. asyncio.create_subprocess_shell.
func Shell(ctx context.Context, options *ProcessOptions, command string) (*Process, error) {
	return newProcess(ctx, options, func(l *Loop, o *C.aw_process_options, out **C.aw_process) C.aw_status {
		text := C.CString(command)
		defer C.free(unsafe.Pointer(text))
		return C.aw_subprocess_shell(l.c, text, o, out)
	})
}

// Adopt takes over a child that was started elsewhere, for example by os.StartProcess; it is reaped here when
// it exits. Fails with ESRCH, ECHILD.
func Adopt(ctx context.Context, pid int, flags ProcessFlags) (*Process, error) {
	return newProcess(ctx, nil, func(l *Loop, _ *C.aw_process_options, out **C.aw_process) C.aw_status {
		return C.aw_process_adopt(l.c, C.int32_t(pid), -1, C.uint32_t(flags), out)
	})
}

// Pid returns the child's pid, also after its end. asyncio: Process.pid.
func (p *Process) Pid() int { return p.pid }

// ReturnCode returns the exit status: 0 to 255, -N if signal N killed it; ErrInvalidState while it runs. asyncio: Process.returncode.
func (p *Process) ReturnCode() (int, error) {
	defer runtime.KeepAlive(p)
	var code C.int32_t
	err := p.l.make(func() C.aw_status { return C.aw_process_returncode(p.c, &code) })
	return int(code), err
}

func (p *Process) future(call func(out **C.aw_future) C.aw_status) *Future[int] {
	if !p.l.lock() {
		return failed[int](p.l, ErrLoopClosed)
	}
	defer p.l.unlock()
	var c *C.aw_future
	if status := call(&c); status < 0 {
		return failed[int](p.l, statusError(C.int32_t(status)))
	}
	return bear(p.l, c, func(raw uintptr) (int, error) {
		runtime.KeepAlive(p)
		return int(raw), nil
	})
}

// Wait returns a future of the return code. Cancelling it does not affect the child. asyncio: Process.wait.
func (p *Process) Wait() *Future[int] {
	return p.future(func(out **C.aw_future) C.aw_status { return C.aw_process_wait(p.c, out) })
}

// WaitClosed returns a future of the return code that also waits for the ends of stdout and stderr, which it
// reads meanwhile.
func (p *Process) WaitClosed() *Future[int] {
	return p.future(func(out **C.aw_future) C.aw_status { return C.aw_process_wait_closed(p.c, out) })
}

// Communicate feeds input to stdin if that is a pipe, and reads stdout and stderr to their ends. It returns a
// future of the return code; Output returns what was read. Cancelling it keeps what was read and what is not
// written yet: call it again with nil to continue. asyncio: Process.communicate.
func (p *Process) Communicate(input []byte) *Future[int] {
	return p.future(func(out **C.aw_future) C.aw_status {
		if len(input) == 0 {
			return C.aw_process_communicate(p.c, nil, 0, out)
		}
		return C.aw_process_communicate(p.c, unsafe.Pointer(&input[0]), C.size_t(len(input)), out)
	})
}

// Output returns a copy of what has been read from stdout (1) or stderr (2). ErrInvalidState if that is not a
// pipe.
func (p *Process) Output(stream int) ([]byte, error) {
	defer runtime.KeepAlive(p)
	if !p.l.lock() {
		return nil, ErrLoopClosed
	}
	defer p.l.mu.Unlock()
	var at C.uintptr_t
	var length C.size_t
	if status := C.awgo_take_output(p.c, C.int(stream), &at, &length); status < 0 {
		return nil, statusError(status)
	}
	return C.GoBytes(place(int64(at)), C.int(length)), nil
}

// TakePipe returns the parent's end of pipe 0, 1 or 2, which the caller then owns. It is non-blocking, so
// that Go's poller can wait for it. ErrInvalidState if there is none, or while it is in use.
func (p *Process) TakePipe(stream int) (*os.File, error) {
	defer runtime.KeepAlive(p)
	var fd C.int
	if err := p.l.make(func() C.aw_status { return C.aw_process_take_pipe(p.c, C.int(stream), &fd) }); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "pipe"), nil
}

// Signal sends sig through the pidfd; with ProcessGroup, to the group. ESRCH once the child has exited.
// asyncio: Process.send_signal.
func (p *Process) Signal(sig syscall.Signal) error {
	defer runtime.KeepAlive(p)
	return p.l.then(func() C.aw_status { return C.aw_process_send_signal(p.c, C.int(sig)) })
}

// Terminate sends SIGTERM. asyncio: Process.terminate.
func (p *Process) Terminate() error {
	defer runtime.KeepAlive(p)
	return p.l.then(func() C.aw_status { return C.aw_process_terminate(p.c) })
}

// Kill sends SIGKILL. asyncio: Process.kill.
func (p *Process) Kill() error {
	defer runtime.KeepAlive(p)
	return p.l.then(func() C.aw_status { return C.aw_process_kill(p.c) })
}

// Close closes the pipes and kills a child that still runs, unless it is detached; the child is still reaped.
func (p *Process) Close() error {
	defer runtime.KeepAlive(p)
	return p.l.then(func() C.aw_status { return C.aw_process_close(p.c) })
}
