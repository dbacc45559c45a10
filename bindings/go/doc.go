// SPDX-License-Identifier: MIT

// Package await is libawait for Go: asyncio's model of tasks, futures, queues, locks and subprocesses on
// goroutines, shared with the C tasks of the same process.
//
// The context says which loop a call is for: [Run] and [Loop.Attach] create such a context, and [Spawn]
// passes it on. A call that waits takes a context. When the context is done, the call cancels what it awaits
// and waits until that has ended: no item, permit, byte or buffer is lost, and nothing continues in the
// background.
//
//	value, err := await.Run(ctx, func(ctx context.Context) (int, error) {
//		task := await.Spawn(ctx, func(ctx context.Context) (int, error) {
//			return 42, await.Sleep(ctx, time.Second)
//		})
//		return task.Await(ctx)
//	})
//
// The loop is a guest in Go's network poller: while it waits, no thread is blocked. The goroutine that
// submits an operation drives the loop in the same crossing into C, so no hand-over to a loop thread is
// needed.
package await
