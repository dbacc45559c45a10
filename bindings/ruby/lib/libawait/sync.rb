# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # The loop need not be named where one runs, nor what has a default: Queue.new, Semaphore.new(2).
  module OfLoop
    DEFAULTS = { 'Queue' => [0], 'Semaphore' => [1], 'Condition' => [nil] }.freeze
    private_constant :DEFAULTS

    # @param arguments what the function of C takes; the loop, first, may be left out
    def new(*arguments, &block)
      arguments.unshift(Libawait::Loop.current) unless arguments.first.is_a?(Loop)
      arguments.concat(DEFAULTS.fetch(name.split('::').last, [])) if arguments.size == 1
      super(*arguments, &block)
    end
  end

  [Lock, Event, Condition, Semaphore, Barrier, Queue, TaskGroup].each { |owner| owner.extend(OfLoop) }

  # What is acquired and released.
  module Synchronized
    # Acquires, runs the block, and releases on every way out.
    def synchronize
      acquire
      begin
        yield
      ensure
        release
      end
    end
  end

  # asyncio.Lock: for tasks of one loop, first come first served.
  class Lock
    include Synchronized
  end

  # asyncio.Semaphore; new_bounded refuses one release too many.
  class Semaphore
    include Synchronized
  end

  # asyncio.Condition.
  class Condition
    # With the condition's lock: runs the block.
    def synchronize(&) = lock.synchronize(&)

    # With the lock: waits until the block answers true.
    def wait_until
      wait until yield
    end
  end
end
