// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"unsafe"
)

// TaskGroup holds tasks that end before the function that started them. asyncio.TaskGroup.
type TaskGroup struct {
	l   *Loop
	c   *C.aw_taskgroup
	ctx context.Context
}

// Group runs body with a new group, and waits for all tasks of the group. If body or a task fails, it cancels
// the other tasks and body's context, and waits for them; the failures are returned as one *GroupError. If
// ctx ends, it cancels everything and returns ctx.Err(). asyncio: async with TaskGroup().
func Group(ctx context.Context, body func(ctx context.Context, g *TaskGroup) error) error {
	l, err := loopFor(ctx)
	if err != nil {
		return err
	}
	if err := contextErr(ctx); err != nil {
		return err
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	// If ctx ends, C cancels the members. If ctx cancelled them directly, the group could end before that.
	g := &TaskGroup{l: l, ctx: WithoutCancel(ctx)}
	parent, number, goroutine, err := g.enter(stop)
	if err != nil {
		return err
	}
	_, err = protect(inner, func(ctx context.Context) (struct{}, error) { return struct{}{}, body(ctx, g) })
	return g.leave(ctx, parent, number, goroutine, err)
}

// enter creates the C group and its parent, a task that represents body.
func (g *TaskGroup) enter(stop func()) (parent *C.aw_task, number uint64, goroutine *C.awgo_goroutine, err error) {
	l := g.l
	if !l.lock() {
		return nil, 0, nil, ErrLoopClosed
	}
	defer l.unlock()
	if status := C.aw_taskgroup_new(l.c, &g.c); status < 0 {
		return nil, 0, nil, statusError(C.int32_t(status))
	}
	l.numbers++
	number = l.numbers
	l.cancels[number] = stop
	if status := C.awgo_parent_new(l.shim, g.c, C.uint64_t(number), &parent, &goroutine); status < 0 {
		delete(l.cancels, number)
		C.aw_taskgroup_unref(g.c)
		g.c = nil
		return nil, 0, nil, statusError(status)
	}
	return parent, number, goroutine, nil
}

// leave ends the parent with body's outcome, and waits for it.
func (g *TaskGroup) leave(ctx context.Context, parent *C.aw_task, number uint64, goroutine *C.awgo_goroutine, body error) error {
	l := g.l
	w, err := l.newWaiter(ctx)
	if err != nil {
		return err
	}
	l.enter()
	var failed *C.aw_error
	status := C.int32_t(0)
	switch {
	case body != nil && !isCancellation(body):
		status, failed = statusOf(body), l.toC(body)
	case body != nil || contextErr(ctx) != nil:
		status = C.AW_ECANCELLED
	}
	C.awgo_goroutine_end(goroutine, status, failed, 0)
	C.aw_error_unref(failed)
	c := g.c
	g.c = nil
	if l.closed {
		C.aw_task_unref(parent)
		C.aw_taskgroup_unref(c)
		l.mu.Unlock()
		w.recycle()
		return ErrLoopClosed
	}
	w.request = C.awgo_request{kind: C.AWGO_TAKE, object: C.uintptr_t(uintptr(unsafe.Pointer(C.aw_task_future(parent))))}
	r := l.awaitHeld(w)
	l.enter()
	delete(l.cancels, number)
	C.aw_taskgroup_unref(c)
	l.unlock()
	return r.err
}

// SpawnIn starts fn as a task of the group. It fails with ErrInvalidState once the group shuts down.
// asyncio: TaskGroup.create_task.
func SpawnIn[T any](g *TaskGroup, fn func(ctx context.Context) (T, error)) *Future[T] {
	f := &Future[T]{}
	f.spawn(g.l, g.ctx)
	if err := g.join(&f.core); err != nil {
		g.l.removeTask(f.task)
		f.task.release()
		f.task = nil
		f.settled, f.err = true, err
		return f
	}
	g.l.start(f.task, func() { f.run(fn) })
	return f
}

// Go is SpawnIn for a function without a result.
func (g *TaskGroup) Go(fn func(ctx context.Context) error) *Future[struct{}] {
	return SpawnIn(g, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) })
}

// join makes f's C twin a member.
func (g *TaskGroup) join(f *core) error {
	l := g.l
	if !l.lock() {
		return ErrLoopClosed
	}
	defer l.unlock()
	if g.c == nil {
		return ErrInvalidState
	}
	coro, err := f.coroutine()
	if err != nil {
		return err
	}
	defer C.aw_coro_unref(coro)
	var task *C.aw_task
	if status := C.aw_taskgroup_spawn_coro(g.c, coro, &task); status < 0 {
		C.awgo_goroutine_end(f.task.c, C.AW_ECANCELLED, nil, 0)
		delete(l.cancels, f.task.number)
		return statusError(C.int32_t(status))
	}
	C.aw_future_unref(f.showTask(task))
	return nil
}
