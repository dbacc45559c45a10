# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # An event loop. One thread at a time drives it; other threads may call only call_soon_threadsafe, run_coroutine_threadsafe
  # and wakeup.
  class Loop
    class << self
      # @param backend [String, nil] a name or a list of names; nil: the one that AWAIT_BACKEND names, or epoll
      # @param seed [Integer] for the backend "virtual"
      def new(backend = nil, flags: AW_LOOP_DEFAULT, seed: 0) = Libawait.aw_loop_new_with(backend, flags, seed)

      # The loop that runs in this thread, or the loop of the running fiber's scheduler.
      def current = super || Libawait.loop_here || raise(Libawait.exception_for(AW_ENOLOOP))
    end

    # A coroutine that runs the block in a Fiber.
    def coroutine(&) = Libawait.fiber_coroutine(self, &)

    # Starts a task that runs the block in a Fiber. It starts in the next iteration, or at once if it is eager.
    def spawn(name: nil, eager: false, &block)
      task = Libawait.fiber_spawn(self, eager, &block)
      task.set_name(name) if name
      task
    end

    # From any thread: starts a task that runs the block. Returns a {ConcurrentFuture}, which the calling thread may wait for.
    def run_coroutine_threadsafe(&) = Libawait.fiber_submit(self, &)

    # A pending future of this loop.
    def create_future = Libawait.aw_future_new(self)
    # Calls the block after a delay in seconds.
    # @return [Handle]
    def call_later(seconds, &) = super(Libawait.nanoseconds(seconds), &)

    # Waits and dispatches until stop. Other threads can run while it waits.
    def run_forever
      scheduler = Scheduler.of(self)
      return scheduler.run_until_stop if scheduler

      begin
        wait(-1)
        dispatch
      end until take_stop # rubocop:disable Lint/Loop -- as in C: one iteration at least
    ensure
      take_stop
    end

    # Runs until the future is done, and returns its value.
    def run_until_complete(awaitable)
      future = awaitable.is_a?(Coro) ? Libawait.aw_task_spawn_coro(self, awaitable) : awaitable
      stop_then = proc { stop }
      future.add_done_callback(&stop_then)
      run_forever
      raise Libawait.exception_for(AW_ESTOPPED) unless future.done?

      future.result
    ensure
      future.remove_done_callback(stop_then) if future && stop_then && !closed?
    end

    # Cancels all remaining tasks and waits until they have ended.
    def cancel_all
      tasks = all_tasks
      return if tasks.empty?

      tasks.each(&:cancel)
      run_until_complete(Libawait.aw_gather(self, tasks, AW_GATHER_RETURN_ERRORS))
    end

    # Submits operations. Fails on a loop that has a scheduler, because the scheduler would receive the completions.
    def submit(operations)
      raise Libawait.exception_for(AW_EBUSY, 'the scheduler of this loop receives its completions') if Scheduler.of(self)

      super
    end

    # Returns [token, status, value] for each completion, which may be none; nil if nothing happened at all.
    def drain(max: 256, timeout: nil) = super(max, timeout ? Libawait.nanoseconds(timeout) : -1)
  end
end
