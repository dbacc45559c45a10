// SPDX-License-Identifier: MIT
// spawn.c, and the sleepers of memory.c, with goroutines. Prints samples as bench.c does with --raw.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

const batch = 1000

var tasks = 200 * batch

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

func sleepers(count int) {
	debug.FreeOSMemory()
	before := resident()
	for i := 0; i < count; i++ {
		go time.Sleep(time.Hour)
	}
	for runtime.NumGoroutine() <= count {
		runtime.Gosched()
	}
	time.Sleep(10 * time.Millisecond)
	fmt.Printf("memory of a sleeping task, bytes\tGo, a goroutine in time.Sleep\t%.3f\n", float64(resident()-before)/float64(count))
}

func main() {
	rounds := 15
	for i, arg := range os.Args {
		if arg == "--rounds" && i+1 < len(os.Args) {
			rounds, _ = strconv.Atoi(os.Args[i+1])
		}
		if arg == "--quick" {
			tasks = 10 * batch
		}
	}
	cores := runtime.NumCPU()
	for round := -1; round < rounds; round++ {
		for _, procs := range []int{1, cores} {
			runtime.GOMAXPROCS(procs)
			for _, one := range []struct {
				workload string
				run      func(int)
			}{
				{"a task spawned and joined, one by one", oneByOne},
				{"a task spawned and joined, 1,000 at once", atOnce},
				{"a task's turn given away", turns},
			} {
				began := time.Now()
				one.run(tasks)
				took := float64(time.Since(began).Nanoseconds()) / float64(tasks)
				if round >= 0 {
					fmt.Printf("%s\tGo, GOMAXPROCS=%d\t%.3f\n", one.workload, procs, took)
				}
			}
		}
	}
	sleepers(10000)
}
