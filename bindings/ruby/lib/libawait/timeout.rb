# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  class << self
    # Awaits for so many seconds at most; then cancels, waits for that, and raises Timeout.
    def wait_for(awaitable, seconds)
      future = future_of(awaitable)
      coro = aw_wait_for_coro(future, nanoseconds(seconds))
      coro.keeps = future
      coro.reader = ->(value) { future.read(value) }
      await(coro)
    end

    # Runs the block for so many seconds at most: then it is cancelled where it awaits, and Timeout is raised. Yields the scope.
    def timeout(seconds)
      scope = TimeoutScope.new(Loop.current, nanoseconds(seconds))
      scope.enter
      outcome = AW_EHOST
      begin
        value = yield(scope)
        outcome = AW_OK
      rescue Cancelled
        outcome = AW_ECANCELLED
        raise
      ensure
        raise Timeout, cause: nil if scope.exit(outcome) == AW_ETIMEOUT
      end
      value
    end
  end
end
