// SPDX-License-Identifier: MIT

package await_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	await "github.com/libawait/libawait/bindings/go"
	"github.com/libawait/libawait/bindings/go/internal/ctasks"
)

func virtual() bool { return os.Getenv("AWAIT_BACKEND") == "virtual" }

// inLoop runs body as the first task of a new loop, and looks for what it has left behind.
func inLoop(t *testing.T, body func(ctx context.Context), opts ...await.Option) {
	t.Helper()
	settle(t, func() {
		_, err := await.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
			body(ctx)
			return struct{}{}, nil
		}, opts...)
		if err != nil {
			t.Fatal(err)
		}
	})
}

// settle runs body, and fails if handles, values or goroutines are left when the collector has run.
func settle(t *testing.T, body func()) {
	t.Helper()
	handles, values, goroutines := await.LiveHandles(), await.KeptValues(), runtime.NumGoroutine()
	body()
	var left string
	// Finalisers run some time after a collection; nothing else tells when.
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		runtime.GC()
		left = ""
		if n := await.LiveHandles() - handles; n > 0 {
			left += fmt.Sprintf(" %d handles", n)
		}
		if n := await.KeptValues() - values; n > 0 {
			left += fmt.Sprintf(" %d values", n)
		}
		if n := runtime.NumGoroutine() - goroutines; n > 0 {
			left += fmt.Sprintf(" %d goroutines", n)
		}
		if left == "" {
			return
		}
		time.Sleep(time.Millisecond)
	}
	buffer := make([]byte, 1<<20)
	t.Errorf("left behind:%s\n%s", left, buffer[:runtime.Stack(buffer, true)])
}

func is(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%v is no %v", err, target)
	}
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// --- errors ---

func TestErrorsCompareWithTheStandardOnes(t *testing.T) {
	is(t, await.ErrCancelled, context.Canceled)
	is(t, await.ErrTimeout, context.DeadlineExceeded)
	is(t, await.ErrTimeout, os.ErrDeadlineExceeded)
	is(t, await.ErrPending, context.DeadlineExceeded)
	if errors.Is(await.ErrPending, await.ErrTimeout) || !await.ErrPending.Timeout() {
		t.Error("a wait that timed out is not distinguished from a task's timeout, or is not a timeout")
	}
	is(t, await.ErrStopIteration, io.EOF)
	is(t, fmt.Errorf("around: %w", await.ErrQueueEmpty), await.ErrQueueEmpty)
	if errors.Is(await.ErrQueueEmpty, await.ErrQueueFull) || errors.Is(await.ErrQueueFull, context.Canceled) {
		t.Error("different errors are the same")
	}
	err := error(&await.Error{Status: -int(syscall.ENOENT)})
	is(t, err, os.ErrNotExist)
	is(t, err, syscall.ENOENT)
	var errno syscall.Errno
	if !errors.As(err, &errno) || errno != syscall.ENOENT {
		t.Error("no errno in it")
	}
	equal(t, err.(*await.Error).Name(), "ENOENT")
	equal(t, await.ErrQueueEmpty.Name(), "AW_EQUEUEEMPTY")
	if await.ErrQueueEmpty.Error() == "" || !await.ErrTimeout.Timeout() {
		t.Error("no text, or not a timeout")
	}
}

func TestSystemErrorsAreErrnos(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		_, err := await.Read(ctx, 1<<20, make([]byte, 8))
		is(t, err, syscall.EBADF)
		_, err = await.Exec(ctx, nil, "/nowhere/to/be/found")
		is(t, err, os.ErrNotExist)
		_, err = await.NewBarrier(ctx, 0)
		is(t, err, syscall.EINVAL)
	})
	_, err := await.New(await.WithBackend("nosuch"))
	is(t, err, await.ErrNoBackend)
	if !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("%v does not say which", err)
	}
}

type ownError struct{ n int }

func (e *ownError) Error() string { return fmt.Sprint("own ", e.n) }

func TestAGoErrorComesBackOutOfCAsItself(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		own := &ownError{7}
		task := await.Go(ctx, func(ctx context.Context) error {
			must(await.Sleep(ctx, time.Millisecond))
			return own
		})
		_, err := await.Gather(ctx, task).Await(ctx)
		if err != error(own) {
			t.Errorf("gather gave %v", err)
		}
		var follower *await.Future[int]
		must(l.Do(func(loop unsafe.Pointer) {
			p, err := await.NewFuture[int](ctx).Pointer()
			must(err)
			ctasks.Release(p)
			p, err = task.Pointer()
			must(err)
			c := ctasks.Follow(loop, p)
			follower = await.FromC(l, c, func(raw unsafe.Pointer) (int, error) { return int(uintptr(raw)), nil })
			ctasks.Release(c)
		}))
		_, err = follower.Await(ctx)
		if err != error(own) {
			t.Errorf("a C task gave %v", err)
		}
		err = await.Group(ctx, func(ctx context.Context, g *await.TaskGroup) error {
			g.Go(func(context.Context) error { return own })
			g.Go(func(ctx context.Context) error { return await.Sleep(ctx, time.Hour) })
			return nil
		})
		var group *await.GroupError
		var as *ownError
		if !errors.As(err, &group) || len(group.Errors) != 1 || !errors.As(err, &as) || as != own || !errors.Is(err, own) {
			t.Errorf("a group gave %v", err)
		}
	})
}

func TestAPanicFailsItsTaskAlone(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		_, err := await.Spawn(ctx, func(context.Context) (int, error) { panic(&ownError{1}) }).Await(ctx)
		var panicked *await.PanicError
		if !errors.As(err, &panicked) || !strings.Contains(string(panicked.Stack), "await_test") {
			t.Errorf("%v", err)
		}
		var own *ownError
		if !errors.As(err, &own) {
			t.Error("the value is lost")
		}
	})
}

func TestFailuresNobodyLooksAtAreReported(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		reports := make(chan await.Report, 4)
		must(await.LoopOf(ctx).SetExceptionHandler(func(r await.Report) { reports <- r }))
		own := &ownError{3}
		must(await.LoopOf(ctx).ReportException("look here", own))
		r := <-wait(ctx, reports)
		if r.Err != error(own) || r.Message != "look here" {
			t.Errorf("%v", r)
		}
		func() {
			task := await.Go(ctx, func(context.Context) error { return own })
			<-wait(ctx, task.Done())
		}()
		got := make(chan await.Report, 1)
		stop := make(chan struct{})
		go func() {
			defer close(got)
			for {
				select {
				case r := <-reports:
					got <- r
					return
				case <-stop:
					return
				default:
					runtime.GC()
					time.Sleep(time.Millisecond)
				}
			}
		}()
		r = <-wait(ctx, got)
		close(stop)
		if r.Err != error(own) || !strings.HasPrefix(r.Message, "Task exception was never retrieved: Task-") {
			t.Errorf("%v", r)
		}
		must(await.LoopOf(ctx).SetExceptionHandler(nil))
	})
}

// wait hands a channel's next value on without keeping the turn where tasks are serial.
func wait[C ~<-chan T | ~chan T, T any](ctx context.Context, from C) <-chan T {
	out := make(chan T, 1)
	f := await.RunBlocking(ctx, func() (T, error) {
		v := <-from
		return v, nil
	})
	v, _ := f.Await(ctx)
	out <- v
	return out
}

// --- C tasks and goroutines ---

func TestACTaskAwaitsAGoroutine(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		task := await.Spawn(ctx, func(ctx context.Context) (int, error) { return 41, await.Sleep(ctx, time.Millisecond) })
		var follower *await.Future[int]
		must(l.Do(func(loop unsafe.Pointer) {
			p, err := task.Pointer()
			must(err)
			c := ctasks.Follow(loop, p)
			follower = await.FromC(l, c, func(raw unsafe.Pointer) (int, error) { return int(uintptr(raw)), nil })
			ctasks.Release(c)
		}))
		value, err := follower.Await(ctx)
		must(err)
		equal(t, value, 42)
	})
}

func TestACancellationInCWaitsForTheGoroutine(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		var cleaned atomic.Bool
		began, err := await.NewEvent(ctx)
		must(err)
		task := await.Go(ctx, func(ctx context.Context) error {
			must(began.Set())
			err := await.Sleep(ctx, time.Hour)
			must(await.Sleep(await.WithoutCancel(ctx), 20*time.Millisecond))
			cleaned.Store(true)
			return err
		})
		must(began.Wait(ctx))
		var follower *await.Future[int]
		var c unsafe.Pointer
		must(l.Do(func(loop unsafe.Pointer) {
			p, err := task.Pointer()
			must(err)
			c = ctasks.Follow(loop, p)
			follower = await.FromC(l, c, func(unsafe.Pointer) (int, error) { return 0, nil })
		}))
		must(await.Sleep(ctx, 5*time.Millisecond))
		must(l.Do(func(unsafe.Pointer) {
			ctasks.Cancel(c)
			ctasks.Release(c)
		}))
		_, err = follower.Await(ctx)
		is(t, err, context.Canceled)
		if !cleaned.Load() {
			t.Error("the C task ended before its goroutine")
		}
		equal(t, task.Cancelled(), true)
	})
}

func TestAGoroutineCancelsACTask(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		var nap *await.Future[int]
		must(l.Do(func(loop unsafe.Pointer) {
			c := ctasks.Nap(loop, time.Hour)
			nap = await.FromC(l, c, func(unsafe.Pointer) (int, error) { return 0, nil })
			ctasks.Release(c)
		}))
		limited, cancel := await.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		_, err := nap.Await(limited)
		is(t, err, context.DeadlineExceeded)
		equal(t, nap.Cancelled(), true)
		is(t, nap.SetResult(1), os.ErrPermission)
	})
}

func TestItemsPassThroughACTask(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		queue, err := await.NewQueue[*ownError](ctx, 0)
		must(err)
		var over *await.Future[int]
		must(l.Do(func(loop unsafe.Pointer) {
			c := ctasks.TurnOver(loop, queue.Pointer())
			over = await.FromC(l, c, func(unsafe.Pointer) (int, error) { return 0, nil })
			ctasks.Release(c)
		}))
		item := &ownError{5}
		must(queue.Put(ctx, item))
		_, err = over.Await(ctx)
		must(err)
		got, err := queue.Get(ctx)
		must(err)
		equal(t, got, item)
	})
}

func TestAnIteratorOfCsIsRead(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		var it *await.Iterator[int]
		must(l.Do(func(loop unsafe.Pointer) {
			c := ctasks.Count(loop)
			it = await.IteratorFromC(l, c, func(raw unsafe.Pointer) (int, error) { return int(uintptr(raw)), nil })
			ctasks.ReleaseIterator(c)
		}))
		for want := 1; want <= 3; want++ {
			n, err := it.Next(ctx)
			must(err)
			equal(t, n, want)
		}
		_, err := it.Next(ctx)
		is(t, err, io.EOF)
	})
}

// --- cancellation ---

func TestAwaitWaitsForTheAcknowledgement(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		var ended atomic.Bool
		task := await.Spawn(ctx, func(ctx context.Context) (int, error) {
			err := await.Sleep(ctx, time.Hour)
			is(t, err, context.Canceled)
			must(await.Sleep(await.WithoutCancel(ctx), 20*time.Millisecond))
			ended.Store(true)
			return 7, nil // swallowed
		})
		value, err := await.WaitFor(ctx, task, 5*time.Millisecond)
		must(err)
		equal(t, value, 7)
		equal(t, ended.Load(), true)
		equal(t, task.Cancelled(), false)
		equal(t, task.Task().Cancelling(), 1)
	})
}

func TestACancellationSparesWhatIsAwaitedWithoutIt(t *testing.T) {
	for _, options := range [][]await.Option{nil, {await.WithSerialTasks()}} {
		inLoop(t, func(ctx context.Context) {
			began, err := await.NewEvent(ctx)
			must(err)
			task := await.Spawn(ctx, func(ctx context.Context) (int, error) {
				must(began.Set())
				return 1, await.Sleep(await.WithoutCancel(ctx), 20*time.Millisecond)
			})
			must(began.Wait(ctx))
			must(await.Sleep(ctx, time.Millisecond))
			equal(t, task.Cancel(), true)
			value, err := task.Await(ctx)
			must(err)
			equal(t, value, 1)
		}, options...)
	}
}

func TestATaskCancelledBeforeItsStartNeverRuns(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		own, cancel := context.WithCancel(ctx)
		cancel()
		task := await.Go(own, func(context.Context) error { t.Error("it ran"); return nil })
		_, err := task.Await(ctx)
		is(t, err, context.Canceled)
		equal(t, task.Cancelled(), true)
	})
}

func TestEveryWaitCanBeCancelled(t *testing.T) {
	pipe := func() (r, w int) {
		var fds [2]int
		must(syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK))
		return fds[0], fds[1]
	}
	waits := map[string]func(ctx, outside context.Context) error{
		"sleep": func(ctx, _ context.Context) error { return await.Sleep(ctx, time.Hour) },
		"future": func(ctx, outside context.Context) error {
			_, err := await.NewFuture[int](outside).Await(ctx)
			return err
		},
		"task": func(ctx, outside context.Context) error {
			_, err := await.Go(outside, func(ctx context.Context) error { return await.Sleep(ctx, time.Hour) }).Await(ctx)
			return err
		},
		"gather": func(ctx, outside context.Context) error {
			_, err := await.Gather(outside, await.NewFuture[int](outside), await.NewFuture[int](outside)).Await(ctx)
			return err
		},
		"shield": func(ctx, outside context.Context) error {
			inner := await.NewFuture[int](outside)
			_, err := await.Shield(inner).Await(ctx)
			if inner.IsDone() {
				return errors.New("the shield let it through")
			}
			inner.Cancel()
			return err
		},
		"wait": func(ctx, outside context.Context) error {
			inner := await.NewFuture[int](outside)
			_, _, err := await.Wait(ctx, await.AllCompleted, await.Forever, inner)
			if inner.IsDone() {
				return errors.New("wait cancels what it waits for")
			}
			inner.Cancel()
			return err
		},
		"as completed": func(ctx, outside context.Context) error {
			inner := await.NewFuture[int](outside)
			it, err := await.AsCompleted(outside, await.Forever, inner)
			must(err)
			_, err = it.Next(ctx)
			must(inner.SetResult(1))
			got, again := it.Next(outside)
			must(again)
			equal(t, got, inner)
			it.Close()
			return err
		},
		"group": func(ctx, _ context.Context) error {
			return await.Group(ctx, func(ctx context.Context, g *await.TaskGroup) error {
				g.Go(func(ctx context.Context) error { return await.Sleep(ctx, time.Hour) })
				return nil
			})
		},
		"group's body": func(ctx, _ context.Context) error {
			return await.Group(ctx, func(ctx context.Context, g *await.TaskGroup) error { return await.Sleep(ctx, time.Hour) })
		},
		"lock": func(ctx, outside context.Context) error {
			lock, err := await.NewLock(outside)
			must(err)
			must(lock.Acquire(outside))
			err = lock.Acquire(ctx)
			must(lock.Release())
			equal(t, lock.Locked(), false)
			return err
		},
		"event": func(ctx, outside context.Context) error {
			event, err := await.NewEvent(outside)
			must(err)
			return event.Wait(ctx)
		},
		"condition": func(ctx, outside context.Context) error {
			condition, err := await.NewCondition(outside, nil)
			must(err)
			must(condition.Lock().Acquire(outside))
			err = condition.WaitFor(ctx, func() bool { return false })
			equal(t, condition.Lock().Locked(), true)
			must(condition.Lock().Release())
			return err
		},
		"semaphore": func(ctx, outside context.Context) error {
			semaphore, err := await.NewSemaphore(outside, 0)
			must(err)
			err = semaphore.Acquire(ctx)
			must(semaphore.Release())
			equal(t, semaphore.Value(), 1)
			return err
		},
		"barrier": func(ctx, outside context.Context) error {
			barrier, err := await.NewBarrier(outside, 2)
			must(err)
			_, err = barrier.Wait(ctx)
			equal(t, barrier.Waiting(), 0)
			equal(t, barrier.Broken(), false)
			return err
		},
		"get": func(ctx, outside context.Context) error {
			queue, err := await.NewQueue[int](outside, 1)
			must(err)
			_, err = queue.Get(ctx)
			must(queue.Put(outside, 1))
			equal(t, queue.Len(), 1)
			return err
		},
		"put": func(ctx, outside context.Context) error {
			queue, err := await.NewQueue[int](outside, 1)
			must(err)
			must(queue.Put(outside, 1))
			err = queue.Put(ctx, 2)
			_, getErr := queue.Get(outside)
			must(getErr)
			equal(t, queue.Len(), 0)
			return err
		},
		"join": func(ctx, outside context.Context) error {
			queue, err := await.NewQueue[int](outside, 0)
			must(err)
			must(queue.PutNowait(1))
			return queue.Join(ctx)
		},
		"read": func(ctx, outside context.Context) error {
			r, w := pipe()
			defer syscall.Close(r)
			defer syscall.Close(w)
			_, err := await.Read(ctx, r, make([]byte, 8))
			// Nothing was eaten.
			n, werr := await.Write(outside, w, []byte("abc"))
			must(werr)
			equal(t, n, 3)
			p := make([]byte, 8)
			n, rerr := await.Read(outside, r, p)
			must(rerr)
			equal(t, string(p[:n]), "abc")
			return err
		},
		"poll": func(ctx, _ context.Context) error {
			r, w := pipe()
			defer syscall.Close(r)
			defer syscall.Close(w)
			_, err := await.Poll(ctx, r, await.PollIn)
			return err
		},
		"process": func(ctx, outside context.Context) error {
			process, err := await.Exec(outside, nil, "sleep", "500")
			must(err)
			_, err = process.Wait().Await(ctx)
			must(process.Kill())
			code, werr := process.Wait().Await(outside)
			must(werr)
			equal(t, code, -9)
			return err
		},
	}
	for name, body := range waits {
		body := body
		t.Run(name, func(t *testing.T) {
			inLoop(t, func(ctx context.Context) {
				limited, cancel := await.WithTimeout(ctx, 5*time.Millisecond)
				defer cancel()
				is(t, body(limited, ctx), context.DeadlineExceeded)
				own, stop := context.WithCancel(ctx)
				task := await.Go(ctx, func(ctx context.Context) error {
					must(await.Sleep(ctx, 5*time.Millisecond))
					stop()
					return nil
				})
				is(t, body(own, ctx), context.Canceled)
				_, err := task.Await(ctx)
				must(err)
			})
		})
	}
}

// Getters are cancelled while items come: each item arrives, once.
func TestCancelledGetsLoseNothing(t *testing.T) {
	const items = 3000
	inLoop(t, func(ctx context.Context) {
		queue, err := await.NewQueue[int](ctx, 3)
		must(err)
		var mu sync.Mutex
		seen := make([]int, items)
		left := items
		var getters []*await.Future[struct{}]
		for g := 0; g < 8; g++ {
			g := g
			getters = append(getters, await.Go(ctx, func(ctx context.Context) error {
				for n := 0; ; n++ {
					limited, cancel := context.WithCancel(ctx)
					stopper := await.Go(ctx, func(ctx context.Context) error {
						if (n+g)%3 > 0 {
							must(await.Sleep(ctx, time.Duration((n*7+g)%5)*10*time.Microsecond))
							cancel()
						}
						return nil
					})
					item, err := queue.Get(limited)
					_, serr := stopper.Await(ctx)
					must(serr)
					cancel()
					if errors.Is(err, await.ErrQueueShutDown) {
						return nil
					}
					if errors.Is(err, context.Canceled) {
						continue
					}
					must(err)
					mu.Lock()
					seen[item]++
					left--
					if left == 0 {
						must(queue.Shutdown(false))
					}
					mu.Unlock()
				}
			}))
		}
		for i, tries := 0, 0; i < items; tries++ {
			limited, cancel := await.WithTimeout(ctx, time.Duration(tries%4)*20*time.Microsecond)
			if err := queue.Put(limited, i); err == nil {
				i++
			} else {
				is(t, err, context.DeadlineExceeded)
			}
			cancel()
		}
		_, err = await.Gather(ctx, getters...).Await(ctx)
		must(err)
		for item, times := range seen {
			if times != 1 {
				t.Fatalf("item %d came %d times", item, times)
			}
		}
	})
}

// --- closing ---

func TestCloseEndsWhatIsPending(t *testing.T) {
	settle(t, func() {
		l, err := await.New()
		must(err)
		ctx := l.Attach(context.Background())
		var ended sync.WaitGroup
		var mu sync.Mutex
		var outcomes []error
		ends := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			outcomes = append(outcomes, err)
			ended.Done()
		}
		queue, err := await.NewQueue[int](ctx, 0)
		must(err)
		lock, err := await.NewLock(ctx)
		must(err)
		must(lock.Acquire(ctx))
		process, err := await.Exec(ctx, nil, "sleep", "500")
		must(err)
		var fds [2]int
		must(syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK))
		defer syscall.Close(fds[0])
		defer syscall.Close(fds[1])
		started := make(chan struct{}, 8)
		for _, body := range []func() error{
			func() error { return await.Sleep(ctx, time.Hour) },
			func() error { _, err := queue.Get(ctx); return err },
			func() error { return lock.Acquire(ctx) },
			func() error { _, err := process.Wait().Await(ctx); return err },
			func() error { _, err := await.Read(ctx, fds[0], make([]byte, 1)); return err },
			func() error { _, err := await.NewFuture[int](ctx).Await(ctx); return err },
			func() error {
				return await.Group(ctx, func(ctx context.Context, g *await.TaskGroup) error {
					g.Go(func(ctx context.Context) error { return await.Sleep(ctx, time.Hour) })
					return nil
				})
			},
			func() error {
				_, err := await.Gather(ctx, await.NewFuture[int](ctx)).Await(ctx)
				return err
			},
		} {
			body := body
			ended.Add(1)
			go func() {
				started <- struct{}{}
				ends(body())
			}()
		}
		for i := 0; i < cap(started); i++ {
			<-started
		}
		_, err = l.CallLater(time.Hour, func() { t.Error("called") })
		must(err)
		task := await.Go(ctx, func(ctx context.Context) error { return await.Sleep(ctx, time.Hour) })
		must(l.Close())
		must(l.Close())
		ended.Wait()
		for _, err := range outcomes {
			if !errors.Is(err, await.ErrLoopClosed) && !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		}
		<-task.Done()
		is(t, queue.PutNowait(1), await.ErrLoopClosed)
		is(t, await.Sleep(ctx, 1), await.ErrLoopClosed)
		_, err = await.Spawn(ctx, func(context.Context) (int, error) { return 1, nil }).Await(ctx)
		is(t, err, await.ErrLoopClosed)
		_, err = l.CallSoon(func() {})
		is(t, err, await.ErrLoopClosed)
		if err := syscall.Kill(process.Pid(), 0); err != syscall.ESRCH {
			t.Errorf("the child lives: %v", err)
		}
	})
}

func TestShutdownWaitsForTheTasks(t *testing.T) {
	settle(t, func() {
		l, err := await.New()
		must(err)
		ctx := l.Attach(context.Background())
		began := make(chan struct{})
		var cleaned atomic.Bool
		await.Go(ctx, func(ctx context.Context) error {
			close(began)
			err := await.Sleep(ctx, time.Hour)
			must(await.Sleep(await.WithoutCancel(ctx), 10*time.Millisecond))
			cleaned.Store(true)
			return err
		})
		<-began
		must(l.Shutdown(context.Background()))
		equal(t, cleaned.Load(), true)
		equal(t, l.IsClosed(), true)

		l, err = await.New()
		must(err)
		ctx = l.Attach(context.Background())
		stuck := make(chan struct{})
		began = make(chan struct{})
		await.Go(ctx, func(context.Context) error {
			close(began)
			<-stuck
			return nil
		})
		<-began
		limited, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		if virtual() {
			close(stuck) // its goroutine waits for the task
			must(l.Shutdown(context.Background()))
			return
		}
		is(t, l.Shutdown(limited), context.DeadlineExceeded)
		close(stuck)
	})
}

// --- misuse ---

func TestMisuseIsAnError(t *testing.T) {
	bare := context.Background()
	is(t, await.Sleep(bare, 0), await.ErrNoLoop)
	_, err := await.Spawn(bare, func(context.Context) (int, error) { return 1, nil }).Await(bare)
	is(t, err, await.ErrNoLoop)
	_, err = await.NewLock(bare)
	is(t, err, await.ErrNoLoop)
	_, err = await.Gather[int](bare).Await(bare)
	is(t, err, await.ErrNoLoop)
	inLoop(t, func(ctx context.Context) {
		var self *await.Future[int]
		ready, err := await.NewEvent(ctx)
		must(err)
		self = await.Spawn(ctx, func(ctx context.Context) (int, error) {
			must(ready.Wait(ctx))
			return self.Await(ctx)
		})
		must(ready.Set())
		_, err = self.Await(ctx)
		var own *await.Error
		if !errors.As(err, &own) || own.Name() != "AW_ESELFAWAIT" {
			t.Errorf("%v", err)
		}
		f := await.NewFuture[int](ctx)
		_, err = f.Result()
		is(t, err, await.ErrInvalidState)
		must(f.SetResult(1))
		is(t, f.SetResult(2), await.ErrInvalidState)
		equal(t, f.Cancel(), false)
		is(t, self.SetResult(1), os.ErrPermission)
		_, _, err = await.Wait[*await.Future[int]](ctx, await.AllCompleted, await.Forever)
		is(t, err, syscall.EINVAL)

		other, err := await.New()
		must(err)
		defer other.Close()
		foreign := await.NewFuture[int](other.Attach(context.Background()))
		_, err = foreign.Await(ctx)
		is(t, err, await.ErrForeignLoop)
		_, err = await.Gather(ctx, foreign).Await(ctx)
		is(t, err, await.ErrForeignLoop)
	})
}

// --- tasks ---

func TestTasksRunInParallel(t *testing.T) {
	if virtual() {
		return
	}
	inLoop(t, func(ctx context.Context) {
		a, b := make(chan int), make(chan int)
		one := await.Go(ctx, func(context.Context) error { a <- <-b; return nil })
		two := await.Go(ctx, func(context.Context) error { b <- 1; <-a; return nil })
		_, err := await.Gather(ctx, one, two).Await(ctx)
		must(err)
	})
}

func TestSerialTasksHaveTheirDataToThemselves(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		counter := 0 // the race detector watches
		var tasks []*await.Future[struct{}]
		for i := 0; i < 20; i++ {
			tasks = append(tasks, await.Go(ctx, func(ctx context.Context) error {
				for j := 0; j < 20; j++ {
					counter++
					if err := await.Sleep(ctx, 0); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		_, err := await.Gather(ctx, tasks...).Await(ctx)
		must(err)
		equal(t, counter, 400)
	}, await.WithSerialTasks())
}

func TestNamesAndLists(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		first := await.CurrentTask(ctx)
		equal(t, first.Name(), "Task-1")
		second := await.Go(ctx, func(ctx context.Context) error { return await.Sleep(ctx, time.Hour) })
		second.Task().SetName("second")
		tasks := l.AllTasks()
		equal(t, len(tasks), 2)
		equal(t, tasks[1].Name(), "second")
		r, w, err := os.Pipe()
		must(err)
		must(l.PrintTasks(w, false))
		must(l.PrintTasks(w, true))
		w.Close()
		text, err := io.ReadAll(r)
		must(err)
		r.Close()
		if !strings.Contains(string(text), "second") || !strings.Contains(string(text), "Task-1") {
			t.Errorf("%s", text)
		}
		equal(t, l.CTasks() >= 2, true)
		equal(t, second.Cancel(), true)
		_, err = second.Await(ctx)
		is(t, err, context.Canceled)
	})
}

func TestTheEndOfATaskLeavesItsChildrenAlone(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		var child *await.Future[struct{}]
		parent := await.Go(ctx, func(ctx context.Context) error {
			child = await.Go(ctx, func(ctx context.Context) error { return await.Sleep(ctx, 10*time.Millisecond) })
			return nil
		})
		_, err := parent.Await(ctx)
		must(err)
		_, err = child.Await(ctx)
		must(err)
	})
}

func TestAGroupWaitsAndCancels(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		var g *await.TaskGroup
		var cancelled atomic.Bool
		err := await.Group(ctx, func(ctx context.Context, inner *await.TaskGroup) error {
			g = inner
			g.Go(func(ctx context.Context) error {
				must(await.Sleep(ctx, time.Millisecond))
				return &ownError{1}
			})
			g.Go(func(ctx context.Context) error {
				err := await.Sleep(ctx, time.Hour)
				cancelled.Store(errors.Is(err, context.Canceled))
				return err
			})
			return await.Sleep(ctx, time.Hour) // the failure ends the body too
		})
		var group *await.GroupError
		if !errors.As(err, &group) || len(group.Errors) != 1 {
			t.Errorf("%v", err)
		}
		equal(t, cancelled.Load(), true)
		_, err = g.Go(func(context.Context) error { t.Error("it ran"); return nil }).Await(ctx)
		is(t, err, await.ErrInvalidState)
		// A failure of the body, and a panic in it.
		own := &ownError{2}
		err = await.Group(ctx, func(ctx context.Context, g *await.TaskGroup) error {
			g.Go(func(ctx context.Context) error { return await.Sleep(ctx, time.Hour) })
			return own
		})
		is(t, err, own)
		err = await.Group(ctx, func(context.Context, *await.TaskGroup) error { panic("oh") })
		var panicked *await.PanicError
		if !errors.As(err, &panicked) {
			t.Errorf("%v", err)
		}
		must(await.Group(ctx, func(context.Context, *await.TaskGroup) error { return nil }))
	})
}

// --- callbacks ---

func TestCallbacks(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		var order []string
		done := await.NewFuture[struct{}](ctx)
		for _, word := range []string{"one", "two"} {
			word := word
			_, err := l.CallSoon(func() { order = append(order, word) })
			must(err)
		}
		never, err := l.CallLater(time.Millisecond, func() { order = append(order, "never") })
		must(err)
		never.Cancel()
		equal(t, never.Cancelled(), true)
		at, err := l.CallAt(l.Time()+20*time.Millisecond, func() { must(done.SetResult(struct{}{})) })
		must(err)
		later, err := l.CallLater(5*time.Millisecond, func() { order = append(order, "three") })
		must(err)
		if at.When() <= later.When() {
			t.Error("the deadlines are wrong")
		}
		if when, ok := l.Deadline(); !ok || when > at.When() {
			t.Error("no deadline")
		}
		_, err = done.Await(ctx)
		must(err)
		equal(t, strings.Join(order, " "), "one two three")
		reports := make(chan await.Report, 1)
		must(l.SetExceptionHandler(func(r await.Report) { reports <- r }))
		_, err = l.CallSoon(func() { panic("oh") })
		must(err)
		r := <-wait(ctx, reports)
		var panicked *await.PanicError
		if !errors.As(r.Err, &panicked) {
			t.Errorf("%v", r)
		}
	})
}

func TestSignals(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		queue, err := await.NewQueue[int](ctx, 0)
		must(err)
		must(l.OnSignal(syscall.SIGUSR1, func() { must(queue.PutNowait(1)) }))
		is(t, l.OnSignal(syscall.SIGKILL, func() {}), syscall.EINVAL)
		for i := 0; i < 3; i++ {
			must(syscall.Kill(os.Getpid(), syscall.SIGUSR1))
			_, err := queue.Get(ctx)
			must(err)
		}
		equal(t, l.RemoveSignal(syscall.SIGUSR1), true)
		equal(t, l.RemoveSignal(syscall.SIGUSR1), false)
	})
}

// --- queues ---

func TestQueues(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		least, err := await.NewPriorityQueue(ctx, 0, func(a, b string) bool { return len(a) < len(b) })
		must(err)
		newest, err := await.NewLifoQueue[string](ctx, 0)
		must(err)
		for _, word := range []string{"three", "a", "of", "b"} {
			must(least.Put(ctx, word))
			must(newest.Put(ctx, word))
		}
		for _, want := range [][2]string{{"a", "b"}, {"b", "of"}, {"of", "a"}, {"three", "three"}} {
			one, err := least.Get(ctx)
			must(err)
			two, err := newest.Get(ctx)
			must(err)
			equal(t, [2]string{one, two}, want)
		}
		queue, err := await.NewQueue[any](ctx, 2)
		must(err)
		equal(t, queue.Cap(), 2)
		must(queue.Put(ctx, nil))
		must(queue.Put(ctx, 2))
		equal(t, queue.Full(), true)
		getter := await.Spawn(ctx, func(ctx context.Context) (any, error) {
			for {
				if _, err := queue.Get(ctx); err != nil {
					return nil, err
				}
			}
		})
		must(await.Sleep(ctx, time.Millisecond))
		must(queue.Put(ctx, 3))
		must(queue.Shutdown(false))
		_, err = getter.Await(ctx)
		is(t, err, await.ErrQueueShutDown)
		is(t, queue.Put(ctx, 4), await.ErrQueueShutDown)
		// What is left in a queue goes with it, and what waits for room comes out again.
		left, err := await.NewQueue[[]byte](ctx, 1)
		must(err)
		must(left.Put(ctx, make([]byte, 10)))
		putter := await.Go(ctx, func(ctx context.Context) error { return left.Put(ctx, nil) })
		must(await.Sleep(ctx, time.Millisecond))
		must(left.Shutdown(true))
		_, err = putter.Await(ctx)
		is(t, err, await.ErrQueueShutDown)
		equal(t, left.Len(), 0)
	})
}

func TestABarrierBreaks(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		barrier, err := await.NewBarrier(ctx, 2)
		must(err)
		waiter := await.Spawn(ctx, barrier.Wait)
		for barrier.Waiting() == 0 {
			must(await.Sleep(ctx, time.Millisecond))
		}
		must(barrier.Abort(ctx))
		_, err = waiter.Await(ctx)
		is(t, err, await.ErrBrokenBarrier)
		equal(t, barrier.Broken(), true)
		must(barrier.Reset(ctx))
		equal(t, barrier.Broken(), false)
		equal(t, barrier.Parties(), 2)
	})
}

// --- descriptors ---

func TestSockets(t *testing.T) {
	for name, listen := range map[string]func() (int, syscall.Sockaddr){
		"inet": func() (int, syscall.Sockaddr) {
			fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
			must(err)
			must(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
			address, err := syscall.Getsockname(fd)
			must(err)
			return fd, address
		},
		"unix": func() (int, syscall.Sockaddr) {
			fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
			must(err)
			address := &syscall.SockaddrUnix{Name: t.TempDir() + "/socket"}
			must(syscall.Bind(fd, address))
			return fd, address
		},
		"abstract": func() (int, syscall.Sockaddr) {
			fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
			must(err)
			address := &syscall.SockaddrUnix{Name: fmt.Sprintf("@libawait-%d", os.Getpid())}
			must(syscall.Bind(fd, address))
			return fd, address
		},
	} {
		listen := listen
		t.Run(name, func(t *testing.T) {
			inLoop(t, func(ctx context.Context) {
				fd, address := listen()
				defer syscall.Close(fd)
				must(syscall.Listen(fd, 8))
				payload := bytes.Repeat([]byte("0123456789"), 50000)
				server := await.Go(ctx, func(ctx context.Context) error {
					connection, err := await.Accept(ctx, fd)
					if err != nil {
						return err
					}
					if err := await.SendAll(ctx, connection, payload); err != nil {
						return err
					}
					return await.CloseFd(ctx, connection)
				})
				family := syscall.AF_UNIX
				if name == "inet" {
					family = syscall.AF_INET
				}
				client, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
				must(err)
				defer syscall.Close(client)
				must(await.Connect(ctx, client, address))
				var got []byte
				p := make([]byte, 4096)
				for {
					n, err := await.Recv(ctx, client, p, 0)
					must(err)
					if n == 0 {
						break
					}
					got = append(got, p[:n]...)
				}
				_, err = server.Await(ctx)
				must(err)
				equal(t, bytes.Equal(got, payload), true)
				is(t, await.Connect(ctx, client, nil), syscall.EAFNOSUPPORT)
			})
		})
	}
}

func TestFiles(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		file, err := os.CreateTemp(t.TempDir(), "")
		must(err)
		defer file.Close()
		fd := int(file.Fd())
		n, err := await.WriteAt(ctx, fd, []byte("hello"), 3)
		must(err)
		equal(t, n, 5)
		must(await.Fsync(ctx, fd))
		p := make([]byte, 16)
		n, err = await.ReadAt(ctx, fd, p, 4)
		must(err)
		equal(t, string(p[:n]), "ello")
		r, w, err := os.Pipe()
		must(err)
		defer r.Close()
		ready := await.FdReady(ctx, int(r.Fd()), await.PollIn)
		_, err = w.WriteString("x")
		must(err)
		w.Close()
		events, err := ready.Await(ctx)
		must(err)
		equal(t, events&await.PollIn, await.PollIn)
	})
}

// --- processes ---

func TestProcesses(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		directory := t.TempDir()
		options := await.ProcessOptions{Stdin: await.Pipe, Stdout: await.Pipe, Stderr: await.ToStdout, Dir: directory,
			Env: []string{"WORD=hello", "PATH=" + os.Getenv("PATH")}, Flags: await.ProcessGroup}
		process, err := await.Shell(ctx, &options, `cat; echo "$WORD"; pwd >&2`)
		must(err)
		_, err = process.ReturnCode()
		is(t, err, await.ErrInvalidState)
		code, err := process.Communicate([]byte("input ")).Await(ctx)
		must(err)
		equal(t, code, 0)
		output, err := process.Output(1)
		must(err)
		equal(t, string(output), "input hello\n"+directory+"\n")
		_, err = process.Output(2)
		is(t, err, await.ErrInvalidState)

		for _, end := range []struct {
			call func(p *await.Process) error
			code int
		}{
			{(*await.Process).Terminate, -15},
			{(*await.Process).Kill, -9},
			{func(p *await.Process) error { return p.Signal(syscall.SIGINT) }, -2},
			{(*await.Process).Close, -9},
		} {
			process, err := await.Exec(ctx, nil, "sleep", "500")
			must(err)
			must(end.call(process))
			code, err := process.WaitClosed().Await(ctx)
			must(err)
			equal(t, code, end.code)
			is(t, process.Kill(), syscall.ESRCH)
		}

		// One of os/exec's, adopted.
		command := exec.Command("sh", "-c", "exit 5")
		must(command.Start())
		adopted, err := await.Adopt(ctx, command.Process.Pid, 0)
		must(err)
		code, err = adopted.Wait().Await(ctx)
		must(err)
		equal(t, code, 5)
		must(command.Process.Release())

		// A pipe taken over is Go's.
		process, err = await.Exec(ctx, &await.ProcessOptions{Stdout: await.Pipe}, "echo", "taken")
		must(err)
		pipe, err := process.TakePipe(1)
		must(err)
		text, err := io.ReadAll(pipe)
		must(err)
		must(pipe.Close())
		equal(t, string(text), "taken\n")
		_, err = process.Wait().Await(ctx)
		must(err)

		// A communicate that was cut short keeps what was read.
		process, err = await.Shell(ctx, &await.ProcessOptions{Stdout: await.Pipe}, "echo one; sleep 0.2; echo two")
		must(err)
		_, err = await.WaitFor(ctx, process.Communicate(nil), 50*time.Millisecond)
		is(t, err, context.DeadlineExceeded)
		_, err = process.Communicate(nil).Await(ctx)
		must(err)
		output, err = process.Output(1)
		must(err)
		equal(t, string(output), "one\ntwo\n")
	})
}

// --- time ---

func TestTheVirtualClockJumps(t *testing.T) {
	began := time.Now()
	_, err := await.Run(context.Background(), func(ctx context.Context) (int, error) {
		start := await.LoopOf(ctx).Time()
		var tasks []*await.Future[struct{}]
		for i := 0; i < 10; i++ {
			i := i
			tasks = append(tasks, await.Go(ctx, func(ctx context.Context) error {
				for j := 0; j < 10; j++ {
					must(await.Sleep(ctx, time.Duration(i+1)*time.Minute))
				}
				return nil
			}))
		}
		_, err := await.Gather(ctx, tasks...).Await(ctx)
		must(err)
		equal(t, await.LoopOf(ctx).Time()-start, 100*time.Minute)
		// The clock stands still while a blocking function runs.
		start = await.LoopOf(ctx).Time()
		long := await.Go(ctx, func(ctx context.Context) error { return await.Sleep(ctx, time.Hour) })
		_, err = await.RunBlocking(ctx, func() (int, error) {
			time.Sleep(20 * time.Millisecond)
			return 1, nil
		}).Await(ctx)
		must(err)
		if passed := await.LoopOf(ctx).Time() - start; passed > time.Second {
			t.Errorf("%v passed", passed)
		}
		long.Cancel()
		// A limit on this clock, seen through a context of the standard library's.
		limited, cancel := await.WithTimeout(ctx, time.Hour)
		defer cancel()
		inner, stop := context.WithCancel(limited)
		defer stop()
		err = await.Sleep(inner, 2*time.Hour)
		is(t, err, context.DeadlineExceeded)
		<-inner.Done()
		is(t, inner.Err(), context.DeadlineExceeded)
		equal(t, await.LoopOf(ctx).Time()-start, time.Hour)
		return 0, nil
	}, await.WithBackend("virtual"))
	must(err)
	if took := time.Since(began); took > time.Minute {
		t.Errorf("%v", took)
	}
}

// --- what there is ---

func TestBackends(t *testing.T) {
	backends, err := await.Backends()
	must(err)
	found := false
	for _, b := range backends {
		if b.Name == "epoll" {
			found = b.Class == "A" && b.Origin == "built in" && b.Err == nil && b.Description != ""
		}
	}
	equal(t, found, true)
	text, err := await.ExplainBackend("nothing,epoll")
	must(err)
	if !strings.Contains(text, "epoll") || await.Version() == "" || await.VersionNumber() < 100 {
		t.Errorf("%s", text)
	}
	_, err = await.ExplainBackend("nothing")
	is(t, err, await.ErrNoBackend)
}

func TestDebugMode(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		equal(t, l.Debug(), true)
		must(l.SetSlowCallbackDuration(time.Hour))
		must(l.SetStackSize(64 << 10))
		must(l.SetDebug(false))
		equal(t, l.Debug(), false)
	}, await.WithDebug(), await.WithSeed(1))
}

// A guest blocks no thread: a thousand goroutines that wait need no more than one does.
func TestNoThreadIsBlocked(t *testing.T) {
	if virtual() {
		return
	}
	threads := func() int {
		entries, err := os.ReadDir("/proc/self/task")
		must(err)
		return len(entries)
	}
	inLoop(t, func(ctx context.Context) {
		before := threads()
		queue, err := await.NewQueue[int](ctx, 0)
		must(err)
		var tasks []*await.Future[int]
		for i := 0; i < 1000; i++ {
			tasks = append(tasks, await.Spawn(ctx, queue.Get))
		}
		must(await.Sleep(ctx, 20*time.Millisecond))
		if more := threads() - before; more > 16 {
			t.Errorf("%d threads more", more)
		}
		for i := range tasks {
			must(queue.Put(ctx, i))
		}
		_, err = await.Gather(ctx, tasks...).Await(ctx)
		must(err)
	})
}

// Goroutines that a task starts itself are not tasks: with serial tasks they don't take its turn.
func TestGoroutinesOfOneTask(t *testing.T) {
	for _, options := range [][]await.Option{nil, {await.WithSerialTasks()}} {
		inLoop(t, func(task context.Context) {
			ctx := await.LoopOf(task).Attach(task)
			var all sync.WaitGroup
			for i := 0; i < 50; i++ {
				f := await.NewFuture[int](ctx)
				all.Add(2)
				go func() {
					defer all.Done()
					_, err := f.Await(ctx)
					must(err)
				}()
				go func() {
					defer all.Done()
					must(await.Sleep(ctx, 0))
					must(f.SetResult(1))
				}()
			}
			_, err := await.RunBlocking(task, func() (int, error) { all.Wait(); return 1, nil }).Await(task)
			must(err)
		}, options...)
	}
}

// More ends at once than one turn brings.
func TestManyEndAtOnce(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		const pipes = 500
		var tasks []*await.Future[struct{}]
		var writers []int
		for i := 0; i < pipes; i++ {
			var fds [2]int
			must(syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK))
			defer syscall.Close(fds[0])
			defer syscall.Close(fds[1])
			writers = append(writers, fds[1])
			tasks = append(tasks, await.Go(ctx, func(ctx context.Context) error {
				_, err := await.Read(ctx, fds[0], make([]byte, 1))
				return err
			}))
		}
		must(await.Sleep(ctx, 10*time.Millisecond))
		for _, fd := range writers {
			_, err := syscall.Write(fd, []byte("x"))
			must(err)
		}
		_, err := await.Gather(ctx, tasks...).Await(ctx)
		must(err)
		event, err := await.NewEvent(ctx)
		must(err)
		tasks = nil
		for i := 0; i < pipes; i++ {
			tasks = append(tasks, await.Go(ctx, event.Wait))
		}
		must(await.Sleep(ctx, 10*time.Millisecond))
		must(event.Set())
		_, err = await.Gather(ctx, tasks...).Await(ctx)
		must(err)
	})
}

func TestAHandlerThatFailsHarmsNobody(t *testing.T) {
	inLoop(t, func(ctx context.Context) {
		l := await.LoopOf(ctx)
		called := make(chan struct{}, 1)
		must(l.SetExceptionHandler(func(await.Report) { called <- struct{}{}; panic("the handler's own, which goes to stderr") }))
		must(l.ReportException("first", nil))
		<-wait(ctx, called)
		must(await.Sleep(ctx, time.Millisecond))
	})
}
