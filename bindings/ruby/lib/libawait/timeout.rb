# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  class << self
    # Awaits for at most the given seconds; then cancels, waits for the cancellation, and raises Timeout.
    def wait_for(awaitable, seconds)
      future = future_of(awaitable)
      coro = aw_wait_for_coro(future, nanoseconds(seconds))
      coro.keeps = future
      coro.reader = ->(value) { future.read(value) }
      await(coro)
    end

    # Runs the block for at most the given seconds; then cancels it where it awaits, and raises Timeout. Yields the scope.
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
