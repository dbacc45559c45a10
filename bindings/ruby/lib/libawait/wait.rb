# frozen_string_literal: true
# SPDX-License-Identifier: MIT

module Libawait
  class << self
    # Waits until enough futures are done. Returns [done, pending].
    def wait(awaitables, seconds: nil, return_when: AW_ALL_COMPLETED)
      futures = awaitables.map { |one| future_of(one) }
      await(aw_wait_coro(loop_here, futures, return_when, seconds ? nanoseconds(seconds) : FOREVER))
      futures.partition(&:done?)
    end

    # Yields each future as it completes.
    def as_completed(awaitables, seconds: nil)
      futures = awaitables.map { |one| future_of(one) }
      iterator = aw_as_completed_new(loop_here, futures, seconds ? nanoseconds(seconds) : FOREVER)
      futures.uniq.size.times do
        coro = iterator.next_coro
        coro.reader = ->(value) { futures.find { |one| one == value.future } }
        yield await(coro)
      end
    end
  end
end
