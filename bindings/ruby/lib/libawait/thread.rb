# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # The outcome of a task in a loop, for other threads.
  class ConcurrentFuture
    # Returns the value. Blocks the whole thread, even under a scheduler, so use it in threads without one. Thread#raise,
    # Thread#kill, Timeout.timeout and signals end the wait at once.
    # @raise [Pending] once `seconds` have passed
    def value(seconds = nil) = wait(seconds ? Libawait.nanoseconds(seconds) : -1)
  end

  class << self
    # Runs the block in a new thread and returns its value; for calls that block outside Ruby's scheduler.
    def to_thread
      future = Loop.current.create_future
      loop = Loop.current
      Thread.new do
        outcome = begin
          value = yield
          -> { future.set_result(value) }
        rescue Exception => e # rubocop:disable Lint/RescueException -- whoever awaits it raises it
          -> { future.set_error(failure_of(loop, e)) }
        end
        begin
          loop.call_soon_threadsafe { outcome.call unless future.done? }
        rescue Error
          nil # the loop has closed: nobody awaits it any more
        end
      end
      await(future)
    end
  end
end
