// SPDX-License-Identifier: MIT

// Package await is libawait for Go: asyncio's model of tasks, futures, queues, locks and subprocesses, shared with the C tasks of the same
// process, on goroutines.
//
// A context says which loop a call is for: [Run] and [Loop.Attach] give it, [Spawn] passes it on. What waits takes a context, and when that
// is done, asks what it awaits to end and waits until it has: no item, permit, byte or buffer is lost, and nothing goes on behind the caller's back.
//
//	value, err := await.Run(ctx, func(ctx context.Context) (int, error) {
//		task := await.Spawn(ctx, func(ctx context.Context) (int, error) {
//			return 42, await.Sleep(ctx, time.Second)
//		})
//		return task.Await(ctx)
//	})
//
// The loop is a guest of Go's network poller: while it waits, no thread is blocked. Whoever submits an operation drives the loop in the same
// crossing into C, so that there is no loop thread to be handed to and back from.
package await
