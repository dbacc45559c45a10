# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  class << self
    # Runs the block in a task of a new loop, and cancels what is left over. Meanwhile the thread has a Scheduler on this loop, unless it
    # has one of another kind already, so that plain Ruby in a task (sleep, IO, Mutex, Process.wait, Timeout) suspends the task alone.
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

    # Lets the others run for one iteration.
    def pass = await(nil)

    # A task of the loop that runs.
    def spawn(name: nil, eager: false, &block)
      task = fiber_spawn(loop_here, eager, &block)
      task.set_name(name) if name
      task
    end

    # @private
    # In a scheduled fiber, where no loop counts as running, its scheduler's loop; nil elsewhere: the one that runs.
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
