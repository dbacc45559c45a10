// SPDX-License-Identifier: MIT

// Options for creating a loop.

package await

// Option is an option of New.
type Option func(*options)

type options struct {
	backend string
	seed    uint64
	debug   bool
	serial  bool
}

// WithBackend names the backend ("epoll", "uring", "uv", "ev", "virtual"), a plug-in's path, or a list of
// these in order of preference. Without it, the environment variable AWAIT_BACKEND decides; the default is
// epoll.
func WithBackend(name string) Option { return func(o *options) { o.backend = name } }

// WithSeed sets the seed of the virtual backend's order.
func WithSeed(seed uint64) Option { return func(o *options) { o.seed = seed } }

// WithDebug switches debug mode on, as AWAIT_DEBUG=1 does.
func WithDebug() Option { return func(o *options) { o.debug = true } }

// WithSerialTasks runs the loop's tasks one at a time, in the loop's order, as asyncio does. Between two
// awaits a task has the loop's data to itself, and two runs are identical. A task's context is then only for
// its own goroutine; goroutines that it starts with `go` must use Loop.Attach of it. Without this option,
// tasks are ordinary goroutines, which run in parallel. The virtual backend implies it, since its clock may
// advance only when every task waits.
func WithSerialTasks() Option { return func(o *options) { o.serial = true } }
