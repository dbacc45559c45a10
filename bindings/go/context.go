// SPDX-License-Identifier: MIT

package await

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"sync"
	"time"
)

// The context says which loop a call is for, and which task makes it.
type homeKey struct{}

type home struct {
	l *Loop
	t *Task
}

type attached struct {
	context.Context
	home home
}

func (c *attached) Value(key any) any {
	if key == (homeKey{}) {
		return &c.home
	}
	return c.Context.Value(key)
}

func from(ctx context.Context) (*Loop, *Task) {
	if c, ok := ctx.(*attached); ok {
		return c.home.l, c.home.t
	}
	if h, ok := ctx.Value(homeKey{}).(*home); ok {
		return h.l, h.t
	}
	return nil, nil
}

// Attach returns a context for this loop, for the functions of this package. Use it in a goroutine that is
// not a task of the loop; Run and Spawn pass a context to their functions. Given a task's context, it returns
// one that does not belong to a task.
func (l *Loop) Attach(ctx context.Context) context.Context {
	return &attached{ctx, home{l: l}}
}

// LoopOf returns the loop of ctx, or nil. asyncio.get_running_loop.
func LoopOf(ctx context.Context) *Loop {
	l, _ := from(ctx)
	return l
}

// CurrentTask returns the task whose context ctx is, or nil. asyncio.current_task.
func CurrentTask(ctx context.Context) *Task {
	_, t := from(ctx)
	return t
}

// WithoutCancel returns a context with the values of ctx that is never cancelled: for what a cancelled task
// must still await while it cleans up, and for tasks that must outlive the task that spawns them.
func WithoutCancel(ctx context.Context) context.Context { return detached{ctx} }

type detached struct{ context.Context }

func (detached) Deadline() (time.Time, bool) { return time.Time{}, false }
func (detached) Done() <-chan struct{}       { return nil }
func (detached) Err() error                  { return nil }
func (c detached) Value(key any) any {
	if key == (limitKey{}) {
		return nil
	}
	return c.Context.Value(key)
}

// WithTimeout is context.WithTimeout on the clock of ctx's loop. It differs from the standard one only on the
// virtual backend, whose clock jumps. When the deadline passes, a call that awaits with the context cancels
// what it awaits, waits for it, and fails with context.DeadlineExceeded. asyncio.timeout.
func WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	l, _ := from(ctx)
	if l == nil || !l.blocking {
		return context.WithTimeout(ctx, d)
	}
	return l.newLimit(ctx, d)
}

// limit is a context with a deadline on the loop's clock. It has its own channel, so that contexts derived
// from it end with its error.
type limit struct {
	context.Context
	done chan struct{}
	mu   sync.Mutex
	err  error
}

type limitKey struct{}

func (c *limit) Done() <-chan struct{} { return c.done }

func (c *limit) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return contextErr(c.Context)
	}
	return c.err
}

func (c *limit) Value(key any) any {
	if key == (limitKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func (c *limit) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.done)
	}
}

func (l *Loop) newLimit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	c := &limit{Context: ctx, done: make(chan struct{})}
	request := C.awgo_request{kind: C.AW_OP_SLEEP, offset: C.int64_t(d)}
	var token uint64
	if l.lock() {
		token = l.take(nil, func(r result) {
			if r.status >= 0 {
				c.end(context.DeadlineExceeded)
			}
		})
		request.token = C.uint64_t(token)
		if C.awgo_start(l.shim, &request) < 0 {
			l.give(token)
		}
		l.unlock()
	}
	if parent := ctx.Done(); parent != nil {
		go func() {
			select {
			case <-parent:
				c.end(ctx.Err())
			case <-c.done:
			}
		}()
	}
	return c, func() {
		c.end(context.Canceled)
		if l.lock() {
			if l.holds(token) {
				C.awgo_cancel(l.shim, C.uint64_t(token))
			}
			l.unlock()
		}
	}
}
