# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # The loop may be omitted where one runs, as may arguments with defaults: Queue.new, Semaphore.new(2).
  module OfLoop
    DEFAULTS = { 'Queue' => [0], 'Semaphore' => [1], 'Condition' => [nil] }.freeze
    private_constant :DEFAULTS

    # @param arguments those of the C function; the loop, the first one, may be omitted
    def new(*arguments, &block)
      arguments.unshift(Libawait::Loop.current) unless arguments.first.is_a?(Loop)
      arguments.concat(DEFAULTS.fetch(name.split('::').last, [])) if arguments.size == 1
      super(*arguments, &block)
    end
  end

  [Lock, Event, Condition, Semaphore, Barrier, Queue, TaskGroup].each { |owner| owner.extend(OfLoop) }

  # An object that is acquired and released.
  module Synchronized
    # Acquires, runs the block, and releases however the block ends.
    def synchronize
      acquire
      begin
        yield
      ensure
        release
      end
    end
  end

  # asyncio.Lock: a FIFO lock for tasks of one loop.
  class Lock
    include Synchronized
  end

  # asyncio.Semaphore. One made by new_bounded refuses to be released more often than acquired.
  class Semaphore
    include Synchronized
  end

  # asyncio.Condition.
  class Condition
    # Runs the block while holding the condition's lock.
    def synchronize(&) = lock.synchronize(&)

    # Waits until the block returns true. The caller must hold the lock.
    def wait_until
      wait until yield
    end
  end
end
