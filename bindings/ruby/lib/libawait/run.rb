# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  class << self
    # Runs the block in a task of a new loop, then cancels the remaining tasks. Meanwhile the thread has a Scheduler on this loop, unless it
    # already has a different scheduler, so that plain Ruby in a task (sleep, IO, Mutex, Process.wait, Timeout) suspends only the task.
    def run(backend = nil, flags: AW_LOOP_DEFAULT, seed: 0, &block)
      raise exception_for(AW_ELOOPRUNNING) if fiber_kind

      loop = Loop.new(backend, flags: flags, seed: seed)
      scheduler = Fiber.set_scheduler(Scheduler.new(loop)) unless Fiber.scheduler
      begin
        loop.run_until_complete(loop.spawn { block.call(loop) })
      ensure
        finish(loop, scheduler)
      end
    end

    # Lets other tasks run for one iteration.
    def pass = await(nil)

    # Starts a task in the running loop.
    def spawn(name: nil, eager: false, &block)
      task = fiber_spawn(loop_here, eager, &block)
      task.set_name(name) if name
      task
    end

    # @private
    # In a scheduled fiber, where no loop counts as running, the scheduler's loop; elsewhere nil, which means the running loop.
    def loop_here = fiber_kind == :fiber ? Fiber.scheduler.loop : nil

    private

    def finish(loop, scheduler)
      loop.cancel_all
      scheduler&.cancel_all
    ensure
      begin
        Fiber.set_scheduler(nil) if scheduler && Fiber.scheduler.equal?(scheduler)
      ensure
        loop.close
      end
    end
  end
end
