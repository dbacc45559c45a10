// SPDX-License-Identifier: MIT
// The work of the C programs with goroutines. Prints samples as bench.c does with --raw. With --million: the memory of as many sleepers.
package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const batch = 1000

func oneByOne(count int) {
	done := make(chan struct{})
	for i := 0; i < count; i++ {
		go func() { done <- struct{}{} }()
		<-done
	}
}

func atOnce(count int) {
	var all sync.WaitGroup
	for i := 0; i < count; i += batch {
		all.Add(batch)
		for j := 0; j < batch; j++ {
			go all.Done()
		}
		all.Wait()
	}
}

// Two goroutines that do nothing but give their turn away.
func turns(count int) {
	var all sync.WaitGroup
	for i := 0; i < 2; i++ {
		all.Add(1)
		go func() {
			for j := 0; j < count/2; j++ {
				runtime.Gosched()
			}
			all.Done()
		}()
	}
	all.Wait()
}

func resident() int {
	text, _ := os.ReadFile("/proc/self/status")
	sum := 0
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "VmRSS:") || strings.HasPrefix(line, "VmPTE:") {
			number, _ := strconv.Atoi(strings.Fields(line)[1])
			sum += number * 1024
		}
	}
	return sum
}

// Items through a channel.
func handOver(size int) func(int) {
	return func(count int) {
		items := make(chan int, size)
		go func() {
			for i := 0; i < count; i++ {
				items <- i
			}
		}()
		for i := 0; i < count; i++ {
			<-items
		}
	}
}

// A worker locked to its thread, which does nothing for each job.
func startWorker(size int) chan<- chan<- struct{} {
	jobs := make(chan chan<- struct{}, size)
	go func() {
		runtime.LockOSThread()
		for answer := range jobs {
			answer <- struct{}{}
		}
	}()
	return jobs
}

func jobsOneByOne(count int) {
	jobs, answer := startWorker(1), make(chan struct{}, 1)
	for i := 0; i < count; i++ {
		jobs <- answer
		<-answer
	}
	close(jobs)
}

func jobsAtOnce(count int) {
	jobs, answers := startWorker(batch), make(chan struct{}, batch)
	for done := 0; done < count; done += batch {
		for i := 0; i < batch; i++ {
			jobs <- answers
		}
		for i := 0; i < batch; i++ {
			<-answers
		}
	}
	close(jobs)
}

// Two goroutines, each locked to its thread, that wake each other in turn.
func pingPong(count int) {
	there, back := make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		for range there {
			back <- struct{}{}
		}
	}()
	runtime.LockOSThread()
	for i := 0; i < count/2; i++ {
		there <- struct{}{}
		<-back
	}
	runtime.UnlockOSThread()
	close(there)
}

const (
	timers = 10000
	spread = 20 * time.Millisecond
)

var paused time.Duration

func delays() []time.Duration {
	random := rand.New(rand.NewSource(1))
	all := make([]time.Duration, timers)
	for i := range all {
		all[i] = time.Millisecond + time.Duration(random.Int63n(int64(spread)))
	}
	return all
}

// The timers fire on other threads as well, unless GOMAXPROCS is 1; while this one sleeps, in a system call.
func timersFire(count int) {
	var left sync.WaitGroup
	left.Add(count)
	for _, delay := range delays()[:count] {
		time.AfterFunc(delay, left.Done)
	}
	began := time.Now()
	syscall.Nanosleep(&syscall.Timespec{Nsec: int64(spread + 4*time.Millisecond)}, nil)
	paused += time.Since(began)
	left.Wait()
}

func timersCancel(count int) {
	began, all := time.Now(), delays()
	waiting := make([]*time.Timer, timers)
	for i, delay := range all {
		waiting[i] = time.AfterFunc(100*time.Second+delay*1000, func() {})
	}
	paused += time.Since(began)
	for i := 0; i < count; i++ {
		time.AfterFunc(100*time.Second+all[i%timers]*1000, func() {}).Stop()
		if i%100 == 99 {
			runtime.Gosched()
		}
	}
	began = time.Now()
	for _, timer := range waiting {
		timer.Stop()
	}
	paused += time.Since(began)
}

var input = make([]byte, 1<<20)

// All of the input through a child, which two goroutines feed and read.
func communicate(count int) {
	for i := 0; i < count; i++ {
		var output bytes.Buffer
		cat := exec.Command("/bin/cat")
		cat.Stdin, cat.Stdout, cat.Stderr = bytes.NewReader(input), &output, os.Stderr
		if err := cat.Run(); err != nil || !bytes.Equal(output.Bytes(), input) {
			panic("cat")
		}
	}
}

func sleepers(work string, count int) {
	debug.FreeOSMemory()
	before := resident()
	for i := 0; i < count; i++ {
		go time.Sleep(time.Hour)
	}
	for runtime.NumGoroutine() <= count {
		runtime.Gosched()
	}
	time.Sleep(10 * time.Millisecond)
	fmt.Printf("%s\tGo, a goroutine in time.Sleep\t%.3f\n", work, float64(resident()-before)/float64(count))
}

func main() {
	rounds, divisor := 15, 1
	for i := range input {
		input[i] = byte(i * 31)
	}
	for i, arg := range os.Args {
		if arg == "--rounds" && i+1 < len(os.Args) {
			rounds, _ = strconv.Atoi(os.Args[i+1])
		}
		if arg == "--quick" {
			divisor = 20
		}
		if arg == "--million" {
			sleepers("memory of a sleeping task, of 1,000,000, bytes", 1000000)
			return
		}
	}
	works := []struct {
		workload string
		run      func(int)
		count    int
	}{
		{"a task spawned and joined, one by one", oneByOne, 200000},
		{"a task spawned and joined, 1,000 at once", atOnce, 200000},
		{"a task's turn given away", turns, 200000},
		{"an item through a queue of 1", handOver(1), 200000},
		{"an item through a queue of 1,000", handOver(1000), 200000},
		{"a timer set and fired, 10,000 at once", timersFire, timers},
		{"a timer set and cancelled, 10,000 waiting", timersCancel, 500000},
		{"a job in a thread, one by one", jobsOneByOne, 20000},
		{"a job in a thread, 1,000 at once", jobsAtOnce, 100000},
		{"a loop woken by another thread's", pingPong, 20000},
		{"1 MiB through cat", communicate, 20},
	}
	for round := -1; round < rounds; round++ {
		for _, procs := range []int{1, runtime.NumCPU()} {
			runtime.GOMAXPROCS(procs)
			for _, one := range works {
				count := one.count
				if count != timers {
					count = max(count/divisor, 1)
				}
				paused = 0
				began := time.Now()
				one.run(count)
				took := float64((time.Since(began) - paused).Nanoseconds()) / float64(count)
				if round >= 0 {
					fmt.Printf("%s\tGo, GOMAXPROCS=%d\t%.3f\n", one.workload, procs, took)
				}
			}
		}
	}
	sleepers("memory of a sleeping task, bytes", 10000)
}
