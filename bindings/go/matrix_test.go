// SPDX-License-Identifier: MIT

package await_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	await "github.com/libawait/libawait/bindings/go"
)

// The documents' cases as Go writes them, on the backend of AWAIT_BACKEND, held against what CPython printed. Tasks run one at a time, so
// that the order of the lines is asyncio's.

type stage struct {
	mu    sync.Mutex
	text  strings.Builder
	loop  *await.Loop
	began time.Duration
}

func (s *stage) print(words ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(&s.text, words...)
}

// stamp is the whole seconds since the start, on the loop's clock.
func (s *stage) stamp() string {
	return fmt.Sprintf("t=%d", int((s.loop.Time()-s.began).Round(time.Second)/time.Second))
}

// list prints as Python does.
func list(items ...string) string { return "['" + strings.Join(items, "', '") + "']" }

func truth(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "value"
	case errors.Is(err, context.DeadlineExceeded):
		return "TimeoutError"
	case errors.Is(err, context.Canceled):
		return "CancelledError"
	}
	return err.Error()
}

type run struct {
	name string
	real bool // it needs time or threads outside the loop
	play func(ctx context.Context, s *stage) error
}

const unit = 50 * time.Millisecond

func sleepThen[T any](ctx context.Context, d time.Duration, value T) *await.Future[T] {
	return await.Spawn(ctx, func(ctx context.Context) (T, error) { return value, await.Sleep(ctx, d) })
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

var matrix = []run{
	{"s000_01_subprocess_timeout", false, func(ctx context.Context, s *stage) error {
		var tasks []*await.Future[struct{}]
		for _, command := range []string{"sleep 1 && echo hello", "sleep 1.5", "echo world", "sleep 500"} {
			command := command
			tasks = append(tasks, await.Go(ctx, func(ctx context.Context) error {
				options := await.ProcessOptions{Stdout: await.Pipe, Stderr: await.Pipe, Flags: await.ProcessGroup}
				process, err := await.Shell(ctx, &options, command)
				if err != nil {
					return err
				}
				defer process.Close()
				if _, err := await.WaitFor(ctx, process.Communicate(nil), 2*time.Second); err == nil {
					s.print(command, "complete")
				} else if errors.Is(err, context.DeadlineExceeded) {
					s.print(command, "timeout")
				} else {
					return err
				}
				return nil
			}))
		}
		_, err := await.Gather(ctx, tasks...).Await(ctx)
		return err
	}},
	{"s000_03_say_after_sequential", false, func(ctx context.Context, s *stage) error {
		s.print("started at", s.stamp())
		for i, what := range []string{"hello", "world"} {
			must(await.Sleep(ctx, time.Duration(i+1)*time.Second))
			s.print(what)
		}
		s.print("finished at", s.stamp())
		return nil
	}},
	{"s000_04_say_after_tasks", false, func(ctx context.Context, s *stage) error {
		say := func(after time.Duration, what string) *await.Future[struct{}] {
			return await.Go(ctx, func(ctx context.Context) error {
				must(await.Sleep(ctx, after))
				s.print(what)
				return nil
			})
		}
		a, b := say(time.Second, "hello"), say(2*time.Second, "world")
		s.print("started at", s.stamp())
		for _, task := range []*await.Future[struct{}]{a, b} {
			if _, err := task.Await(ctx); err != nil {
				return err
			}
		}
		s.print("finished at", s.stamp())
		return nil
	}},
	{"s000_05_taskgroup_prose", false, func(ctx context.Context, s *stage) error {
		var a, b *await.Future[string]
		err := await.Group(ctx, func(ctx context.Context, g *await.TaskGroup) error {
			say := func(after time.Duration, what string) *await.Future[string] {
				return await.SpawnIn(g, func(ctx context.Context) (string, error) {
					must(await.Sleep(ctx, after))
					s.print(what)
					return what, nil
				})
			}
			a, b = say(time.Second, "hello"), say(2*time.Second, "world")
			s.print("started at", s.stamp())
			return nil
		})
		hello, _ := a.Result()
		world, _ := b.Result()
		s.print("finished at", s.stamp(), hello, world)
		return err
	}},
	{"s000_06_gather_prose", false, func(ctx context.Context, s *stage) error {
		work := func(name string, d int, fail bool) *await.Future[string] {
			return await.Spawn(ctx, func(ctx context.Context) (string, error) {
				s.print(s.stamp(), name, "start")
				must(await.Sleep(ctx, time.Duration(d)*time.Second))
				if fail {
					s.print(s.stamp(), name, "raise")
					return "", errors.New(name)
				}
				s.print(s.stamp(), name, "end")
				return name, nil
			})
		}
		names, err := await.Gather(ctx, work("a", 2, false), work("b", 1, false)).Await(ctx)
		must(err)
		s.print(list(names...))
		if _, err := await.Gather(ctx, work("c", 1, true), work("d", 2, false)).Await(ctx); err != nil {
			s.print(s.stamp(), "caught", err)
		}
		must(await.Sleep(ctx, 2*time.Second))
		both, err := await.GatherResults(ctx, work("e", 1, true), work("f", 2, false)).Await(ctx)
		must(err)
		s.print(fmt.Sprintf("[ValueError('%v'), '%s']", both[0].Err, both[1].Value))
		return nil
	}},
	{"s000_07_wait_prose", false, func(ctx context.Context, s *stage) error {
		work := func(name string, d int) *await.Future[string] {
			return await.Spawn(ctx, func(ctx context.Context) (string, error) {
				must(await.Sleep(ctx, time.Duration(d)*time.Second))
				s.print(s.stamp(), name)
				return name, nil
			})
		}
		results := func(done []*await.Future[string]) string {
			var names []string
			for _, f := range done {
				name, _ := f.Result()
				names = append(names, name)
			}
			return list(names...)
		}
		done, pending, err := await.Wait(ctx, await.AllCompleted, await.Forever, work("a", 2), work("b", 1))
		must(err)
		if len(pending) == 0 {
			s.print(s.stamp(), results(done), "set()")
		}
		done, pending, err = await.Wait(ctx, await.FirstCompleted, await.Forever, work("c", 2), work("d", 1))
		must(err)
		s.print(s.stamp(), results(done), len(pending))
		done, pending, err = await.Wait(ctx, await.AllCompleted, time.Second/2, pending...)
		must(err)
		s.print(len(done), len(pending))
		_, _, err = await.Wait(ctx, await.AllCompleted, await.Forever, pending...)
		return err
	}},
	{"s001_02_nonblocking", false, func(ctx context.Context, s *stage) error {
		drawn := []int{3, 3, 3, 2, 3, 1, 4, 5, 5} // Python's numbers, in the order in which they were drawn
		var tasks []*await.Future[string]
		for id := 0; id < 3; id++ {
			id := id
			tasks = append(tasks, await.Spawn(ctx, func(ctx context.Context) (string, error) {
				payload := "payload"
				for step := 1; step <= 3; step++ {
					seconds, word := drawn[0], "takes"
					drawn = drawn[1:]
					if step > 1 {
						word = "take"
					}
					s.print(fmt.Sprintf("Task %d step %d, %s %ds", id, step, word, seconds))
					must(await.Sleep(ctx, time.Duration(seconds)*time.Second))
					s.print(fmt.Sprintf("Task %d step %d, done", id, step))
					payload += fmt.Sprint(step)
				}
				return fmt.Sprintf("('%s', %d)", payload, id), nil
			}))
		}
		results, err := await.Gather(ctx, tasks...).Await(ctx)
		s.print("[" + strings.Join(results, ", ") + "]")
		s.print("TIME: " + strings.TrimPrefix(s.stamp(), "t=") + "s")
		return err
	}},
	{"s001_03_future_promise", false, func(ctx context.Context, s *stage) error {
		future := await.NewFuture[string](ctx)
		future.OnDone(func() { s.print("I am callback!") })
		await.Go(ctx, func(ctx context.Context) error {
			must(await.Sleep(ctx, 3*time.Second))
			return future.SetResult("... world")
		})
		s.print("hello ")
		s.print(truth(future.IsDone()))
		world, err := future.Await(ctx)
		s.print(world)
		s.print(truth(future.IsDone()))
		world, _ = future.Result()
		s.print(world)
		return err
	}},
	{"s001_04_shield", false, func(ctx context.Context, s *stage) error {
		task := await.Go(ctx, func(ctx context.Context) error {
			s.print("do_async_job!")
			must(await.Sleep(ctx, 2*time.Second))
			s.print("protect me from cancelling!")
			return nil
		})
		shield := await.Shield(task)
		s.print("shield's type => Future")
		if _, err := await.WaitFor(ctx, shield, time.Second); errors.Is(err, context.DeadlineExceeded) {
			s.print("timeout!")
			s.print("shield canceled:", truth(shield.Cancelled()))
			s.print("task canceled:", truth(task.Cancelled()))
		}
		_, err := task.Await(ctx)
		return err
	}},
	{"s001_08_to_thread_prose", true, func(ctx context.Context, s *stage) error {
		var ticks []string
		blocking := await.RunBlocking(ctx, func() (struct{}, error) {
			time.Sleep(time.Second)
			return struct{}{}, nil
		})
		ticker := await.Go(ctx, func(ctx context.Context) error {
			for i := 0; i < 4; i++ {
				must(await.Sleep(ctx, time.Second/5))
				ticks = append(ticks, fmt.Sprint(i))
			}
			return nil
		})
		_, err := await.Gather(ctx, blocking, ticker).Await(ctx)
		s.print("blocking ran in the main thread: False ticks:", "["+strings.Join(ticks, ", ")+"]")
		s.print(s.stamp())
		return err
	}},
	{"s002_03_as_completed", false, func(ctx context.Context, s *stage) error {
		tasks := func() []*await.Future[string] {
			return []*await.Future[string]{sleepThen(ctx, 600*time.Millisecond, "slow"),
				sleepThen(ctx, 200*time.Millisecond, "fast"), sleepThen(ctx, 400*time.Millisecond, "middle")}
		}
		show := func(limit time.Duration, tasks []*await.Future[string]) {
			it, err := await.AsCompleted(ctx, limit, tasks...)
			must(err)
			for {
				f, err := it.Next(ctx)
				if errors.Is(err, await.ErrStopIteration) {
					return
				}
				if err != nil {
					s.print(outcome(err))
					continue
				}
				name, _ := f.Result()
				s.print(name)
			}
		}
		show(await.Forever, tasks())
		again := tasks()
		show(300*time.Millisecond, again)
		s.print(fmt.Sprintf("[%s, %s, %s]", truth(again[0].IsDone()), truth(again[1].IsDone()), truth(again[2].IsDone())))
		return nil
	}},
	{"s002_04_gather", false, func(ctx context.Context, s *stage) error {
		work := func(name string, tenths int) *await.Future[string] {
			return await.Spawn(ctx, func(ctx context.Context) (string, error) {
				must(await.Sleep(ctx, time.Duration(tenths)*100*time.Millisecond))
				s.print("done", name)
				return name, nil
			})
		}
		names, err := await.Gather(ctx, work("a", 3), work("b", 1), work("c", 2)).Await(ctx)
		s.print(list(names...))
		return err
	}},
	{"s002_05_wait_for", false, func(ctx context.Context, s *stage) error {
		value, err := await.WaitFor(ctx, sleepThen(ctx, 100*time.Millisecond, 0.1), time.Second/2)
		must(err)
		s.print(value)
		_, err = await.WaitFor(ctx, sleepThen(ctx, 5*time.Second, 5.0), time.Second/2)
		s.print(outcome(err))
		return nil
	}},
	{"s002_06_timeout", false, func(ctx context.Context, s *stage) error {
		ready := func(ctx context.Context, d time.Duration) error {
			err := await.Sleep(ctx, d)
			if err != nil {
				s.print("interrupted")
			} else {
				s.print("ready")
			}
			return err
		}
		limited, cancel := await.WithTimeout(ctx, time.Second/2)
		must(ready(limited, 100*time.Millisecond))
		s.print(truth(limited.Err() != nil))
		cancel()
		limited, cancel = await.WithTimeout(ctx, time.Second/2)
		defer cancel()
		err := ready(limited, 5*time.Second)
		s.print(outcome(err), truth(limited.Err() == context.DeadlineExceeded))
		return nil
	}},
	{"s002_07_subprocess", false, func(ctx context.Context, s *stage) error {
		pipes := await.ProcessOptions{Stdout: await.Pipe, Stderr: await.Pipe}
		process, err := await.Shell(ctx, &pipes, "echo out; echo err >&2; exit 3")
		must(err)
		code, err := process.Communicate(nil).Await(ctx)
		must(err)
		stdout, _ := process.Output(1)
		stderr, _ := process.Output(2)
		s.print(fmt.Sprintf("b'%s' b'%s' %d", strings.ReplaceAll(string(stdout), "\n", `\n`), strings.ReplaceAll(string(stderr), "\n", `\n`), code))
		process, err = await.Exec(ctx, &pipes, "printf", "%s-%s", "a.txt", "b.txt")
		must(err)
		code, err = process.Wait().Await(ctx)
		must(err)
		again, err := process.ReturnCode()
		must(err)
		_, err = process.Communicate(nil).Await(ctx)
		stdout, _ = process.Output(1)
		s.print(code, again, fmt.Sprintf("b'%s'", stdout))
		return err
	}},
	{"s003_04_cancel_me", false, func(ctx context.Context, s *stage) error { return cancelMe(ctx, s, 5*time.Second) }},
	{"s003_05_cancel_me_no_sleep", false, func(ctx context.Context, s *stage) error { return cancelMe(ctx, s, -1) }},
	{"s003_06_future", false, func(ctx context.Context, s *stage) error {
		future := await.NewFuture[string](ctx)
		await.Go(ctx, func(ctx context.Context) error {
			must(await.Sleep(ctx, 2*time.Second))
			return future.SetResult("Hello future")
		})
		value, err := future.Await(ctx)
		s.print(value)
		return err
	}},
	{"s003_09_wait_for_plan_b", false, func(ctx context.Context, s *stage) error {
		job := func(n int, d time.Duration) *await.Future[struct{}] {
			return await.Go(ctx, func(ctx context.Context) error {
				if err := await.Sleep(ctx, d); err != nil {
					return err
				}
				s.print("do async job", n)
				return nil
			})
		}
		_, err := await.WaitFor(ctx, job(1, 2*time.Second), time.Second)
		if errors.Is(err, context.DeadlineExceeded) {
			_, err = await.WaitFor(ctx, job(2, time.Second), 2*time.Second)
		}
		return err
	}},
	{"s004_10_callback_prose", false, func(ctx context.Context, s *stage) error {
		ok := await.Spawn(ctx, func(context.Context) (int, error) { return 1, nil })
		bad := await.Spawn(ctx, func(context.Context) (int, error) { return 0, errors.New("ValueError") })
		for _, f := range []struct {
			label string
			*await.Future[int]
		}{{"ok", ok}, {"bad", bad}} {
			f := f
			f.OnDone(func() {
				if value, err := f.Result(); err == nil {
					s.print(f.label, value)
				} else {
					s.print(f.label, "exception")
				}
			})
		}
		s.print("callbacks set")
		_, _, err := await.Wait(ctx, await.AllCompleted, await.Forever, ok, bad)
		return err
	}},
	{"s004_11_flow_of_control_prose", false, func(ctx context.Context, s *stage) error {
		var tasks []*await.Future[struct{}]
		for n := 1; n <= 3; n++ {
			n := n
			tasks = append(tasks, await.Go(ctx, func(ctx context.Context) error {
				s.print(n, "outer before")
				s.print(n, "inner before")
				must(await.Sleep(ctx, 0))
				s.print(n, "inner after")
				s.print(n, "outer after")
				return nil
			}))
		}
		_, err := await.Gather(ctx, tasks...).Await(ctx)
		return err
	}},
	{"trap_Y01", false, func(ctx context.Context, s *stage) error {
		lock, err := await.NewLock(ctx)
		must(err)
		user := func(ctx context.Context, name string) error {
			must(lock.Acquire(ctx))
			defer lock.Release()
			s.print(name)
			return await.Sleep(ctx, 0)
		}
		must(lock.Acquire(ctx))
		a := await.Go(ctx, func(ctx context.Context) error { return user(ctx, "a") })
		b := await.Go(ctx, func(ctx context.Context) error { return user(ctx, "b") })
		must(await.Sleep(ctx, unit))
		must(lock.Release())
		s.print(truth(lock.Locked()))
		must(user(ctx, "new"))
		_, err = await.Gather(ctx, a, b).Await(ctx)
		return err
	}},
	{"trap_Y04", false, func(ctx context.Context, s *stage) error {
		_, err := await.LoopOf(ctx).CallSoon(func() { s.print("tick") })
		must(err)
		lock, err := await.NewLock(ctx)
		must(err)
		semaphore, err := await.NewSemaphore(ctx, 1)
		must(err)
		event, err := await.NewEvent(ctx)
		must(err)
		queue, err := await.NewQueue[int](ctx, 0)
		must(err)
		must(lock.Acquire(ctx))
		must(lock.Release())
		s.print("lock")
		must(semaphore.Acquire(ctx))
		s.print("semaphore")
		must(event.Set())
		must(event.Wait(ctx))
		s.print("event")
		must(queue.Put(ctx, 1))
		item, err := queue.Get(ctx)
		s.print("queue", item)
		must(await.Sleep(ctx, 0))
		return err
	}},
	{"trap_Y06", false, func(ctx context.Context, s *stage) error {
		condition, err := await.NewCondition(ctx, nil)
		must(err)
		lock := condition.Lock()
		if errors.Is(condition.Wait(ctx), os.ErrPermission) {
			s.print("no wait")
		}
		if errors.Is(condition.Notify(1), os.ErrPermission) {
			s.print("no notify")
		}
		var tasks []*await.Future[struct{}]
		for _, name := range []string{"a", "b", "c"} {
			name := name
			tasks = append(tasks, await.Go(ctx, func(ctx context.Context) error {
				must(lock.Acquire(ctx))
				defer lock.Release()
				must(condition.Wait(ctx))
				s.print(name)
				return nil
			}))
		}
		must(await.Sleep(ctx, unit))
		must(lock.Acquire(ctx))
		must(condition.Notify(2))
		must(await.Sleep(ctx, 0))
		s.print("notifier")
		must(lock.Release())
		must(await.Sleep(ctx, unit))
		s.print("all")
		must(lock.Acquire(ctx))
		must(condition.NotifyAll())
		must(lock.Release())
		_, err = await.Gather(ctx, tasks...).Await(ctx)
		return err
	}},
	{"trap_Y11", false, func(ctx context.Context, s *stage) error {
		semaphore, err := await.NewSemaphore(ctx, 1)
		must(err)
		must(semaphore.Release())
		for i := 0; i < 2; i++ {
			must(semaphore.Acquire(ctx))
			s.print(truth(semaphore.Locked()))
		}
		bounded, err := await.NewBoundedSemaphore(ctx, 1)
		must(err)
		if errors.Is(bounded.Release(), syscall.EINVAL) {
			s.print("too many")
		}
		if _, err := await.NewSemaphore(ctx, -1); errors.Is(err, syscall.EINVAL) {
			s.print("negative")
		}
		none, err := await.NewSemaphore(ctx, 0)
		must(err)
		s.print(truth(none.Locked()))
		return nil
	}},
	{"trap_Y13", false, func(ctx context.Context, s *stage) error {
		barrier, err := await.NewBarrier(ctx, 3)
		must(err)
		for _, names := range []string{"abc", "xyz"} {
			var tasks []*await.Future[struct{}]
			for _, name := range names {
				name := string(name)
				tasks = append(tasks, await.Go(ctx, func(ctx context.Context) error {
					order, err := barrier.Wait(ctx)
					s.print(name, order)
					return err
				}))
			}
			_, err := await.Gather(ctx, tasks...).Await(ctx)
			must(err)
			s.print(barrier.Waiting(), truth(barrier.Broken()))
		}
		return nil
	}},
	{"trap_Q03", false, func(ctx context.Context, s *stage) error {
		queue, err := await.NewQueue[string](ctx, 0)
		must(err)
		var tasks []*await.Future[struct{}]
		for _, name := range []string{"a", "b"} {
			name := name
			tasks = append(tasks, await.Go(ctx, func(ctx context.Context) error {
				item, err := queue.Get(ctx)
				s.print(name, "got", item)
				return err
			}))
		}
		must(await.Sleep(ctx, unit))
		must(queue.PutNowait("1"))
		stolen, err := queue.GetNowait()
		must(err)
		s.print("stolen", stolen)
		must(await.Sleep(ctx, unit))
		must(queue.PutNowait("2"))
		must(queue.PutNowait("3"))
		_, err = await.Gather(ctx, tasks...).Await(ctx)
		return err
	}},
	{"trap_Q05", false, func(ctx context.Context, s *stage) error {
		queue, err := await.NewQueue[string](ctx, 2)
		must(err)
		must(queue.Join(ctx))
		s.print("nothing to wait for")
		must(queue.PutNowait("1"))
		must(queue.PutNowait("2"))
		if errors.Is(queue.PutNowait("3"), await.ErrQueueFull) {
			s.print("QueueFull")
		}
		for i := 0; i < 2; i++ {
			_, err := queue.GetNowait()
			must(err)
		}
		if _, err := queue.GetNowait(); errors.Is(err, await.ErrQueueEmpty) {
			s.print("QueueEmpty")
		}
		join := await.Go(ctx, queue.Join)
		for i := 0; i < 2; i++ {
			must(await.Sleep(ctx, unit))
			s.print(truth(queue.Empty()), truth(join.IsDone()))
			must(queue.TaskDone())
		}
		_, err = join.Await(ctx)
		must(err)
		s.print("joined")
		if errors.Is(queue.TaskDone(), syscall.EINVAL) {
			s.print("ValueError")
		}
		return nil
	}},
	{"trap_S06", false, func(ctx context.Context, s *stage) error {
		task := await.Go(ctx, func(ctx context.Context) error {
			s.print("inner+")
			err := await.Sleep(ctx, 9*200*time.Millisecond)
			if err != nil {
				s.print("innerX")
			}
			return err
		})
		outer := await.Go(ctx, func(ctx context.Context) error {
			_, err := await.Shield(task).Await(ctx)
			if err != nil {
				// The context has ended: this wait cancels what it awaits, as the second cancel does in Python.
				_, err = task.Await(ctx)
			}
			return err
		})
		must(await.Sleep(ctx, unit))
		outer.Cancel()
		_, _, err := await.Wait(ctx, await.AllCompleted, await.Forever, outer)
		s.print(truth(task.Cancelled()), truth(outer.Cancelled()))
		return err
	}},
}

func cancelMe(ctx context.Context, s *stage, after time.Duration) error {
	s.print("main(): running")
	task := await.Go(ctx, func(ctx context.Context) error {
		s.print("cancel_me(): sleep")
		defer s.print("cancel_me(): after sleep")
		err := await.Sleep(ctx, time.Hour)
		if err != nil {
			s.print("cancel_me(): cancel sleep")
		}
		return err
	})
	s.print("main(): sleep")
	if after >= 0 {
		must(await.Sleep(ctx, after))
	}
	s.print("main(): call cancel")
	task.Cancel()
	if _, err := task.Await(ctx); errors.Is(err, context.Canceled) {
		s.print("main(): cancel_me is cancelled now")
	}
	return nil
}

func TestMatrix(t *testing.T) {
	cases := filepath.Join("..", "..", "conformance", "cases")
	if _, err := os.Stat(cases); err != nil {
		t.Skip("skipped: the cases are not part of the module: " + err.Error())
	}
	for _, c := range matrix {
		c := c
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			traces, err := filepath.Glob(filepath.Join(cases, "*", c.name+".expected"))
			if err != nil || len(traces) != 1 {
				t.Fatal(c.name, traces, err)
			}
			expected, err := os.ReadFile(traces[0])
			if err != nil {
				t.Fatal(err)
			}
			if c.real && os.Getenv("AWAIT_BACKEND") == "virtual" {
				return // counts what passes outside the loop's clock
			}
			s := &stage{}
			_, err = await.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
				s.loop = await.LoopOf(ctx)
				s.began = s.loop.Time()
				return struct{}{}, c.play(ctx, s)
			}, await.WithSerialTasks())
			if err != nil {
				t.Fatal(err)
			}
			if got := s.text.String(); got != string(expected) {
				t.Errorf("got\n%s\nCPython printed\n%s", got, expected)
			}
		})
	}
}
