// SPDX-License-Identifier: MIT

// An HTTP server in Go on the loopback, whose handlers await libawait's tasks, queues and subprocesses, while
// Go's poller stays in control: libawait is its guest. Clients put load on it for AWAIT_LOAD_SECONDS. Then it
// compares what went in with what came out, and looks for leaks. Prints its figures and a closing line.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	await "github.com/libawait/libawait/bindings/go"
)

const clients = 16

type counters struct{ sent, answered, tasks, ended, queued, taken, started, exited atomic.Int64 }

var (
	count          counters
	passed, failed int
)

func check(what string, good bool, details ...any) {
	if good {
		passed++
		return
	}
	failed++
	fmt.Println(append([]any{"failed:", what}, details...)...)
}

func must(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		fmt.Printf("%d passed, %d failed\n", passed, failed+1)
		os.Exit(1)
	}
}

// job is what a handler puts into the queue, for a worker to answer.
type job struct {
	number int
	answer *await.Future[int]
}

// --- the server ---

type server struct {
	loop *await.Loop
	jobs *await.Queue[job]
}

// ctx is the request's, so that a client that goes away cancels what its handler awaits.
func (s *server) handler(body func(ctx context.Context, n int) (int, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		answer, err := body(s.loop.Attach(r.Context()), n)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, answer)
	}
}

func (s *server) task(ctx context.Context, n int) (int, error) {
	half := func(ctx context.Context) (int, error) {
		count.tasks.Add(1)
		defer count.ended.Add(1)
		return n, await.Sleep(ctx, time.Duration(n%3)*time.Millisecond)
	}
	halves, err := await.Gather(ctx, await.Spawn(ctx, half), await.Spawn(ctx, half)).Await(ctx)
	if err != nil {
		return 0, err
	}
	return halves[0] + halves[1], nil
}

func (s *server) queue(ctx context.Context, n int) (int, error) {
	one := job{n, await.NewFuture[int](ctx)}
	if err := s.jobs.Put(ctx, one); err != nil {
		return 0, err
	}
	count.queued.Add(1)
	return await.WaitFor(ctx, one.answer, 30*time.Second)
}

func (s *server) worker(ctx context.Context) error {
	for {
		one, err := s.jobs.Get(ctx)
		if err != nil {
			return err
		}
		count.taken.Add(1)
		if err := one.answer.SetResult(2 * one.number); err != nil {
			return err
		}
		if err := s.jobs.TaskDone(); err != nil {
			return err
		}
	}
}

func (s *server) process(ctx context.Context, n int) (int, error) {
	process, err := await.Exec(ctx, &await.ProcessOptions{Stdout: await.Pipe}, "echo", strconv.Itoa(2*n))
	if err != nil {
		return 0, err
	}
	defer process.Close()
	count.started.Add(1)
	if _, err := await.WaitFor(ctx, process.Communicate(nil), 30*time.Second); err != nil {
		return 0, err
	}
	count.exited.Add(1)
	output, err := process.Output(1)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(output)))
}

// --- the load ---

func load(base string, until time.Time, number int) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 30 * time.Second}
	for n := number; time.Now().Before(until); n++ {
		path := "/task"
		switch {
		case n%50 == 0:
			path = "/process"
		case n%2 == 0:
			path = "/queue"
		}
		count.sent.Add(1)
		response, err := client.Get(fmt.Sprintf("%s%s?n=%d", base, path, n))
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return err
		}
		if string(body) != strconv.Itoa(2*n) {
			return fmt.Errorf("%s: %d gave %q", path, n, body)
		}
		count.answered.Add(1)
	}
	return nil
}

// --- what the process has ---

func entries(folder string) int {
	list, err := os.ReadDir(folder)
	must(err)
	return len(list)
}

func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	must(err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	must(err)
	return pages * os.Getpagesize() >> 20
}

// beat tells the worst delay of one that wants to run every five milliseconds.
func beat(sleep func(time.Duration) error, stop <-chan struct{}) (worst time.Duration) {
	for {
		select {
		case <-stop:
			return worst
		default:
		}
		began := time.Now()
		if sleep(5*time.Millisecond) != nil {
			return worst
		}
		if late := time.Since(began) - 5*time.Millisecond; late > worst {
			worst = late
		}
	}
}

func serve(seconds time.Duration) {
	loop, err := await.New()
	must(err)
	ctx := loop.Attach(context.Background())
	jobs, err := await.NewQueue[job](ctx, 32)
	must(err)
	s := &server{loop, jobs}
	for i := 0; i < 4; i++ {
		await.Go(ctx, s.worker)
	}
	mux := http.NewServeMux()
	mux.Handle("/task", s.handler(s.task))
	mux.Handle("/queue", s.handler(s.queue))
	mux.Handle("/process", s.handler(s.process))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	httpServer := &http.Server{Handler: mux}
	go httpServer.Serve(listener)

	stop := make(chan struct{})
	worst := make(chan time.Duration, 2)
	go func() { worst <- beat(func(d time.Duration) error { return await.Sleep(ctx, d) }, stop) }()
	go func() { worst <- beat(func(d time.Duration) error { time.Sleep(d); return nil }, stop) }()

	began := time.Now()
	half := make(chan [2]int, 1)
	time.AfterFunc(seconds/2, func() { half <- [2]int{resident(), entries("/proc/self/task")} })
	var running sync.WaitGroup
	errs := make(chan error, clients)
	for i := 0; i < clients; i++ {
		i := i
		running.Add(1)
		go func() {
			defer running.Done()
			errs <- load("http://"+listener.Addr().String(), began.Add(seconds), i*1000)
		}()
	}
	running.Wait()
	took := time.Since(began)
	middle := <-half
	threads, memory := entries("/proc/self/task"), resident()
	close(stop)
	slowest := [2]time.Duration{<-worst, <-worst}
	close(errs)
	for err := range errs {
		check("every request is answered rightly", err == nil, err)
	}
	must(jobs.Join(ctx))
	must(httpServer.Shutdown(ctx))
	must(loop.Shutdown(context.Background()))

	fmt.Printf("backend %s, %d clients, %.1f s: %d requests (%.0f a second), %d tasks, %d items, %d processes\n", loop.Backend(), clients,
		took.Seconds(), count.answered.Load(), float64(count.answered.Load())/took.Seconds(), count.ended.Load(), count.taken.Load(), count.exited.Load())
	fmt.Printf("worst heartbeats %v and %v late; %d threads, %d at half time; %d MiB, %d at half time\n", slowest[0], slowest[1], threads, middle[1],
		memory, middle[0])
	check("requests sent and answered", count.sent.Load() == count.answered.Load() && count.sent.Load() > 0, count.sent.Load(), count.answered.Load())
	check("tasks begun and ended", count.tasks.Load() == count.ended.Load(), count.tasks.Load(), count.ended.Load())
	check("items put and got", count.queued.Load() == count.taken.Load(), count.queued.Load(), count.taken.Load())
	check("children started and reaped", count.started.Load() == count.exited.Load(), count.started.Load(), count.exited.Load())
	// Generous: a machine that others load, too.
	check("no heartbeat was blocked", slowest[0] < time.Second && slowest[1] < time.Second, slowest)
	check("no thread waits for each client", threads < runtime.GOMAXPROCS(0)+16, threads)
	check("memory is stable", memory < middle[0]+64, memory, middle[0])
}

func main() {
	seconds := 2.0
	if text := os.Getenv("AWAIT_LOAD_SECONDS"); text != "" {
		var err error
		seconds, err = strconv.ParseFloat(text, 64)
		must(err)
	}
	// A first look, so that what Go makes once is not counted as a leak.
	warm, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	warm.Close()
	handles, descriptors, goroutines := await.LiveHandles(), entries("/proc/self/fd"), runtime.NumGoroutine()
	serve(time.Duration(seconds * float64(time.Second)))
	left := func() bool {
		return await.LiveHandles() > handles || entries("/proc/self/fd") > descriptors || runtime.NumGoroutine() > goroutines
	}
	for end := time.Now().Add(20 * time.Second); left() && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		runtime.GC()
	}
	check("nothing is left behind", !left(), await.LiveHandles()-handles, "handles", entries("/proc/self/fd")-descriptors, "descriptors",
		runtime.NumGoroutine()-goroutines, "goroutines")
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
