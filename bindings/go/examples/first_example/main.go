// SPDX-License-Identifier: MIT

// Four shell commands at once, each with a two-second timeout.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	await "github.com/libawait/libawait/bindings/go"
)

func singleProcess(ctx context.Context, command string) error {
	options := await.ProcessOptions{Stdout: await.Pipe, Stderr: await.Pipe, Flags: await.ProcessGroup}
	process, err := await.Shell(ctx, &options, command)
	if err != nil {
		return err
	}
	defer process.Close()
	_, err = await.WaitFor(ctx, process.Communicate(nil), 2*time.Second)
	if errors.Is(err, context.DeadlineExceeded) {
		fmt.Println(command, "timeout")
		return nil
	}
	fmt.Println(command, "complete")
	return err
}

func runAll(ctx context.Context) ([]struct{}, error) {
	var tasks []*await.Future[struct{}]
	for _, command := range []string{"sleep 1 && echo hello", "sleep 1.5", "echo world", "sleep 500"} {
		command := command
		tasks = append(tasks, await.Go(ctx, func(ctx context.Context) error { return singleProcess(ctx, command) }))
	}
	return await.Gather(ctx, tasks...).Await(ctx)
}

func main() {
	if _, err := await.Run(context.Background(), runAll); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
