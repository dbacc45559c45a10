// SPDX-License-Identifier: MIT

// How a loop is made.

package await

// Option says how a loop is made.
type Option func(*options)

type options struct {
	backend string
	seed    uint64
	debug   bool
	serial  bool
}

// WithBackend names the backend ("epoll", "uring", "uv", "ev", "virtual"), a plug-in's path, or a list of these in order of
// preference. Without it the environment's AWAIT_BACKEND decides, else it is epoll.
func WithBackend(name string) Option { return func(o *options) { o.backend = name } }

// WithSeed is the seed of the virtual backend's order.
func WithSeed(seed uint64) Option { return func(o *options) { o.seed = seed } }

// WithDebug switches debug mode on, as AWAIT_DEBUG=1 does.
func WithDebug() Option { return func(o *options) { o.debug = true } }

// WithSerialTasks has the loop's tasks run one at a time, in the loop's order, as asyncio's do: between two awaits a task has the loop's
// data to itself, and two runs are alike. A task's context is then for its own goroutine: others that it starts by `go` use
// Loop.Attach of it. Without it tasks are ordinary goroutines, which run in parallel. The virtual backend
// implies it, since its clock may move only when every task waits.
func WithSerialTasks() Option { return func(o *options) { o.serial = true } }
