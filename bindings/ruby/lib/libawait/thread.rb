# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  # What runs in a loop, for other threads.
  class ConcurrentFuture
    # The value; blocks the thread (in a scheduler: the fiber alone is not enough, so use it in threads that have none). Thread#raise,
    # Thread#kill, Timeout.timeout and signals end the wait at once.
    # @raise [Pending] once `seconds` have passed
    def value(seconds = nil) = wait(seconds ? Libawait.nanoseconds(seconds) : -1)
  end

  class << self
    # The value of the block, which runs in a thread of its own; for what blocks outside Ruby's scheduler.
    def to_thread
      future = Loop.current.create_future
      loop = Loop.current
      Thread.new do
        outcome = begin
          value = yield
          -> { future.set_result(value) }
        rescue Exception => e # rubocop:disable Lint/RescueException -- it goes on in whoever awaits
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
