// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"context"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"
)

// Task is a goroutine of a loop, whose outcome is a future.
type Task struct {
	attached // its context
	stop     context.CancelFunc
	parent   *Task
	users    atomic.Int32 // itself and its children: the context lives as long as one does
	requests atomic.Int32
	future   *core
	id       uint64
	name     atomic.Value // string
	links[Task]

	// Guarded by the loop's mutex.
	c      *C.awgo_goroutine // while there is a C twin
	number uint64
	runs   bool    // of a loop with serial tasks: it runs now
	waits  *waiter // what it awaits
}

// Spawn starts fn as a task of ctx's loop: a goroutine, whose outcome is the future. fn gets its own context,
// derived from ctx, which identifies the task; pass it on to everything that fn awaits. Cancelling the
// future, or ctx, cancels that context; what the function then returns is up to the function. A task that is
// cancelled before it starts never runs. The end of a task does not end the tasks that it has spawned. A
// panic in fn becomes a *PanicError. An unretrieved failure is passed to the exception handler.
//
// If ctx has no loop, the future has failed with ErrNoLoop. asyncio.create_task.
func Spawn[T any](ctx context.Context, fn func(ctx context.Context) (T, error)) *Future[T] {
	f := &Future[T]{}
	if l, _ := from(ctx); l != nil {
		f.spawn(l, ctx)
		l.start(f.task, func() { f.run(fn) })
	} else {
		f.settled, f.err = true, ErrNoLoop
	}
	return f
}

// Go is Spawn for a function without a result.
func Go(ctx context.Context, fn func(ctx context.Context) error) *Future[struct{}] {
	return Spawn(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) })
}

// spawn creates the task of a future that has none.
func (f *Future[T]) spawn(l *Loop, ctx context.Context) {
	inner, stop := context.WithCancel(ctx)
	t := &Task{stop: stop, future: &f.core}
	t.Context, t.home = inner, home{l, t}
	t.users.Store(1)
	if _, parent := from(ctx); parent != nil && parent.home.l == l {
		t.parent = parent
		parent.users.Add(1)
	}
	f.l, f.task = l, t
	l.addTask(t)
}

// start runs a task's goroutine, at once or when its turn comes.
func (l *Loop) start(t *Task, run func()) {
	if l.serial && l.lock() {
		l.inbox = append(l.inbox, delivery{start: run, task: t})
		l.unlock()
		return
	}
	go run()
}

func (f *Future[T]) run(fn func(context.Context) (T, error)) {
	t := f.task
	var value T
	err := t.Err()
	if err == nil && f.l.IsClosed() {
		err = ErrLoopClosed
	}
	if err == nil {
		value, err = protect(&t.attached, fn)
	}
	l := f.l
	f.finish(value, err, false)
	l.removeTask(t)
	t.release()
	if l.serial && l.lock() {
		l.rest(t)
		l.mu.Unlock()
	}
}

// release ends the context once neither the task nor a child needs it.
func (t *Task) release() {
	for ; t != nil && t.users.Add(-1) == 0; t = t.parent {
		t.stop()
	}
}

func protect[T any](ctx context.Context, fn func(context.Context) (T, error)) (value T, err error) {
	defer func() {
		if what := recover(); what != nil {
			err = &PanicError{what, debug.Stack()}
		}
	}()
	return fn(ctx)
}

// Cancel requests the end of the task: what it awaits is cancelled first, and its context is cancelled.
// Returns false if the task is done. asyncio: Task.cancel.
func (t *Task) Cancel() bool { return t.future.Cancel() }

// cancelHeld is Cancel under the loop's mutex.
func (t *Task) cancelHeld() {
	t.requests.Add(1)
	t.stop()
	// What it awaits outside its own context (WithoutCancel) continues.
	if w := t.waits; w != nil && contextErr(w.ctx) != nil {
		t.home.l.cancelWaiter(w)
	}
}

// Cancelling returns how often cancellation was requested. asyncio: Task.cancelling.
func (t *Task) Cancelling() int { return int(t.requests.Load()) }

// Done is closed when the task has ended.
func (t *Task) Done() <-chan struct{} { return t.future.Done() }

// Name returns the name: "Task-N", or the name set by SetName. asyncio: Task.get_name.
func (t *Task) Name() string {
	if name, ok := t.name.Load().(string); ok {
		return name
	}
	return "Task-" + strconv.FormatUint(t.id, 10)
}

// SetName sets the name. asyncio: Task.set_name.
func (t *Task) SetName(name string) {
	t.name.Store(name)
	l := t.home.l
	if l.lock() {
		defer l.mu.Unlock()
		t.showName()
	}
}

func (t *Task) showName() {
	t.future.mu.Lock()
	c := t.future.c
	t.future.mu.Unlock()
	if c == nil {
		return
	}
	text := C.CString(t.Name())
	defer C.free(unsafe.Pointer(text))
	C.aw_task_set_name(C.aw_future_task(c), text)
}

// taskHandle creates the C twin of a task that is not done: a coroutine that waits for the goroutine. Call it
// under the loop's mutex.
func (f *core) taskHandle() (*C.aw_future, error) {
	coro, err := f.coroutine()
	if err != nil {
		return nil, err
	}
	defer C.aw_coro_unref(coro)
	var task *C.aw_task
	if status := C.aw_task_spawn_coro(f.l.c, coro, &task); status < 0 {
		C.awgo_goroutine_end(f.task.c, C.AW_ECANCELLED, nil, 0)
		f.task.c = nil
		return nil, statusError(C.int32_t(status))
	}
	return f.showTask(task), nil
}

// coroutine creates only the coroutine.
func (f *core) coroutine() (*C.aw_coro, error) {
	t, l := f.task, f.l
	var coro *C.aw_coro
	l.numbers++
	t.number = l.numbers
	if status := C.awgo_goroutine_new(l.shim, C.uint64_t(t.number), &coro, &t.c); status < 0 {
		return nil, statusError(status)
	}
	l.cancels[t.number] = t.cancelHeld
	return coro, nil
}

// showTask makes task the twin, and takes over the reference.
func (f *core) showTask(task *C.aw_task) *C.aw_future {
	c := C.aw_task_future(task)
	f.show(c)
	f.task.showName()
	return c
}

// --- the loop's tasks ---

func (l *Loop) addTask(t *Task) {
	l.tasksMu.Lock()
	defer l.tasksMu.Unlock()
	l.taskCount++
	t.id = l.taskCount
	l.tasks++
	l.taskList.add(t)
}

func (l *Loop) removeTask(t *Task) {
	l.tasksMu.Lock()
	defer l.tasksMu.Unlock()
	l.taskList.remove(t)
	l.tasks--
}

func (l *Loop) liveTasks() []*Task {
	l.tasksMu.Lock()
	defer l.tasksMu.Unlock()
	tasks := make([]*Task, 0, l.tasks)
	for t := l.taskList.first; t != nil; t = t.next {
		tasks = append(tasks, t)
	}
	return tasks
}

// AllTasks returns the Go tasks of the loop that are not done, in order of creation. asyncio.all_tasks.
func (l *Loop) AllTasks() []*Task { return l.liveTasks() }

// CTasks returns how many tasks of any language the C loop has: the tasks created by C, and the Go tasks that
// C has seen.
func (l *Loop) CTasks() int {
	if !l.lock() {
		return 0
	}
	defer l.mu.Unlock()
	return int(C.aw_loop_all_tasks(l.c, nil, 0))
}

// Run creates a loop and runs fn as its first task. When fn has ended, Run cancels every remaining task,
// waits for them, and closes the loop. It returns fn's outcome. Cancelling ctx cancels fn. asyncio.run.
func Run[T any](ctx context.Context, fn func(ctx context.Context) (T, error), opts ...Option) (T, error) {
	var none T
	l, err := New(opts...)
	if err != nil {
		return none, err
	}
	main := Spawn(l.Attach(ctx), fn)
	<-main.Done()
	value, err := main.Result()
	l.Shutdown(context.Background())
	return value, err
}

// RunBlocking runs fn on a separate goroutine, for work that blocks or computes. The other tasks continue,
// even if tasks run one at a time, and the virtual clock does not advance meanwhile. fn can't be stopped; a
// cancelled future is done at once and drops fn's value. asyncio.to_thread, loop.run_in_executor.
func RunBlocking[T any](ctx context.Context, fn func() (T, error)) *Future[T] {
	f := NewFuture[T](ctx)
	l := f.l
	if l == nil {
		return f
	}
	l.hold(1)
	go func() {
		value, err := protect(ctx, func(context.Context) (T, error) { return fn() })
		f.finish(value, err, false)
		l.hold(-1)
	}()
	return f
}

func (l *Loop) hold(by int) {
	if l.serial && l.lock() {
		l.held += by
		l.unlock()
	}
}

// Sleep suspends the caller for d on the loop's clock; 0 or less lets other ready tasks run once.
// asyncio.sleep.
func Sleep(ctx context.Context, d time.Duration) error {
	l, _ := from(ctx)
	if l == nil {
		return ErrNoLoop
	}
	if err := contextErr(ctx); err != nil {
		return err
	}
	w, err := l.newWaiter(ctx)
	if err != nil {
		return err
	}
	w.request = C.awgo_request{kind: C.AW_OP_SLEEP, offset: C.int64_t(d)}
	return l.await(w).err
}
