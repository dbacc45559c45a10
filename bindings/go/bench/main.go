// SPDX-License-Identifier: MIT

// The workloads of the bindings' benchmark, each beside what Go programs use today. One line a sample: workload, variant, nanoseconds for
// one operation. benchmarks/run builds and calls it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	await "github.com/libawait/libawait/bindings/go"
)

type variant struct {
	name  string
	procs int // GOMAXPROCS; 0: as it is
	run   func(count int)
}

type workload struct {
	name     string
	count    int
	variants []variant
}

var ctx context.Context // of the loop that all of ours run on

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// --- spawn and join: tasks that return at once, each awaited for its value ---

const group = 1000

func spawnOurs(count int) {
	var tasks [group]*await.Future[int]
	for ; count > 0; count -= group {
		for i := range tasks {
			i := i
			tasks[i] = await.Spawn(ctx, func(context.Context) (int, error) { return i, nil })
		}
		for _, task := range tasks {
			_, err := task.Await(ctx)
			must(err)
		}
	}
}

func spawnGo(count int) {
	var results [group]chan int
	for ; count > 0; count -= group {
		for i := range results {
			result := make(chan int, 1)
			results[i] = result
			i := i
			go func() { result <- i }()
		}
		for _, result := range results {
			<-result
		}
	}
}

// --- await to resume: one settles what another awaits, in turn ---

func awaitOurs(count int) {
	futures := make(chan *await.Future[int], 1)
	go func() {
		for future := range futures {
			must(future.SetResult(1))
		}
	}()
	for i := 0; i < count; i++ {
		future := await.NewFuture[int](ctx)
		futures <- future
		_, err := future.Await(ctx)
		must(err)
	}
	close(futures)
}

func awaitGo(count int) {
	promises := make(chan chan int, 1)
	go func() {
		for promise := range promises {
			promise <- 1
		}
	}()
	for i := 0; i < count; i++ {
		promise := make(chan int, 1)
		promises <- promise
		<-promise
	}
	close(promises)
}

// --- queue hand-over: one puts, one gets, room for one item ---

func queueOurs(count int) {
	queue, err := await.NewQueue[int](ctx, 1)
	must(err)
	producer := await.Go(ctx, func(ctx context.Context) error {
		for i := 0; i < count; i++ {
			if err := queue.Put(ctx, i); err != nil {
				return err
			}
		}
		return nil
	})
	for i := 0; i < count; i++ {
		_, err := queue.Get(ctx)
		must(err)
	}
	must(producer.Err())
}

func queueGo(count int) {
	queue := make(chan int, 1)
	go func() {
		for i := 0; i < count; i++ {
			queue <- i
		}
	}()
	for i := 0; i < count; i++ {
		<-queue
	}
}

// --- sleep(0) ---

func sleepOurs(count int) {
	for i := 0; i < count; i++ {
		must(await.Sleep(ctx, 0))
	}
}

func sleepGo(count int) {
	for i := 0; i < count; i++ {
		runtime.Gosched()
	}
}

// --- subprocess ---

func processOurs(count int) {
	for i := 0; i < count; i++ {
		process, err := await.Exec(ctx, nil, "/bin/true")
		must(err)
		_, err = process.Wait().Await(ctx)
		must(err)
	}
}

func processGo(count int) {
	for i := 0; i < count; i++ {
		must(exec.Command("/bin/true").Run())
	}
}

func main() {
	rounds := flag.Int("rounds", 15, "how often each variant is run")
	quick := flag.Bool("quick", false, "one round of a hundredth")
	only := flag.String("only", "", "one workload")
	flag.Parse()
	loop, err := await.New(await.WithBackend("epoll"))
	must(err)
	defer loop.Close()
	ctx = loop.Attach(context.Background())
	all := []workload{
		{"spawn and join", 200000, []variant{
			{"libawait, epoll", 0, spawnOurs},
			{"libawait, epoll, GOMAXPROCS=1", 1, spawnOurs},
			{"goroutine and channel", 0, spawnGo},
			{"goroutine and channel, GOMAXPROCS=1", 1, spawnGo},
		}},
		{"await to resume", 100000, []variant{
			{"libawait, epoll", 0, awaitOurs},
			{"libawait, epoll, GOMAXPROCS=1", 1, awaitOurs},
			{"channel", 0, awaitGo},
			{"channel, GOMAXPROCS=1", 1, awaitGo},
		}},
		{"queue hand-over", 100000, []variant{
			{"libawait, epoll", 0, queueOurs},
			{"libawait, epoll, GOMAXPROCS=1", 1, queueOurs},
			{"channel", 0, queueGo},
			{"channel, GOMAXPROCS=1", 1, queueGo},
		}},
		{"sleep(0)", 100000, []variant{
			{"libawait, epoll", 0, sleepOurs},
			{"libawait, epoll, GOMAXPROCS=1", 1, sleepOurs},
			{"runtime.Gosched", 0, sleepGo},
			{"runtime.Gosched, GOMAXPROCS=1", 1, sleepGo},
		}},
		{"subprocess (/bin/true)", 200, []variant{
			{"libawait, epoll", 0, processOurs},
			{"libawait, epoll, GOMAXPROCS=1", 1, processOurs},
			{"os/exec", 0, processGo},
			{"os/exec, GOMAXPROCS=1", 1, processGo},
		}},
	}
	if *quick {
		*rounds = 1
	}
	procs := runtime.GOMAXPROCS(0)
	for _, w := range all {
		if *only != "" && w.name != *only {
			continue
		}
		if *quick {
			w.count /= 100
		}
		for round := 0; round < *rounds; round++ {
			for _, v := range w.variants {
				if v.procs > 0 {
					runtime.GOMAXPROCS(v.procs)
				}
				began := time.Now()
				v.run(w.count)
				took := time.Since(began)
				runtime.GOMAXPROCS(procs)
				fmt.Printf("%s\t%s\t%.1f\n", w.name, v.name, float64(took.Nanoseconds())/float64(w.count))
			}
		}
	}
}
